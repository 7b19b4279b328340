"""A long answer, to scroll in and to interrupt."""

from __future__ import annotations

from sessiontree.demo.reply import Thinking, say
from sessiontree.demo.scenes.stage import Scene, Turn, prose, scene

LONG = "Explain token buckets at length"

LONG_FIRST = """
    # Token buckets, at length

    ## The picture

    Picture a bucket that holds ten tokens. Somebody drops a token into it at an even
    pace, five a second, and when the bucket is full, the token falls beside it and is
    lost. Each request takes one token out. If there is one, the request goes through.
    If there is none, it does not. That is the whole of it, and everything below only
    follows from it.

    ## Two numbers, two promises

    The **rate** is a promise about the long run: over an hour, no client gets more than
    five times 3,600 requests through, however it spreads them. The **size** is a promise
    about the moment: no client gets more than ten through at once. People mix these up,
    because in many systems one number stands for both. Keep them apart. A phone that
    wakes up and synchronises needs a large size and a small rate. A sensor that reports
    evenly needs the opposite.

    ## Filling without a timer

    Nobody really drops tokens. When a request comes, we look at the clock and add what
    would have come in since the last time:

    ```python
    elapsed = max(0.0, now - filled)
    tokens = min(size, tokens + elapsed * rate)
    ```

    This is exact, it costs nothing while nobody asks, and a million idle clients need no
    timer. The `min` is the overflow, the `max` guards against a clock that went back.

    ## What happens at zero

    An empty bucket refuses, and it must refuse **for free**. If a refused request cost a
    token as well, a client that retries without pause would never see the bucket fill: it
    would lock itself out by asking whether it is still locked out. The answer should say
    when the next token is due, which is `(1 - tokens) / rate` seconds from now. That is
    the number for the `Retry-After` header.
"""

LONG_SECOND = """
    ## Fractions

    Tokens are not whole. With a rate of five a second, after 0.1 s there is half a token
    in the bucket. It cannot be spent, but it must not be forgotten either: round it down
    and a client that asks every 0.1 s gets nothing for ever, although it keeps to the
    pace on average.

    ## Many buckets

    One bucket for each key, made when the key is first seen and full at that moment. A
    client that takes a new key for each request gets a full bucket each time, so the key
    must be something that costs effort to get: an account, not an address.

    ## Several machines

    Two servers with a bucket each let twice the limit through. You can live with that, or
    halve the numbers, or share the state. If you share it, share GCRA's one number rather
    than the bucket's two: one number can be changed in one atomic step.

    ## The mistakes, in the order in which people make them

    1. Reading the clock inside, and then sleeping in tests.
    2. Charging for refused requests.
    3. Whole tokens.
    4. A clock that jumps.
    5. A size of one, which turns every network hiccup into a 429.

    ## When not to use one

    If requests should **wait** rather than fail, use a leaky bucket. If the limit is on
    how many run **at the same time**, use a semaphore; a rate does not protect you from
    ten slow requests. And if the limit is there to stop an attack, put it in front of the
    application, because a limiter that runs after the handshake has already paid for it.
"""


@scene(LONG)
def at_length(turn: Turn) -> Scene:
    if LONG in turn.earlier:  # it was interrupted, and goes on
        yield say(prose(LONG_SECOND))
    else:
        yield say(
            Thinking("At length means: from the picture to the arithmetic to the mistakes."),
            prose(LONG_FIRST) + "\n\n" + prose(LONG_SECOND),
        )
