"""Transcripts that the real Claude Code CLI writes, for each way of branching: links, turns, what
is said. And that those of `forest_maker` are of the same form."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import claude_agent_sdk as sdk
import pytest

from sessiontree.claude.lineage import Lineage
from sessiontree.claude.offline_fork import fork_offline
from sessiontree.claude.titles import rename
from sessiontree.claude.transcript import lines, records
from sessiontree.claude.transcript.reading import messages
from sessiontree.claude.transcript.scan import read_session
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Reply, ToolUse, Usage, say
from sessiontree.demo.request import Request
from sessiontree.model.message import Answered, CallBlock, Noted, Prompted, Said
from sessiontree.model.session import Evidence, Session, Turn
from tests.api import ClaudePlace
from tests.forest_maker import Maker
from tests.test_transcript import SCREEN, texts

pytestmark = pytest.mark.anyio


def script(request: Request) -> Reply:
    """Each turn costs the same."""
    return replace(say(f"Answer to: {request.prompt}"), usage=Usage(1000, 100))


class Writer:
    """Runs prompts through the real CLI and reads what it left."""

    def __init__(self, place: ClaudePlace) -> None:
        self.place = place

    async def run(self, prompt: str, **options: Any) -> str:
        """The id of the session that answered."""
        options = {"allowed_tools": ["Bash", "Agent"], **options}
        session = ""
        async for message in sdk.query(
            prompt=prompt,
            options=sdk.ClaudeAgentOptions(
                cwd=self.place.cwd,
                env=dict(self.place.env),
                system_prompt={"type": "preset", "preset": "claude_code"},
                setting_sources=["user"],
                stderr=lambda _: None,
                **options,
            ),
        ):
            if isinstance(message, sdk.ResultMessage):
                session = message.session_id
        return session

    async def new(self, *prompts: str) -> str:
        id = str(uuid.uuid4())
        for number, prompt in enumerate(prompts):
            await self.run(prompt, **({"resume": id} if number else {"session_id": id}))
        return id

    async def fork(self, parent: str, prompt: str, at: Turn | None = None) -> str:
        at_turn = {"resume_session_at": at.last} if at else {}
        id = str(uuid.uuid4())
        return await self.run(prompt, resume=parent, fork_session=True, session_id=id, **at_turn)

    def path(self, id: str) -> Path:
        (found,) = (self.place.config_dir / "projects").glob(f"*/{id}.jsonl")
        return found

    def read(self) -> Lineage:
        lineage = Lineage()
        paths = (self.place.config_dir / "projects").glob("*/*.jsonl")
        lineage.update(read_session(path, path.parent.name) for path in paths)
        return lineage

    def session(self, id: str) -> Session:
        return self.read().sessions[id]


@pytest.fixture
def writer(place: ClaudePlace) -> Writer:
    return Writer(place)


def line(session: Session) -> list[str]:
    return [turn.label for turn in session.line]


def link(lineage: Lineage, id: str) -> tuple[str | None, str | None, str]:
    found = lineage.links[id]
    return found.parent, found.turn, found.evidence.value


async def test_forks_through_the_cli(api: MessagesApi, writer: Writer) -> None:
    api.script = script
    root = await writer.new("one", "two", "three")
    turns = writer.session(root).turns
    end = await writer.fork(root, "at the end")
    middle = await writer.fork(root, "after one", turns[0])
    deeper = await writer.fork(middle, "deeper")
    early = await writer.fork(deeper, "of the root again", turns[0])
    await writer.run("the parent went on", resume=root)
    lineage = writer.read()
    assert link(lineage, root) == (None, None, "none")
    assert link(lineage, end) == (root, turns[2].id, "prefix")
    assert link(lineage, middle) == (root, turns[0].id, "prefix")
    assert link(lineage, deeper) == (middle, lineage.sessions[middle].turns[1].id, "prefix")
    assert link(lineage, early) == (root, turns[0].id, "prefix")
    assert line(lineage.sessions[root]) == ["one", "two", "three", "the parent went on"]
    assert line(lineage.sessions[deeper]) == ["one", "after one", "deeper"]
    kept = lineage.links[middle].point
    said = [entry.uuid for entry in lines.read(writer.path(root).read_bytes()).entries]
    assert kept in said
    assert all(session.damage == () for session in lineage.sessions.values())
    own = {id: session.turns[-1].cost_usd for id, session in lineage.sessions.items()}
    assert len({round(cost or 0.0, 6) for cost in own.values()}) == 1  # each turn costs the same
    assert all(own.values())
    writer.path(middle).unlink()
    ghost = writer.read().links[deeper]
    assert (ghost.parent, ghost.evidence) == (middle, Evidence.POINTER)


async def test_offline_forks_of_the_sdk(
    api: MessagesApi, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(writer.place.config_dir))
    root = await writer.new("one", "two")
    turns = writer.session(root).turns
    cwd = str(writer.place.cwd)
    first = sdk.fork_session(root, directory=cwd, up_to_message_id=turns[0].last).session_id
    await writer.run("own", resume=first)
    second = sdk.fork_session(first, directory=cwd).session_id
    through_cli = await writer.fork(first, "through the CLI")
    shared = await writer.fork(first, "left early", writer.session(first).turns[0])
    lineage = writer.read()
    assert link(lineage, first) == (root, turns[0].id, "pointer")
    own = lineage.sessions[first].turns[1].id
    assert link(lineage, second) == (first, own, "pointer")
    assert link(lineage, through_cli) == (first, own, "prefix")
    assert link(lineage, shared) == (first, turns[0].id, "prefix")
    assert [turn.id for turn in lineage.sessions[second].turns] == [turns[0].id, own]
    assert lineage.sessions[second].title == ""  # "one (fork)" says nothing


async def test_a_rewind_is_an_arm(api: MessagesApi, writer: Writer) -> None:
    root = await writer.new("one", "two", "three")
    turns = writer.session(root).turns
    await writer.run("two again", resume=root, resume_session_at=turns[0].last)
    session = writer.session(root)
    assert [(turn.label, turn.live) for turn in session.turns] == [
        ("one", True),
        ("two", False),
        ("three", False),
        ("two again", True),
    ]
    arm = texts(list(messages(writer.path(root), turn=turns[2].id)))
    assert arm[::2] == ["one", "two", "three"]


async def test_an_offline_fork_starts_at_turns_that_the_cli_no_longer_finds(
    api: MessagesApi, writer: Writer
) -> None:
    """On an arm that was left, and in front of a compaction: the model gets just that line."""
    root = await writer.new("one", "two", "three")
    turns = writer.session(root).turns
    await writer.run("two again", resume=root, resume_session_at=turns[0].last)
    await writer.run("/compact", resume=root)
    await writer.run("four", resume=root)
    session = writer.session(root)
    assert [turn.label for turn in session.turns if turn.hidden] == ["one", "two again"]
    assert [turn.label for turn in session.turns if not turn.live] == ["two", "three"]
    with pytest.raises(sdk.ResultError, match="No message found"):
        await writer.fork(root, "no", turns[2])
    for turn, kept in (
        (turns[2], ["one", "two", "three"]),
        (session.line[1], ["one", "two again"]),
    ):
        child = fork_offline(writer.path(root), turn=turn.id)
        await writer.run("go on", resume=child.stem)
        sent = [text for text in _prompts(api.requests[-1]) if text in (*kept, "four", "go on")]
        assert sent == [*kept, "go on"]
        assert line(writer.session(child.stem)) == [*kept, "go on"]


async def test_a_fork_of_a_compacted_session(api: MessagesApi, writer: Writer) -> None:
    root = await writer.new("one", "two")
    await writer.run("/compact", resume=root)
    directly = await writer.fork(root, "directly behind it")
    await writer.run("three", resume=root)
    later = await writer.fork(root, "behind three")
    lineage = writer.read()
    turns = lineage.sessions[root].turns
    assert line(lineage.sessions[root]) == ["one", "two", "three"]
    assert link(lineage, directly) == (root, turns[1].id, "prefix")
    assert link(lineage, later) == (root, turns[2].id, "prefix")
    noted = [m.what for m in messages(writer.path(root)) if isinstance(m, Noted)]
    assert "compacted" in noted


async def test_a_fork_is_not_called_like_its_parent(api: MessagesApi, writer: Writer) -> None:
    """Claude Code gives a fork the titles of its parent, the one that a person gave included."""
    root = await writer.new("one")
    titled = {"ai-title": {"aiTitle": "By Claude"}, "custom-title": {"customTitle": "By me"}}
    with writer.path(root).open("a") as file:
        for kind, fields in titled.items():
            file.write(json.dumps({"type": kind, **fields, "sessionId": root}) + "\n")
    child = await writer.fork(root, "two")
    assert b'"By me"' in writer.path(child).read_bytes()
    assert [writer.session(id).title for id in (root, child)] == ["By me", ""]
    assert rename(writer.session(child), "Mine") == ""
    deeper = await writer.fork(child, "three")
    assert [writer.session(id).title for id in (child, deeper)] == ["Mine", ""]
    assert rename(writer.session(root), "") == ""
    assert writer.session(root).title == "By Claude"
    last = await writer.fork(root, "four")
    assert b"By me" not in writer.path(last).read_bytes(), "Claude Code took it back, too"


async def test_a_fork_in_another_folder(api: MessagesApi, writer: Writer, tmp_path: Path) -> None:
    root = await writer.new("one")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    there = Writer(ClaudePlace(writer.place.config_dir, elsewhere, writer.place.env))
    child = await there.fork(root, "elsewhere")
    lineage = writer.read()
    assert lineage.sessions[child].project != lineage.sessions[root].project
    assert link(lineage, child) == (root, lineage.sessions[root].turns[0].id, "prefix")


async def test_tools_and_subagents(api: MessagesApi, writer: Writer) -> None:
    started = []

    def calls(request: Request) -> Reply:
        if request.asked.results or started:  # also when told that the agent is done
            return say("Done")
        if request.prompt == "tools":
            return Reply(tuple(ToolUse("Bash", {"command": f"echo {n}"}) for n in "abc"))
        if request.prompt == "agent":
            given = {"description": "look", "prompt": "Look around", "subagent_type": "Explore"}
            started.append(request)
            return Reply((ToolUse("Agent", given),))
        return script(request)

    api.script = calls
    root = await writer.new("tools", "agent", "end")
    session = writer.session(root)
    assert line(session) == ["tools", "agent", "end"]
    assert session.sidechains == 0  # `read_session` does not look beside the file
    said = list(messages(writer.path(root)))
    called = [b for m in said if isinstance(m, Said) for b in m.blocks if isinstance(b, CallBlock)]
    assert {m.call_id for m in said if isinstance(m, Answered)} >= {block.id for block in called}
    agent = next(block.id for block in called if block.name == "Agent")
    nested = [m for m in said if m.agent]
    assert {m.agent for m in nested} == {agent}
    task = next(m for m in nested if isinstance(m, Prompted))
    assert task.text == "Look around"


async def test_the_real_lines_are_all_of_the_usual_form(api: MessagesApi, writer: Writer) -> None:
    root = await writer.new("one", "two")
    await writer.fork(root, "three")
    for path in (writer.place.config_dir / "projects").glob("*/*.jsonl"):
        assert records.decode_lines(path.read_bytes())


async def test_the_maker_writes_what_the_real_cli_writes(
    api: MessagesApi, writer: Writer, tmp_path: Path
) -> None:
    """The fields of each kind of line that the reading depends on, in the same order."""
    root = await writer.new("one")
    child = await writer.fork(root, "two")
    maker = Maker(tmp_path / "projects")
    made = maker.new()
    maker.turn(made, "one")
    forked = maker.fork(made)
    maker.turn(forked, "two")
    maker.write()
    for real, ours in ((root, made), (child, forked)):
        wanted = list(_forms(writer.path(real).read_bytes()))
        for form in _forms(maker.path(ours).read_bytes()):
            assert any(_in_order(form, other) for other in wanted), (form, wanted)


def test_a_session_with_a_screen_and_its_branches() -> None:
    """Recorded in a terminal: rewinds, `!`, `/branch`, `--fork-session`, `/fork`, `/clear`, both
    ways to summarise a part."""
    lineage = Lineage()
    lineage.update(read_session(path, "p") for path in SCREEN.glob("*.jsonl"))
    by_first = {session.id[:4]: session for session in lineage.sessions.values()}
    told = {
        start: [f"{'' if t.live else '-'}{'?' if t.hidden else ''}{t.label}" for t in session.turns]
        for start, session in by_first.items()
    }
    shared = ["alpha one", "beta two", "gamma three edited", "!echo bashmode"]
    assert told["680e"] == [
        *["alpha one", "beta two", "-gamma three", "gamma three edited", "!echo bashmode"],
        *["resumed interactively", "continued"],
    ]
    assert told["777e"] == [*shared, "after branch"]
    assert told["985e"] == [*shared, "forked interactively"]
    assert told["f75b"] == ["after clear"]
    assert told["11d5"] == ["?p one", "?p two", "-p three", "-p four", "after from"]
    assert told["b43a"] == ["?q one", "?q two", "?q three", "?q four", "after upto", "after fork"]
    assert told["af62"] == ["q three", "q four", "after upto", "do a thing"]
    links = {
        session.id[:4]: lineage.links[session.id]
        for session in by_first.values()
        if lineage.links[session.id].parent
    }
    assert {id: (one.parent or "")[:4] for id, one in links.items()} == {
        "777e": "680e",
        "985e": "680e",
        "af62": "b43a",
    }
    assert links["777e"].evidence is Evidence.POINTER
    assert links["985e"].evidence is links["af62"].evidence is Evidence.PREFIX
    bash = by_first["680e"].turns[4].id
    assert links["777e"].turn == links["985e"].turn == bash
    assert links["777e"].point == links["985e"].point
    spent = [turn.cost_usd or 0.0 for turn in by_first["680e"].turns]
    assert sum(spent) == pytest.approx(0.008932)


def _prompts(request: Request) -> list[str]:
    found = []
    for message in request.body["messages"]:
        content = message["content"]
        blocks = [{"text": content}] if isinstance(content, str) else content
        found += [block.get("text", "") for block in blocks if message["role"] == "user"]
    return found


def _forms(data: bytes) -> Iterator[tuple[str, list[str]]]:
    """Kind and fields of each line."""
    for row in map(json.loads, data.splitlines()):
        yield row["type"], [name for name in row if name not in ("blob", "requestId")]


def _in_order(form: tuple[str, list[str]], other: tuple[str, list[str]]) -> bool:
    """State lines are parsed: of those the order does not matter."""
    if "uuid" not in form[1]:
        return form[0] == other[0] and set(form[1]) <= set(other[1])
    fields = iter(other[1])
    return form[0] == other[0] and all(name in fields for name in form[1])
