"""The rows of all plans one after the other, as far as they are unfolded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from math import inf

from sessiontree.model.folds import Folds
from sessiontree.model.forest import Forest
from sessiontree.model.order import Order
from sessiontree.model.plan import Entry, Key, Kind, Plan, Plans, Row

SPLICED = 8
"""Families that change at once for which their rows alone are replaced in the list."""


class Layout:
    """The rows of a family are kept until something in it changes: laying out costs a microsecond
    for each unfolded session of the families that changed, and a copy of the list, 10 ns a row.
    Where roots or projects came, went or moved it costs 3 µs for each root."""

    def __init__(self, forest: Forest, order: Order, plans: Plans, folds: Folds) -> None:
        self._forest = forest
        self._order = order
        self._plans = plans
        self._folds = folds
        self._tops: list[Row] | None = None  # the rows of projects and roots, in order
        self._top_by_key: dict[Key, Row] = {}
        self._families: dict[str, list[Row]] = {}  # root → its rows, as far as they are in the list
        self._changed: set[str] = set()  # roots
        self._list: list[Row] | None = None
        self.last: dict[Row, Row] = {}
        """The row of a fan-out of roots → that of its last."""

    def forget(self, sessions: Iterable[str]) -> None:
        """Something below these sessions changed, or was folded or unfolded."""
        for id in sessions:
            if id in self._forest:
                self._changed.add(self._forest.root(id))
            else:  # a project, a fan-out of roots, or a session that is no longer there
                self._list = None

    def forget_tops(self) -> None:
        """Roots or projects came, went or moved."""
        self._tops = self._list = None

    def forget_all(self) -> None:
        self.forget_tops()
        self._families.clear()

    def rows(self) -> list[Row]:
        """A list that nobody changes any more."""
        if self._list is None or len(self._changed) > SPLICED:
            for root in self._changed:
                self._families.pop(root, None)
            self._list = self._joined()
        else:
            for root in self._changed & self._families.keys():
                self._list = self._with_family_anew(self._list, root)
        self._changed.clear()
        return self._list

    def _with_family_anew(self, rows: list[Row], root: str) -> list[Row]:
        before = self._families[root]
        now = self._families[root] = list(chain.from_iterable(self._family(before[0])))
        start = rows.index(before[0])  # rows are compared by identity, at C speed
        return [*rows[:start], *now, *rows[start + len(before) :]]

    def _joined(self) -> list[Row]:
        """All that is shown, from the rows of the families that are kept."""
        rows: list[Row] = []
        kept, self._families = self._families, {}
        deepest = inf
        for top in self.tops:
            if top.depth > deepest:
                continue
            deepest = inf
            if top.kind is not Kind.SESSION:
                deepest = inf if self._folds.is_open(top.key) else top.depth
                rows.append(top)
            else:
                family = kept.get(top.session)
                if family is None or family[0] is not top:
                    family = list(chain.from_iterable(self._family(top)))
                self._families[top.session] = family
                rows += family
        return rows

    def everything(self) -> Iterator[list[Row]]:
        """All rows in order, a few at a time, as if all were unfolded."""
        for top in self.tops:
            if top.kind is not Kind.SESSION:
                yield [top]
            else:
                yield from self._family(top, everything=True)

    def _family(self, root: Row, everything: bool = False) -> Iterator[list[Row]]:
        """The rows of a family, depth first with a stack."""
        unfolded = self._folds.is_unfolded
        stack: list[Iterator[Entry]] = [iter([([root], root)])]
        while stack:
            for rows, fork in stack[-1]:
                yield rows
                if fork is not None and (everything or unfolded(fork.session)):
                    plan = self._plans.of(fork)
                    folds = plan.foldable and not everything
                    stack.append(self._opened(plan) if folds else iter(plan.entries))
                    break
            else:
                stack.pop()

    def _opened(self, plan: Plan) -> Iterator[Entry]:
        """A plan without what is below a folded arm or fan-out."""
        all_rows = chain.from_iterable(rows for rows, _ in plan.entries)
        shown = set(without_folded(all_rows, self._is_open_in_plan))
        for rows, fork in plan.entries:
            yield [row for row in rows if row in shown], fork if fork in shown else None

    def _is_open_in_plan(self, key: Key) -> bool:
        return key.kind is Kind.SESSION or self._folds.is_open(key)

    @property
    def tops(self) -> list[Row]:
        """The rows of the projects, where there are several, each before those of its roots. The
        roots of one fan-out stand together, where the first of them does."""
        if self._tops is None:
            kept, self._top_by_key = self._top_by_key, {}
            self.last.clear()
            for name, roots in self._order.roots.items():
                visible = [root for root in roots if self._plans.is_visible(root)]
                project = None
                if self._order.by_project and visible:
                    project = self._top(kept, Key(Kind.PROJECT, name), None)
                self._put_roots(kept, name, visible, project)
            self._tops = list(self._top_by_key.values())
        return self._tops

    def _put_roots(
        self, kept: dict[Key, Row], name: str, roots: list[str], project: Row | None
    ) -> None:
        groups: dict[str, list[str]] = {}
        for root in roots:
            if group := self._forest.group(root):
                groups.setdefault(group, []).append(root)
        for root in roots:
            if not (group := self._forest.group(root)):
                self._top(kept, Key(Kind.SESSION, root), project)
            elif members := groups.pop(group, None):
                row = self._top(kept, Key(Kind.GROUP, name, group), project)
                for member in sorted(members):  # as they were asked for
                    self.last[row] = self._top(kept, Key(Kind.SESSION, member), row)

    def _top(self, kept: dict[Key, Row], key: Key, parent: Row | None) -> Row:
        """The row that there was, if it hangs where it did."""
        row = kept.get(key)
        if row is None or row.parent is not parent:
            row = Row(*key, depth=0 if parent is None else parent.depth + 1, parent=parent)
        self._top_by_key[key] = row
        return row


def without_folded(rows: Iterable[Row], is_open: Callable[[Key], bool]) -> Iterator[Row]:
    """`rows` without those below one that is not open."""
    deepest = inf
    for row in rows:
        if row.depth <= deepest:
            deepest = inf if is_open(row.key) else row.depth
            yield row
