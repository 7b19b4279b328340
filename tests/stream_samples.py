"""A session that has one of everything, for the tests of the stream and its pictures."""

from __future__ import annotations

from datetime import UTC, datetime

from sessiontree.model.feed import Feed
from sessiontree.model.message import (
    Answered,
    CallBlock,
    Delta,
    DeltaKind,
    Ended,
    Level,
    Message,
    Noted,
    Prompted,
    Said,
    Started,
    TextBlock,
    ThinkingBlock,
)

CWD = "/home/ada/limiter"
NINE = datetime(2031, 5, 14, 9, 12, tzinfo=UTC).timestamp()

REPLY = """\
## A token bucket per key

A **token bucket** per API key would do: it allows *short bursts* and needs only two numbers, \
`tokens` and `updated`. See [the write-up](https://example.org/token-buckets) for the arithmetic.

1. Refill by `elapsed * rate`, at most to `burst`
2. Take one token for each request
   - refuse with status 429 when there is none, and say in `Retry-After` how long it takes \
until there is one again

| approach | burst | memory | exact |
|---|:-:|--:|---|
| token bucket | yes | 16 B | nearly |
| sliding window 中文 | no | 8 B × n | yes |

```python
def allow(self, key: str) -> bool:
    # Refill first: a quiet key is a full one.
    bucket = self.buckets.setdefault(key, Bucket(self.burst))
    return bucket.take(time.monotonic()) >= 1.0
```

> The bucket is per process: two workers allow twice as much.
"""

OLD = """\
def take(self, now):
    if self.tokens < 1:
        return 0
    self.tokens -= 1
    return 1
"""
NEW = """\
def take(self, now):
    self.refill(now)
    if self.tokens < 1.0:
        return 0
    self.tokens -= 1
    return 1
"""
PATCH = [
    {
        "oldStart": 12,
        "oldLines": 5,
        "newStart": 12,
        "newLines": 6,
        "lines": [
            " def take(self, now):",
            "-    if self.tokens < 1:",
            "+    self.refill(now)",
            "+    if self.tokens < 1.0:",
            "         return 0",
            "     self.tokens -= 1",
        ],
    }
]


def _called(message_id: str, call_id: str, tool: str, at: float, agent: str = "", **given: object):
    block = CallBlock(call_id, tool, given)
    return Said(message_id=message_id, blocks=(block,), at=NINE + at, agent=agent)


def _said(message_id: str, text: str, at: float, agent: str = "") -> Said:
    return Said(message_id=message_id, blocks=(TextBlock(text),), at=NINE + at, agent=agent)


def _answered(call_id: str, text: str, at: float, **more: object) -> Answered:
    return Answered(call_id=call_id, text=text, at=NINE + at, **more)


def first_turn() -> list[Message]:
    thought = ThinkingBlock("The API is called in bursts.\nA fixed window would cut them in two.")
    return [
        Prompted(turn="p1", text="Design a rate limiter for the API", at=NINE),
        Said(message_id="m1", blocks=(thought,), at=NINE + 8),
        _said("m1", REPLY, 12),
        _called("m1", "w", "Write", 14, file_path=f"{CWD}/limiter.py", content=NEW * 4),
        _answered("w", "File created", 14.2),
        _called(
            "m2", "e", "Edit", 20, file_path=f"{CWD}/limiter.py", old_string=OLD, new_string=NEW
        ),
        _answered("e", "Updated", 20.1, details={"structuredPatch": PATCH}),
        _called("m3", "b", "Bash", 22, command="pytest -q", description="Run the tests"),
        _answered(
            "b", "\n".join([f"tests/test_{n}.py ." for n in range(40)]) + "\n41 passed", 30.4
        ),
        Ended(key="r1", ok=True, tokens=1_234, cost_usd=0.0123, seconds=38.4, at=NINE + 38),
    ]


def second_turn() -> list[Message]:
    return [
        Prompted(
            turn="p2",
            text="Look how others do it, and compare.\nThe picture has our present figures.",
            at=NINE + 1_700,
            images=("image/png 120 kB",),
        ),
        _called("m4", "g", "Grep", 1_701, pattern="class .*Limiter", path=f"{CWD}/src"),
        _answered("g", "src/a.py\nsrc/b.py", 1_701.2, details={"mode": "files", "numFiles": 2}),
        _called("m4", "rd", "Read", 1_702, file_path=f"{CWD}/src/a.py", offset=10, limit=80),
        _answered("rd", "\n".join(f"{n}→x = {n}" for n in range(80)), 1_702.1),
        _called("m5", "t", "Task", 1_703, description="Survey limiters", subagent_type="Explore"),
        Prompted(turn="tp", text="Survey rate limiters in src/", agent="t", at=NINE + 1_703),
        _said("s1", "I'll look at the three in `src/`.", 1_704, agent="t"),
        _called("s1", "tb", "Bash", 1_705, agent="t", command="wc -l src/*.py"),
        _answered("tb", "  120 a.py\n  80 b.py\n  200 total", 1_705.3, agent="t"),
        _said("s2", "Two are token buckets, one is a sliding window.", 1_706, agent="t"),
        _answered("t", "Two token buckets, one **sliding window**.", 1_707),
        _called(
            "m6",
            "td",
            "TodoWrite",
            1_708,
            todos=[
                {"content": "Survey", "status": "completed", "activeForm": "Surveying"},
                {"content": "Compare them", "status": "in_progress", "activeForm": "Comparing"},
                {"content": "Write it up", "status": "pending", "activeForm": "Writing"},
            ],
        ),
        _answered("td", "Todos have been modified", 1_708.1),
        _called("m7", "f", "Bash", 1_709, command="python bench.py --all --seconds 30 && \\\n  ls"),
        _answered(
            "f", "Exit code 1\nModuleNotFoundError: No module named 'bench'", 1_711, is_error=True
        ),
        _called("m8", "mc", "mcp__github__create_issue", 1_712, title="Compare", labels=["perf"]),
        _answered("mc", "#12 created", 1_713),
        Noted(
            key="n1",
            what="retry",
            text="API overloaded, trying again (2 of 10)",
            level=Level.WARNING,
        ),
        Noted(
            key="n2",
            what="compacted",
            text="The conversation was compacted (160,000 tokens before)",
        ),
        _said("m9", "Here is the **comparison**:\n\n- bucket: smooth\n- window: exact 🚀", 1_720),
        Ended(key="r2", ok=False, text="API error 529: overloaded", seconds=24.0, at=NINE + 1_724),
    ]


def third_turn() -> list[Message]:
    """Still running."""
    return [
        Prompted(turn="p3", text="Try a sliding window instead", at=NINE + 1_800),
        Started(message_id="l", index=0, kind=DeltaKind.THINKING, at=NINE + 1_801),
        Delta(
            message_id="l", index=0, kind=DeltaKind.THINKING, text="The window needs two counters"
        ),
        Said(
            message_id="l",
            blocks=(ThinkingBlock("The window needs two counters, one for each half."),),
            at=NINE + 1_805,
        ),
        Started(message_id="l", index=1, kind=DeltaKind.TEXT),
        Delta(message_id="l", index=1, kind=DeltaKind.TEXT, text="A sliding window smooths "),
        Delta(message_id="l", index=1, kind=DeltaKind.TEXT, text="the burst at the"),
    ]


def sample() -> Feed:
    """All three turns; the third left the parent and runs."""
    feed = Feed(mark_after="p2", mark_text="forked from ‹Design a rate limiter› turn 2")
    for message in (*first_turn(), *second_turn(), *third_turn()):
        feed.push(message)
    feed.take()
    return feed
