"""`sessiontree doctor`, as it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sessiontree.model.session import Link
from sessiontree.store.archive import Archive
from sessiontree.store.database import Store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def doctor(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SESSIONTREE_HOME": str(home)}
    command = [sys.executable, "-m", "sessiontree", "doctor", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True)


def fill(home: Path) -> Path:
    path = home / "store.jsonl"
    with Store.open(path) as store:
        for number in range(5):
            store.put_link(Link(f"child-{number}", "parent"))
        store.annotate("child-1", title="A title")
    return path


def test_no_store_yet(home: Path) -> None:
    for arguments in ([], ["--repair"]):
        said = doctor(home, *arguments)
        assert (said.returncode, said.stderr) == (0, "")
        assert f"There is no store at {home / 'store.jsonl'}" in said.stdout
    assert not home.exists(), "looking made something"


def test_a_whole_store(home: Path) -> None:
    path = fill(home)
    before = path.read_bytes()
    said = doctor(home)
    assert said.returncode == 0
    assert f"{path} is whole: version 1, 6 changes" in said.stdout
    assert "links: 5" in said.stdout
    assert "annotations: 1" in said.stdout
    said = doctor(home, "--repair")
    assert said.returncode == 0
    assert "there is nothing to repair" in said.stdout
    assert path.read_bytes() == before


def test_a_damaged_store_is_explained_and_repaired(home: Path) -> None:
    path = fill(home)
    data = path.read_bytes()
    place = data.index(b"child-2")
    damaged = data[:place] + b"CHILD" + data[place + 5 :]
    path.write_bytes(damaged)
    start = data.rindex(b"\n", 0, place) + 1

    said = doctor(home)
    assert said.returncode == 1
    assert f"{path} is damaged" in said.stdout
    assert f"Byte {start}: a line fails its checksum." in said.stdout
    assert "Changes that cannot be read: 1 (number 3)." in said.stdout
    assert "doctor --repair" in said.stdout
    assert path.read_bytes() == damaged

    said = doctor(home, "--repair")
    assert said.returncode == 0
    assert "The damaged file is kept as store.jsonl.damaged-1" in said.stdout
    assert (home / "store.jsonl.damaged-1").read_bytes() == damaged
    with Store.open(path) as store:
        assert set(store.links()) == {f"child-{number}" for number in (0, 1, 3, 4)}
        assert store.annotation("child-1").title == "A title"
    said = doctor(home)
    assert said.returncode == 0
    assert "Set aside earlier: store.jsonl.damaged-1." in said.stdout


def test_a_torn_end_is_no_damage(home: Path) -> None:
    path = fill(home)
    with path.open("ab") as file:
        file.write(b"0badc0de {")
    said = doctor(home)
    assert said.returncode == 0
    assert "ends in half a change (10 bytes)" in said.stdout


def test_what_others_may_read_is_named(home: Path) -> None:
    fill(home)
    home.chmod(0o755)
    said = doctor(home)
    assert said.returncode == 0
    assert "Others on this machine may look into home: chmod go= them." in said.stdout


def test_the_archive_is_counted(home: Path, tmp_path: Path) -> None:
    fill(home)
    transcript = tmp_path / "-work" / "0f5b2e1c-0000-4000-8000-000000000001.jsonl"
    transcript.parent.mkdir()
    transcript.write_bytes(os.urandom(1_000_000).hex().encode() + b"\n")
    Archive(home / "archive", limit=10**9).keep(transcript)
    said = doctor(home)
    assert "Archived sessions: 1, in 1." in said.stdout
    assert "MB of at most 2,000 MB." in said.stdout


def test_a_store_that_cannot_be_read(home: Path) -> None:
    (home / "store.jsonl").mkdir(parents=True)
    said = doctor(home)
    assert said.returncode == 1
    assert said.stdout == ""
    assert "sessiontree doctor:" in said.stderr and "Is a directory" in said.stderr
    assert "Traceback" not in said.stderr


def test_called_wrongly(home: Path) -> None:
    said = doctor(home, "--mend")
    assert said.returncode == 2
    assert "--mend" in said.stderr
