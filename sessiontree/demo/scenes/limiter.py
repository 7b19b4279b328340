"""The first root: a rate limiter is designed, written, used, and its clock is doubted."""

from __future__ import annotations

from sessiontree.demo.reply import Thinking, say
from sessiontree.demo.scenes.stage import Scene, Turn, prose, scene
from sessiontree.demo.scenes.steps import run_tests, write

DESIGN = "Design a rate limiter for the notes API"
WRITE = "Write the token bucket"
USE = "Use it in the API"
CLOCK = "What happens when the clock jumps back?"

LIMITER = '''\
"""Rate limits: how often a client may ask."""

from dataclasses import dataclass, field


@dataclass
class TokenBucket:
    """Holds up to `size` tokens and gains `rate` of them a second; a request costs one."""

    rate: float
    size: float
    tokens: float = field(init=False)
    filled: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.tokens = self.size

    def take(self, now: float) -> bool:
        """Pays for one request at `now` (seconds); False while the bucket is empty."""
        self.tokens = min(self.size, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Limiter:
    """One bucket for each key."""

    def __init__(self, rate: float, size: float) -> None:
        self.rate = rate
        self.size = size
        self.buckets: dict[str, TokenBucket] = {}

    def allows(self, key: str, now: float) -> bool:
        bucket = self.buckets.setdefault(key, TokenBucket(self.rate, self.size))
        return bucket.take(now)
'''

TEST_LIMITER = """\
import unittest

from limiter import Limiter


class LimiterTest(unittest.TestCase):
    def setUp(self):
        self.limiter = Limiter(rate=5, size=10)

    def spend(self, now, requests, key="ada"):
        return sum(self.limiter.allows(key, now) for _ in range(requests))

    def test_a_burst_up_to_the_size(self):
        self.assertEqual(self.spend(now=0, requests=15), 10)

    def test_it_fills_again(self):
        self.spend(now=0, requests=10)
        self.assertEqual(self.spend(now=1, requests=10), 5)

    def test_keys_do_not_share(self):
        self.spend(now=0, requests=10, key="ada")
        self.assertEqual(self.spend(now=0, requests=10, key="grace"), 10)
"""


@scene(DESIGN)
def design(turn: Turn) -> Scene:
    yield say(
        Thinking(
            "The API is one class with one entry point, so a limiter can stand in front of it. "
            "Before I choose an algorithm I want to see what a request carries: there has to be "
            "something to count by."
        ),
        "I look at the API first.",
        turn.read("notes.py"),
    )
    yield say(
        Thinking(
            "Every request brings a key before anything else happens. Good: count by key. A "
            "fixed window is the simplest, but it lets twice the limit through at its edge. The "
            "client that worries people is the one that sends a burst and then rests, and a "
            "token bucket describes exactly that with two numbers."
        ),
        prose(
            """
            `Api.handle` gets the client's key with every request, so that is the place, and the
            key is what to count by. Four designs are worth a look:

            | design | state for each key | bursts |
            | --- | --- | --- |
            | Fixed window | a counter | up to twice the limit at the window's edge |
            | Sliding window | two counters | smoothed |
            | Token bucket | tokens, time | allowed, up to a size you choose |
            | GCRA | one time | allowed, up to a size you choose |

            ## What I would take

            **The token bucket.** It says what people mean by a limit: *ten requests at once,
            then five a second.* Two numbers to configure, two to store, and nothing to clean up
            at the edge of a window.

            ```python
            limiter = Limiter(rate=5, size=10)
            if not limiter.allows(key, now):
                return Response(429)
            ```

            Two things to settle before it is written:

            1. **The clock is handed in**, never read inside. Tests then need no sleep.
            2. **A refused request costs nothing.** Otherwise an eager client locks itself out.

            Say the word and I write it, with tests.
            """
        ),
    )


@scene(WRITE)
def write_it(turn: Turn) -> Scene:
    yield from write(
        turn,
        "limiter.py",
        LIMITER,
        Thinking(
            "A bucket is tokens and the time of the last filling. Filling on demand means no "
            "timer: when somebody asks, I add what has come in since."
        ),
        "The bucket fills itself when it is asked, so there is no timer to look after.",
    )
    yield from write(turn, "test_limiter.py", TEST_LIMITER, "Now the tests, without a real clock.")
    summary = yield from run_tests()
    yield say(
        prose(
            """
            `limiter.py` is there and the tests agree ({summary}).

            - `TokenBucket` holds the arithmetic, `Limiter` one bucket for each key.
            - The clock comes in as `now`, so no test sleeps.
            - A refused request costs nothing.

            Buckets of clients that never come back stay in memory. At two numbers each that is
            fine for now; I would not build an expiry before somebody needs it.
            """,
            summary=summary,
        )
    )


@scene(USE)
def use_it(turn: Turn) -> Scene:
    results = yield say(
        Thinking(
            "The check belongs at the very top of handle(): a client over its limit should cost "
            "nothing more than the look into the bucket."
        ),
        "One import, one limiter, one check at the top of `handle`.",
        turn.read("notes.py"),
    )
    if "Limiter" in results[0].text:
        yield say("Somebody was faster: `Api` takes a limiter already and asks it first.")
        return
    yield say(
        turn.edit(
            "notes.py",
            "from dataclasses import dataclass\n",
            "import time\nfrom dataclasses import dataclass\n\nfrom limiter import Limiter\n",
        ),
        turn.edit(
            "notes.py",
            "        self.notes: list[str] = []\n",
            "        self.notes: list[str] = []\n        self.limiter = Limiter(rate=5, size=10)\n",
        ),
        turn.edit(
            "notes.py",
            '        if path != "/notes":\n',
            "        if not self.limiter.allows(key, time.monotonic()):\n"
            "            return Response(429)\n"
            '        if path != "/notes":\n',
        ),
    )
    yield from run_tests("Do the old tests still hold?", expect_failure=True)
    yield say(
        Thinking(
            "test_many_notes writes twelve notes in a row and the eleventh is refused. The "
            "limiter is right and so is the test. What is wrong is that the limit is fixed "
            "inside the API: it is a decision of whoever sets the API up."
        ),
        prose(
            """
            One test fails, and it has a point: it writes twelve notes in a row and the eleventh
            is refused. Neither the limiter nor the test is wrong. **The limit is**, because the
            API chose it. It should come from whoever sets the API up.
            """
        ),
        turn.edit(
            "notes.py",
            "    def __init__(self) -> None:\n",
            "    def __init__(self, limiter: Limiter | None = None) -> None:\n",
        ),
        turn.edit(
            "notes.py",
            "        self.limiter = Limiter(rate=5, size=10)\n",
            "        self.limiter = limiter\n",
        ),
        turn.edit(
            "notes.py",
            "        if not self.limiter.allows(key, time.monotonic()):\n",
            "        if self.limiter and not self.limiter.allows(key, time.monotonic()):\n",
        ),
    )
    summary = yield from run_tests()
    yield say(
        prose(
            """
            The API now takes a limiter and asks it first ({summary}):

            ```python
            api = Api(Limiter(rate=5, size=10))
            ```

            Without one there is no limit, so nothing changes for the callers of today.
            """,
            summary=summary,
        )
    )


@scene(CLOCK)
def clock(turn: Turn) -> Scene:
    results = yield say(
        Thinking(
            "take() adds (now - filled) * rate. With now before filled that is negative: the "
            "bucket would lose tokens. time.monotonic() never goes back, but the caller may hand "
            "in time.time(), and that does after an NTP correction. A test says more than I do."
        ),
        "`take` adds `(now - filled) * rate`, and nothing keeps that from being negative. "
        "A test shows whether it matters.",
        turn.read("test_limiter.py"),
    )
    if "jumps_back" in results[0].text:
        yield say(
            "There is a test for just that, and it passes: time that ran back counts as none."
        )
        return
    yield say(
        turn.edit(
            "test_limiter.py",
            "    def test_keys_do_not_share(self):\n",
            "    def test_a_clock_that_jumps_back_costs_nothing(self):\n"
            "        self.spend(now=100, requests=1)\n"
            "        self.assertEqual(self.spend(now=0, requests=9), 9)\n"
            "\n"
            "    def test_keys_do_not_share(self):\n",
        )
    )
    yield from run_tests(expect_failure=True)
    yield say(
        "It matters: one jump back drains the bucket, and the client is locked out until the "
        "clock has caught up. Time that ran backwards must count as none.",
        turn.read("limiter.py"),
    )
    yield say(
        turn.edit(
            "limiter.py",
            "        self.tokens = min(self.size, self.tokens + (now - self.filled) * self.rate)\n",
            "        elapsed = max(0.0, now - self.filled)\n"
            "        self.tokens = min(self.size, self.tokens + elapsed * self.rate)\n",
        )
    )
    summary = yield from run_tests()
    yield say(
        prose(
            """
            Mended, and the test stays ({summary}).

            > Time that ran backwards counts as none: the bucket keeps what it holds.

            The API itself was safe, it hands in `time.monotonic()`. But `Limiter` cannot know
            who calls it.
            """,
            summary=summary,
        )
    )
