"""The final answers beside each other, with the words marked in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sessiontree.model.word_diff import Grain, WordDiff, differences
from sessiontree.ui.stream.limits import STREAM, more_text
from sessiontree.ui.stream.line import Line, Piece, Span
from sessiontree.ui.stream.markdown import Markdown

UNLIKE = 0.15
"""Of answers that have less than this in common the differences are not marked: all would be."""

_SIGN_CELLS = 2


@dataclass(frozen=True, slots=True)
class Marked:
    """`lines` of each side's answer. `marks`: whether differences are marked in them; `differ`:
    whether there are any; `grain`: in what steps they were compared, None where nothing was."""

    lines: tuple[tuple[Line, ...], ...]
    marks: bool
    differ: bool
    grain: Grain | None


def mark(answers: Sequence[str | None], width: int) -> Marked:
    """The answers as lines `width` cells wide, with the words marked in which they differ from
    the first. They are compared as they are drawn: markup is no word."""
    drawn = [_drawn(answer, width - _SIGN_CELLS) if answer else [] for answer in answers]
    texts = ["\n".join(line.text for line in lines) for lines in drawn]
    spans: list[set[tuple[int, int]]] = [set() for _ in answers]
    found = [compared(texts[0], text) if texts[0] and text else None for text in texts[1:]]
    for index, one in enumerate(found, 1):
        if one is not None and is_marked(one):
            old, new = one.spans()
            spans[0].update(old)
            spans[index].update(new)
    lines = [
        tuple(_marked(one, sorted(where), "only-here" if index else "only-first"))
        for index, (one, where) in enumerate(zip(drawn, spans, strict=True))
    ]
    grains = [one.grain for one in found if one is not None]
    return Marked(
        tuple(lines),
        any(spans),
        any(one is not None and not one.same for one in found),
        max(grains, key=list(Grain).index, default=None),
    )


@lru_cache(maxsize=16)
def compared(first: str, other: str) -> WordDiff:
    """Known again when a live comparison is drawn anew."""
    return differences(first, other)


def is_marked(diff: WordDiff) -> bool:
    """Whether the texts are near enough to each other for marks to say something."""
    if diff.grain is Grain.WHOLE:
        return False
    same = sum(len(part.new.strip()) for part in diff.parts if part.sign == " ")
    old, new = (
        sum(map(len, side)) for side in zip(*((p.old, p.new) for p in diff.parts), strict=True)
    )
    return same >= UNLIKE * max(old, new)


def _drawn(answer: str, width: int) -> list[Line]:
    markdown = Markdown(width)
    markdown.update(answer[: STREAM.text])
    left = len(answer) - STREAM.text
    return markdown.lines + ([more_text(left)] if left > 0 else [])


def _marked(lines: Sequence[Line], spans: Sequence[tuple[int, int]], style: str) -> Iterator[Line]:
    """The lines with a sign before each that has a difference: colours are not for everyone."""
    sign = Piece("+ ", "added") if style == "only-here" else Piece("− ", "removed")
    start, index = 0, 0
    for line in lines:
        end = start + len(line.text)
        while index < len(spans) and spans[index][1] <= start:
            index += 1
        here: list[Span] = []
        for first, last in spans[index:]:
            if first >= end:
                break
            here.append((max(first, start) - start, min(last, end) - start, style))
        before = sign if here else Piece(" " * _SIGN_CELLS)
        yield Line(
            line.text,
            (*line.spans, *here),
            (before, *line.margin),
            line.lead,
            line.hang,
            line.tail,
            line.style,
            line.fill,
            line.rule,
            line.wrap,
        )
        start = end + 1


def starts(lines: Sequence[Line]) -> Iterator[int]:
    """The lines with which a difference begins."""
    before = False
    for number, line in enumerate(lines):
        marked = any(style in ("only-first", "only-here") for _, _, style in line.spans)
        if marked and not before:
            yield number
        before = marked


def heading(marked: Marked, sides: int) -> tuple[str, *tuple[Span, ...]]:
    title = "Final answers"
    if marked.grain is None:
        return (title,)
    if not marked.differ:
        return (f"{title}: the same, word for word",)
    if not marked.marks:
        long = marked.grain is Grain.WHOLE
        why = "too long to be compared" if long else "too different to mark what differs"
        return (f"{title}: {why}",)
    first, here = "− not in " + ("2" if sides == 2 else "another"), "+ not in 1"
    text = f"{title}: {first}  {here}"
    if marked.grain is Grain.LINES:
        text += "  (long: by lines, not by words)"
    at = text.index(first)
    spans = (
        (at, at + len(first), "only-first"),
        (at + len(first) + 2, at + len(first) + 2 + len(here), "only-here"),
    )
    return (text, *spans)
