"""Reading on several cores: the same is found, whatever becomes of the processes that read, and
none of them stays behind."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from sessiontree.claude import readers, workers
from sessiontree.claude.index import Index
from sessiontree.claude.library import Library
from sessiontree.claude.projects import Item
from sessiontree.claude.scanned import Scanned
from sessiontree.claude.transcript.scan import read_session
from sessiontree.claude.workers import Worker
from tests.forest_maker import Maker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Few sessions, read as if they were many, on a machine with two cores."""
    monkeypatch.setattr(readers, "ENOUGH", 0)
    monkeypatch.setattr(readers, "CHUNK", 2)
    monkeypatch.setattr(readers, "_cores", lambda: 2)
    maker = Maker(tmp_path / "projects")
    for number in range(12):
        maker.turn(maker.new(), f"prompt {number}", tools=number % 3)
    maker.write()
    return maker


def items(maker: Maker) -> list[Item]:
    return [Item(str(maker.path(made)), 0) for made in maker.sessions]


def alone(maker: Maker) -> list[tuple[Item, Scanned | None]]:
    return [(item, readers.read(item)) for item in items(maker)]


def children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that is over
            found.update((task / "children").read_text().split())
    return found


def test_several_processes_find_what_one_does(maker: Maker) -> None:
    before = children()
    maker.path(maker.sessions[3]).unlink()  # since it was listed
    maker.path(maker.sessions[4]).write_bytes(b"{]\n")
    found = readers.read_all(items(maker))
    assert children() == before  # nothing is started before it is asked
    first = next(found)
    assert len(children() - before) == 2
    assert [first, *found] == alone(maker)
    assert children() == before


def test_a_large_one_alone_is_read_by_a_process_also_when_it_is_followed(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it takes to read it goes with the process, and nothing else waits meanwhile."""
    path = maker.path(maker.sessions[0])
    item = Item(str(path), path.stat().st_size)
    library = Library(maker.projects)
    with monkeypatch.context() as only_others:
        only_others.setattr(readers, "read", lambda item: pytest.fail("it was read here"))
        found = [scanned for _, scanned in readers.read_all([item])]
        assert library.scan_file(path).changed == found
    assert found == [readers.read(item)]


def test_who_stops_halfway_leaves_no_process(maker: Maker) -> None:
    before = children()
    library = Library(maker.projects)
    steps = readers.read_all(items(maker))
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert children() == before
    assert sum(len(step.changed) for step in library.scan()) == 12


def test_where_no_process_can_read_this_one_does(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in ("raise SystemExit", "import os; os.read(0, 9); os.write(1, b'x' * 99)"):
        monkeypatch.setattr(workers, "_START", start)
        assert list(readers.read_all(items(maker))) == alone(maker)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert list(readers.read_all(items(maker))) == alone(maker)


def test_a_process_that_is_killed_is_not_waited_for(maker: Maker) -> None:
    worker = Worker()
    assert worker.read(items(maker)) == [scanned for _, scanned in alone(maker)]
    worker.kill()
    assert worker.read(items(maker)) is None
    worker.close()


def test_a_fault_of_the_reading_itself_costs_no_other_session(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = str(maker.path(maker.sessions[0]))

    def read(path: str, project: str, **options: int) -> Scanned:
        if path == broken:
            raise ZeroDivisionError("by\x1b[31m zero")
        return read_session(path, project, **options)

    monkeypatch.setattr(workers, "_START", "")
    monkeypatch.setattr(readers, "read_session", read)
    found = {item.path: scanned for item, scanned in readers.read_all(items(maker))}
    failed = found.pop(broken)
    assert failed is not None
    assert failed.session.damage == (
        "Reading it failed (ZeroDivisionError: by zero). That is a fault of sessiontree: "
        "please report it.",
    )
    assert all(scanned and not scanned.session.damage for scanned in found.values())


def test_a_process_ends_when_the_one_that_started_it_is_killed() -> None:
    code = (
        "from sessiontree.claude.workers import Worker;"
        "print(Worker()._process.pid, flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as parent:
        assert parent.stdout is not None
        reader = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended, _, _ = select.select([reader], [], [], 30)
    os.close(reader)
    assert ended


def test_a_folder_whose_name_is_no_text_is_read_each_time(maker: Maker, tmp_path: Path) -> None:
    folder = maker.path(maker.sessions[0]).parent
    odd = Path(os.fsdecode(os.fsencode(maker.projects) + b"/-caf\xe9"))
    folder.rename(odd)
    library, index = Library(maker.projects), Index(tmp_path / "index")
    assert sum(len(step.changed) for step in library.scan()) == 12
    library.save(index)
    assert index.load() == []
