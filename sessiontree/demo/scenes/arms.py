"""Arms that leave the first root later: threads, storage, limits, the README, an admin page."""

from __future__ import annotations

import re

from sessiontree.demo.reply import Failure, Thinking, ToolUse, say
from sessiontree.demo.request import ToolResult
from sessiontree.demo.scenes.stage import Refused, Scene, Turn, bash, prose, scene
from sessiontree.demo.scenes.steps import run_tests, write

THREADS = "Make it safe for threads"
REDIS = "Keep the buckets in Redis"
SQLITE = "Then use SQLite"
LIMITS = "Which limits should we set?"
README = "Write the README section"

TEST_THREADS = """\
import unittest
from concurrent.futures import ThreadPoolExecutor

from limiter import Limiter


class ThreadsTest(unittest.TestCase):
    def test_eight_threads_share_one_bucket(self):
        limiter = Limiter(rate=0, size=1000)
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: limiter.allows("ada", 0), range(4000)))
        self.assertEqual(sum(taken), 1000)
"""

SQLITE_STORE = '''\
"""Limits that several processes share: GCRA, one row for each key."""

import sqlite3


class SharedLimiter:
    """One request every `interval` seconds for each key, up to `tolerance` seconds early."""

    def __init__(self, path: str, interval: float, tolerance: float) -> None:
        self.interval = interval
        self.tolerance = tolerance
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS due (key TEXT PRIMARY KEY, at REAL)")

    def allows(self, key: str, now: float) -> bool:
        self.db.execute("INSERT OR IGNORE INTO due VALUES (?, 0)", (key,))
        changed = self.db.execute(
            "UPDATE due SET at = max(at, ?) + ? WHERE key = ? AND at - ? <= ?",
            (now, self.interval, key, self.tolerance, now),
        )
        return changed.rowcount == 1
'''

SQLITE_CHECK = """python3 - <<'END'
from shared_limiter import SharedLimiter

limiter = SharedLimiter(":memory:", interval=0.2, tolerance=1.8)
print(sum(limiter.allows("ada", 0.0) for _ in range(15)), "of 15 let through")
END"""

LIMITS_TOML = """\
# What a client may do.
rate = "{rate}"
burst = "twice the rate"
exempt = "{exempt}"
"""

QUESTIONS = {
    "questions": [
        {
            "question": "How often may one client ask?",
            "header": "Rate",
            "multiSelect": False,
            "options": [
                {"label": "5 a second", "description": "A person with a fast finger"},
                {"label": "50 a second", "description": "A script that behaves"},
                {"label": "500 a second", "description": "A batch job of a colleague"},
            ],
        },
        {
            "question": "Who is not limited at all?",
            "header": "Exempt",
            "multiSelect": True,
            "options": [
                {"label": "Health checks", "description": "They ask every second, for ever"},
                {"label": "Admins", "description": "Keys that begin with admin-"},
                {"label": "Localhost", "description": "Requests from the same machine"},
            ],
        },
    ]
}


@scene(THREADS)
def threads(turn: Turn) -> Scene:
    results = yield say(
        Thinking(
            "allows() reads tokens, computes and writes back. Two threads can both read the last "
            "token. There is a second place: setdefault builds a bucket each time and throws it "
            "away, but it is atomic, so that one is only waste."
        ),
        "`take` reads, computes and writes: two threads can spend the same token. A lock "
        "for each bucket is enough, since keys do not share anything.",
        turn.read("limiter.py"),
    )
    if "threading" in results[0].text:
        yield say("It has its lock already, one for all buckets. There is nothing left to do.")
        return
    yield say(
        turn.edit(
            "limiter.py",
            "from dataclasses import dataclass, field\n",
            "import threading\nfrom dataclasses import dataclass, field\n",
        ),
        turn.edit(
            "limiter.py",
            "        bucket = self.buckets.setdefault(key, TokenBucket(self.rate, self.size))\n"
            "        return bucket.take(now)\n",
            "        with self.lock:\n"
            "            bucket = self.buckets.setdefault(key, TokenBucket(self.rate, self.size))\n"
            "            return bucket.take(now)\n",
        ),
        turn.edit(
            "limiter.py",
            "        self.buckets: dict[str, TokenBucket] = {}\n",
            "        self.buckets: dict[str, TokenBucket] = {}\n"
            "        self.lock = threading.Lock()\n",
        ),
    )
    yield from write(turn, "test_threads.py", TEST_THREADS, "And a test with eight of them.")
    summary = yield from run_tests()
    yield say(
        prose(
            """
            Four thousand requests from eight threads, and exactly the thousand that were allowed
            came through ({summary}).

            I said a lock for each bucket, and then took **one for all**. The work inside is a
            handful of additions; the second lock to guard the dictionary would cost more than
            the waiting it saves.
            """,
            summary=summary,
        )
    )


@scene(REDIS)
def redis(turn: Turn) -> Scene:
    try:
        yield say(
            Thinking(
                "Several processes need one place for the buckets. Redis is the usual answer: a "
                "short script on the server makes take() atomic. The project has no dependencies "
                "so far, so I should not install one without being allowed to."
            ),
            "The usual home for shared counters. It needs the client library:",
            bash("python3 -m pip install redis", "Install the Redis client"),
        )
    except Refused as refusal:
        yield say(_without_redis(refusal.result))
    else:
        yield say(
            "Before I write anything: where does your Redis run, and may the API work without "
            "it while it is down?"
        )


def _without_redis(refused: ToolResult) -> str:
    return prose(
        """
        Understood: “{reason}” Then Redis is out, and with it a server to run.

        Two ways stay within the standard library:

        - **SQLite** with one row for each key. Safe between processes on one machine, and the
          file survives a restart.
        - **One process owns the limiter**, the others ask it over a socket. Faster, but it is
          a service to look after.

        For notes I would take SQLite. GCRA fits better than a bucket there: one number for each
        key makes it a single `UPDATE`.
        """,
        reason=refused.reason,
    )


@scene(SQLITE)
def sqlite(turn: Turn) -> Scene:
    if SQLITE not in turn.earlier:  # it works when it is tried again
        yield Failure(529, "Overloaded")
    yield from write(
        turn,
        "shared_limiter.py",
        SQLITE_STORE,
        "One row for each key, and one `UPDATE` that both checks and pays: no lock needed.",
    )
    results = yield say(bash(SQLITE_CHECK, "Fifteen requests at once"))
    yield say(
        prose(
            """
            `{output}`, as with the bucket of ten.

            The condition is part of the `UPDATE`, so two processes cannot both spend the last
            request: the second finds no row to change. Give it a path instead of `:memory:` and
            the limits survive a restart.
            """,
            output=results[0].text.strip(),
        )
    )


@scene(LIMITS)
def limits(turn: Turn) -> Scene:
    results = yield say(
        Thinking(
            "I could guess, but a limit is a promise to the people who use the API. Two "
            "questions are enough: how much, and for whom not."
        ),
        "That is yours to decide; two answers are enough for me to write it down.",
        ToolUse("AskUserQuestion", QUESTIONS),
    )
    answers = _answers(results[0].text)
    rate = answers.get("How often may one client ask?", "5 a second")
    exempt = answers.get("Who is not limited at all?", "nobody")
    content = LIMITS_TOML.format(rate=rate, exempt=exempt)
    yield from write(turn, "limits.toml", content, f"So {rate}, and never for: {exempt}.")
    yield say(
        prose(
            """
            `limits.toml` says it in words a person can change:

            ```toml
            {content}
            ```

            Nothing reads it yet; that would be the next step. A burst of twice the rate is my
            guess: watch the 429s for a week and change it.
            """,
            content=content.strip(),
        )
    )


def _answers(text: str) -> dict[str, str]:
    """The answers out of `… "question"="answer", "question"="answer". …`."""
    return dict(re.findall(r'"([^"]*)"="([^"]*)"', text))


@scene(README)
def readme(turn: Turn) -> Scene:
    yield say("A short one. I look at what is there.", turn.read("README.md"))
    yield say(
        turn.edit(
            "README.md",
            "    python3 -m unittest\n",
            "    python3 -m unittest\n"
            "\n"
            "## Limits\n"
            "\n"
            "`Api(Limiter(rate=5, size=10))` answers 429 to a client that asks too often: ten\n"
            "requests at once, then five a second. Each key has a limit of its own.\n",
        )
    )
    yield say(
        "Three lines, right under how to run the tests. It names the two numbers and says what "
        "they mean; how a token bucket works is nobody's business in a README."
    )
