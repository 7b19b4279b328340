"""Draws `screenshots/` from the demo: the real app, the real Claude Code, the scripted model.

python -m tests.screenshots
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from sessiontree.commands.demo import recall
from sessiontree.config import Config
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.place import prepare
from sessiontree.demo.scenes import SUGGESTIONS, script, ways
from sessiontree.model.event import Text, Thinking
from sessiontree.model.run import Allow
from sessiontree.ui.app import SessionTree
from sessiontree.ui.compare import CompareScreen
from sessiontree.ui.dialogs.fanout import FanOutDialog

FOLDER = Path(__file__).parent.parent / "screenshots"
SIZE = (140, 42)
HOME = "/home/you"
PATIENCE_SECONDS = 60


async def until(pilot: Pilot[None], condition: Callable[[], object], *, drawn: bool = True) -> None:
    """Let the app go on until something is the case, and is drawn."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await pilot.pause(0.05)
    if drawn:
        await pilot.pause(0.1)


def at_home(svg: str, folder: str) -> str:
    """`svg` as if the temporary `folder` had been a home: tools are given whole paths."""

    def renamed(text: re.Match[str]) -> str:
        cells, words = float(text[2]), text[4]
        count = len(html.unescape(words))
        words = words.replace(folder, HOME)
        return f"{text[1]}{cells * len(html.unescape(words)) / count:g}{text[3]}{words}<"

    return re.sub(r'(textLength=")([\d.]+)("[^>]*>)([^<]+)<', renamed, svg)


async def draw(app: SessionTree, pilot: Pilot[None]) -> None:
    def save(name: str) -> None:
        drawn = Path(app.save_screenshot(f"{name}.svg", path=str(FOLDER)))
        drawn.write_text(at_home(drawn.read_text("utf-8"), os.environ["HOME"]), "utf-8")
        print(f"screenshots/{name}.svg")

    await until(pilot, lambda: app.main and app.main.tree_view.selected[0])
    main = app.main
    assert main is not None
    engine, tree = main.engine, main.tree_view
    await until(pilot, lambda: engine.streams.opened and not engine.streams.opened.loading)
    await pilot.press("l", "j", "j", "l")
    root = tree.rows.list[0].session
    tree.select(root, engine.forest.session(root).line[1].id)  # type: ignore[union-attr]
    main.composer.put(ways.DROP)
    await pilot.press("F")
    await until(pilot, lambda: isinstance(app.screen, FanOutDialog))
    await pilot.pause(0.5)
    save("fanout")
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.runs_in(main.selected_group)) == 3)
    await until(pilot, lambda: not list(engine.pool))
    await pilot.press("=")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.is_settled)
    save("compare")
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is main)
    tree.select(root, engine.forest.session(root).line[1].id)  # type: ignore[union-attr]
    await pilot.press("f")
    main.composer.put("Try a leaky bucket instead")
    await pilot.pause(0.5)
    save("fork")

    await pilot.press("enter")
    await until(pilot, lambda: list(engine.pool))
    tree.select(root)
    await pilot.press("escape", "c")
    main.composer.put(SUGGESTIONS[0].prompt)
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.asks()) == 2)  # nothing is half typed then
    await pilot.pause(0.5)
    save("permission")
    await pilot.press("l")  # leave it waiting: it is answered below
    main.composer.area.insert(" ")  # who types is not interrupted by the next one

    def typing() -> bool:
        for run, ask in engine.asks():
            engine.answer(run, ask, Allow())
        events = engine.streams.opened.feed.events if engine.streams.opened else []
        last = events[-1] if events else None
        return (
            isinstance(last, Text | Thinking)
            and not last.done
            and len(last.text) > 30
            and not app.screen.is_modal
        )

    run, _ = engine.asks()[0]
    tree.select(run.plan.session)
    await until(
        pilot, lambda: engine.streams.opened and engine.streams.opened.session == run.plan.session
    )
    await until(pilot, typing, drawn=False)  # a question may come in the next moment
    save("tree")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="limiter-") as folder:
        os.environ["HOME"] = folder  # paths are shown from there
        place = prepare(Path(folder) / "notes", time.time())
        recall(place)
        os.environ["CLAUDE_CONFIG_DIR"] = str(place.claude)
        with MessagesApi(script(place.workspace), pace=0.02) as api:
            config = Config(
                home=place.home,
                claude=place.claude,
                cwd=place.workspace,
                env=place.env(api.url),
                demo=True,
            )
            app = SessionTree(config)
            async with app.run_test(size=SIZE) as pilot:
                await draw(app, pilot)


if __name__ == "__main__":
    asyncio.run(main())
