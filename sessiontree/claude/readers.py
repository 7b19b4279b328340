"""Reads transcripts: one, or many, where there is much to read by other processes, on all cores."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sessiontree.claude.projects import Item, subagents_folder
from sessiontree.claude.scanned import Scanned
from sessiontree.claude.transcript.scan import read_session
from sessiontree.model.session import Presence, Session
from sessiontree.model.text import clean_line

if TYPE_CHECKING:
    from sessiontree.claude.cache import Stamp

CHUNK = 100
"""Transcripts that a process gets at a time."""
MOST = 4
"""Processes at once: more would wait for the one that gathers."""
ENOUGH = 40_000_000
"""Bytes below which processes would not be faster: it takes 0.1 s until one reads."""
PER_FILE = 15_000
"""What opening a transcript costs, as bytes that are read in that time."""

Found = tuple[Item, Scanned | None]
"""None for one that is gone."""


def read(item: Item) -> Scanned | None:
    """One transcript; None where it is gone. One that cannot be read is a session that says so."""
    folder, _, name = item.path.rpartition("/")
    project = folder.rpartition("/")[2]
    try:
        return read_session(item.path, project, sidechains=_sidechains(item.path))
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - also a fault of ours is no reason to lose the others
        return Scanned(_unreadable(name, project, item.path, error))


def read_all(items: Sequence[Item]) -> Iterator[Found]:
    """The same for many. Those in front come early, not always first. One that is large is read by
    a process even alone: the memory that took goes with it, and keys do not wait meanwhile."""
    work = sum(item.size + PER_FILE for item in items)
    count = min(_cores(), MOST, len(items) // CHUNK)
    large = any(item.size > ENOUGH for item in items)
    if work < ENOUGH or (count < 2 and not large):
        return ((item, read(item)) for item in items)
    from sessiontree.claude import workers  # 10 ms, for what is rare

    return workers.read_all(
        [items[at : at + CHUNK] for at in range(0, len(items), CHUNK)], max(count, 1)
    )


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sidechains(path: str) -> int:
    try:
        with os.scandir(subagents_folder(path)) as entries:
            return sum(
                entry.name.startswith("agent-") and entry.name.endswith(".jsonl")
                for entry in entries
            )
    except OSError:
        return 0


def _unreadable(name: str, project: str, path: str, error: Exception) -> Session:
    size, changed = _lasting(path)
    if isinstance(error, PermissionError):
        why = "There is no permission to read it."
    elif isinstance(error, MemoryError):
        why = "It is too large for the memory of this machine."
    elif isinstance(error, OSError):
        why = f"It cannot be read: {error.strerror}."
    else:
        fault = clean_line(f"{type(error).__name__}: {error}")
        why = f"Reading it failed ({fault}). That is a fault of sessiontree: please report it."
    return Session(
        id=name.removesuffix(".jsonl"),
        project=project,
        cwd="",
        path=path,
        presence=Presence.DAMAGED,
        damage=(why,),
        size=size,
        mtime_ns=changed,
    )


def _lasting(path: str) -> Stamp:
    """The stamp of what is no file: it stays that until it changes. A file is tried again at the
    next scan, so it gets one that none has."""
    try:
        info = os.lstat(path)
    except OSError:
        return -1, 0
    return (-1, 0) if stat.S_ISREG(info.st_mode) else (info.st_size, info.st_mtime_ns)
