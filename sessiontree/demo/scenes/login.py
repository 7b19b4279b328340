"""The second root: a test that fails on Sundays, found with the help of a subagent."""

from __future__ import annotations

from sessiontree.demo.reply import Thinking, ToolUse, say
from sessiontree.demo.scenes.stage import Scene, Turn, bash, prose, scene
from sessiontree.demo.scenes.steps import run_tests

FLAKY = "Fix the flaky login test"
ELSEWHERE = "Does anything else read the clock?"
COMMIT = "Write the commit message"
OVERVIEW = "What is in this project?"

TASK = "Find every place where the login code or its tests depend on the current date."

SUNDAY = """python3 - <<'END'
from datetime import date, timedelta
from login import issue

monday = date(2024, 1, 1)
for day in (monday + timedelta(days=n) for n in range(7)):
    print(f"{day:%a}", "valid" if issue("ada", day).valid(on=day) else "NOT VALID")
END"""


CLOCKS = """
    These do:

    ```
    {found}
    ```

    As long as the time is handed on from there, and nothing deeper asks for it, tests need no
    tricks.
"""


@scene(FLAKY)
def flaky(turn: Turn) -> Scene:
    yield say(
        Thinking(
            "Flaky without threads or network usually means the clock. I send an agent to find "
            "what depends on the date, so that I can look at the failure with a clear head."
        ),
        "A test that fails now and then, with no threads and no network: I suspect the date. "
        "An agent looks for where it comes in.",
        ToolUse(
            "Agent",
            {
                "description": "Find uses of the date",
                "prompt": TASK,
                "subagent_type": "Explore",
                "run_in_background": False,
            },
        ),
    )
    results = yield say(
        "So the test runs with the date of today, whatever that is. I try a whole week:",
        bash(SUNDAY, "Issue a token on each day of a week"),
    )
    if "NOT VALID" not in results[0].text:
        yield say("Every day of the week is fine here: somebody has mended it already.")
        return
    yield say(
        Thinking(
            "weekday() is 6 on a Sunday, so the token gets 6 - 6 = 0 days and has expired when "
            "it is issued. The docstring says Sunday included, and valid() compares with <. So "
            "it must be 7 minus the weekday: a token ends when Monday begins."
        ),
        "**On Sundays.** The token gets `6 - 6 = 0` days and has expired before it is used. The "
        "test was right all along, once a week.",
        turn.read("login.py"),
        turn.read("test_login.py"),
    )
    yield say(
        turn.edit("login.py", "days=6 - today.weekday()", "days=7 - today.weekday()"),
        turn.edit(
            "test_login.py",
            "        today = date.today()\n"
            '        self.assertTrue(issue("ada", today).valid(on=today))\n',
            "        for day in range(1, 8):\n"
            "            today = date(2024, 1, day)  # a Monday to a Sunday\n"
            "            with self.subTest(today.strftime('%A')):\n"
            '                self.assertTrue(issue("ada", today).valid(on=today))\n',
        ),
    )
    summary = yield from run_tests()
    yield say(
        prose(
            """
            Both are mended ({summary}):

            - **`login.py`**: a token now ends when Monday begins, as its docstring promised. This
              was a real fault: nobody could log in on a Sunday.
            - **`test_login.py`**: tries all seven days instead of whichever day it is.

            The flaky test was the only one that told the truth. I would not have found this by
            running it again until it passed.
            """,
            summary=summary,
        )
    )


@scene(TASK)
def look_for_dates(turn: Turn) -> Scene:
    """What the subagent does."""
    yield say(bash("grep -n 'today\\|now()\\|time()' *.py", "Search for uses of the date"))
    yield say(
        prose(
            """
            Two places:

            - `test_login.py`: the test takes `date.today()`, so it checks another day on each run.
            - `login.py`: `issue()` is given the date and computes the expiry from its weekday.

            Nothing else in the project reads the clock.
            """
        )
    )


@scene(ELSEWHERE)
def elsewhere(turn: Turn) -> Scene:
    results = yield say(
        bash("grep -n 'today()\\|now()\\|time()\\|monotonic()' *.py", "Search for clocks")
    )
    found = "" if results[0].is_error else results[0].text.strip()
    if found and not found.startswith("("):  # "(… no output)"
        yield say(prose(CLOCKS, found=found))
    else:
        yield say(
            "No. `login.py` is handed its date, and nothing else asks for the time. That is how I "
            "would keep it: **whoever calls decides what time it is**, and tests need no tricks."
        )


@scene(COMMIT)
def commit(turn: Turn) -> Scene:
    yield say(
        prose(
            """
            ```
            Let people log in on Sundays

            A token issued on a Sunday got zero days and had expired before its first use. It
            now ends when Monday begins, as the docstring always said.

            The login test used the date of the day, so it failed on Sundays only. It tries all
            seven days now.
            ```

            The first line says what changes for people, not which line of code changed.
            """
        )
    )


@scene(OVERVIEW)
def overview(turn: Turn) -> Scene:
    results = yield say(
        "I look.", bash("ls && wc -l *.py", "List the files"), turn.read("README.md")
    )
    lines = results[0].text.strip().splitlines()[-1].split()[0]
    yield say(
        prose(
            """
            A notes API, small enough to read with a coffee ({lines} lines of Python):

            - `notes.py` is the API: one class, one entry point, notes in memory.
            - `login.py` hands out tokens that are good until the end of the week.
            - Each has its tests; `python3 -m unittest` runs them.

            No dependencies and no server of its own. If I were to add something, it would be a
            **limit on how often a client may ask**: at the moment one client can keep the API
            busy all by itself.
            """,
            lines=lines,
        )
    )
