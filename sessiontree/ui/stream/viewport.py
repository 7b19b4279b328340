"""Which part of a page is on the screen, and where it stays when the page changes: at its end
while it follows, else with the same event at the top. Also the cursor: the event that keys act
on. Rows are counted from the page's top."""

from __future__ import annotations

from sessiontree.model.event import Prompt
from sessiontree.ui.stream.layout import Moved, Page


class Viewport:
    """`top` is the first row that is shown; it is right after each call of a method here."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.height = 0
        self.top = 0
        self.follow = True
        self.cursor: int | None = None
        self._anchor = (0, 0)  # the event at the top, and the row of it
        self._fresh = 0  # the first event that came or changed since it does not follow

    @property
    def new_below(self) -> int:
        """How many events came or changed below since the end was left."""
        return 0 if self.follow else len(self.page.events) - self._fresh

    @property
    def total(self) -> int:
        """All rows of the page."""
        return self.page.heights.total

    @property
    def bottom(self) -> int:
        """The last row that can be at the top."""
        return max(0, self.total - self.height)

    @property
    def first(self) -> int:
        """The event at the top."""
        return self.page.heights.find(self.top)[0]

    @property
    def seen(self) -> tuple[str, int] | None:
        """What is in the first row, wherever that is on the page: an event's key, and its row."""
        index, row = self.page.heights.find(self.top)
        return (self.page.events[index].key, row) if index < len(self.page.events) else None

    @property
    def last(self) -> int:
        """The last event of which something is shown, more than the empty row before it."""
        last, row = self.page.heights.find(self.top + max(0, self.height - 1))
        if last >= len(self.page.events):
            return len(self.page.events) - 1
        return last - (row < self.page.layout(last).top and last > 0)

    def reset(self) -> None:
        """Other events are there: to their end."""
        self.follow, self.cursor = True, None
        self.place()

    def resize(self, height: int) -> None:
        self.height = height
        self.place()

    def place(self) -> None:
        """Finds `top` again after heights changed. Measures what is shown and a screenful on
        either side, so that a page up or down lands on what is known."""
        count = len(self.page.events)
        index, row = self._anchor
        if self.follow or not count:
            self.page.fill_up(count, 2 * self.height)
            self.top = self.bottom
            return
        index = min(index, count - 1)
        self.page.fill_down(index, 2 * self.height)
        self.page.fill_up(index, self.height)
        row = min(row, max(0, self.page.heights[index] - 1))
        self.top = min(self.page.heights.start(index) + row, self.bottom)

    def scroll(self, top: int) -> None:
        """Goes where a person scrolled to; takes hold of the end there, and lets go above."""
        self._go(self.page.heights.find(max(0, top)), follow=top >= self.bottom)
        if self.cursor is not None:
            self.cursor = min(max(self.cursor, self.first), self.last)

    def changed(self, start: int, moved: Moved) -> None:
        """The page's events changed from `start` on. `place` has to follow."""
        count = len(self.page.events)
        index, row = self._anchor
        was_last = self.cursor == count - moved.by - 1
        if moved.by and moved.start <= index and not self.follow:
            self._anchor = (max(0, index + moved.by), row)
            self._fresh += moved.by
        else:
            self._fresh = min(self._fresh, max(start, index))
        if self.cursor is not None:
            if self.follow and was_last and moved.start > self.cursor:
                self.cursor = count - 1
            elif self.cursor >= moved.start:
                self.cursor += moved.by
            self.cursor = min(max(0, self.cursor), count - 1) if count else None

    def show(self, index: int) -> None:
        """Puts an event at the top, or as near to it as the end allows."""
        self.cursor = index
        self._go((index, self.page.layout(index).top), follow=False)

    def reveal(self, index: int, row: int) -> None:
        """Scrolls to a row of an event unless it is on the screen: to a third of its height."""
        self.cursor = index
        self.page.measured(index)
        at = self.page.heights.start(index) + row
        if not self.top <= at < self.top + self.height:
            self.page.fill_up(index, self.height)
            at = self.page.heights.start(index) + row
            self._go(self.page.heights.find(max(0, at - self.height // 3)), follow=False)

    def toggle(self, index: int) -> None:
        """Folds or unfolds an event, whose head stays where it is."""
        above = max(0, self.page.heights.start(index) - self.top)
        self.page.toggle(index)
        self.page.measured(index)
        self.cursor = index
        self._go_to(self.page.heights.start(index) - above)

    def move(self, down: bool) -> None:
        """Moves the cursor to the next event, or on within one that is longer than the screen."""
        if not self.page.events:
            return
        if self.cursor is None:
            self.cursor = self.last
            return
        top, end = self._rows(self.cursor)
        if down and end > self.top + self.height:
            self.scroll(self.top + min(end - self.top - self.height, max(1, self.height - 2)))
        elif not down and top < self.top:
            self.scroll(self.top - min(self.top - top, max(1, self.height - 2)))
        else:
            self._step(down)

    def _step(self, down: bool) -> None:
        index = self.cursor or 0
        while True:
            index += 1 if down else -1
            if not 0 <= index < len(self.page.events):
                return
            if self.page.measured(index):
                break
        self.cursor = index
        top, end = self._rows(index)
        fits = end - top <= self.height
        if top < self.top:
            self._go_to(top if fits or down else end - self.height)
        elif end > self.top + self.height:
            self._go_to(end - self.height if fits or not down else top)

    def prompt(self, forward: bool) -> int | None:
        """The next prompt of the main line, seen from the cursor or else from the top."""
        events = self.page.events
        start = self.cursor
        if start is None:
            start = self.first if forward or not self.follow else len(events)
        steps = range(start + 1, len(events)) if forward else range(start - 1, -1, -1)
        for index in steps:
            if isinstance(events[index], Prompt) and not events[index].depth:
                return index
        return None

    def _rows(self, index: int) -> tuple[int, int]:
        self.page.measured(index)
        top = self.page.heights.start(index)
        return top, top + self.page.heights[index]

    def _go_to(self, top: int) -> None:
        self._go(self.page.heights.find(max(0, top)), follow=top >= self.bottom)

    def _go(self, anchor: tuple[int, int], *, follow: bool) -> None:
        if self.follow and not follow:
            self._fresh = len(self.page.events)
        self._anchor, self.follow = anchor, follow
        self.place()
        if not self.follow and self.top >= self.bottom:
            self.follow = True
            self.place()
