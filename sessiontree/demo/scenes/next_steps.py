"""Scenes that are not in the recorded forest: what the demo suggests to do next."""

from __future__ import annotations

from sessiontree.demo.reply import Thinking, ToolUse, say
from sessiontree.demo.scenes.stage import Refused, Scene, Turn, prose, scene
from sessiontree.demo.scenes.steps import run_tests, write

RETRY_AFTER = "Tell a refused client when to come back"
PLAN = "Plan a move to several processes"
REVIEW = "Review limiter.py with fresh eyes"
NAME = "Suggest a name for this library"

RETRY = '''\
"""When a client that was refused may come back."""

import math

from limiter import TokenBucket


def seconds_until_next(bucket: TokenBucket) -> int:
    """For the Retry-After header: whole seconds until the bucket holds a token again."""
    return max(1, math.ceil((1 - bucket.tokens) / bucket.rate))
'''

TEST_RETRY = """\
import unittest

from limiter import TokenBucket
from retry import seconds_until_next


class RetryTest(unittest.TestCase):
    def test_a_slow_bucket_takes_its_time(self):
        bucket = TokenBucket(rate=0.25, size=1)
        self.assertTrue(bucket.take(now=0))
        self.assertEqual(seconds_until_next(bucket), 4)

    def test_never_less_than_a_second(self):
        bucket = TokenBucket(rate=50, size=1)
        bucket.take(now=0)
        self.assertEqual(seconds_until_next(bucket), 1)
"""

THE_PLAN = """\
# Share the limits between processes

**Why.** Each process has its own buckets, so four processes let four times the limit through.

1. `shared_limiter.py`: GCRA in SQLite, one row for each key. One `UPDATE` checks and pays.
2. `Api` takes anything that has `allows(key, now)`; `Limiter` stays for tests and one process.
3. A test that starts two processes on one file and counts what gets through.

**Not now.** Redis: it would be the first dependency, and a server to look after.

**Check.** `python3 -m unittest`, then two servers on one file and a burst at both.
"""

PROTOCOL = '''\
"""What the API asks of a limiter, so that it can be exchanged."""

from typing import Protocol


class Limits(Protocol):
    def allows(self, key: str, now: float) -> bool:
        """True, and paid for, where the client with this key may ask at `now` (seconds)."""
'''

LOOK = "Read limiter.py and its tests as if you had never seen them. What would you question?"

NAMES = {
    "opus": (
        ("sluice", "it lets water through at a pace somebody chose, and says so in one syllable"),
        ("hourglass", "what has run out fills again, and everybody knows how it works"),
        ("trickle", "what is left for a client that will not wait"),
    ),
    "sonnet": (
        ("tollgate", "everybody pays one token, and nobody has to ask what it does"),
        ("turnstile", "one at a time, and it does not care who pushes"),
        ("easygo", "easy, go: the only two answers that it gives"),
    ),
    "haiku": (
        ("thimble", "the smallest bucket there is, and the library is not much larger"),
        ("drip", "four letters, and they say when the next one comes"),
        ("tap", "open or shut"),
    ),
}


@scene(RETRY_AFTER)
def retry_after(turn: Turn) -> Scene:
    yield from write(
        turn,
        "retry.py",
        RETRY,
        Thinking(
            "429 alone makes a polite client guess. The bucket knows the answer: what is missing "
            "to one token, divided by the rate. Retry-After takes whole seconds, so round up, "
            "and never say zero: that invites a loop."
        ),
        "A refused client should not have to guess. The bucket knows: what is missing to a "
        "whole token, divided by the rate.",
    )
    yield from write(turn, "test_retry.py", TEST_RETRY, "And the two edges of it:")
    summary = yield from run_tests()
    yield say(
        prose(
            """
            `seconds_until_next` is there ({summary}). In the API it becomes one line:

            ```python
            return Response(429, headers={"Retry-After": seconds_until_next(bucket)})
            ```

            It rounds **up**, since the header only knows whole seconds and a client that comes
            early is refused again. And it never says 0.
            """,
            summary=summary,
        )
    )


@scene(PLAN)
def plan(turn: Turn) -> Scene:
    yield say("That touches several files, so I plan before I write.", ToolUse("EnterPlanMode", {}))
    yield say(
        Thinking(
            "What makes this hard is not the storage, it is that check and payment have to be "
            "one step. GCRA in one UPDATE does that. Keep the limiter of today for tests."
        ),
        turn.read("limiter.py"),
    )
    yield say("This is what I would do:", turn.write(turn.plan_file, THE_PLAN))
    try:
        yield say(ToolUse("ExitPlanMode", {}))
    except Refused as refusal:
        if refusal.result.unusable:
            raise
        yield say("I leave it at the plan, then. Say what you would do differently.")
        return
    yield from write(
        turn, "limits.py", PROTOCOL, "Step 2 first: it is small, and both others lean on it."
    )
    yield say(
        "`limits.py` says what the API asks of a limiter, and `Limiter` already fits it. Steps 1 "
        "and 3 are next; I stop here so that you can look at it."
    )


@scene(REVIEW)
def review(turn: Turn) -> Scene:
    yield say(
        "I wrote it, so I am the wrong one to judge it. A fresh pair of eyes:",
        ToolUse(
            "Agent",
            {
                "description": "Review limiter.py",
                "prompt": LOOK,
                "subagent_type": "Explore",
                "run_in_background": False,
            },
        ),
    )
    yield say(
        prose(
            """
            Two of its three points I would act on:

            1. **Buckets are never dropped.** Agreed, once keys can be made up freely. A bucket
               that is full again is worth nothing and can go.
            2. **`rate=0` is allowed.** Agreed, and it is useful in tests. It should be in the
               docstring.
            3. **`take` changes two fields without a lock.** True, and known: there is an arm of
               this conversation that adds one. Fork it there if you need threads.
            """
        )
    )


@scene(LOOK)
def look(turn: Turn) -> Scene:
    """What the reviewing subagent does."""
    yield say(turn.read("limiter.py"), turn.read("test_limiter.py"))
    yield say(
        prose(
            """
            Three questions:

            1. `Limiter.buckets` only grows. Who removes the bucket of a client that never
               comes back?
            2. `rate=0` divides nothing here, but it means “never again”. Is that intended?
            3. `take` reads and writes two fields. Is it ever called from two threads?

            The tests are good: they name what they protect, and none of them sleeps.
            """
        )
    )


@scene(NAME)
def name(turn: Turn) -> Scene:
    """Each model has names of its own, and each session another of them, so that a prompt sent in
    several ways is worth comparing."""
    request = turn.request
    model = next((family for family in NAMES if family in request.model), "opus")
    suggestion, why = NAMES[model][sum(request.session.encode()) % 3]
    yield say(
        prose(
            """
            **{suggestion}**: {why}.

            That is what I came up with as {model}. I did not look whether the name is taken. Ask
            another model, and you get another one; that is what comparing is for.
            """,
            suggestion=suggestion,
            why=why,
            model=request.model,
        )
    )
