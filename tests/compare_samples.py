"""Sessions that left a common turn, for the tests of the comparison and its pictures."""

from __future__ import annotations

from sessiontree.model.comparison import Side, Source
from sessiontree.model.feed import Feed
from sessiontree.model.message import (
    Answered,
    CallBlock,
    Ended,
    Level,
    Message,
    Noted,
    Prompted,
    Said,
    TextBlock,
    ThinkingBlock,
)
from sessiontree.model.overlay import Status
from sessiontree.model.session import Turn, Usage
from tests.stream_samples import CWD, NEW, NINE, OLD, PATCH

ANSWER = """\
The **token bucket** is in place: `limiter.py` has 42 lines.

- refill by the time that went by
- one token for each request, {tokens} at most

All {tests} tests pass. It is safe for threads{but}, and a refused client is told when to \
come back.
"""
PROMPTS = {
    "p1": "Design a rate limiter for the API",
    "p2": "Write it",
    "a1": "Make it safe for threads",
    "b1": "Make it safe for threads, without a lock",
    "b2": "Now measure it",
    "c1": "Keep the buckets in Redis",
}


def turn(id: str, parent: str | None, cost: float | None = 0.02) -> Turn:
    label = PROMPTS.get(id, f"Go on with {id}")
    return Turn(id, parent, id, id, label, NINE, True, Usage(1_000, 200, 9_000), cost)


def asked(id: str, at: float) -> Prompted:
    return Prompted(turn=id, text=PROMPTS.get(id, f"Go on with {id}"), at=NINE + at)


def said(id: str, text: str, at: float) -> Said:
    return Said(message_id=f"{id}-{at}", blocks=(TextBlock(text),), at=NINE + at)


def called(id: str, tool: str, at: float, output: str = "ok", **more: object) -> list[Message]:
    given = {key: value for key, value in more.items() if key != "details"}
    block = CallBlock(id, tool, given)
    return [
        Said(message_id=f"m{id}", blocks=(block,), at=NINE + at),
        Answered(call_id=id, text=output, at=NINE + at + 2, details=more.get("details", {})),
    ]


def shared() -> list[Message]:
    return [
        asked("p1", 0),
        said("p1", "A token bucket per API key would do.", 8),
        asked("p2", 60),
        *called("w", "Write", 64, file_path=f"{CWD}/limiter.py", content=OLD),
        said("p2", "It is written.", 70),
    ]


def with_lock() -> list[Message]:
    path = f"{CWD}/limiter.py"
    return [
        asked("a1", 100),
        Said(message_id="t", blocks=(ThinkingBlock("One lock is enough."),), at=NINE + 103),
        *called("a", "Edit", 105, file_path=path, old_string=OLD, new_string=NEW),
        *called("at", "Bash", 110, "....\nRan 6 tests in 0.001s\n\nOK", command="pytest -q"),
        said("a1", ANSWER.format(tokens=10, tests=6, but=""), 120),
        Ended(key="ra", ok=True, tokens=812, cost_usd=0.021, seconds=20.0, at=NINE + 121),
    ]


def without_lock() -> list[Message]:
    path = f"{CWD}/limiter.py"
    return [
        asked("b1", 200),
        *called(
            "b",
            "Edit",
            204,
            file_path=path,
            old_string=OLD,
            new_string=NEW,
            details={"structuredPatch": PATCH},
        ),
        *called("bn", "Write", 208, file_path=f"{CWD}/atomic.py", content=NEW * 3),
        said("b1", "It works without a lock.", 220),
        asked("b2", 300),
        *called("bm", "Bash", 301, "1.2 million a second", command="python bench.py"),
        said("b2", ANSWER.format(tokens=20, tests=9, but=" without a lock"), 330),
    ]


def in_redis() -> list[Message]:
    error = "API Error: 529 Overloaded. This is a server-side issue, usually temporary."
    return [
        asked("c1", 400),
        said("c1", "Redis would be shared by all workers.", 404),
        Noted(key="e", what="error", text=error, level=Level.ERROR, at=NINE + 410),
    ]


def source(
    name: str, label: str, line: list[Turn], messages: list[Message], *, closed: bool = True, **more
) -> Source:
    feed = Feed()
    for message in messages:
        feed.push(message)
    if closed:
        feed.close()
    feed.take()
    side = more.pop("side", Side(name))
    return Source(side, label, line, tuple(feed.events), CWD, **more)


def three() -> list[Source]:
    """One with a lock, one without in two turns, one that failed; all edit one file but that."""
    line = [turn("p1", None), turn("p2", "p1")]
    lock = [*line, turn("a1", "p2", 0.021)]
    atomic = [*line, turn("b1", "p2"), turn("b2", "b1", None)]
    redis = [*line, turn("c1", "p2", 0.004)]
    return [
        source("lock", PROMPTS["a1"], lock, shared() + with_lock()),
        source("atomic", PROMPTS["b1"], atomic, shared() + without_lock()),
        source("redis", PROMPTS["c1"], redis, shared() + in_redis(), status=Status.FAILED),
    ]


def long(name: str, turns: int, calls: int) -> Source:
    """A session of `turns` with so many calls each, the first turn shared by all of them."""
    messages: list[Message] = [asked("p1", 0), said("p1", "Yes.", 1)]
    line = [turn("p1", None)]
    for number in range(turns):
        id = f"{name}{number}"
        line.append(turn(id, line[-1].id))
        messages.append(asked(id, number))
        for call in range(calls + (len(name) + number) % 3):
            output = "\n".join(f"{name} {call}" for _ in range(1 + (call * len(name)) % 4))
            messages += called(f"{id}-{call}", "Bash", number, output, command="pytest")
        messages.append(said(id, f"Done with {number} in {name}.", number))
    return source(name, name, line, messages)
