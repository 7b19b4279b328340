"""TinyDB over a journal: its API, without its way of writing everything at each change.

Stock TinyDB rebuilds every document id and writes the whole file at each change; at 100,000
documents one insert takes seconds. Here a change costs the same at any size. What is overridden
is private in TinyDB 4 (`_update_table`, `_get_next_id`, `_read_table` is relied on), which is
why it is pinned below 5 and a contract test watches it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from sessiontree.store.draft import Draft, DraftTable
from sessiontree.store.journal import Journal


class JournalStorage(Storage):
    """TinyDB's view of a journal: inside a transaction its draft, else what is stored."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def read(self) -> dict[str, Any]:
        draft = self.journal.draft
        return dict(self.journal.tables if draft is None else draft)

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes `data` all there is (TinyDB's `drop_tables`); only what differs is written."""
        with self.journal.transaction() as draft:
            for name in {*draft, *data}:
                _overwrite(draft[name], data.get(name, {}))

    def close(self) -> None:
        self.journal.close()


def _overwrite(table: DraftTable, documents: Mapping[str, Any]) -> None:
    for key in [key for key in table if key not in documents]:
        del table[key]
    for key, doc in documents.items():
        table[key] = doc


class JournalTable(Table):
    """Documents carry their own id, a string: insert `tinydb.table.Document(fields, doc_id)`."""

    document_id_class = str  # type: ignore[assignment]
    default_query_cache_capacity = 0  # a cached result would not see another instance's change

    def __init__(self, storage: JournalStorage, name: str, **options: Any) -> None:
        super().__init__(storage, name, cache_size=0, **options)
        self._journal = storage.journal

    def upsert(self, document: Mapping[str, Any], cond: Any = None) -> list[int]:
        with self._journal.transaction():  # TinyDB looks and inserts in two steps
            return super().upsert(document, cond)

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        with self._journal.transaction() as draft:
            updater(draft[self.name])

    def _get_next_id(self) -> NoReturn:
        raise ValueError(f"A document of {self.name} needs an id: insert Document(fields, doc_id).")


class JournalDB(TinyDB):
    """A TinyDB whose tables are journal tables."""

    table_class = JournalTable  # type: ignore[assignment]

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal, storage=JournalStorage)
        self._journal = journal

    def transaction(self) -> AbstractContextManager[Draft]:
        """All changes made inside, in any table, become one transaction: all or none."""
        return self._journal.transaction()

    def drop_table(self, name: str) -> None:
        with self._journal.transaction():
            self.table(name).truncate()
        self._tables.pop(name, None)


__all__ = ["Document", "JournalDB", "JournalStorage", "JournalTable"]
