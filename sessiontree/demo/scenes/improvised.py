"""The answer to a prompt that has no scene: honest about what it is, and of some use."""

from __future__ import annotations

from sessiontree.demo.reply import say
from sessiontree.demo.scenes import arms, at_length, next_steps, windows
from sessiontree.demo.scenes.stage import Scene, Turn, prose

OPENINGS = (
    "I have no scene for “{prompt}”: I am the demo's scripted model, not Claude.",
    "“{prompt}” is more than I can do. I only play a part here: the demo's scripted model.",
    "A good prompt, and wasted on me: I am a script that plays the model in this demo.",
    "Claude would now set to work on “{prompt}”. I am only its stand-in for the demo.",
)

TRIES = (
    (next_steps.RETRY_AFTER, windows.LEAKY, arms.LIMITS),
    (next_steps.PLAN, next_steps.REVIEW, windows.GCRA),
    (next_steps.NAME, at_length.LONG, windows.SLIDING),
)

ANSWER = """
    {opening}

    The rest is real. Claude Code sent me this whole conversation, {conversation}, and it writes
    this answer into the session's transcript. You can continue it, fork it at any turn, and
    find both in the tree.

    These I can play:

    - {first}
    - {second}
    - {third}
"""


def improvise(turn: Turn) -> Scene:
    seed = len(turn.prompt) + len(turn.earlier)
    first, second, third = TRIES[seed % len(TRIES)]
    opening = OPENINGS[seed % len(OPENINGS)].replace("{prompt}", _short(turn.prompt))
    yield say(
        prose(
            ANSWER,
            opening=opening,
            conversation=_conversation(turn.earlier),
            first=first,
            second=second,
            third=third,
        )
    )


def _conversation(earlier: tuple[str, ...]) -> str:
    if not earlier:
        return "which begins with this prompt"
    if len(earlier) == 1:
        return f"with one earlier prompt (“{_short(earlier[0])}”)"
    return f"with {len(earlier)} earlier prompts, the first of them “{_short(earlier[0])}”"


def _short(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= 60 else line[:59] + "…"
