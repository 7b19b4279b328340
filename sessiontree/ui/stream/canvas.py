"""A page of events on the screen: drawn row by row where they are seen, scrolled, selected.

It keeps plain data. What changed is laid out once for all calls that are waiting; what nobody
saw yet is measured when there is nothing else to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip

from sessiontree.ui.stream import paint, words
from sessiontree.ui.stream.draw import Frame
from sessiontree.ui.stream.layout import Layout, Page
from sessiontree.ui.stream.limits import STREAM, Limits
from sessiontree.ui.stream.line import Piece, Span
from sessiontree.ui.stream.scroller import Scroller
from sessiontree.ui.stream.selected import Places
from sessiontree.ui.stream.viewport import Viewport

GUTTER = 1
"""Cells on the left, where the cursor is shown; as many stay free at the right."""

_LEAST_WIDTH = 20


class Canvas(Scroller):
    """Draws a page. What stands on it, and what keys do, is its heirs' business."""

    viewport: Viewport

    def __init__(
        self,
        *,
        limits: Limits = STREAM,
        unfolded: bool = False,
        today: Callable[[], date] = date.today,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.page = Page(Frame(80, limits=limits), unfolded=unfolded)
        self.viewport = Viewport(self.page)
        self._places = Places()
        self._today = today
        self._empty = ""
        self._changed_from: int | None = None  # the first event that changed and is not placed
        self._measuring: Iterator[None] | None = None
        self._seen: tuple[str, int] | None = None  # what was in the first row when it was drawn
        self._growing = False
        self._is_drawing = False

    # For heirs

    def marks(self, index: int, line: int, text: str) -> list[Span]:
        """What is to be marked in a line of an event, as spans."""
        return []

    def has_current_mark(self, index: int) -> bool:
        """Whether a mark in this event can change from one drawing to the next."""
        return False

    def on_placed(self) -> None:
        """The page or the part of it that is shown has changed."""

    # Where we are on the page

    def load(self) -> None:
        """The page was loaded anew: shows its end."""
        self._places = Places()
        self._measuring = None
        self._clear_selection()
        self.viewport.reset()
        self.show_viewport()

    def change(self, start: int, moved_start: int, by: int) -> None:
        """Events of the page changed from `start` on; see `Page.change` for the others."""
        if by and moved_start == 0:
            self._places.origin += by
        elif by and moved_start < len(self.page.events) - by:
            self._clear_selection()
        if self._changed_from is None and self.viewport.height:
            self.call_next(self.place)
        before = self._changed_from
        self._changed_from = start if before is None else min(start, before)

    def place(self) -> None:
        """Lays out what is on the screen after a change. Called by itself."""
        changed, self._changed_from = self._changed_from, None
        self.viewport.place()
        self.show_viewport(changed if self.viewport.seen == self._seen else None)

    def show_viewport(self, changed: int | None = None) -> None:
        """Draws what the viewport shows; if it is where it was, only events from `changed` on."""
        if not self.viewport.height:
            return  # not on the screen yet
        self._seen = self.viewport.seen
        self.set_extent()
        if changed is None:
            self.refresh()
        else:
            row = self.page.heights.start(min(changed, len(self.page.events))) - self.viewport.top
            below = self.viewport.height - max(0, row)
            if below > 0:
                self.refresh(Region(0, max(0, row), self.inner_width, below))
        self.on_placed()
        if not self.page.is_measured and not self._growing:
            self._measuring = self._measuring or self.page.measure(self.viewport.first)
            self.start_idle()

    def on_resize(self) -> None:
        width = max(_LEAST_WIDTH, self.inner_width - 2 * GUTTER)
        frame = replace(self.page.frame, width=width, today=self._today())
        if frame != self.page.frame:
            self.page.set_frame(frame)
            self._measuring = None
            self._clear_selection()  # it counts rows
        self._changed_from = None
        self.viewport.resize(self.scrollable_content_region.height)
        self.show_viewport()

    def grow(self, growing: bool) -> None:
        """Whether more will soon come in front. What nobody saw is not measured meanwhile: that
        would only be in its way."""
        if growing != self._growing:
            self._growing = growing
            self._measuring = None
            if not growing:
                self.call_next(self.place)

    def _idle_step(self) -> None:
        if self._measuring:
            if next(self._measuring, self._measuring) is self._measuring:
                self._measuring = None
            self.viewport.place()
            self.set_extent()  # what is on the screen stays as it is
        else:
            super()._idle_step()

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        self._is_drawing = True
        try:
            return super().render_lines(crop)
        finally:
            self._is_drawing = False

    def render_line(self, y: int) -> Strip:
        palette, width = self.palette, self.inner_width
        if not self.page.events:
            return paint.sentence(self._empty, y, width, palette)
        index, number = self.page.heights.find(self.viewport.top + y)
        if index >= len(self.page.events):
            return Strip.blank(width, palette.base)
        layout = self.page.layout(index)
        if number >= len(layout.rows):  # it changed, and is about to be placed
            return Strip.blank(width, palette.base)
        strip = self._strip(index, layout, number, palette)
        place = self._places.y(index, number)
        if (selection := self.text_selection) and (span := selection.get_span(place)):
            row = layout.rows[number]
            style = self.screen.get_component_rich_style("screen--selection")
            strip = paint.selected(strip, layout.lines[row.line], row, span, style, gutter=GUTTER)
        if self.viewport.new_below and y == self.viewport.height - 1:
            text = f"{words.counted(self.viewport.new_below, 'new below', 'new below')} ↓"
            strip = paint.badge(strip, text, width, palette["badge"])
        # A fifth of the cost of a row, for what only the mouse asks for when it selects.
        return strip if self._is_drawing else strip.apply_offsets(0, place)

    def _strip(self, index: int, layout: Layout, number: int, palette: paint.Palette) -> Strip:
        is_cursor = index == self.viewport.cursor and self.has_focus and number >= layout.top
        lasts = not is_cursor and not self.has_current_mark(index)
        if lasts and number in layout.strips:
            return layout.strips[number]
        row = layout.rows[number]
        line = layout.lines[row.line]
        gutter = Piece("▎", "cursor") if is_cursor else Piece(" " * GUTTER)
        marks = self.marks(index, row.line, line.text)
        strip = paint.paint(line, row, self.inner_width, palette, gutter=gutter, marks=marks)
        if lasts:
            layout.strips[number] = strip
        return strip

    def repaint(self) -> None:
        """Draws anew what was drawn already: its marks or colours are others."""
        self.page.forget_strips()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.page.forget_strips()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # Selection

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return self._places.copied(self.page, selection, GUTTER), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def select(self, index: int, row: int, x: int, *, whole: bool) -> None:
        """Selects the word at a cell of a row, or the `whole` event."""
        layout = self.page.layout(index)
        if whole:
            selection = self._places.all_of(index, layout)
        else:
            selection = self._places.word(index, layout, row, x, GUTTER)
        self.screen.selections = {self: selection}

    def _clear_selection(self) -> None:
        if self.is_attached and self.text_selection:
            self.screen.clear_selection()
