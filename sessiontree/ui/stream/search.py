"""Finding text in a stream: from hit to hit at once, and how many there are bit by bit.

A hit is a place in the lines as they are shown when everything is unfolded. Which events can
have one is decided on their own text, so that few have to be laid out."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sessiontree.model.event import Event, Mark, Notice, Prompt, Result, Text, Thinking, ToolCall
from sessiontree.ui.stream.draw import draw
from sessiontree.ui.stream.layout import Page
from sessiontree.ui.stream.line import Line, Span

_AT_A_STEP = 1_000_000  # characters that are read before others get their turn: about 2 ms


class Place(NamedTuple):
    """The `ordinal`-th hit, from 0, of an event; and where that is: the number of the line in
    its layout, and the character in the line's text."""

    event: int
    ordinal: int
    line: int = 0
    at: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """`position` of the current hit, from 1, 0 where there is none; `total` so far, which is
    final once all is `counted`."""

    position: int
    total: int
    counted: bool


class Search:
    """One query over the events of a page. Ignores case unless the query has capitals.

    What may take long comes as an iterator that does a few milliseconds of it at a step."""

    def __init__(self, page: Page, query: str) -> None:
        self.place: Place | None = None
        self._folds_case = query == query.lower()
        self._query = query
        self._find = re.compile(re.escape(query), re.IGNORECASE if self._folds_case else 0)
        self._page = page
        self._indexes: list[int] = []  # events with hits, among those that were counted
        self._counts: list[int] = []
        self._counted = 0  # events before this one were counted

    @property
    def found(self) -> Found:
        total = sum(self._counts)
        position = 0
        if self.place:
            known = bisect_left(self._indexes, self.place.event)
            position = sum(self._counts[:known]) + self.place.ordinal + 1
        return Found(position, max(total, position), self._is_counted)

    @property
    def _is_counted(self) -> bool:
        return self._counted >= len(self._page.events)

    def marks(self, index: int, line: int, text: str) -> list[Span]:
        """The hits in one line of an event, to be highlighted."""
        spans = [(found.start(), found.end(), "match") for found in self._find.finditer(text)]
        if self.place and self.place.event == index and self.place.line == line:
            at = self.place.at
            return [(s, e, "match-current" if s == at else name) for s, e, name in spans]
        return spans

    def changed(self, start: int) -> None:
        """Events from `start` on are others than before, or elsewhere."""
        known = bisect_left(self._indexes, start)
        del self._indexes[known:], self._counts[known:]
        self._counted = min(self._counted, start)
        if self.place and self.place.event >= start:
            self.place = None

    def step(self, forward: bool, start: int) -> Iterator[None]:
        """Moves `place` to the next hit, or the one before; from event `start` on where there is
        no current one. Goes round at the end; None where there is no hit at all. Unfolds the
        event if the hit is in what is folded away."""
        by = 1 if forward else -1
        if self.place:
            index, ordinal = self.place.event, self.place.ordinal + by
            if 0 <= ordinal < self._count(index):
                self.place = self._located(index, ordinal)
                return
            start = index + by
        events: Iterable[int | None] = (
            self._indexes_from(start, by) if self._is_counted else self._seek(start, by)
        )
        for event in events:
            if event is None:
                yield
            elif hits := self._count(event):
                self.place = self._located(event, 0 if forward else hits - 1)
                return
        self.place = None

    def _indexes_from(self, start: int, by: int) -> list[int]:
        """All events with hits, in the order in which they are come by."""
        known = bisect_left(self._indexes, start + (by < 0))
        if by > 0:
            return self._indexes[known:] + self._indexes[:known]
        return self._indexes[:known][::-1] + self._indexes[known:][::-1]

    def _seek(self, start: int, by: int) -> Iterator[int | None]:
        """The events that may have hits, None after a few milliseconds without one."""
        cost = 0
        for step in range(len(self._page.events)):
            index = (start + by * step) % len(self._page.events)
            is_there, read = self._may_hit(self._page.events[index])
            cost += read
            if is_there:
                yield index
            if cost > _AT_A_STEP:
                cost = 0
                yield None

    def count(self) -> Iterator[None]:
        """Counts all hits."""
        cost = 0
        while not self._is_counted:
            index = self._counted
            is_there, read = self._may_hit(self._page.events[index])
            hits = self._hits_in(index) if is_there else 0
            if hits:
                self._indexes.append(index)
                self._counts.append(hits)
            self._counted = index + 1
            cost += read + is_there * _AT_A_STEP // 50
            if cost > _AT_A_STEP:
                cost = 0
                yield

    def _located(self, index: int, ordinal: int) -> Place:
        page = self._page
        layout = page.layout(index)
        if not page.is_unfolded(index) and len(self._hits(layout.lines)) < self._count(index):
            page.toggle(index)
            layout = page.layout(index)
        hits = self._hits(layout.lines)
        line, at = hits[min(ordinal, len(hits) - 1)] if hits else (0, 0)
        return Place(index, ordinal, line, at)

    def _count(self, index: int) -> int:
        """How many hits an event has."""
        if index < self._counted:
            known = bisect_left(self._indexes, index)
            is_there = known < len(self._indexes) and self._indexes[known] == index
            return self._counts[known] if is_there else 0
        return self._hits_in(index) if self._may_hit(self._page.events[index])[0] else 0

    def _hits_in(self, index: int) -> int:
        event = self._page.events[index]
        if isinstance(event, Text):
            return len(self._hits(self._page.layout(index).lines))
        return len(self._hits(draw(event, replace(self._page.frame, unfolded=True)).lines))

    def _hits(self, lines: list[Line]) -> list[tuple[int, int]]:
        return [
            (number, found.start())
            for number, line in enumerate(lines)
            for found in self._find.finditer(line.text)
        ]

    def _may_hit(self, event: Event) -> tuple[bool, int]:
        """Whether the query is anywhere in an event's own text, and what it cost to see."""
        read = 200
        for text in _texts(event):
            read += len(text)
            if self._query in (text.lower() if self._folds_case else text):
                return True, read
        return False, read


def _texts(event: Event) -> Iterator[str]:
    """All text of an event."""
    match event:
        case Prompt() | Text() | Thinking() | Notice() | Mark() | Result():
            yield event.text
        case ToolCall():
            yield event.output
            yield from _strings(event.input)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
    else:
        yield str(value)
