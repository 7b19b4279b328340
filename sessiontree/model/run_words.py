"""What a run may do, does and comes to, in a word each. Apart from what a run is made of, as these
words are stored and seen in the tree too, long before there is a run."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Permission modes, by the names that Claude Code gives them."""

    DEFAULT = "default"
    ACCEPT_EDITS = "acceptEdits"
    PLAN = "plan"
    DONT_ASK = "dontAsk"
    BYPASS = "bypassPermissions"

    @property
    def words(self) -> str:
        return _MODE_WORDS[self]


_MODE_WORDS = {
    Mode.DEFAULT: "asks before tools",
    Mode.ACCEPT_EDITS: "accepts edits",
    Mode.PLAN: "plans only",
    Mode.DONT_ASK: "denies unasked",
    Mode.BYPASS: "ALL TOOLS UNASKED",
}


class Verb(StrEnum):
    NEW = "new"
    CONTINUE = "continue"
    FORK = "fork"


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for a person's answer
    CLOSING = "closing"


class Ending(StrEnum):
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
