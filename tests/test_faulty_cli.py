"""What a Claude Code that misbehaves does to its run, and what it does not do to the app.

One table says for each fault how the run ends, what the person reads and what is kept. Each is
run through a `RunPool` with a healthy run beside it, which must go on as if nothing were."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sessiontree.claude.lines import STRING_BYTES
from sessiontree.config import Config, Patience
from sessiontree.engine.runs import Run, RunPool
from sessiontree.model.event import Event, Notice, Text
from sessiontree.model.feed import Feed
from sessiontree.model.message import Delta, Message
from sessiontree.model.run import Allow, Choice, Deny, Ending, Plan, RunState, Verb
from sessiontree.model.text import clean
from tests import stand_in
from tests.processes import alive

pytestmark = pytest.mark.anyio

PATIENCE = Patience(interrupt=0.5, close=0.5)
DONE, FAILED, INTERRUPTED = Ending.DONE, Ending.FAILED, Ending.INTERRUPTED

LONG = "long " * (STRING_BYTES // 5) + "long … {} MB more"
"""What is kept of a text that goes on and on."""

Stop = Callable[["Bench", Run], None]


@dataclass
class Bench:
    """A pool of stand-ins, and what it did to the event loop."""

    folder: Path
    patience: Patience = PATIENCE
    limit: int = 4
    streak: int = 0  # the most messages of one run taken in while nothing else had its turn
    _turn: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        config = Config(
            home=self.folder / "home",
            claude=self.folder / "claude",
            cwd=self.folder,
            env={"STAND_IN_PIDS": str(self.folder / "pids")},
            cli=Path(stand_in.__file__),
            runs=self.limit,
            patience=self.patience,
        )
        self.pool = RunPool(
            config,
            on_change=lambda run: None,
            on_message=self._message,
            on_end=lambda run: None,
        )
        self._counted: dict[Run, tuple[int, int]] = {}
        self._ticking = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        """Counts how often the loop comes round: a screen has its turn as often."""
        while True:
            self._turn += 1
            await asyncio.sleep(0)

    def _message(self, run: Run, message: Message) -> None:
        turn, count = self._counted.get(run, (0, 0))
        count = count + 1 if turn == self._turn else 1
        self._counted[run] = self._turn, count
        self.streak = max(self.streak, count)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - it goes round anyway: see `_tick`
                await asyncio.sleep(0)

    def start(self, fault: str, prompt: str = "Go on") -> Run:
        session, turn = str(uuid.uuid4()), str(uuid.uuid4())
        choice = Choice(model=fault)
        return self.pool.start(
            Plan(Verb.NEW, session, turn, prompt, str(self.folder), choice=choice)
        )

    async def close(self) -> None:
        """End what runs; nothing is left."""
        await self.pool.close(5)
        await self.until(lambda: not self.left())  # an orphan is told by its pipe
        self._ticking.cancel()

    def noted(self) -> list[int]:
        """The stand-ins that ever were."""
        pids = self.folder / "pids"
        return [int(pid) for pid in pids.read_text().split()] if pids.exists() else []

    def left(self) -> list[int]:
        """The stand-ins that are still there."""
        return [pid for pid in self.noted() if alive(pid)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "bench")
    yield bench
    await bench.close()
    assert bench.streak <= 2


def shown(run: Run) -> list[Event]:
    """What the stream of a run shows."""
    feed = Feed()
    for message in run.log:
        feed.push(message)
    feed.take()
    return feed.events


def texts(run: Run) -> list[str]:
    return [event.text.strip() for event in shown(run) if isinstance(event, Text)]


def notices(run: Run) -> str:
    return " ".join(event.text for event in shown(run) if isinstance(event, Notice))


def typed(run: Run) -> bool:
    return any(isinstance(message, Delta) for message in run.log)


def started(run: Run) -> bool:
    return run.agent is not None and run.agent.pid is not None


@dataclass(frozen=True)
class Fault:
    """`says`: what the sentence of its end has in it. `kept`: the texts that the stream shows.
    `notice`: what is said in the stream beside them. `stop`: the run is interrupted when this is
    so; without it, it ends by itself."""

    name: str
    ending: Ending
    says: str = ""
    kept: tuple[str, ...] = (stand_in.TEXT,)
    notice: str = ""
    stop: Callable[[Run], bool] | None = None
    prompt: str = "Go on"


TABLE = [
    Fault("good", DONE),
    Fault("twice", DONE),
    Fault("flood", DONE),
    Fault("flood_of_starts", DONE),
    Fault("long_line", DONE, kept=(LONG.format("35.8"),)),
    Fault("longer_line", DONE, kept=(LONG.format("65.8"), stand_in.TEXT)),
    Fault("stubborn", DONE),
    Fault("stubborn_early", INTERRUPTED, stop=typed, notice="does not answer the interruption"),
    Fault("flood_for_ever", INTERRUPTED, stop=typed, kept=(), notice="does not answer"),
    Fault("too_long_line", DONE, notice="A message of Claude Code could not be understood"),
    Fault("half_and_silent", INTERRUPTED, stop=typed, notice="does not answer"),
    Fault("half_and_gone", FAILED, "ended before it was done"),
    Fault("half_line", DONE, notice="2 messages of Claude Code could not be understood"),
    Fault("bad_utf8", DONE, kept=("Half an \ufffd\ufffd(\ufffd\ufffd\ufffd answer",)),
    Fault("unknown", DONE, kept=("{'a': 1}", stand_in.TEXT), notice="could not be understood"),
    Fault("mute", INTERRUPTED, stop=started, kept=()),
    Fault("no_start", INTERRUPTED, stop=started, kept=()),
    Fault("deaf", INTERRUPTED, stop=started, kept=(), prompt="long " * 100_000),
    Fault("refuses", FAILED, "gave an error", kept=()),
    Fault("closed", FAILED, "closed its output and lived on"),
    Fault("orphan", FAILED, "ended before it was done (exit code 3)"),
    Fault("loud", FAILED, "the reason"),
    Fault("asks_oddly", DONE),
    Fault("takes_back", INTERRUPTED, stop=typed),
]


@pytest.mark.parametrize("fault", TABLE, ids=lambda fault: f"{fault.name}-{fault.ending}")
async def test_a_fault_ends_its_run_and_nothing_else(bench: Bench, fault: Fault) -> None:
    healthy, run = bench.start("waits"), bench.start(fault.name, fault.prompt)
    if stop := fault.stop:
        await bench.until(lambda: stop(run))
        bench.pool.interrupt(run)
    if fault.name == "asks_oddly":
        await bench.until(lambda: len(run.asks) == 2)
        for ask, _ in list(run.asks.values()):
            bench.pool.answer(run, ask.id, Deny())
    await bench.until(lambda: run.outcome)
    assert run.outcome and run.outcome.ending is fault.ending
    assert fault.says in run.outcome.reason.words
    assert run.outcome.reason.words == clean(run.outcome.reason.words)
    assert fault.ending is DONE or run.outcome.reason.text
    assert [kept for kept in fault.kept if kept in texts(run)] == list(fault.kept)
    assert fault.notice in notices(run)
    await bench.until(lambda: healthy.asks)
    assert healthy.state is RunState.WAITING
    bench.pool.answer(healthy, next(iter(healthy.asks)), Allow())
    await bench.until(lambda: healthy.outcome)
    assert healthy.outcome and healthy.outcome.ending is DONE
    assert texts(healthy) == [stand_in.TEXT]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("exits", "ended before it was done (exit code 1)"),
        ("leaves", "ended before it was done"),
        ("killed", "was ended from outside (signal 9)"),
    ],
)
async def test_a_death_before_any_message(bench: Bench, how: str, says: str) -> None:
    runs = [bench.start(f"{how}:{number}") for number in range(stand_in.MESSAGES)]
    await bench.until(lambda: all(run.outcome for run in runs))
    for number, run in enumerate(runs):
        assert run.outcome and run.outcome.ending is FAILED
        assert says in run.outcome.reason.text
        assert "try again" in run.outcome.reason.text
        assert [stand_in.TEXT.startswith(text) for text in texts(run)] == [True] * (number > 3)


async def test_a_cli_that_does_not_answer_its_start_is_not_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", patience=replace(PATIENCE, start=0.5))
    run = bench.start("no_start")
    await bench.until(lambda: run.outcome)
    assert run.outcome and run.outcome.ending is FAILED
    assert "did not answer within" in run.outcome.reason.text
    await bench.close()


async def test_a_second_interrupt_hangs_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", patience=replace(PATIENCE, interrupt=600))
    run = bench.start("stubborn_early")
    await bench.until(lambda: typed(run))
    bench.pool.interrupt(run)
    assert run.state is RunState.CLOSING
    bench.pool.interrupt(run)
    await bench.until(lambda: run.outcome)
    assert run.outcome and run.outcome.ending is INTERRUPTED
    await bench.close()


@pytest.mark.parametrize(
    "fault", ["stubborn_early", "no_start", "deaf", "flood_for_ever", "closed"]
)
async def test_the_app_can_be_left_whatever_the_cli_does(tmp_path: Path, fault: str) -> None:
    bench = Bench(tmp_path / "bench", patience=Patience())
    runs = [bench.start(fault, "long " * 100_000) for _ in range(2)]
    speaks = fault not in ("no_start", "deaf")
    await bench.until(lambda: len(bench.noted()) == 2 and (not speaks or all(map(typed, runs))))
    async with asyncio.timeout(10):
        await bench.pool.close(1)
    assert all(run.outcome for run in runs)
    assert bench.left() == []
    await bench.close()


async def test_a_question_that_nobody_answers_is_a_no(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", patience=replace(PATIENCE, answer=0.2))
    run = bench.start("waits")
    await bench.until(lambda: run.outcome)
    assert run.outcome and run.outcome.ending is DONE
    assert not run.asks
    assert "Bash was denied: nobody answered for" in notices(run)
    await bench.close()


async def test_a_question_that_is_taken_back_is_waited_for_no_more(bench: Bench) -> None:
    run = bench.start("takes_back")
    await bench.until(lambda: typed(run))
    assert not run.asks
    assert run.state is RunState.RUNNING
