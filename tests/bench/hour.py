"""An hour of four runs, by a simulated clock: what memory it takes beyond what is shown.

    python -m tests.bench.hour

What holds text while runs go on is here as in the app: a log for each run, the feed of the one
that is shown, its view. Objects are counted in bytes by tracemalloc."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from textual.app import App, ComposeResult

from sessiontree.engine.runs import Log
from sessiontree.model.event import Event, Text
from sessiontree.model.feed import Feed
from sessiontree.model.message import Delta, DeltaKind, Message, Said, TextBlock
from sessiontree.ui.stream import StreamView
from tests.bench.stream import REPLY, SIZE, rest

RUNS = 4
MINUTES = 60
REPLIES = 6  # of each run in a minute
PIECE = 12  # characters of a delta


class Ours(App[None]):
    def compose(self) -> ComposeResult:
        yield StreamView()


def typed(id: str) -> list[Message]:
    text = f"{id}. {REPLY}" * 4
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    deltas = [Delta(message_id=id, index=0, kind=DeltaKind.TEXT, text=piece) for piece in pieces]
    return [*deltas, Said(message_id=id, blocks=(TextBlock(text),))]


async def measured() -> dict[int, tuple[float, float]]:
    """Minute → MB that are held, and MB of the text that is shown."""
    found = {}
    logs, feed = [Log() for _ in range(RUNS)], Feed()
    app = Ours()
    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(StreamView)
        view.show(feed.events, key="a")
        await pilot.pause()
        tracemalloc.start()
        for minute in range(1, MINUTES + 1):
            for reply in range(REPLIES):
                for number, log in enumerate(logs):
                    for message in typed(f"{minute}-{reply}-{number}"):
                        log.add(message)
                        if not number:
                            feed.push(message)
                if (change := feed.take()) and change.start is not None:
                    view.changed(change.start, feed.events)
                await pilot.pause()
            rest(view)
            if minute in (10, 20, 40, MINUTES):
                gc.collect()
                held = tracemalloc.get_traced_memory()[0] / 1e6
                found[minute] = held, shown(feed.events) / 1e6
        tracemalloc.stop()
    return found


def shown(events: list[Event]) -> int:
    return sum(len(event.text) for event in events if isinstance(event, Text))


def table() -> list[str]:
    """Markdown lines."""
    found = asyncio.run(measured())
    deltas = RUNS * REPLIES * len(typed("0-0-0"))
    return [
        f"| {RUNS} runs, {deltas:,} deltas a minute, after | MB held | of that the text shown |",
        "| --- | --- | --- |",
        *(f"| {minute} min | {held:.1f} | {text:.1f} |" for minute, (held, text) in found.items()),
    ]


if __name__ == "__main__":
    print("\n".join(table()))
