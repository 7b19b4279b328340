"""The pages of a comparison laid out beside each other, and the part that is on the screen.

Each side is a page of its own, laid out as the stream is; what is to begin on one row is a block,
as high as its highest cell. Only what was looked at is laid out, and the events of a turn are made
only then: heights are guesses until then, so the place on the screen is kept by the event at its
top, not by a row."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from sessiontree.model.event import Event
from sessiontree.ui.compare.content import WIDE, Block, Cell, Content, Later, Stop
from sessiontree.ui.stream.draw import Changed, Frame, Lines
from sessiontree.ui.stream.heights import Heights
from sessiontree.ui.stream.layout import GUESS, Page

_STEP = 500
"""Rows of turns that are made while nothing else is to do."""


class Spot(NamedTuple):
    """A row of an event of a page."""

    page: int
    event: int
    row: int


class Sheet:
    """`sides`: the folder that the paths of each are shown from. `shown`: the pages that are on
    the screen, all sides or one of them. `top` is right after each call of a method here."""

    def __init__(self, sides: Sequence[str], today: date | None = None) -> None:
        frames = [Frame(80, today=today), *(Frame(80, cwd, today) for cwd in sides)]
        self.pages = [Page(frame) for frame in frames]
        self.shown: frozenset[int] = frozenset(range(len(self.pages)))
        self.content = Content(tuple([] for _ in self.pages), (), (), ())
        self.height = 0
        self.top = 0
        self._heights = Heights()  # of the blocks
        self._blocks_of: list[list[tuple[int, int]]] = []  # page → first event and number of each
        self._waiting: list[list[int]] = []  # page → the turns that wait for their events
        self._anchor = Spot(WIDE, 0, 0)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self.content.blocks

    @property
    def total(self) -> int:
        return self._heights.total

    @property
    def bottom(self) -> int:
        """The last row that can be at the top."""
        return max(0, self.total - self.height)

    # What changes

    def show(self, content: Content) -> None:
        """Other content; what is the same in it keeps its height, and the event at the top its
        place. Costs the events behind the first that differs, on each page."""
        anchor = self._key(self._anchor)
        content = content.told(
            {
                page: [n for n, e in enumerate(events) if isinstance(e, Later) and e.told.is_made]
                for page, events in enumerate(content.pages)
            }
        )
        pages = []
        for page, events in zip(self.pages, content.pages, strict=True):
            same, events = _with_known(page.events, events)
            if page.events:
                page.change(same, events)
            else:
                page.load(events)
            pages.append(events)
        self._set_content(replace(content, pages=tuple(pages)))
        for page, waiting in zip(self.pages, self._waiting, strict=True):
            for n in waiting:
                event = page.events[n]
                assert isinstance(event, Later)
                page.heights[n] = GUESS * event.told.size
        self._settle_all()
        self._anchor = self._found(anchor)
        self.place()

    def _set_content(self, content: Content) -> None:
        self.content = content
        self._blocks_of = [[] for _ in self.pages]
        for number, block in enumerate(content.blocks):
            for page, start, _ in block:
                self._blocks_of[page].append((start, number))
        self._waiting = [
            [n for n, event in enumerate(events) if isinstance(event, Later)]
            for events in content.pages
        ]

    def _tell(self, block: int, rows: int, by: int = 1) -> None:
        """If a turn of a block waits for its events: they are made, and those of the blocks behind
        it (`by` -1: before it) that so many rows may show. Costs the events of the pages."""
        if not any(self._waiting_in(cell) for cell in self._cells(block)):
            return
        blocks = []
        while rows > 0 and 0 <= block < len(self.blocks):
            blocks.append(block)
            rows -= self._heights[block]
            block += by
        waiting: dict[int, list[int]] = {}
        for cell in (cell for number in sorted(blocks) for cell in self._cells(number)):
            waiting.setdefault(cell.page, []).extend(self._waiting_in(cell))
        told = self.content.told(waiting)
        self._anchor = _moved(self._anchor, self.content, waiting)
        for page, where in waiting.items():
            if where:
                self.pages[page].change(where[0], told.pages[page])
        self._set_content(told)
        for number in blocks:
            self._settle(number)

    def _waiting_in(self, cell: Cell) -> Sequence[int]:
        waiting = self._waiting[cell.page]
        return waiting[bisect_left(waiting, cell.start) : bisect_left(waiting, cell.end)]

    def resize(self, height: int, widths: Sequence[int], shown: frozenset[int]) -> None:
        """`widths`: the cells that the lines of each page have."""
        block, _ = self._heights.find(self.top)
        self.height, self.shown = height, shown
        for page, width in zip(self.pages, widths, strict=True):
            page.set_frame(replace(page.frame, width=width))
        self._settle_all()
        if self._anchor.page not in shown:
            self._anchor = self._at(self._heights.start(block))
        self.place()

    def unfold(self, unfolded: bool) -> None:
        for page in self.pages:
            page.unfold(unfolded)
        self.place()

    def toggle(self, spot: Spot) -> bool:
        """Folds or unfolds an event; whether it can be."""
        page = self.pages[spot.page]
        if not page.layout(spot.event).folds:
            return False
        page.toggle(spot.event)
        page.measured(spot.event)
        self._settle_all()
        self.place()
        return True

    # Where we are

    def scroll(self, top: int) -> None:
        """To a row, as far as there are any."""
        self._anchor = self._at(max(0, min(top, self.bottom)))
        self.place()

    def scroll_end(self) -> None:
        """To the end. What is there is measured on the way, until it stays the end."""
        before = -1
        while before != self.bottom:
            before = self.bottom
            self.scroll(before)

    def go(self, block: int) -> None:
        """Puts the beginning of a block at the top, or as near to it as the end allows."""
        self._measure(block, 0)
        self.scroll(self._heights.start(block) + (block > 0))  # not the empty row before it

    def head(self, by: int) -> int | None:
        """The next block, or the one before, where a turn or a part begins."""
        block, row = self._heights.find(self.top)
        heads = self.content.heads
        if by > 0:
            return next((head for head in heads if head > block), None)
        inside = row > 1
        return next((head for head in reversed(heads) if head < block + inside), None)

    def stops(self) -> dict[int, list[Stop]]:
        """The differences of the pages that are shown, by the row that they begin on."""
        stops = [stop for stop in self.content.stops if stop.page in self.shown]
        keys = {stop.key for stop in stops}
        events = {
            (page, event.key): n
            for page in self.shown
            for n, event in enumerate(self.pages[page].events)
            if event.key in keys
        }
        rows: dict[int, list[Stop]] = {}
        for stop in stops:
            row = self._row_of(stop.page, events[stop.page, stop.key], stop.line)
            rows.setdefault(row, []).append(stop)
        return dict(sorted(rows.items()))

    def _row_of(self, number: int, event: int, line: int) -> int:
        """The row that a line of an event begins on, counted from the top of all."""
        block = self._block_of(number, event)
        cell = self._cell(block, number)
        page = self.pages[number]
        for before in range(cell.start, event + 1):
            page.measured(before)
        self._settle(block)
        inside = page.heights.start(event) - page.heights.start(cell.start)
        layout = page.layout(event)
        return self._heights.start(block) + inside + layout.row_of(line + layout.top, 0)

    def place(self) -> None:
        """Finds `top` again after heights changed, and lays out what is on the screen."""
        if not self.blocks or not self.height:
            self.top = 0
            return
        block = self._block_of(self._anchor.page, self._anchor.event)
        self._tell(block, 2 * self.height)
        spot = self._anchor
        cell = self._cell(block, spot.page)
        heights = self.pages[spot.page].heights
        self._measure(block, max(0, heights.start(spot.event) - heights.start(cell.start)))
        row = min(spot.row, max(0, heights[spot.event] - 1))
        inside = heights.start(spot.event) - heights.start(cell.start) + row
        self.top = self._heights.start(block) + inside
        if self.top > self.bottom:
            self._measure_back()
            self.top = self.bottom
            self._anchor = self._at(self.top)

    # What is drawn

    def row(self, y: int) -> tuple[Block, int]:
        """The block that lies at a row of the screen, and the row in it; () past the end."""
        block, row = self._heights.find(self.top + y)
        return (self.blocks[block], row) if block < len(self.blocks) else ((), 0)

    def spot(self, cell: Cell, row: int) -> Spot | None:
        """What a cell has on a row of its block; None below its end."""
        page = self.pages[cell.page]
        start = page.heights.start(cell.start)
        event, inside = page.heights.find(start + row)
        if event >= cell.end or inside >= len(page.layout(event).rows):
            return None
        return Spot(cell.page, event, inside)

    def seen(self) -> tuple[Spot | None, ...]:
        """What is at the top of each side: it may move while what is before is measured."""
        block, row = self.row(0)
        return tuple(self.spot(cell, row) for cell in block if cell.page in self.shown)

    # Measuring

    def measure(self) -> Iterator[None]:
        """Measures what nobody saw yet, a screenful or so at a step; first all events are made."""
        while blocks := [
            self._block_of(n, self._waiting[n][0]) for n in self.shown if self._waiting[n]
        ]:
            self._tell(min(blocks), _STEP)
            self.place()
            yield
        for number in sorted(self.shown):
            page = self.pages[number]
            for _ in page.measure(0):
                self._settle_all()
                self.place()
                yield
        self._settle_all()
        self.place()

    @property
    def is_measured(self) -> bool:
        return all(self.pages[number].is_measured for number in self.shown)

    def _measure(self, block: int, row: int) -> None:
        """Lays out what is shown from a row of a block on, and a screenful behind it."""
        rows = 2 * self.height
        while rows > 0 and block < len(self.blocks):
            self._tell(block, rows)
            for cell in self._cells(block):
                page = self.pages[cell.page]
                start = page.heights.start(cell.start)
                event = max(cell.start, page.heights.find(start + row)[0])
                room = rows
                while room > 0 and event < cell.end:
                    room -= page.measured(event)
                    event += 1
            self._settle(block)
            rows -= self._heights[block] - row
            block, row = block + 1, 0

    def _measure_back(self) -> None:
        """Lays out the last screenful."""
        rows, block = self.height, len(self.blocks)
        while rows > 0 and block > 0:
            block -= 1
            self._tell(block, rows, -1)
            for cell in self._cells(block):
                page, room, event = self.pages[cell.page], rows, cell.end
                while room > 0 and event > cell.start:
                    event -= 1
                    room -= page.measured(event)
            self._settle(block)
            rows -= self._heights[block]

    def _settle(self, block: int) -> None:
        """A block is as high as its highest cell."""
        self._heights[block] = max(map(self._rows, self._cells(block)), default=0)

    def _settle_all(self) -> None:
        """The same for all at once: a pass over all heights costs less than to ask for each."""
        starts = {n: list(accumulate(self.pages[n].heights, initial=0)) for n in self.shown}
        tall = [0] * len(self.blocks)
        for number, block in enumerate(self.blocks):
            for page, start, end in block:
                if page in starts:
                    tall[number] = max(tall[number], starts[page][end] - starts[page][start])
        self._heights = Heights(tall)

    # Places

    def _cells(self, block: int) -> list[Cell]:
        """Those that are on the screen."""
        return [cell for cell in self.blocks[block] if cell.page in self.shown]

    def _cell(self, block: int, page: int) -> Cell:
        return next(cell for cell in self.blocks[block] if cell.page == page)

    def _block_of(self, page: int, event: int) -> int:
        starts = self._blocks_of[page]
        at = bisect_right(starts, (event, len(self.blocks))) - 1
        return starts[max(0, at)][1]

    def _at(self, top: int) -> Spot:
        """What lies at a row: of the side that has most there."""
        block, row = self._heights.find(top)
        if block >= len(self.blocks):
            return Spot(WIDE, 0, 0)
        cells = [cell for cell in self._cells(block) if cell.end > cell.start]
        tall = max(cells, key=lambda cell: self._rows(cell))
        page = self.pages[tall.page]
        event, inside = page.heights.find(page.heights.start(tall.start) + row)
        return Spot(tall.page, min(event, tall.end - 1), inside)

    def _rows(self, cell: Cell) -> int:
        heights = self.pages[cell.page].heights
        return heights.start(cell.end) - heights.start(cell.start)

    def _key(self, spot: Spot) -> tuple[int, str, int]:
        events = self.pages[spot.page].events
        return spot.page, events[spot.event].key if events else "", spot.row

    def _found(self, wanted: tuple[int, str, int]) -> Spot:
        """Where an event is now; the top where it has gone."""
        page, key, row = wanted
        keys = map(attrgetter("key"), self.pages[page].events)
        event = next((n for n, one in enumerate(keys) if one == key), None)
        return Spot(WIDE, 0, 0) if event is None else Spot(page, event, row)


def _with_known(known: Sequence[Event], events: list[Event]) -> tuple[int, list[Event]]:
    """How many events at the beginning are those that are known, and all of them; lines that were
    made anew and say the same are those that are known."""
    events = [
        old if old is not new and isinstance(new, Lines | Changed | Later) and old == new else new
        for old, new in zip(known, events, strict=False)
    ] + events[len(known) :]
    pairs = enumerate(zip(known, events, strict=False))
    least = min(len(known), len(events))
    return next((n for n, (old, new) in pairs if old is not new), least), events


def _moved(spot: Spot, content: Content, waiting: Mapping[int, Sequence[int]]) -> Spot:
    """Where an event is once those of some turns are there; of such a turn the one that is as far
    from its beginning as the guess was."""
    page, event, row = spot
    inside = 0
    for at in waiting.get(page, ()):
        turn = content.pages[page][at]
        assert isinstance(turn, Later)
        if at < event:
            inside += len(turn.told) - 1
        elif at == event:
            inside += min(row // GUESS, len(turn.told) - 1)
            row %= GUESS
    return Spot(page, event + inside, row)
