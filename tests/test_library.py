"""The projects folder: what is a session in it, what is read again, what is kept, what is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import watchfiles

from sessiontree.claude import index as index_module
from sessiontree.claude import library as library_module
from sessiontree.claude import projects, readers
from sessiontree.claude.cache import Stamp
from sessiontree.claude.follow import follow, open_elsewhere, transcript_of
from sessiontree.claude.index import Index
from sessiontree.claude.library import Library, Progress
from sessiontree.claude.offline_fork import ForkError, fork_offline
from sessiontree.claude.projects import of_project, project_key
from sessiontree.claude.scanned import Scanned
from sessiontree.claude.transcript.reading import Reader
from sessiontree.claude.transcript.scan import read_session
from sessiontree.config import Config
from sessiontree.engine.catalog import Catalog
from sessiontree.model.forest import Forest
from sessiontree.model.session import Presence, Session
from sessiontree.store.database import Store
from tests.forest_maker import Maker

ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    maker = Maker(tmp_path / "projects")
    for number in range(5):
        maker.turn(maker.new(), f"prompt {number}")
    maker.write()
    return maker


def scan(library: Library, cwd: Path | None = None) -> Progress:
    """All steps of a scan as one."""
    whole = Progress(0, 0)
    for step in library.scan(cwd):
        whole.done, whole.total = step.done, step.total
        whole.changed += step.changed
        whole.removed += step.removed
        whole.problems += step.problems
    return whole


def ids(progress: Progress) -> set[str]:
    return {one.session.id for one in progress.changed}


def test_only_what_changed_is_read_again(maker: Maker) -> None:
    library = Library(maker.projects)
    assert len(scan(library).changed) == library.reads == 5
    again = scan(library)
    assert (again.changed, again.done, again.total, library.reads) == ([], 5, 5, 5)


def test_one_changed_file_is_one_read(maker: Maker) -> None:
    library = Library(maker.projects)
    scan(library)
    path = maker.path(maker.sessions[3])
    with path.open("ab") as file:
        file.write(b'{"type":"custom-title","customTitle":"Named"}\n')
    changed = scan(library)
    assert ids(changed) == {maker.sessions[3].id}
    assert changed.changed[0].session.title == "Named"
    assert library.reads == 6


def test_progress_is_told_in_steps(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "BATCH", 2)
    steps = list(Library(maker.projects).scan())
    assert [(step.done, step.total, len(step.changed)) for step in steps] == [
        (2, 5, 2),
        (4, 5, 2),
        (5, 5, 1),
    ]


def test_what_is_no_transcript_is_no_session(maker: Maker) -> None:
    folder = maker.path(maker.sessions[0]).parent
    (folder / "notes.jsonl").write_text("{}")
    (folder / f"{ID}.jsonl.bak").write_text("{}")
    (maker.projects / "linked").symlink_to(folder, target_is_directory=True)
    (maker.projects / "a file").write_text("")
    library = Library(maker.projects)
    assert ids(scan(library)) == {made.id for made in maker.sessions}
    assert library.find("../../outside") is None
    assert library.find(maker.sessions[1].id) == maker.path(maker.sessions[1])


@pytest.mark.timeout(20)  # nobody writes into the pipe
def test_what_is_only_called_like_a_transcript_is_said_and_not_read(
    maker: Maker, tmp_path: Path
) -> None:
    folder = maker.path(maker.sessions[0]).parent
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(maker.path(maker.sessions[0]).read_bytes())
    (folder / f"{ID}.jsonl").symlink_to(outside)
    (folder / "22222222-2222-4222-8222-222222222222.jsonl").mkdir()
    os.mkfifo(folder / "33333333-3333-4333-8333-333333333333.jsonl")
    (folder / "44444444-4444-4444-8444-444444444444.jsonl").symlink_to("nowhere")
    library = Library(maker.projects)
    told = {one.session.id: one.session for one in scan(library).changed}
    assert {one.id: told.pop(one.id).damage for one in maker.sessions} == {
        one.id: () for one in maker.sessions
    }
    assert {id[0]: one.damage for id, one in told.items()} == {
        "1": ("It cannot be read: it is a link, and links are not followed.",),
        "2": ("It cannot be read: it is a folder.",),
        "3": ("It cannot be read: it is no file.",),
        "4": ("It cannot be read: it is a link, and links are not followed.",),
    }
    assert not scan(library).changed
    assert library.find(ID) is None
    for session in told.values():
        with pytest.raises(OSError, match="it is"):
            Reader(session.path).last()
        assert library.scan_file(Path(session.path)).changed[0].session == session
        with pytest.raises(ForkError):
            fork_offline(Path(session.path))
    (folder / f"{ID}.jsonl").unlink()
    (folder / f"{ID}.jsonl").write_bytes(outside.read_bytes())
    assert [one.session.presence for one in scan(library).changed] == [Presence.OK]


def test_a_session_whose_file_is_gone_stays_known(maker: Maker, tmp_path: Path) -> None:
    library = Library(maker.projects)
    scan(library)
    lost = maker.sessions[1]
    aside = maker.path(lost).rename(tmp_path / "aside")
    progress = scan(library)
    assert progress.removed == [lost.id]
    (gone,) = progress.changed
    assert (gone.session.presence, gone.session.path) == (Presence.GONE, "")
    assert [turn.label for turn in gone.session.turns] == ["prompt 1"]
    index = Index(tmp_path / "index")
    library.save(index)
    after = Library(maker.projects, index.load())
    assert scan(after).changed == []
    assert lost.id in {one.session.id for one in after.known()}
    aside.rename(maker.path(lost))
    back = scan(after)
    assert ids(back) == {lost.id}
    assert back.changed[0].session.presence is Presence.OK
    assert sum(one.session.id == lost.id for one in after.known()) == 1


def test_a_file_that_vanishes_while_it_is_read_harms_nobody(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(path: str, project: str, **options: int) -> Scanned:
        Path(path).unlink()
        return read_session(path, project, **options)

    victim = str(maker.path(maker.sessions[0]))
    monkeypatch.setattr(
        readers,
        "read_session",
        lambda path, project, **options: (vanishing if path == victim else read_session)(
            path, project, **options
        ),
    )
    assert ids(scan(Library(maker.projects))) == {made.id for made in maker.sessions[1:]}


def test_a_file_that_may_not_be_read_is_said_and_tried_again(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = True

    def refusing(path: str, project: str, **options: int) -> Scanned:
        if shut and path == str(maker.path(maker.sessions[0])):
            raise PermissionError(13, "Permission denied")
        return read_session(path, project, **options)

    monkeypatch.setattr(readers, "read_session", refusing)
    library = Library(maker.projects)
    told = {one.session.id: one.session for one in scan(library).changed}
    session = told.pop(maker.sessions[0].id)
    assert (session.presence, session.damage) == (
        Presence.DAMAGED,
        ("There is no permission to read it.",),
    )
    assert all(other.presence is Presence.OK for other in told.values())
    shut = False
    assert [one.session.presence for one in scan(library).changed] == [Presence.OK]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_listed_is_said(maker: Maker) -> None:
    library = Library(maker.projects)
    scan(library)
    folder = maker.path(maker.sessions[0]).parent
    folder.chmod(0)
    try:
        progress = scan(library)
    finally:
        folder.chmod(0o700)
    assert progress.removed == []
    assert "cannot be read" in progress.problems[0]


@pytest.mark.anyio
async def test_what_is_left_to_read_is_said_and_what_could_not_be_read_stays_said(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "ENOUGH", 0)
    monkeypatch.setattr(library_module, "BATCH", 2)
    config = Config(home=tmp_path / "home", claude=tmp_path, cwd=tmp_path)
    with Store.open(config.store) as store:
        said = await scanned(Catalog(config, store, Forest(), lambda _: None))
        size = sum(maker.path(one).stat().st_size for one in maker.sessions)
        assert said[0] == f"reading 5 more, {size / 1000:.0f} kB"  # before anything is read
        assert [words.partition(",")[0] for words in said] == [
            "reading 5 more",
            "reading 3 more",
            "reading 1 more",
            "",
            "",
        ]

        def listed(folder: str, *known: object) -> dict[str, Stamp]:
            if folder.endswith("-shut"):
                raise PermissionError(13, "Permission denied")
            return projects.transcripts(folder)

        monkeypatch.setattr(library_module, "transcripts", listed)
        (maker.projects / "-shut").mkdir()
        said = await scanned(Catalog(config, store, Forest(), lambda _: None))
        assert set(said) == {f"{maker.projects}/-shut cannot be read: Permission denied."}


async def scanned(catalog: Catalog) -> list[str]:
    """Scans all projects; the words on it at each step."""
    said: list[str] = []
    catalog.everything = True
    await catalog.scan(lambda: said.append(catalog.progress))
    return said


def test_no_projects_folder_is_no_session(tmp_path: Path) -> None:
    assert scan(Library(tmp_path / "nowhere")).total == 0
    (tmp_path / "file").write_text("")
    assert "cannot be read" in scan(Library(tmp_path / "file")).problems[0]


def test_of_two_files_with_one_id_the_one_that_changed_last_counts(maker: Maker) -> None:
    made = maker.sessions[0]
    copy = maker.projects / "-elsewhere" / f"{made.id}.jsonl"
    copy.parent.mkdir()
    copy.write_bytes(maker.path(made).read_bytes())
    os.utime(copy, (1, 1))
    library = Library(maker.projects)
    scan(library)
    assert [one.session.path for one in library.known() if one.session.id == made.id] == [
        str(maker.path(made))
    ]
    maker.path(made).unlink()
    progress = scan(library)
    assert (progress.removed, [one.session.path for one in progress.changed]) == ([], [str(copy)])


def test_a_project_is_told_by_the_folder_that_its_sessions_name(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "projects", "/srv/a/b-c")
    one = maker.new()
    other = maker.new(cwd="/srv/a/b/c")
    moved = maker.new()
    for made in (one, other, moved):
        maker.turn(made, "x")
    for line in moved.lines:  # copied here from another place: its lines name that
        if "cwd" in line:
            line["cwd"] = "/somewhere/else"
    maker.write()
    assert maker.path(one).parent == maker.path(other).parent
    library = Library(maker.projects)
    scan(library, Path("/srv/a/b-c"))
    known = {one.session.id: one.session for one in library.known()}
    here = {id for id, session in known.items() if of_project(session, "/srv/a/b-c")}
    assert here == {one.id, moved.id}


def test_a_very_long_folder_is_found_by_the_part_of_its_name_that_is_certain(
    tmp_path: Path,
) -> None:
    cwd = "/srv/" + "deep/" * 60 + "end"
    key = project_key(cwd)
    assert len(key) == 200
    session = Session(ID, f"{key}-1a2b3c", cwd, "")
    assert of_project(session, cwd)
    assert not of_project(session, "/srv/other")


# The index


def test_the_index_gives_back_what_was_found(maker: Maker, tmp_path: Path) -> None:
    parent = maker.sessions[0]
    maker.compact(parent)
    maker.turn(parent, "after", tools=2)
    for child in (maker.fork(parent), maker.fork_offline(parent), maker.branch(parent)):
        maker.turn(child, "own")
    maker.write()
    library, index = Library(maker.projects), Index(tmp_path / "index")
    scan(library)
    library.save(index)
    found = sorted(library.known(), key=lambda one: one.session.id)
    assert sorted(index.load(), key=lambda one: one.session.id) == found
    again = Library(maker.projects, index.load())
    assert (scan(again).changed, again.reads) == ([], 0)


def test_what_only_an_earlier_release_knows_stays_known(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, index = Library(maker.projects), Index(tmp_path / "index")
    scan(library)
    gone, lost, *others = maker.sessions
    maker.path(gone).unlink()
    scan(library)
    library.save(index)
    before = {file.name for file in index.folder.iterdir()}
    maker.path(lost).unlink()  # before the new release ever ran
    monkeypatch.setattr(index_module, "_FORMAT", index_module._FORMAT + 1)
    project = maker.path(gone).parent.name
    assert index.load() == index.load_project(project)
    library = Library(maker.projects, index.load())
    scan(library)
    assert library.reads == len(others)
    known = {one.session.id: one.session for one in library.known()}
    assert known[gone.id].presence is known[lost.id].presence is Presence.GONE
    assert [turn.label for turn in known[lost.id].turns] == ["prompt 1"]
    assert all(known[one.id].presence is Presence.OK for one in others)
    library.save(index)
    assert before.isdisjoint(file.name for file in index.folder.iterdir())
    assert sorted(index.load(), key=lambda one: one.session.id) == sorted(
        library.known(), key=lambda one: one.session.id
    )


def test_a_damaged_index_is_read_as_if_there_were_none(maker: Maker, tmp_path: Path) -> None:
    library, index = Library(maker.projects), Index(tmp_path / "index")
    scan(library)
    library.save(index)
    (file,) = index.folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    whole = file.read_bytes()
    for spoilt in (whole[:-10], whole.replace(b"prompt 3", b"prompt 4"), b"", b"\n[]", b"\0\0\0\0"):
        file.write_bytes(spoilt)
        assert index.load() == []
    file.write_bytes(whole)
    assert len(index.load()) == 5


def test_an_index_that_cannot_be_written_is_no_fault(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "index").write_text("in the way")
    library = Library(maker.projects)
    scan(library)
    library.save(Index(tmp_path / "index"))
    assert Index(tmp_path / "index").load() == []


# Following


def test_which_transcript_a_file_belongs_to(tmp_path: Path) -> None:
    transcript = tmp_path / "p" / f"{ID}.jsonl"
    assert transcript_of(tmp_path, transcript) == transcript
    agent = tmp_path / "p" / ID / "subagents" / "agent-1.jsonl"
    assert transcript_of(tmp_path, agent) == transcript
    assert transcript_of(tmp_path, tmp_path / "p" / ID) == transcript
    for other in ("p", "p/notes.jsonl", "p/memory/x.md", f"p/.{ID}.1.tmp"):
        assert transcript_of(tmp_path, tmp_path / other) is None
    assert transcript_of(tmp_path, Path("/elsewhere") / f"{ID}.jsonl") is None


async def _seen(changes: AsyncIterator[frozenset[Path]], path: Path) -> None:
    async for paths in changes:
        if path in paths:
            return


@pytest.mark.anyio
async def test_what_happens_is_seen(maker: Maker) -> None:
    changes = follow(maker.projects)
    with anyio.fail_after(30):
        assert await anext(changes) == frozenset()  # it watches
        old, new = maker.path(maker.sessions[0]), maker.projects / "-new" / f"{ID}.jsonl"
        for path in (old, new):
            path.parent.mkdir(exist_ok=True)
            with path.open("ab") as file:
                file.write(b"{}\n")
            await _seen(changes, path)
        old.unlink()
        await _seen(changes, old)
        aside = maker.projects.parent / "aside"
        new.parent.rename(aside)
        assert await anext(changes) == frozenset()  # a scan has to tell what was in it
        aside.rename(maker.projects / "-moved")  # no event tells what is in it
        await _seen(changes, maker.projects / "-moved" / new.name)
    await changes.aclose()  # type: ignore[attr-defined]


@pytest.mark.anyio
async def test_where_the_system_tells_of_nothing_it_is_looked_at(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    awatch = watchfiles.awatch

    def full(*args: Any, force_polling: bool | None, **how: Any) -> Any:
        if not force_polling:
            raise OSError(28, "inotify watch limit reached")
        return awatch(*args, force_polling=force_polling, **how)

    monkeypatch.setattr(watchfiles, "awatch", full)
    monkeypatch.setattr("sessiontree.claude.follow.INTERVAL", 0.05)
    changes = follow(maker.projects)
    with anyio.fail_after(30):
        assert await anext(changes) == frozenset()
        old, new = maker.path(maker.sessions[0]), maker.projects / "-new" / f"{ID}.jsonl"
        for path in (old, new):
            path.parent.mkdir(exist_ok=True)
            with path.open("ab") as file:
                file.write(b"{}\n")
            await _seen(changes, path)
    await changes.aclose()  # type: ignore[attr-defined]


@pytest.mark.anyio
async def test_a_folder_that_is_not_there_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessiontree.claude.follow.INTERVAL", 0.05)
    changes = follow(tmp_path / "projects")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon((anyio.Path(tmp_path) / "projects").mkdir)
            assert await anext(changes) == frozenset()
    await changes.aclose()  # type: ignore[attr-defined]


def test_sessions_that_a_living_process_has_open(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        proc = Path(f"/proc/{child.pid}/stat")
        stat = proc.read_text() if proc.exists() else ""
        started = stat.rpartition(")")[2].split()[19] if stat else None

        def note(name: str, **said: object) -> None:
            (folder / f"{name}.json").write_text(json.dumps(said))

        note("a", pid=child.pid, sessionId=ID, procStart=started)
        note("b", pid=child.pid, sessionId="another process under its id", procStart="1")
        note("c", pid=2**22 + 7, sessionId="dead")
        note("d", pid="x", sessionId="no number")
        note("e", sessionId="no pid")
        (folder / "f.json").write_text("{")
        (folder / "g.json").mkdir()
        os.mkfifo(folder / "h.json")
        note("i", pid=child.pid, sessionId="too large", padding="x" * 2_000_000)
        assert open_elsewhere(tmp_path)[ID] == [child.pid]
        assert len(open_elsewhere(tmp_path)) == (1 if started else 2)
        note("j", pid=os.getpid(), sessionId=ID)
        assert open_elsewhere(tmp_path)[ID] == [child.pid, os.getpid()]
        (folder / "j.json").unlink()
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody took note
        assert open_elsewhere(tmp_path) == {} or not started
    finally:
        child.communicate()
    assert open_elsewhere(tmp_path) == {}
    assert open_elsewhere(tmp_path / "nowhere") == {}
