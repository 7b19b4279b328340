"""Scenes for exploring alternatives: one prompt that each model answers with a file of its own, and
what is said where one session's outcome goes on in another."""

from __future__ import annotations

import re

from sessiontree.demo.reply import Thinking, say
from sessiontree.demo.scenes.stage import SCENES, Scene, Turn, prose, scene
from sessiontree.demo.scenes.steps import write

DROP = "Drop the buckets of clients that never come back"
WIRE = "Use it in the limiter"

_HANDED = re.compile(r"This goes on from the session ‹(.+?)›")
_CARRIED = re.compile(r"From the branch ‹(.+?)›")
_FILE = re.compile(r"^- (\S+\.py)$", re.MULTILINE)

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
        OPUS,
        "What may go without anybody noticing? A bucket that is full again: a new one is full too.",
        "`sweep.py` is there. **A bucket that is full again is dropped**, since a new one would "
        "be full too. It looks at all buckets, so call it once a minute and not with each "
        "request.",
    ),
    "sonnet": (
        SONNET,
        "A full bucket may go. But a sweep over all of them would make one request wait for it.",
        "`sweep.py` is there. **A bucket that is full again is dropped**, since a new one would "
        "be full too. It looks at two buckets, so call it with each request and never think of "
        "it again.",
    ),
    "haiku": (
        HAIKU,
        "A limit on their number is the simplest thing that works.",
        "`sweep.py` is there. **The bucket that was used longest ago is dropped** once there are "
        "more than 10,000. A client that is still waiting may get a full one, so choose the "
        "number well.",
    ),
}


@scene(DROP)
def drop(turn: Turn) -> Scene:
    """Each model does it in its own way, in a file of the same name: worth comparing."""
    model = next((family for family in WAYS if family in turn.request.model), "opus")
    code, thought, answer = WAYS[model]
    yield from write(turn, "sweep.py", code, Thinking(thought))
    yield say(answer)


@scene(WIRE)
def wire(turn: Turn) -> Scene:
    yield say(
        "I would, but I do not know what *it* is: nothing came along with this prompt. Press "
        "`H` on the row of a session that wrote something, and its outcome goes into the composer."
    )


def brought(prompt: str) -> str:
    """The key of the scene for a prompt that brings another session's outcome, "" for others."""
    if _HANDED.search(prompt):
        return HANDED_OVER
    return CARRIED_BACK if _CARRIED.search(prompt) else ""


HANDED_OVER, CARRIED_BACK = "\0handed over", "\0carried back"  # nobody types these


def handed_over(turn: Turn) -> Scene:
    origin = _origin(_HANDED, turn)
    files = _FILE.findall(turn.prompt)
    if files:
        yield say(
            f"I was not there: all I know of ‹{origin}› is what you brought along. So I read what "
            "it left behind.",
            turn.read(files[0]),
        )
    yield say(
        prose(
            """
            I start from the outcome, not from the conversation: {seen}. That is the point of
            handing over. The way there (what was tried, what was read) stays in
            ‹{origin}›, and I begin with an empty head and a small context.

            What to do now is up to you: I am the demo's scripted model, and this is as far as my
            part goes. In the tree, `⇢` says where this session comes from.
            """,
            seen=f"its last answer and `{files[0]}`" if files else "its last answer",
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
