"""Finding text in a stream: from hit to hit at once, and how many there are bit by bit.

A hit is a place in the lines as they are shown when everything is unfolded. Which events can
have one is decided on their own text, so that few have to be laid out."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sessiontree.model.event import Event, Mark, Notice, Prompt, Result, Text, Thinking, ToolCall
from sessiontree.ui.stream.draw import draw
from sessiontree.ui.stream.layout import Page
from sessiontree.ui.stream.line import Line, Span


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
    """One query over the events of a page. Ignores case unless the query has capitals."""

    def __init__(self, page: Page, query: str) -> None:
        self.query = query
        self.place: Place | None = None
        ignore = re.IGNORECASE if query == query.lower() else re.NOFLAG
        self._find = re.compile(re.escape(query), ignore)
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
        return Found(position, max(total, position), self._counted >= len(self._page.events))

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

    def step(self, forward: bool, start: int) -> Place | None:
        """Moves to the next hit, or the one before; from event `start` on where there is no
        current one. Goes round at the end. None where there is no hit at all. Unfolds the event
        if the hit is in what is folded away."""
        self.place = self._next(forward, start)
        if self.place:
            line, at = self._locate(self.place)
            self.place = Place(self.place.event, self.place.ordinal, line, at)
        return self.place

    def _next(self, forward: bool, start: int) -> Place | None:
        by = 1 if forward else -1
        if self.place:
            index, ordinal = self.place.event, self.place.ordinal + by
            if 0 <= ordinal < self._count(index):
                return Place(index, ordinal)
            start = index + by
        count = len(self._page.events)
        for step in range(count):
            index = (start + by * step) % count
            if hits := self._count(index):
                return Place(index, 0 if forward else hits - 1)
        return None

    def count(self) -> Iterator[None]:
        """Counts all hits, a few events at a step."""
        cost = 0
        while self._counted < len(self._page.events):
            index = self._counted
            self._counted += 1
            hits = self._count(index, use_known=False)
            if hits:
                self._indexes.append(index)
                self._counts.append(hits)
            cost += 20 if hits else 1
            if cost > 1_000:
                cost = 0
                yield

    def _locate(self, place: Place) -> tuple[int, int]:
        page = self._page
        layout = page.layout(place.event)
        if not page.is_unfolded(place.event):
            shown = self._hits(layout.lines)
            if len(shown) < self._count(place.event):
                page.toggle(place.event)
                layout = page.layout(place.event)
        hits = self._hits(layout.lines)
        return hits[min(place.ordinal, len(hits) - 1)] if hits else (0, 0)

    def _count(self, index: int, *, use_known: bool = True) -> int:
        if use_known and index < self._counted:
            known = bisect_left(self._indexes, index)
            is_there = known < len(self._indexes) and self._indexes[known] == index
            return self._counts[known] if is_there else 0
        event = self._page.events[index]
        if not any(map(self._find.search, _texts(event))):
            return 0
        if isinstance(event, Text):
            return len(self._hits(self._page.layout(index).lines))
        drawn = draw(event, replace(self._page.frame, unfolded=True))
        return len(self._hits(drawn.lines))

    def _hits(self, lines: list[Line]) -> list[tuple[int, int]]:
        return [
            (number, found.start())
            for number, line in enumerate(lines)
            for found in self._find.finditer(line.text)
        ]


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
