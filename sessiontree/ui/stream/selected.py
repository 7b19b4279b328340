"""Selected text. Textual names a place by two numbers, and ours must not change when events
come in or rows are measured: a place is a character in a row of an event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import set_cell_size
from textual.geometry import Offset
from textual.selection import Selection

from sessiontree.ui.stream.layout import Layout, Page
from sessiontree.ui.stream.line import Line, Row, cells
from sessiontree.ui.stream.paint import prefix

_ROWS = 1 << 24  # more than an event can have

_NOT_COPIED = frozenset({"number", "sign", "sign-tool", "guide", "faint", "pad"})
"""Styles of what stands before a text and is not part of it."""


@dataclass(slots=True)
class Places:
    """Numbers rows so that those of an event stay the same when others come in before all."""

    origin: int = 0  # how many events came in before the first

    def y(self, index: int, row: int) -> int:
        return (index - self.origin) * _ROWS + row

    def event(self, y: int) -> tuple[int, int]:
        """Index of the event and number of the row in it."""
        index, row = divmod(y, _ROWS)
        return index + self.origin, row

    def copied(self, page: Page, selection: Selection, gutter: int) -> str:
        """The text of a selection: lines as they were before they were wrapped, without what
        only sets them out. Costs the events that are selected."""
        count = len(page.events)
        first, _ = self.event(selection.start.y) if selection.start else (0, 0)
        last, _ = self.event(selection.end.y) if selection.end else (count - 1, 0)
        parts: list[str] = []
        for index in range(max(0, first), min(last + 1, count)):
            layout = page.layout(index)
            for number, row in enumerate(layout.rows):
                span = selection.get_span(self.y(index, number))
                if span:
                    line = layout.lines[row.line]
                    if parts:
                        parts.append(
                            "\n" if row.start == 0 else _left_out(layout.rows, number, line)
                        )
                    parts.append(_part(line, row, *span, gutter))
        return "".join(parts)

    def all_of(self, index: int, layout: Layout) -> Selection:
        """An event as a whole."""
        last = len(layout.rows) - 1
        return Selection(Offset(0, self.y(index, layout.top)), Offset(1 << 20, self.y(index, last)))

    def word(self, index: int, layout: Layout, number: int, x: int, gutter: int) -> Selection:
        """What stands between two spaces at cell `x` of a row."""
        row = layout.rows[number]
        line = layout.lines[row.line]
        before = gutter + sum(len(piece.text) for piece in prefix(line, row))
        text = line.text[row.start : row.end]
        at = len(set_cell_size(text, max(0, x - gutter - cells(prefix(line, row)))))
        start, end = text.rfind(" ", 0, at) + 1, text.find(" ", at)
        end = len(text) if end < 0 else end
        place = self.y(index, number)
        return Selection(Offset(before + start, place), Offset(before + end, place))


def _part(line: Line, row: Row, start: int, end: int, gutter: int) -> str:
    """What is selected of a row, `start` and `end` (-1: to its end) counting its characters."""
    at = gutter
    parts = []
    pieces: Iterator[tuple[str, bool]] = (
        (piece.text, row.start == 0 and piece.style not in _NOT_COPIED)
        for piece in prefix(line, row)
    )
    margin = sum(len(piece.text) for piece in line.margin)
    for text, is_own in (*pieces, (line.text[row.start : row.end], True)):
        if is_own and at >= gutter + margin:
            stop = len(text) if end < 0 else end - at
            parts.append(text[max(0, start - at) : max(0, stop)])
        at += len(text)
    return "".join(parts)


def _left_out(rows: list[Row], number: int, line: Line) -> str:
    """The spaces at which a line was wrapped."""
    before = rows[number - 1] if number else None
    return line.text[before.end : rows[number].start] if before else ""
