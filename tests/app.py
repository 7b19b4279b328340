"""The app under a pilot, with the real Claude Code behind it: what tests of the screen share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from sessiontree.config import Config
from sessiontree.engine.engine import Engine
from sessiontree.model.event import Prompt, Text
from sessiontree.model.forest import Forest
from sessiontree.ui.app import SessionTree
from sessiontree.ui.main.screen import MainScreen
from tests.api import ClaudePlace


def config_of(place: ClaudePlace, **more: Any) -> Config:
    home = place.cwd.parent / "home"
    return Config(home, place.config_dir, place.cwd, env=place.env, **more)


@dataclass
class Hands:
    """A person at the app. Waiting is for what should be seen, never for time."""

    app: SessionTree
    pilot: Pilot[None]

    @property
    def main(self) -> MainScreen:
        assert self.app.main is not None
        return self.app.main

    @property
    def engine(self) -> Engine:
        return self.main.engine

    @property
    def forest(self) -> Forest:
        return self.engine.forest

    @property
    def selected(self) -> tuple[str, str | None]:
        return self.main.tree_view.selected

    @property
    def aim(self) -> str:
        aim = self.main.composer.aim
        return aim.refusal or aim.words if aim else ""

    @property
    def said(self) -> list[str]:
        """What passing words were shown."""
        return [notification.message for notification in self.app._notifications]

    async def until(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        async with asyncio.timeout(seconds):
            while not (found := condition()):
                await self.pilot.pause(0.02)
        await self.pilot.pause()
        return found

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settled()

    async def settled(self) -> None:
        """Until what was done is drawn."""
        await self.until(lambda: self.main._frame is None and self.main._opening is None)

    async def type(self, text: str) -> None:
        """Put a text in the composer, which has the focus."""
        assert self.main.composer.area.has_focus
        self.main.composer.area.insert(text)
        await self.pilot.pause()

    async def send(self, text: str) -> None:
        await self.type(text)
        await self.press("enter")

    async def idle(self) -> None:
        """Until no run is left, none is about to begin, and the tree has what they wrote."""
        await self.until(lambda: not self._is_sending)
        await self.until(lambda: not list(self.engine.pool))
        await self.until(lambda: not self.engine._store.intents())
        await self.settled()

    @property
    def _is_sending(self) -> bool:
        """Whether what was sent is still being stored, before its run begins."""
        return any("_begin" in str(task.get_coro()) for task in self.engine._tasks)

    async def new(self, *prompts: str) -> str:
        """A session with these turns, typed and answered one after the other."""
        await self.press("n")
        for prompt in prompts:
            self.main.composer.area.focus()
            await self.send(prompt)
            await self.until(lambda: self.main.composer.text == "")
            await self.until(
                lambda prompt=prompt: any(  # type: ignore[misc]
                    turn.label == prompt
                    for id in self.forest
                    if (session := self.forest.session(id))
                    for turn in session.line
                )
            )
            await self.idle()
        await self.press("escape")
        return self.selected[0]

    def stream(self) -> list[str]:
        """The prompts and answers on the stream, in order."""
        events = self.engine.streams.opened.feed.events if self.engine.streams.opened else []
        return [event.text for event in events if isinstance(event, Prompt | Text)]

    def rows(self) -> list[tuple[str, str]]:
        """The rows of the tree, from the top: session and turn."""
        return [(row.key.session, row.key.turn) for row in self.main.tree_view.rows.list]

    def focused(self) -> Widget | None:
        return self.app.focused


@asynccontextmanager
async def hands_on(
    config: Config, size: tuple[int, int] = (140, 45), **more: Any
) -> AsyncIterator[Hands]:
    app = SessionTree(config, **more)
    async with app.run_test(size=size, notifications=True) as pilot:
        hands = Hands(app, pilot)
        await hands.until(lambda: app.main is not None and app.main.is_mounted)
        await hands.until(lambda: hands.engine.catalog.scanned)
        await hands.settled()
        yield hands
        if app._ending is None:
            await hands.engine.close()


def transcripts(place: ClaudePlace) -> list[Path]:
    return sorted(place.config_dir.glob("projects/*/*.jsonl"))
