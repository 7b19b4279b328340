"""How a session fares, from all that is known beside its transcript. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessiontree.model.overlay import Overlay, Status
from sessiontree.model.run_words import Ending, RunState
from sessiontree.model.text import label
from sessiontree.store.records import Annotation, Finish

if TYPE_CHECKING:
    from sessiontree.engine.runs import Run

_RUN = {
    RunState.QUEUED: Status.QUEUED,
    RunState.RUNNING: Status.RUNNING,
    RunState.WAITING: Status.WAITING,
    RunState.CLOSING: Status.RUNNING,
}
_ENDING = {
    Ending.FAILED: Status.FAILED,
    Ending.INTERRUPTED: Status.INTERRUPTED,
    Ending.DONE: Status.IDLE,
}


def overlay(
    run: Run | None,
    finish: Finish | None,
    annotation: Annotation,
    *,
    number: int,
    unseen: bool,
    elsewhere: bool,
    begun: str,
) -> Overlay:
    """`number`: of the turn that the run is on. `unseen`: the last run ended well and nobody
    looked yet. `begun`: label of the prompt that a session without turns was begun with."""
    status, since, prompt = Status.IDLE, None, ""
    if run is not None:
        status = _RUN[run.state]
        since = run.since or run.queued
        prompt = label(run.plan.prompt)
    elif finish is not None and finish.ending is not Ending.DONE:
        status, since = _ENDING[finish.ending], finish.at
    elif elsewhere:
        status = Status.ELSEWHERE
    elif unseen:
        status, since = Status.DONE, finish.at if finish else None
    return Overlay(
        status=status,
        since=since,
        prompt=prompt,
        number=number,
        label=begun,
        title=annotation.title,
        hidden=annotation.hidden,
        verdict=annotation.chosen,
        here=run is not None or finish is not None,
    )
