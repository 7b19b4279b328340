"""The last filter before the terminal."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from sessiontree.model.text import clean


class CleanLines(LineFilter):
    """Takes out of every line what a terminal would act on. Text is cleaned where it enters the
    model; this catches what came another way. Control segments are Textual's own."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or (text := clean(segment.text)) == segment.text
            else Segment(text, segment.style)
            for segment in segments
        ]
