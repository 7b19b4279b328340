"""Sessions that do not expire: Claude Code deletes transcripts after 30 days, the archive keeps
a copy of those that were run here or marked 'keep', and brings one back when it is wanted.

All of it blocks: call it off the event loop."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from sessiontree.config import Config
from sessiontree.model.session import Presence, Session
from sessiontree.store.archive import Archive
from sessiontree.store.errors import StoreError


class Keeping:
    def __init__(self, config: Config) -> None:
        self._archive = Archive(config.archive, limit=config.archive_mb * 1_000_000)
        self._projects = config.projects
        self._to_read = config.home / "gone"  # copies of gone sessions, laid out to be read
        self._kept: set[str] = set()

    def load(self) -> None:
        self._kept = {copy.session for copy in self._archive.copies()}

    def has(self, session: str) -> bool:
        return session in self._kept

    def keep(self, session: Session, marked: Collection[str]) -> str:
        """Bring the copy of a session up to date; a sentence where that failed, else ""."""
        try:
            self._archive.keep(Path(session.path), marked)
        except (StoreError, OSError) as error:
            return f"No copy of ‹{session.id[:8]}› could be kept: {error}"
        self._kept.add(session.id)
        return ""

    def to_read(self, session: Session) -> Path:
        """A gone session's transcript, to be read. Raises `StoreError` or `OSError`."""
        return self._archive.extract(session.project, session.id, self._to_read, over=True)

    def bring_back(self, session: Session) -> Session:
        """Put a gone session's transcript back to where Claude Code finds it. Nothing that is
        there is written over. Returns the session with it. Raises `StoreError` or `OSError`."""
        path = self._archive.extract(session.project, session.id, self._projects)
        return replace(session, path=str(path), presence=Presence.OK)
