"""What can go wrong with the store. Each text is a sentence or two for a person: what happened,
to which file, and what to do."""

from __future__ import annotations

from pathlib import Path


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

    def __init__(self, path: Path, offset: int, what: str, backups: list[Path]) -> None:
        names = ", ".join(backup.name for backup in backups) or "none"
        super().__init__(
            f"{path} is damaged at byte {offset}: {what}. Nothing was changed. "
            f"Backups beside it: {names}. `sessiontree doctor` explains, "
            "`sessiontree doctor --repair` keeps all that can be read."
        )
        self.path = path
        self.offset = offset
        self.what = what
        self.backups = backups
