"""Runs through the real Claude Code CLI: what is on disk, what the API received, what is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sessiontree.claude.transcript.reading import messages
from sessiontree.config import Config
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Drop, Failure, Hold, Reply, ToolUse, say
from sessiontree.demo.request import Request
from sessiontree.engine.runs import LOGGED, Log, Run, RunPool
from sessiontree.model import message as m
from sessiontree.model.run import (
    Allow,
    Answer,
    Ask,
    Choice,
    Deny,
    Ending,
    Mode,
    Plan,
    RunState,
    Verb,
)
from tests.api import ClaudePlace

pytestmark = pytest.mark.anyio


@dataclass
class Bench:
    """A pool of runs and what was heard from it. Waiting is for a condition, never for time."""

    place: ClaudePlace
    limit: int = 4
    cli: Path | None = None
    answer: Answer | None = field(default_factory=Allow)
    messages: list[m.Message] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)
    states: list[tuple[str, RunState]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = asyncio.Condition()
        self.config = Config(
            home=self.place.cwd.parent / "home",
            claude=self.place.config_dir,
            cwd=self.place.cwd,
            env=self.place.env,
            runs=self.limit,
            cli=self.cli,
        )
        self.pool = RunPool(
            self.config, on_change=self._change, on_message=self._message, on_end=self._tell
        )

    def _change(self, run: Run) -> None:
        self.states.append((run.plan.session, run.state))
        for ask, _ in list(run.asks.values()):
            if ask not in self.asked:
                self.asked.append(ask)
                if self.answer is not None:
                    asyncio.get_running_loop().call_soon(self.pool.answer, run, ask.id, self.answer)
        self._tell(run)

    def _message(self, run: Run, message: m.Message) -> None:
        self.messages.append(message)
        self._tell(run)

    def _tell(self, run: Run) -> None:
        async def notify() -> None:
            async with self.changed:
                self.changed.notify_all()

        self._telling = asyncio.ensure_future(notify())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(condition)

    def start(self, verb: Verb, prompt: str, session: str = "", **more: Any) -> Run:
        plan = Plan(
            verb,
            session or str(uuid.uuid4()),
            str(uuid.uuid4()),
            prompt,
            str(self.place.cwd),
            **more,
        )
        return self.pool.start(plan)

    async def run(self, verb: Verb, prompt: str, session: str = "", **more: Any) -> Run:
        run = self.start(verb, prompt, session, **more)
        await self.until(lambda: run.outcome is not None)
        return run

    def file(self, session: str) -> Path:
        (path,) = self.place.config_dir.glob(f"projects/*/{session}.jsonl")
        return path

    def transcript(self, session: str) -> list[dict[str, Any]]:
        lines = self.file(session).read_bytes().split(b"\n")
        return [json.loads(line) for line in lines if line]

    def prompts(self, session: str) -> list[str]:
        return [
            line["message"]["content"]
            for line in self.transcript(session)
            if line["type"] == "user" and isinstance(line["message"]["content"], str)
        ]

    def last(self, session: str) -> str:
        return [line["uuid"] for line in self.transcript(session) if "parentUuid" in line][-1]

    def said(self) -> str:
        return "".join(
            block.text
            for message in self.messages
            if isinstance(message, m.Said)
            for block in message.blocks
            if isinstance(block, m.TextBlock)
        )


@pytest.fixture
async def bench(place: ClaudePlace) -> AsyncIterator[Bench]:
    bench = Bench(place)
    yield bench
    await bench.pool.close(5)


def typing(run: Run) -> bool:
    """Whether the run's reply is being typed right now."""
    return any(isinstance(message, m.Delta) for message in run.log)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_new_session_has_the_ids_that_the_app_chose(bench: Bench) -> None:
    run = await bench.run(Verb.NEW, "One")
    assert run.outcome and run.outcome.ending is Ending.DONE
    typed = [line for line in bench.transcript(run.plan.session) if line["type"] == "user"]
    assert [line["uuid"] for line in typed] == [run.plan.turn]
    assert bench.said() == "Answer to: One"


async def test_deltas_arrive_before_the_whole_and_join_to_it(
    bench: Bench, api: MessagesApi
) -> None:
    api.script = lambda request: say("A reply of several words that is streamed in pieces.")
    await bench.run(Verb.NEW, "One")
    pieces = [message for message in bench.messages if isinstance(message, m.Delta)]
    assert len(pieces) > 1
    assert "".join(piece.text for piece in pieces) == bench.said()


async def test_continue_goes_on_in_the_same_file(bench: Bench, api: MessagesApi) -> None:
    first = await bench.run(Verb.NEW, "One")
    session = first.plan.session
    second = await bench.run(Verb.CONTINUE, "Two", session, parent=session, spent=None)
    assert second.outcome and second.outcome.ending is Ending.DONE
    assert bench.prompts(session) == ["One", "Two"]
    assert api.requests[-1].asked.earlier == ("One",)


async def test_a_fork_at_each_turn_keeps_that_much(bench: Bench, api: MessagesApi) -> None:
    root = (await bench.run(Verb.NEW, "One")).plan.session
    ends = [bench.last(root)]
    for prompt in ("Two", "Three"):
        await bench.run(Verb.CONTINUE, prompt, root, parent=root)
        ends.append(bench.last(root))
    before = bench.transcript(root)
    for kept, at in enumerate(ends, 1):
        fork = await bench.run(Verb.FORK, f"Other {kept}", parent=root, at=at)
        assert fork.outcome and fork.outcome.ending is Ending.DONE
        assert api.requests[-1].asked.earlier == ("One", "Two", "Three")[:kept]
        assert bench.prompts(fork.plan.session)[-1] == f"Other {kept}"
    assert bench.transcript(root) == before


async def test_a_fork_from_the_end_and_two_in_parallel(bench: Bench, api: MessagesApi) -> None:
    root = (await bench.run(Verb.NEW, "One")).plan.session
    forks = [bench.start(Verb.FORK, prompt, parent=root) for prompt in ("Left", "Right")]
    await bench.until(lambda: all(fork.outcome for fork in forks))
    for fork, prompt in zip(forks, ("Left", "Right"), strict=True):
        assert bench.prompts(fork.plan.session) == ["One", prompt]
    assert bench.prompts(root) == ["One"]


def touch(request: Request) -> Reply:
    if request.asked.results:
        return say(f"The tool said: {request.asked.results[0].text}")
    return say(ToolUse("Bash", {"command": "touch made-by-tool", "description": "Make a file"}))


async def test_allowed_tools_run(bench: Bench, api: MessagesApi) -> None:
    api.script = touch
    await bench.run(Verb.NEW, "Make it")
    (ask,) = bench.asked
    assert ask.tool == "Bash"
    assert ask.input["command"] == "touch made-by-tool"
    assert (bench.place.cwd / "made-by-tool").exists()
    answered = [message for message in bench.messages if isinstance(message, m.Answered)]
    assert [message.is_error for message in answered] == [False]


async def test_a_denial_reaches_the_model_with_its_words(bench: Bench, api: MessagesApi) -> None:
    api.script = touch
    bench.answer = Deny("Use a temporary file instead")
    await bench.run(Verb.NEW, "Make it")
    assert not (bench.place.cwd / "made-by-tool").exists()
    assert "Use a temporary file instead" in api.requests[-1].asked.results[0].text


async def test_always_is_not_asked_again(bench: Bench, api: MessagesApi) -> None:
    def twice(request: Request) -> Reply:
        step = len(request.asked.steps)
        if step < 2:
            return say(ToolUse("Bash", {"command": f"touch made-{step}"}))
        return say("Both made")

    api.script = twice
    bench.answer = None
    run = bench.start(Verb.NEW, "Make two")
    await bench.until(lambda: bool(run.asks))
    (ask,) = bench.asked
    modes = [i for i, one in enumerate(ask.suggestions) if one.mode is Mode.ACCEPT_EDITS]
    bench.pool.answer(run, ask.id, Allow(always=(modes[0],)))
    await bench.until(lambda: run.outcome is not None)
    assert len(bench.asked) == 1
    assert sorted(path.name for path in bench.place.cwd.iterdir()) == ["made-0", "made-1"]


async def test_a_question_is_answered(bench: Bench, api: MessagesApi) -> None:
    def script(request: Request) -> Reply:
        if request.asked.results:
            return say(request.asked.results[0].text)
        options = [{"label": one, "description": "d"} for one in ("Red", "Blue")]
        question = {
            "question": "Which?",
            "header": "Colour",
            "options": options,
            "multiSelect": False,
        }
        return say(ToolUse("AskUserQuestion", {"questions": [question]}))

    api.script = script
    bench.answer = Allow(answers={"Which?": "Blue"})
    await bench.run(Verb.NEW, "Ask me")
    assert '"Which?"="Blue"' in bench.said()


async def test_a_plan_is_shown_and_approved(bench: Bench, api: MessagesApi) -> None:
    plans = bench.place.config_dir / "plans"

    def script(request: Request) -> Reply:
        if not request.asked.steps:
            path = str(plans / "the-plan.md")
            return say(ToolUse("Write", {"file_path": path, "content": "# Do it\n"}))
        if len(request.asked.steps) == 1:
            return say(ToolUse("ExitPlanMode", {}))
        return say("Going on")

    api.script = script
    run = await bench.run(Verb.NEW, "Plan it", choice=Choice(Mode.PLAN))
    plan = next(ask for ask in bench.asked if ask.tool == "ExitPlanMode")
    assert plan.input["plan"] == "# Do it\n"
    assert run.outcome and run.outcome.ending is Ending.DONE
    assert bench.said() == "Going on"


async def test_interrupt_and_go_on(bench: Bench, api: MessagesApi) -> None:
    api.script = lambda request: say("Half a ", Hold()) if request.prompt == "One" else say("Whole")
    run = bench.start(Verb.NEW, "One")
    await bench.until(lambda: any(isinstance(message, m.Delta) for message in bench.messages))
    bench.pool.interrupt(run)
    await bench.until(lambda: run.outcome is not None)
    assert run.outcome and run.outcome.ending is Ending.INTERRUPTED
    session = run.plan.session
    again = await bench.run(Verb.CONTINUE, "Two", session, parent=session)
    assert again.outcome and again.outcome.ending is Ending.DONE
    assert bench.said().endswith("Whole")
    assert api.requests[-1].asked.earlier == ("One",)


def half_on(prompt: str) -> Callable[[Request], Reply]:
    return lambda request: say("Half a ", Hold()) if request.prompt == prompt else say("Whole")


async def kill_in_mid_reply(bench: Bench, run: Run) -> None:
    await bench.until(lambda: any(isinstance(message, m.Delta) for message in bench.messages))
    assert run.agent and run.agent.pid
    os.kill(run.agent.pid, signal.SIGKILL)
    await bench.until(lambda: run.outcome is not None)
    assert run.outcome and run.outcome.ending is Ending.FAILED
    assert "ended from outside (signal 9)" in run.outcome.reason.words


async def test_a_killed_cli_is_a_failed_run_and_the_session_goes_on(
    bench: Bench, api: MessagesApi
) -> None:
    session = (await bench.run(Verb.NEW, "One")).plan.session
    bench.messages.clear()
    api.script = half_on("Two")
    await kill_in_mid_reply(bench, bench.start(Verb.CONTINUE, "Two", session, parent=session))
    again = await bench.run(Verb.CONTINUE, "Three", session, parent=session)
    assert again.outcome and again.outcome.ending is Ending.DONE


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Failure(401, "invalid x-api-key"), "not logged in, or the key was refused"),
        (Failure(429, "Too many"), "rate limit"),
        (Failure(529, "Overloaded"), "Overloaded"),
        (say(Drop()), "Connection"),
        (say("Half of", Drop()), "API Error"),
    ],
)
async def test_api_faults_are_said(
    bench: Bench, api: MessagesApi, reply: Reply | Failure, words: str
) -> None:
    api.script = lambda request: reply
    run = await bench.run(Verb.NEW, "One")
    assert run.outcome and run.outcome.ending is Ending.FAILED
    assert words in run.outcome.reason.words
    heard = [one.text for one in bench.messages if isinstance(one, m.Noted) and one.what == "error"]
    read = [
        one.text
        for one in messages(bench.file(run.plan.session))
        if isinstance(one, m.Noted) and one.what == "error"
    ]
    assert heard and read == heard, "what is read later says the same"


async def test_no_key_and_no_login(bench: Bench) -> None:
    env = {**bench.place.env, "ANTHROPIC_API_KEY": ""}
    bench.pool._config = replace(bench.config, env=env)
    run = await bench.run(Verb.NEW, "One")
    assert run.outcome and run.outcome.ending is Ending.FAILED
    assert "not logged in" in run.outcome.reason.words


async def test_no_cli(bench: Bench, tmp_path: Path) -> None:
    bench.pool._config = replace(bench.config, cli=tmp_path / "nothing")
    run = await bench.run(Verb.NEW, "One")
    assert run.outcome and run.outcome.ending is Ending.FAILED
    assert "Claude Code was not found" in run.outcome.reason.words


async def test_a_session_that_is_gone(bench: Bench) -> None:
    gone = str(uuid.uuid4())
    run = await bench.run(Verb.CONTINUE, "One", gone, parent=gone)
    assert run.outcome and run.outcome.ending is Ending.FAILED
    assert "no longer has this session" in run.outcome.reason.words


async def test_a_folder_that_is_gone(bench: Bench) -> None:
    bench.place.cwd.rmdir()
    run = await bench.run(Verb.NEW, "One")
    assert run.outcome and run.outcome.ending is Ending.FAILED
    assert f"The folder {bench.place.cwd} is gone" in run.outcome.reason.words


async def test_runs_beyond_the_limit_wait_and_one_session_never_runs_twice(
    place: ClaudePlace, api: MessagesApi
) -> None:
    api.script = lambda request: (
        say("Half ", Hold(), "whole") if request.prompt == "Hold" else say("Quick")
    )
    bench = Bench(place, limit=2)
    held = [bench.start(Verb.NEW, "Hold") for _ in range(2)]
    third = bench.start(Verb.NEW, "Third")
    twice = bench.start(Verb.CONTINUE, "Again", held[0].plan.session, parent=held[0].plan.session)
    await bench.until(lambda: all(map(typing, held)))
    assert third.state is RunState.QUEUED and twice.state is RunState.QUEUED
    api.release()
    await bench.until(lambda: all(run.outcome for run in (*held, third, twice)))
    assert bench.prompts(held[0].plan.session) == ["Hold", "Again"]
    assert {run.outcome.ending for run in (*held, third, twice) if run.outcome} == {Ending.DONE}
    await bench.pool.close(5)


async def test_closing_ends_every_process(place: ClaudePlace, api: MessagesApi) -> None:
    api.script = lambda request: say("Half a ", Hold())
    bench = Bench(place)
    runs = [bench.start(Verb.NEW, f"Run {number}") for number in range(2)]
    await bench.until(lambda: all(map(typing, runs)))
    pids = [run.agent.pid for run in runs if run.agent]
    assert all(pid and alive(pid) for pid in pids)
    await bench.pool.close(5)
    assert not any(alive(pid) for pid in pids if pid)
    assert {run.outcome.ending for run in runs if run.outcome} == {Ending.INTERRUPTED}


async def test_closing_while_a_question_waits(place: ClaudePlace, api: MessagesApi) -> None:
    api.script = touch
    bench = Bench(place, answer=None)
    run = bench.start(Verb.NEW, "Make it")
    await bench.until(lambda: bool(run.asks))
    assert run.state is RunState.WAITING
    await bench.pool.close(5)
    assert run.outcome and run.outcome.ending is Ending.INTERRUPTED
    assert not (place.cwd / "made-by-tool").exists()


def test_an_hour_of_streaming_is_kept_as_briefly_as_a_minute() -> None:
    log = Log()
    for number in range(2 * LOGGED):
        for piece in range(5):
            log.add(
                m.Delta(message_id=f"m{number}", index=0, kind=m.DeltaKind.TEXT, text=f"{piece} ")
            )
        log.add(m.Said(message_id=f"m{number}", blocks=(m.TextBlock("0 1 2 3 4 "),)))
    log.add(m.Delta(message_id="now", index=0, kind=m.DeltaKind.TEXT, text="and "))
    kept = list(log)
    assert len(kept) == LOGGED + 1
    assert isinstance(kept[-1], m.Delta) and kept[-1].message_id == "now"
    assert isinstance(kept[0], m.Said) and kept[0].message_id == f"m{LOGGED}"
