"""From exec to the painted tree, in a pseudo-terminal, beside an empty Textual app; and at rest.

python -m tests.bench.start"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
import uuid
from pathlib import Path

from tests.bench.transcript import lines

SESSIONS = 10_000
PROJECTS = 50
TIMES = 5
REST = 10.0  # seconds
SETTLED = 12.0  # seconds after which what is read behind the screen is there
PATIENCE = 60.0  # seconds
SIZE = (140, 45)

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App[None]):
    def compose(self):
        yield Static("painted")
Empty().run()
"""


def known(folder: Path) -> None:
    """A Claude Code's folder with so many small sessions, all of them scanned once."""
    prompt, *rest = (line for _, line in zip(range(4), lines(folder / "project"), strict=False))
    for number in range(SESSIONS):
        id = str(uuid.UUID(int=number + 1, version=4))
        cwd = folder / "work" / f"project-{number % PROJECTS}"
        project = folder / "claude/projects" / "".join(c if c.isalnum() else "-" for c in str(cwd))
        project.mkdir(parents=True, exist_ok=True)
        first = prompt | {"message": {"role": "user", "content": f"Task number {number}"}}
        with (project / f"{id}.jsonl").open("w") as file:
            for line in (first, *rest):
                made = line | {
                    "sessionId": id,
                    "cwd": str(cwd),
                    "uuid": line["uuid"][:-6] + id[-6:],
                }
                file.write(json.dumps(made) + "\n")
    (folder / "work/project-0").mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "sessiontree", "ls", "--all"],
        env=env(folder),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def env(folder: Path) -> dict[str, str]:
    """Modules are compiled once, as where a program is installed."""
    other = ("COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if name not in other}
    return kept | {
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "SESSIONTREE_HOME": str(folder / "home"),
        "CLAUDE_CONFIG_DIR": str(folder / "claude"),
        "TERM": "xterm-256color",
    }


class Program:
    """A program in a pseudo-terminal."""

    def __init__(self, words: list[str], folder: Path, cwd: Path) -> None:
        self.begun = time.perf_counter()
        self._seen = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env=env(folder),
            start_new_session=True,
        )
        os.close(slave)

    def shows(self, text: bytes) -> float:
        """Seconds since exec when `text` is on the screen, or is found to be there by now."""
        while text not in self._seen:
            left = max(0.0, self.begun + PATIENCE - time.perf_counter())
            if not select.select([self.master], [], [], left)[0]:
                raise TimeoutError(f"{text!r} did not come")
            self._seen += os.read(self.master, 1 << 16)
        return time.perf_counter() - self.begun

    def rest(self, seconds: float) -> float:
        """The share of a core, in %, that it takes when nothing happens."""
        self._read_until(time.perf_counter() + SETTLED)
        before, start = self._cpu(), time.perf_counter()
        self._read_until(start + seconds)
        return (self._cpu() - before) / (time.perf_counter() - start) * 100

    def _read_until(self, end: float) -> None:
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                os.read(self.master, 1 << 16)

    def _cpu(self) -> float:
        """Seconds of CPU so far, of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def leave(folder: Path, ready: bytes) -> None:
    """Look at all projects once, as before any other start."""
    program = Program(["-m", "sessiontree", "--all"], folder, folder / "work/project-0")
    program.shows(ready)
    os.write(program.master, b"q")
    program.shows(b"\x1b[?1049l")
    program.process.wait()
    program.end()


class Starts:
    """How long it takes until there is something to see, and until keys are answered."""

    def __init__(self, folder: Path, words: list[str], sight: bytes, ready: bytes = b"") -> None:
        self._folder, self._words, self._sight, self._ready = folder, words, sight, ready
        self._painted: list[float] = []
        self._answers: list[float] = []

    def once(self) -> None:
        program = Program(self._words, self._folder, self._folder / "work/project-0")
        self._painted.append(program.shows(self._sight))
        self._answers.append(program.shows(self._ready))
        program.end()

    def forget(self) -> None:
        self._painted, self._answers = [], []

    @property
    def painted(self) -> float:
        return statistics.median(self._painted)

    @property
    def answers(self) -> float:
        return statistics.median(self._answers)


def table() -> list[str]:
    """Markdown lines."""
    folder = Path(tempfile.mkdtemp())
    composer = "❯".encode()
    try:
        known(folder)
        leave(folder, composer)
        empty = Starts(folder, ["-c", EMPTY], b"painted")
        everything = Starts(folder, ["-m", "sessiontree", "--all"], b"/project-1", composer)
        here = Starts(folder, ["-m", "sessiontree"], b"Task number", composer)
        for number in range(TIMES + 1):
            for starts in (empty, everything, here):
                starts.once()
                if number == 0:  # modules were compiled
                    starts.forget()
        program = Program(["-m", "sessiontree", "--all"], folder, folder / "work/project-0")
        rest = program.rest(REST)
        program.end()
    finally:
        shutil.rmtree(folder)
    return [
        f"| from exec, {SESSIONS:,} sessions known | goal | painted, s | × | answers keys, s |",
        "| --- | --- | --- | --- | --- |",
        f"| an empty Textual app | | {empty.painted:.2f} | 1.0 | |",
        *(
            f"| {name} | 1.5 × | {starts.painted:.2f} | {starts.painted / empty.painted:.1f} | "
            f"{starts.answers:.2f} |"
            for name, starts in (
                ("sessiontree --all", everything),
                (f"sessiontree in one of {PROJECTS} projects", here),
            )
        ),
        "",
        f"At rest with all {SESSIONS:,} shown: {rest:.1f} % of a core (goal: under 1 %).",
    ]


if __name__ == "__main__":
    print("\n".join(table()))
