"""Steps that several scenes share. Each is a part of a scene, to be used with `yield from`."""

from __future__ import annotations

from collections.abc import Generator

from sessiontree.demo.reply import Block, Failure, Reply, say
from sessiontree.demo.request import ToolResult
from sessiontree.demo.scenes.stage import Refused, Results, Turn, bash

TESTS = "python3 -m unittest"


def write(
    turn: Turn, name: str, content: str, *before: str | Block
) -> Generator[Reply | Failure, Results, None]:
    """Writes a file, whether or not it is there. Claude Code wants a file that exists to be
    read before it is written over."""
    try:
        yield say(*before, turn.write(name, content))
    except Refused as refusal:
        if not refusal.result.unusable:
            raise
        yield say(f"`{name}` is there already; I read it first.", turn.read(name))
        yield say(turn.write(name, content))


def run_tests(
    before: str = "", *, expect_failure: bool = False
) -> Generator[Reply | Failure, Results, str]:
    """Runs the tests and returns their summary, such as "8 tests, all passing".

    Where they fail unexpectedly, the scene stops with the truth about it."""
    results = yield say(*filter(None, [before]), bash(TESTS, "Run the tests"))
    summary = _summary(results[0])
    if results[0].is_error and not expect_failure:
        yield say(
            f"{summary[0].upper()}{summary[1:]}, which I did not expect: the workspace is not as "
            "this scene knows it. I stop here; the output above says what went wrong."
        )
    return summary


def _summary(result: ToolResult) -> str:
    ran = next((line for line in result.text.splitlines() if line.startswith("Ran ")), "")
    count = " ".join(ran.split()[1:3]) or "the tests"
    return f"{count}, {'with failures' if result.is_error else 'all passing'}"
