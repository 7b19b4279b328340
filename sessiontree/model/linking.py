"""Links that a person sets by hand: they win over everything that is found."""

from __future__ import annotations

from collections.abc import Iterable

from sessiontree.model.session import Evidence, Link, LinkKind, Session, Turn


class LinkRefused(ValueError):
    """A link that cannot be; the text is a sentence for a person."""


def by_hand(
    child: Session,
    parent: Session,
    turn: str | None = None,
    *,
    above: Iterable[str],
    kind: LinkKind = LinkKind.FORK,
) -> Link:
    """The link that says that `child` descends from `parent`. Where both have turns it left at the
    last of them; else at the end of `turn` (the canonical id of one of the parent's turns), by
    default of the parent's last. A handoff hangs behind them all unless a turn is given.

    `above`: the ancestors of `parent`. `kind`: of the link that the child has now.
    Raises `LinkRefused` for a circle, and for a turn at which it cannot have left."""
    if words := refusal(child.id, parent.id, above):
        raise LinkRefused(words)
    shared = last_shared(child, parent)
    if shared is not None:
        if turn not in (None, shared.id):
            raise LinkRefused(f"Both have the turns up to ‹{shared.label}›: it left there.")
        return Link(child.id, parent.id, shared.id, shared.last, Evidence.MANUAL, kind)
    if turn is None and kind is not LinkKind.HANDOFF and parent.line:
        turn = parent.line[-1].id
    if turn is not None and all(one.id != turn for one in parent.turns):
        raise LinkRefused("The session chosen as parent does not have that turn.")
    return Link(child.id, parent.id, turn, None, Evidence.MANUAL, kind)


def refusal(child: str, parent: str, above: Iterable[str]) -> str:
    """Why `child` cannot descend from `parent`, in a sentence, "" where it can. `above`: the
    ancestors of `parent`."""
    if child == parent:
        return "A session cannot be its own parent."
    if child in above:
        return (
            "That would make a circle: the session chosen as parent descends from this one. "
            "Cut its own link first."
        )
    return ""


def last_shared(child: Session, parent: Session) -> Turn | None:
    """The last of the parent's turns that is on the child's line too."""
    ids = {turn.id for turn in child.line}
    return next((turn for turn in reversed(parent.turns) if turn.id in ids), None)


def cut(child: str) -> Link:
    """The link that says that a session is a root."""
    return Link(child, None, evidence=Evidence.MANUAL)
