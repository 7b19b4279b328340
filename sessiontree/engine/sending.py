"""From an aim and its prompts to runs that can start: all that is meant is stored before."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sessiontree.claude.offline_fork import ForkError, fork_offline
from sessiontree.engine import aim as aims
from sessiontree.engine.aim import Aim
from sessiontree.engine.catalog import Catalog
from sessiontree.engine.keeping import Keeping
from sessiontree.engine.runs import RunPool
from sessiontree.engine.settings import Settings
from sessiontree.engine.trusting import Trusting
from sessiontree.model.fanout import Way, apart
from sessiontree.model.forest import Forest
from sessiontree.model.run import Ending, Plan, Verb
from sessiontree.model.session import Evidence, Link, Presence, Session, worktree
from sessiontree.model.text import label
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError
from sessiontree.store.records import Intent

OTHER_SETTINGS = (
    "The last commit has other settings or instructions than the folder has now, and so have its "
    "worktrees: the runs go without them."
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A run that was stored and can start; `number` is that of its turn in the session. With a
    `fault` it came to nothing before that."""

    plan: Plan
    intent: Intent
    link: Link | None
    number: int
    fault: str = ""


class Sending:
    """`tell` says to a person why nothing was begun."""

    def __init__(
        self,
        forest: Forest,
        catalog: Catalog,
        store: Store,
        keeping: Keeping,
        settings: Settings,
        trust: Trusting,
        pool: RunPool,
        tell: Callable[[str], None],
    ) -> None:
        self._forest = forest
        self._catalog = catalog
        self._store = store
        self._keeping = keeping
        self._settings = settings
        self._trust = trust
        self._pool = pool
        self._tell = tell

    async def prepare(
        self,
        aim: Aim,
        ways: Sequence[Way],
        group: str = "",
        project: str | None = None,
        *,
        worktrees: bool = False,
    ) -> list[Ready]:
        """Store the runs of an aim, one for each way, in one transaction. Returns none when
        nothing was begun: why was told, and the prompts are still the caller's.

        `project`: the fingerprint of the project's settings to load; by default what the person
        decided for the folder. `worktrees`: each gets a git worktree of its own, and so does a way
        that is begun again where the others of its fan-out have one."""
        parent = self._forest.session(aim.session) if aim.session else None
        gone = parent and parent.presence is Presence.GONE and aim.verb is not Verb.NEW
        if parent and gone and not await self._bring_back(parent):
            return []
        if len(ways) > 1 and aim.verb is Verb.FORK and aim.keep is None and parent:
            # Those that wait in the queue leave where the first did, whatever is added meanwhile.
            aim = replace(aim, keep=parent.line[-1].id)
        if aim.child and not group:
            worktrees = self._have_worktrees(self._forest.group(aim.child))
        if project is None:
            trust = await self._trust.look(aim.cwd)
            project = trust.loads
            if worktrees and project and not await self._trust.is_as_committed(trust):
                self._tell(OTHER_SETTINGS)
                project = ""
        aims_at, words = [aim], [""]
        if group:  # the tree shows its members in the order of their ids
            ids = sorted(str(uuid.uuid4()) for _ in ways)
            aims_at, words = [replace(aim, child=id) for id in ids], apart(ways)
        made = [
            self._meant(at, way, parent, group, told, project, worktrees)
            for at, way, told in zip(aims_at, ways, words, strict=True)
        ]
        try:
            await asyncio.to_thread(
                self._store.begin,
                *(ready.intent for ready in made),
                links=[ready.link for ready in made if ready.link is not None],
            )
        except StoreError as error:
            self._tell(str(error))
            return []
        for ready in made:
            if ready.link is not None:
                self._catalog.made(ready.link)
        made = [await self._copied(ready, aim, parent) for ready in made]
        for fault in {ready.fault: None for ready in made if ready.fault}:
            self._tell(fault)
        return [] if all(ready.fault for ready in made) else made

    def _meant(
        self,
        aim: Aim,
        way: Way,
        parent: Session | None,
        group: str,
        told: str,
        project: str,
        worktrees: bool,
    ) -> Ready:
        granted = self._settings.grants(
            aim.session if aim.verb is Verb.CONTINUE else aim.child, aim.cwd
        )
        spent = self._catalog.spent(parent.id) if parent and aim.verb is not Verb.NEW else 0.0
        plan, link = aims.plan(aim, way.prompt, parent, way.choice, granted, spent)
        plan = replace(plan, project=project)
        if group:
            root = Link(plan.session, None, evidence=Evidence.MADE)
            link = replace(link or root, group=group, way=told)
        elif link is not None and (before := self._forest.link(link.child)) is not None:
            link = replace(link, group=before.group, way=before.way)  # it is begun again
        if worktrees:
            plan = replace(plan, worktree=_worktree_name(plan))
        intent = Intent(
            plan.session,
            plan.verb,
            plan.cwd,
            plan.parent,
            plan.at,
            way.choice.mode.value,
            way.choice.model,
            label(way.prompt),
        )
        number = 1
        if plan.parent and (of := self._forest.session(plan.parent)):
            number = aims.turn_number(plan, of, self._pool.coming(plan.session))
        return Ready(plan, intent, link, number)

    def _have_worktrees(self, group: str) -> bool:
        """Whether the others of a fan-out got worktrees. Linear in all sessions."""
        others = (
            self._forest.session(id) for id in self._forest if self._forest.group(id) == group
        )
        return bool(group) and any(worktree(one.cwd) for one in others if one)

    async def _bring_back(self, session: Session) -> bool:
        """Whether a gone session is there again, from the archive."""
        try:
            await asyncio.to_thread(self._keeping.bring_back, session)
        except (StoreError, OSError) as error:
            self._tell(f"The session could not be brought back: {error}")
            return False
        await self._catalog.refresh(session.id)
        return True

    async def _copied(self, ready: Ready, aim: Aim, parent: Session | None) -> Ready:
        """Claude Code cannot start at a turn that a compaction hid, nor on an arm that was left
        (seen on 2.1.330). A fork from there is copied first and then continued."""
        kept = next((t for t in parent.turns if t.id == aim.keep), None) if parent else None
        if kept is None or parent is None or (kept.live and not kept.hidden):
            return ready
        plan = ready.plan
        try:
            await asyncio.to_thread(
                fork_offline, Path(parent.path), turn=kept.id, child=plan.session
            )
        except ForkError as error:
            await asyncio.to_thread(self._store.finish, plan.session, Ending.FAILED, str(error))
            return replace(ready, fault=str(error))
        copied = replace(plan, verb=Verb.CONTINUE, parent=plan.session, at=None, spent=0.0)
        return replace(ready, plan=copied)


def _worktree_name(plan: Plan) -> str:
    """It says which way it is, without a word of the prompt: others see it."""
    about = re.sub(r"[^a-z0-9]+", "-", (plan.choice.model or plan.choice.effort).lower())
    return f"{about.strip('-')[:30] or 'way'}-{plan.session[:6]}"
