"""Every row, as if all were unfolded, with the text by which it is found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sessiontree.model.filter import Search
from sessiontree.model.forest import Forest
from sessiontree.model.plan import LIVE, Entry, Kind, Row


class Haystack:
    """`stale` until it is gathered, and again when rows or names have changed."""

    def __init__(self, forest: Forest) -> None:
        self.rows: Sequence[Row] = []
        self.stale = True
        self._forest = forest
        self._texts: dict[Row, str] = {}
        self._names: dict[str, str] = {}
        self._changed: set[str] = set()
        self._spoilt = 0
        self._search = Search([])

    def heed(self, shapes: Collection[str], looks: Collection[str]) -> None:
        """Rows below these sessions changed, or how these look. Costs as many as there are."""
        if not shapes and not looks:
            return
        self._changed.update(shapes, looks)
        if shapes or any(self._names.get(id) != self._name(id) for id in looks):
            self.spoil()

    def spoil(self) -> None:
        self.stale = True
        self._spoilt += 1

    def gather(self, entries: Iterator[Entry]) -> Iterator[None]:
        """Take in all rows, with pauses between which the forest may change: then, or when it
        is begun again meanwhile, it has been to no avail, but the next time is quick."""
        spoilt = self._spoilt
        texts: dict[Row, str] = {}
        old, changed = self._texts, self._changed
        self._texts, self._changed = texts, set()
        for count, (rows, session) in enumerate(entries):
            for row in (*rows, session) if session else rows:
                text = old.get(row)
                texts[row] = self._text(row) if text is None or row.session in changed else text
            if count % 64 == 63:
                yield
        if self._texts is texts and self._spoilt == spoilt:
            self.rows = list(texts)
            self._search = Search(list(texts.values()))
            self.stale = False

    def find(self, query: str) -> list[Row]:
        rows = self.rows
        return [rows[index] for index in self._search.find(query)]

    def _text(self, row: Row) -> str:
        if row.kind is Kind.SESSION:
            self._names[row.session] = name = self._name(row.session)
            return name
        if row.kind is not Kind.TURN:
            return ""
        if row.turn == LIVE:
            return self._forest.overlaid(row.session).prompt.lower()
        own = self._forest.arms(row.session)
        if own.first is own.turns[row.turn] and not self._forest.title(row.session):
            return ""  # the session is called by it: its row need not be found twice
        return own.turns[row.turn].label.lower()

    def _name(self, id: str) -> str:
        session = self._forest.session(id)
        folder = (session.cwd or session.project) if session else ""
        return f"{self._forest.name(id)}\n{folder}".lower()
