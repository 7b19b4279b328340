"""The program in a real terminal: what comes up, what reaches the terminal, what is left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, say
from tests.api import ClaudePlace

ALTERNATE_SCREEN_OFF = b"\x1b[?1049l"


class Terminal:
    """The program in a pseudo-terminal, and the screen as a person sees it."""

    def __init__(self, words: list[str], env: dict[str, str], cwd: Path, size: tuple[int, int]):
        columns, rows = size
        env = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sessiontree", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**env, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(slave)

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

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
    """Start the program in the test's place, in a terminal of 80×24 unless it says otherwise."""
    open_: list[Terminal] = []
    home = str(place.cwd.parent / "home")

    def start(*words: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        env = {**os.environ, **place.env, "SESSIONTREE_HOME": home}
        terminal = Terminal(list(words), env, place.cwd, size)
        open_.append(terminal)
        return terminal

    yield start
    for terminal in open_:
        terminal.close()


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found


def test_the_demo_comes_up_and_goes_without_a_trace(start: Start, tmp_path: Path) -> None:
    terminal = start("demo", "--keep", str(tmp_path / "demo"), size=(140, 45))
    terminal.shows("Design a rate limiter", "Fix the flaky login test", "12 sessions", "n new")
    terminal.type("q")
    assert terminal.ends() == 0
    assert ALTERNATE_SCREEN_OFF in terminal.raw


@pytest.mark.parametrize("size", [(80, 24), (50, 16), (40, 10)])
def test_a_first_session_in_a_small_terminal(start: Start, size: tuple[int, int]) -> None:
    terminal = start(size=size)
    terminal.shows("No sessions here yet", "new session in")
    terminal.type("nHello")  # in one go: nothing that is typed ahead is lost
    terminal.shows("❯ Hello")
    terminal.type("\r")
    terminal.shows("→ continue ‹Hello›", "Hello")
    terminal.shows("✓ done")
    terminal.type("\x11")  # ctrl+q
    assert terminal.ends() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_runs_and_restores_the_terminal(
    start: Start, api: MessagesApi, number: signal.Signals
) -> None:
    api.script = lambda request: say("Half an answer ", Hold())
    terminal = start(size=(140, 45))
    terminal.shows("No sessions here yet")
    terminal.type("n")
    terminal.type("Hello\r")
    terminal.shows("Half an answer")
    processes = children(terminal.process.pid)
    assert processes
    terminal.process.send_signal(number)
    terminal.ends()
    assert ALTERNATE_SCREEN_OFF in terminal.raw
    assert not any(_is_cli(pid) for pid in processes)


def test_a_terminal_that_vanishes_ends_the_app(start: Start, api: MessagesApi) -> None:
    api.script = lambda request: say("Half an answer ", Hold())
    terminal = start(size=(140, 45))
    terminal.shows("No sessions here yet")
    terminal.type("nHello\r")
    terminal.shows("Half an answer")
    processes = children(terminal.process.pid)
    terminal.vanish()
    terminal.process.wait(30)
    assert not any(_is_cli(pid) for pid in processes)


def _is_cli(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"_bundled" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07 \x1b[2J \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x9b31m "
    "\u202egnp.exe \u200b\x00 [@click=app.quit]x[/] [/] [/foo] [red]"
)


def hostile_transcript(place: ClaudePlace) -> None:
    """A session with the payload in every field that is shown."""
    id = "11111111-2222-4333-8444-555555555555"
    key = "".join(c if c.isalnum() and c.isascii() else "-" for c in str(place.cwd.resolve()))
    folder = place.config_dir / "projects" / key
    folder.mkdir(parents=True)
    base = {"sessionId": id, "cwd": str(place.cwd), "timestamp": "2026-01-01T10:00:00.000Z"}
    call = {"type": "tool_use", "id": "t1", "name": f"Ba{HOSTILE}sh", "input": {HOSTILE: HOSTILE}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": HOSTILE, "is_error": True}
    blocks = [
        {"type": "thinking", "thinking": HOSTILE, "signature": ""},
        {"type": "text", "text": f"# {HOSTILE}\n\n```{HOSTILE}\n{HOSTILE}\n```\n| {HOSTILE} |\n"},
        call,
    ]
    records = [
        {"type": "custom-title", "customTitle": HOSTILE, "sessionId": id},
        {
            **base,
            "type": "user",
            "uuid": "a",
            "parentUuid": None,
            "gitBranch": HOSTILE,
            "message": {"role": "user", "content": f"Hello {HOSTILE}"},
        },
        {
            **base,
            "type": "assistant",
            "uuid": "b",
            "parentUuid": "a",
            "message": {"role": "assistant", "id": "m1", "model": HOSTILE, "content": blocks},
        },
        {
            **base,
            "type": "user",
            "uuid": "c",
            "parentUuid": "b",
            "toolUseResult": HOSTILE,
            "message": {"role": "user", "content": [result]},
        },
    ]
    text = "\n".join(json.dumps(record) for record in records)
    (folder / f"{id}.jsonl").write_text(text + "\n")


def test_nothing_hostile_reaches_the_terminal(start: Start, place: ClaudePlace) -> None:
    hostile_transcript(place)
    terminal = start(size=(140, 45))
    terminal.shows("1 session", "link")
    terminal.type("lj\r")
    terminal.shows("❯ Hello")
    terminal.type("gj")
    terminal.type("\r")
    terminal.shows("r raw")
    terminal.type("r")
    terminal.shows("r rendered")
    terminal.type("q")
    terminal.shows("q quit")
    terminal.type("\x11")
    assert terminal.ends() == 0
    raw = bytes(terminal.raw)
    for payload in ("\x1b]52;", "\x1b[2J\x20", "\x1b]8;;http", "\x9b31m", "\u202e", "\u200b"):
        assert payload.encode() not in raw
