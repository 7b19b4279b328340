"""The runs that are under way: a limit, a queue, never two on one session, nothing left behind.

Each run has one owner task, which `RunPool` creates and awaits. All of it lives in one event
loop; nothing here blocks it.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessiontree.config import Config
from sessiontree.model.message import Delta, Ended, Level, Message, Noted, Said, Started
from sessiontree.model.run import Answer, Ask, Deny, Ending, Outcome, Plan, Reason, RunState
from sessiontree.model.text import clean_line

if TYPE_CHECKING:  # the SDK takes 0.7 s to import: never before it is needed
    from sessiontree.claude.agent import AgentRun


CHANGED = (
    "The project's settings are others than those that were trusted, so nothing was run. "
    "Send it again to look at them."
)

NO_SDK = (
    "claude-agent-sdk, through which Claude Code is run, cannot be loaded, so nothing was run. "
    "Install sessiontree again, which brings it, then try again."
)


LOGGED = 1_000
"""Messages that are kept of a run. Claude Code writes its transcript while it speaks (seen on
2.1.330): what is read from there and what is kept here overlap by far."""


class Log:
    """The end of what a run has said so far, without the deltas whose whole has come. What is
    further back is in the transcript: a run of hours takes no more memory than one of minutes."""

    def __init__(self) -> None:
        self._settled: deque[Message] = deque(maxlen=LOGGED)
        self._typing: dict[tuple[str, str], list[Message]] = {}

    def add(self, message: Message) -> None:
        match message:
            case Started() | Delta():
                self._typing.setdefault((message.agent, message.message_id), []).append(message)
            case Said():
                self._typing.pop((message.agent, message.message_id), None)
                self._settled.append(message)
            case _:
                self._settled.append(message)

    def __iter__(self) -> Iterator[Message]:
        yield from self._settled
        for pieces in self._typing.values():
            yield from pieces


@dataclass(eq=False)
class Run:
    """One run as the app sees it."""

    plan: Plan
    queued: float  # seconds since the epoch
    number: int = 0  # of its turn in the session, counted from 1
    state: RunState = RunState.QUEUED
    since: float | None = None  # when it began
    log: Log = field(default_factory=Log)
    asks: dict[str, tuple[Ask, asyncio.Future[Answer]]] = field(default_factory=dict)
    agent: AgentRun | None = None
    task: asyncio.Task[None] | None = None
    outcome: Outcome | None = None
    unwanted: bool = False  # it was interrupted, or the app is closing


class RunPool:
    """`on_change(run)`: its state or its questions changed; `on_message(run, message)`;
    `on_end(run)`: it is over and `run.outcome` says how; `holds(plan)`: whether the project is
    still as the person trusted it; by default none is. Called in the event loop."""

    def __init__(
        self,
        config: Config,
        *,
        on_change: Callable[[Run], None],
        on_message: Callable[[Run, Message], None],
        on_end: Callable[[Run], None],
        holds: Callable[[Plan], Awaitable[bool]] | None = None,
    ) -> None:
        self._config = config
        self._on_change = on_change
        self._on_message = on_message
        self._on_end = on_end
        self._holds = holds or _loads_nothing
        self._queue: list[Run] = []
        self._active: dict[str, Run] = {}
        self._pids: set[int] = set()
        self._closing = False

    def __iter__(self) -> Iterator[Run]:
        """Those under way, the oldest first, then those that wait in the queue."""
        yield from self._active.values()
        yield from self._queue

    def of(self, session: str) -> Run | None:
        """The run on a session: the one under way, else the first that waits."""
        if session in self._active:
            return self._active[session]
        return next((run for run in self._queue if run.plan.session == session), None)

    def coming(self, session: str) -> list[str]:
        """The turns of a session that run, or wait for their run."""
        return [run.plan.turn for run in self if run.plan.session == session]

    def is_ours(self, pid: int) -> bool:
        """Whether a process is, or was, the CLI of one of these runs."""
        alive = (run.agent.pid for run in self._active.values() if run.agent is not None)
        self._pids.update(pid for pid in alive if pid is not None)
        return pid in self._pids

    def start(self, plan: Plan, number: int = 0) -> Run:
        """Begin a run, or let it wait for its session or for a place."""
        run = Run(plan, time.time(), number)
        self._queue.append(run)
        self._on_change(run)
        self._fill()
        return run

    def interrupt(self, run: Run) -> None:
        """End a run early: one that waits is dropped, one under way is asked to stop."""
        if run in self._queue:
            self._queue.remove(run)
            self._finish(run, Outcome(Ending.INTERRUPTED, Reason("Taken out of the queue")))
            return
        self._deny_all(run, "The person interrupted the run.")
        run.unwanted = True  # looked at when the agent is not there yet
        if run.agent is not None:
            if run.state is RunState.CLOSING:
                run.agent.stop()  # asked a second time: hang up on it
            else:
                run.agent.interrupt()
        self._enter(run, RunState.CLOSING)

    def answer(self, run: Run, ask_id: str, answer: Answer) -> None:
        """Answer one of a run's questions; an answer that comes too late is dropped."""
        _, future = run.asks.get(ask_id, (None, None))
        if future is not None and not future.done():
            future.set_result(answer)
        self._withdraw(run, ask_id)

    async def close(self, deadline: float) -> None:
        """End all runs. What does not go within `deadline` seconds is killed; returns when no
        CLI process of ours is left."""
        self._closing = True
        for run in list(self._queue):
            self.interrupt(run)
        active = list(self._active.values())
        for run in active:
            self._deny_all(run, "The app is closing.")
            run.unwanted = True
            if run.agent is not None:
                run.agent.stop()
            self._enter(run, RunState.CLOSING)
        tasks = [run.task for run in active if run.task is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=deadline)
        if late:
            self.kill()
            await asyncio.wait(late)

    def kill(self) -> None:
        """End every CLI process at once."""
        for run in self._active.values():
            if run.agent is not None:
                run.agent.kill()

    def _fill(self) -> None:
        """Start what may start: the oldest first, one per session, up to the limit."""
        if self._closing:
            return
        for run in list(self._queue):
            if len(self._active) >= self._config.runs:
                return
            if run.plan.session in self._active or self._waits_for_parent(run):
                continue
            self._queue.remove(run)
            self._active[run.plan.session] = run
            run.since = time.time()
            run.state = RunState.RUNNING
            run.task = asyncio.create_task(self._own(run), name=f"run {run.plan.session}")
            self._on_change(run)

    def _waits_for_parent(self, run: Run) -> bool:
        """A fork from the end of a session whose run is not over has nothing to stand on yet."""
        plan = run.plan
        return plan.at is None and plan.parent is not None and plan.parent in self._active

    async def _own(self, run: Run) -> None:
        """The owner task of one run: nobody cancels it."""
        outcome = await self._run(run)
        self._deny_all(run, "The run is over.")
        del self._active[run.plan.session]
        if outcome.ending is not Ending.DONE:
            self._drop_followers(run)
        self._finish(run, outcome)
        self._fill()

    async def _run(self, run: Run) -> Outcome:
        try:
            agents = await asyncio.to_thread(importlib.import_module, "sessiontree.claude.agent")
        except (ImportError, AttributeError, SyntaxError) as error:  # gone, another, or half
            said = clean_line(f"{type(error).__name__}: {error}")
            return self._not_begun(run, Reason(NO_SDK, said))

        def hear(message: Message) -> None:
            self._hear(run, message)

        async def ask(question: Ask) -> Answer:
            return await self._put(run, question)

        agent: AgentRun = agents.AgentRun(run.plan, self._config, hear, ask)
        run.agent = agent
        if run.unwanted:
            agent.stop()
        # Asked as late as can be: a run may have waited for long since the person decided.
        holds = await self._holds(run.plan)
        outcome = await agent.run() if holds else self._not_begun(run, Reason(CHANGED))
        if agent.started_pid is not None:
            self._pids.add(agent.started_pid)
        return outcome

    def _not_begun(self, run: Run, reason: Reason) -> Outcome:
        key, now = f"end:{run.plan.turn}", time.time()
        self._hear(run, Ended(key=key, ok=False, text=reason.words, at=now))
        return Outcome(Ending.FAILED, reason)

    def _drop_followers(self, run: Run) -> None:
        """What was to come next on this session was typed for an answer that never came."""
        for other in [one for one in self._queue if one.plan.session == run.plan.session]:
            self.interrupt(other)

    async def _put(self, run: Run, question: Ask) -> Answer:
        """Puts a question to the person and waits for the answer: a no, when it takes too long."""
        if run.state is RunState.CLOSING:
            return Deny("The person interrupted the run.")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        run.asks[question.id] = (question, future)
        self._enter(run, RunState.WAITING)
        patience = self._config.patience.answer
        try:
            async with asyncio.timeout(patience):
                return await future
        except TimeoutError:
            words = f"{question.tool} was denied: nobody answered for {_duration(patience)}"
            self._hear(run, _noted(f"denied:{question.id}", words))
            return Deny(f"Nobody answered for {_duration(patience)}. Stop here; say what you need.")
        finally:
            self._withdraw(run, question.id)  # also when the CLI took its question back

    def _withdraw(self, run: Run, ask_id: str) -> None:
        """A question is no longer there to be answered."""
        if run.asks.pop(ask_id, None) is None:
            return
        if run.state is RunState.WAITING and not run.asks:
            run.state = RunState.RUNNING
        self._on_change(run)

    def _deny_all(self, run: Run, why: str) -> None:
        for _, future in run.asks.values():
            if not future.done():
                future.set_result(Deny(why))
        run.asks.clear()

    def _hear(self, run: Run, message: Message) -> None:
        run.log.add(message)
        self._on_message(run, message)
        if isinstance(message, Ended):
            self._enter(run, RunState.CLOSING)  # its process is still to go

    def _enter(self, run: Run, state: RunState) -> None:
        run.state = state
        self._on_change(run)

    def _finish(self, run: Run, outcome: Outcome) -> None:
        run.outcome = outcome
        self._on_end(run)


async def _loads_nothing(plan: Plan) -> bool:
    return not plan.project


def _noted(key: str, text: str) -> Noted:
    return Noted(key=key, what="denied", text=text, level=Level.WARNING, at=time.time())


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours and not minutes:
        return f"{hours} h"
    return f"{hours * 60 + minutes} min" if seconds >= 60 else f"{seconds:.0f} s"
