"""The forest as the list of rows that a person sees, kept while it changes.

A row hangs below its parent row and one level deeper:

    PROJECT           only where several projects are shown
    └ SESSION         a root; unfolded, its own turns are below it in order
      └ TURN
        ├ ARM         turns of the same session that a rewind left behind; its turns below it
        ├ SESSION     a fork that left after this turn
        └ GROUP       the forks of one fan-out

Changes splice the list: they cost the rows they touch and a scan of the list at C speed or near
it (50,000 rows: a few ms). Nothing is recursive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sessiontree.model.arms import TOP
from sessiontree.model.filter import Filter
from sessiontree.model.forest import ROOTS, Forest
from sessiontree.model.overlay import ACTIVE, Status
from sessiontree.model.session import Turn

LIVE = ""
"""Stands for the id of a turn that runs and is not in the transcript yet."""


class Kind(StrEnum):
    PROJECT = "project"
    SESSION = "session"
    TURN = "turn"
    ARM = "arm"
    GROUP = "group"


class Key(NamedTuple):
    """Names a row whatever becomes of the forest. `session` is a project's folder for PROJECT
    and the host for GROUP; `turn` the first turn of an ARM and the id of a GROUP."""

    kind: Kind
    session: str
    turn: str = ""


@dataclass(slots=True, eq=False)
class Row:
    """Never changed once made (and not `frozen`, which takes three times as long to make)."""

    kind: Kind
    session: str
    turn: str
    depth: int
    parent: Row | None

    @property
    def key(self) -> Key:
        return Key(self.kind, self.session, self.turn)

    def above(self) -> Iterator[Row]:
        """The rows that it hangs below, the nearest first."""
        row = self.parent
        while row is not None:
            yield row
            row = row.parent


_NO_SEGMENTS: Mapping[Key, list[Row]] = {}


class Rows:
    """`scope` is a folder (or its name under `projects`) whose families alone are shown; "" shows
    all of them, below a row for each project where there are several.

    Families keep their order, whatever happens in them, until `resort`; a new one comes where its
    last activity puts it."""

    def __init__(self, forest: Forest, scope: str = "") -> None:
        self.forest = forest
        self.list: list[Row] = []
        self.query = ""
        self._scope = scope
        self._show_all = False
        self._flipped: set[Key] = set()  # folded or unfolded by hand, against the default
        self._flipped_in_filter: set[Key] = set()
        self._filter: Filter | None = None
        self._kept: dict[str, set[str]] | None = None
        self._roots: dict[str, list[str]] = {}  # project → its roots, in the order shown
        self._project_of: dict[str, str | None] = {}  # None: out of scope
        self._shown: dict[str, Row] = {}  # session → its row
        self._last: dict[Key, Key] = {}  # row → the last of the forks and arms below it
        self._inside: dict[Key, Status] = {}
        self._shapes_seen = 0
        self._looks_seen = 0
        self.resort()

    def __len__(self) -> int:
        return len(self.list)

    # what is shown ---------------------------------------------------------------------------

    @property
    def scope(self) -> str:
        return self._scope

    @scope.setter
    def scope(self, scope: str) -> None:
        self._scope = scope
        self.resort()

    @property
    def show_all(self) -> bool:
        """Whether sessions that were put away or discarded are shown as well."""
        return self._show_all

    @show_all.setter
    def show_all(self, show_all: bool) -> None:
        self.sync()
        self._show_all = show_all
        self._rebuild()

    def filter(self, query: str) -> None:
        """Show what matches and what it hangs below; "" brings the former view back."""
        self.sync()
        if query.split():
            self.query = query
            self._filter = self._filter or Filter(self.forest)
            self._filter.search(query)
        else:
            self.query, self._filter = "", None
            self._flipped_in_filter.clear()
        self._rebuild()

    def resort(self) -> None:
        """Put the families in order: the one that was at work last comes first."""
        self.sync()
        self._roots.clear()
        self._project_of.clear()
        for root in self.forest.roots():
            self._add_root(root)
        self._rebuild()

    def sync(self) -> bool:
        """Take in what changed in the forest; whether rows came, went or moved."""
        self.forest.settle()
        looks = self.forest.looks.since(self._looks_seen)
        shapes = self.forest.shapes.since(self._shapes_seen)
        self._looks_seen = self.forest.looks.revision
        self._shapes_seen = self.forest.shapes.revision
        if ROOTS in shapes:
            self._follow_roots()
        if self._filter is not None and (looks or shapes):
            self._filter.renew(id for id in (*looks, *shapes) if id != ROOTS)
            self._filter.search(self.query)
            self._rebuild()
            return True
        if len(shapes) > 100 and len(shapes) > len(self.list) // 100:
            self._rebuild()
            return True
        if ROOTS in shapes:
            self._splice(0, len(self.list), self._tops(), self._segments(0, len(self.list)))
        for id in shapes:
            if id in self._shown:
                self._renew(self._shown[id])
        if looks or shapes:
            self._look_inside()
        return bool(shapes)

    # folding ---------------------------------------------------------------------------------

    def is_open(self, row: Row) -> bool:
        return self._is_open(row.key)

    def _is_open(self, key: Key) -> bool:
        if self._filter is not None:
            return key not in self._flipped_in_filter
        return (key.kind in (Kind.TURN, Kind.GROUP)) != (key in self._flipped)

    def can_fold(self, row: Row) -> bool:
        """Whether there is anything below it."""
        return bool(self._below(row))

    def toggle(self, index: int) -> None:
        """Fold or unfold the row at `index`."""
        row = self.list[index]
        self._flip([row.key])
        self._renew(row, index)
        self._look_inside()

    def reveal(self, session: str, turn: str = "") -> int | None:
        """Unfold what is needed to show a session or a turn of its line, and return its index.
        None where it is not in view at all (unknown, another project, put away)."""
        self.sync()
        if session not in self.forest:
            return None
        target = Key(Kind.SESSION, session)
        if turn:
            owner = self.forest.owner(session, turn)
            target = Key(Kind.TURN, owner, turn) if owner else target
        folded = [key for key in self._way(target) if not self._is_open(key)]
        if folded:
            index = self.index(folded[-1])
            if index is None:
                return None
            self._flip(folded)
            self._renew(self.list[index], index)
            self._look_inside()
        return self.index(target)

    def _flip(self, keys: Iterable[Key]) -> None:
        flipped = self._flipped if self._filter is None else self._flipped_in_filter
        flipped.symmetric_difference_update(keys)

    def _way(self, key: Key) -> Iterator[Key]:
        """The keys of the rows above a session or a turn, the nearest first."""
        session = key.session
        if key.kind is Kind.TURN:
            yield from self._way_in_session(session, key.turn)
        while place := self.forest.place(session):
            group = self.forest.overlaid(session).group
            if group:
                yield Key(Kind.GROUP, place.host, group)
            session = place.host
            if place.turn != TOP:
                yield Key(Kind.TURN, session, place.turn)
            yield from self._way_in_session(session, place.turn)
        project = self._project_of.get(session)
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

    def index(self, key: Key, near: int = 0) -> int | None:
        """Where a row is now; None if it is not visible. `near` is tried first."""
        if near < len(self.list) and self.list[near].key == key:
            return near
        start, stop = 0, len(self.list)
        if key.kind in (Kind.SESSION, Kind.TURN, Kind.ARM, Kind.GROUP):
            row = self._shown.get(key.session)
            if row is None:
                return None
            start = self.list.index(row)
            if key.kind is Kind.SESSION:
                return start
            stop = self._end(start)
        for index in range(start, stop):
            row = self.list[index]
            if row.turn == key.turn and row.session == key.session and row.kind is key.kind:
                return index
        return None

    def stand_in(self, row: Row, near: int) -> int:
        """Where the cursor goes when its row may have gone: the row itself, the turn that a
        running one became, a row above, or what is at its place now. 0 in an empty list."""
        if (index := self.index(row.key, near)) is not None:
            return index
        if row.kind is Kind.TURN and row.turn == LIVE:
            line = self.forest.arms(row.session).line
            if line and (index := self.index(Key(Kind.TURN, row.session, line[-1].id))) is not None:
                return index
        for above in row.above():
            if (index := self.index(above.key)) is not None:
                return index
        return max(0, min(near, len(self.list) - 1))

    def is_last(self, row: Row) -> bool:
        """Whether a fork or an arm is the last of those that left at one place."""
        return row.parent is None or self._last.get(row.parent.key) == row.key

    @property
    def put_away(self) -> bool:
        """Whether there are families in scope and none of them is shown."""
        return bool(self._roots) and not self.list

    @property
    def by_project(self) -> bool:
        """Whether there is a row for each project."""
        return len(self._roots) > 1

    def roots_of(self, project: str) -> list[str]:
        return self._roots[project]

    def members(self, row: Row) -> list[str]:
        """The forks below a GROUP."""
        return [fork.session for fork in self._grouped(row)]

    def is_hit(self, row: Row) -> bool:
        """Whether a row is here because it matches, and not for what is below it."""
        if self._filter is None:
            return True
        hits = self._filter.hits.get(row.session)
        if row.kind is Kind.SESSION:
            return row.session in self._filter.named
        return row.kind is Kind.TURN and hits is not None and row.turn in hits

    def inside(self, row: Row) -> Status:
        """The most pressing status of the runs below a folded row."""
        return self._inside.get(row.key, Status.IDLE)

    def _look_inside(self) -> None:
        """Find the folded rows that hide a run."""
        self._inside.clear()
        for status in reversed(ACTIVE):
            for id in self.forest.active:
                if self.forest.status(id) is not status or id in self._shown:
                    continue
                for key in self._way(Key(Kind.SESSION, id)):
                    self._inside[key] = status
                    if key.kind is Kind.SESSION and key.session in self._shown:
                        break

    # making rows -----------------------------------------------------------------------------

    def _rebuild(self) -> None:
        self._kept = None if self._filter is None else self._keep(self._filter.hits)
        self._shown.clear()
        self._last.clear()
        self.list.clear()
        self._splice(0, 0, self._tops())
        self._look_inside()

    def _renew(self, row: Row, near: int = 0) -> None:
        """Make the rows below a row anew; the forks among them keep theirs."""
        start = near if self.list[near] is row else self.list.index(row)
        stop = self._end(start)
        segments = self._segments(start + 1, stop)
        self._splice(start + 1, stop, self._open_below(row), segments)

    def _splice(
        self,
        start: int,
        stop: int,
        rows: list[Row],
        segments: Mapping[Key, list[Row]] = _NO_SEGMENTS,
    ) -> None:
        """Replace a part of the list by `rows` and what is open below them."""
        new = self._generate(rows, segments)
        shown = self._shown
        for row in self.list[start:stop]:
            if row.kind is Kind.SESSION and shown.get(row.session) is row:
                del shown[row.session]
        for row in new:
            if row.kind is Kind.SESSION:
                shown[row.session] = row
        self.list[start:stop] = new

    def _generate(self, rows: list[Row], segments: Mapping[Key, list[Row]]) -> list[Row]:
        out: list[Row] = []
        stack = [iter(rows)]
        while stack:
            for row in stack[-1]:
                segment = segments.get(row.key) if segments else None
                if segment and _same_place(segment[0], row):
                    out += segment
                    continue
                out.append(row)
                if below := self._open_below(row):
                    stack.append(iter(below))
                    break
            else:
                stack.pop()
        return out

    def _segments(self, start: int, stop: int) -> dict[Key, list[Row]]:
        """The rows of the topmost sessions in a part of the list, each with all below it."""
        segments = {}
        while start < stop:
            row = self.list[start]
            end = self._end(start) if row.kind is Kind.SESSION else start + 1
            if row.kind is Kind.SESSION:
                segments[row.key] = self.list[start:end]
            start = end
        return segments

    def _end(self, index: int) -> int:
        """The index behind the last row below the one at `index`."""
        rows = self.list
        depth = rows[index].depth
        for at in range(index + 1, len(rows)):
            if rows[at].depth <= depth:
                return at
        return len(rows)

    def _tops(self) -> list[Row]:
        if self.by_project:
            projects = [Row(Kind.PROJECT, project, "", 0, None) for project in self._roots]
            return [row for row in projects if self._below(row)]
        return [
            Row(Kind.SESSION, root, "", 0, None)
            for roots in self._roots.values()
            for root in roots
            if self._in_view(root)
        ]

    def _open_below(self, row: Row) -> list[Row]:
        if row.kind is Kind.TURN and not self._is_branched(row):
            return []  # most rows: quickly
        return self._below(row) if self._is_open(row.key) else []

    def _is_branched(self, row: Row) -> bool:
        return (
            row.turn in self.forest.hosted(row.session)
            or row.turn in self.forest.arms(row.session).at
        )

    def _below(self, row: Row) -> list[Row]:
        match row.kind:
            case Kind.PROJECT:
                return self._sessions(row, self._roots[row.session])
            case Kind.SESSION:
                return self._leaving(row, TOP) + self._line(row)
            case Kind.ARM:
                own = self.forest.arms(row.session)
                return self._turns(row, own.lines[row.turn])
            case Kind.TURN:
                return self._leaving(row, row.turn) if row.turn != LIVE else []
            case Kind.GROUP:
                return self._grouped(row)

    def _line(self, row: Row) -> list[Row]:
        rows = self._turns(row, self.forest.arms(row.session).line)
        if self.forest.under_way(row.session) and self._kept is None:
            rows.append(Row(Kind.TURN, row.session, LIVE, row.depth + 1, row))
        return rows

    def _turns(self, row: Row, turns: Iterable[Turn]) -> list[Row]:
        session, depth = row.session, row.depth + 1
        if self._kept is None:
            return [Row(Kind.TURN, session, turn.id, depth, row) for turn in turns]
        kept = self._kept.get(session, ())
        return [Row(Kind.TURN, session, turn.id, depth, row) for turn in turns if turn.id in kept]

    def _leaving(self, row: Row, turn: str) -> list[Row]:
        """The arms and then the forks that left at one place, each the oldest first."""
        session, depth = row.session, row.depth + 1
        kept = None if self._kept is None else self._kept.get(session, ())
        rows = [
            Row(Kind.ARM, session, first, depth, row)
            for first in self.forest.arms(session).at.get(turn, ())
            if kept is None or first in kept
        ]
        forks = self._sessions(row, self.forest.children(session, turn))
        groups = dict.fromkeys(group for fork in forks if (group := self._group(fork)))
        rows += [Row(Kind.GROUP, session, group, depth, row) for group in groups]
        rows += [fork for fork in forks if not self._group(fork)]
        if rows:
            self._last[row.key] = rows[-1].key
        return rows

    def _grouped(self, row: Row) -> list[Row]:
        """The forks of a fan-out."""
        at = row.parent.turn if row.parent and row.parent.kind is Kind.TURN else TOP
        forks = self._sessions(row, self.forest.children(row.session, at))
        members = [fork for fork in forks if self._group(fork) == row.turn]
        if members:
            self._last[row.key] = members[-1].key
        return members

    def _group(self, row: Row) -> str:
        return self.forest.overlaid(row.session).group

    def _sessions(self, row: Row, ids: Iterable[str]) -> list[Row]:
        return [Row(Kind.SESSION, id, "", row.depth + 1, row) for id in ids if self._in_view(id)]

    def _in_view(self, id: str) -> bool:
        if self._kept is not None and id not in self._kept:
            return False
        return self._show_all or not self.forest.overlaid(id).put_away

    def _keep(self, hits: Mapping[str, set[str]]) -> dict[str, set[str]]:
        """Session → turns to show of it: those that match and all that they hang below."""
        kept = {id: set(turns) for id, turns in hits.items()}
        for id, turns in hits.items():
            own = self.forest.arms(id)
            if own.arm:
                for turn in turns:
                    kept[id].update(key.turn for key in self._way_in_session(id, turn) if key.turn)
            while place := self.forest.place(id):
                id, turn = place
                if id in kept and (turn == TOP or turn in kept[id]):
                    break
                way = self._way_in_session(id, turn)
                kept.setdefault(id, set()).update(key.turn for key in way if key.turn)
                if turn != TOP:
                    kept[id].add(turn)
        return kept

    def _add_root(self, root: str) -> None:
        """Put a root behind the others of its project."""
        project = self._scoped(root)
        if project is not None:
            self._roots.setdefault(project, []).append(root)
        self._project_of[root] = project

    def _scoped(self, root: str) -> str | None:
        """The project under which a root is shown; None where it is out of scope."""
        project = self.forest.project(root)
        if not self._scope:
            return project
        session = self.forest.session(root)
        return "" if self._scope in (project, session.project if session else "") else None

    def _follow_roots(self) -> None:
        """Take roots that went out, and put new ones where their last activity puts them; the
        others stay where they are."""
        now = self.forest.root_ids
        gone = self._project_of.keys() - now
        for project in {self._project_of.pop(root) for root in gone}:
            if project is None:
                continue
            self._roots[project] = [root for root in self._roots[project] if root not in gone]
            if not self._roots[project]:
                del self._roots[project]
        new = sorted(now - self._project_of.keys(), key=self._last_first)
        by_project: dict[str, list[str]] = {}
        for root in new:
            self._project_of[root] = project = self._scoped(root)
            if project is not None:
                by_project.setdefault(project, []).append(root)
        for project, roots in by_project.items():
            self._roots[project] = self._merged(self._roots.get(project, []), roots)

    def _merged(self, there: list[str], new: list[str]) -> list[str]:
        """Costs as many of `there` as are newer than the oldest of `new`."""
        merged: list[str] = []
        for index, root in enumerate(there):
            while new and self._last_first(new[0]) < self._last_first(root):
                merged.append(new.pop(0))
            if not new:
                return merged + there[index:]
            merged.append(root)
        return merged + new

    def _last_first(self, root: str) -> tuple[float, str]:
        return (-self.forest.activity(root), root)


def _same_place(one: Row, other: Row) -> bool:
    """Whether two rows of one key hang in the same place."""
    if one.parent is None or other.parent is None:
        return one.parent is other.parent
    return one.depth == other.depth and one.parent.key == other.parent.key
