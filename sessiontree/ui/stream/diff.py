"""Changes to a file as lines: a sign, the number where it is known, the words that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessiontree.model.edits import Change
from sessiontree.ui.stream.line import Line, Piece, Span, hanging, plain

_FILLS = {"+": "added-line", "-": "removed-line"}
_SIGNS = {"+": Piece("+ ", "added"), "-": Piece("− ", "removed")}


def lines_of(changes: Sequence[Change]) -> Iterator[Line]:
    """The changes as lines, one each."""
    digits = max((len(str(change.number)) for change in changes if change.number), default=0)
    words = _differences(changes)
    for index, (sign, text, number) in enumerate(changes):
        if sign == "…":
            yield Line("…", style="muted", lead=(Piece(" " * (digits + bool(digits))),))
            continue
        label = f"{number or '':>{digits}} " if digits else ""
        mark = _SIGNS.get(sign, Piece("  "))
        text = plain(text)
        hang = (Piece(" " * len(label)), Piece("  "), hanging(text))
        style = "" if sign in _SIGNS else "muted"
        yield Line(
            text,
            words.get(index, ()),
            lead=(Piece(label, "faint"), mark),
            hang=hang,
            style=style,
            fill=_FILLS.get(sign, ""),
        )


def _differences(changes: Sequence[Change]) -> dict[int, tuple[Span, ...]]:
    """Where as many lines were added as removed before them, the part of each that differs."""
    found: dict[int, tuple[Span, ...]] = {}
    index = 0
    while index < len(changes):
        removed = _run(changes, index, "-")
        added = _run(changes, index + removed, "+")
        if removed and removed == added:
            for old in range(index, index + removed):
                new = old + removed
                one, other = plain(changes[old].text), plain(changes[new].text)
                start, end_one, end_other = _differing(one, other)
                if start or end_one < len(one):
                    found[old] = ((start, end_one, "removed-word"),)
                    found[new] = ((start, end_other, "added-word"),)
        index += max(1, removed + added)
    return found


def _run(changes: Sequence[Change], start: int, sign: str) -> int:
    end = start
    while end < len(changes) and changes[end].sign == sign:
        end += 1
    return end - start


def _differing(one: str, other: str) -> tuple[int, int, int]:
    """Where two lines begin to differ, and where the difference ends in each."""
    least = min(len(one), len(other))
    start = next((i for i in range(least) if one[i] != other[i]), least)
    same = next((i for i in range(least - start) if one[-1 - i] != other[-1 - i]), least - start)
    return start, len(one) - same, len(other) - same
