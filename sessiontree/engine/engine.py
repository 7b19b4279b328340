"""What the app does, without a screen: one place for the screen and the commands to ask.

All of it lives in one event loop. What blocks (store, transcripts) goes to threads and comes
back as plain data; the listener is told what changed, and reads it from here.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sessiontree.claude.transcript.reading import Context
from sessiontree.claude.worktrees import repository
from sessiontree.config import Config
from sessiontree.engine.aim import Aim
from sessiontree.engine.aiming import Aiming
from sessiontree.engine.catalog import Catalog
from sessiontree.engine.keeping import Keeping
from sessiontree.engine.listener import Listener
from sessiontree.engine.marks import Marks
from sessiontree.engine.reader import Reader
from sessiontree.engine.runs import Run, RunPool
from sessiontree.engine.sending import Ready, Sending
from sessiontree.engine.settings import Settings
from sessiontree.engine.status import overlay
from sessiontree.engine.streams import Streams
from sessiontree.engine.trusting import Trusting
from sessiontree.model.conclusion import Conclusion, conclusion
from sessiontree.model.fanout import Way, whole
from sessiontree.model.forest import Forest
from sessiontree.model.run import Answer, Ask, Ending
from sessiontree.model.session import Presence, Session, Turn
from sessiontree.model.text import label
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError
from sessiontree.store.records import Finish

CLOSE_SECONDS = 8.0
"""How long runs get to end by themselves before they are killed."""

STORE_SECONDS = 1.0
"""How often it is looked whether another instance of the app has stored something."""


class Engine:
    def __init__(self, config: Config, store: Store, listener: Listener) -> None:
        self.config = config
        self.forest = Forest()
        self.settings = Settings(config)
        self._store = store
        self._listener = listener
        self.catalog = Catalog(config, store, self.forest, self._files_changed)
        self._keeping = Keeping(config)
        self._reader = Reader(self.forest, self._keeping)
        self.trust = Trusting(config, store)
        self.pool = RunPool(
            config,
            on_change=self._run_changed,
            on_message=lambda run, message: self.streams.hear(run, message),
            on_end=self._run_ended,
            holds=self.trust.holds,
        )
        self.streams = Streams(
            self._reader,
            self.pool,
            self.spawn,
            self._seen,
            listener.stream_changed,
            self._why_failed,
        )
        self.marks = Marks(store, self.forest, self.catalog, self.pool, listener, self._draw)
        self.aims = Aiming(config, self.forest, self.pool, self._keeping)
        self._sending = Sending(
            self.forest,
            self.catalog,
            store,
            self._keeping,
            self.settings,
            self.trust,
            self.pool,
            self._trouble,
        )
        self._finishes: dict[str, Finish] = {}
        self._begun: dict[str, str] = {}  # label of the prompt a session was begun with
        self._unsent: dict[str, list[str]] = {}  # prompts of runs that came to nothing
        self._unseen: set[str] = set()
        self._tasks: set[asyncio.Task[object]] = set()

    # Beginning and end

    async def start(self, *, everything: bool = False, follow: bool = True) -> None:
        """Show what is known, then scan and follow the library behind it. Without `follow` the
        scan is over when this returns."""
        await asyncio.to_thread(self._recall)
        await self.catalog.load(everything)
        if everything or not follow:
            await self.catalog.load_rest(self._listener.forest_changed)
        await self.marks.refresh()
        for session in {*self._finishes, *self._begun}:
            self._draw(session)
        self._listener.forest_changed()
        if follow:
            self.spawn(self._scan_and_follow(load_rest=not everything))
            self.spawn(self._follow_store())
        else:
            await self.catalog.scan(self._listener.forest_changed)

    async def close(self) -> None:
        """End the runs, then the tasks. Returns when nothing of ours is left."""
        await self.pool.close(CLOSE_SECONDS)
        while tasks := {task for task in self._tasks if not task.done()}:
            for task in tasks:
                if task.get_name() != "write":  # what is being stored is stored
                    task.cancel()
            await asyncio.wait(tasks)

    def spawn(self, work: Coroutine[Any, Any, object], name: str = "engine") -> None:
        """A task that `close` ends; a fault in it is said and not swallowed."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._listener.tell(f"{type(error).__name__}: {error}", trouble=True)

    def _recall(self) -> None:
        self._keeping.load()
        self._finishes = self._store.finishes()
        for session, intent in self._store.intents().items():
            if intent.owner.here and intent.owner.gone:
                finish = Finish(Ending.INTERRUPTED, "The app ended while it ran", time.time())
                with suppress(StoreError):  # it is read-only, and has said so
                    self._store.finish(session, finish.ending, finish.reason)
                self._finishes[session] = finish
            self._begun[session] = intent.label
            self.catalog.begun(intent)

    async def _follow_store(self) -> None:
        """Take in what other instances of the app store. Costs a `stat` where they did nothing."""
        while True:
            await asyncio.sleep(STORE_SECONDS)
            try:
                if not await asyncio.to_thread(self._store.refresh):
                    continue
            except StoreError as error:
                self._listener.tell(str(error), trouble=True)
                return
            await self.marks.refresh_links()
            await self.marks.refresh()
            finishes = await asyncio.to_thread(self._store.finishes)
            before, self._finishes = self._finishes, finishes
            for session in before.keys() | finishes.keys():
                if before.get(session) != finishes.get(session):
                    self._draw(session)
            self._listener.forest_changed()

    async def _scan_and_follow(self, *, load_rest: bool) -> None:
        if load_rest:
            await self.catalog.load_rest(self._listener.forest_changed)
        # Of the scope as it is by now: the person may have changed it.
        await self.catalog.scan(self._listener.forest_changed)
        self._listener.forest_changed()
        await self.catalog.follow()

    def show(self, *, everything: bool) -> None:
        """Change the scope: this folder's project, or all."""
        self.catalog.everything = everything
        self.spawn(self.catalog.scan(self._listener.forest_changed))

    def _trouble(self, text: str) -> None:
        self._listener.tell(text, trouble=True)

    # Of one session

    def label(self, session: str) -> str:
        return label(self.forest.label(session))

    def run_of(self, session: str) -> Run | None:
        return self.pool.of(session)

    async def conclusion(self, session: str, *, own: bool = False) -> Conclusion:
        """What came of a session, or of its `own` turns alone. Reads the whole transcript."""
        first = self.forest.arms(session).first
        if own and first is None:
            return Conclusion()  # a fork that has nothing of its own yet
        events = await self._reader.events(session)
        return conclusion(events, first.id if own and first else "")

    async def prompt_text(self, session: Session, turn: Turn) -> str:
        """The whole prompt of a turn; its label where the transcript cannot be read."""
        text = await self._reader.prompt(session, turn.id)
        return text or turn.label

    async def context(self, aim: Aim) -> Context | None:
        """What an aim's run has to read before its own prompt; None where nobody can tell."""
        session = self.forest.session(aim.session) if aim.session and not aim.link else None
        return await self._reader.context(session, aim.keep) if session else None

    def unsent(self, session: str) -> str:
        """The prompts of a session's last runs that came to nothing, "" where there are none."""
        return "\n\n".join(self._unsent.get(session, ()))

    def elsewhere(self, session: str) -> int | None:
        """The process in which a session is open, if it is not one of our runs."""
        pids = self.catalog.elsewhere.get(session, ())
        return next((pid for pid in pids if not self.pool.is_ours(pid)), None)

    # Runs

    async def send(self, aim: Aim, prompt: str, *, project: str | None = None) -> str | None:
        """Store what is meant, then run it. Returns the session that answers, or None when
        nothing was begun: the listener was told why, and the prompt is still the caller's.

        `project`: the fingerprint of the project's settings to load, "" for none; by default
        what the person decided for the folder, and none where they were not asked."""
        way = Way(prompt, self.settings.choice(aim.child or aim.session))
        begun = self._begin(await self._sending.prepare(aim, [way], project=project))
        return begun[0] if begun else None

    def can_have_worktrees(self, aim: Aim) -> bool:
        """Whether its folder is in a git repository. Costs a stat for each folder above it."""
        return repository(Path(aim.cwd)) is not None

    async def fan_out(self, aim: Aim, ways: Sequence[Way], *, worktrees: bool = False) -> list[str]:
        """The same for several ways at once, as one group: all are stored before the first
        starts. With `worktrees` each works in a git worktree of its own. Returns their sessions,
        none when nothing was begun."""
        group = str(uuid.uuid4())
        prepared = self._sending.prepare(aim, whole(ways), group, worktrees=worktrees)
        return self._begin(await prepared)

    def _begin(self, all_ready: Sequence[Ready]) -> list[str]:
        for ready in all_ready:
            plan, session = ready.plan, ready.plan.session
            if self.forest.session(session) is None:
                self._begun[session] = label(plan.prompt)
                self.catalog.begun(ready.intent)
            self._unsent.pop(session, None)
            self._finishes.pop(session, None)
            self.settings.used(session, plan.choice)
        for ready in all_ready:
            if ready.fault:
                self._came_to_nothing(ready)
            else:
                self.pool.start(ready.plan, ready.number)
        return [ready.plan.session for ready in all_ready]

    def _came_to_nothing(self, ready: Ready) -> None:
        """One of several could not even start: its prompt is kept as that of a run that failed."""
        session = ready.plan.session
        self._unsent[session] = [ready.plan.prompt]
        self._finishes[session] = Finish(Ending.FAILED, ready.fault, time.time())
        self._draw(session)

    def interrupt(self, session: str) -> None:
        if run := self.pool.of(session):
            self.pool.interrupt(run)

    def runs_in(self, group: str) -> list[Run]:
        """The runs of a fan-out that are under way, then those that wait."""
        return [run for run in self.pool if self.forest.group(run.plan.session) == group]

    def interrupt_group(self, group: str) -> None:
        """Interrupt all runs of a fan-out, those that wait first so that none moves up."""
        for run in reversed(self.runs_in(group)):
            self.pool.interrupt(run)

    def asks(self) -> list[tuple[Run, Ask]]:
        """The questions that wait for a person, the first asked first."""
        return [(run, ask) for run in self.pool for ask, _ in run.asks.values()]

    def answer(self, run: Run, ask: Ask, answer: Answer) -> None:
        if rules := self.settings.learn(run.plan, ask, answer):
            self.spawn(self._grant(run.plan.cwd, rules), "write")
        self.pool.answer(run, ask.id, answer)

    async def _grant(self, cwd: str, rules: Iterable[str]) -> None:
        try:
            await self.trust.grant(cwd, rules)
        except StoreError as error:
            self._listener.tell(str(error), trouble=True)

    def _run_changed(self, run: Run) -> None:
        self._draw(run.plan.session)
        self._listener.asked()
        self._listener.forest_changed()

    def _run_ended(self, run: Run) -> None:
        session, outcome = run.plan.session, run.outcome
        assert outcome is not None
        if outcome.ending is not Ending.DONE:
            self._unsent.setdefault(session, []).append(run.plan.prompt)
        elif not any(self.streams.of(session)):
            self._unseen.add(session)
        self._finishes[session] = Finish(outcome.ending, outcome.reason.text, time.time())
        began = run.since is not None
        self.spawn(self._record_end(run) if began else self.marks.write_title(session), "write")
        self._draw(session)
        self._listener.asked()
        self._listener.forest_changed()
        self._listener.ended(run)

    async def _record_end(self, run: Run) -> None:
        session, outcome = run.plan.session, run.outcome
        assert outcome is not None
        try:
            await asyncio.to_thread(
                self._store.finish, session, outcome.ending, outcome.reason.text
            )
        except StoreError as error:
            self._listener.tell(str(error), trouble=True)
        await self.catalog.refresh(session)
        await self.marks.write_title(session)
        await self._keep(session)
        self._draw(session)
        self._listener.forest_changed()

    async def keep(self, session: str, keep: bool) -> None:
        """Keep a copy of a session for good, or let it give way."""
        if await self.marks.set(session, keep=keep) and keep:
            await self._keep(session)

    async def _keep(self, id: str) -> None:
        """Bring the archive's copy of a session up to date."""
        session = self.forest.session(id)
        if session is None or not session.path or session.presence is Presence.GONE:
            return
        if words := await asyncio.to_thread(self._keeping.keep, session, self.marks.kept()):
            self._listener.tell(words, trouble=True)

    def _draw(self, session: str) -> None:
        run = self.pool.of(session)
        self.forest.overlay(
            session,
            overlay(
                run,
                self._finishes.get(session),
                self.marks.of(session),
                number=run.number if run else 0,
                unseen=session in self._unseen,
                elsewhere=self.elsewhere(session) is not None,
                begun=self._begun.get(session, ""),
            ),
        )

    # The streams

    def _why_failed(self, id: str) -> str:
        """Of a session whose first run failed before Claude Code wrote a line."""
        session, finish = self.forest.session(id), self._finishes.get(id)
        if session is None or session.presence is not Presence.NEW or finish is None:
            return ""
        return finish.reason if finish.ending is Ending.FAILED else ""

    def _seen(self, session: str) -> None:
        if session in self._unseen:
            self._unseen.discard(session)
            self._draw(session)
            self._listener.forest_changed()

    def _files_changed(self, sessions: Iterable[str]) -> None:
        """Transcripts changed on disk: ours follow their run, others are read on."""
        for session in sessions:
            self._draw(session)
            if self.pool.of(session) is None:
                self.streams.read_on(session)
            if self.marks.of(session).keep and self.pool.of(session) is None:
                self.spawn(self._keep(session), "write")
        self._listener.forest_changed()

    # The view

    def view(self) -> dict[str, Any]:
        return self._store.view()

    def keep_view(self, **values: Any) -> None:
        """Remember small facts of the screen; nothing is lost when it cannot be stored."""

        def put() -> None:
            if not self._store.read_only:
                self._store.set_view(**values)

        self.spawn(asyncio.to_thread(put), "write")
