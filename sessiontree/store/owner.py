"""Who owns a run: a process on a machine, told apart from a later one with the same number."""

from __future__ import annotations

import functools
import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """`started` is when the process began, in clock ticks since the machine did, with the
    machine's boot id before it; "" where the system does not tell (macOS)."""

    host: str
    pid: int
    started: str = ""

    @property
    def here(self) -> bool:
        """Whether it belongs to this machine, so that `gone` can be known."""
        return self.host == socket.gethostname()

    @property
    def gone(self) -> bool:
        """Whether the process has certainly ended. False for another machine's."""
        return self.here and not (_exists(self.pid) and self.started in ("", _started(self.pid)))


def this_process() -> Owner:
    return _owner(os.getpid())  # asked each time: a forked child is another process


@functools.lru_cache(maxsize=4)
def _owner(pid: int) -> Owner:
    return Owner(socket.gethostname(), pid, _started(pid))


def _exists(pid: int) -> bool:
    if pid <= 0:  # to `kill` these name groups of processes
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """proc(5): field 22 of `stat`, counted after the command, which may hold spaces."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    fields = stat.rpartition(b")")[2].split()
    return f"{boot}:{fields[19].decode('ascii')}"
