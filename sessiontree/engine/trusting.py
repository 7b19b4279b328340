"""Whether a project's own settings are loaded: what a folder carries, and what a person decided.

A folder stands as its files are now: a decision holds only for the fingerprint it was made on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sessiontree.claude.trust import survey
from sessiontree.claude.worktrees import are_as_committed
from sessiontree.config import Config
from sessiontree.model.run import Plan
from sessiontree.model.trust import Standing, Survey, Trust
from sessiontree.store.database import Store
from sessiontree.store.records import Decision


class Trusting:
    def __init__(self, config: Config, store: Store) -> None:
        self._own = config.claude
        self._store = store
        self._decided: dict[str, Decision] = {}  # here, also where the store could not take it
        self._known: dict[str, Trust] = {}

    def known(self, cwd: str) -> Trust | None:
        """How `cwd` stood when it was last looked at; None when it never was."""
        return self._known.get(cwd)

    async def look(self, cwd: str) -> Trust:
        """How `cwd` stands now. Reads what the folder carries, in a thread."""
        self._known[cwd] = trust = await asyncio.to_thread(self._look, cwd)
        return trust

    async def decide(self, trust: Trust, *, load: bool) -> None:
        """Keep what the person decided on seeing `trust`. Where it cannot be stored it holds
        until the app ends, and `StoreError` is raised."""
        seen = trust.survey
        load = load and not seen.faults
        before = self._decision(seen.folder) or Decision()
        decision = Decision(seen.fingerprint, load, seen.files, before.granted)
        await self._keep(seen.folder, decision)

    async def grant(self, cwd: str, rules: Iterable[str]) -> None:
        """The person allowed these for good in `cwd`, and Claude Code writes them into its local
        settings: that change is the person's own. Raises `StoreError`."""
        folder = await asyncio.to_thread(os.path.realpath, cwd)
        before = self._decision(folder) or Decision()
        granted = tuple(dict.fromkeys([*before.granted, *rules]))
        await self._keep(folder, replace(before, granted=granted))

    async def holds(self, plan: Plan) -> bool:
        """Whether what a run may load of its project is still what the person saw."""
        return not plan.project or (await self.look(plan.cwd)).survey.fingerprint == plan.project

    async def is_as_committed(self, seen: Trust) -> bool:
        """Whether a worktree, which begins at the last commit, has the settings that were seen."""
        survey = seen.survey
        return await asyncio.to_thread(are_as_committed, Path(survey.folder), survey.files)

    def _look(self, cwd: str) -> Trust:
        folder = os.path.realpath(cwd)
        decision = self._decision(folder)
        seen = survey(Path(folder), self._own, decision.granted if decision else ())
        return _standing(seen, decision)

    def _decision(self, folder: str) -> Decision | None:
        return self._decided.get(folder) or self._store.decision(folder)

    async def _keep(self, folder: str, decision: Decision) -> None:
        self._decided[folder] = decision
        await asyncio.to_thread(self._store.decide, folder, decision)
        del self._decided[folder]  # the store has it now, and may learn better elsewhere


def _standing(seen: Survey, decision: Decision | None) -> Trust:
    if not seen.carries:
        return Trust(seen, Standing.NOTHING)
    if decision is None or not decision.fingerprint:
        return Trust(seen, Standing.UNASKED)
    if decision.fingerprint == seen.fingerprint:
        is_trusted = decision.load and not seen.faults
        return Trust(seen, Standing.TRUSTED if is_trusted else Standing.OWN)
    before = decision.files
    changed = [
        path for path in {**before, **seen.files} if before.get(path) != seen.files.get(path)
    ]
    return Trust(seen, Standing.CHANGED, tuple(sorted(changed)))
