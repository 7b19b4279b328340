"""The words in which two texts differ.

Words are compared, not the white space between them: a text that was only wrapped otherwise is
the same. Where two texts have too many words for that, their lines are compared; where those are
too many as well, nothing is, and the result says so: the time is bounded whatever the texts are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

MOST_TOKENS = 12_000
"""Tokens that are compared, both texts together and without what they begin and end with alike:
50 ms for prose, 3 s for the worst that was found, a cycle of words against itself shuffled."""

_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"  # written without spaces
_WORDS = re.compile(rf"[{_WIDE}]\s*|[^\W{_WIDE}]+\s*|([^\w\s])\1*\s*|\s+")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


class Grain(StrEnum):
    """In what steps two texts were compared."""

    WORDS = "words"
    LINES = "lines"
    WHOLE = "whole"  # not at all: they are only known to differ


class Part(NamedTuple):
    """A stretch of both texts. `sign` is " " where their words are the same, "-" where only the
    old text has it (`new` is ""), "+" where only the new one has."""

    sign: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class WordDiff:
    """The `old` of all parts make the old text, the `new` the new one."""

    parts: tuple[Part, ...]
    grain: Grain = Grain.WORDS

    @property
    def same(self) -> bool:
        return all(part.sign == " " for part in self.parts)

    def spans(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Where in the old and in the new text (start and end, in characters) is what the other
        has not."""
        found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        at = [0, 0]
        for part in self.parts:
            for side, text in enumerate((part.old, part.new)):
                if part.sign != " " and text:
                    start = at[side] + len(text) - len(text.lstrip())
                    found[side].append((start, at[side] + len(text.rstrip())))
                at[side] += len(text)
        return found


def differences(old: str, new: str) -> WordDiff:
    """How `new` differs from `old`."""
    for grain, tokens in ((Grain.WORDS, _words), (Grain.LINES, _lines)):
        parts = _compare(old, new, tokens)
        if parts is not None:
            return WordDiff(tuple(parts), grain)
    return WordDiff((Part("-", old, ""), Part("+", "", new)), Grain.WHOLE)


def _words(text: str) -> list[str]:
    """Each with the white space behind it, the first also with what is before it."""
    tokens = [found[0] for found in _WORDS.finditer(text)]
    return ["".join(tokens[:2]), *tokens[2:]] if text[:1].isspace() else tokens


def _lines(text: str) -> list[str]:
    return _LINES.findall(text)


def _compare(old: str, new: str, split: Callable[[str], list[str]]) -> list[Part] | None:
    """None where there is too much to compare."""
    before, after = split(old), split(new)
    one, other = [token.strip() for token in before], [token.strip() for token in after]
    least = min(len(one), len(other))
    head = next((i for i in range(least) if one[i] != other[i]), least)
    least -= head
    tail = next((i for i in range(least) if one[-1 - i] != other[-1 - i]), least)
    ends = len(one) - tail, len(other) - tail
    if ends[0] + ends[1] - 2 * head > MOST_TOKENS:
        return None
    # Common words ("the", ".") are no places to begin at, as `autojunk` has it: without them the
    # worst case is far away, and a text that is quite another is not stitched together by them.
    codes = SequenceMatcher(None, one[head : ends[0]], other[head : ends[1]]).get_opcodes()
    runs = [_Run(True, 0, head, 0, head)]
    runs += [
        _Run(tag == "equal", i1 + head, i2 + head, j1 + head, j2 + head)
        for tag, i1, i2, j1, j2 in codes
    ]
    runs.append(_Run(True, ends[0], len(one), ends[1], len(other)))
    return [part for run in _without_strays(runs) for part in run.parts(before, after)]


class _Run(NamedTuple):
    """The tokens `i1:i2` of the old text and `j1:j2` of the new one."""

    same: bool
    i1: int
    i2: int
    j1: int
    j2: int

    @property
    def size(self) -> int:
        return max(self.i2 - self.i1, self.j2 - self.j1)

    def parts(self, before: list[str], after: list[str]) -> Iterator[Part]:
        old, new = "".join(before[self.i1 : self.i2]), "".join(after[self.j1 : self.j2])
        if self.same:
            yield Part(" ", old, new)
            return
        if old:
            yield Part("-" if old.strip() else " ", old, "")
        if new:
            yield Part("+" if new.strip() else " ", "", new)


def _without_strays(runs: Iterable[_Run]) -> list[_Run]:
    """A few words that are the same between longer stretches that are not count as changed too:
    a lone "the" in a sentence that is quite another helps nobody. Linear."""
    kept: list[_Run] = []
    for run in runs:
        if not run.size:
            continue
        while not run.same and len(kept) > 1 and kept[-1].size <= min(kept[-2].size, run.size):
            kept.pop()
            _, i1, _, j1, _ = kept.pop()
            run = _Run(False, i1, run.i2, j1, run.j2)
        kept.append(run)
    return kept
