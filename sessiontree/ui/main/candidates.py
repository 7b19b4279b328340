"""Sessions and turns as choices in a dialog."""

from __future__ import annotations

from collections.abc import Mapping

from sessiontree.engine.engine import Engine
from sessiontree.model.session import Session
from sessiontree.ui.dialogs.finder import Candidate
from sessiontree.ui.tree.words import age


def session_candidates(
    engine: Engine, without: str, first: Mapping[str, str], now: float
) -> list[Candidate]:
    """The sessions in scope but one: those in `first` come first, each with its word; then those
    that were at work last. `now`: seconds since the epoch. Linear in them."""
    forest = engine.forest
    others = [one for id in engine.catalog.in_scope if (one := forest.session(id))]
    others.sort(key=lambda one: (-(one.updated or 0.0), one.id))
    chosen = [one for id in first if (one := forest.session(id))]
    return [
        Candidate(one.id, engine.label(one.id), _note(one, first.get(one.id, ""), now))
        for one in dict.fromkeys([*chosen, *others])
        if one.id != without
    ]


def turn_candidates(session: Session) -> list[Candidate]:
    """The turns of a session's line, by number."""
    return [
        Candidate(turn.id, f"{number}  {turn.label}") for number, turn in enumerate(session.line, 1)
    ]


def _note(session: Session, word: str, now: float) -> str:
    when = age(now - session.updated) if session.updated else ""
    return "  ".join(filter(None, (word, when, session.id[:8])))
