"""The stream: all events of a session, scrolled, searched, folded and selected, drawn row by row.

The view keeps plain data and draws what is on the screen. What changed is laid out once for all
calls that are waiting; what nobody saw yet is measured when there is nothing else to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from sessiontree.model.event import Event, Prompt
from sessiontree.ui.stream import paint, words
from sessiontree.ui.stream.draw import Frame
from sessiontree.ui.stream.layout import Layout, Page
from sessiontree.ui.stream.limits import STREAM, Limits
from sessiontree.ui.stream.line import Line, Piece, rows_of
from sessiontree.ui.stream.search import Found, Search
from sessiontree.ui.stream.selected import Places, word
from sessiontree.ui.stream.viewport import Viewport

EMPTY = "Nothing here yet. What you type below begins it."

GUTTER = 1
"""Cells on the left, where the cursor is shown; as many stay free at the right."""

_IDLE = 1 / 50  # seconds between two steps of what is done in the background


class StreamView(ScrollView, can_focus=True):
    """The events of one session. The screen hands it a feed's `events` and says what changed.

    It follows the end until a person scrolls away from it, and again once they come back."""

    DEFAULT_CSS = paint.DEFAULT_CSS
    COMPONENT_CLASSES: ClassVar[set[str]] = {paint.PREFIX + name for name in paint.STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "Up", show=False),
        Binding("down", "scroll_down", "Down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page_down", "Page down", show=False),
        Binding("home,g", "scroll_home", "Start", show=False),
        Binding("end,G", "scroll_end", "End", show=False),
        Binding("j", "next_event", "Next event", show=False),
        Binding("k", "previous_event", "Previous event", show=False),
        Binding("left_square_bracket", "previous_prompt", "Previous prompt", show=False),
        Binding("right_square_bracket", "next_prompt", "Next prompt", show=False),
        Binding("space", "fold", "Fold", show=False),
        Binding("enter", "open", "Open", show=False),
        Binding("n", "next_hit", "Next hit", show=False),
        Binding("N", "previous_hit", "Previous hit", show=False),
    ]

    @dataclass
    class FollowChanged(Message):
        """The view took hold of the end or let it go, or more came in below."""

        view: StreamView
        follow: bool
        new_below: int

        @property
        def control(self) -> StreamView:
            return self.view

    @dataclass
    class EventOpened(Message):
        """A person asked for all of an event."""

        view: StreamView
        event: Event

        @property
        def control(self) -> StreamView:
            return self.view

    @dataclass
    class SearchChanged(Message):
        """More hits were counted, or another one is the current one; `found` is None where the
        search has ended."""

        view: StreamView
        found: Found | None

        @property
        def control(self) -> StreamView:
            return self.view

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
        self._viewport = Viewport(self.page)
        self._places = Places()
        self._search: Search | None = None
        self._palette: paint.Palette | None = None
        self._today = today
        self._key: object = None
        self._empty = EMPTY
        self._stale_from: int | None = None  # the first event that changed and is not placed yet
        self._hit: tuple[int, int, int] | None = None  # event, line and character of the current
        self._measuring: Iterator[None] | None = None
        self._counting: Iterator[None] | None = None
        self._idle: Timer | None = None
        self._told = (True, 0)  # what the last `FollowChanged` said

    # What the screen does

    def show(
        self, feed_events: Sequence[Event], *, key: object, cwd: str = "", empty: str = EMPTY
    ) -> None:
        """Shows other events, from their end: of the session that `key` names. Nothing of the
        ones before is kept. `cwd`: paths are shown from there; `empty`: said when there is
        nothing. Costs the last screen, and a few bytes for each event."""
        self._key, self._empty = key, empty
        self.page.frame = replace(self.page.frame, cwd=cwd, today=self._today())
        self.page.load(feed_events)
        self._places = Places()
        self.end_search()
        if self.is_attached and self.text_selection:
            self.screen.clear_selection()
        self._viewport.reset()
        self._placed()

    def changed(self, start: int, feed_events: Sequence[Event]) -> None:
        """The events shown are others from index `start` on (see `Feed.take`)."""
        moved = self.page.change(start, feed_events)
        self._viewport.changed(start, moved)
        if self._search:
            self._search.changed(start)
            self._hit = None if self._hit and self._hit[0] >= start else self._hit
            self._count()
        if moved.by and moved.start == 0:
            self._places.origin += moved.by
        elif moved.by and moved.start < len(self.page.events) - moved.by and self.text_selection:
            self.screen.clear_selection()
        if self._stale_from is None and self._viewport.height:
            self.call_next(self.place)
        self._stale_from = start if self._stale_from is None else min(start, self._stale_from)

    @property
    def key(self) -> object:
        """What `show` was told the events are of."""
        return self._key

    @property
    def follow(self) -> bool:
        """Whether the view stays at the end when more comes in."""
        return self._viewport.follow

    @property
    def new_below(self) -> int:
        return self._viewport.new_below

    @property
    def current(self) -> Event | None:
        """The event under the cursor."""
        cursor = self._viewport.cursor
        return None if cursor is None else self.page.events[cursor]

    @property
    def turn(self) -> Prompt | None:
        """The prompt whose turn the cursor is in, or else the top of the screen; the last one
        while the view follows."""
        cursor = self._viewport.cursor
        if cursor is None:
            cursor = self._viewport.last if self.follow else self._viewport.first
        for event in reversed(self.page.events[: cursor + 1]):
            if isinstance(event, Prompt) and not event.depth:
                return event
        return None

    def go_to_turn(self, turn: int | str) -> bool:
        """Puts a turn's prompt at the top: by its number or its key. False if it is not there."""
        for index, event in enumerate(self.page.events):
            if isinstance(event, Prompt) and not event.depth and turn in (event.number, event.key):
                self._viewport.show(index)
                self._placed()
                return True
        return False

    def go_to_end(self) -> None:
        """To the end, and follow it."""
        self._viewport.reset()
        self._placed()

    # Search

    def find(self, query: str) -> None:
        """Searches for `query` and goes to the last hit before the end of the screen. An empty
        one ends the search. Posts `SearchChanged`, again and again until all is counted."""
        if not query:
            self.end_search()
            return
        self._search = Search(self.page, query)
        self.page.forget_strips()
        self._count()
        self._step(forward=False, start=max(0, self._viewport.last))

    def next_hit(self) -> None:
        self._step(forward=True, start=self._viewport.first)

    def previous_hit(self) -> None:
        self._step(forward=False, start=self._viewport.last)

    def end_search(self) -> None:
        if self._search:
            self._search = self._hit = self._counting = None
            self.post_message(self.SearchChanged(self, None))
            self.page.forget_strips()
            self.refresh()

    def _step(self, *, forward: bool, start: int) -> None:
        if not self._search:
            return
        place = self._search.step(forward, start)
        self._hit = None
        if place:
            line, at = self._search.hit(place)
            self._hit = (place.event, line, at)
            rows = self.page.layout(place.event).rows
            shown = [number for number, row in enumerate(rows) if row.line == line]
            row = next(
                (n for n in reversed(shown) if rows[n].start <= at), shown[0] if shown else 0
            )
            self._viewport.reveal(place.event, row)
            self._placed()
        self.post_message(self.SearchChanged(self, self._search.found))
        self.refresh()

    def _count(self) -> None:
        if self._search:
            self._counting = self._search.count()
            self._work()

    # What is on the screen

    def place(self) -> None:
        """Lays out what is on the screen, after a change or at another size. Called by itself."""
        stale, self._stale_from = self._stale_from, None
        top = self._viewport.top
        self._viewport.place()
        self._placed(stale if top == self._viewport.top else None)

    def _placed(self, stale: int | None = None) -> None:
        """Shows what the viewport shows; of the events only those from `stale` on are new, unless
        it is None."""
        if not self._viewport.height:
            return  # not on the screen yet
        if self._set_extent(self._viewport.top) or stale is None:
            self.refresh()
        else:
            row = self.page.heights.start(min(stale, len(self.page.events))) - self._viewport.top
            below = self._viewport.height - max(0, row)
            if below > 0:
                self.refresh(Region(0, max(0, row), self._width, below))
        now = (self.follow, self.new_below)
        if now != self._told:
            self._told = now
            self.post_message(self.FollowChanged(self, *now))
            self.refresh_lines(self._viewport.top + self._viewport.height - 1)
        if not self.page.is_measured:
            self._measuring = self._measuring or self.page.measure(self._viewport.first)
            self._work()

    def _set_extent(self, top: int) -> bool:
        """Tells Textual how long the page is and where we are in it; whether that is elsewhere
        than before. Not by assignment, which would lay the screen out anew each time."""
        total = self.page.heights.total
        moves = round(self.scroll_y) != top
        self.set_reactive(Widget.virtual_size, Size(self._width, total))
        self.set_reactive(Widget.scroll_y, float(top))
        self.set_reactive(Widget.scroll_target_y, float(top))
        self.vertical_scrollbar.window_virtual_size = total
        self.vertical_scrollbar.position = top
        return moves

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(new_value) != self._viewport.top:
            self._viewport.scroll(round(new_value))
            self._placed()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def on_resize(self) -> None:
        width = max(20, self._width - 2 * GUTTER)
        frame = replace(self.page.frame, width=width, today=self._today())
        if frame != self.page.frame:
            self.page.set_frame(frame)
            self._measuring = None
            if self.text_selection:
                self.screen.clear_selection()  # it counts rows
        self._viewport.resize(self.size.height)
        self._placed()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._palette = None
        self.page.forget_strips()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _work(self) -> None:
        """Starts what is done in the background, a step at a time."""
        if self._idle is None:
            self._idle = self.set_interval(_IDLE, self._idle_step, pause=True)
        self._idle.resume()

    def _idle_step(self) -> None:
        if self._measuring:
            if next(self._measuring, self._measuring) is self._measuring:
                self._measuring = None
            self._viewport.place()
            self._set_extent(self._viewport.top)  # the rows on the screen are the same
        elif self._counting and self._search:
            if next(self._counting, self._counting) is self._counting:
                self._counting = None
            self.post_message(self.SearchChanged(self, self._search.found))
        elif self._idle:
            self._idle.pause()

    # Drawing

    def render_line(self, y: int) -> Strip:
        palette = self._palette = self._palette or paint.Palette.of(self)
        width = self._width
        if not self.page.events:
            return self._help(y, palette)
        index, number = self.page.heights.find(self._viewport.top + y)
        if index >= len(self.page.events):
            return Strip.blank(width, palette.base)
        layout = self.page.layout(index)
        if number >= len(layout.rows):  # it changed, and is about to be placed
            return Strip.blank(width, palette.base)
        strip = self._strip(index, layout, number, palette)
        place = self._places.y(index, number)
        if (selection := self.text_selection) and (span := selection.get_span(place)):
            strip = self._selected(strip, layout, number, span)
        if self.new_below and y == self._viewport.height - 1:
            text = f"{words.counted(self.new_below, 'new below', 'new below')} ↓"
            strip = paint.badge(strip, text, width, palette["badge"])
        return strip.apply_offsets(0, place)

    def _strip(self, index: int, layout: Layout, number: int, palette: paint.Palette) -> Strip:
        is_cursor = index == self._viewport.cursor and self.has_focus and number >= layout.top
        has_hit = self._hit is not None and self._hit[0] == index
        if not (is_cursor or has_hit) and number in layout.strips:
            return layout.strips[number]
        row = layout.rows[number]
        line = layout.lines[row.line]
        gutter = Piece("▎", "cursor") if is_cursor else Piece(" " * GUTTER)
        marks = self._search.spans(line.text) if self._search else []
        if self._hit and has_hit and row.line == self._hit[1]:
            marks = [
                (start, end, "match-current" if start == self._hit[2] else style)
                for start, end, style in marks
            ]
        strip = paint.paint(line, row, self._width, palette, gutter=gutter, marks=marks)
        if not (is_cursor or has_hit):
            layout.strips[number] = strip
        return strip

    def _selected(self, strip: Strip, layout: Layout, number: int, span: tuple[int, int]) -> Strip:
        row = layout.rows[number]
        line = layout.lines[row.line]
        before = GUTTER + sum(len(piece.text) for piece in line.margin)
        after = GUTTER + sum(len(piece.text) for piece in paint.prefix(line, row))
        after += row.end - row.start
        start, end = max(span[0], before), after if span[1] < 0 else min(span[1], after)
        style = self.screen.get_component_rich_style("screen--selection")
        return paint.highlighted(strip, start, max(start, end), style)

    def _help(self, y: int, palette: paint.Palette) -> Strip:
        width = self._width
        line = Line(self._empty, lead=(Piece("  "),), hang=(Piece("  "),), style="help")
        rows = rows_of([line], width - 2 * GUTTER)
        if not 1 <= y <= len(rows):
            return Strip.blank(width, palette.base)
        return paint.paint(line, rows[y - 1], width, palette, gutter=Piece(" "))

    # Selection

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return self._places.copied(self.page, selection, GUTTER), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    # Keys and clicks

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("next_hit", "previous_hit"):
            return self._search is not None
        return super().check_action(action, parameters)

    def action_scroll_up(self) -> None:
        self._scroll(self._viewport.top - 1)

    def action_scroll_down(self) -> None:
        self._scroll(self._viewport.top + 1)

    def action_page_up(self) -> None:
        self._scroll(self._viewport.top - max(1, self._viewport.height - 2))

    def action_page_down(self) -> None:
        self._scroll(self._viewport.top + max(1, self._viewport.height - 2))

    def action_scroll_home(self) -> None:
        self._scroll(0)

    def action_scroll_end(self) -> None:
        self.go_to_end()

    def _scroll(self, top: int) -> None:
        self._viewport.scroll(top)
        self._placed()

    def action_next_event(self) -> None:
        self._viewport.move(down=True)
        self._placed()

    def action_previous_event(self) -> None:
        self._viewport.move(down=False)
        self._placed()

    def action_next_prompt(self) -> None:
        index = self._viewport.prompt(forward=True)
        if index is None:
            self.go_to_end()
        else:
            self._viewport.show(index)
            self._placed()

    def action_previous_prompt(self) -> None:
        index = self._viewport.prompt(forward=False)
        if index is not None:
            self._viewport.show(index)
            self._placed()

    def action_next_hit(self) -> None:
        self.next_hit()

    def action_previous_hit(self) -> None:
        self.previous_hit()

    def action_fold(self) -> None:
        """Folds or unfolds the event under the cursor."""
        index = self._at_cursor()
        if index is not None and self.page.layout(index).folds:
            self._viewport.toggle(index)
            self._placed()

    def action_open(self) -> None:
        """Asks for all of the event under the cursor."""
        index = self._at_cursor()
        if index is not None:
            self.post_message(self.EventOpened(self, self.page.events[index]))

    def _at_cursor(self) -> int | None:
        """The event that keys act on: the last one on the screen as long as none was chosen."""
        if self._viewport.cursor is None and self.page.events:
            self._viewport.cursor = self._viewport.last
            self.refresh()
        return self._viewport.cursor

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()  # Textual's own: a second click selects everything
        offset = event.get_content_offset(self)
        if offset is None or not self.page.events:
            return
        if self.new_below and offset.y == self._viewport.height - 1:
            self.go_to_end()
            return
        index, number = self.page.heights.find(self._viewport.top + offset.y)
        if index >= len(self.page.events):
            return
        if event.chain > 1:
            self._select(index, number, offset.x, whole=event.chain > 2)
        elif not self.text_selection:
            self._viewport.cursor = index
            layout = self.page.layout(index)
            line = layout.lines[layout.rows[number].line]
            if layout.folds and (number == layout.top or line.style == "more"):
                self._viewport.toggle(index)
            self._placed()

    def _select(self, index: int, number: int, x: int, *, whole: bool) -> None:
        """Selects the word at a place, or the event."""
        place = self._places.y(index, number)
        if whole:
            selection = self._places.all_of(self.page, index)
        else:
            text = self.render_line(
                self.page.heights.start(index) + number - self._viewport.top
            ).text
            start, end = word(text, min(x, len(text) - 1))
            selection = Selection(Offset(start, place), Offset(end, place))
        self.screen.selections = {self: selection}
