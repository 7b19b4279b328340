"""What stands below the head of a tool call: lines of which a few or all are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sessiontree.model.edits import Change
from sessiontree.ui.stream import diff
from sessiontree.ui.stream.code import colours
from sessiontree.ui.stream.limits import Excerpt, Limits, clipped, more
from sessiontree.ui.stream.line import Line, code_line
from sessiontree.ui.stream.markdown import Markdown


@dataclass(frozen=True, slots=True)
class Body:
    """`total`: its lines. `draw(most, limits, width)` gives at most about `most` of them and a
    word on the rest."""

    total: int
    draw: Callable[[int, Limits, int], list[Line]]


NOTHING = Body(0, lambda most, limits, width: [])


def output(text: str, *, style: str = "output", end: float = 0.0) -> Body:
    """Plain text as a tool gave it. `end`: which part of the lines shown is taken from the end,
    where some tools say what matters."""

    def draw(most: int, limits: Limits, width: int) -> list[Line]:
        last = round(most * end)
        return list(Excerpt.of(text, most - last, last).lines(limits.line, style))

    return Body(_count(text), draw)


def code(text: str, language: str, *, end: bool = False) -> Body:
    """Source code. `end`: its last lines, for code that is still being typed."""

    def draw(most: int, limits: Limits, width: int) -> list[Line]:
        excerpt = Excerpt.of(text, 0, most) if end else Excerpt.of(text, most)
        sources = [clipped(line, limits.line) for line in excerpt.first or excerpt.last]
        lines = [
            code_line(source, spans)
            for source, spans in zip(sources, colours(sources, language), strict=True)
        ]
        if excerpt.hidden:
            lines.insert(0 if end else len(lines), more(excerpt.hidden))
        return lines

    return Body(_count(text), draw)


def markdown(text: str) -> Body:
    def draw(most: int, limits: Limits, width: int) -> list[Line]:
        excerpt = Excerpt.of(text, most)
        lines = Markdown(width, limits=limits)
        lines.update("\n".join(excerpt.first))
        return [*lines.lines, *([more(excerpt.hidden)] if excerpt.hidden else [])]

    return Body(_count(text), draw)


def changes(changed: list[Change]) -> Body:
    def draw(most: int, limits: Limits, width: int) -> list[Line]:
        return _some(list(diff.lines_of(changed[: most + 1])), len(changed), most)

    return Body(len(changed), draw)


def lines(all_lines: Iterable[Line]) -> Body:
    """Lines that are few by nature."""
    known = list(all_lines)
    return Body(len(known), lambda most, limits, width: _some(known, len(known), most))


def _some(known: list[Line], total: int, most: int) -> list[Line]:
    if total <= most + (most > 0):
        return known
    return [*known[:most], more(total - most)]


def _count(text: str) -> int:
    text = text.strip("\n")
    return text.count("\n") + 1 if text else 0
