"""Finding rows by what is typed, letter by letter.

Every word of the query must occur in the text, in any order and in any case. Only where nothing
at all has them so, the letters of each word may lie a little apart ('ratlim' finds 'rate
limiter'): what is found is never buried under near misses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import contains

_LONGEST_LOOSE_WORD = 24
_WINDOW = 24
"""The letters of a word lie within this many characters. It is the same for all words: then a
longer word is found nowhere that its beginning is not, and a search can go on from the last."""


class Search:
    """Searches `texts`, all in lower case. A letter more looks only at what matched before:
    50,000 texts take some 3 ms, ten times that when it comes to letters apart."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._query = ""
        self._found: Sequence[int] = range(len(texts))
        self._has: Callable[[str, str], bool] = contains

    def find(self, query: str) -> Sequence[int]:
        """The indices of the texts that match, in order."""
        words, everything = query.lower().split(), range(len(self._texts))
        goes_on = query.startswith(self._query)
        has = self._has if goes_on else contains
        found = self._match(words, self._found if goes_on else everything, has)
        if not found and has is contains and max(map(len, words)) <= _LONGEST_LOOSE_WORD:
            has = _contains_loosely
            found = self._match(words, everything, has)
        self._query, self._found, self._has = query, found, has
        return found

    def _match(
        self, words: Iterable[str], found: Sequence[int], has: Callable[[str, str], bool]
    ) -> Sequence[int]:
        texts = self._texts
        for word in words:
            found = [index for index in found if has(texts[index], word)]
        return found


def spans(query: str, text: str) -> list[tuple[int, int]]:
    """Where in `text` the words of a query are, as start and end; for showing them."""
    lower, found = text.lower(), []
    if len(lower) != len(text):  # lower case of some letters is longer
        return []
    for word in query.lower().split():
        start = lower.find(word)
        if start >= 0:
            found.append((start, start + len(word)))
        elif len(word) <= _LONGEST_LOOSE_WORD:
            found += _loose_spans(lower, word)
    return found


def _loose_start(text: str, word: str) -> int:
    """Where the letters of `word` begin to lie in order and close together; -1 if nowhere."""
    find, first, rest = text.find, word[0], word[1:]
    start = find(first)
    while start >= 0:
        at = start
        for letter in rest:
            at = find(letter, at + 1)
            if at < 0:
                return -1
        if at - start < _WINDOW:
            return start
        start = find(first, start + 1)
    return -1


def _contains_loosely(text: str, word: str) -> bool:
    return _loose_start(text, word) >= 0


def _loose_spans(text: str, word: str) -> list[tuple[int, int]]:
    spans, at = [], _loose_start(text, word)
    for letter in word if at >= 0 else "":
        at = text.find(letter, at)
        spans.append((at, at + 1))
        at += 1
    return spans
