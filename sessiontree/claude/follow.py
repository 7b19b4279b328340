"""What happens in Claude Code's folder while the app looks on: transcripts that change, sessions
that other processes have open."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import anyio
import anyio.to_thread

from sessiontree.claude import projects
from sessiontree.claude.projects import TRANSCRIPT

INTERVAL = 1.0
"""Seconds between two looks where there are no events, or no folder yet."""
_LARGEST_NOTE = 1 << 20
"""Bytes: Claude Code's notes on what is open have a few hundred."""


async def follow(root: Path) -> AsyncIterator[frozenset[Path]]:
    """The transcripts under `root` that changed, came or went, as it happens. What a session's
    subagents write counts as a change of its transcript. An empty set says that watching has
    begun (again), or that a project's folder is gone: what happened is for a scan to find.

    Ends never: cancel it. Where the system has no events for this folder it is looked at every
    second; a folder that does not exist is waited for."""
    from watchfiles import awatch

    polling = False
    while True:
        await _appearance(root)
        watching = False
        try:
            async for changes in awatch(
                root,
                watch_filter=None,
                debounce=400,
                step=50,
                rust_timeout=1000,
                yield_on_timeout=True,  # the first one tells that it watches
                force_polling=polling or None,
                poll_delay_ms=int(INTERVAL * 1000),
                ignore_permission_denied=True,
            ):
                if not watching:
                    watching = True
                    yield frozenset()
                paths, lost = await anyio.to_thread.run_sync(_transcripts, root, changes)
                if paths:
                    yield paths
                if lost:
                    yield frozenset()
                if not await anyio.Path(root).is_dir():
                    break
        except (OSError, RuntimeError):  # too many watches, or a file system without events
            polling = True
            await anyio.sleep(INTERVAL)


def _transcripts(root: Path, changes: Iterable[tuple[object, str]]) -> tuple[frozenset[Path], bool]:
    """What changed, and whether a project's folder is gone. No event tells what was in it, nor what
    was written in a new one before it was watched, nor what came with one that was moved here."""
    found: set[Path] = set()
    lost = False
    for _, name in changes:
        path = Path(name)
        if transcript := transcript_of(root, path):
            found.add(transcript)
        elif path.parent == root:
            try:
                found.update(path / inside for inside in projects.transcripts(name))
            except NotADirectoryError:
                continue
            except OSError:
                lost = True
    return frozenset(found), lost


async def _appearance(root: Path) -> None:
    while not await anyio.Path(root).is_dir():  # noqa: ASYNC110 - a file system tells nobody
        await anyio.sleep(INTERVAL)


def transcript_of(root: Path, path: Path) -> Path | None:
    """The transcript that a file under `root` belongs to, None for any other file."""
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return None
    if len(parts) == 2 and TRANSCRIPT.match(parts[1]):
        return path
    if len(parts) >= 2 and TRANSCRIPT.match(f"{parts[1]}.jsonl"):  # the folder beside it
        return root / parts[0] / f"{parts[1]}.jsonl"
    return None


def open_elsewhere(claude: Path) -> dict[str, list[int]]:
    """Session id → ids of the living processes that have it open, as Claude Code notes it in
    `sessions/<pid>.json` (seen on 2.1.330)."""
    found: dict[str, list[int]] = {}
    try:
        notes = sorted((claude / "sessions").glob("*.json"))
    except OSError:
        return found
    for note in notes:
        try:
            if not note.is_file() or note.stat().st_size > _LARGEST_NOTE:
                continue  # a pipe would be waited for
            said = json.loads(note.read_bytes())
            id, pid = said["sessionId"], int(said["pid"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
        if isinstance(id, str) and _lives(pid, said.get("procStart")):
            found.setdefault(id, []).append(pid)
    return found


def _lives(pid: int, started: object) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass  # it lives, as another user's
    except (OSError, OverflowError):
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True  # no such thing on this system
    # Field 3 says whether it is dead and only its parent does not know yet; field 22 when it
    # started: the process may be another one by now, under the same id.
    fields = stat.rpartition(b")")[2].split()
    if fields[:1] == [b"Z"]:
        return False
    return not isinstance(started, str) or len(fields) < 20 or fields[19] == started.encode()
