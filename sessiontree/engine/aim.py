"""What Enter will do: an aim in words, and the plan it becomes. Pure functions over the data."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sessiontree.model.arms import path
from sessiontree.model.run import Choice, Grants, Plan, Verb
from sessiontree.model.session import Evidence, Link, LinkKind, Presence, Session, Turn, worktree
from sessiontree.model.text import clean_line


@dataclass(frozen=True, slots=True)
class Aim:
    """`keep` is the canonical id of the last turn that a fork keeps; None keeps all of it.
    `link` is what a new session gets to `session`: a fork that leaves before its first turn, or a
    handoff.
    `child` is the id of a session that was begun and never written: it is begun again.
    With a `refusal` (a sentence) nothing can be sent."""

    verb: Verb
    words: str
    cwd: str
    session: str | None = None
    keep: str | None = None
    link: LinkKind | None = None
    child: str = ""
    refusal: str = ""


def new(cwd: str, shown: str) -> Aim:
    return Aim(Verb.NEW, f"new session in {clean_line(shown)}", cwd)


def go_on(session: Session, label: str, number: int, *, busy: bool, cwd: str) -> Aim:
    """Continue a session at its tip with its turn `number`; while it runs, the prompt waits."""
    refusal = ""
    if session.presence is Presence.GONE:
        refusal = "The transcript of this session is gone: it can be read, not continued."
    queued = " when its run is over" if busy else ""
    words = f"continue ‹{label}› with turn {number}{_in_worktree(session)}{queued}"
    return Aim(Verb.CONTINUE, words, session.cwd or cwd, session.id, refusal=refusal)


def begin_again(session: Session, label: str, link: Link | None, cwd: str) -> Aim:
    """A session whose first run ended before Claude Code wrote anything of it."""
    words, where = f"begin ‹{label}› again", session.cwd or cwd
    if link is None or link.parent is None:
        return Aim(Verb.NEW, words, where, child=session.id)
    if link.turn is None:
        return Aim(Verb.NEW, words, where, link.parent, link=link.kind, child=session.id)
    return Aim(Verb.FORK, words, where, link.parent, link.turn, child=session.id)


def fork(session: Session, label: str, turn: str | None, coming: Collection[str], cwd: str) -> Aim:
    """Fork a session at the end of a turn, or of all of it. `coming`: its turns that run or wait;
    what is written of the one that runs is not whole yet, so a fork leaves before it."""
    where = session.cwd or cwd
    line = [turn for turn in session.line if turn.id not in coming]
    nothing = not line if turn is None else turn in coming
    if session.presence in (Presence.GONE, Presence.NEW) or not session.turns or nothing:
        why = (
            "The transcript of this session is gone: there is nothing to fork from."
            if session.presence is Presence.GONE
            else "Nothing to fork from yet: this turn is not finished."
        )
        return Aim(Verb.FORK, f"fork ‹{label}›", where, session.id, refusal=why)
    if turn is None and coming:
        turn = line[-1].id
    if turn is None or (line and turn == line[-1].id and not coming):
        words = f"fork ‹{label}› at its end{_in_worktree(session)}"
        return Aim(Verb.FORK, words, where, session.id)
    words = f"fork ‹{label}› {_place(session, turn)}{_in_worktree(session)}"
    return Aim(Verb.FORK, words, where, session.id, turn)


def fork_before(session: Session, label: str, turn: Turn, cwd: str) -> Aim:
    """Edit and fork: the fork leaves before `turn`, whose prompt is typed anew."""
    where = session.cwd or cwd
    place = _place(session, turn.id).removeprefix("at ")
    words = f"fork ‹{label}› before {place}{_in_worktree(session)}"
    if session.presence is Presence.GONE:
        why = "The transcript of this session is gone: there is nothing to fork from."
        return Aim(Verb.FORK, words, where, session.id, refusal=why)
    if turn.parent is None:
        return Aim(Verb.NEW, words, where, session.id, link=LinkKind.FORK)
    return Aim(Verb.FORK, words, where, session.id, turn.parent)


def hand_over(session: Session, label: str, busy: bool, cwd: str) -> Aim:
    """A new session in the same folder that goes on from the outcome of a finished one."""
    words = f"new session handed over from ‹{label}›{_in_worktree(session)}"
    refusal = "It still runs: hand it over when it is finished, esc interrupts it." if busy else ""
    where = session.cwd or cwd
    return Aim(Verb.NEW, words, where, session.id, link=LinkKind.HANDOFF, refusal=refusal)


def _place(session: Session, turn: str) -> str:
    """`at turn 2`, or for a turn on an arm that was left `at ‹its label›`."""
    for number, one in enumerate(session.line, 1):
        if one.id == turn:
            return f"at turn {number}"
    label = next((one.label for one in session.turns if one.id == turn), "?")
    return f"at ‹{label}›"


def _in_worktree(session: Session) -> str:
    name = worktree(session.cwd)
    return f" in worktree {clean_line(name)}" if name else ""


def plan(
    aim: Aim,
    prompt: str,
    session: Session | None,
    choice: Choice,
    grants: Grants,
    spent: float | None,
) -> tuple[Plan, Link | None]:
    """The run that an aim stands for and, for a fork, the link to store before it starts."""
    turn = str(uuid.uuid4())
    if aim.verb is Verb.CONTINUE and session is not None:
        run = Plan(
            aim.verb, session.id, turn, prompt, aim.cwd, session.id, None, choice, grants, spent
        )
        return run, None
    child = aim.child or str(uuid.uuid4())
    if aim.verb is Verb.NEW or session is None:
        link = None
        if aim.link is not None:
            link = Link(child, aim.session, None, None, Evidence.MADE, aim.link)
        return Plan(Verb.NEW, child, turn, prompt, aim.cwd, None, None, choice, grants), link
    kept = next((one for one in session.turns if one.id == aim.keep), None)
    last = kept or session.line[-1]
    at = kept.last if kept else None
    link = Link(child, session.id, last.id, last.last, Evidence.MADE)
    run = Plan(Verb.FORK, child, turn, prompt, aim.cwd, session.id, at, choice, grants, spent)
    return run, link


def turn_number(plan: Plan, parent: Session, coming: Collection[str]) -> int:
    """Which turn of its session a plan's prompt will be. `coming`: the turns of that session that
    run or wait already."""
    if plan.verb is not Verb.FORK:
        return next_number(parent, coming)
    kept = next((turn for turn in parent.turns if turn.last == plan.at), None)
    return len(path(parent.turns, kept.id) if kept else parent.line) + 1


def next_number(session: Session, coming: Collection[str]) -> int:
    """Which turn of a session the next prompt will be, behind those that run or wait."""
    written = {turn.id for turn in session.line}
    return len(written) + sum(turn not in written for turn in coming) + 1
