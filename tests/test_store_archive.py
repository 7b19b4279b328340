"""The archive: copies of transcripts that outlive them, and come back as they were."""

from __future__ import annotations

import errno
import gzip
import itertools
import json
import os
import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from claude_agent_sdk.testing import run_session_store_conformance

from sessiontree.claude.agent import AgentRun
from sessiontree.claude.archive_store import ArchiveStore, Mirror
from sessiontree.config import Config
from sessiontree.demo.api import MessagesApi
from sessiontree.model.run import Allow, Ask, Ending, Plan, Verb
from sessiontree.store.archive import Archive, ArchiveError
from tests.api import ClaudePlace
from tests.store_faults import CHANGING, Counting, Failing, Fast, Killed
from tests.test_store_faults import in_child

ID, OTHER = "0f5b2e1c-0000-4000-8000-000000000001", "0f5b2e1c-0000-4000-8000-000000000002"
LINES = b'{"uuid":"1","text":"D\xc3\xb3 it \xe2\x80\xa8 here"}\n{"uuid":"2","odd":"\xff\xfe"}\n'
ROOM = 10**9


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive", limit=ROOM, files=Fast())


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return write(tmp_path / "projects" / "-work" / f"{ID}.jsonl", LINES)


ticks = itertools.count(1_700_000_000_000_000_000, 1_000_000_000)


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(tick := next(ticks), tick))
    return path


def again(archive: Archive) -> Archive:
    return Archive(archive.folder, limit=archive.limit, files=Fast())


def test_a_copy_comes_back_as_it_was(archive: Archive, transcript: Path, tmp_path: Path) -> None:
    agent = write(transcript.with_suffix("") / "subagents" / "agent-a1.jsonl", LINES * 2)
    write(agent.with_suffix(".meta.json"), b'{"toolUseId":"t1"}')
    deep = write(agent.parent / "flows" / "run-1" / "agent-b2.jsonl", LINES)
    assert archive.keep(transcript)
    assert not archive.keep(transcript)
    assert not again(archive).keep(transcript)
    assert archive.parts("-work", ID) == ["subagents/agent-a1", "subagents/flows/run-1/agent-b2"]
    back = again(archive).extract("-work", ID, tmp_path / "elsewhere")
    assert back == tmp_path / "elsewhere" / "-work" / f"{ID}.jsonl"
    for there in (transcript, agent, deep):
        here = tmp_path / "elsewhere" / there.relative_to(tmp_path / "projects")
        assert here.read_bytes() == there.read_bytes()
        assert here.stat().st_mode & 0o777 == 0o600
    note = back.with_suffix("") / "subagents" / "agent-a1.meta.json"
    assert json.loads(note.read_bytes()) == {"toolUseId": "t1"}
    assert not list((tmp_path / "elsewhere").rglob("*.tmp"))


def test_a_copy_follows_and_costs_what_is_new(archive: Archive, transcript: Path) -> None:
    archive.keep(transcript)
    [file] = archive.folder.glob("*/*/main.gz")
    sizes = [file.stat().st_size]
    data = LINES
    for number in range(5):
        line = json.dumps({"n": number, "text": os.urandom(50).hex()}).encode() + b"\n"
        data += line
        write(transcript, data + b'{"half a li')
        assert archive.keep(transcript)
        sizes.append(file.stat().st_size)
        assert again(archive).read("-work", ID) == data
        assert gzip.decompress(file.read_bytes()) == data  # any tool can read it
    assert len({sizes[n + 1] - sizes[n] for n in range(5)}) <= 5
    assert sizes[-1] - sizes[0] < 5 * 150
    write(transcript, data)
    archive.keep(transcript)
    assert archive.read("-work", ID) == data


def test_a_transcript_that_lost_something_does_not_take_its_copy_along(
    archive: Archive, transcript: Path
) -> None:
    archive.keep(transcript)
    for worse in (b"", LINES[:10], LINES.splitlines(keepends=True)[1]):
        write(transcript, worse)
        assert not archive.keep(transcript)
        assert archive.read("-work", ID) == LINES
    write(transcript, b'{"rewritten":1}\n' * 3)
    assert archive.keep(transcript)
    assert archive.read("-work", ID) == b'{"rewritten":1}\n' * 3
    transcript.unlink()
    with pytest.raises(ArchiveError, match=rf"{ID}\.jsonl cannot be read: No such file"):
        archive.keep(transcript)
    assert archive.read("-work", ID) == b'{"rewritten":1}\n' * 3


def test_a_mirrored_copy_becomes_exact(archive: Archive, transcript: Path) -> None:
    """While a run is on, its lines come through the SDK; afterwards the file itself is copied."""
    archive.add("-work", ID, "", b'{"uuid": "1"}\n')
    archive.add("-work", ID, "", b'{"uuid": "2"}\n')
    assert archive.read("-work", ID) == b'{"uuid": "1"}\n{"uuid": "2"}\n'
    archive.keep(transcript)
    assert archive.read("-work", ID) == LINES


def test_nothing_is_written_over(archive: Archive, transcript: Path, tmp_path: Path) -> None:
    archive.keep(transcript)
    write(transcript, b"other\n")
    with pytest.raises(ArchiveError, match="is there already"):
        archive.extract("-work", ID, tmp_path / "projects")
    assert transcript.read_bytes() == b"other\n"
    assert [file.name for file in transcript.parent.iterdir()] == [transcript.name]
    with pytest.raises(ArchiveError, match="no copy"):
        archive.extract("-work", OTHER, tmp_path / "projects")


def test_ids_from_elsewhere_are_no_paths(archive: Archive, tmp_path: Path) -> None:
    for project, session in [("..", ID), ("a/b", ID), ("/etc", ID), ("-x", "../../x"), ("", ID)]:
        with pytest.raises(ArchiveError):
            archive.extract(project, session, tmp_path / "projects")
    archive.add("-work", ID, "", b"{}\n")
    archive.add("-work", ID, "../../../../evil", b"{}\n")
    with pytest.raises(ArchiveError, match="not the name of a subagent"):
        archive.extract("-work", ID, tmp_path / "projects")
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "-link").symlink_to(tmp_path)
    archive.add("-link", ID, "", b"{}\n")
    with pytest.raises(ArchiveError):
        archive.extract("-link", ID, tmp_path / "projects")
    odd = ["..", ".", "a/b", "*", "[x]", "nul\0", "%2E", "\udcff", "ü" * 20]
    for name in odd:
        archive.add(name, name, name, b"{}\n")
        assert archive.parts(name, name) == [name]
    assert {copy.project for copy in archive.copies()} == {"-work", "-link"}  # no main ones
    for name in ("", "x" * 300):
        with pytest.raises(ArchiveError, match="not a name"):
            archive.add(name, ID, "", b"{}\n")
    outside = [file for file in tmp_path.rglob("*") if archive.folder not in (file, *file.parents)]
    assert {file.name for file in outside} == {"projects", "-link"}


def test_odd_transcripts(archive: Archive, transcript: Path) -> None:
    link = transcript.with_name(f"{OTHER}.jsonl")
    link.symlink_to(transcript)
    with pytest.raises(ArchiveError, match="symbolic link"):
        archive.keep(link)
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(ArchiveError, match="not a plain file"):
        archive.keep(link)
    link.unlink()
    link.mkdir()
    with pytest.raises(ArchiveError, match="Is a directory"):
        archive.keep(link)
    assert archive.copies() == []


def test_the_limit(archive: Archive, tmp_path: Path) -> None:
    """The oldest give way, never a marked one or the one that is being kept; it is said."""
    names = [str(uuid.uuid4()) for _ in range(5)]
    files = [
        write(
            tmp_path / "projects" / "-work" / f"{name}.jsonl",
            os.urandom(2_000).hex().encode() + b"\n",
        )
        for name in names
    ]
    archive.limit = 9_000
    for file in files[:4]:
        archive.keep(file, marked=[names[0]])
    assert [copy.session for copy in archive.copies()] == [names[0], *names[2:4]]
    assert archive.size() == sum(copy.size for copy in archive.copies()) <= archive.limit
    assert archive.notices == [f"The archive was full: the copy of session {names[1]} was dropped."]
    archive.keep(files[4], marked=names)
    assert [copy.session for copy in archive.copies()] == [names[0], *names[2:]]
    assert "more than its limit" in archive.notices[-1]


def test_a_flipped_bit_is_not_silently_wrong(archive: Archive, transcript: Path) -> None:
    archive.keep(transcript)
    archive.add("-work", ID, "", b'{"more":1}\n')
    whole = archive.read("-work", ID)
    [file] = archive.folder.glob("*/*/main.gz")
    data = file.read_bytes()
    harmless = 0
    for place in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        try:
            assert again(archive).read("-work", ID) == whole
            harmless += 1  # the last bits of a byte that deflate does not use
        except ArchiveError as error:
            assert f"{file} is damaged at byte" in str(error)
            with pytest.raises(ArchiveError, match="is damaged"):
                again(archive).add("-work", ID, "", b"{}\n")
        assert file.read_bytes() == damaged
    assert harmless < 14
    file.write_bytes(data[:40] + b"\xff" * 20 + data[60:])
    write(transcript, LINES)
    assert again(archive).keep(transcript)
    assert archive.read("-work", ID) == LINES
    assert len(list(file.parent.glob("*.damaged"))) == 1


def test_cut_at_any_byte_its_whole_members_are_there(archive: Archive) -> None:
    states = [b""]
    ends = [0]
    for number in range(4):
        archive.add("-work", ID, "", b'{"n":%d}\n' % number)
        [file] = archive.folder.glob("*/*/main.gz")
        states.append(archive.read("-work", ID) or b"")
        ends.append(file.stat().st_size)
    data = file.read_bytes()
    for size in range(len(data) + 1):
        file.write_bytes(data[:size])
        there = states[sum(end <= size for end in ends) - 1]
        late = again(archive)
        assert late.read("-work", ID) == there
        late.add("-work", ID, "", b'{"after":1}\n')
        assert again(archive).read("-work", ID) == there + b'{"after":1}\n'


def use(folder: Path, files: Fast, acknowledge) -> None:  # type: ignore[no-untyped-def]
    """Follows a transcript and mirrors another; says how many lines of each are archived."""
    source = folder / "projects" / "-work" / f"{ID}.jsonl"
    for number in range(1, 6):
        archive = Archive(folder / "archive", limit=ROOM, files=files)
        for _ in range(2):
            try:
                write(source, b'{"n":1}\n' * number)
                archive.keep(source)
                archive.add("-work", OTHER, "", b'{"n":%d}\n' % number)
            except ArchiveError:
                continue
            acknowledge(number)


def holds(folder: Path, acknowledged: list[int]) -> None:
    archive = Archive(folder / "archive", limit=ROOM, files=Fast())
    followed = archive.read("-work", ID) or b""
    assert followed == b'{"n":1}\n' * followed.count(b"\n")
    assert followed.count(b"\n") >= max(acknowledged, default=0)
    mirrored = [
        json.loads(line)["n"] for line in (archive.read("-work", OTHER) or b"").splitlines()
    ]
    assert mirrored == sorted(mirrored)
    for number in set(acknowledged):
        assert mirrored.count(number) >= acknowledged.count(number)


def points(tmp_path: Path) -> int:
    files = Counting()
    use(tmp_path / "whole", files, lambda number: None)
    return len(files.calls)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_the_nth_call_fails(tmp_path: Path, code: int) -> None:
    for n in range(1, points(tmp_path) + 1):
        acknowledged: list[int] = []
        use(tmp_path / str(n), Failing(n, code, CHANGING), acknowledged.append)
        holds(tmp_path / str(n), acknowledged)
        assert len(acknowledged) >= 9


@pytest.mark.parametrize("when", ["before", "half"])
def test_killed_at_the_nth_call(tmp_path: Path, when: str) -> None:
    for n in range(1, points(tmp_path) + 1):
        acknowledged, _ = in_child(partial(use, tmp_path / str(n), Killed(n, when)))
        holds(tmp_path / str(n), acknowledged)


def test_two_instances(archive: Archive, transcript: Path) -> None:
    other = again(archive)
    for number in range(5):
        (archive, other)[number % 2].add("-work", OTHER, "", b'{"n":%d}\n' % number)
    lines = (archive.read("-work", OTHER) or b"").splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(5))
    assert archive.keep(transcript)
    assert not other.keep(transcript)


def test_modes(archive: Archive, transcript: Path) -> None:
    archive.keep(transcript)
    for file in archive.folder.rglob("*"):
        assert file.stat().st_mode & 0o777 == (0o700 if file.is_dir() else 0o600)


# With the SDK and the real CLI


@pytest.mark.anyio
async def test_it_conforms_to_the_sdks_session_store(tmp_path: Path) -> None:
    numbers = itertools.count()

    def make() -> ArchiveStore:
        return ArchiveStore(Archive(tmp_path / str(next(numbers)), limit=ROOM, files=Fast()))

    await run_session_store_conformance(make)


def agent(place: ClaudePlace, plan: Plan) -> AgentRun:
    config = Config(
        home=place.cwd.parent / "home", claude=place.config_dir, cwd=place.cwd, env=place.env
    )

    async def allow(ask: Ask) -> Allow:
        return Allow()

    return AgentRun(plan, config, lambda message: None, allow)


@pytest.mark.anyio
async def test_the_cli_continues_and_forks_a_session_from_the_archive(
    place: ClaudePlace, api: MessagesApi, tmp_path: Path
) -> None:
    """Its transcript was deleted, as after thirty days: it is brought back from its copy."""
    archive = Archive(tmp_path / "archive", limit=ROOM)
    first = Plan(Verb.NEW, str(uuid.uuid4()), str(uuid.uuid4()), "Plant a tree", str(place.cwd))
    assert (await agent(place, first).run()).ending is Ending.DONE
    [transcript] = place.config_dir.glob(f"projects/*/{first.session}.jsonl")
    archive.keep(transcript)
    before = transcript.read_bytes()
    transcript.unlink()

    resumed = Plan(
        Verb.CONTINUE,
        first.session,
        str(uuid.uuid4()),
        "Water it",
        str(place.cwd),
        first.session,
    )
    gone = await agent(place, resumed).run()
    assert gone.ending is Ending.FAILED

    project = transcript.parent.name
    assert archive.extract(project, first.session, place.config_dir / "projects") == transcript
    assert transcript.read_bytes() == before
    outcome = await agent(place, replace(resumed, turn=str(uuid.uuid4()))).run()
    assert outcome.ending is Ending.DONE
    assert transcript.read_bytes().startswith(before)
    history = json.dumps(api.requests[-1].body)
    assert "Plant a tree" in history
    assert "Water it" in history

    fork = Plan(
        Verb.FORK,
        str(uuid.uuid4()),
        str(uuid.uuid4()),
        "Plant two",
        str(place.cwd),
        first.session,
    )
    assert (await agent(place, fork).run()).ending is Ending.DONE
    assert "Plant a tree" in json.dumps(api.requests[-1].body)
    assert (transcript.parent / f"{fork.session}.jsonl").exists()


@pytest.mark.anyio
async def test_a_run_is_mirrored_while_it_is_on(
    place: ClaudePlace, api: MessagesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the archive as its session store a run writes its own transcript, as without, and a
    copy; resuming does not go to a temporary folder."""
    from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient

    archive = Archive(tmp_path / "archive", limit=ROOM)
    session = str(uuid.uuid4())
    for prompt, how in (("one", {"session_id": session}), ("two", {"resume": session})):
        options = ClaudeAgentOptions(
            cwd=place.cwd,
            env=dict(place.env),
            session_store=Mirror(archive),
            setting_sources=["user"],
            **how,  # type: ignore[arg-type]
        )
        async with ClaudeSDKClient(options) as client:
            await client.query(prompt)
            async for _ in client.receive_response():
                pass
    [transcript] = place.config_dir.glob(f"projects/*/{session}.jsonl")
    written = {line["uuid"] for line in map(json.loads, transcript.open()) if "uuid" in line}
    copied = (archive.read(transcript.parent.name, session) or b"").splitlines()
    assert {line["uuid"] for line in map(json.loads, copied) if "uuid" in line} == written
    assert archive.keep(transcript)
    assert archive.read(transcript.parent.name, session) == transcript.read_bytes()
