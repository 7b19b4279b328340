"""Asks whether a project's own settings are loaded, before the first run in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sessiontree.model.trust import Standing, Trust
from sessiontree.store.errors import StoreError
from sessiontree.ui.dialogs.trust import TrustDialog
from sessiontree.ui.main.base import MainBase
from sessiontree.ui.main.top_bar import shown_folder


class Trusting(MainBase):
    _looked_at = ""  # the folder of the aim, once it is known how it stands

    def look_again(self) -> None:
        """Before the next frame: its files may be others now."""
        self._looked_at = ""
        self.draw()

    def _draw(self) -> None:
        super()._draw()
        cwd = self.aiming.aim().cwd
        if cwd != self._looked_at:
            self._looked_at = cwd
            self.engine.spawn(self._look(cwd))
        self.composer.project = words(self.engine.trust.known(cwd))

    async def _look(self, cwd: str) -> None:
        before = self.engine.trust.known(cwd)
        if await self.engine.trust.look(cwd) != before:
            self.draw()

    async def is_decided(self, cwd: str) -> bool:
        """Whether a run in `cwd` may start: nothing is to be asked about its project, or the
        person answered. False when they left the question."""
        trust = await self.engine.trust.look(cwd)
        while trust.to_ask:  # again where the files changed while the question was open
            load = await self._ask(cwd, trust, sending=True)
            if load is None:
                return False
            trust = await self._decide(cwd, trust, load)
        self.draw()
        return True

    async def review(self, cwd: str, *, load: bool) -> None:
        """Change the decision: to load a project's settings only after seeing them."""
        trust = await self.engine.trust.look(cwd)
        answer = await self._ask(cwd, trust, sending=False) if load else False
        if answer is not None and trust.standing is not Standing.NOTHING:
            await self._decide(cwd, trust, answer)
        self.draw()

    async def _ask(self, cwd: str, trust: Trust, *, sending: bool) -> bool | None:
        answered: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        dialog = TrustDialog(trust, shown_folder(Path(cwd)), sending=sending)
        await self.app.push_screen(dialog, answered.set_result)
        return await answered

    async def _decide(self, cwd: str, trust: Trust, load: bool) -> Trust:
        try:
            await self.engine.trust.decide(trust, load=load)
        except StoreError as error:
            self.app.say(f"{error} Your decision holds until the app ends.", trouble=True)
        return await self.engine.trust.look(cwd)


def words(trust: Trust | None) -> str:
    """What a run takes from its project, "" where there is nothing to take."""
    if trust is None or trust.standing is Standing.NOTHING:
        return ""
    if trust.survey.only_tells:
        return "CLAUDE.md read" if trust.loads else "CLAUDE.md not read"
    return f"project settings {'on' if trust.loads else 'off'}"
