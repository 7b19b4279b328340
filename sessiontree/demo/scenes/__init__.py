"""What the demo's model says. Each prompt that the demo suggests, and each in its forest, has a
scene; anything else gets an honest answer from `improvised`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sessiontree.demo.api import Script
from sessiontree.demo.reply import Failure, Reply
from sessiontree.demo.request import Request
from sessiontree.demo.scenes import (  # with their import, all scenes are registered
    arms,
    at_length,
    improvised,
    limiter,  # noqa: F401
    login,  # noqa: F401
    next_steps,
    ways,
    windows,
)
from sessiontree.demo.scenes.stage import SCENES, Turn, key, play


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A prompt worth typing and what there is to see when it is sent."""

    prompt: str
    shows: str


SUGGESTIONS = (
    Suggestion(next_steps.RETRY_AFTER, "continue: files are written, and you are asked before"),
    Suggestion(windows.LEAKY, "fork an early turn: another answer to the same question"),
    Suggestion(next_steps.PLAN, "a plan to read before anything is changed"),
    Suggestion(arms.LIMITS, "a question back to you"),
    Suggestion(ways.DROP, "ctrl+f sends it to three models at once; = then compares what they did"),
    Suggestion(ways.WRITE_IT, "press H in the tree first: the answer of that row goes along"),
    Suggestion(next_steps.REVIEW, "a subagent at work"),
    Suggestion(
        next_steps.NAME, "ctrl+f again; m in the tree carries the best one back to the parent"
    ),
    Suggestion(at_length.LONG, "a long answer: interrupt it and go on"),
    Suggestion(arms.SQLITE, "the API fails; try again and it works"),
)
"""In a good order for the first five minutes."""

PACE = 0.03
"""Seconds from word to word: quick, but slow enough to read along and to interrupt."""

AGAIN = {key(prompt) for prompt in ("Go on", "Continue", "Try again", "Again")}


def script(workspace: Path) -> Script:
    """The script of a demo whose project is in `workspace`."""

    def answer(request: Request) -> Reply | Failure:
        turn = Turn(request, workspace)
        prompt = ways.brought(turn.prompt) or key(turn.prompt)
        if prompt in AGAIN and turn.earlier:
            prompt = key(turn.earlier[-1])
        scene = SCENES.get(prompt, improvised.improvise)
        return play(scene(turn), request.asked.steps)

    return answer
