"""The stream of a session's events, as the screen knows it: shown, followed, searched, folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from sessiontree.model.event import Event, Prompt
from sessiontree.ui.stream.canvas import Canvas
from sessiontree.ui.stream.layout import Moved
from sessiontree.ui.stream.limits import STREAM, Limits
from sessiontree.ui.stream.line import Span
from sessiontree.ui.stream.search import Found, Search

EMPTY = "Nothing here yet. What you type below begins it."


class StreamView(Canvas, can_focus=True):
    """The events of one session. The screen hands it a feed's `events` and says what changed.

    It follows the end until a person scrolls away from it, and again once they come back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "event(-1)", "Previous event", show=False),
        Binding("j", "event(1)", "Next event", show=False),
        Binding("left_square_bracket", "prompt(-1)", "Previous prompt", show=False),
        Binding("right_square_bracket", "prompt(1)", "Next prompt", show=False),
        Binding("N", "hit(-1)", "Previous hit", show=False),
        Binding("n", "hit(1)", "Next hit", show=False),
        Binding("space", "fold", "Fold or unfold", show=False),
        Binding("enter", "open", "Show in full", show=False),
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
    class SearchChanged(Message):
        """More hits were counted, or another one is the current one; `found` is None where the
        search has ended."""

        view: StreamView
        found: Found | None

        @property
        def control(self) -> StreamView:
            return self.view

    _key: object = None
    _search: Search | None = None
    _stepping: Iterator[None] | None = None
    _counting: Iterator[None] | None = None
    _told: tuple[bool, int] = (True, 0)  # what the last `FollowChanged` said

    def __init__(
        self,
        *,
        opened: Callable[[Event], None] = lambda event: None,
        limits: Limits = STREAM,
        unfolded: bool = False,
        today: Callable[[], date] = date.today,
        id: str | None = None,
    ) -> None:
        """`opened` is called with the event that a person asked all of, before the next key is
        looked at."""
        super().__init__(limits=limits, unfolded=unfolded, today=today, id=id)
        self._opened = opened

    # The events

    def show(
        self, feed_events: Sequence[Event], *, key: object, cwd: str = "", empty: str = EMPTY
    ) -> None:
        """Shows other events, from their end: of the session that `key` names. Nothing of the
        ones before is kept. `cwd`: paths are shown from there; `empty`: said when there is
        nothing. Costs the last screen, and a few bytes for each event."""
        self._key, self._empty = key, empty
        self.end_search()
        self.page.frame = replace(self.page.frame, cwd=cwd, today=self._today())
        self.page.load(feed_events)
        self.load()

    def say_empty(self, words: str) -> None:
        """What is said while there are no events, from here on."""
        if words != self._empty:
            self._empty = words
            self.refresh()

    def changed(self, start: int, feed_events: Sequence[Event]) -> None:
        """The events shown are others from index `start` on (see `Feed.take`)."""
        moved = self.page.change(start, feed_events)
        self.viewport.changed(start, moved)
        self._search_again(start)
        self.change(start, moved.start, moved.by)

    def put_in_front(self, feed_events: Sequence[Event]) -> None:
        """More events precede all that are shown; what is on the screen stays. Costs their
        number."""
        if feed_events:
            by = len(feed_events)
            begins_here = self.viewport.first == 0  # the gap before the first may be another now
            self.page.put_in_front(feed_events)
            self.viewport.changed(0, Moved(0, by))
            self._search_again(0)
            self.change(by if begins_here else len(self.page.events), 0, by)

    def _search_again(self, start: int) -> None:
        if self._search:
            self._search.changed(start)
            self._counting = self._search.count()
            self.start_idle()

    @property
    def key(self) -> object:
        """What `show` was told the events are of."""
        return self._key

    @property
    def follow(self) -> bool:
        """Whether the view stays at the end when more comes in."""
        return self.viewport.follow

    @property
    def new_below(self) -> int:
        """How many events came or changed below since the end was left."""
        return self.viewport.new_below

    @property
    def current(self) -> Event | None:
        """The event under the cursor."""
        cursor = self.viewport.cursor
        return None if cursor is None else self.page.events[cursor]

    @property
    def turn(self) -> Prompt | None:
        """The prompt whose turn the cursor is in, or else the top of the screen; the last one
        while the view follows."""
        cursor = self.viewport.cursor
        if cursor is None:
            cursor = self.viewport.last if self.follow else self.viewport.first
        for event in reversed(self.page.events[: cursor + 1]):
            if isinstance(event, Prompt) and not event.depth:
                return event
        return None

    def go_to_turn(self, turn: int | str) -> bool:
        """Puts a turn's prompt at the top: by its number or its key. False if it is not there."""
        for index, event in enumerate(self.page.events):
            if isinstance(event, Prompt) and not event.depth and turn in (event.number, event.key):
                self.viewport.show(index)
                self.show_viewport()
                return True
        return False

    def go_to_end(self) -> None:
        """To the end, and follow it."""
        self.viewport.reset()
        self.show_viewport()

    def on_placed(self) -> None:
        now = (self.follow, self.new_below)
        if now != self._told:
            self._told = now
            self.post_message(self.FollowChanged(self, *now))
            self.refresh_lines(self.viewport.top + self.viewport.height - 1)

    # Search

    def find(self, query: str) -> None:
        """Searches for `query` and goes to the last hit that is not below the screen. An empty
        one ends the search. Posts `SearchChanged`, again and again until all is counted."""
        if not query:
            self.end_search()
            return
        self._search = Search(self.page, query)
        self._counting = self._search.count()
        self.repaint()
        self.previous_hit()
        self.start_idle()

    def next_hit(self) -> None:
        self.action_hit(1)

    def previous_hit(self) -> None:
        self.action_hit(-1)

    def end_search(self) -> None:
        if self._search:
            self._search = self._stepping = self._counting = None
            self.post_message(self.SearchChanged(self, None))
            self.repaint()

    def marks(self, index: int, line: int, text: str) -> list[Span]:
        return self._search.marks(index, line, text) if self._search else []

    def has_current_mark(self, index: int) -> bool:
        return bool(self._search and self._search.place and self._search.place.event == index)

    def idle(self) -> bool:
        if self._search and self._stepping:
            self._seek()
            return True
        if self._search and self._counting:
            if next(self._counting, self._counting) is self._counting:
                self._counting = None
            self.post_message(self.SearchChanged(self, self._search.found))
            return True
        return False

    def _seek(self) -> None:
        """Does a step of the way to the next hit, and shows it once it is found."""
        if not (self._search and self._stepping):
            return
        if next(self._stepping, self._stepping) is not self._stepping:
            self.start_idle()
            return
        self._stepping = None
        if place := self._search.place:
            row = self.page.layout(place.event).row_of(place.line, place.at)
            self.viewport.reveal(place.event, row)
            self.show_viewport()
        self.post_message(self.SearchChanged(self, self._search.found))
        self.refresh()

    # Keys and clicks

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.screen.focused is not self:
            return False  # typed ahead of a focus that has moved on: not for this view
        if action == "hit":
            return self._search is not None  # without a search the keys are the screen's
        return super().check_action(action, parameters)

    def action_scroll_end(self) -> None:
        self.go_to_end()

    def action_event(self, by: int) -> None:
        self.viewport.move(down=by > 0)
        self.show_viewport()

    def action_prompt(self, by: int) -> None:
        index = self.viewport.prompt(forward=by > 0)
        if index is not None:
            self.viewport.show(index)
            self.show_viewport()
        elif by > 0:
            self.go_to_end()

    def action_hit(self, by: int) -> None:
        if self._search:
            start = self.viewport.first if by > 0 else self.viewport.last
            self._stepping = self._search.step(by > 0, start)
            self._seek()

    def action_fold(self) -> None:
        """Folds or unfolds the event under the cursor."""
        index = self._at_cursor()
        if index is not None and self.page.layout(index).folds:
            self.viewport.toggle(index)
            self.show_viewport()

    def action_open(self) -> None:
        """Says that all of the event under the cursor is wanted."""
        index = self._at_cursor()
        if index is not None:
            self._opened(self.page.events[index])

    def _at_cursor(self) -> int | None:
        """The event that keys act on: the last one on the screen as long as none was chosen."""
        if self.viewport.cursor is None and self.page.events:
            self.viewport.cursor = self.viewport.last
            self.refresh()
        return self.viewport.cursor

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()  # Textual's own: a second click selects everything
        offset = event.get_content_offset(self)
        if offset is None or not self.page.events:
            return
        if self.new_below and offset.y == self.viewport.height - 1:
            self.go_to_end()
            return
        index, number = self.page.heights.find(self.viewport.top + offset.y)
        if index >= len(self.page.events):
            return
        if event.chain > 1:
            self.select(index, number, offset.x, whole=event.chain > 2)
        elif not self.text_selection:
            self.viewport.cursor = index
            layout = self.page.layout(index)
            line = layout.lines[layout.rows[number].line]
            if layout.folds and (number == layout.top or line.style == "more"):
                self.viewport.toggle(index)
            self.show_viewport()
