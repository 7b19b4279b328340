"""The forest as the list of rows that a person sees, kept while it changes.

A row hangs below its parent row and one level deeper:

    PROJECT           only where several projects are shown
    └ SESSION         a root; unfolded, its own turns are below it in order
      └ TURN
        ├ ARM         turns of the same session that a rewind left behind; its turns below it
        ├ GROUP       the forks of one fan-out
        └ SESSION     a fork that left after this turn

The rows below each session are planned once and kept; what a change costs is the plan of the
session that it touches and then laying all plans out again, a microsecond for each unfolded
session. Nothing is recursive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf

from sessiontree.model.arms import END, TOP
from sessiontree.model.forest import ROOTS, Forest
from sessiontree.model.haystack import Haystack
from sessiontree.model.order import Order
from sessiontree.model.overlay import ACTIVE, Status
from sessiontree.model.plan import LIVE, Entry, Key, Kind, Plan, Plans, Row

__all__ = ["LIVE", "Key", "Kind", "Row", "Rows"]


class Rows:
    """`list` is what is shown; `at` says where in it the row of a session is."""

    def __init__(self, forest: Forest, scope: str = "") -> None:
        self.forest = forest
        self.list: list[Row] = []
        self.at: dict[str, int] = {}
        self.order = Order(forest, scope)
        self._plans = Plans(forest)
        self._top_rows: dict[Key, Row] = {}
        self._tops: list[tuple[Row | None, list[Entry]]] | None = None  # project, its roots
        self._unfolded: set[str] = set()  # sessions
        self._flipped: set[Key] = set()  # other rows, against what they are by default
        self._folded_in_filter: set[Key] = set()
        self.query = ""
        """What is filtered by, "" where nothing is."""
        self._haystack = Haystack(forest)
        self._hits: set[Row] = set()
        self._last_found: dict[Row, Row] = {}
        self._inside: dict[Key, Status] = {}
        self._shapes_seen = forest.shapes.revision
        self._looks_seen = forest.looks.revision
        self._lay_out()

    def __len__(self) -> int:
        return len(self.list)

    # what is shown ---------------------------------------------------------------------------

    @property
    def scope(self) -> str:
        """A folder (or its name under `projects`) whose families alone are shown; "" for all."""
        return self.order.scope

    @scope.setter
    def scope(self, scope: str) -> None:
        self.order.scope = scope
        self.resort()

    @property
    def show_all(self) -> bool:
        """Whether sessions that were put away or discarded are shown as well."""
        return self._plans.show_all

    @show_all.setter
    def show_all(self, show_all: bool) -> None:
        self._plans.show_all = show_all
        self._plans.forget_all()
        self._tops_changed()
        self._lay_out()

    def filter(self, query: str) -> None:
        """Show what matches and what it hangs below; "" brings the former view back."""
        self.sync()
        self.query = query if query.split() else ""
        if not self.query:
            self._folded_in_filter.clear()
        self._lay_out()

    def warm_up(self) -> Iterator[None]:
        """Get ready to filter, a little at a time: otherwise the first letter waits for it."""
        if self._haystack.stale:
            yield from self._haystack.gather(self._walk(lambda _: True, everything=True))

    def resort(self) -> None:
        """Put the families in order: the one that was at work last comes first."""
        self.sync()
        self.order.resort()
        self._tops_changed()
        self._lay_out()

    def _tops_changed(self) -> None:
        self._tops = None
        self._haystack.spoil()

    def sync(self) -> bool:
        """Take in what changed in the forest; whether rows came, went or moved."""
        self.forest.settle()
        looks = self.forest.looks.since(self._looks_seen)
        shapes = self.forest.shapes.since(self._shapes_seen)
        self._looks_seen = self.forest.looks.revision
        self._shapes_seen = self.forest.shapes.revision
        if ROOTS in shapes:
            self.order.follow()
            self._tops_changed()
        self._plans.forget(shapes)
        self._haystack.heed(shapes, looks)
        if shapes or (self.query and self._haystack.stale):
            self._lay_out()
            return True
        if looks:
            self._look_inside()
        return False

    # folding ---------------------------------------------------------------------------------

    def is_open(self, row: Row) -> bool:
        return self._is_open(row.key)

    def _is_open(self, key: Key) -> bool:
        if key.kind is Kind.TURN:
            return True
        if self.query:
            return key not in self._folded_in_filter
        if key.kind is Kind.SESSION:
            return key.session in self._unfolded
        return (key.kind is Kind.GROUP) != (key in self._flipped)

    def can_fold(self, row: Row) -> bool:
        """Whether there is anything below it that can be folded away."""
        if row.kind is not Kind.SESSION:
            return row.kind is not Kind.TURN
        if self.query:
            index = self.at.get(row.session, len(self.list))
            return not self.is_open(row) or self.end(index) > index + 1
        return bool(self._plans.of(row).entries)

    def toggle(self, row: Row) -> None:
        """Fold or unfold."""
        self._flip([row.key])
        self._lay_out()

    def _flip(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if self.query:
                self._folded_in_filter ^= {key}
            elif key.kind is Kind.SESSION:
                self._unfolded ^= {key.session}
            else:
                self._flipped ^= {key}

    def reveal(self, session: str, turn: str = "") -> int | None:
        """Unfold what is needed to show a session or a turn of its line, and return its index.
        None where it is not in view at all (unknown, another project, put away)."""
        self.sync()
        if session not in self.forest:
            return None
        owner = self.forest.owner(session, turn) if turn else None
        target = Key(Kind.TURN, owner, turn) if owner else Key(Kind.SESSION, session)
        if folded := [key for key in self._way(target) if not self._is_open(key)]:
            self._flip(folded)
            self._lay_out()
        return self.index(target)

    def _way(self, key: Key) -> Iterator[Key]:
        """The keys of the rows above a session or a turn, the nearest first."""
        session = key.session
        if key.kind is Kind.TURN:
            yield from self._way_in_session(session, key.turn)
        while place := self.forest.place(session):
            if group := self.forest.overlaid(session).group:
                yield Key(Kind.GROUP, place.host, group)
            session, turn = place
            if turn not in (TOP, END):
                yield Key(Kind.TURN, session, turn)
            yield from self._way_in_session(session, turn)
        project = self.order.project_of(session)
        if self.by_project and project is not None:
            yield Key(Kind.PROJECT, project)

    def _way_in_session(self, session: str, turn: str) -> Iterator[Key]:
        own = self.forest.arms(session)
        while first := own.arm.get(turn):
            yield Key(Kind.ARM, session, first)
            turn = own.left(first)
            if turn != TOP:
                yield Key(Kind.TURN, session, turn)
        yield Key(Kind.SESSION, session)

    # looking things up -----------------------------------------------------------------------

    def index(self, key: Key) -> int | None:
        """Where a row is; None if it is not visible. A turn's costs the rows of its session."""
        if key.kind is Kind.PROJECT:
            start, stop = 0, len(self.list)
        else:
            found = self.at.get(key.session)
            if found is None or key.kind is Kind.SESSION:
                return found
            start, stop = found + 1, self.end(found)
        for index in range(start, stop):
            row = self.list[index]
            if row.turn == key.turn and row.session == key.session and row.kind is key.kind:
                return index
        return None

    def end(self, index: int) -> int:
        """The index behind the last row below the one at `index`."""
        depth = self.list[index].depth
        for at in range(index + 1, len(self.list)):
            if self.list[at].depth <= depth:
                return at
        return len(self.list)

    def stand_in(self, row: Row, near: int) -> int:
        """Where the cursor goes when its row may have gone: the row itself, the turn that a
        running one became, a row above, or what is at its place now. 0 in an empty list."""
        if near < len(self.list) and self.list[near] is row:
            return near
        if (index := self.index(row.key)) is not None:
            return index
        if row.kind is Kind.TURN and row.turn == LIVE:
            line = self.forest.arms(row.session).line
            if line and (index := self.index(Key(Kind.TURN, row.session, line[-1].id))) is not None:
                return index
        for above in row.above():
            if (index := self.index(above.key)) is not None:
                return index
        return max(0, min(near, len(self.list) - 1))

    @property
    def by_project(self) -> bool:
        """Whether there is a row for each project."""
        return len(self.order.roots) > 1

    @property
    def put_away(self) -> bool:
        """Whether there are families in scope and none of them is shown."""
        return bool(self.order.roots) and not self.list

    def members(self, row: Row) -> list[str]:
        """The forks below a GROUP."""
        host = next(above for above in row.above() if above.kind is Kind.SESSION)
        return [
            fork.session for _, fork in self._plans.of(host).entries if fork and fork.parent is row
        ]

    def is_hit(self, row: Row) -> bool:
        """Whether a row is here because it matches, and not for what is below it."""
        return not self.query or row in self._hits

    def is_last(self, row: Row) -> bool:
        """Whether a fork or an arm is the last of those that left at one place."""
        if row.parent is None:
            return True
        if self.query:
            return self._last_found.get(row.parent) is row
        host = next((above for above in row.above() if above.kind is Kind.SESSION), None)
        return host is None or self._plans.of(host).last.get(row.parent) is row

    def inside(self, row: Row) -> Status:
        """The most pressing status of the runs below a folded row."""
        return self._inside.get(row.key, Status.IDLE)

    def _look_inside(self) -> None:
        """Find the folded rows that hide a run."""
        self._inside.clear()
        for status in reversed(ACTIVE):
            for id in self.forest.active:
                if id in self.at or id not in self.forest or self.forest.status(id) is not status:
                    continue
                for key in self._way(Key(Kind.SESSION, id)):
                    self._inside[key] = status
                    if key.kind is Kind.SESSION and key.session in self.at:
                        break

    # laying out ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Make the list anew."""
        if self.query:
            self._lay_out_found()
        else:
            self._lay_out_unfolded()
        self._look_inside()

    def _lay_out_unfolded(self) -> None:
        rows: list[Row] = []
        at: dict[str, int] = {}
        unfolded = self._unfolded
        for some, session in self._walk(lambda row: row.session in unfolded):
            rows += some
            if session is not None:
                at[session.session] = len(rows)
                rows.append(session)
        self.list, self.at = rows, at

    def _lay_out_found(self) -> None:
        for _ in self.warm_up():
            pass
        self._hits = set(self._haystack.find(self.query))
        found, above = set(self._hits), self._hits
        while above := {row.parent for row in above if row.parent is not None} - found:
            found |= above
        rows = [row for row in self._haystack.rows if row in found]
        if self._folded_in_filter:
            rows = list(self._without_folded(rows))
        turn = Kind.TURN
        others = [(index, row) for index, row in enumerate(rows) if row.kind is not turn]
        self.list = rows
        self.at = {row.session: index for index, row in others if row.kind is Kind.SESSION}
        self._last_found = {row.parent: row for _, row in others if row.parent is not None}

    def _walk(self, is_open: Callable[[Row], bool], everything: bool = False) -> Iterator[Entry]:
        """The entries of all plans in the order shown, below sessions that are open."""
        stack = [iter(self._top_entries(everything))]
        while stack:
            for entry in stack[-1]:
                yield entry
                if (session := entry[1]) is not None and is_open(session):
                    plan = self._plans.of(session)
                    folds = plan.foldable and not everything
                    stack.append(self._unfolded_entries(plan) if folds else iter(plan.entries))
                    break
            else:
                stack.pop()

    def _unfolded_entries(self, plan: Plan) -> Iterator[Entry]:
        """A plan without what is below a folded arm or group."""
        deepest = inf
        for rows, fork in plan.entries:
            seen = []
            for row in rows:
                if row.depth <= deepest:
                    deepest = inf if self.is_open(row) else row.depth
                    seen.append(row)
            if fork is not None and fork.depth <= deepest:
                deepest = inf
                yield seen, fork
            else:
                yield seen, None

    def _without_folded(self, rows: Iterable[Row]) -> Iterator[Row]:
        deepest = inf
        for row in rows:
            if row.depth <= deepest:
                deepest = inf if self.is_open(row) else row.depth
                yield row

    def _top_entries(self, everything: bool) -> Iterator[Entry]:
        """The rows of the projects, where there are several, and of the roots."""
        if self._tops is None:
            self._tops = self._make_tops()
        for project, roots in self._tops:
            if project is not None:
                yield [project], None
            if project is None or everything or self.is_open(project):
                yield from roots

    def _make_tops(self) -> list[tuple[Row | None, list[Entry]]]:
        tops: list[tuple[Row | None, list[Entry]]] = []
        kept, self._top_rows = self._top_rows, {}
        for name, roots in self.order.roots.items():
            visible = [root for root in roots if self._plans.is_visible(root)]
            project = self._top(kept, Kind.PROJECT, name, None) if self.by_project else None
            entries: list[Entry] = [
                ([], self._top(kept, Kind.SESSION, root, project)) for root in visible
            ]
            if entries:
                tops.append((project, entries))
        return tops

    def _top(self, kept: dict[Key, Row], kind: Kind, name: str, parent: Row | None) -> Row:
        key = Key(kind, name)
        row = kept.get(key)
        if row is None or row.parent is not parent:
            row = Row(kind, name, "", 0 if parent is None else 1, parent)
        self._top_rows[key] = row
        return row
