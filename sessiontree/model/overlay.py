"""What is known of a session beside its transcript: how it fares now, and what a person set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a session fares; the value is the word that is shown."""

    IDLE = ""
    WAITING = "permission"  # its run waits for a person
    RUNNING = "running"
    QUEUED = "queued"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DONE = "done"  # a run ended well and nobody has looked yet
    ELSEWHERE = "elsewhere"  # open in another process
    NEW = "new"  # started here, nothing written yet
    DAMAGED = "damaged"
    GONE = "gone"

    @property
    def active(self) -> bool:
        """Whether a run of it is under way, in the queue included."""
        return self in ACTIVE


ACTIVE = (Status.WAITING, Status.RUNNING, Status.QUEUED)
"""The most pressing first."""


class Verdict(StrEnum):
    """What a person decided about a session."""

    NONE = ""
    CHOSEN = "chosen"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """`prompt` and `number`: label of the prompt of a run under way and the number of its turn;
    shown as a turn until the transcript has that many. `label`: what a session without turns
    was called when it had some. `cost_usd`: what the run has spent beside the transcript's."""

    status: Status = Status.IDLE
    since: float | None = None  # of the status; seconds since the epoch
    prompt: str = ""
    number: int = 0
    label: str = ""
    cost_usd: float | None = None
    title: str = ""
    hidden: bool = False
    verdict: Verdict = Verdict.NONE
    here: bool = False  # it was run in this app

    @property
    def put_away(self) -> bool:
        return self.hidden or self.verdict is Verdict.DISCARDED


NO_OVERLAY = Overlay()
