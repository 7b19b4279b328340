"""Finding rows by what is typed, letter by letter.

Every word of the query must occur in the text, in any order and in any case. Only where nothing
at all has them so, a word may be put together from beginnings of words ('ratlim' finds 'rate
limiter'): what is found is never buried under near misses.

Words like `is:chosen` ask how a session fares, not what it is called; beginnings of them do too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

STATES = (
    *("is:chosen", "is:discarded", "is:away", "is:running", "is:waiting", "is:queued"),
    *("is:failed", "is:interrupted", "is:done", "is:elsewhere", "is:new", "is:damaged"),
    *("is:gone", "has:note"),
)
HIDDEN = ("is:discarded", "is:away")

_ASKS = ("is:", "has:")


def parted(query: str) -> tuple[str, list[str]]:
    """The words of a query to be looked for in texts, and those that ask for a state."""
    words = query.lower().split()
    states = [word for word in words if word.startswith(_ASKS)]
    return " ".join(word for word in words if word not in states), states


def asks_for_hidden(query: str) -> bool:
    """Whether a query is about sessions that were put away or discarded."""
    asked = [word for word in parted(query)[1] if word not in _ASKS]
    return any(state.startswith(word) for word in asked for state in HIDDEN)


def unknown_state(query: str) -> bool:
    """Whether a query asks for a state that there is not."""
    return not all(any(one.startswith(word) for one in STATES) for word in parted(query)[1])


class Search:
    """Searches `texts`, all in lower case. A letter more looks only at what matched before:
    50,000 texts take some 3 ms, several times that when it comes to beginnings of words.

    That is right as a longer word is found nowhere that its beginning is not, in both ways."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [f" {text}" for text in texts]  # a space before every word
        self._query = ""
        self._found: Sequence[int] = range(len(texts))
        self._loose = False

    def find(self, query: str) -> Sequence[int]:
        """The indices of the texts that match, in order."""
        words = query.lower().split()
        everything = range(len(self._texts))
        if not query.startswith(self._query):
            self._found, self._loose = everything, False
        self._query = query
        if not self._loose:
            self._found = self._exactly(words, self._found)
            if self._found:
                return self._found
            self._found, self._loose = everything, True
        self._found = self._loosely(words, self._found)
        return self._found

    def _exactly(self, words: Iterable[str], found: Sequence[int]) -> Sequence[int]:
        texts = self._texts
        for word in words:
            found = [index for index in found if word in texts[index]]
        return found

    def _loosely(self, words: Iterable[str], found: Sequence[int]) -> Sequence[int]:
        texts = self._texts
        for word in words:
            found = [
                index
                for index in found
                if word in texts[index] or _loose_places(texts[index], word)
            ]
        return found


def spans(query: str, text: str) -> list[tuple[int, int]]:
    """Where in `text` the words of a query are, as start and end; for showing them."""
    lower, found = text.lower(), []
    if len(lower) != len(text):  # lower case of some letters is longer
        return []
    for word in parted(query)[0].split():
        start = lower.find(word)
        if start >= 0:
            found.append((start, start + len(word)))
        else:
            found += [(at - 1, at) for at in _loose_places(f" {lower}", word)]
    return found


def _loose_places(text: str, word: str) -> list[int]:
    """Where the letters of `word` are in a text that begins with a space: the first begins a word,
    each other one follows at once or else begins a later word. [] where they are not."""
    start = text.find(f" {word[0]}")
    while start >= 0:
        places = [start + 1]
        for letter in word[1:]:
            at = places[-1] + 1
            if not text.startswith(letter, at):
                at = text.find(f" {letter}", at) + 1
                if not at:
                    break
            places.append(at)
        else:
            return places
        start = text.find(f" {word[0]}", start + 1)
    return []
