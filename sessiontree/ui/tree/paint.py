"""A row as a strip of cells: guides, label, and columns that give way as the room shrinks.

◆ ├ ▾ ⑂ Try a sliding window ★   ● running   2  now   $0.12
│ │ │ │ label, marks             state     turns age    cost
│ │ │ fork      (columns are right-aligned; the last cell stays empty)
│ │ arrow
│ guides
mark
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import dropwhile
from operator import itemgetter
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from sessiontree.model.overlay import Status
from sessiontree.model.rows import Kind, Row, Rows
from sessiontree.ui.tree.face import Face
from sessiontree.ui.tree.words import GLYPHS, SPINNER

LEAST_LABEL, EASY_LABEL = 12, 18
"""Cells that a label gets before any column does, and before words that could be left out."""

_STEP = 2  # cells of indentation a level
_COLUMNS = (("turns", 4, 32), ("age", 4, 20), ("cost", 8, 44))
"""Name, cells with the gap before it, and the width from which on it is shown. Where a row has no
room for all, the one that needs most width goes first."""

_PARTS = {
    Status.WAITING: "waiting",
    Status.RUNNING: "running",
    Status.FAILED: "failed",
    Status.DAMAGED: "failed",
    Status.DONE: "running",
    Status.INTERRUPTED: "waiting",
}

StyleOf = Callable[[str], Style]


class Painted(NamedTuple):
    """`spinner`: the cell of a spinner, None where nothing moves. `arrow`: the cell of the
    arrow, None where there is none."""

    strip: Strip
    spinner: int | None
    arrow: int | None


def paint(
    face: Face,
    guides: str,
    width: int,
    style: StyleOf,
    *,
    marked: bool = False,
    frame: int = 0,
    spans: Sequence[tuple[int, int]] = (),
) -> Painted:
    """`style` gives the style of a part by name; `spans` are the places in the label to
    highlight; `frame` counts the spinner's steps."""
    head = [Segment("◆" if marked else " ", style("marked")), Segment(guides, style("guide"))]
    arrow = cell_len(guides) + 1 if face.arrow else None
    lead = f"{face.arrow or ' '} " if not face.number else ""
    head.append(Segment(lead, style("guide")))
    if face.glyph:
        head.append(Segment(f"{face.glyph} ", style("fork")))
    if face.number:
        head.append(Segment(f"{face.number} ", style("dim")))
    room = width - Segment.get_line_length(head) - 1
    need, ease = (min(cells, cell_len(face.label)) for cells in (LEAST_LABEL, EASY_LABEL))
    columns = _columns(face, width, room - need)
    room -= sum(cells for _, cells in columns)
    state, room = _state(face, room, ease)
    marks: list[Segment] = []
    for text, part in face.marks:
        if room - (ease if marks else need) > cell_len(text):
            room -= cell_len(text) + 1
            marks.append(Segment(f" {text}", style(part)))
    label = (cut_front if face.ends else cut)(face.label, max(room, 0))
    if face.ends:
        lost = len(face.label) - len(label)
        spans = [(start - lost, end - lost) for start, end in spans]
    body = [*_highlighted(label, spans, style(face.part), style("match")), *marks]
    gap = room - cell_len(label)
    tail = [Segment(" " * max(gap, 0), style("base"))]
    spinner = None
    if state:
        if face.status is Status.RUNNING:
            spinner = Segment.get_line_length([*head, *body, *tail]) + 1
            state = SPINNER[frame % len(SPINNER)] + state[1:]
        tail.append(Segment(f" {state}", style(_PARTS.get(face.status, "dim"))))
    tail += [Segment(text.rjust(cells), style("dim")) for text, cells in columns]
    strip = Strip([*head, *body, *tail]).adjust_cell_length(width, style("base"))
    return Painted(strip, spinner, arrow)


def _columns(face: Face, width: int, room: int) -> list[tuple[str, int]]:
    """The columns for which there is room, from left to right; empty ones on the left leave
    theirs to the label."""
    kept = set()
    for name, cells, least_width in sorted(_COLUMNS, key=itemgetter(2)):
        if width < least_width or room < cells:
            break
        room -= cells
        kept.add(name)
    columns = [(getattr(face, name), cells) for name, cells, _ in _COLUMNS if name in kept]
    return list(dropwhile(lambda column: not column[0], columns))


def _state(face: Face, room: int, ease: int) -> tuple[str, int]:
    """The glyph of the status, with its word if the label has room enough; the room left."""
    if face.status is Status.IDLE:
        return "", room
    glyph, word = GLYPHS[face.status], f" {face.status.value}"
    if face.worded and room - 2 - len(word) >= ease:
        return glyph + word, room - 2 - len(word)
    return glyph, room - 2


def cut(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, an ellipsis where something is missing."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…" if cells > 0 else ""


def cut_front(text: str, cells: int) -> str:
    """The end of `text` in at most `cells` cells, an ellipsis where something is missing."""
    if cell_len(text) <= cells:
        return text
    while text and cell_len(text) > cells - 1:
        text = text[1:]
    return "…" + text if cells > 0 else ""


def _highlighted(
    label: str, spans: Sequence[tuple[int, int]], plain: Style, match: Style
) -> list[Segment]:
    segments, at = [], 0
    for start, end in sorted(spans):
        start, end = max(start, at), min(end, len(label))
        if start < end:
            segments += [Segment(label[at:start], plain), Segment(label[start:end], match)]
            at = end
    return [*segments, Segment(label[at:], plain)]


def guides(rows: Rows, row: Row, width: int) -> str:
    """The lines before a row. They take two fifths of the width at most: of a row that is deeper
    the outer levels are left out, and how many forks these are is said instead. Costs the levels
    that are drawn."""
    grouped = rows.by_project
    depth = max(row.depth - grouped, 0)
    most = max(width * 2 // 5 // _STEP, 4)
    hidden = 0
    if depth > most:
        step = most // 2 * 2 - 2  # an even number: two levels a fork
        hidden = -(-(depth - most) // step) * step
    cells = [" " * _STEP] * (depth - hidden)
    at: Row | None = row
    while at is not None and (level := at.depth - grouped - 1 - hidden) >= 0:
        if at.kind in (Kind.ARM, Kind.GROUP) or (at.kind is Kind.SESSION and at.parent):
            last = rows.is_last(at)
            if at is row:
                cells[level] = "└ " if last else "├ "
            elif not last:
                cells[level] = "│ "
        at = at.parent
    text = "".join(cells)
    if hidden:
        mark = f"⋯{hidden // 2} "
        text = mark + text[len(mark) :] if len(mark) < len(text) else mark
    return text
