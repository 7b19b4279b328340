"""The program in a pseudo-terminal, as a person sees it: what tests of the real thing share."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyte
import pytest

from tests.api import ClaudePlace


class Terminal:
    """The program in a pseudo-terminal, and the screen as a person sees it."""

    def __init__(self, command: list[str], env: dict[str, str], cwd: Path, size: tuple[int, int]):
        columns, rows = size
        env = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**env, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(slave)
        self.modes_before = self.modes

    @property
    def modes(self) -> list[object]:
        """How the terminal is set: echo, lines, signals."""
        return termios.tcgetattr(self._master)

    @property
    def text(self) -> str:
        # Not `screen.display`: that fails where half a wide sign was drawn over (pyte 0.8.2).
        rows = (self.screen.buffer[row] for row in range(self.screen.lines))
        return "\n".join(
            "".join(row[column].data for column in range(self.screen.columns)) for row in rows
        )

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.text
            if not self._read():
                break
        assert condition(), self.text

    def shows(self, *words: str) -> None:
        self.until(lambda: all(word in self.text for word in words))

    def ends(self) -> int:
        """Wait for the program's end; its exit code."""
        end = time.monotonic() + 30
        while self._read():
            assert time.monotonic() < end, self.text
        return self.process.wait(10)

    def drain(self) -> bool:
        """Take in what the program has written by now, up to the end of a frame; whether there
        was anything."""
        before = len(self.raw)
        while select.select([self._master], [], [], 0.03)[0] and self._read():
            pass
        return len(self.raw) > before

    def _read(self) -> bool:
        """Take in what the program wrote; False once it has closed the terminal."""
        ready, _, _ = select.select([self._master], [], [], 0.2)
        if ready:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the other end is closed
                return False
            if not data:
                return False
            self.raw += data
            # pyte does not know these two; Textual asks the terminal for them.
            self._stream.feed(data.replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))
        return True

    def vanish(self) -> None:
        """Close the terminal's own end, as a lost connection does."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)


Start = Callable[..., Terminal]


@pytest.fixture
def start(place: ClaudePlace) -> Iterator[Start]:
    """Start the program in the test's place, in a terminal of 80×24 unless it says otherwise.
    `code` is run in place of `-m sessiontree`; `env` comes on top of what the place needs."""
    open_: list[Terminal] = []
    home = str(place.cwd.parent / "home")

    def start(
        *words: str,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        code: str = "",
    ) -> Terminal:
        program = ["-c", code] if code else ["-m", "sessiontree"]
        whole = {**os.environ, **place.env, "SESSIONTREE_HOME": home, **(env or {})}
        terminal = Terminal([*program, *words], whole, place.cwd, size)
        open_.append(terminal)
        return terminal

    yield start
    for terminal in open_:
        terminal.close()
