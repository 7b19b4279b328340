"""What a fan-out will be, before it starts: its name, and what it costs to read the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sessiontree.claude.prices import reading
from sessiontree.claude.transcript.reading import Context
from sessiontree.engine.aim import Aim
from sessiontree.model import amounts
from sessiontree.model.fanout import Way


def title(aim: Aim, count: int) -> str:
    """What is going to be made: '3 forks of ‹label› at turn 2', '2 new sessions in folder'."""
    if aim.words.startswith("fork "):
        return f"{count} forks of {aim.words.removeprefix('fork ')}"
    return f"{count} {aim.words.replace('session', 'sessions', 1)}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """US dollars for all ways to read the context once; `unknown` are those without a price,
    which are not in it. What the answers cost is never known before."""

    tokens: int | None
    usd: float = 0.0
    ways: int = 0
    unknown: int = 0

    @property
    def words(self) -> str:
        if self.tokens is None:
            return "Cost of reading the context: unknown"
        size = f"{amounts.tokens(self.tokens)} × {self.ways}"
        if self.unknown == self.ways:
            return f"Cost of reading the context ({size}): unknown"
        cost = f"about {amounts.money(self.usd)}" if self.usd >= 0.01 else "less than $0.01"
        more = f", unknown for {self.unknown} of them" if self.unknown else ""
        words = f"{cost} for reading the context ({size}){more}, plus the answers"
        return words[0].upper() + words[1:]


def estimate(context: Context | None, ways: Sequence[Way]) -> Estimate:
    """`context` is what each way has to read. A way without a model of its own goes on with the
    one that answered last, as Claude Code does (seen on 2.1.330)."""
    if context is None:
        return Estimate(None, ways=len(ways), unknown=len(ways))
    costs = [reading(way.choice.model or context.model, context.tokens) for way in ways]
    known = [cost for cost in costs if cost is not None]
    return Estimate(context.tokens, sum(known), len(ways), len(ways) - len(known))
