"""Runs: what is to be run, what it asks on the way, and how it ended. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sessiontree.model.run_words import Ending, Mode, RunState, Verb

__all__ = [
    "Allow",
    "Answer",
    "Ask",
    "AskKind",
    "Choice",
    "Deny",
    "Ending",
    "Grants",
    "Mode",
    "Outcome",
    "Plan",
    "Reason",
    "RunState",
    "Suggestion",
    "Verb",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose for a run, or for the next ones."""

    mode: Mode = Mode.DEFAULT
    model: str = ""  # "" leaves it to Claude Code
    effort: str = ""  # low, medium, high, max; "" leaves it to Claude Code
    append: str = ""  # added to the system prompt


@dataclass(frozen=True, slots=True)
class Grants:
    """Permissions given by 'always' that the runs after it are to have as well."""

    rules: tuple[str, ...] = ()  # e.g. "Bash(pytest:*)"
    folders: tuple[str, ...] = ()

    def __add__(self, other: Grants) -> Grants:
        return Grants(
            tuple(dict.fromkeys(self.rules + other.rules)),
            tuple(dict.fromkeys(self.folders + other.folders)),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """One execution of the agent: one prompt on one session.

    `session` is where the answer goes; for a fork or a new session it is an id that the app
    chose. `turn` is the uuid that the prompt gets in the transcript, chosen likewise. `at` is
    the uuid of the last entry of `parent` that a fork keeps; None keeps all of it.
    `spent` is what the resumed session had cost already: the CLI counts on from there.
    `project` is the fingerprint of the project's own settings that the person trusted; with ""
    none of the project's settings, servers and instructions are loaded. `worktree` is the name
    of the git worktree that the run gets, "" where it works in `cwd` itself."""

    verb: Verb
    session: str
    turn: str
    prompt: str
    cwd: str
    parent: str | None = None
    at: str | None = None
    choice: Choice = Choice()
    grants: Grants = Grants()
    spent: float | None = 0.0
    project: str = ""
    worktree: str = ""


class AskKind(StrEnum):
    PERMISSION = "permission"
    QUESTION = "question"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One of the CLI's own 'always' choices, in words. `lasting`: it is kept in settings and
    holds for the folder; else it holds for the session that asked."""

    words: str
    grants: Grants = Grants()
    mode: Mode | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A tool call that waits for a person. Every text in it is clean."""

    id: str
    session: str
    kind: AskKind
    tool: str
    input: Mapping[str, Any]
    title: str = ""
    reason: str = ""
    agent: str = ""  # not "" when a subagent asks
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class Allow:
    """`always` are indices into the suggestions; `answers` (question → answer) for a question."""

    always: tuple[int, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deny:
    message: str = ""


Answer = Allow | Deny


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run ended as it did, for a person. `text` is ours: what happened, what to do. `said`
    is what Claude Code or the API gave: it may quote a message, so it is shown and never stored."""

    text: str = ""
    said: str = ""

    @property
    def words(self) -> str:
        return f"{self.text} It said: {self.said}" if self.said else self.text


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    ending: Ending
    reason: Reason = Reason()
    cost_usd: float | None = None
    heard: bool = False  # whether the prompt is in the transcript
