"""The archive as the SDK's `SessionStore`: it mirrors each line that a run writes.

The SDK resumes from a store that has the session in a temporary configuration folder, and then
nothing of the run appears among Claude Code's transcripts (seen on claude-agent-sdk 0.2.187). So
the app's runs get a `Mirror`, which is only written to; a session whose transcript is gone is
first brought back with `Archive.extract` and then resumed like any other."""

from __future__ import annotations

import asyncio
import json

from claude_agent_sdk import SessionKey, SessionListSubkeysKey, SessionStore
from claude_agent_sdk.types import SessionStoreEntry, SessionStoreListEntry

from sessiontree.store.archive import Archive


class ArchiveStore(SessionStore):
    """All of an archive. An append is one piece: there wholly when it returns, or not at all."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        if entries:
            lines = b"".join(_line(entry) for entry in entries)
            await asyncio.to_thread(self._archive.add, *_place(key), lines)

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        lines = await asyncio.to_thread(self._archive.read, *_place(key))
        return None if lines is None else [json.loads(line) for line in lines.split(b"\n") if line]

    async def list_sessions(self, project_key: str) -> list[SessionStoreListEntry]:
        copies = await asyncio.to_thread(self._archive.copies, project_key)
        return [{"session_id": one.session, "mtime": one.changed // 1_000_000} for one in copies]

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        return await asyncio.to_thread(self._archive.parts, key["project_key"], key["session_id"])

    async def delete(self, key: SessionKey) -> None:
        project, session, part = _place(key)
        await asyncio.to_thread(self._archive.remove, project, session, part or None)


class Mirror(ArchiveStore):
    """Takes what a run writes and gives nothing back."""

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        return None


def _place(key: SessionKey) -> tuple[str, str, str]:
    return key["project_key"], key["session_id"], key.get("subpath", "")


def _line(entry: SessionStoreEntry) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode("ascii") + b"\n"
