"""Keeps the forest true to what is on disk and to what is stored.

Scans run in a thread and hand over plain data; the forest is only touched in the event loop.
Costs: a scan is a stat for each transcript and the reading of those that changed; a change seen
while following is the reading of that one file.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from sessiontree.claude.index import Index
from sessiontree.claude.library import Library, Progress
from sessiontree.claude.lineage import Changes, Lineage
from sessiontree.claude.projects import of_project, project_key
from sessiontree.config import Config
from sessiontree.model.amounts import size
from sessiontree.model.forest import Forest
from sessiontree.model.order import Scope
from sessiontree.model.session import Evidence, Link, Presence, Session
from sessiontree.store.database import Store
from sessiontree.store.records import Intent

ELSEWHERE_SECONDS = 2.0
"""How often it is looked whether another process has a session open."""


class Catalog:
    """`on_change` gets the ids of sessions whose transcripts changed or that were opened or left
    by another process. `progress`: a word on a scan that is under way, "" when none is."""

    def __init__(
        self,
        config: Config,
        store: Store,
        forest: Forest,
        on_change: Callable[[Iterable[str]], None],
    ) -> None:
        self.cwd = config.project
        self._key = project_key(config.project)
        self.everything = False
        self.progress = ""
        self.scanned = False
        """Whether everything in scope was looked at once."""
        self.elsewhere: dict[str, list[int]] = {}
        self._claude = config.claude
        self._root = config.projects
        self._store = store
        self._forest = forest
        self._on_change = on_change
        self._index = Index(config.index)
        self._library = Library(config.projects)
        self._lineage = Lineage()
        self._reading = asyncio.Lock()  # the library is for one thread at a time
        self._all: set[str] = set()
        self._here: set[str] = set()  # those of the project in `cwd`
        self._is_here: dict[tuple[str, str], bool] = {}  # by project and folder of a session
        self._today: dict[str, float] = {}  # session → what its turns of today cost
        self._day = date.today()

    @property
    def count(self) -> int:
        """Sessions in what is shown. Constant time: it is asked in every frame."""
        return len(self.in_scope)

    @property
    def in_scope(self) -> AbstractSet[str]:
        """The sessions in what is shown; read it, do not keep it."""
        return self._all if self.everything else self._here

    @property
    def scope(self) -> Scope | None:
        """What tells the sessions that are shown from the others; None for all."""
        return None if self.everything else self._belongs_here

    def cost_today(self) -> float:
        """US dollars that the turns begun today cost, as far as transcripts tell."""
        return sum(self._today.values())

    def spent(self, session: str) -> float | None:
        """What Claude Code's counter of costs stands at for a session: a run counts on from it.
        None where no transcript says so."""
        return self._lineage.counted(session)

    # Reading

    async def load(self, everything: bool) -> None:
        """What is known of the project in `cwd` without reading a transcript: the store's links,
        and what earlier scans found. `load_rest` has to follow."""
        self.everything = everything

        def recall() -> tuple[Lineage, Changes]:
            known = self._library.remember(self._index.load_project(self._key))
            lineage = Lineage(self._store.links())
            return lineage, lineage.update(known)

        async with self._reading:
            self._lineage, changes = await asyncio.to_thread(recall)
        for link in self._lineage.links.values():
            self._forest.put_link(link)
        self._apply(changes)

    async def load_rest(self, changed: Callable[[], None]) -> None:
        """What is known of the other projects. The tree of this one need not wait for it."""
        async with self._reading:
            projects = self._index.load_each(but=self._key)
            while (rest := await asyncio.to_thread(next, projects, None)) is not None:
                known = self._library.remember(rest)
                self._apply(await asyncio.to_thread(self._lineage.update, known))
            changed()

    async def load_project(self, project: str) -> None:
        """What is known of another project (the name of its folder)."""
        async with self._reading:
            known = await asyncio.to_thread(self._index.load_project, project)
            self._apply(self._lineage.update(self._library.remember(known)))

    async def scan(self, changed: Callable[[], None]) -> set[str]:
        """Bring what is in scope up to date, in steps that the screen can follow. Returns the
        sessions whose transcripts were other than they were known, or gone."""
        found: set[str] = set()
        problems: list[str] = []
        async with self._reading:
            steps = self._library.scan(None if self.everything else self.cwd)
            while (step := await asyncio.to_thread(next, steps, None)) is not None:
                self._apply(self._lineage.update(step.changed, step.removed))
                found.update(scanned.session.id for scanned in step.changed)
                problems += step.problems
                self.progress = " ".join(problems) or _left(step)
                changed()
            await asyncio.to_thread(self._library.save, self._index)
            await self._look_elsewhere()
        self.scanned = True
        changed()
        return found

    async def refresh(self, session: str) -> None:
        """Read one session's transcript again, wherever it is."""
        known = self._forest.session(session)
        if known is None:
            return
        if known.path:
            path: Path | None = Path(known.path)
        else:  # begun here, maybe in a worktree, or brought back
            path = await asyncio.to_thread(self._library.find, session)
        if path is not None:
            await self._read([path])

    async def follow(self) -> None:
        """Read what changes, as it changes. Ends only by being cancelled."""
        from sessiontree.claude.follow import follow  # watching takes more than looking

        watching = asyncio.create_task(self._watch_processes(), name="other processes")
        try:
            async for paths in follow(self._root):
                if paths:
                    await self._read(paths if self.everything else self._in_scope(paths))
                else:
                    self._on_change(await self.scan(lambda: self._on_change(())))
        finally:
            watching.cancel()

    def _in_scope(self, paths: Iterable[Path]) -> list[Path]:
        return [path for path in paths if path.parent.name.startswith(self._key)]

    async def _read(self, paths: Iterable[Path]) -> None:
        def read() -> list[Progress]:
            return [self._library.scan_file(path) for path in paths]

        async with self._reading:
            steps = await asyncio.to_thread(read)
            ids: set[str] = set()
            for step in steps:
                self._apply(self._lineage.update(step.changed, step.removed))
                ids.update(scanned.session.id for scanned in step.changed)
                ids.update(step.removed)
        if ids:
            self._on_change(ids)

    async def _watch_processes(self) -> None:
        while True:
            await asyncio.sleep(ELSEWHERE_SECONDS)
            await self._look_elsewhere()

    async def _look_elsewhere(self) -> None:
        from sessiontree.claude.follow import open_elsewhere

        before = self.elsewhere
        self.elsewhere = await asyncio.to_thread(open_elsewhere, self._claude)
        ids = before.keys() | self.elsewhere.keys()
        if other := [id for id in ids if before.get(id) != self.elsewhere.get(id)]:
            self._on_change(other)

    # What follows from it

    def _apply(self, changes: Changes) -> None:
        for link in changes.links.values():
            self._forest.put_link(link)
        for session in changes.sessions.values():
            self._put(session)
            self._count_today(session)
        for id in changes.gone - changes.sessions.keys():
            known = self._forest.session(id)
            if known is not None and known.presence is not Presence.NEW:
                self._put(replace(known, presence=Presence.GONE, path=""))

    def _put(self, session: Session) -> None:
        self._forest.put(session)
        self._all.add(session.id)
        if self._belongs_here(session):
            self._here.add(session.id)

    def _belongs_here(self, session: Session) -> bool:
        """Whether it is one of the project in `cwd`. Where a folder really is, is looked up once
        for all of its sessions."""
        if not session.project.startswith(self._key):
            return False
        place = session.project, session.cwd
        if place not in self._is_here:
            self._is_here[place] = of_project(session, self.cwd)
        return self._is_here[place]

    def _count_today(self, session: Session) -> None:
        today = date.today()
        if today != self._day:
            self._day = today
            self._today.clear()
        midnight = datetime.combine(today, datetime.min.time()).timestamp()
        untouched = session.updated is not None and session.updated < midnight
        own = () if untouched else self._forest.own_turns(session.id)
        cost = sum(
            turn.cost_usd or 0.0 for turn in own if turn.started and turn.started >= midnight
        )
        if cost:
            self._today[session.id] = cost
        else:
            self._today.pop(session.id, None)

    def made(self, link: Link) -> None:
        """A link was stored: it is known now and never guessed again."""
        self._relink({link.child: link})

    def stored(self, links: Mapping[str, Link]) -> None:
        """All links as they were stored a moment ago. What the transcripts tell holds again
        where a person took back what was said; what was made here is never forgotten, it may
        have been stored since."""
        before = self._lineage.stored
        changed: dict[str, Link | None] = {
            id: link for id, link in links.items() if before.get(id) != link
        }
        for id, link in before.items():
            if id not in links and link.evidence is Evidence.MANUAL:
                changed[id] = None
        self._relink(changed)

    def _relink(self, changed: Mapping[str, Link | None]) -> None:
        self._apply(self._lineage.update(stored=changed))
        for child, link in changed.items():
            self._forest.put_link(link or self._lineage.links.get(child) or Link(child, None))

    def begun(self, intent: Intent) -> None:
        """A session was begun here of which there may be no transcript yet."""
        if self._forest.session(intent.session) is not None:
            return
        started = intent.started or time.time()
        self._put(
            Session(
                id=intent.session,
                project=project_key(intent.cwd),
                cwd=intent.cwd,
                path="",
                created=started,
                updated=started,
                presence=Presence.NEW,
            )
        )


def _left(step: Progress) -> str:
    """What is still to be read, in words; "" where nothing is."""
    left = step.total - step.done
    return f"reading {left:,} more, {size(step.size)}" if left else ""
