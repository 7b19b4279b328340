"""What the turns of a session cost, from the counter that Claude Code leaves in its transcript.

After each turn it writes a `cost-state` line with the US dollars spent so far, subagents and
background requests included. A continued session counts on; so does a fork made by the CLI, from
what its parent had spent when the fork began, whatever turn it left at; an offline fork starts at
0 (seen on Claude Code 2.1.330). Lines that carry the counter of one family share its start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessiontree.claude.transcript.scan import Spent


def turn_costs(spent: Sequence[Spent], inherited: float | None) -> dict[int, float | None]:
    """US dollars of each turn (by index) that the counter was written for. None where what the
    first of them began with is not known. `inherited`: what the counter said before."""
    costs: dict[int, float | None] = {}
    total, begun = inherited, spent[0].begun if spent else 0
    for state in spent:
        if state.begun != begun and total is not None and state.total < total:
            total = 0.0  # counted from the start again
        begun = state.begun
        if total is None or state.total < total:
            costs[state.turn] = None
        elif (known := costs.get(state.turn, 0.0)) is not None:
            costs[state.turn] = known + state.total - total
        total = state.total
    costs.pop(-1, None)
    return costs


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
