"""Ends the CLI processes of an app that died without doing so itself (`kill -9`, a crash).

A CLI in the middle of a turn goes on for minutes after its stdin was closed (seen on Claude Code
2.1.330). So a small process of its own holds the other end of a pipe and is told each CLI's
pid; when the pipe closes, it ends those that are left. It needs nothing but the standard library
and is started with the first run.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_SECONDS = 3.0
"""Between asking a process to end and ending it."""


class Reaper:
    """The app's side. Where the helper cannot be started or has died, runs go on without it."""

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None

    def watch(self, pid: int) -> None:
        if self._helper is None:
            with contextlib.suppress(OSError):
                self._helper = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(Path(__file__))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # the signals of a closing terminal are not for it
                )
        self._tell(f"+{pid}\n")

    def release(self, pid: int) -> None:
        """The process has ended by itself: its pid may become another's."""
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End the helper; what it still watches is ended with it."""
        if self._helper is not None and self._helper.stdin is not None:
            with contextlib.suppress(OSError):
                self._helper.stdin.close()
            self._helper.wait()
            self._helper = None

    def _tell(self, line: str) -> None:
        if self._helper is not None and self._helper.stdin is not None:
            with contextlib.suppress(OSError):
                self._helper.stdin.write(line.encode())
                self._helper.stdin.flush()


def listen() -> set[int]:
    """The pids that are left when the pipe closes."""
    pids: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        (pids.add if line[0] == "+" else pids.discard)(pid)
    return pids


def end(pids: set[int]) -> None:
    """Ask, wait a little, insist."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in list(pids):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pids.discard(pid)
        deadline = time.monotonic() + GRACE_SECONDS
        while pids and time.monotonic() < deadline:
            select.select([], [], [], 0.05)  # they are not our children: nobody can wait for them
            pids = {pid for pid in pids if _lives(pid)}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    end(listen())
