"""Finding sessions and turns by what is typed, letter by letter.

Every word of the query must occur in the text, in any order and in any case. Only where nothing
at all has them so, the letters of each word may lie a little apart ('ratlim' finds 'rate
limiter'): what is found is never buried under near misses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from sessiontree.model.forest import Forest

_LONGEST_LOOSE_WORD = 24
_LOOSENESS = 3  # a word's letters lie within this many times its length


class _Texts(NamedTuple):
    """What a session can be found by, in lower case: its name and folder, and its own turns."""

    session: str
    turns: tuple[tuple[str, str], ...]  # id, label


class Filter:
    """`hits`: session → those of its turns that match, where it or any of them does. `named`:
    the sessions that match by their name or folder.

    A letter more looks only at what matched before: 50,000 rows take some 5 ms, the first letter
    some 30 ms as it gathers the texts."""

    def __init__(self, forest: Forest) -> None:
        self.hits: dict[str, set[str]] = {}
        self.named: set[str] = set()
        self._forest = forest
        self._query = ""
        self._exact = False
        self._texts = {id: _texts(forest, id) for id in forest}

    def search(self, query: str) -> None:
        words = query.lower().split()
        narrower = self._exact and query.startswith(self._query)
        self.hits = self._find(words, self.hits if narrower else self._texts, _contains)
        self._exact = bool(self.hits)
        self._query = query
        if not self.hits and all(len(word) <= _LONGEST_LOOSE_WORD for word in words):
            self.hits = self._find(words, self._texts, _contains_loosely)

    def renew(self, changed: Iterable[str]) -> None:
        """Read the texts of these sessions again; the next search looks at all."""
        for id in changed:
            if id in self._forest:
                self._texts[id] = _texts(self._forest, id)
            else:
                self._texts.pop(id, None)
        self._exact = False

    def _find(
        self, words: Sequence[str], pool: Collection[str], has: Callable[[str, str], bool]
    ) -> dict[str, set[str]]:
        hits: dict[str, set[str]] = {}
        self.named = set()
        first, more = words[0], words[1:]
        for id in pool:
            session, turns = self._texts[id]
            found = {
                turn
                for turn, text in turns
                if has(text, first) and all(has(text, word) for word in more)
            }
            if has(session, first) and all(has(session, word) for word in more):
                self.named.add(id)
                hits[id] = found
            elif found:
                hits[id] = found
        return hits


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
            found += [(at, at + 1) for at in _loose_places(lower, word)]
    return found


def _texts(forest: Forest, id: str) -> _Texts:
    session = forest.session(id)
    name, title = forest.name(id), forest.title(id)
    own = forest.arms(id)
    folder = (session.cwd or session.project) if session else ""
    first = own.first
    prompt = first.label if first and title else ""  # else the name says it
    skipped = first.id if first and not title else None
    return _Texts(
        f"{name}\n{prompt}\n{folder}".lower(),
        tuple((t.id, t.label.lower()) for t in own.turns.values() if t.id != skipped),
    )


def _contains(text: str, word: str) -> bool:
    return word in text


def _contains_loosely(text: str, word: str) -> bool:
    return bool(_loose_places(text, word))


def _loose_places(text: str, word: str) -> list[int]:
    """Where the letters of `word` lie in order and close together; [] where they do not."""
    start = text.find(word[0])
    while start >= 0:
        places = [start]
        for letter in word[1:]:
            at = text.find(letter, places[-1] + 1)
            if at < 0:
                return []
            places.append(at)
        if places[-1] - start < _LOOSENESS * len(word):
            return places
        start = text.find(word[0], start + 1)
    return []
