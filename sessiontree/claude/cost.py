"""What the turns of a session cost, from the counter that Claude Code keeps in its transcript.

A `cost-state` line has the US dollars spent so far, subagents and background requests included.
Without a screen one is written after each turn, with a screen at the end of the process. A
session that is continued counts on; so does a fork made by the CLI, from what its parent had
spent when the fork began, whatever turn it left at. `/branch` and an offline fork begin at 0.
All lines of one count share its start. (Seen on Claude Code 2.1.330.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessiontree.model.session import Turn, Usage

if TYPE_CHECKING:
    from sessiontree.claude.scanned import Spent


def turn_costs(
    turns: Sequence[Turn], spent: Sequence[Spent], first: int, inherited: float | None
) -> dict[int, float]:
    """US dollars of each turn (by index) for which it is known. What the counter says for several
    turns at once is divided among them by their tokens, so that it adds up.

    `first` is the index of the first own turn, `inherited` what the counter said before it: None
    where nobody knows, as then for all that the first line counts."""
    costs: dict[int, float] = {}
    total = inherited
    for state, last in zip(spent, [None, *spent], strict=False):
        if last and state.begun != last.begun:
            total = 0.0  # another count
        if total is not None and state.total >= total and state.turn >= 0:
            begin = min(first, state.turn)
            for turn, share in _shares(turns, begin, state.turn).items():
                costs[turn] = costs.get(turn, 0.0) + share * (state.total - total)
        # Never what was counted already: lines can be there twice.
        total = state.total if total is None else max(total, state.total)
        first = max(first, state.turn + 1)
    return costs


def _shares(turns: Sequence[Turn], begin: int, end: int) -> dict[int, float]:
    if begin == end:
        return {end: 1.0}
    weights = {index: weight(turns[index].usage) for index in range(begin, end + 1)}
    whole = sum(weights.values())
    if not whole:
        return {end: 1.0}
    return {index: part / whole for index, part in weights.items()}


def weight(usage: Usage) -> float:
    """Tokens weighed as the API's prices stand to each other for every model of 2025 and 2026:
    output 5, reading the cache 0.1, writing it 1.25 of what input costs."""
    return usage.input + 5 * usage.output + 0.1 * usage.cache_read + 1.25 * usage.cache_write


def inherited(
    parent: Sequence[Spent], child: Sequence[Spent], created: float | None
) -> float | None:
    """What the parent's counter said when a fork was made of it; None where that is not known."""
    if not child or created is None:
        return None
    before = [state for state in parent if state.time is not None and state.time <= created]
    if not before:
        return None
    last = before[-1]
    if last.begun != child[0].begun:
        return 0.0  # the fork began a count of its own
    return last.total if last.total <= child[0].total else None
