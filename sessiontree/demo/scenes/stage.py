"""How a scene is played: a generator that yields replies and gets the results of their tools.

    @scene("Run the tests")
    def run_the_tests(turn: Turn) -> Scene:
        results = yield say("I run them.", bash("python3 -m unittest", "Run the tests"))
        yield say(f"The last line says {results[0].text.splitlines()[-1]}.")

The API keeps no state: each request holds the whole conversation, so a scene is played from its
start each time, up to the reply that is wanted (at the cost of the square of its few steps). So
which way it takes may depend on the results and on the prompt, and on nothing that changes while
it is played.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from sessiontree.demo.reply import Failure, Reply, ToolUse, say
from sessiontree.demo.request import Request, ToolResult

Results = tuple[ToolResult, ...]
Scene = Generator[Reply | Failure, Results, None]

SCENES: dict[str, Callable[[Turn], Scene]] = {}
"""Each scene under the key of the prompt that starts it."""


class Refused(Exception):
    """The person did not allow a tool call, or the tool could not be used. A scene that does
    not catch it ends with a sentence about it."""

    def __init__(self, result: ToolResult) -> None:
        super().__init__(result.text)
        self.result = result


@dataclass(frozen=True)
class Turn:
    """A typed prompt as a scene sees it."""

    request: Request
    workspace: Path

    @property
    def prompt(self) -> str:
        return self.request.prompt

    @property
    def earlier(self) -> tuple[str, ...]:
        """The prompts before this one, the oldest first."""
        return self.request.asked.earlier

    @property
    def plan_file(self) -> str:
        """Where Claude Code wants the plan written; "" while it is not in plan mode."""
        return self.request.plan_file

    def read(self, name: str) -> ToolUse:
        return ToolUse("Read", {"file_path": self._path(name)})

    def write(self, name: str, content: str) -> ToolUse:
        return ToolUse("Write", {"file_path": self._path(name), "content": content})

    def edit(self, name: str, old: str, new: str) -> ToolUse:
        where = {"file_path": self._path(name), "old_string": old, "new_string": new}
        return ToolUse("Edit", where)

    def _path(self, name: str) -> str:
        return str(self.workspace / name)


def scene(prompt: str) -> Callable[[Callable[[Turn], Scene]], Callable[[Turn], Scene]]:
    """Registers the scene that `prompt` starts; case, spaces and the full stop do not matter."""

    def register(play: Callable[[Turn], Scene]) -> Callable[[Turn], Scene]:
        SCENES[key(prompt)] = play
        return play

    return register


def key(prompt: str) -> str:
    return " ".join(prompt.casefold().split()).rstrip(".!?")


def play(lines: Scene, steps: Sequence[Results]) -> Reply | Failure:
    """The reply with which the scene goes on after `steps`."""
    reply = next(lines)
    for results in steps:
        refused = next((result for result in results if result.denied or result.unusable), None)
        try:
            reply = lines.throw(Refused(refused)) if refused else lines.send(results)
        except Refused as refusal:
            reply = _after(refusal.result)
        except StopIteration:
            reply = say("That is all I have on this.")
    return reply


def _after(result: ToolResult) -> Reply:
    """What the model says when a scene cannot go on."""
    if result.unusable:
        return say(
            f"{result.name} could not do that: {result.reason}\n\nThe files are not as this scene "
            "knows them, so I stop here rather than guess."
        )
    return say(f"All right, I do not do that. What I was told:\n\n> {result.reason}")


def bash(command: str, description: str) -> ToolUse:
    return ToolUse("Bash", {"command": command, "description": description})


_STARTS_A_LINE = re.compile(r"\||>|[-*] |\d+\. |#|```|$")
_STANDS_ALONE = re.compile(r"\||#|```|$")


def prose(text: str, **values: str) -> str:
    """Markdown written in short source lines: each paragraph and list item becomes one line, and
    then each `{name}` the value of that name."""
    lines: list[str] = []
    fenced = False
    for line in dedent(text).strip().splitlines():
        fence = line.startswith("```")
        if fenced or fence or not lines or _STARTS_A_LINE.match(line) or _alone(lines[-1]):
            lines.append(line)
        else:
            lines[-1] += " " + line.strip()
        fenced ^= fence
    text = "\n".join(lines)
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _alone(line: str) -> bool:
    return bool(_STANDS_ALONE.match(line))
