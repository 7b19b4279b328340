"""Scenes for exploring alternatives: a question that each model answers in its own way, and what
is done where one session's outcome goes on in another."""

from __future__ import annotations

import re

from sessiontree.demo.reply import Thinking, say
from sessiontree.demo.scenes.stage import SCENES, Scene, Turn, prose, scene
from sessiontree.demo.scenes.steps import write

DROP = "How would you drop the buckets of clients that never come back?"
WRITE_IT = "Write it"

_HANDED = re.compile(r"This goes on from the session ‹(.+?)›")
_CARRIED = re.compile(r"From the branch ‹(.+?)›")
_CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

OPUS = '''\
"""Drops the buckets of clients that never come back."""

from limiter import TokenBucket


def sweep(buckets: dict[str, TokenBucket], now: float) -> int:
    """Drop each bucket that is full again at `now` (seconds), and say how many those were.

    A client that comes back gets a new one, which is full too: nobody can tell the difference."""
    full = [
        key
        for key, bucket in buckets.items()
        if bucket.tokens + (now - bucket.filled) * bucket.rate >= bucket.size
    ]
    for key in full:
        del buckets[key]
    return len(full)
'''

SONNET = '''\
"""Drops the buckets of clients that never come back."""

from itertools import islice

from limiter import TokenBucket

LOOKED_AT = 2  # with each request; one would do if none were ever added


def sweep(buckets: dict[str, TokenBucket], now: float) -> int:
    """Drop those of the oldest buckets that are full again at `now` (seconds), and say how many.

    A client that comes back gets a new one, which is full too: nobody can tell the difference."""
    full = [
        key
        for key, bucket in islice(buckets.items(), LOOKED_AT)
        if bucket.tokens + (now - bucket.filled) * bucket.rate >= bucket.size
    ]
    for key in full:
        del buckets[key]
    return len(full)
'''

HAIKU = '''\
"""Drops the buckets of clients that never come back."""

from limiter import TokenBucket

MOST = 10_000


def sweep(buckets: dict[str, TokenBucket]) -> None:
    """Drop the buckets that were used longest ago, down to `MOST`."""
    for key in sorted(buckets, key=lambda key: buckets[key].filled)[:-MOST]:
        del buckets[key]
'''

WAYS = {
    "opus": (
        "What may go without anybody noticing? A bucket that is full again: a new one is full too.",
        "**Drop each bucket that is full again**, since a new one would be full too. This looks at "
        "all of them, so I would call it once a minute and not with each request.",
        OPUS,
    ),
    "sonnet": (
        "A full bucket may go. But a sweep over all of them would make one request wait for it.",
        "**Drop each bucket that is full again**, since a new one would be full too. This looks at "
        "two of them, so I would call it with each request and never think of it again.",
        SONNET,
    ),
    "haiku": (
        "A limit on their number is the simplest thing that works.",
        "**Drop the buckets that were used longest ago**, once there are more than 10,000. A "
        "client that still waits may get a full one, so I would choose the number well.",
        HAIKU,
    ),
}


@scene(DROP)
def drop(turn: Turn) -> Scene:
    """Each model has an answer of its own: worth comparing."""
    model = next((family for family in WAYS if family in turn.request.model), "opus")
    thought, answer, code = WAYS[model]
    yield say(Thinking(thought), f"{answer}\n\n```python\n{code}```\n")


@scene(WRITE_IT)
def write_it(turn: Turn) -> Scene:
    yield say(
        "I would, but I do not know what *it* is: nothing came along with this prompt. Press "
        "`H` on the row of a session that has an answer, and it goes into the composer."
    )


def brought(prompt: str) -> str:
    """The key of the scene for a prompt that brings another session's outcome, "" for others."""
    if _HANDED.search(prompt):
        return HANDED_OVER
    return CARRIED_BACK if _CARRIED.search(prompt) else ""


HANDED_OVER, CARRIED_BACK = "\0handed over", "\0carried back"  # nobody types these


def handed_over(turn: Turn) -> Scene:
    origin, code = _origin(_HANDED, turn), _CODE.search(turn.prompt)
    start = f"I was not there: all I know of ‹{origin}› is what you brought along."
    if code is None:
        yield say(f"{start} That is its last answer, and no code in it that I could write down.")
        return
    yield from write(
        turn, "sweep.py", code[1], f"{start} That is enough: its last answer has the code."
    )
    yield say(
        prose(
            """
            `sweep.py` is there. I started from the outcome and not from the conversation: what
            was tried and read on the way stays in ‹{origin}›, and my context is small.

            That is what handing over is for: analysis in one session, implementation in another.
            In the tree, `⇢` says where this session comes from.
            """,
            origin=origin,
        )
    )


def carried_back(turn: Turn) -> Scene:
    yield say(
        prose(
            """
            Taken in: what the branch ‹{origin}› came to is now part of this conversation, as a
            prompt that you can read and that I was sent. Its own turns are not: they stay in
            the branch.

            I would go on from there. (As the demo's scripted model I can only say so.)
            """,
            origin=_origin(_CARRIED, turn),
        )
    )


SCENES[HANDED_OVER] = handed_over
SCENES[CARRIED_BACK] = carried_back


def _origin(pattern: re.Pattern[str], turn: Turn) -> str:
    found = pattern.search(turn.prompt)
    return found[1] if found else "another session"
