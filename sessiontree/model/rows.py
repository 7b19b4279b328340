"""The forest as the list of rows that a person sees, kept while it changes.

A row hangs below its parent row and one level deeper:

    PROJECT           only where several projects are shown
    └ SESSION         a root; unfolded, its own turns are below it in order
      └ TURN
        ├ ARM         turns of the same session that a rewind left behind; its turns below it
        ├ GROUP       the forks of one fan-out (of new sessions: it stands among the roots)
        └ SESSION     a fork that left after this turn

Three things make the list: `plan` has what hangs below each session, `folds` what of it is open,
`layout` puts the two together. While something is filtered by, `haystack` makes it instead.
Nothing is recursive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sessiontree.model.arms import END, TOP
from sessiontree.model.filter import asks_for_hidden, parted
from sessiontree.model.folds import Folds
from sessiontree.model.forest import ROOTS, Forest
from sessiontree.model.haystack import Haystack
from sessiontree.model.layout import Layout, without_folded
from sessiontree.model.order import Order, Scope
from sessiontree.model.overlay import ACTIVE, Status
from sessiontree.model.plan import LIVE, Key, Kind, Plans, Row

__all__ = ["LIVE", "Key", "Kind", "Row", "Rows"]


class Rows:
    """`list` is what is shown now; it is made anew, never changed."""

    def __init__(self, forest: Forest, scope: Scope | None = None) -> None:
        self.forest = forest
        self.list: list[Row] = []
        self.query = ""
        """What is filtered by, "" where nothing is."""
        self.order = Order(forest, scope)
        self._show_all = False
        self._plans = Plans(forest)
        self._folds = Folds()
        self._layout = Layout(forest, self.order, self._plans, self._folds)
        self._haystack = Haystack(forest)
        self._at: dict[str, int] | None = None  # session → index; made when it is asked for
        self._inside: dict[Key, Status] = {}
        self.looks: frozenset[str] = frozenset()
        """The sessions whose rows looked different at the last `sync`."""
        self._shapes_seen = forest.shapes.revision
        self._looks_seen = forest.looks.revision
        self._lay_out()

    def __len__(self) -> int:
        return len(self.list)

    # what is shown ---------------------------------------------------------------------------

    @property
    def scope(self) -> Scope | None:
        """What the families have to be in that are shown; None for all."""
        return self.order.scope

    @scope.setter
    def scope(self, scope: Scope | None) -> None:
        if scope != self.order.scope:
            self.order.scope = scope
            self.resort()

    @property
    def show_all(self) -> bool:
        """Whether sessions that were put away or discarded are shown as well."""
        return self._show_all

    @show_all.setter
    def show_all(self, show_all: bool) -> None:
        self._show_all = show_all
        self.widen(self.query)
        self._lay_out()

    def widen(self, query: str) -> None:
        """Look through what was put away as well, where a query asks for it."""
        show_all = self._show_all or asks_for_hidden(query)
        if show_all != self._plans.show_all:
            self._plans.show_all = show_all
            self._plans.forget_all()
            self._layout.forget_all()
            self._haystack.spoil()

    def filter(self, query: str) -> None:
        """Show what matches and what it hangs below; "" brings the former view back."""
        self.sync()
        self.widen(query)
        self.query = query if query.split() else ""
        self._folds.filtering = bool(self.query)
        if not self.query:
            self._folds.end_filter()
        self._lay_out()

    def warm_up(self) -> Iterator[None]:
        """Get ready to filter, a little at a time: otherwise the first letter waits for it."""
        if self._haystack.stale:
            yield from self._haystack.gather(self._layout.everything())

    def resort(self) -> None:
        """Put the families in order: the one that was at work last comes first."""
        self.sync()
        self.order.resort()
        self._layout.forget_tops()
        self._haystack.spoil()
        self._lay_out()

    def sync(self) -> bool:
        """Take in what changed in the forest; whether rows may have come, gone or moved."""
        self.forest.settle()
        looks = self.forest.looks.since(self._looks_seen)
        shapes = self.forest.shapes.since(self._shapes_seen)
        self._looks_seen = self.forest.looks.revision
        self._shapes_seen = self.forest.shapes.revision
        if ROOTS in shapes:
            self.order.follow()
            self._layout.forget_tops()
        self._plans.forget(shapes)
        self._layout.forget(shapes)
        self._haystack.heed(shapes, looks)
        self.looks = frozenset(looks)
        if shapes or (self.query and (self._haystack.stale or (looks and parted(self.query)[1]))):
            self._lay_out()
            return True
        if looks:
            self._look_inside()
        return False

    def _lay_out(self) -> None:
        if self.query:
            for _ in self.warm_up():
                pass
            self.list = self._haystack.search(self.query)
            if self._folds.any_in_filter:
                self.list = list(without_folded(self.list, self._folds.is_open))
        else:
            self.list = self._layout.rows()
        self._at = None
        self._look_inside()

    # folding ---------------------------------------------------------------------------------

    def is_open(self, row: Row) -> bool:
        return self._folds.is_open(row.key)

    def can_fold(self, row: Row) -> bool:
        """Whether there is anything below it that can be folded away."""
        if row.kind is not Kind.SESSION:
            return row.kind is not Kind.TURN
        if self.query:
            return self._haystack.has_below(row)
        return bool(self._plans.of(row).entries)

    def toggle(self, row: Row) -> None:
        """Fold or unfold."""
        self._flip([row.key])

    @property
    def unfolded(self) -> frozenset[str]:
        """The sessions whose turns are shown, while nothing is filtered."""
        return self._folds.unfolded

    def unfold(self, sessions: Iterable[str]) -> None:
        """Unfold the rows of these sessions, whether they are in view or not."""
        ids = list(sessions)
        self._folds.unfold(ids)
        self._layout.forget(ids)
        self._lay_out()

    def reveal(self, session: str, turn: str = "") -> int | None:
        """Unfold what is needed to show a session or a turn of its line, and return its index.
        None where it is not in view at all (unknown, another project, put away)."""
        self.sync()
        if session not in self.forest:
            return None
        owner = self.forest.owner(session, turn) if turn else None
        target = Key(Kind.TURN, owner, turn) if owner else Key(Kind.SESSION, session)
        if folded := [key for key in self._way(target) if not self._folds.is_open(key)]:
            self._flip(folded)
        return self.index(target)

    def _flip(self, keys: list[Key]) -> None:
        self._folds.flip(keys)
        self._layout.forget(key.session for key in keys)
        self._lay_out()

    def _way(self, key: Key) -> Iterator[Key]:
        """The keys of the rows above a session or a turn, the nearest first."""
        session = key.session
        if key.kind is Kind.TURN:
            yield from self._way_in_session(session, key.turn)
        while place := self.forest.place(session):
            if group := self.forest.group(session):
                yield Key(Kind.GROUP, place.host, group)
            session, turn = place
            if turn not in (TOP, END):
                yield Key(Kind.TURN, session, turn)
            yield from self._way_in_session(session, turn)
        project = self.order.project_of(session)
        if (group := self.forest.group(session)) and project is not None:
            yield Key(Kind.GROUP, project, group)
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

    @property
    def by_project(self) -> bool:
        """Whether there is a row for each project."""
        return self.order.by_project

    @property
    def hides_some(self) -> bool:
        """Whether sessions that were put away are not looked at now."""
        return bool(self.forest.put_away) and not self._plans.show_all

    @property
    def put_away(self) -> bool:
        """Whether there are families in scope and none of them is shown."""
        return bool(self.order.roots) and not self.list

    def index(self, key: Key) -> int | None:
        """Where a row is; None if it is not visible. Costs the rows of its session, and after a
        change once all rows."""
        if key.session not in self.forest:  # a project, or a fan-out of roots
            start, stop = 0, len(self.list)
        else:
            found = self._index_of(key.session)
            if found is None or key.kind is Kind.SESSION:
                return found
            start, stop = found + 1, self.end(found)
        for index in range(start, stop):
            row = self.list[index]
            if row.turn == key.turn and row.session == key.session and row.kind is key.kind:
                return index
        return None

    def _index_of(self, session: str) -> int | None:
        if self._at is None:
            turn, rows = Kind.TURN, enumerate(self.list)
            branches = [(index, row) for index, row in rows if row.kind is not turn]
            self._at = {row.session: at for at, row in branches if row.kind is Kind.SESSION}
        return self._at.get(session)

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

    def members(self, row: Row) -> list[str]:
        """The sessions below a GROUP."""
        host = next((above for above in row.above() if above.kind is Kind.SESSION), None)
        if host is None:
            return [top.session for top in self._layout.tops if top.parent is row]
        forks = (fork for _, fork in self._plans.of(host).entries if fork)
        return [fork.session for fork in forks if fork.parent is row]

    def is_hit(self, row: Row) -> bool:
        """Whether a row is here because it matches, and not for what is below it."""
        return not self.query or self._haystack.is_hit(row)

    def is_last(self, row: Row) -> bool:
        """Whether a fork or an arm is the last of those that left at one place."""
        if row.parent is None:
            return True
        if self.query:
            return self._haystack.is_last(row)
        host = next((above for above in row.above() if above.kind is Kind.SESSION), None)
        if host is None:
            return self._layout.last.get(row.parent, row) is row
        return self._plans.of(host).last.get(row.parent) is row

    def inside(self, row: Row) -> Status:
        """The most pressing status of the runs below a folded row."""
        return self._inside.get(row.key, Status.IDLE)

    def _look_inside(self) -> None:
        """Find the folded rows that hide a run."""
        self._inside.clear()
        for status in reversed(ACTIVE):
            for id in self.forest.active:
                if id not in self.forest or self.forest.status(id) is not status:
                    continue
                if self._index_of(id) is not None:
                    continue
                for key in self._way(Key(Kind.SESSION, id)):
                    self._inside[key] = status
                    if key.kind is Kind.SESSION and self._index_of(key.session) is not None:
                        break
