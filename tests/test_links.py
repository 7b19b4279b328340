"""Ids and links that come with transcripts are data: none of them leads out of its folder."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sessiontree.claude.index import Index
from sessiontree.claude.library import Library
from sessiontree.claude.offline_fork import ForkError, fork_offline
from sessiontree.claude.projects import of_project, project_key
from sessiontree.claude.titles import rename
from sessiontree.claude.transcript.scan import read_session
from sessiontree.claude.transcript.subagents import Subagents
from sessiontree.model.session import Session
from sessiontree.store.archive import Archive, ArchiveError
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError

ID = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"

BAD_IDS = [
    "",
    ".",
    "..",
    "../../victim",
    f"../{ID}",
    f"x/../../{ID}",
    f"{ID}/../../victim",
    f"{ID}\0",
    f"{ID}\n",
    "/etc/passwd",
    "a\0b",
    "\ud800",
    "~",
    "x" * 4096,
]


def short(value: str) -> str:
    return ascii(value)[:24]


def write(path: Path, cwd: str = "/work", **more: object) -> Path:
    """A transcript of one turn."""
    base = {"sessionId": ID, "cwd": cwd, "timestamp": "2026-01-01T10:00:00.000Z", **more}
    typed = {"role": "user", "content": "Hello"}
    said = {"role": "assistant", "id": "m", "content": [{"type": "text", "text": "Hi"}]}
    records = [
        {**base, "type": "user", "uuid": "a", "parentUuid": None, "message": typed},
        {**base, "type": "assistant", "uuid": "b", "parentUuid": "a", "message": said},
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@dataclass
class World:
    """Claude Code's folder, the app's, and one that is neither and must stay as it is."""

    root: Path

    def __post_init__(self) -> None:
        self.projects = self.root / "claude" / "projects"
        self.project = self.projects / "-work"
        self.transcript = self.project / f"{ID}.jsonl"
        self.home = self.root / "home"
        self.outside = self.root / "outside"
        write(self.outside / f"{ID}.jsonl")
        (self.outside / "subagents").mkdir()
        write(self.outside / "subagents" / "agent-x.jsonl")
        (self.outside / "victim").write_text("as it was")
        self.before = self.look()

    def look(self) -> dict[str, bytes]:
        found = {str(path.relative_to(self.outside)): path for path in self.outside.rglob("*")}
        return {name: path.read_bytes() if path.is_file() else b"" for name, path in found.items()}

    def session(self) -> Session:
        return Session(id=ID, project="-work", cwd="/work", path=str(self.transcript))

    def archive(self) -> Archive:
        return Archive(self.home / "archive", limit=1_000_000)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


# Ids


@pytest.mark.parametrize("id", BAD_IDS, ids=short)
def test_an_id_that_is_none_becomes_no_path(world: World, id: str) -> None:
    write(world.transcript)
    library = Library(world.projects)
    assert library.find(id) is None
    progress = library.scan_file(Path(f"{world.project}/{id}.jsonl")) if "\0" not in id else None
    assert progress is None or not progress.changed
    with pytest.raises(ArchiveError):
        world.archive().extract("-work", id, world.projects)
    with pytest.raises((ForkError, ValueError)):
        fork_offline(world.transcript, child=id or "none")
    assert [path.name for path in world.project.iterdir()] == [world.transcript.name]
    assert world.look() == world.before


@pytest.mark.parametrize(
    "project", ["..", ".", "", "a/b", "../outside", "/tmp", "a\0b", "x" * 300], ids=short
)
def test_a_project_that_is_none_becomes_no_path(world: World, project: str) -> None:
    archive = world.archive()
    archive.keep(write(world.transcript))
    with pytest.raises(ArchiveError):
        archive.extract(project, ID, world.projects)
    assert world.look() == world.before


@pytest.mark.parametrize("part", ["../x", "/x", "subagents/../../../x", "a\0b"], ids=short)
def test_a_part_that_is_none_becomes_no_path(world: World, part: str) -> None:
    """Stores of the SDK name the parts of a session."""
    archive = world.archive()
    archive.add("-work", ID, "", b"{}\n")
    archive.add("-work", ID, part, b"{}\n")
    with pytest.raises((ArchiveError, ValueError)):
        archive.extract("-work", ID, world.projects)
    assert world.look() == world.before
    assert list(world.projects.rglob("*.jsonl")) == []


@pytest.mark.parametrize(
    "cwd",
    ["a\0b", "/a\0b", "\ud800", "/\ud800", "/" + "x" * 5000, "../../x", "relative", "~"],
    ids=short,
)
def test_a_folder_that_is_none_is_unknown(world: World, cwd: str) -> None:
    session = read_session(write(world.transcript, cwd), "-work").session
    assert session.cwd == ""
    assert session.turns
    assert of_project(session, "/work")


@pytest.mark.parametrize("cwd", ["a\0b", "\ud800", "/" + "x/" * 4000], ids=short)
def test_the_key_of_a_folder_that_is_none_is_plain(cwd: str) -> None:
    assert re.fullmatch("[a-zA-Z0-9-]{1,200}", project_key(cwd))


# Links


def linked_transcript(world: World) -> None:
    link(world.transcript, world.outside / f"{ID}.jsonl")


def linked_project(world: World) -> None:
    link(world.project, world.outside)


LINKED = [linked_transcript, linked_project]


@pytest.mark.parametrize("linked", LINKED)
def test_a_transcript_behind_a_link_is_not_written_through(
    world: World, linked: Callable[[World], None]
) -> None:
    linked(world)
    library = Library(world.projects)
    steps = [*library.scan(), library.scan_file(world.transcript)]
    assert not any(scanned.session.turns for step in steps for scanned in step.changed)
    assert library.find(ID) is None
    assert "is a link" in rename(world.session(), "A title")
    with pytest.raises(ForkError, match="is a link"):
        fork_offline(world.transcript, child=OTHER)
    assert world.look() == world.before


@pytest.mark.parametrize(
    "at",
    [
        "claude/projects/-work",
        f"claude/projects/-work/{ID}",
        f"claude/projects/-work/{ID}/subagents",
        f"claude/projects/-work/{ID}.jsonl",
    ],
)
def test_a_copy_is_not_brought_back_through_a_link(world: World, at: str) -> None:
    archive = world.archive()
    archive.add("-work", ID, "", b'{"type":"user"}\n')
    archive.add("-work", ID, "subagents/agent-y", b'{"type":"user"}\n')
    target = world.outside if at.endswith((ID, "-work", "subagents")) else world.outside / "victim"
    link(world.root / at, target)
    with pytest.raises(ArchiveError):
        archive.extract("-work", ID, world.projects)
    assert world.look() == world.before


@pytest.mark.parametrize("at", ["-work", f"-work/{ID}", f"-work/{ID}/main.gz"])
def test_a_copy_is_not_kept_through_a_link(world: World, at: str) -> None:
    target = world.outside / "victim" if at.endswith("gz") else world.outside
    link(world.home / "archive" / at, target)
    with pytest.raises(ArchiveError):
        world.archive().keep(write(world.transcript))
    assert world.look() == world.before


def test_subagents_behind_a_link_are_not_copied(world: World) -> None:
    write(world.transcript)
    link(world.transcript.with_suffix(""), world.outside)
    archive = world.archive()
    archive.keep(world.transcript)
    assert archive.parts("-work", ID) == []


@pytest.mark.parametrize("at", [ID, f"{ID}/subagents", f"{ID}/subagents/agent-x.jsonl"])
def test_subagents_behind_a_link_are_not_read(world: World, at: str) -> None:
    target = world.outside / "subagents" if at.endswith("subagents") else world.outside
    link(world.project / at, target / "subagents/agent-x.jsonl" if "jsonl" in at else target)
    assert list(Subagents(world.transcript).named("call", {"agentId": "x"})) == []


def test_the_store_is_not_written_through_a_link(world: World) -> None:
    link(world.home / "store.jsonl", world.outside / "victim")
    with pytest.raises(StoreError):
        Store.open(world.home / "store.jsonl")
    assert world.look() == world.before


def test_the_index_is_not_written_through_a_link(world: World) -> None:
    index = Index(world.home / "index")
    scanned = read_session(write(world.transcript), "-work")
    index.save("-work", [scanned])
    (kept,) = world.home.joinpath("index").iterdir()
    kept.unlink()
    link(kept, world.outside / "victim")
    link(kept.with_suffix(f".{os.getpid()}.tmp"), world.outside / "victim")
    index.save("-work", [scanned])
    assert world.look() == world.before


# What a person has linked is theirs


def test_claude_code_may_live_behind_a_link(world: World) -> None:
    write(world.root / "elsewhere" / "projects" / "-work" / f"{ID}.jsonl")
    link(world.root / "linked", world.root / "elsewhere")
    library = Library(world.root / "linked" / "projects")
    (progress,) = library.scan()
    (scanned,) = progress.changed
    assert rename(scanned.session, "A title") == ""
    fork_offline(Path(scanned.session.path), child=OTHER)
    assert len(list((world.root / "elsewhere" / "projects" / "-work").iterdir())) == 2


# Titles


def test_a_title_is_one_line_more_also_behind_half_a_line(world: World) -> None:
    write(world.transcript)
    with world.transcript.open("a") as file:
        file.write('{"half')
    assert rename(world.session(), "  A title \u2028 x ") == ""
    lines = world.transcript.read_bytes().split(b"\n")
    assert lines[-3:-1][0] == b'{"half'
    assert json.loads(lines[-2]) == {
        "type": "custom-title",
        "customTitle": "A title \u2028 x",
        "sessionId": ID,
    }
    assert read_session(world.transcript, "-work").session.title.startswith("A title")


def test_a_title_for_what_is_no_file(world: World) -> None:
    assert "no transcript" in rename(world.session(), "A title")
    world.transcript.parent.mkdir(parents=True)
    os.mkfifo(world.transcript)
    assert "no transcript" in rename(world.session(), "A title")


def test_fork_ids_are_written_as_ids(world: World) -> None:
    made = fork_offline(write(world.transcript), child=uuid.UUID(OTHER).hex)
    assert made.name == f"{OTHER}.jsonl"
