"""Comparing two sessions of 5,000 events each, from `=` to the whole of both on the screen.

    python -m tests.bench.compare

The real app on transcripts as Claude Code writes them; wall-clock time, the median of several, and
of keys CPU time. GC is out of the way, as the app has it."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from sessiontree.config import Config
from sessiontree.engine.opened import Opened
from sessiontree.model.comparison import Side
from sessiontree.model.word_diff import differences
from sessiontree.ui.compare.screen import CompareScreen
from tests.app import Hands, hands_on
from tests.bench.stream import REPLY, cost, without_gc
from tests.forest_maker import Maker

SIZE = (160, 45)
EVENTS = 5_000
TIMES = 7
GOAL_MS = 300


def pair(folder: Path, turns: int, calls: int) -> tuple[Config, list[Side], int]:
    """A session and a fork that left it at its first turn, of so many turns with so many calls
    each; the bytes of both."""
    folder.mkdir()
    maker = Maker(folder / "claude" / "projects", str(folder / "work"), bulk=2_000)
    (folder / "work").mkdir()
    root = maker.new()
    first = maker.turn(root, "Begin")
    fork = maker.fork(root, first)
    for session, name in ((root, "one"), (fork, "other")):
        for number in range(turns):
            maker.turn(session, f"Step {number} of {name}: {REPLY}", tools=calls)
    maker.write()
    size = sum(maker.path(one).stat().st_size for one in (root, fork))
    config = Config(folder / "home", folder / "claude", folder / "work")
    return config, [Side(root.id), Side(fork.id)], size


async def mark(hands: Hands, sides: list[Side], is_read: bool) -> None:
    """Marks the sides anew, and waits until they are read ahead; or as if they never were."""
    hands.main.tree_view.clear_marks()
    for side in sides:
        assert hands.main.tree_view.select(side.session)
        await hands.press("space")
    streams = hands.engine.streams
    assert len(streams.ahead) == len(sides)
    await hands.until(lambda: all(one.whole for one in [*streams, *streams.ahead.values()]))
    if not is_read:
        streams.read_ahead(())


async def opened(hands: Hands) -> CompareScreen:
    """Presses `=` and waits until both sides are read and drawn: nothing there is to change."""
    hands.app.simulate_key("equals_sign")
    while (screen := hands.main.comparing) is None or not screen.is_settled:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    painted = asyncio.Event()
    screen.view.call_after_refresh(painted.set)
    await painted.wait()
    return screen


async def measured(folder: Path, turns: int, calls: int) -> dict[str, float]:
    config, sides, size = pair(folder, turns, calls)
    found = {"megabytes": size / 1e6}
    async with hands_on(config, size=SIZE) as hands:
        for name, is_read in (("open", True), ("unread", False)):
            times, works = [], []
            for _ in range(TIMES):
                await mark(hands, sides, is_read)
                with without_gc():
                    start, work = time.perf_counter(), time.process_time()
                    screen = await opened(hands)
                    times.append((time.perf_counter() - start) * 1000)
                    works.append((time.process_time() - work) * 1000)
                screen.dismiss(None)
                await hands.until(lambda: hands.app.screen is hands.main)
            found[name], found[f"{name} work"] = statistics.median(times), statistics.median(works)
        view = (await opened(hands)).view
        lines = hands.engine.streams.beside
        found["made"] = sum(map(_made, lines))
        await hands.until(lambda: view.viewport.is_measured)
        found["events"] = min(map(_made, lines))
        found["row"] = await cost(hands.pilot, [partial(view.action_scroll, 1)] * 20)
        found["page"] = await cost(hands.pilot, [partial(view.action_page, 1)] * 20)
        found["far"] = await cost(
            hands.pilot, [view.action_scroll_end, view.action_scroll_home] * 4
        )
        found["difference"] = await cost(hands.pilot, [partial(view.action_difference, 1)] * 3)
    return found


def _made(line: Opened) -> int:
    """How many events there are of a side so far."""
    return len(line.feed.events) + sum(len(t) for t in line.unmade.values() if t.is_made)


def words() -> float:
    """Milliseconds for two long answers of which every tenth word differs."""
    chance = random.Random(1)
    one = [f"word{min(int(chance.paretovariate(1)), 2_000)}" for _ in range(4_000)]
    other = [f"other{n}" if n % 10 == 0 else word for n, word in enumerate(one)]
    start = time.perf_counter()
    differences(" ".join(one), " ".join(other))
    return (time.perf_counter() - start) * 1000


def table() -> list[str]:
    """Markdown lines."""
    with tempfile.TemporaryDirectory() as folder:
        many = asyncio.run(measured(Path(folder) / "many", EVENTS // 5, 3))
        few = asyncio.run(measured(Path(folder) / "few", 10, EVENTS // 10 - 2))

    def row(what: str, goal: str, key: str) -> str:
        return f"| {what} | {goal} | {many[key]:,.1f} | {few[key]:,.1f} |"

    return [
        f"| comparing two sessions of {EVENTS:,} events, ms | goal | {EVENTS // 5:,} turns of 5 "
        "| 10 turns of 500 |",
        "| --- | --- | --- | --- |",
        row("events of each", "", "events"),
        row("both transcripts, MB", "", "megabytes"),
        row(
            "once they are marked, or their row is selected: from `=` to both compared and painted",
            str(GOAL_MS),
            "open",
        ),
        row("the same, CPU", "", "open work"),
        row("pressed before anything was read: to both read as well", str(GOAL_MS), "unread"),
        row("the same, CPU", "", "unread work"),
        row("events made for that, of both", "", "made"),
        row("scroll a row (CPU)", "10", "row"),
        row("scroll a page (CPU)", "10", "page"),
        row("to the end, to the start (CPU)", "50", "far"),
        row("to the next difference (CPU)", "50", "difference"),
        f"| words of two answers of 4,000, every tenth differs | | {words():,.1f} | |",
    ]


if __name__ == "__main__":
    print("\n".join(table()))
