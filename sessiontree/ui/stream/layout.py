"""Events laid out as rows: what a view needs to draw any of them without knowing all of them.

Only what was looked at is laid out; for the rest a guess at its height stands in until it is
measured, so that opening a session of 100,000 events costs no more than its last screen."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from textual.strip import Strip

from sessiontree.model.event import Event, Text
from sessiontree.ui.stream.draw import CARET, Drawn, Frame, draw, gap, margin
from sessiontree.ui.stream.heights import Heights
from sessiontree.ui.stream.limits import more_text
from sessiontree.ui.stream.line import Line, Row, cells, rows_of
from sessiontree.ui.stream.markdown import Markdown

GUESS = 3
"""Rows of an event that was never laid out."""

_MOST_ROWS = 3_000
"""Rows of laid-out events that are kept, at 6 KB each once they were drawn; the least lately used
go first."""


@dataclass(slots=True, eq=False)
class Layout:
    """The rows of one event, the empty one before it included. `top` is the number of that.
    `strips` is for the view: what it drew of each row; what changed is taken out."""

    event: Event
    gap: Line | None
    lines: list[Line] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    folds: bool = False
    strips: dict[int, Strip] = field(default_factory=dict)
    markdown: Markdown | None = None

    @property
    def top(self) -> int:
        return int(self.gap is not None)

    def row_of(self, line: int, at: int) -> int:
        """The row that shows a character of a line."""
        first = bisect_left(self.rows, line, key=attrgetter("line"))
        last = bisect_left(self.rows, line + 1, key=attrgetter("line"))
        return next((n for n in range(last - 1, first, -1) if self.rows[n].start <= at), first)

    def fill(self, drawn: Drawn, width: int) -> None:
        self.folds = drawn.folds
        self._set_lines(0, drawn.lines, width)

    def grow(self, event: Text, frame: Frame) -> None:
        """Lays out a text, of which the beginning may be here already."""
        self.event = event
        before = margin(event)
        if self.markdown is None:
            room = frame.width - cells(before)
            self.markdown = Markdown(room, limits=frame.limits)
        text = event.text[: frame.limits.text]
        kept = self.markdown.update(text)
        new = [line.within(before) for line in self.markdown.lines[kept:]]
        if len(event.text) > len(text):
            new.append(more_text(len(event.text) - len(text)).within(before))
        if not event.done:
            last = new.pop() if new else Line(margin=before)
            new.append(replace(last, text=last.text + CARET))
        self._set_lines(kept, new, frame.width)

    def _set_lines(self, start: int, lines: Sequence[Line], width: int) -> None:
        """Replaces the lines from `start` on, not counting the empty one before the event."""
        first = start + self.top if start else 0
        if not start and self.gap is not None:
            lines = [self.gap, *lines] if lines else []
        kept = bisect_left(self.rows, first, key=attrgetter("line"))
        del self.lines[first:], self.rows[kept:]
        self.lines += lines
        self.rows += rows_of(lines, width, first)
        self.strips = {row: strip for row, strip in self.strips.items() if row < kept}


@dataclass(frozen=True, slots=True)
class Moved:
    """What a change of the events did to their numbers: those that were at `start` or later
    and are still there moved by `by`."""

    start: int
    by: int


class Page:
    """All events of a stream, and the layout of those that were needed."""

    def __init__(self, frame: Frame, *, unfolded: bool = False) -> None:
        self.events: list[Event] = []
        self.heights = Heights()
        self.frame = frame
        self._all_unfolded = unfolded
        self._toggled: set[str] = set()
        self._layouts: OrderedDict[str, Layout] = OrderedDict()
        self._rows = 0  # of all layouts
        self._sure = bytearray()  # 1 where the height is measured

    # The events

    def load(self, events: Sequence[Event]) -> None:
        """Other events: nothing of the old ones is kept. Costs their number, but little."""
        self.events = list(events)
        self.heights = Heights.same(len(self.events), GUESS)
        self._sure = bytearray(len(self.events))
        self._toggled.clear()
        self._forget()

    def change(self, start: int, events: Sequence[Event]) -> Moved:
        """`events` differ from those known from `start` on. What is the same further back keeps
        its height. Costs what lies behind `start`."""
        start = min(start, len(self.events))
        old, new = self.events[start:], list(events[start:])
        self.events[start:] = new
        same = 0  # events that have only moved
        if len(old) == len(new):
            same = len(new)
        else:
            for one, other in zip(reversed(old), reversed(new), strict=False):
                if one.key != other.key:
                    break
                same += 1
        first_new, first_old = len(new) - same, len(old) - same
        heights = [GUESS] * first_new
        heights += (self.heights[start + index] for index in range(first_old, len(old)))
        sure = bytearray(first_new) + self._sure[start + first_old :]
        for index in range(first_new, len(new)):
            moved_to = index + (index == first_new)  # its gap depends on the one before it
            if moved_to != index or new[index] is not old[index - first_new + first_old]:
                sure[index] = 0
        self.heights.replace_from(start, heights)
        self._sure[start:] = sure
        return Moved(start + first_old, len(new) - len(old))

    def put_in_front(self, events: Sequence[Event]) -> None:
        """More events precede all that are known. Costs their number."""
        self.events[:0] = events
        self.heights.put_in_front([GUESS] * len(events))
        self._sure[:0] = bytes(len(events))
        if len(self.events) > len(events):
            self._sure[len(events)] = 0  # its gap depends on the one before it

    def set_frame(self, frame: Frame) -> None:
        """Another width, say. The heights so far stay as guesses."""
        if frame != self.frame:
            self.frame = frame
            self._sure = bytearray(len(self.events))
            self._forget()

    def is_unfolded(self, index: int) -> bool:
        return self._is_unfolded(self.events[index].key)

    def unfold(self, unfolded: bool) -> None:
        """Unfolds all events, or folds them. The heights so far stay as guesses."""
        self._all_unfolded = unfolded
        self._toggled.clear()
        self._sure = bytearray(len(self.events))
        self._forget()

    def toggle(self, index: int) -> None:
        """Folds or unfolds an event."""
        self._toggled ^= {self.events[index].key}
        self._drop(self.events[index].key)
        self._sure[index] = 0

    # Their layout

    def layout(self, index: int) -> Layout:
        """The rows of an event, laid out now if they are not yet, and its height with them."""
        event = self.events[index]
        known = self._layouts.get(event.key)
        if known and known.event is event and self._sure[index]:
            self._layouts.move_to_end(event.key)
            return known
        before = gap(self.events[index - 1] if index else None, event)
        if not (known and known.event is event and known.gap == before):
            known = self._lay_out(event, before, known)
            self._keep(known)
        self.heights[index] = len(known.rows)
        self._sure[index] = 1
        return known

    def _lay_out(self, event: Event, before: Line | None, known: Layout | None) -> Layout:
        if not isinstance(event, Text):
            fresh = Layout(event, before)
            frame = replace(self.frame, unfolded=self._is_unfolded(event.key))
            fresh.fill(draw(event, frame), self.frame.width)
            return fresh
        if known is None or known.markdown is None or known.gap != before:
            known = Layout(event, before)
        self._drop(event.key)
        known.grow(event, self.frame)
        return known

    def fill_down(self, index: int, rows: int) -> None:
        """Measures events from `index` on until they take `rows`, or end."""
        while rows > 0 and index < len(self.events):
            rows -= self.measured(index)
            index += 1

    def fill_up(self, index: int, rows: int) -> None:
        """Measures events before `index` until they take `rows`, or end."""
        while rows > 0 and index > 0:
            index -= 1
            rows -= self.measured(index)

    def measured(self, index: int) -> int:
        return self.heights[index] if self._sure[index] else len(self.layout(index).rows)

    @property
    def is_measured(self) -> bool:
        return self._sure.find(0) < 0

    def measure(self, near: int) -> Iterator[None]:
        """Measures what is not yet, a screenful or so at a step: first before `near`, then behind
        it."""
        rows = 0
        while True:
            index = self._sure.rfind(0, 0, near)
            if index < 0:
                index = self._sure.find(0, near)
            if index < 0:
                return
            rows += len(self.layout(index).rows) + 4
            if rows > 500:
                rows = 0
                yield

    # What is kept

    def _is_unfolded(self, key: str) -> bool:
        return (key in self._toggled) != self._all_unfolded

    def forget_strips(self) -> None:
        """Colours or marks are others than before."""
        for layout in self._layouts.values():
            layout.strips.clear()

    def _keep(self, layout: Layout) -> None:
        key = layout.event.key
        self._drop(key)
        self._layouts[key] = layout
        self._rows += len(layout.rows) + 1
        while self._rows > _MOST_ROWS and len(self._layouts) > 1:
            self._drop(next(iter(self._layouts)))

    def _drop(self, key: str) -> None:
        layout = self._layouts.pop(key, None)
        if layout:
            self._rows -= len(layout.rows) + 1

    def _forget(self) -> None:
        self._layouts.clear()
        self._rows = 0
