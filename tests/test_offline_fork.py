"""Forks made without running anything: what they keep, and that a bad one is never left."""

from __future__ import annotations

import json
import resource
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings

from sessiontree.claude import offline_fork
from sessiontree.claude.lineage import Lineage
from sessiontree.claude.offline_fork import ForkError, fork_offline
from sessiontree.claude.transcript.reading import messages
from sessiontree.claude.transcript.scan import read_session
from sessiontree.model.message import Message, Prompted
from sessiontree.model.session import Evidence, Session
from tests.forest_maker import Made, Maker
from tests.test_lineage import STEPS, play
from tests.test_transcript import texts


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "projects")


@pytest.fixture
def source(maker: Maker) -> Made:
    session = maker.new()
    first = maker.turn(session, "one", tools=3)
    maker.turn(session, "left behind")
    maker.rewind(session, first)
    maker.turn(session, "two")
    maker.compact(session)
    maker.turn(session, "three", tools=2)
    maker.write()
    return session


def read(path: Path) -> Session:
    return read_session(path, "p").session


def labels(path: Path) -> list[str]:
    return [turn.label for turn in read(path).turns]


def undated(line: list[Message]) -> list[str]:
    """A line without its times and uuids: the last message of a fork gets the time of the fork."""
    return [type(message).__name__ + str(getattr(message, "text", "")) for message in line]


@pytest.mark.parametrize(
    ("turn", "kept"),
    [
        (0, ["one"]),
        (1, ["one", "left behind"]),
        (2, ["one", "two"]),
        (3, ["one", "two", "three"]),
        (None, ["one", "two", "three"]),
    ],
)
def test_a_fork_keeps_everything_to_the_end_of_any_turn(
    turn: int | None, kept: list[str], maker: Maker, source: Made
) -> None:
    path = maker.path(source)
    before = path.read_bytes()
    at = None if turn is None else source.turns[turn].id
    child = fork_offline(path, turn=at)
    assert labels(child) == kept
    assert undated(list(messages(child))) == undated(list(messages(path, turn=at)))
    assert path.read_bytes() == before
    assert child.parent == path.parent
    assert child.stat().st_mode & 0o777 == 0o600
    lineage = Lineage()
    lineage.update([read_session(one, "p") for one in (path, child)])
    link = lineage.links[child.stem]
    assert (link.parent, link.evidence) == (source.id, Evidence.POINTER)
    assert link.turn == lineage.sessions[source.id].turns[3 if turn is None else turn].id


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_any_turn_of_any_forest_can_be_forked(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    maker = Maker(tmp_path_factory.mktemp("projects"))
    play(maker, steps)
    maker.write()
    for made in maker.sessions:
        path = maker.path(made)
        for turn in read(path).turns if path.exists() else ():
            child = fork_offline(path, turn=turn.uuid)
            assert read(child).damage == ()
            assert undated(list(messages(child))) == undated(list(messages(path, turn=turn.uuid)))
            child.unlink()


def test_what_was_written_on_one_line_is_forked(maker: Maker, source: Made) -> None:
    """Two records at once, and one behind the half of another, as a crash leaves them."""
    path = maker.path(source)
    rows = path.read_bytes().splitlines()
    at = [n for n, row in enumerate(rows) if b'"parentUuid"' in row]
    rows[at[1]] = rows[at[0]][:40] + rows[at[1]]
    rows[at[2] : at[3] + 1] = [b"".join(rows[at[2] : at[3] + 1])]
    path.write_bytes(b"\n".join(rows) + b"\n")
    before = read_session(path, "p").session
    assert before.damage
    after = read_session(fork_offline(path), "p").session
    assert [turn.id for turn in after.turns] == [turn.id for turn in before.line]
    assert after.damage == ()


def test_the_title_and_the_id_that_are_asked_for(maker: Maker, source: Made) -> None:
    id = str(uuid.uuid4())
    child = fork_offline(maker.path(source), child=id, title="  Mine  ")
    assert (child.stem, read(child).title) == (id, "Mine")
    with pytest.raises(ForkError, match="already"):
        fork_offline(maker.path(source), child=id)


@pytest.mark.parametrize("raw", ["\u2028", "\u2029", "\x85", "\ud83d"])
def test_characters_that_some_readers_take_for_the_end_of_a_line(raw: str, maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one")
    maker.turn(session, "two")
    for line in session.lines:
        if line.get("message", {}).get("content") == "two":
            line["message"]["content"] = f"before{raw}after"
    path = maker.path(session)
    path.parent.mkdir(parents=True)
    path.write_bytes(
        b"".join(
            json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
            for line in session.lines
        )
    )
    child = fork_offline(path)
    assert len(read(child).turns) == 2
    assert texts(list(messages(child))) == texts(list(messages(path)))


def test_what_cannot_be_forked_is_said(maker: Maker, source: Made, tmp_path: Path) -> None:
    with pytest.raises(ForkError, match="no turn"):
        fork_offline(maker.path(source), turn="nothing")
    with pytest.raises(ForkError, match="cannot be read"):
        fork_offline(tmp_path / f"{uuid.uuid4()}.jsonl")
    empty = tmp_path / f"{uuid.uuid4()}.jsonl"
    empty.write_text("")
    with pytest.raises(ForkError, match="nothing in this session"):
        fork_offline(empty)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Writing more fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_behind(maker: Maker, source: Made) -> None:
    folder = maker.path(source).parent
    with largest_file(4096), pytest.raises(ForkError, match="cannot be written"):
        fork_offline(maker.path(source))
    assert [path.name for path in folder.iterdir()] == [f"{source.id}.jsonl"]


def test_a_copy_that_came_out_otherwise_is_removed(
    maker: Maker, source: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever went wrong between what was meant and what is on disk."""
    folder = maker.path(source).parent
    put = offline_fork._put
    for spoil in (
        lambda rows: rows[:-1],
        lambda rows: rows[1:],
        lambda rows: [rows[0] | {"parentUuid": rows[-1]["uuid"]}, *rows[1:]],
        lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]],
    ):
        monkeypatch.setattr(
            offline_fork, "_put", lambda path, rows, spoil=spoil: put(path, spoil(rows))
        )
        with pytest.raises(ForkError, match="removed"):
            fork_offline(maker.path(source))
    assert [path.name for path in folder.iterdir()] == [f"{source.id}.jsonl"]


def test_prompts_of_a_fork_have_the_ids_of_its_parent(maker: Maker, source: Made) -> None:
    path = maker.path(source)
    child = fork_offline(fork_offline(path))
    lineage = Lineage()
    lineage.update([read_session(one, "p") for one in path.parent.glob("*.jsonl")])
    turns = lineage.sessions[child.stem].turns
    told = [m.turn for m in messages(child, turns=turns) if isinstance(m, Prompted)]
    assert told == [turn.id for turn in lineage.sessions[source.id].line]
    last = list(messages(child, turn=turns[0].id, turns=turns))
    assert [m.turn for m in last if isinstance(m, Prompted)] == [turns[0].id]
