"""The engine on real transcripts: what the tree says, what is stored, what a restart finds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sessiontree.config import Config
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Failure, Hold, ToolUse, say
from sessiontree.engine.engine import Engine
from sessiontree.engine.runs import Run
from sessiontree.model.event import CallState, Event, Mark, Prompt, Text, ToolCall
from sessiontree.model.forest import Forest
from sessiontree.model.overlay import Status
from sessiontree.model.run import Allow, Mode
from sessiontree.model.session import Evidence, Presence, Session
from sessiontree.store.database import Store
from tests.api import ClaudePlace

pytestmark = pytest.mark.anyio


@dataclass
class Heard:
    """A listener that keeps what it is told and wakes those who wait."""

    told: list[str] = field(default_factory=list)
    over: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._something = asyncio.Event()

    def _wake(self) -> None:
        self._something.set()

    forest_changed = stream_changed = asked = _wake

    def ended(self, run: Run) -> None:
        self.over.append(run)
        self._wake()

    def tell(self, text: str, *, trouble: bool = False) -> None:
        self.told.append(text)
        self._wake()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._something.clear()
                await self._something.wait()


@dataclass
class Desk:
    engine: Engine
    heard: Heard
    place: ClaudePlace

    @property
    def forest(self) -> Forest:
        return self.engine.forest

    def session(self, id: str) -> Session:
        session = self.forest.session(id)
        assert session is not None
        return session

    async def send(self, aim: object, prompt: str) -> str:
        """Send and wait until the run is over and its transcript was read again."""
        id = await self.engine.send(aim, prompt)  # type: ignore[arg-type]
        assert id is not None, self.heard.told
        await self.heard.until(lambda: self.engine.run_of(id) is None)
        await self.heard.until(lambda: self._settled(id))
        return id

    def _settled(self, id: str) -> bool:
        session = self.forest.session(id)
        return (
            session is not None
            and self.engine._store.intents().get(id) is None
            and (session.presence is not Presence.NEW or bool(self.engine.unsent(id)))
        )

    async def new(self, *prompts: str) -> str:
        id = await self.send(self.engine.aims.new(), prompts[0])
        for prompt in prompts[1:]:
            await self.send(self.engine.aims.go_on(self.session(id)), prompt)
        return id

    def labels(self, id: str) -> list[str]:
        return [turn.label for turn in self.session(id).line]

    async def stream(self, id: str, turn: str | None = None) -> list[object]:
        opened = self.engine.streams.open(id, turn)
        await self.heard.until(lambda: not opened.loading)
        opened.feed.take()
        return list(opened.feed.events)


@asynccontextmanager
async def desk_at(place: ClaudePlace, home: Path) -> AsyncIterator[Desk]:
    config = Config(home=home, claude=place.config_dir, cwd=place.cwd, env=place.env)
    with Store.open(config.store) as store:
        heard = Heard()
        engine = Engine(config, store, heard)
        await engine.start()
        try:
            yield Desk(engine, heard, place)
        finally:
            await engine.close()


@pytest.fixture
async def desk(place: ClaudePlace, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(place, tmp_path / "home") as desk:
        yield desk


async def test_a_scope_that_is_chosen_before_the_first_scan_stays(
    place: ClaudePlace, tmp_path: Path
) -> None:
    async with desk_at(place, tmp_path / "home") as desk:
        desk.engine.show(everything=True)
        await desk.heard.until(lambda: desk.engine.catalog.scanned)
        assert desk.engine.catalog.everything


async def test_new_and_continue_are_one_session(desk: Desk) -> None:
    id = await desk.new("One", "Two")
    assert desk.labels(id) == ["One", "Two"]
    assert desk.forest.parent(id) is None
    prompts = [event.text for event in await desk.stream(id) if isinstance(event, Prompt)]
    assert prompts == ["One", "Two"]


async def test_a_fork_row_is_there_before_its_first_message(desk: Desk, api: MessagesApi) -> None:
    root = await desk.new("One", "Two")
    api.script = lambda request: say("Half ", Hold(), "whole")
    first = desk.session(root).line[0]
    fork = await desk.engine.send(desk.engine.aims.fork(desk.session(root), first.id), "Other")
    assert fork is not None
    assert desk.forest.parent(fork) == root
    assert desk.forest.place(fork) == (root, first.id)
    assert desk.engine.label(fork) == "Other"
    assert desk.forest.status(fork).active
    link = desk.engine._store.links()[fork]
    assert (link.parent, link.turn, link.evidence) == (root, first.id, Evidence.MADE)
    api.release()
    await desk.heard.until(lambda: desk.engine.run_of(fork) is None)


async def test_a_fork_at_each_turn_hangs_under_it(desk: Desk) -> None:
    root = await desk.new("One", "Two", "Three")
    for number, turn in enumerate(desk.session(root).line, 1):
        fork = await desk.send(desk.engine.aims.fork(desk.session(root), turn.id), f"F{number}")
        assert desk.forest.place(fork) == (root, turn.id)
        assert desk.labels(fork) == [*["One", "Two", "Three"][:number], f"F{number}"]
        assert desk.engine.label(fork) == f"F{number}"
        events = await desk.stream(fork)
        marked = next(i for i, event in enumerate(events) if isinstance(event, Mark))
        following = events[marked + 1]
        assert isinstance(following, Prompt)
        assert (following.text, following.number) == (f"F{number}", number + 1)


async def test_edit_and_fork_leaves_before_the_turn(desk: Desk, api: MessagesApi) -> None:
    root = await desk.new("One", "Two\nwith a second line")
    session = desk.session(root)
    assert await desk.engine.prompt_text(session, session.line[1]) == "Two\nwith a second line"
    second = await desk.send(desk.engine.aims.fork_before(session, session.line[1]), "Two, edited")
    assert desk.labels(second) == ["One", "Two, edited"]
    first = await desk.send(desk.engine.aims.fork_before(session, session.line[0]), "One, edited")
    assert desk.labels(first) == ["One, edited"]
    assert desk.forest.parent(first) == root
    assert api.requests[-1].asked.earlier == ()


async def test_two_forks_run_side_by_side(desk: Desk, api: MessagesApi) -> None:
    root = await desk.new("One")
    api.script = lambda request: say("Half ", Hold(), request.prompt)
    aim = desk.engine.aims.fork(desk.session(root), None)
    ids = [await desk.engine.send(aim, prompt) for prompt in ("Left", "Right")]
    await desk.heard.until(lambda: len(api.requests) == 3)
    assert {desk.forest.status(str(id)) for id in ids} == {Status.RUNNING}
    api.release()
    await desk.heard.until(lambda: not list(desk.engine.pool))
    for id, prompt in zip(ids, ("Left", "Right"), strict=True):
        await desk.heard.until(lambda id=id: len(desk.session(str(id)).line) == 2)  # type: ignore[misc]
        assert desk.labels(str(id)) == ["One", prompt]


async def test_a_session_is_never_continued_twice_at_a_time(desk: Desk, api: MessagesApi) -> None:
    root = await desk.new("One")
    api.script = lambda request: say("Half ", Hold(), "whole")
    first = await desk.engine.send(desk.engine.aims.go_on(desk.session(root)), "Two")
    aim = desk.engine.aims.go_on(desk.session(root))
    assert "when its run is over" in aim.words
    second = await desk.engine.send(aim, "Three")
    assert first == second == root
    await desk.heard.until(lambda: len(api.requests) == 2)
    assert [run.state.value for run in desk.engine.pool] == ["running", "queued"]
    api.release()
    await desk.heard.until(lambda: len(desk.session(root).line) == 3)
    assert desk.labels(root) == ["One", "Two", "Three"]


async def test_a_fork_leaves_before_the_turn_that_runs(desk: Desk, api: MessagesApi) -> None:
    root = await desk.new("One")
    api.script = lambda request: say("Half ", Hold(), "whole")
    await desk.engine.send(desk.engine.aims.go_on(desk.session(root)), "Two")
    await desk.heard.until(lambda: desk.labels(root) == ["One", "Two"])  # written, not answered
    first, running = desk.session(root).line
    assert desk.engine.aims.fork(desk.session(root), None).keep == first.id
    assert "not finished" in desk.engine.aims.fork(desk.session(root), running.id).refusal
    fork = await desk.engine.send(desk.engine.aims.fork(desk.session(root), None), "Other")
    await desk.heard.until(lambda: len(api.requests) == 3)
    assert api.requests[2].asked.earlier == ("One",)
    api.release()
    await desk.heard.until(lambda: desk.labels(str(fork)) == ["One", "Other"])


async def test_the_stream_is_the_same_live_and_afterwards(desk: Desk, api: MessagesApi) -> None:
    def script(request):  # type: ignore[no-untyped-def]
        if request.asked.results:
            return say("Made it.")
        return say("I will.", ToolUse("Bash", {"command": "echo hi", "description": "Say hi"}))

    api.script = script
    desk.engine.settings.choose(None, desk.engine.settings.choice(None))
    id = await desk.engine.send(desk.engine.aims.new(), "Say hi")
    assert id is not None
    opened = desk.engine.streams.open(id)
    await desk.heard.until(lambda: desk.engine.asks() or desk.engine.run_of(id) is None)
    for run, ask in desk.engine.asks():
        desk.engine.answer(run, ask, Allow())
    await desk.heard.until(lambda: desk.session(id).presence is Presence.OK)
    opened.feed.take()
    live = [event for event in opened.feed.events if isinstance(event, Prompt | Text | ToolCall)]
    read = [e for e in await desk.stream(id) if isinstance(e, Prompt | Text | ToolCall)]
    assert [event.key for event in live] == [event.key for event in read]
    call = next(event for event in read if isinstance(event, ToolCall))
    assert (call.state, call.output) == (CallState.OK, "hi")


async def test_a_failed_prompt_is_kept_and_can_be_sent_again(desk: Desk, api: MessagesApi) -> None:
    api.script = lambda request: Failure(529, "Overloaded")
    id = await desk.send(desk.engine.aims.new(), "A prompt of some length")
    assert desk.forest.status(id) is Status.FAILED
    assert desk.engine.unsent(id) == "A prompt of some length"
    api.script = lambda request: say("Fine")
    aim = desk.engine.aims.go_on(desk.session(id))
    assert await desk.send(aim, desk.engine.unsent(id)) == id
    assert desk.forest.status(id) is not Status.FAILED
    assert desk.engine.unsent(id) == ""


async def test_a_fork_that_never_began_is_begun_again_under_its_id(
    desk: Desk, tmp_path: Path
) -> None:
    root = await desk.new("One")
    there = desk.engine.pool._config
    desk.engine.pool._config = replace(there, cli=tmp_path / "no-such-cli")
    id = await desk.send(desk.engine.aims.fork(desk.session(root), None), "Other")
    assert desk.session(id).presence is Presence.NEW
    assert desk.forest.status(id) is Status.FAILED
    desk.engine.pool._config = there
    aim = desk.engine.aims.go_on(desk.session(id))
    assert aim.words == "begin ‹Other› again"
    assert await desk.send(aim, desk.engine.unsent(id)) == id
    await desk.heard.until(lambda: desk.session(id).presence is Presence.OK)
    assert desk.labels(id) == ["One", "Other"]
    assert desk.forest.parent(id) == root


async def test_a_restart_finds_the_same_tree(place: ClaudePlace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with desk_at(place, home) as desk:
        root = await desk.new("One", "Two")
        turn = desk.session(root).line[0].id
        fork = await desk.send(desk.engine.aims.fork(desk.session(root), turn), "Other")
        await desk.engine.marks.set(fork, title="The better one")
    async with desk_at(place, home) as desk:
        await desk.heard.until(lambda: fork in desk.forest and desk.forest.session(fork))
        assert desk.forest.place(fork) == (root, turn)
        assert desk.engine.label(fork) == "The better one"
        link = desk.forest.link(fork)
        assert link is not None and link.evidence is Evidence.MADE


async def test_a_run_that_was_cut_off_is_shown_as_interrupted(
    place: ClaudePlace, api: MessagesApi, tmp_path: Path
) -> None:
    api.script = lambda request: say("Half ", Hold()) if request.prompt == "Two" else say("ok")
    home = tmp_path / "home"
    async with desk_at(place, home) as desk:
        root = await desk.new("One")
        await desk.engine.send(desk.engine.aims.go_on(desk.session(root)), "Two")
        await desk.heard.until(lambda: len(api.requests) == 2)
    async with desk_at(place, home) as desk:
        await desk.heard.until(lambda: desk.forest.session(root))
        assert desk.forest.status(root) is Status.INTERRUPTED
        assert await desk.send(desk.engine.aims.go_on(desk.session(root)), "Three") == root
        assert desk.labels(root)[-1] == "Three"


def copy_under(path: Path, id: str) -> Path:
    copy = path.with_name(f"{id}.jsonl")
    copy.write_bytes(path.read_bytes().replace(path.stem.encode(), id.encode()))
    return copy


async def test_what_is_written_elsewhere_appears(desk: Desk, place: ClaudePlace) -> None:
    root = await desk.new("One")
    copy = copy_under(Path(desk.session(root).path), "11111111-2222-4333-8444-555555555555")
    await desk.heard.until(lambda: desk.forest.session(copy.stem))
    assert desk.labels(copy.stem) == ["One"]


async def test_what_a_subagent_says_elsewhere_is_on_the_stream_as_it_is_said(desk: Desk) -> None:
    root = await desk.new("One")
    path = copy_under(Path(desk.session(root).path), "11111111-2222-4333-8444-555555555555")
    await desk.heard.until(lambda: desk.forest.session(path.stem))
    await desk.stream(path.stem)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    task = {"type": "tool_use", "id": "toolu_1", "name": "Task", "input": {"prompt": "Look"}}
    calls = next(row for row in reversed(rows) if row["type"] == "assistant")
    calls |= {"parentUuid": calls["uuid"], "uuid": "00000000-0000-4000-8000-000000000001"}
    calls["message"] |= {"id": "msg_1", "content": [task]}
    folder = path.with_suffix("") / "subagents"
    agent = folder / "agent-a1.jsonl"

    def write(file: Path, row: dict[str, Any]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as opened:
            opened.write(json.dumps(row) + "\n")

    def events() -> list[Event]:
        opened = desk.engine.streams.opened
        assert opened is not None
        opened.feed.take()
        return opened.feed.events

    async def told(*texts: str) -> None:
        def found() -> list[str]:
            return [e.text for e in events() if isinstance(e, Prompt | Text) and e.depth]

        await desk.heard.until(lambda: found() == list(texts))

    side = {"isSidechain": True, "parentUuid": None}
    write(path, calls)
    await desk.heard.until(lambda: any(isinstance(event, ToolCall) for event in events()))
    write(folder / "agent-a1.meta.json", {"toolUseId": "toolu_1"})
    asked = {"role": "user", "content": "Look"}
    write(agent, {"type": "user", "uuid": "s1", "message": asked, **side})
    await told("Look")
    said = {"role": "assistant", "id": "msg_2", "content": [{"type": "text", "text": "Found it"}]}
    write(agent, {"type": "assistant", "uuid": "s2", "message": said, **side})
    await told("Look", "Found it")


async def test_leaving_plan_mode_holds_for_the_session(desk: Desk, api: MessagesApi) -> None:
    def script(request):  # type: ignore[no-untyped-def]
        return say("Going") if request.asked.results else say(ToolUse("ExitPlanMode", {}))

    api.script = script
    choice = desk.engine.settings.choice(None)
    desk.engine.settings.choose(None, replace(choice, mode=Mode.PLAN))
    id = await desk.engine.send(desk.engine.aims.new(), "Plan it")
    assert id is not None
    await desk.heard.until(desk.engine.asks)
    ((run, ask),) = desk.engine.asks()
    desk.engine.answer(run, ask, Allow())
    await desk.heard.until(lambda: desk.engine.run_of(id) is None)
    assert desk.engine.settings.choice(id).mode is Mode.DEFAULT


async def test_to_let_all_tools_run_is_for_one_run_only(desk: Desk, api: MessagesApi) -> None:
    choice = desk.engine.settings.choice(None)
    desk.engine.settings.choose(None, replace(choice, mode=Mode.BYPASS))
    id = await desk.engine.send(desk.engine.aims.new(), "One")
    assert id is not None
    await desk.heard.until(lambda: desk.engine.run_of(id) is None)
    assert desk.engine.settings.choice(id).mode is Mode.DEFAULT
    assert desk.engine.settings.choice(None).mode is Mode.DEFAULT


async def test_a_session_whose_transcript_was_deleted_is_read_and_continued(desk: Desk) -> None:
    id = await desk.new("One")
    await desk.heard.until(lambda: desk.engine._keeping.has(id))
    path = desk.session(id).path
    await asyncio.to_thread(Path(path).unlink)
    await desk.heard.until(lambda: desk.session(id).presence is Presence.GONE)
    prompts = [event.text for event in await desk.stream(id) if isinstance(event, Prompt)]
    assert prompts == ["One"]
    assert len(await desk.stream(id)) > 1  # once more
    assert desk.engine.streams.opened.note.endswith("the archive's copy")  # type: ignore[union-attr]
    aim = desk.engine.aims.go_on(desk.session(id))
    assert aim.refusal == ""
    assert await desk.send(aim, "Two") == id
    assert desk.labels(id) == ["One", "Two"]
    assert desk.session(id).presence is Presence.OK


async def test_a_session_that_is_gone_and_was_not_kept_is_said_to_be(
    desk: Desk, place: ClaudePlace
) -> None:
    root = await desk.new("One")
    copy = copy_under(Path(desk.session(root).path), "11111111-2222-4333-8444-555555555555")
    await desk.heard.until(lambda: desk.forest.session(copy.stem))
    await asyncio.to_thread(copy.unlink)
    await desk.heard.until(lambda: desk.session(copy.stem).presence is Presence.GONE)
    assert "is gone" in desk.engine.aims.go_on(desk.session(copy.stem)).refusal
    assert desk.labels(copy.stem) == ["One"]
    assert await desk.stream(copy.stem) == []
    assert "gone" in desk.engine.streams.opened.note  # type: ignore[union-attr]


async def test_what_another_instance_stores_is_seen_without_a_restart(
    desk: Desk, place: ClaudePlace, tmp_path: Path
) -> None:
    id = await desk.new("One")
    async with desk_at(place, tmp_path / "home") as other:
        await other.heard.until(lambda: other.forest.session(id))
        await other.engine.marks.set(id, title="Named over there")
        await desk.heard.until(lambda: desk.engine.label(id) == "Named over there")


async def test_a_fork_from_an_arm_that_was_left(desk: Desk, place: ClaudePlace) -> None:
    import claude_agent_sdk as sdk

    root = await desk.new("One", "Two")
    first, left = desk.session(root).line
    options = sdk.ClaudeAgentOptions(
        cwd=place.cwd, env=dict(place.env), resume=root, resume_session_at=first.last
    )
    async for _ in sdk.query(prompt="Instead of two", options=options):
        pass
    await desk.heard.until(lambda: desk.labels(root) == ["One", "Instead of two"])
    aim = desk.engine.aims.fork(desk.session(root), left.id)
    assert aim.words == "fork ‹One› at ‹Two›"
    fork = await desk.send(aim, "Three")
    await desk.heard.until(lambda: desk.labels(fork) == ["One", "Two", "Three"])
    assert desk.forest.parent(fork) == root


async def test_a_transcript_that_was_away_for_a_while_is_shown_without_a_word_of_it(
    desk: Desk,
) -> None:
    root = await desk.new("One")
    path = Path(desk.session(root).path)
    await desk.stream(root)
    opened = desk.engine.streams.opened
    assert opened is not None
    aside = await asyncio.to_thread(path.rename, path.with_name("aside"))
    await desk.heard.until(lambda: opened.note)
    assert "gone" in opened.note
    assert opened.feed.events, "what was read stays"
    await asyncio.to_thread(aside.rename, path)
    await desk.heard.until(lambda: not opened.note and opened.whole)
    opened.feed.take()
    shown = [event.text for event in opened.feed.events if isinstance(event, Prompt | Text)]
    assert shown == ["One", "Answer to: One"]
