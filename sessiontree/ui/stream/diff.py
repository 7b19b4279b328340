"""Changes to a file: lines with a sign, their number where it is known, the words that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from sessiontree.ui.stream.line import Line, Piece, Span, hanging, plain

CONTEXT = 3
MOST_COMPARED = 600
"""Of longer texts (in lines, both together) all of the old and then all of the new is shown:
comparing takes time that grows with the square."""


class Change(NamedTuple):
    """One line of a diff. `sign`: "+", "-", " ", or "…" where lines are left out. `number`: of the
    line in the new file (for "-" in the old), None where unknown."""

    sign: str
    text: str
    number: int | None = None


def compared(old: str, new: str) -> list[Change]:
    """The changes between two texts whose place in the file is not known."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > MOST_COMPARED:
        return [*(Change("-", line) for line in before), *(Change("+", line) for line in after)]
    changes: list[Change] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, False).get_opcodes():
        if tag == "equal":
            changes += _context(before[i1:i2], first=i1 == 0, last=i2 == len(before))
        else:
            changes += [Change("-", line) for line in before[i1:i2]]
            changes += [Change("+", line) for line in after[j1:j2]]
    return changes


def _context(lines: Sequence[str], *, first: bool, last: bool) -> list[Change]:
    """Lines that did not change: those next to one that did."""
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    if len(lines) <= head + tail + 1:
        return [Change(" ", line) for line in lines]
    shown = [Change(" ", line) for line in lines[:head]]
    if not (first or last):
        shown.append(Change("…", ""))
    return shown + [Change(" ", line) for line in lines[len(lines) - tail :]]


def patched(details: Mapping[str, Any]) -> list[Change] | None:
    """The changes that Claude Code reports beside the result of an edit (`structuredPatch`), which
    know their line numbers; None where there are none or they read otherwise."""
    hunks = details.get("structuredPatch")
    if not isinstance(hunks, list) or not hunks:
        return None
    changes: list[Change] = []
    for hunk in hunks:
        if not isinstance(hunk, dict):
            return None
        old, new, lines = hunk.get("oldStart"), hunk.get("newStart"), hunk.get("lines")
        if not (isinstance(old, int) and isinstance(new, int) and isinstance(lines, list)):
            return None
        if changes:
            changes.append(Change("…", ""))
        for line in lines:
            sign, text = str(line)[:1] or " ", str(line)[1:]
            if sign == "\\":  # "\ No newline at end of file"
                continue
            changes.append(Change(sign, text, old if sign == "-" else new))
            old += sign != "+"
            new += sign != "-"
    return changes


def counts(changes: Sequence[Change]) -> tuple[int, int]:
    """How many lines were added and how many removed."""
    signs = [change.sign for change in changes]
    return signs.count("+"), signs.count("-")


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
