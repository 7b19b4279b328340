"""Rows of plain data become strips of styled segments. The colours come from the view's
component classes, so that a theme decides them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from sessiontree.ui.stream.line import Line, Piece, Row, Span, cells, rows_of

PREFIX = "stream--"

DEFAULT_CSS = """
Scroller {
    background: $background;
    color: $foreground;
    overflow-x: hidden;
    overflow-y: scroll;
    scrollbar-size-vertical: 1;
    scrollbar-background: $background;
    scrollbar-background-hover: $background;
    scrollbar-background-active: $background;
    scrollbar-color: $foreground 15%;
    scrollbar-color-hover: $foreground 30%;
    scrollbar-color-active: $primary;

    .stream--prompt { background: $foreground 6%; }
    .stream--prompt-text { text-style: bold; }
    .stream--number { color: $foreground 55%; }
    .stream--sign { color: $text-primary; text-style: bold; }
    .stream--sign-tool { color: $foreground 50%; }
    .stream--muted { color: $foreground 60%; }
    .stream--faint { color: $foreground 40%; }
    .stream--guide { color: $foreground 25%; }
    .stream--more { color: $foreground 55%; text-style: italic; }
    .stream--cursor { color: $primary; }
    .stream--badge { background: $primary; color: $text; text-style: bold; }
    .stream--help { color: $foreground 60%; }

    .stream--title { color: $text-primary; text-style: bold underline; }
    .stream--heading { color: $text-primary; text-style: bold; }
    .stream--strong { text-style: bold; }
    .stream--emphasis { text-style: italic; }
    .stream--strike { text-style: strike; color: $foreground 60%; }
    .stream--code { color: $text-accent; }
    .stream--block { background: $foreground 4%; }
    .stream--link { color: $text-primary; text-style: underline; }
    .stream--bullet { color: $text-primary; }
    .stream--quote { color: $foreground 75%; text-style: italic; }

    .stream--keyword { color: $text-primary; }
    .stream--string { color: $text-success; }
    .stream--figure { color: $text-accent; }
    .stream--name { color: $text-warning; }
    .stream--comment { color: $foreground 50%; text-style: italic; }

    .stream--thinking { color: $foreground 60%; text-style: italic; }
    .stream--thinking-label { color: $foreground 60%; }
    .stream--tool { text-style: bold; }
    .stream--what { color: $foreground 90%; }
    .stream--output { color: $foreground 65%; }
    .stream--running { color: $text-accent; }
    .stream--ok { color: $text-success; }
    .stream--error { color: $text-error; }
    .stream--warning { color: $text-warning; }
    .stream--notice { color: $foreground 60%; }
    .stream--mark { color: $text-primary; }

    .stream--added { color: $text-success; }
    .stream--removed { color: $text-error; }
    .stream--added-line { background: $success 10%; }
    .stream--removed-line { background: $error 10%; }
    .stream--added-word { background: $success 30%; }
    .stream--removed-word { background: $error 30%; }

    .stream--only-first { background: $error 30%; text-style: underline; }
    .stream--only-here { background: $success 30%; text-style: underline; }

    .stream--match { background: $warning 35%; }
    .stream--match-current { background: $warning; color: $background; text-style: bold; }

    /* A terminal's own colours cannot be mixed: what is pale elsewhere is dim there. */
    &:ansi {
        .stream--number, .stream--sign-tool, .stream--muted, .stream--faint, .stream--guide,
        .stream--more, .stream--help, .stream--strike, .stream--comment, .stream--thinking,
        .stream--thinking-label, .stream--output, .stream--notice { text-style: dim; }
        .stream--added-line { background: ansi_default; color: ansi_green; }
        .stream--removed-line { background: ansi_default; color: ansi_red; }
        .stream--added-word, .stream--removed-word, .stream--only-first, .stream--only-here {
            background: ansi_default; text-style: underline;
        }
        .stream--match { background: ansi_default; text-style: reverse; }
        .stream--match-current {
            background: ansi_yellow; color: ansi_black; text-style: bold;
        }
    }
}
"""


STYLES = frozenset(re.findall(r"\.stream--([a-z-]+)", DEFAULT_CSS))
"""Every style that a line can name."""


@dataclass(frozen=True, slots=True)
class Palette:
    """What each style adds to the view's own: colours and attributes as the theme has them."""

    base: Style
    styles: Mapping[str, Style]

    @classmethod
    def of(cls, widget: Widget) -> Palette:
        base = widget.rich_style
        styles = {name: widget.get_component_rich_style(PREFIX + name) for name in STYLES}
        return cls(base, {name: _beyond(base, style) for name, style in styles.items()})

    def __getitem__(self, name: str) -> Style:
        return self.styles.get(name, _NO_STYLE)


_NO_STYLE = Style()


def _beyond(base: Style, style: Style) -> Style:
    """What `style` says that `base` does not: a colour that is the view's own lets the row's
    show through."""
    return Style(
        color=None if style.color == base.color else style.color,
        bgcolor=None if style.bgcolor == base.bgcolor else style.bgcolor,
        bold=style.bold or None,
        italic=style.italic or None,
        dim=style.dim or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
        strike=style.strike or None,
    )


def paint(
    line: Line,
    row: Row,
    width: int,
    palette: Palette,
    *,
    gutter: Piece,
    marks: Iterable[Span] = (),
) -> Strip:
    """One row, `width` cells wide with its `gutter` and an empty cell at its end. `marks` are
    further spans over the line's text, such as the matches of a search."""
    is_first = row.start == 0
    outer = palette.base
    inner = outer + palette[line.fill]
    text_style = inner + palette[line.style]
    segments = [
        Segment(piece.text, outer + palette[piece.style]) for piece in (gutter, *line.margin)
    ]
    before = line.lead if is_first else line.hang
    segments += [Segment(piece.text, inner + palette[piece.style]) for piece in before]
    segments += _styled(line.text, (*line.spans, *marks), row, text_style, palette)
    if not line.wrap and row.end < len(line.text):
        segments.append(Segment("…", text_style))
    segments = [segment for segment in segments if segment.text]
    tail = line.tail if is_first else ()
    used = sum(segment.cell_length for segment in segments)
    space = width - 1 - used - cells(tail)
    if space > 0:
        rule = line.rule if is_first else ""
        segments.append(Segment((rule or " ") * space, text_style if rule else inner))
    segments += [Segment(piece.text, inner + palette[piece.style]) for piece in tail if piece.text]
    segments.append(Segment(" ", inner))
    return Strip(segments).adjust_cell_length(width, outer)


def prefix(line: Line, row: Row) -> Sequence[Piece]:
    """What `paint` sets between the gutter and the text of a row."""
    return (*line.margin, *(line.lead if row.start == 0 else line.hang))


def _styled(
    text: str, spans: Sequence[Span], row: Row, style: Style, palette: Palette
) -> list[Segment]:
    """The part of `text` that the row shows, cut where a span begins or ends. Of spans that lie
    over each other the later ones come on top."""
    start, end = row.start, row.end
    inside = [span for span in spans if span[0] < end and span[1] > start]
    if not inside:
        return [Segment(text[start:end], style)]
    cuts = {start, end}
    for first, last, _ in inside:
        cuts.update((max(first, start), min(last, end)))
    places = sorted(cuts)
    segments = []
    for first, last in pairwise(places):
        part = style
        for span in inside:
            if span[0] <= first and span[1] >= last:
                part += palette[span[2]]
        segments.append(Segment(text[first:last], part))
    return segments


def selected(
    strip: Strip, line: Line, row: Row, span: tuple[int, int], style: Style, *, gutter: int
) -> Strip:
    """The strip with what is selected of the row in `style`: of the characters in `span` (its
    end -1: to the row's end) those that can be copied."""
    first = gutter + sum(len(piece.text) for piece in line.margin)
    last = gutter + sum(len(piece.text) for piece in prefix(line, row)) + row.end - row.start
    start = max(span[0], first)
    end = max(start, last if span[1] < 0 else min(span[1], last))
    segments: list[Segment] = []
    at = 0
    for segment in strip:
        text, own = segment.text, segment.style or _NO_STYLE
        cuts = [0, *(min(max(place - at, 0), len(text)) for place in (start, end)), len(text)]
        for number, (one, other) in enumerate(pairwise(cuts)):
            if one < other:
                segments.append(Segment(text[one:other], own + style if number == 1 else own))
        at += len(text)
    return Strip(segments, strip.cell_length)


def badge(strip: Strip, text: str, width: int, style: Style) -> Strip:
    """The strip with `text` set over its right end."""
    label = f" {text} "
    left = max(0, width - cell_len(label) - 1)
    rest = strip.crop(0, left), Strip([Segment(label, style)]), strip.crop(width - 1, width)
    return Strip.join(rest)


def sentence(text: str, y: int, width: int, palette: Palette) -> Strip:
    """Row `y` of a view that has nothing to show but a sentence of help."""
    edge = (Piece("  "),)
    line = Line(text, lead=edge, hang=edge, style="help")
    rows = rows_of([line], width - 2)
    if 1 <= y <= len(rows):
        return paint(line, rows[y - 1], width, palette, gutter=Piece(" "))
    return Strip.blank(width, palette.base)
