"""The last filter before the terminal."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from sessiontree.model.text import clean

_ON_A_LINE = str.maketrans("\n\t", "  ")


class CleanLines(LineFilter):
    """Takes out of every line what a terminal would act on. Text is cleaned where it enters the
    model; this catches what came another way. Control segments are Textual's own.

    A segment stays as wide as it was laid out, though a mark takes a cell and what it stands for
    often none: else the rest of the line would be pushed over its neighbour."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or (text := _line(segment.text)) == segment.text
            else Segment(set_cell_size(text, cell_len(segment.text)), segment.style)
            for segment in segments
        ]


def _line(text: str) -> str:
    return clean(text).translate(_ON_A_LINE)
