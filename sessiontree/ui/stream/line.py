"""Lines of styled text as plain data, and how they break into rows of a given width.

Nothing here knows Textual: a style is the name of one of the view's component classes, and the
view looks its colours up when it draws. Text in a line is clean, on one line, and without tabs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes

TAB = 4
MOST_INDENT = 24
"""Cells that a line's further rows are set in at most."""

Span = tuple[int, int, str]
"""Start, end (in characters) and style of a part of a line's text."""


class Piece(NamedTuple):
    """A bit of text that stands before or behind a line's own."""

    text: str
    style: str = ""


Pieces = tuple[Piece, ...]


class Row(NamedTuple):
    """What one row of the screen shows of a line: `text[start:end]` of the line at `line`."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line. `margin` stands before each of its rows, then `lead` before the first
    and `hang` before the others. `tail` is set right on the first row, and `rule` fills what is
    empty there. `style` colours the text, `fill` all that is right of the margin. A line that
    does not `wrap` is cut with an ellipsis."""

    text: str = ""
    spans: tuple[Span, ...] = ()
    margin: Pieces = ()
    lead: Pieces = ()
    hang: Pieces = ()
    tail: Pieces = ()
    style: str = ""
    fill: str = ""
    rule: str = ""
    wrap: bool = True

    def within(self, margin: Pieces) -> Line:
        """The line with `margin` in front of its own."""
        # Not by `replace`, which takes five times as long; this is done for every line.
        return Line(
            self.text,
            self.spans,
            margin + self.margin,
            self.lead,
            self.hang,
            self.tail,
            self.style,
            self.fill,
            self.rule,
            self.wrap,
        )


def code_line(source: str, spans: tuple[Span, ...] = (), lead: Pieces = ()) -> Line:
    """A line of code; what does not fit goes on a little further in than it began."""
    return Line(source, spans, lead=lead, hang=(*lead, hanging(source)), fill="block")


def hanging(source: str) -> Piece:
    """What the further rows of a line of code are set in by."""
    return Piece(" " * min(len(source) - len(source.lstrip(" ")) + 2, MOST_INDENT))


def cells(pieces: Sequence[Piece]) -> int:
    """How many cells of the terminal the pieces take."""
    return sum([cell_len(piece.text) for piece in pieces]) if pieces else 0


def plain(text: str) -> str:
    """`text` as a line can hold it: on one line, tabs as spaces."""
    if "\n" in text:
        text = text.replace("\n", " ")
    return text.expandtabs(TAB) if "\t" in text else text


# Every character here is one cell wide, so that cells can be counted as characters.
_NARROW = re.compile(
    "[ -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u0490-\u0590\u2010-\u2027\u2030-\u205e"
    "\u2190-\u2199\u2500-\u25fc\u2800-\u28ff]*"
)


def wrap(text: str, first: int, width: int) -> list[tuple[int, int]]:
    """Where `text` breaks: start and end of each row, the `first` cells wide and the others
    `width`. Breaks at spaces, which are left out there, between wide characters, and within a
    word only if it is wider than a row. Linear in the text."""
    first, width = max(1, first), max(2, width)
    if _NARROW.fullmatch(text):
        return [(0, len(text))] if len(text) <= first else _wrap_narrow(text, first, width)
    return _wrap_wide(text, first, width)


def _wrap_narrow(text: str, first: int, width: int) -> list[tuple[int, int]]:
    rows: list[tuple[int, int]] = []
    start, room, length = 0, first, len(text)
    while length - start > room:
        space = text.rfind(" ", start, start + room + 1)
        end = len(text[start:space].rstrip(" ")) + start if space > start else start
        if end > start:
            rows.append((start, end))
            start = space + 1
            while start < length and text[start] == " ":
                start += 1
        else:
            rows.append((start, start + room))
            start += room
        room = width
    if start < length or not rows:
        rows.append((start, length))
    return rows


def _wrap_wide(text: str, first: int, width: int) -> list[tuple[int, int]]:
    parts = split_graphemes(text)[0]
    starts = [part[0] for part in parts] + [len(text)]
    sizes = [part[2] for part in parts]
    spaces = [text[start:end] == " " for start, end, _ in parts]
    rows: list[tuple[int, int]] = []
    start, room, count = 0, first, len(parts)
    while start < count:
        full, used = start, 0
        while full < count and used + sizes[full] <= room:
            used += sizes[full]
            full += 1
        full = max(full, start + 1)
        if full == count:
            rows.append((starts[start], len(text)))
            break
        end = full
        while end > start and not (
            spaces[end] or spaces[end - 1] or sizes[end] == 2 or sizes[end - 1] == 2
        ):
            end -= 1
        after = end
        while end > start and spaces[end - 1]:
            end -= 1
        if end == start:
            end = after = full
        rows.append((starts[start], starts[end]))
        while after < count and spaces[after]:
            after += 1
        start, room = after, width
    return rows or [(0, len(text))]


def cut(text: str, width: int) -> str:
    """`text` within `width` cells, with an ellipsis where something is missing."""
    if len(text) <= width and (text.isascii() or cell_len(text) <= width):
        return text
    end, used = 0, 1
    for _, end_of_this, size in split_graphemes(text[: max(0, width) + 64])[0]:
        used += size
        if used > width:
            break
        end = end_of_this
    return text[:end].rstrip() + "…" if width > 0 else ""


def rows_of(lines: Sequence[Line], width: int, first_line: int = 0) -> list[Row]:
    """The rows that `lines` take at `width` cells; the first of them is number `first_line`."""
    rows: list[Row] = []
    for number, line in enumerate(lines, first_line):
        tail = cells(line.tail)
        room = width - cells(line.margin)
        first = room - cells(line.lead) - (tail + 2 if tail else 0)
        if not line.wrap:
            rows.append(Row(number, 0, _visible(line.text, first)))
            continue
        others = room - cells(line.hang)
        rows += [Row(number, start, end) for start, end in wrap(line.text, first, others)]
    return rows


def _visible(text: str, width: int) -> int:
    """How many characters of `text` stay if it is cut to `width` cells; all, or one cell less
    for the ellipsis."""
    if len(text) <= width and cell_len(text) <= width:
        return len(text)
    return max(0, len(cut(text, width)) - 1)
