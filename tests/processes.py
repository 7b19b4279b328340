"""Processes as the system lists them. Where there is no /proc a test of them is skipped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")


def alive(pid: int) -> bool:
    """Whether a process is there, and not only its entry that nobody took."""
    if not Path("/proc").is_dir():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    return _stat(pid)[:1] not in ([], ["Z"])


def gone(pid: int, seconds: float = 15) -> bool:
    """Whether a process is gone, or goes within this time."""
    end = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > end:
            return False
        signal.sigtimedwait([], 0.05)
    return True


def children(pid: int) -> list[int]:
    found = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [child for child in found if alive(child) and _stat(child)[1:2] == [str(pid)]]


def descendants(pid: int) -> set[int]:
    """The children of a process, theirs, and so on."""
    parents = {int(path.name): _stat(int(path.name))[1:2] for path in Path("/proc").glob("[0-9]*")}
    found, before = {pid}, 0
    while len(found) > before:
        before = len(found)
        found |= {child for child, parent in parents.items() if parent and int(parent[0]) in found}
    return found - {pid}


def _stat(pid: int) -> list[str]:
    """State, parent and more; empty where there is no such process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
