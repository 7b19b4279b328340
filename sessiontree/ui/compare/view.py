"""The comparison on the screen: columns that scroll together, or one side at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from sessiontree.ui.compare.content import SHARED, WIDE, Cell, Content, Stop
from sessiontree.ui.compare.sheet import Sheet, Spot
from sessiontree.ui.stream import paint
from sessiontree.ui.stream.line import Piece
from sessiontree.ui.stream.scroller import Scroller

LEAST_COLUMN = 45
"""Cells of a side beside others; with less room one side is shown at a time."""

_EDGES = 2  # the cells that `paint` keeps free at both ends of a row
_BETWEEN = "│"
_MOST_ROWS = 500
"""Rows of several sides that are kept as they were drawn."""


class CompareView(Scroller, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll(-1)", "Up", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("left_square_bracket", "head(-1)", "Previous turn", show=False),
        Binding("right_square_bracket", "head(1)", "Next turn", show=False),
        Binding("n", "difference(1)", "Next difference", show=False),
        Binding("N", "difference(-1)", "Previous difference", show=False),
        Binding("space", "unfold", "Fold or unfold all", show=False),
    ]

    @dataclass
    class SharedPressed(Message):
        """The line of the shared turns was clicked."""

    @dataclass
    class Moved(Message):
        """Another difference is the current one: its number from 1, and how many there are."""

        number: int
        count: int

    @dataclass
    class Resized(Message):
        """The lines have another width: what was laid out for the old one is to be made anew."""

    def __init__(
        self, cwds: Sequence[str], *, today: Callable[[], date] = date.today, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.viewport: Sheet = Sheet(cwds, today())
        self.side = 0
        """The chosen one, from 0: the only one that is shown where there is no room for all."""
        self._sides = len(cwds)
        self._unfolded = False
        self._whole = False
        self._current: list[Stop] = []
        """The difference that was gone to last: a line of each side that has it."""
        self._measuring: Iterator[None] | None = None
        self._columns: list[int] = []  # the cells of each side, where they stand together
        self._rows: dict[tuple[int, ...], tuple[Sequence[Strip], Strip]] = {}  # by ids of parts
        self._blanks: dict[int, Strip] = {}

    # What is shown

    @property
    def together(self) -> bool:
        """Whether there is room for the sides beside each other."""
        return self.inner_width >= self._sides * LEAST_COLUMN + self._sides - 1

    @property
    def widths(self) -> tuple[int, int]:
        """The cells that a line has that is as wide as the screen, and one of a side."""
        wide = max(LEAST_COLUMN // 2, self.inner_width)
        return wide - _EDGES, (self._column(0) if self.together else wide) - _EDGES

    def show(self, content: Content, *, whole: bool = True) -> None:
        """`whole`: not soon to be followed by more of the same. Until then only what is on the
        screen is measured: what will move need not be."""
        self._whole = whole
        self.viewport.show(content)
        self._measuring = None
        self.show_viewport()

    def choose(self, side: int) -> None:
        self.side = side
        self._fit()

    def show_viewport(self) -> None:
        if not self.viewport.height:
            return  # not on the screen yet
        self.set_extent()
        self.refresh()
        if self._whole and not self.viewport.is_measured:
            self.start_idle()

    def on_resize(self) -> None:
        self._fit()
        self.post_message(self.Resized())

    def _fit(self) -> None:
        wide, _ = self.widths
        self._columns = [self._column(side) for side in range(self._sides)]
        columns = [cells - _EDGES for cells in self._columns]
        shown = frozenset(
            [WIDE, *(range(1, self._sides + 1) if self.together else [self.side + 1])]
        )
        widths = [wide, *(columns if self.together else [wide] * self._sides)]
        self.viewport.resize(self.scrollable_content_region.height, widths, shown)
        self._measuring = None
        self.show_viewport()

    def _column(self, side: int) -> int:
        """The cells of a column; the last one gets what is left over."""
        room = self.inner_width - (self._sides - 1)
        column = room // self._sides
        return room - column * (self._sides - 1) if side == self._sides - 1 else column

    def idle(self) -> bool:
        if not self._whole or (self._measuring is None and self.viewport.is_measured):
            return False
        self._measuring = self._measuring or self.viewport.measure()
        before = self.viewport.seen()
        if next(self._measuring, self._measuring) is self._measuring:
            self._measuring = None
        self.set_extent()
        if self.viewport.seen() != before:
            self.refresh()
        return True

    # Drawing

    def render_line(self, y: int) -> Strip:
        width, palette = self.inner_width, self.palette
        if not self.viewport.blocks:
            return paint.sentence("Reading …", y, width, palette)
        block, row = self.viewport.row(y)
        if not block:
            return Strip.blank(width, palette.base)
        if block[0].page == WIDE:
            return self._strip(block[0], row, width)
        if not self.together:
            return self._strip(block[self.side], row, width)
        return self._joined(
            [self._strip(c, row, w) for c, w in zip(block, self._columns, strict=True)]
        )

    def _joined(self, parts: Sequence[Strip]) -> Strip:
        """The same for the same parts: what Textual works out of a strip it keeps with it."""
        key = tuple(map(id, parts))
        known = self._rows.get(key)
        if known is None:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            between = Strip([Segment(_BETWEEN, self.palette.base + self.palette["guide"])])
            apart = [strip for part in parts for strip in (between, part)]
            known = self._rows[key] = (parts, Strip.join(apart[1:]))
        return known[1]

    def _blank(self, width: int) -> Strip:
        if width not in self._blanks:
            self._blanks[width] = Strip.blank(width, self.palette.base)
        return self._blanks[width]

    def _strip(self, cell: Cell, row: int, width: int) -> Strip:
        spot = self.viewport.spot(cell, row)
        if spot is None:
            return self._blank(width)
        layout = self.viewport.pages[spot.page].layout(spot.event)
        one = layout.rows[spot.row]
        current = Stop(spot.page, layout.event.key, one.line - layout.top) in self._current
        if not current and spot.row in layout.strips:
            return layout.strips[spot.row]
        gutter = Piece("▎", "cursor") if current else Piece(" ")
        strip = paint.paint(layout.lines[one.line], one, width, self.palette, gutter=gutter)
        if not current:
            layout.strips[spot.row] = strip
        return strip

    def notify_style_update(self) -> None:
        super().notify_style_update()
        for page in self.viewport.pages:
            page.forget_strips()
        self._rows.clear()
        self._blanks.clear()

    # Keys and clicks

    def action_scroll_end(self) -> None:
        self.viewport.scroll_end()
        self.show_viewport()

    def action_head(self, by: int) -> None:
        block = self.viewport.head(by)
        if block is not None:
            self.viewport.go(block)
            self.show_viewport()
        elif by > 0:
            self.action_scroll_end()
        else:
            self.action_scroll_home()

    def action_unfold(self) -> None:
        self._unfolded = not self._unfolded
        self.viewport.unfold(self._unfolded)
        self._measuring = None
        self.show_viewport()

    def action_difference(self, by: int) -> None:
        """To the next difference; from the current one if that is on the screen, else from
        there."""
        stops = self.viewport.stops()
        rows = list(stops)
        if not rows:
            self.post_message(self.Moved(0, 0))
            return
        top, bottom = self.viewport.top, self.viewport.top + self.viewport.height
        at = next((n for n, here in enumerate(stops.values()) if here == self._current), -1)
        if at >= 0 and top <= rows[at] < bottom:
            number = at + by
        elif by > 0:
            number = next((n for n, row in enumerate(rows) if row >= top), len(rows))
        else:
            number = next((n for n in reversed(range(len(rows))) if rows[n] < top), -1)
        number = min(max(number, 0), len(rows) - 1)
        self._current = stops[rows[number]]
        if not top <= rows[number] < bottom - 3:
            self.viewport.scroll(rows[number] - self.viewport.height // 3)
        self.show_viewport()
        self.post_message(self.Moved(number + 1, len(rows)))

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        offset = event.get_content_offset(self)
        spot = self._spot(offset.x, offset.y) if offset is not None else None
        if spot is None:
            return
        page = self.viewport.pages[spot.page]
        if page.events[spot.event].key == SHARED:
            self.post_message(self.SharedPressed())
        elif self.viewport.toggle(spot):
            self.show_viewport()

    def _spot(self, x: int, y: int) -> Spot | None:
        block, row = self.viewport.row(y)
        if not block:
            return None
        if block[0].page == WIDE:
            return self.viewport.spot(block[0], row)
        side = self.side
        if self.together:
            side = min(x // (self._column(0) + 1), self._sides - 1)
        return self.viewport.spot(block[side], row)
