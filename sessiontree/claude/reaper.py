"""Puts right what an app leaves that died without doing so itself (`kill -9`): the CLI processes
that it started, with the tools, servers and hooks that these started, and the terminal.

A CLI in the middle of a turn goes on for minutes after its stdin was closed, and what it started
can outlive it (seen on Claude Code 2.1.330). So a small process of its own holds the other end of
a pipe and is told each CLI's pid and how the terminal was; when the pipe closes, it acts. It needs
nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRACE_SECONDS = 3.0
"""Between asking a process to end and ending it."""

RESTORED = (
    "\x1b[?2026l\x1b[?2004l\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    "\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""Ends what Textual 8.2.8 begins: the mouse, the keyboard, the alternate screen and the rest."""


class Reaper:
    """The app's side. Where the helper cannot be started or has died, all goes on without it."""

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None

    def watch(self, pid: int) -> None:
        """A CLI process was started."""
        self._begin(subprocess.DEVNULL)
        self._tell(f"+{pid}")

    def release(self, pid: int) -> None:
        """The process has ended by itself: its pid may become another's."""
        self._tell(f"-{pid}")

    def hold_terminal(self, fd: int, modes: list[Any]) -> None:
        """The terminal is the app's from now on; `modes` are those of before (`tcgetattr`)."""
        self._begin(fd)
        *flags, characters = modes
        kept = [one if isinstance(one, int) else list(one) for one in characters]
        self._tell("t" + json.dumps([*flags, kept]))

    def give_terminal(self) -> None:
        """It is again as it was."""
        self._tell("q")

    def close(self) -> None:
        """End the helper; what it still watches is ended with it."""
        if self._helper is not None and self._helper.stdin is not None:
            with contextlib.suppress(OSError):
                self._helper.stdin.close()
            self._helper.wait()
            self._helper = None

    def _begin(self, stdout: int) -> None:
        if self._helper is None:
            with contextlib.suppress(OSError):
                self._helper = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(Path(__file__))],
                    stdin=subprocess.PIPE,
                    stdout=stdout,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # the signals of a closing terminal are not for it
                )

    def _tell(self, line: str) -> None:
        if self._helper is not None and self._helper.stdin is not None:
            with contextlib.suppress(OSError):
                self._helper.stdin.write(f"{line}\n".encode())
                self._helper.stdin.flush()


REAPER = Reaper()
"""One for the whole process."""


def below(pids: Iterable[int]) -> dict[int, str]:
    """The processes that these started, and those that they did, each with the time of its start.
    Costs a look at every process of the system."""
    children: dict[int, list[tuple[int, str]]] = {}
    for pid, parent, began in _listed():
        children.setdefault(parent, []).append((pid, began))
    found: dict[int, str] = {}
    waiting = list(pids)
    while waiting:
        for pid, began in children.get(waiting.pop(), ()):
            if pid not in found:
                found[pid] = began
                waiting.append(pid)
    return found


def kill(found: dict[int, str]) -> None:
    """End those of `below` that are still there: no pid that has become another's."""
    there = {pid: began for pid, _, began in _listed()} if found else {}
    for pid, began in found.items():
        if there.get(pid) == began:
            _signal(pid, signal.SIGKILL)


def _listed() -> list[tuple[int, int, str]]:
    """Pid, parent and time of the start of every process."""
    found = []
    if Path("/proc/self/stat").exists():
        for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - quick
            with contextlib.suppress(OSError, IndexError):
                stat = Path(f"/proc/{name}/stat").read_text(errors="replace")
                fields = stat.rpartition(")")[2].split()  # the name in front can hold anything
                found.append((int(name), int(fields[1]), fields[19]))
        return found
    with contextlib.suppress(OSError, ValueError):
        words = ["ps", "-axo", "pid=,ppid=,lstart="]
        said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        for line in said.splitlines():
            pid, parent, began = line.split(None, 2)
            found.append((int(pid), int(parent), began))
    return found


# The helper's side


Modes = list[Any]


@dataclass
class Terminal:
    """How it was, and how the app has set it."""

    before: Modes
    held: Modes

    def restore(self) -> None:
        """Give it back as it was. A shell can have set modes of its own by now: those stay."""
        with contextlib.suppress(OSError, termios.error):
            os.write(1, RESTORED.encode())
            if self.held == termios.tcgetattr(1):
                *flags, characters = self.before
                whole = [one if isinstance(one, int) else bytes(one) for one in characters]
                termios.tcsetattr(1, termios.TCSANOW, [*flags, whole])


def listen() -> tuple[set[int], Terminal | None]:
    """What is left when the pipe closes: CLI processes, and a terminal that was not given back."""
    pids: set[int] = set()
    terminal: Terminal | None = None
    for line in sys.stdin:
        match line[0]:
            case "+":
                pids.add(int(line[1:]))
            case "-":
                pids.discard(int(line[1:]))
            case "t":
                with contextlib.suppress(termios.error):
                    terminal = Terminal(json.loads(line[1:]), termios.tcgetattr(1))
            case "q":
                terminal = None
    return pids, terminal


def end(pids: set[int]) -> None:
    """Ask, wait a little, insist. What they started ends at once with them."""
    started = below(pids)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in list(pids):
            if not _signal(pid, number):
                pids.discard(pid)
        deadline = time.monotonic() + GRACE_SECONDS
        while pids and time.monotonic() < deadline:
            select.select([], [], [], 0.05)  # they are not our children: nobody can wait for them
            pids = {pid for pid in pids if _signal(pid, 0)}
    kill(started)


def _signal(pid: int, number: int) -> bool:
    """Whether the process was there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    pids, terminal = listen()
    if terminal is not None:
        terminal.restore()
    os.close(1)  # a terminal's end waits for nobody
    end(pids)


if __name__ == "__main__":
    main()
