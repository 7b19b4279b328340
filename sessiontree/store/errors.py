"""What can go wrong with the store. Each text is a sentence or two for a person, from `words`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sessiontree.store import words


class StoreError(Exception):
    """The store cannot do what was asked."""


class StoreBusy(StoreError):
    """Another program held the lock for longer than the deadline."""


class StoreReadOnly(StoreError):
    """The store can be read but not written; the text says why."""


class SessionRunning(StoreError):
    """Another instance of the app has a run under way on this session."""


class StoreDamaged(StoreError):
    """Something before the end of the file is not as it was written."""

    def __init__(self, path: Path, offset: int, what: str, backups: Sequence[Path]) -> None:
        super().__init__(words.damaged(path, offset, what, backups))
        self.path = path
        self.offset = offset
        self.what = what
        self.backups = tuple(backups)
