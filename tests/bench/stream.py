"""The stream at 100,000 events and at 1,000 deltas a second, beside Textual's own widgets.

    python -m tests.bench.stream

CPU time of this process, the median of several; GC is out of the way, as the app has it."""

from __future__ import annotations

import asyncio
import gc
import math
import statistics
import time
import tracemalloc
from collections.abc import Callable, Coroutine
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Markdown, RichLog

from sessiontree.model.event import Event, Text, ToolCall
from sessiontree.model.feed import Feed
from sessiontree.model.message import (
    Answered,
    CallBlock,
    Delta,
    DeltaKind,
    Message,
    Prompted,
    Said,
    TextBlock,
)
from sessiontree.ui.stream import StreamView

SIZE = (120, 45)
EVENTS = 100_000
FEWER = 10_000  # what the stock widgets are given
RATE = 1_000  # deltas a second and run
RUNS = 4
SECONDS = 5.0
FRAME = 0.05

REPLY = (
    "A **token bucket** per key would do: it allows short bursts and needs only two numbers, "
    "`tokens` and `updated`.\n\n- refill by the time that went by\n- take one for each request, "
    "and say in `Retry-After` how long it takes until there is one again\n\n"
    "Each bucket is its process's own, so that two workers allow twice as much; a shared one "
    "costs a round trip for each request, and what it gains is seldom worth that.\n"
)

Act = Callable[[], object]


# sessions ------------------------------------------------------------------------------------


def messages(events: int) -> list[Message]:
    """A session of so many events: in each turn a prompt, then replies and calls by turns."""
    found: list[Message] = []
    for number in range(events):
        if number % 20 == 0:
            found.append(Prompted(turn=f"p{number}", text=f"Go on with step {number}", at=number))
        elif number % 2:
            text = f"Step {number}. {REPLY}" + ("The needle.\n" if number % 5_000 == 1 else "")
            found.append(Said(message_id=f"m{number}", blocks=(TextBlock(text),), at=number))
        else:
            block = CallBlock(f"c{number}", "Bash", {"command": f"pytest -q tests/{number}"})
            found.append(Said(message_id=f"m{number}", blocks=(block,), at=number))
            output = "\n".join(f"tests/test_{n}.py ." for n in range(30))
            found.append(Answered(call_id=f"c{number}", text=output, at=number + 0.5))
    return found


def fed(events: int) -> Feed:
    feed = Feed()
    for message in messages(events):
        feed.push(message)
    feed.take()
    return feed


def plain(event: Event) -> str:
    if isinstance(event, ToolCall):
        return f"{event.tool} {event.input['command']}\n{event.output}"
    return getattr(event, "text", "")


# measuring -----------------------------------------------------------------------------------


@contextmanager
def without_gc():
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def cost(pilot: Pilot[None], acts: list[Act]) -> float:
    """Median milliseconds of CPU from an act to the repainted screen."""
    times = []
    with without_gc():
        for act in acts:
            await pilot.pause()
            start = time.process_time()
            result = act()
            if asyncio.iscoroutine(result):
                await result
            await pilot.pause()
            times.append((time.process_time() - start) * 1000)
    return statistics.median(times)


class Busy(StreamView):
    """One that never gets to what is done in the background, so that it is in no figure."""

    def start_idle(self) -> None:
        if not self.has_class("busy"):
            super().start_idle()


class Ours(App[None]):
    def compose(self) -> ComposeResult:
        yield Busy()

    @property
    def view(self) -> StreamView:
        return self.query_one(StreamView)


async def long_session() -> dict[str, float]:
    """100,000 events: what each thing that a person does costs, none of them measured before."""
    start = time.process_time()
    feed = fed(EVENTS)
    found = {"reduce": (time.process_time() - start) * 1000}
    tracemalloc.start()
    app = Ours()
    async with app.run_test(size=SIZE) as pilot:
        view = app.view
        view.add_class("busy")
        view.focus()
        before = tracemalloc.get_traced_memory()[0]
        view.show(feed.events, key="a")
        await pilot.pause()
        found["memory"] = (tracemalloc.get_traced_memory()[0] - before) / 1e6
        tracemalloc.stop()
        found["open"] = await cost(pilot, [partial(view.show, feed.events, key="a")] * 5)
        numbers = iter(range(EVENTS, EVENTS + 20))

        def append() -> None:
            feed.push(Said(message_id=f"new{next(numbers)}", blocks=(TextBlock(REPLY),)))
            change = feed.take()
            view.changed(change.start or 0 if change else 0, feed.events)

        found["append"] = await cost(pilot, [append] * 15)
        found["page"] = await cost(pilot, [partial(view.action_page, -1)] * 20)
        found["far"] = await cost(pilot, [view.action_scroll_home, view.go_to_end] * 4)
        widths = cycle([100, 120])
        found["resize"] = await cost(
            pilot, [lambda: pilot.resize_terminal(next(widths), SIZE[1])] * 6
        )
        found["find"] = await cost(pilot, [partial(view.find, "bucket")])
        found["common hit"] = await cost(pilot, [view.previous_hit] * 15)
        view.find("needle")
        rest(view)
        found["rare hit"] = await cost(pilot, [view.previous_hit] * 15)
        steps = rest(view, "no such words")
        found["search step"] = max(steps)
        found["search"] = sum(steps)
        view.page.set_frame(replace(view.page.frame, width=view.page.frame.width - 1))
        view.show_viewport()
        steps = rest(view)
        found["measure step"] = p95(steps)
        found["measure"] = sum(steps)
        found["page, measured"] = await cost(pilot, [partial(view.action_page, -1)] * 20)
    return found


def rest(view: StreamView, query: str = "") -> list[float]:
    """Does all that is done in the background; the milliseconds of CPU of each step."""
    times = []
    if query:
        start = time.process_time()
        view.find(query)
        times.append((time.process_time() - start) * 1000)
    while view._measuring or view._stepping or view._counting:
        start = time.process_time()
        view._idle_step()
        times.append((time.process_time() - start) * 1000)
    return times


async def rich_log() -> dict[str, float]:
    class Stock(App[None]):
        def compose(self) -> ComposeResult:
            yield RichLog(wrap=True)

    events = fed(FEWER).events
    app = Stock()
    async with app.run_test(size=SIZE) as pilot:
        log = app.query_one(RichLog)

        def load() -> None:
            for event in events:
                log.write(plain(event))

        found = {"open": await cost(pilot, [load])}
        found["append"] = await cost(pilot, [partial(log.write, REPLY)] * 15)
        found["page"] = await cost(pilot, [partial(log.scroll_page_up, animate=False)] * 15)
    return found


# live ----------------------------------------------------------------------------------------


class Live:
    """What a live minute cost: share of a core, and how long a key or the loop had to wait."""

    def __init__(self) -> None:
        self.keys: list[float] = []
        self.lags: list[float] = []
        self.cpu = 0.0
        self.right = False

    async def measure(self, *tasks: Coroutine[Any, Any, None]) -> None:
        with without_gc():
            start, cpu = time.perf_counter(), time.process_time()
            lag = asyncio.create_task(self._lag())
            await asyncio.gather(*tasks)
            lag.cancel()
            self.cpu = (time.process_time() - cpu) / (time.perf_counter() - start) * 100

    async def _lag(self) -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.01)
            self.lags.append((time.perf_counter() - start - 0.01) * 1000)


def p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.95) - 1]


async def deltas(rate: int, say: Callable[[str], object]) -> str:
    """Says words, so many a second, in doses as a network gives them; what was said."""
    said: list[str] = []
    start = time.perf_counter()
    words = cycle(REPLY.split(" "))
    while (elapsed := time.perf_counter() - start) < SECONDS:
        while len(said) < elapsed * rate:
            said.append(next(words) + " ")
            result = say(said[-1])
            if asyncio.iscoroutine(result):
                await result
        await asyncio.sleep(0.01)
    return "".join(said)


async def our_live() -> Live:
    """Four runs, one of them shown above 10,000 events, while someone presses keys."""
    live = Live()
    feeds = [fed(FEWER), *(Feed() for _ in range(RUNS - 1))]
    shown = feeds[0]
    app = Ours()
    async with app.run_test(size=SIZE) as pilot:
        view = app.view
        view.focus()
        view.show(shown.events, key="a")
        await pilot.pause()
        rest(view)
        over = asyncio.Event()

        def say(feed: Feed, text: str) -> None:
            feed.push(Delta(message_id="live", index=0, kind=DeltaKind.TEXT, text=text))

        async def run(feed: Feed) -> None:
            whole = await deltas(RATE, partial(say, feed))
            feed.push(Said(message_id="live", blocks=(TextBlock(whole),)))
            feed.take()
            live.right = isinstance(feed.events[-1], Text) and feed.events[-1].text == whole
            over.set()

        async def draw() -> None:
            while not over.is_set():
                changed = shown.take()
                if changed and changed.start is not None:
                    view.changed(changed.start, shown.events)
                await asyncio.sleep(FRAME)

        async def press() -> None:
            keys = cycle([-1, -1, -1, 3])
            while not over.is_set():
                painted = asyncio.Event()
                start = time.perf_counter()
                view.action_scroll(next(keys))
                view.call_after_refresh(painted.set)
                await painted.wait()
                live.keys.append((time.perf_counter() - start) * 1000)
                await asyncio.sleep(0.1)

        await live.measure(draw(), press(), *(run(feed) for feed in feeds))
    return live


async def markdown_live(rate: int) -> Live:
    """One run alone, in an empty `Markdown`."""

    class Stock(App[None]):
        def compose(self) -> ComposeResult:
            with VerticalScroll():
                yield Markdown()

    live = Live()
    app = Stock()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        markdown = app.query_one(Markdown)
        app.query_one(VerticalScroll).anchor()
        stream = Markdown.get_stream(markdown)

        async def run() -> None:
            whole = await deltas(rate, stream.write)
            await stream.stop()
            live.right = markdown.source == whole

        await live.measure(run())
    return live


# the table -----------------------------------------------------------------------------------


def table() -> list[str]:
    """Markdown lines."""
    ours, log = asyncio.run(long_session()), asyncio.run(rich_log())
    live, slow = asyncio.run(our_live()), asyncio.run(markdown_live(RATE // 10))
    fast = asyncio.run(markdown_live(RATE))

    def row(what: str, goal: str, key: str, stock: str = "", more: str = "") -> str:
        beside = f"{log[stock]:,.1f}" if stock else ""
        all_of_it = f", {ours[more]:,.0f}" if more else ""
        return f"| {what} | {goal} | {ours[key]:,.1f}{all_of_it} | {beside} |"

    def live_row(what: str, goal: str, one: Live) -> str:
        keys = f"{p95(one.keys):.0f}" if one.keys else ""
        right = "yes" if one.right else "no"
        return f"| {what} | {goal} | {one.cpu:.0f} | {p95(one.lags):.0f} | {keys} | {right} |"

    return [
        f"| stream of {EVENTS:,} events, ms of CPU to the repainted screen | goal | sessiontree "
        f"| `RichLog` ({FEWER:,} events) |",
        "| --- | --- | --- | --- |",
        row("messages to events (all of them)", "", "reduce"),
        row("open at the end", "", "open", "open"),
        row("append an event", "10", "append", "append"),
        row("page up, where nobody was before", "10", "page", "page"),
        row("page up, measured", "10", "page, measured", "page"),
        row("to the start, to the end", "10", "far"),
        row("another width, until it is shown", "50", "resize"),
        row("first hit of a common word", "", "find"),
        row("hit to hit, common word", "10", "common hit"),
        row("hit to hit, a word in 20 places", "10", "rare hit"),
        row("search what is nowhere: the longest step, all", "10", "search step", more="search"),
        row("measure the rest: a step (p95), all", "10", "measure step", more="measure"),
        f"| memory for the view, MB | | {ours['memory']:.1f} | |",
        "",
        "| live | goal: CPU, key | CPU, % of a core | loop lag p95, ms | key to paint p95, ms "
        "| text right |",
        "| --- | --- | --- | --- | --- | --- |",
        live_row(
            f"sessiontree: {RUNS} runs of {RATE:,} deltas a second, above {FEWER:,} events",
            "60 %, 50 ms",
            live,
        ),
        live_row(f"`Markdown.get_stream`: one run, {RATE // 10} a second, alone", "", slow),
        live_row(f"`Markdown.get_stream`: one run, {RATE:,} a second, alone", "", fast),
    ]


if __name__ == "__main__":
    print("\n".join(table()))
