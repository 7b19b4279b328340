"""Several lines of turns side by side: what they share, where they part, what became of each.

sources = [Source(Side("a"), "Try this", turns, events), Source(Side("b"), …)]
found = compare(sources)
found.shared            # ids of the turns that all have
found.columns[0].own    # the turns of the first behind the split
found.rows              # the same, turn by turn: one of each side, or None
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from sessiontree.model.arms import path
from sessiontree.model.event import Event, Prompt
from sessiontree.model.facts import Facts, Touched, Unmade, facts, seconds
from sessiontree.model.overlay import Status
from sessiontree.model.session import Turn
from sessiontree.model.word_diff import WordDiff, differences

FEWEST, MOST = 2, 4
"""How many sides a comparison has."""


@dataclass(frozen=True, slots=True)
class Side:
    """A session's line to its tip, or to the turn with this id (e.g. of an arm)."""

    session: str
    turn: str | None = None


def end(side: Side, turns: Sequence[Turn]) -> tuple[str, str | None]:
    """The session and the turn that a side ends with: two sides with the same are the same."""
    tip = next((turn.id for turn in reversed(turns) if turn.live), None)
    return side.session, side.turn or tip


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a side. `turns` are the session's, arms included; `events` those of the
    line, or its end: as long as the rest is being read, or where `unmade` has the turns in front
    of them by their ids. `note` is a sentence on what is missing,
    "" where nothing is; `whole`: nothing of the line is still to come."""

    side: Side
    label: str
    turns: Sequence[Turn] = ()
    events: Sequence[Event] = ()
    cwd: str = ""
    status: Status = Status.IDLE
    note: str = ""
    whole: bool = True
    unmade: Mapping[str, Unmade] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """One side of a comparison. `before` and `own` are the turns before and behind the split, by
    id; `number` is that of the first own turn, counted from 1. `told` has the events of the turns
    that are there, the prompt first."""

    source: Source
    before: tuple[str, ...]
    own: tuple[str, ...]
    number: int
    told: Mapping[str, Sequence[Event]]
    facts: Facts

    def prompt(self, turn: str) -> str:
        """What was typed; its first line where the transcript could not be read."""
        told = self.told.get(turn)
        if isinstance(told, Unmade):
            return told.prompt
        if told and isinstance(told[0], Prompt):
            return told[0].text
        return next((one.label for one in self.source.turns if one.id == turn), "")

    @property
    def answered(self) -> str | None:
        """The final answer; None where there is none, or it may still grow."""
        return None if self.facts.state.under_way else self.facts.answer or None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`shared` are the turns that all sides have. `alone`: the sides are single turns of one
    line, and what lies between them is left out. `files`: path → what each side did to it, None
    where it did nothing, for files that several changed."""

    columns: tuple[Column, ...]
    shared: tuple[str, ...]
    alone: bool
    files: Mapping[str, tuple[Touched | None, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> Iterator[tuple[str | None, ...]]:
        """The own turns, the first of each side beside each other, then the second, …"""
        return zip_longest(*(column.own for column in self.columns))

    @property
    def longest(self) -> Column:
        """The side that knows most of what lies before the split: a compaction takes away."""
        return max(self.columns, key=lambda column: len(column.before))

    def answers(self) -> list[WordDiff | None]:
        """For each side but the first how its answer differs from that of the first; None where
        one of the two has none yet. Takes its time for long answers (see `word_diff`)."""
        first, *others = (column.answered for column in self.columns)
        return [
            None if first is None or other is None else differences(first, other)
            for other in others
        ]


def compare(sources: Sequence[Source]) -> Comparison:
    """Linear in turns and events that are made."""
    told = [{**source.unmade, **_told(source.events)} for source in sources]
    lines = [_line(source, events) for source, events in zip(sources, told, strict=True)]
    parted = split(lines)
    alone = _are_single_turns(sources, lines)
    places = [len(line) - 1 for line in lines] if alone else parted.places
    spans = _spans(told, {turn for n, line in zip(places, lines, strict=True) for turn in line[n:]})
    columns = [
        _column(source, line, place, events, spans)
        for source, events, line, place in zip(sources, told, lines, places, strict=True)
    ]
    return Comparison(
        tuple(columns),
        sorted(lines, key=len)[0][:-1] if alone else parted.shared,
        alone,
        _files(columns),
    )


@dataclass(frozen=True, slots=True)
class Split:
    """`shared`: what is on every line. `places`: how many turns of each line come before that
    line goes its own way."""

    shared: tuple[str, ...]
    places: tuple[int, ...]


def split(lines: Sequence[Sequence[str]]) -> Split:
    """Where lines part: behind the last turn that all have. A fork of a compacted session does
    not have the turns before the compaction, so what they share need not be at the beginning."""
    first = lines[0] if lines else ()
    common = set(first).intersection(*lines[1:])
    places = [
        max((n for n, turn in enumerate(line, 1) if turn in common), default=0) for line in lines
    ]
    return Split(tuple(turn for turn in first if turn in common), tuple(places))


def _are_single_turns(sources: Sequence[Source], lines: Sequence[Sequence[str]]) -> bool:
    """Whether turns of one line of one session are compared: each ends on the way to the next."""
    if len({source.side.session for source in sources}) > 1 or not all(lines):
        return False
    *_, longest = sorted(lines, key=len)
    return all(s.side.turn is not None for s in sources) and all(
        line[-1] in longest for line in lines
    )


def _line(source: Source, told: Mapping[str, Sequence[Event]]) -> tuple[str, ...]:
    """The turns of a side from the root on. Those of a run under way are only told yet."""
    side = source.side
    if side.turn is not None:
        known = [turn.id for turn in path(source.turns, side.turn)] or [side.turn]
        return tuple(known)
    known = [turn.id for turn in source.turns if turn.live]
    there = set(known)
    return tuple(known + [turn for turn in told if turn not in there])


def _told(events: Sequence[Event]) -> dict[str, Sequence[Event]]:
    """The events by turn, in order."""
    starts = [
        (index, event.key)
        for index, event in enumerate(events)
        if isinstance(event, Prompt) and not event.depth
    ]
    ends = [index for index, _ in starts[1:]] + [len(events)]
    return {key: events[start:end] for (start, key), end in zip(starts, ends, strict=False)}


def _column(
    source: Source,
    line: Sequence[str],
    place: int,
    told: Mapping[str, Sequence[Event]],
    spans: Mapping[str, float],
) -> Column:
    own = tuple(line[place:])
    ids = set(own)
    took = [spans[turn] for turn in own if turn in spans]
    at_tip = source.side.turn is None
    found = facts(
        [told[turn] for turn in own if turn in told],
        [turn for turn in source.turns if turn.id in ids],
        count=len(own),
        seconds=sum(took) if took else None,
        last=told.get(line[-1]) if line else (),
        cwd=source.cwd,
        status=source.status if at_tip else Status.IDLE,
    )
    return Column(source, tuple(line[:place]), own, place + 1, told, found)


def _spans(
    told: Iterable[Mapping[str, Sequence[Event]]], wanted: Container[str]
) -> dict[str, float]:
    """How long each of the turns took that are `wanted`, by what is said of it anywhere: an
    offline fork gives the last line that it copies its own time (seen on claude-agent-sdk
    0.2.187)."""
    spans: dict[str, float] = {}
    for side in told:
        for turn, events in side.items():
            took = seconds(events) if turn in wanted else None
            if took is not None:
                spans[turn] = min(took, spans.get(turn, took))
    return spans


def _files(columns: Sequence[Column]) -> dict[str, tuple[Touched | None, ...]]:
    names = dict.fromkeys(name for column in columns for name in column.facts.files)
    sides = {name: tuple(column.facts.files.get(name) for column in columns) for name in names}
    return {name: found for name, found in sides.items() if len(found) - found.count(None) > 1}
