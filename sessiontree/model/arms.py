"""The turns of one session that are its own: the line to its tip, and the arms left by rewinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sessiontree.model.session import Turn

TOP, END = "", "end"
"""Stand, where a turn id would, for the places before the first own turn and behind the last."""


@dataclass(frozen=True, slots=True)
class Arms:
    """`line`: the live own turns in order. `lines`: first turn → all turns of an arm that was
    left. `at`: turn (or `TOP`) → the first turns of the arms that left there. `arm`: turn → first
    turn of its arm. `number`: place of each turn on its line, from 1, shared turns counted."""

    line: tuple[Turn, ...] = ()
    lines: Mapping[str, tuple[Turn, ...]] = field(default_factory=dict)
    at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    arm: Mapping[str, str] = field(default_factory=dict)
    number: Mapping[str, int] = field(default_factory=dict)
    turns: Mapping[str, Turn] = field(default_factory=dict)  # own ones by id

    def left(self, first: str) -> str:
        """The turn (or `TOP`) that the arm with this first turn left."""
        parent = self.turns[first].parent or TOP
        return parent if first in self.at.get(parent, ()) else TOP

    @property
    def first(self) -> Turn | None:
        return self.line[0] if self.line else next(iter(self.turns.values()), None)


def own_turns(turns: Sequence[Turn], shared: str | None) -> dict[str, Turn]:
    """By id the turns that come behind the turn `shared` in the file: a fork copies what it shares
    first, dead arms included. All are own where `shared` is None or not among them."""
    start = 0
    if shared is not None:
        start = max((n for n, turn in enumerate(turns, 1) if turn.id == shared), default=0)
    return {turn.id: turn for turn in turns[start:]}


def arms(turns: Sequence[Turn], shared: str | None) -> Arms:
    """Arrange the own turns of a session (see `own_turns`).

    Linear. A turn whose parent does not precede it begins an arm (or the line) at the top, so
    that no turn is lost, whatever the parents say."""
    number: dict[str, int] = {}
    live = 0
    for turn in turns:
        live += turn.live
        number[turn.id] = live if turn.live else number.get(turn.parent or TOP, 0) + 1
    own = own_turns(turns, shared)
    if all(turn.live for turn in own.values()):  # nearly every session
        return Arms(tuple(own.values()), number=number, turns=own)
    return _with_dead(own, number)


def _with_dead(own: Mapping[str, Turn], number: Mapping[str, int]) -> Arms:
    goes_on: dict[str, str] = {}  # dead turn → the last dead turn that follows it
    seen: set[str] = set()
    for turn in own.values():
        if not turn.live and turn.parent in seen and not own[turn.parent].live:
            goes_on[turn.parent] = turn.id
        seen.add(turn.id)
    lines: dict[str, list[Turn]] = {}
    first_of: dict[str, str] = {}
    at: dict[str, list[str]] = {}
    seen.clear()
    for turn in own.values():
        if not turn.live:
            parent = turn.parent if turn.parent in seen else None
            if parent is not None and goes_on.get(parent) == turn.id:
                first_of[turn.id] = first_of[parent]
            else:
                first_of[turn.id] = turn.id
                at.setdefault(parent or TOP, []).append(turn.id)
            lines.setdefault(first_of[turn.id], []).append(turn)
        seen.add(turn.id)
    return Arms(
        tuple(turn for turn in own.values() if turn.live),
        {first: tuple(line) for first, line in lines.items()},
        {turn: tuple(firsts) for turn, firsts in at.items()},
        first_of,
        number,
        own,
    )


def path(turns: Sequence[Turn], turn: str) -> tuple[Turn, ...]:
    """The turns from the root to `turn`; () where it is not among them. A loop ends the path."""
    by_id = {one.id: one for one in turns}
    way: dict[str, Turn] = {}
    at: str | None = turn
    while at is not None and at in by_id and at not in way:
        way[at] = by_id[at]
        at = by_id[at].parent
    return tuple(reversed(way.values()))
