"""A transaction before it is made: the tables as they would be, without touching them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from sessiontree.store.format import Doc, Table, Tables


class DraftTable(MutableMapping[str, Doc]):
    """A table to change at will. Costs grow with what is touched, not with the table: a document
    is copied when it is asked for, since the asker may change it in place."""

    def __init__(self, base: Table) -> None:
        self._base = base
        self._own: dict[str, Doc | None] = {}

    def __getitem__(self, key: str) -> Doc:
        if key not in self._own:
            self._own[key] = _copy(self._base[key])
        doc = self._own[key]
        if doc is None:
            raise KeyError(key)
        return doc

    def __setitem__(self, key: str, doc: Doc) -> None:
        self._own[key] = doc

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._own[key] = None

    def __contains__(self, key: object) -> bool:
        return self._own[key] is not None if key in self._own else key in self._base

    def __iter__(self) -> Iterator[str]:
        yield from (key for key in self._base if self._own.get(key, True) is not None)
        yield from (
            key for key, doc in self._own.items() if doc is not None and key not in self._base
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        self._own = dict.fromkeys(self._base)

    def changes(self) -> dict[str, Doc | None]:
        """What differs from the table as it is; None for a document that is to go."""
        return {
            key: doc
            for key, doc in self._own.items()
            if (key in self._base if doc is None else doc != self._base.get(key))
        }


class Draft(Mapping[str, DraftTable]):
    """All tables as they would be. Asking for one that does not exist gives an empty one."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._drafts: dict[str, DraftTable] = {}

    def __getitem__(self, name: str) -> DraftTable:
        if name not in self._drafts:
            self._drafts[name] = DraftTable(self._tables.get(name, {}))
        return self._drafts[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._tables, *(name for name in self._drafts if name not in self._tables)])

    def __len__(self) -> int:
        return len(self._tables.keys() | self._drafts.keys())

    def changes(self) -> dict[str, dict[str, Doc | None]]:
        changes = {name: draft.changes() for name, draft in self._drafts.items()}
        return {name: documents for name, documents in changes.items() if documents}


def _copy(value: Any) -> Any:
    """JSON values copied: some ten times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value
