"""Reading a library of 10,000 sessions, beside the SDK's `list_sessions()`, which reads the head
and the tail of each file and knows no links.

    python -m tests.bench.library

Both run in processes of their own, in turns, on files that are in the system's cache; figures are
the best of some: what else runs on the machine only ever adds to them. Takes about two minutes."""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sessiontree.claude.library import Library
from sessiontree.claude.lineage import Lineage
from tests.forest_maker import Maker, Truth

ROUNDS = 3
PER_PROJECT = 200
FORKED = 0.59
"""Share of the sessions that are forks; half of those have no pointers."""
BULK = 2_000
"""Bytes of attachments and request records a turn: 340 MB in 10,000 sessions."""

LS = (sys.executable, "-m", "sessiontree", "ls", "--all", "--json")
SDK = (
    sys.executable,
    "-c",
    "import time, claude_agent_sdk as sdk; begun = time.perf_counter(); sdk.list_sessions();"
    "print(time.perf_counter() - begun)",
)


# the sessions --------------------------------------------------------------------------------


@dataclass
class Place:
    """A Claude folder full of sessions, with a folder of the app's own beside it."""

    folder: Path
    truth: dict[str, Truth] = field(default_factory=dict)

    @property
    def projects(self) -> Path:
        return self.folder / "claude" / "projects"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """Modules are compiled once, as where a program is installed."""
        there = {
            "CLAUDE_CONFIG_DIR": str(self.folder / "claude"),
            "SESSIONTREE_HOME": str(self.home),
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
        }
        kept = {k: value for k, value in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return kept | there

    def files(self) -> list[Path]:
        return sorted(self.projects.glob("*/*.jsonl"))

    def fill(self, sessions: int) -> None:
        for number in range(sessions // PER_PROJECT):
            self.truth |= project(self.projects, number)
        os.sync()


def project(projects: Path, number: int) -> dict[str, Truth]:
    """Writes one project's sessions; the truth about their links."""
    chance = random.Random(number)
    maker = Maker(projects, f"/home/someone/project-{number}", seed=number, bulk=BULK)
    for _ in range(PER_PROJECT):
        begun = [session for session in maker.sessions if session.lines]
        if not begun or chance.random() > FORKED:
            session = maker.new(screen=chance.random() < 0.5)
        else:
            parent = chance.choice(begun[-40:])
            turn = chance.choice(maker.turns(parent)) if chance.random() < 0.6 else None
            way = chance.random()
            if way < 0.5:
                session = maker.fork(parent, turn, screen=chance.random() < 0.5)
            elif way < 0.85:
                session = maker.fork_offline(parent, turn)
            else:
                session = maker.branch(parent)
        for _ in range(chance.randint(1, 4)):
            prompt = f"Prompt {chance.random()}: do something useful with the code please"
            maker.turn(session, prompt, tools=chance.choice((0, 0, 1, 2, 3)))
    maker.write()
    return maker.expected()


# processes -----------------------------------------------------------------------------------


@dataclass
class Took:
    """Seconds; `cpu` those of all processes together."""

    wall: float
    cpu: float
    output: str


def run(command: Iterable[str], environment: Mapping[str, str]) -> Took:
    """A command in a process of its own."""
    before = os.times()
    begun = time.perf_counter()
    done = subprocess.run(
        list(command), env=environment, capture_output=True, check=True, text=True
    )
    wall = time.perf_counter() - begun
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])  # of children that were waited for
    return Took(wall, cpu, done.stdout)


def peak(command: Iterable[str], environment: Mapping[str, str]) -> float | None:
    """Most memory of a command and its processes at one time, in MB; what they share is counted
    once. None where the system does not tell."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    most = 0
    with subprocess.Popen(list(command), env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, sum(map(memory, family(process.pid))))
            time.sleep(0.01)
    return most / 1024


def family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))
    except OSError:
        return


def memory(pid: int) -> int:
    """Proportional set size in KB."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


# what is measured ----------------------------------------------------------------------------


@dataclass
class Rounds:
    """What each kind of run took, best first."""

    took: dict[str, list[Took]] = field(default_factory=dict)

    def add(self, name: str, took: Took) -> None:
        self.took.setdefault(name, []).append(took)

    def wall(self, name: str) -> float:
        return min(took.wall for took in self.took[name])

    def cpu(self, name: str) -> float:
        return min(took.cpu for took in self.took[name])


def side_by_side(place: Place) -> Rounds:
    rounds = Rounds()
    touched = place.files()[len(place.truth) // 2]
    for command in (SDK, LS):  # compiles its modules
        run(command, place.environment)
    for _ in range(ROUNDS):
        warm(place)
        rounds.add("sdk", sdk := run(SDK, place.environment))
        rounds.add("sdk call", Took(float(sdk.output), sdk.cpu, ""))
        shutil.rmtree(place.home, ignore_errors=True)
        rounds.add("first", run(LS, place.environment))
        rounds.add("later", run(LS, place.environment))
        append(touched)
        rounds.add("changed", run(LS, place.environment))
    return rounds


def warm(place: Place) -> None:
    """Bring what is on disk into the system's cache."""
    for file in place.files():
        file.read_bytes()


def append(file: Path) -> None:
    with file.open("a") as out:
        out.write('{"type":"mode","mode":"normal"}\n')


def links(place: Place, output: str) -> str:
    """How many of the links that were found are right, and how many of the true ones were found."""
    found = {}
    for line in output.splitlines():
        said = json.loads(line)
        found[said["id"]] = (said["parent"], said["fork_point"])
    true = {id: (one.parent, one.point) for id, one in place.truth.items() if one.parent}
    drawn = {id: link for id, link in found.items() if link[0]}
    right = len(drawn.items() & true.items())
    return (
        f"{len(true):,} forks of {len(found):,} sessions: "
        f"precision {right / len(drawn):.4f}, recall {right / len(true):.4f}"
    )


def rescan(place: Place) -> tuple[float, float, float, float]:
    """Milliseconds, in a program that goes on running, of looking again when one file changed; of
    listing the directories alone; of what the first takes more when they take turns; of taking in
    one file where the system told which."""
    library, lineage = Library(place.projects), Lineage()
    for _ in library.scan():
        pass
    lineage.update(library.known())
    files = place.files()
    again, listing, more, told = [], [], [], []
    for turn in range(15):
        append(files[turn * len(files) // 15])
        begun = time.perf_counter()
        for step in library.scan():
            lineage.update(step.changed, step.removed)
        looked = time.perf_counter()
        for folder in os.scandir(place.projects):
            for entry in os.scandir(folder):
                entry.stat(follow_symlinks=False)
        listed = time.perf_counter()
        again.append((looked - begun) * 1_000)
        listing.append((listed - looked) * 1_000)
        more.append(again[-1] - listing[-1])
        append(files[turn])
        begun = time.perf_counter()
        step = library.scan_file(files[turn])
        lineage.update(step.changed, step.removed)
        told.append((time.perf_counter() - begun) * 1_000)
    assert library.reads == len(files) + 30
    return min(again), min(listing), min(more), statistics.median(told)


@contextmanager
def places(sizes: Iterable[int]) -> Iterator[list[Place]]:
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for size in sizes:
            place = Place(Path(folder) / str(size))
            place.fill(size)
            made.append(place)
        yield made


# the table -----------------------------------------------------------------------------------


def table(few: int = 1_000, many: int = 10_000) -> list[str]:
    """Markdown lines."""
    with places((few, many)) as (small, large):
        size = sum(file.stat().st_size for file in large.files())
        rounds = side_by_side(large)
        most = {name: peak(command, large.environment) for name, command in commands(large)}
        few_ms, many_ms = rescan(small), rescan(large)
        told = links(large, rounds.took["first"][0].output)
    sdk, call = rounds.wall("sdk"), rounds.wall("sdk call")

    def line(what: str, name: str, goal: str = "") -> str:
        wall, cpu = rounds.wall(name), rounds.cpu(name)
        ratios = f"{wall / sdk:.2f} × | {wall / call:.2f} ×" if name != "sdk" else " | "
        return f"| {what} | {wall:.2f} | {cpu:.2f} | {ratios} | {goal} |"

    return [
        f"{many:,} sessions in {many // PER_PROJECT} projects, {size / 1e6:,.0f} MB. {told}.",
        "",
        "| | s | s of CPU | of `list_sessions()` | of its call alone | goal |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        line(f"the SDK's `list_sessions()` ({call:.2f} s without its import)", "sdk"),
        line("first `ls --all --json`, nothing known", "first", "1.0 ×"),
        line("later, nothing changed", "later", "0.15 ×"),
        line("later, one session changed", "changed", "0.15 ×"),
        "",
        f"| looking again after one of so many changed, ms | {few:,} | {many:,} |",
        "| --- | ---: | ---: |",
        *(
            f"| {what} | {one:.1f} | {other:.1f} |"
            for what, one, other in zip(
                (
                    "all of it",
                    "listing the directories alone",
                    "what is more than that",
                    "taking in one file where the system told which",
                ),
                few_ms,
                many_ms,
                strict=True,
            )
        ),
        "",
        "Most memory, all processes together: "
        + ", ".join(f"{name} {value:.0f} MB" for name, value in most.items() if value)
        + ".",
    ]


def commands(place: Place) -> Iterator[tuple[str, tuple[str, ...]]]:
    shutil.rmtree(place.home, ignore_errors=True)
    yield "first", LS
    yield "later", LS
    yield "`list_sessions()`", SDK


if __name__ == "__main__":
    print("\n".join(table()))
