"""Links that a person sets by hand: they win over everything that is found."""

from __future__ import annotations

from collections.abc import Iterable

from sessiontree.model.session import Evidence, Link, LinkKind, Session


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
    """The link that says that `child` descends from `parent`, from the end of `turn` (the
    canonical id of one of the parent's turns) on. Without a turn it is the last that both have,
    else the parent's last; a handoff then hangs behind them all.

    `above`: the ancestors of `parent`. `kind`: of the link that the child has now.
    Raises `LinkRefused` for a circle and for a turn that the parent does not have."""
    if child.id == parent.id:
        raise LinkRefused("A session cannot be its own parent.")
    if child.id in above:
        raise LinkRefused(
            "That would make a circle: the session chosen as parent descends from this one. "
            "Cut its own link first."
        )
    if turn is None and kind is not LinkKind.HANDOFF:
        turn = default_turn(child, parent)
    at = next((one for one in parent.turns if one.id == turn), None)
    if turn is not None and at is None:
        raise LinkRefused("The session chosen as parent does not have that turn.")
    shares = at is not None and any(one.id == at.id for one in child.turns)
    point = at.last if at is not None and shares else None
    return Link(child.id, parent.id, turn, point, Evidence.MANUAL, kind)


def default_turn(child: Session, parent: Session) -> str | None:
    """The last turn that both have, else the parent's last; None where it has none."""
    theirs = {turn.id for turn in parent.turns}
    shared = [turn.id for turn in child.turns if turn.id in theirs]
    line = parent.line or parent.turns
    return shared[-1] if shared else line[-1].id if line else None


def cut(child: str) -> Link:
    """The link that says that a session is a root."""
    return Link(child, None, evidence=Evidence.MANUAL)
