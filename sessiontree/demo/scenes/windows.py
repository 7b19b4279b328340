"""The arms that count differently: a sliding window, GCRA, and a leaky bucket for the person."""

from __future__ import annotations

from sessiontree.demo.reply import Thinking, say
from sessiontree.demo.scenes.stage import Scene, Turn, bash, prose, scene
from sessiontree.demo.scenes.steps import write

SLIDING = "Try a sliding window instead"
MEMORY = "How much memory would it take?"
GCRA = "What about GCRA?"
EXPLAIN = "Explain GCRA to someone new to it"
DRAW = "Draw it"
LEAKY = "Try a leaky bucket instead"

SLIDING_WINDOW = '''\
"""A limit over the last second, whenever that second began."""

from dataclasses import dataclass


@dataclass
class SlidingWindow:
    """Allows `limit` requests in any `span` seconds, near enough: it keeps two counters and
    takes the older one for evenly spread."""

    limit: int
    span: float = 1.0
    window: int = 0
    current: int = 0
    previous: int = 0

    def take(self, now: float) -> bool:
        window, into = divmod(now, self.span)
        if window != self.window:
            self.previous = self.current if window == self.window + 1 else 0
            self.window, self.current = int(window), 0
        overlap = 1 - into / self.span
        if self.current + self.previous * overlap >= self.limit:
            return False
        self.current += 1
        return True
'''

GCRA_CODE = '''\
"""GCRA: a rate limit that remembers a single time."""

from dataclasses import dataclass


@dataclass
class Gcra:
    """Allows one request every `interval` seconds, and lets a client be `tolerance` early."""

    interval: float
    tolerance: float
    due: float = 0.0

    def take(self, now: float) -> bool:
        if now < self.due - self.tolerance:
            return False
        self.due = max(now, self.due) + self.interval
        return True
'''

LEAKY_BUCKET = '''\
"""A leaky bucket: requests wait in line and leave at an even pace."""

from dataclasses import dataclass


@dataclass
class LeakyBucket:
    """Lets `rate` requests out a second and holds up to `size` that wait."""

    rate: float
    size: int
    free_at: float = 0.0

    def wait(self, now: float) -> float | None:
        """Seconds until this request may go, None where the line is full."""
        wait = max(0.0, self.free_at - now)
        if wait > self.size / self.rate:
            return None
        self.free_at = max(now, self.free_at) + 1 / self.rate
        return wait
'''

SLIDING_CHECK = """python3 - <<'END'
from sliding_window import SlidingWindow

window = SlidingWindow(limit=10)
for at in (0.9, 1.0, 1.1, 1.5, 2.0):
    print(f"{at:.1f} s  {sum(window.take(at) for _ in range(10))} of 10 let through")
END"""

MEMORY_CHECK = """python3 - <<'END'
import tracemalloc
from sliding_window import SlidingWindow

tracemalloc.start()
windows = {f"client-{n}": SlidingWindow(limit=10) for n in range(10_000)}
print(f"{tracemalloc.get_traced_memory()[0] / len(windows):.0f} bytes a client")
END"""

GCRA_CHECK = """python3 - <<'END'
from gcra import Gcra

limit = Gcra(interval=0.2, tolerance=1.8)
for at in (0.0, 1.0, 1.1, 5.0):
    print(f"{at:.1f} s  {sum(limit.take(at) for _ in range(15))} of 15 let through")
END"""

LEAKY_CHECK = """python3 - <<'END'
from leaky_bucket import LeakyBucket

bucket = LeakyBucket(rate=5, size=10)
waits = [bucket.wait(0.0) for _ in range(13)]
print(" ".join("full" if wait is None else f"{wait:.1f}" for wait in waits))
END"""


@scene(SLIDING)
def sliding(turn: Turn) -> Scene:
    yield from write(
        turn,
        "sliding_window.py",
        SLIDING_WINDOW,
        Thinking(
            "An exact sliding window keeps the time of every request. The usual trick is cheaper: "
            "two counters, and the older window counts for as much of it as still overlaps. It "
            "assumes an even spread in the older window, which is wrong for bursts, but never by "
            "more than one window's worth."
        ),
        "A sliding window without a log: two counters, and the older one fades out.",
    )
    results = yield say(bash(SLIDING_CHECK, "Send bursts across the window's edge"))
    yield say(
        prose(
            """
            ```
            {output}
            ```

            The burst at 0.9 s uses up its second, and 0.2 s later a single request gets through.
            A fixed window would have let ten more pass at 1.0 s. That is the point of it.

            | | sliding window | token bucket |
            | --- | --- | --- |
            | After a rest | the usual limit | a whole burst at once |
            | Refused until | the window has moved on | the next token is in |
            | Numbers to choose | 1 | 2 |

            It is stricter with bursts and has one number less to explain. If nobody needs
            bursts, I would take this one.
            """,
            output=results[0].text.strip(),
        )
    )


@scene(MEMORY)
def memory(turn: Turn) -> Scene:
    results = yield say(
        "I count it rather than guess.", bash(MEMORY_CHECK, "Measure ten thousand windows")
    )
    yield say(
        prose(
            """
            **{output}**, the key and the dictionary's share included. A million
            clients would fit into a small machine.

            `@dataclass(slots=True)` would save some of that. I leave it out until it matters,
            since a million clients is not the problem of this week.
            """,
            output=results[0].text.strip(),
        )
    )


@scene(GCRA)
def gcra(turn: Turn) -> Scene:
    yield from write(
        turn,
        "gcra.py",
        GCRA_CODE,
        Thinking(
            "GCRA comes from telephone networks. It stores the time at which the next request is "
            "due if everyone keeps to the pace. A request that comes a little early is fine, one "
            "that comes far too early is not. Same behaviour as a token bucket, one number."
        ),
        "The same limit as a token bucket, in one number: when the next request is due.",
    )
    results = yield say(bash(GCRA_CHECK, "Try bursts and rests"))
    first = results[0].text.strip().splitlines()[0]
    yield say(
        prose(
            """
            With one request every 0.2 s and 1.8 s of tolerance, the first burst gives
            `{first}`: a bucket of ten, without a bucket.

            - **State:** one time for each key. It fits into a single database column, and one
              `UPDATE … WHERE` makes it safe between processes.
            - **Behaviour:** that of a token bucket with `rate = 1 / interval` and
              `size = 1 + tolerance / interval`.
            - **Price:** nobody understands it at first sight, me included.

            In one process I would stay with the bucket, which explains itself. As soon as the
            state has to leave the process, I would take this.
            """,
            first=first,
        )
    )


@scene(EXPLAIN)
def explain(turn: Turn) -> Scene:
    yield say(
        Thinking(
            "Someone new to it needs a picture before the formula. A bus that comes every ten "
            "minutes? No: a doctor's appointment book. You may come early, but not a day early."
        ),
        prose(
            """
            # GCRA, without the name

            Think of a doctor who sees one patient every ten minutes, and of a waiting room.

            1. When you book, you get a **time at which you are due**.
            2. If you come **later**, that is fine. The doctor has had a rest, and your time
               counts from now.
            3. If you come **a little early**, you sit in the waiting room.
            4. If you come **so early that the room is full**, you are sent home. And since you
               were not seen, the book does not change.

            That is all of it. In code the book is one number:

            ```python
            if now < due - tolerance:      # the waiting room is full
                return False
            due = max(now, due) + interval # the next appointment
            return True
            ```

            ## Where the burst comes from

            After a quiet hour, `due` lies in the past. Then `max(now, due)` starts the book at
            *now*, and the whole waiting room is free again: as many may come at once as it has
            seats.

            ## What to remember

            - `interval` is the pace, `tolerance` the size of the waiting room.
            - Only a request that is let through moves the book.
            - One number for each client, and no timer anywhere.
            """
        ),
    )


@scene(DRAW)
def draw(turn: Turn) -> Scene:
    yield say(
        prose(
            """
            With a second between requests and two seconds of tolerance:

            ```
            clock   0         1         2         3         4         5
                    |---------|---------|---------|---------|---------|
            asked   xxxx                          x                   x
            answer  ✓✓✓✗                          ✓                   ✓
            due     3                             4                   6
            ```

            - **At 0** three pass and push `due` to 3. A fourth would be three seconds early.
            - **At 3** the clock has caught up with `due`, and one request pushes it on by one.
            - **At 5** the clock has overtaken it, so the next appointment counts from now.
            """
        ),
    )


@scene(LEAKY)
def leaky(turn: Turn) -> Scene:
    yield from write(
        turn,
        "leaky_bucket.py",
        LEAKY_BUCKET,
        Thinking(
            "A leaky bucket is not a stricter token bucket, it does something else: it makes "
            "requests wait instead of refusing them. So the method has to return a waiting time."
        ),
        "A leaky bucket does not refuse, it makes you wait. So this one answers with seconds.",
    )
    results = yield say(bash(LEAKY_CHECK, "Thirteen requests at once"))
    yield say(
        prose(
            """
            Thirteen requests at the same moment have to wait this many seconds:

            ```
            {output}
            ```

            | | token bucket | leaky bucket |
            | --- | --- | --- |
            | Over the limit | 429, at once | waits its turn |
            | What comes out | bursts | an even stream |
            | The caller must | try again | be patient |

            For an API I would keep the token bucket: a client that waits holds a connection
            open, and under load those are what runs out. For a **queue of jobs** this is the
            better one.
            """,
            output=results[0].text.strip(),
        )
    )
