"""The counters of costs of many sessions: what a fork went on counting from. Pure: no I/O.

The CLI does not write which session a fork was made of. Nearly always that is its parent; but a
fork of a fork may keep only turns of its grandparent, which is its parent then, and counts on from
what the one in between had spent. That one is known where all tokens are accounted for.
"""

from __future__ import annotations

from collections.abc import Iterator

from sessiontree.claude import cost
from sessiontree.claude.scanned import Scanned, Spent

_Stand = tuple[int, int]
"""When a count began, and the tokens in it."""


class Counters:
    """All of them, kept up to date."""

    def __init__(self) -> None:
        self._there: dict[_Stand, dict[str, Spent]] = {}  # → by session
        self._wanted: dict[_Stand, set[str]] = {}  # → forks that went on from it

    def replace(self, id: str, old: Scanned | None, new: Scanned | None) -> Iterator[str]:
        """Take what a session's counter says now. The forks for which it is the one or may be no
        more. Costs what the two say."""
        before, after = _stands(old), _stands(new)
        for stand in before.keys() - after.keys():
            del self._there[stand][id]
            yield from self._wanted.get(stand, ())
        for stand in after.keys() - before.keys():
            self._there.setdefault(stand, {})[id] = after[stand]
            yield from self._wanted.get(stand, ())
        if old and (stand_before := _went_on_from(old)):
            self._wanted[stand_before].discard(id)
        if new and (stand_now := _went_on_from(new)):
            self._wanted.setdefault(stand_now, set()).add(id)

    def taken_over(self, fork: Scanned, parent: Scanned | None) -> float | None:
        """US dollars at which the counter of `fork` began, None where nobody knows."""
        if not fork.steps or not fork.is_copied(fork.steps[0]) or fork.minted:
            return 0.0
        stand = _went_on_from(fork)
        there = self._there.get(stand, {}).values() if stand else ()
        created = fork.session.created or 0.0
        before = [one.total for one in there if one.time is not None and one.time <= created]
        if before:
            return min(before)  # nearly always they are the same
        found = taken_over(parent, fork) if parent else None
        return 0.0 if found is None and _counts_anew(fork) else found


def taken_over(parent: Scanned, fork: Scanned) -> float | None:
    """What the counter of costs stood at when a fork of `parent` took it over."""
    return cost.inherited(parent.spent, fork.spent, fork.session.created)


def _counts_anew(fork: Scanned) -> bool:
    """Whether a fork's counter began behind all that was copied. It does where that of the session
    it was made of said nothing, and with `/branch` (seen on Claude Code 2.1.330)."""
    copied = [step.time for step in fork.steps if step.time is not None and fork.is_copied(step)]
    return bool(fork.spent and copied and fork.spent[0].begun > max(copied) * 1000)


def _stands(scanned: Scanned | None) -> dict[_Stand, Spent]:
    """Each with the line that said it first: later ones can say it again."""
    spent = reversed(scanned.spent if scanned else ())
    return {(state.begun, state.tokens): state for state in spent if state.tokens}


def _went_on_from(fork: Scanned) -> _Stand | None:
    """The count at which a fork began: what it says first, without what its own turns used."""
    if not fork.spent or not fork.steps or not fork.is_copied(fork.steps[0]) or fork.minted:
        return None
    state = fork.spent[0]
    own = fork.session.turns[fork.first_own() : state.turn + 1]
    before = state.tokens - sum(turn.usage.total for turn in own)
    return (state.begun, before) if before > 0 else None
