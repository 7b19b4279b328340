"""Markdown tables: columns set under each other, and narrowed where they would not fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len

from sessiontree.ui.stream.inline import inline
from sessiontree.ui.stream.line import Line, Span, wrap

_SEPARATOR = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_BAR = re.compile(r"(?<!\\)\|")
_GAP = " │ "
_LEAST = 4  # cells of a column that still can be read
_MOST_COLUMNS = 60

_Cell = tuple[str, tuple[Span, ...]]


def is_separator(line: str) -> bool:
    """Whether this is the line between a table's header and its rows."""
    return "|" in line and "-" in line and _SEPARATOR.fullmatch(line) is not None


def table(sources: Sequence[str], width: int) -> list[Line] | None:
    """The lines of a table, its separator the second of `sources`; None where `width` cells are
    too few for its columns."""
    aligns = [_align(cell) for cell in _split(sources[1])]
    rows = [[inline(cell) for cell in _split(row)] for row in (sources[0], *sources[2:])]
    count = max(map(len, rows))
    if count > _MOST_COLUMNS:
        return None
    aligns += ["<"] * (count - len(aligns))
    natural = [max(cell_len(row[i][0]) for row in rows if i < len(row)) for i in range(count)]
    widths = _fit(natural, width - len(_GAP) * (count - 1))
    if widths is None:
        return None
    header, *body = (_set(row, widths, aligns) for row in rows)
    rule = Line("─┼─".join("─" * size for size in widths), style="guide", wrap=False)
    header = [
        Line(row.text, ((0, len(row.text), "strong"), *row.spans), wrap=False) for row in header
    ]
    return [*header, rule, *(line for row in body for line in row)]


def _split(source: str) -> list[str]:
    cells = _BAR.split(source.strip())
    if cells and not cells[0].strip():
        cells = cells[1:]
    if cells and not cells[-1].strip():
        cells = cells[:-1]
    return [cell.strip().replace("\\|", "|") for cell in cells] or [""]


def _align(separator: str) -> str:
    if separator.endswith(":"):
        return "^" if separator.startswith(":") else ">"
    return "<"


def _fit(natural: Sequence[int], room: int) -> list[int] | None:
    """Widths that fit into `room`: narrow columns keep theirs, the wide ones share the rest."""
    if sum(natural) <= room:
        return [max(1, size) for size in natural]
    widths = [0] * len(natural)
    left = len(natural)
    for index in sorted(range(len(natural)), key=natural.__getitem__):
        widths[index] = max(1, min(natural[index], room // left))
        if widths[index] < min(natural[index], _LEAST):
            return None
        room -= widths[index]
        left -= 1
    return widths


def _set(row: Sequence[_Cell], widths: Sequence[int], aligns: Sequence[str]) -> list[Line]:
    """One row of the table: as many lines as its highest cell takes."""
    missing = [("", ())] * (len(widths) - len(row))
    columns = [
        [(text[start:end], _slice(spans, start, end)) for start, end in wrap(text, width, width)]
        for (text, spans), width in zip((*row, *missing), widths, strict=True)
    ]
    lines: list[Line] = []
    for cells in zip_longest(*columns, fillvalue=("", ())):
        parts: list[str] = []
        spans: list[Span] = []
        at = 0
        for number, (text, own) in enumerate(cells):
            if number:
                spans.append((at, at + len(_GAP), "guide"))
                parts.append(_GAP)
                at += len(_GAP)
            space = max(0, widths[number] - cell_len(text))
            before = {"<": 0, ">": space, "^": space // 2}[aligns[number]]
            spans += [(s + at + before, e + at + before, style) for s, e, style in own]
            parts.append(" " * before + text + " " * (space - before))
            at += space + len(text)
        lines.append(Line("".join(parts), tuple(spans), wrap=False))
    return lines


def _slice(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    return tuple(
        (max(s, start) - start, min(e, end) - start, style)
        for s, e, style in spans
        if s < end and e > start
    )
