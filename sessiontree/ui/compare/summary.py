"""The summary of a comparison: a row for each side, set in columns that fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from sessiontree.model.amounts import counted
from sessiontree.model.comparison import Column, Comparison
from sessiontree.model.edits import counts
from sessiontree.model.facts import State
from sessiontree.ui.stream.limits import clipped
from sessiontree.ui.stream.line import Line, Piece, Span, cut

GLYPHS = {
    State.WAITING: ("?", "warning"),
    State.RUNNING: ("●", "running"),
    State.QUEUED: ("…", "muted"),
    State.DONE: ("✓", "ok"),
    State.FAILED: ("✗", "error"),
    State.INTERRUPTED: ("■", "warning"),
    State.UNANSWERED: ("·", "warning"),
    State.EMPTY: ("·", "muted"),
    State.UNREAD: ("∅", "warning"),
}
_GAP = "  "
_LEAST_LABEL = 14
_MOST_FILES = 12
_REASON = 400  # characters


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of the table. Where there is no room the highest `rank` is left out first."""

    head: str
    cells: tuple[str, ...]
    rank: int
    right: bool = True
    styles: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.head, *self.cells)))


def state_words(column: Column) -> tuple[str, str]:
    """How a side fares, with its glyph, and the style of that."""
    state = column.facts.state
    if state is State.UNREAD and not column.source.whole:
        return "… reading", "muted"
    glyph, style = GLYPHS[state]
    return f"{glyph} {state.value}", style


def table(found: Comparison, width: int) -> tuple[Line, ...]:
    """A line for each side under one that names the columns, `width` cells at most."""
    fields = _fitting(list(_fields(found.columns)), width)
    room = width - 2 - sum(field.width + len(_GAP) for field in fields)
    longest = max(cell_len(column.source.label) for column in found.columns)
    label = min(max(longest, _LEAST_LABEL), max(room, _LEAST_LABEL))
    lines = [_row("", label, [(field.head, "") for field in fields], fields, "muted")]
    for index, column in enumerate(found.columns):
        cells = [(f.cells[index], f.styles[index] if f.styles else "") for f in fields]
        line = _row(clipped(column.source.label, 500), label, cells, fields, "")
        lines.append(
            Line(line.text, line.spans, lead=(Piece(f"{index + 1} ", "sign"),), wrap=False)
        )
    return (Line(f"  {lines[0].text}", style="muted", wrap=False), *lines[1:])


def _fields(columns: Sequence[Column]) -> Iterator[_Field]:
    facts = [column.facts for column in columns]
    states = [state_words(column) for column in columns]
    words, styles = zip(*states, strict=True)
    yield _Field("state", words, 0, right=False, styles=styles)
    yield _Field("turns", tuple(str(len(column.own)) for column in columns), 1)
    yield _Field("tools", tuple(str(sum(one.tools.values())) for one in facts), 6)
    touched = [[change for one in fact.files.values() for change in one.changes] for fact in facts]
    sums = [
        " ".join(f"{sign}{n:,}" for sign, n in zip("+−", counts(all_), strict=True) if n)
        for all_ in touched
    ]
    files = [f"{len(fact.files)} {sum_}".rstrip() for fact, sum_ in zip(facts, sums, strict=True)]
    yield _Field("files", tuple(files), 5, right=False)
    yield _Field("tokens", tuple(one.tokens_words for one in facts), 4)
    yield _Field("cost", tuple(one.cost_words.replace("at least", "≥") for one in facts), 2)
    yield _Field("time", tuple(one.time_words for one in facts), 3)


def _fitting(fields: list[_Field], width: int) -> list[_Field]:
    def needed() -> int:
        return 2 + _LEAST_LABEL + sum(field.width + len(_GAP) for field in fields)

    while len(fields) > 1 and needed() > width:
        fields.remove(max(fields, key=lambda field: field.rank))
    return fields


def _row(
    label: str, room: int, cells: Sequence[tuple[str, str]], fields: Sequence[_Field], style: str
) -> Line:
    text = cut(label, room)
    text += " " * (room - cell_len(text))
    spans: list[Span] = [(0, len(text), "strong")]
    for (cell, cell_style), field in zip(cells, fields, strict=True):
        space = " " * (field.width - cell_len(cell))
        text += _GAP + (space if field.right else "")
        if cell_style:
            spans.append((len(text), len(text) + len(cell), cell_style))
        text += cell + ("" if field.right else space)
    return Line(text, tuple(spans), style=style, wrap=False)


def details(column: Column) -> Iterator[Line]:
    """What a side did, in words: what is missing, what went wrong, tools, files."""
    facts = column.facts
    if column.source.note:
        yield _named("", clipped(column.source.note, _REASON), "warning")
    if facts.reason:
        yield _named("", clipped(facts.reason, _REASON), "error")
    tools = ", ".join(f"{tool} {count:,}" for tool, count in facts.tools.items())
    yield _named("tools  ", tools or "none")
    files = [f"{name} {touched.words}".rstrip() for name, touched in facts.files.items()]
    more = len(files) - _MOST_FILES
    if more > 0:
        files[_MOST_FILES:] = [f"and {counted(more, 'more file')}"]
    yield _named("files  ", clipped(", ".join(files), 4_000) or "none")


def _named(name: str, text: str, style: str = "") -> Line:
    hang = (Piece(" " * len(name)),)
    return Line(text, lead=(Piece(name, "muted"),), hang=hang, style=style)
