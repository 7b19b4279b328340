"""Every row, as if all were unfolded, with the text by which it is found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import compress

from sessiontree.model.filter import Search, parted
from sessiontree.model.forest import Forest
from sessiontree.model.overlay import Status
from sessiontree.model.plan import LIVE, Kind, Row

_NOWHERE = -1
"""Index of the row above a row at the top: the spare place at the end of `shown`."""


class Haystack:
    """`stale` until it is gathered, and again when rows have changed or what they are found by."""

    def __init__(self, forest: Forest) -> None:
        self.stale = True
        self._forest = forest
        self._texts: dict[Row, str] = {}
        self._known: dict[str, str] = {}  # session → what its rows were found by
        self._changed: set[str] = set()
        self._spoilt = 0
        self._rows: list[Row] = []
        self._index: dict[Row, int] = {}
        self._parents: list[int] = []
        self._branches: list[int] = []  # the rows that are no turns
        self._hits = bytearray()
        self._shown = bytearray()
        self._last: dict[int, int] | None = None  # row → the last branch shown below it
        self._search = Search([])

    def heed(self, shapes: Collection[str], looks: Collection[str]) -> None:
        """Rows below these sessions changed, or how these look. Costs as many as there are."""
        if not shapes and not looks:
            return
        self._changed.update(shapes, looks)
        if shapes or any(self._known.get(id) != self._all_of(id) for id in looks):
            self.spoil()

    def spoil(self) -> None:
        self.stale = True
        self._spoilt += 1

    def gather(self, everything: Iterator[list[Row]]) -> Iterator[None]:
        """Take in all rows, with pauses between which the forest may change: then, or when it
        is begun again meanwhile, it has been to no avail, but the next time is quick."""
        spoilt = self._spoilt
        texts: dict[Row, str] = {}
        old, changed = self._texts, self._changed
        self._texts, self._changed = texts, set()
        for count, rows in enumerate(everything):
            for row in rows:
                text = old.get(row)
                texts[row] = self._text(row) if text is None or row.session in changed else text
            if count % 64 == 63:
                yield
        if self._texts is texts and self._spoilt == spoilt:
            self._rows = list(texts)
            self._index = {row: index for index, row in enumerate(self._rows)}
            self._parents = [
                self._index[row.parent] if row.parent else _NOWHERE for row in self._rows
            ]
            kinds = enumerate(row.kind for row in self._rows)
            self._branches = [index for index, kind in kinds if kind is not Kind.TURN]
            self._search = Search(list(texts.values()))
            self.stale = False

    def search(self, query: str) -> list[Row]:
        """The rows that match and those that they hang below, in order."""
        hits = bytearray(len(self._rows))
        shown = bytearray(len(self._rows) + 1)
        shown[_NOWHERE] = True
        parents = self._parents
        words, states = parted(query)
        for index in self._in_states(self._search.find(words), states):
            hits[index] = True
            while not shown[index]:
                shown[index] = True
                index = parents[index]
        self._hits, self._shown, self._last = hits, shown, None
        return list(compress(self._rows, shown))

    def _in_states(self, found: Iterable[int], states: Iterable[str]) -> Iterable[int]:
        """Those of the rows `found` that are in all these states. A note is asked of a session or
        a turn, everything else of sessions alone."""
        rows = self._rows
        for state in states:
            if "has:note".startswith(state):
                found = [index for index in found if self._note_on(rows[index])]
            else:
                found = [index for index in found if self._is(rows[index], state)]
        return found

    def _is(self, row: Row, state: str) -> bool:
        if row.kind is not Kind.SESSION:
            return False
        overlay, status = self._forest.overlaid(row.session), self._forest.status(row.session)
        words = (_WORDS.get(status, status.value), overlay.verdict, "away" * overlay.hidden)
        return any(word and f"is:{word}".startswith(state) for word in words)

    def _note_on(self, row: Row) -> str:
        if row.kind is Kind.SESSION:
            return self._forest.note(row.session)
        return self._forest.note(row.turn) if row.kind is Kind.TURN else ""

    # about the last search -------------------------------------------------------------------

    def is_hit(self, row: Row) -> bool:
        """Whether a row matched, and is not shown for what hangs below it."""
        index = self._index.get(row)
        return index is not None and bool(self._hits[index])

    def has_below(self, row: Row) -> bool:
        """Whether any row below this one is shown."""
        index = self._index.get(row)
        following = _NOWHERE if index is None else self._shown.find(True, index + 1)
        return 0 <= following < len(self._rows) and self._rows[following].depth > row.depth

    def is_last(self, row: Row) -> bool:
        """Whether no fork or arm that hangs where this one does is shown behind it."""
        if self._last is None:
            branches = compress(self._branches, map(self._shown.__getitem__, self._branches))
            self._last = {self._parents[index]: index for index in branches}
        index = self._index.get(row)
        return index is None or self._last.get(self._parents[index]) == index

    def _text(self, row: Row) -> str:
        if row.kind is Kind.SESSION:
            self._known[row.session] = self._all_of(row.session)
            return self._of_session(row.session)
        if row.kind is not Kind.TURN:
            return ""
        if row.turn == LIVE:
            return self._forest.overlaid(row.session).prompt.lower()
        own, note = self._forest.arms(row.session), self._note(row.turn)
        if own.first is own.turns[row.turn] and not self._forest.title(row.session):
            return note  # the session is called by it: its row need not be found twice
        return own.turns[row.turn].label.lower() + note

    def _all_of(self, id: str) -> str:
        """What the rows of a session are found by that may change while its turns do not."""
        notes = map(self._note, self._forest.arms(id).turns) if self._forest.has_note(id) else ()
        return "".join([self._of_session(id), *notes])

    def _of_session(self, id: str) -> str:
        session = self._forest.session(id)
        folder = (session.cwd or session.project) if session else ""
        return f"{self._forest.name(id)}\n{folder}".lower() + self._note(id)

    def _note(self, id: str) -> str:
        note = self._forest.note(id)
        return f"\n{note.lower()}" if note else ""


_WORDS = {Status.WAITING: "waiting"}
"""By which word a status is asked for where that is not the one that is shown."""
