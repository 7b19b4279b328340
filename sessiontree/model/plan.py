"""What hangs below the row of a session, laid out once and kept until that session changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sessiontree.model.arms import END, TOP
from sessiontree.model.forest import Forest
from sessiontree.model.session import Turn

LIVE = "live"
"""Stands for the id of a turn that runs and is not in the transcript yet."""


class Kind(StrEnum):
    PROJECT = "project"
    SESSION = "session"
    TURN = "turn"
    ARM = "arm"
    GROUP = "group"


class Key(NamedTuple):
    """Names a row whatever becomes of the forest. `session` is a project's folder for PROJECT
    and the host for GROUP (of roots: their project's folder); `turn` the first turn of an ARM and
    the id of a GROUP."""

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


Entry = tuple[list[Row], Row | None]
"""Some rows below one session's; the last is that of a fork, if one is given."""


@dataclass(slots=True)
class Plan:
    """All rows of a session below its own, as if everything in it were unfolded. `foldable`:
    whether an ARM or GROUP is among them. `last`: row → the last fork or arm that left there."""

    row: Row
    entries: list[Entry] = field(default_factory=list)
    foldable: bool = False
    last: dict[Row, Row] = field(default_factory=dict)
    stale: bool = False


class Plans:
    """Plans by session. One that is made anew keeps the rows that are as they were, and with
    them the plans below: a change costs the one session in which it is."""

    def __init__(self, forest: Forest) -> None:
        self.show_all = False
        self._forest = forest
        self._plans: dict[str, Plan] = {}

    def of(self, row: Row) -> Plan:
        """The plan below the row of a session."""
        plan = self._plans.get(row.session)
        if plan is None or plan.stale or plan.row is not row:
            plan = self._plans[row.session] = _Planner(self, self._forest, row, plan).plan
        return plan

    def forget(self, sessions: Iterable[str]) -> None:
        """These sessions changed."""
        for id in sessions:
            if id in self._plans:
                self._plans[id].stale = True

    def forget_all(self) -> None:
        self.forget(self._plans)

    def is_visible(self, id: str) -> bool:
        return self.show_all or not self._forest.overlaid(id).put_away


class _Planner:
    """Lays out one session."""

    def __init__(self, plans: Plans, forest: Forest, row: Row, old: Plan | None) -> None:
        self.plan = Plan(row)
        self._plans = plans
        self._forest = forest
        self._own = forest.arms(row.session)
        self._hosted = forest.hosted(row.session)
        self._rows: list[Row] = []
        self._group_at: dict[Row, str] = {}
        self._old: dict[tuple[str, str, str], Row] = {}
        if old is not None and old.row is row:
            for rows, _ in old.entries:
                for one in rows:
                    self._old[one.kind, one.session, one.turn] = one
        self._lay_out()

    def _lay_out(self) -> None:
        """Depth first with a stack: arms can nest as deep as they like."""
        stack = [iter(self._below(self.plan.row))]
        while stack:
            for row in stack[-1]:
                self._rows.append(row)
                if row.kind is Kind.SESSION:
                    self.plan.entries.append((self._rows, row))
                    self._rows = []
                elif row.kind is not Kind.TURN or self._is_branched(row.turn):
                    stack.append(iter(self._below(row)))
                    break
            else:
                stack.pop()
        if self._rows:
            self.plan.entries.append((self._rows, None))

    def _is_branched(self, turn: str) -> bool:
        return turn in self._hosted or turn in self._own.at

    def _below(self, row: Row) -> list[Row]:
        match row.kind:
            case Kind.SESSION:
                top = self._leaving(row, TOP) if self._is_branched(TOP) else []
                rows = top + self._turns(row, self._own.line)
                if self._forest.under_way(row.session):
                    rows.append(self._row(Kind.TURN, row.session, LIVE, row))
                return rows + (self._leaving(row, END) if self._is_branched(END) else [])
            case Kind.ARM:
                return self._turns(row, self._own.lines[row.turn])
            case Kind.GROUP:
                return self._with_last(row, self._sessions(row, self._members(row)))
        return self._leaving(row, row.turn)

    def _turns(self, row: Row, turns: Iterable[Turn]) -> list[Row]:
        return [self._row(Kind.TURN, row.session, turn.id, row) for turn in turns]

    def _members(self, row: Row) -> list[str]:
        """The forks of a fan-out: their ids are in the order in which they were asked for."""
        forks = self._forks(self._group_at[row])
        return sorted(id for id in forks if self._forest.group(id) == row.turn)

    def _leaving(self, row: Row, turn: str) -> list[Row]:
        """The arms, fan-outs and forks that left at one place, each the oldest first."""
        host, forks = self.plan.row.session, self._forks(turn)
        arms = self._own.at.get(turn, ())
        groups = dict.fromkeys(group for id in forks if (group := self._forest.group(id)))
        rows = [self._row(Kind.ARM, host, first, row) for first in arms]
        for group in groups:
            rows.append(self._row(Kind.GROUP, host, group, row))
            self._group_at[rows[-1]] = turn
        self.plan.foldable |= bool(rows)
        rows += self._sessions(row, [id for id in forks if not self._forest.group(id)])
        return self._with_last(row, rows)

    def _with_last(self, row: Row, rows: list[Row]) -> list[Row]:
        if rows:
            self.plan.last[row] = rows[-1]
        return rows

    def _forks(self, turn: str) -> list[str]:
        children = self._forest.children(self.plan.row.session, turn)
        return [id for id in children if self._plans.is_visible(id)]

    def _sessions(self, row: Row, ids: Iterable[str]) -> list[Row]:
        return [self._row(Kind.SESSION, id, "", row) for id in ids]

    def _row(self, kind: Kind, session: str, turn: str, parent: Row) -> Row:
        old = self._old.get((kind, session, turn))
        if old is not None and old.parent is parent:
            return old
        return Row(kind, session, turn, parent.depth + 1, parent)
