"""What it costs to give a model something to read, for estimates made before a run. What a run
did cost comes from Claude Code's own counter (`cost`).

The list prices by which Claude Code 2.1.330 counts, each seen as the cost of a million tokens.
Other ways to its models (a subscription, a cloud's own prices) cost something else."""

from __future__ import annotations

import re

_INPUT = {
    "fable-5-2": 8.0,
    "fable-5-1": 10.0,
    "fable-5": 10.0,
    "opus-5-5": 4.0,
    "opus-5": 5.0,
    "opus-4-8": 5.0,
    "opus-4-7": 5.0,
    "opus-4-6": 5.0,
    "opus-4-5": 5.0,
    "sonnet-5-5": 2.0,
    "sonnet-5": 2.0,
    "sonnet-4-6": 3.0,
    "sonnet-4-5": 3.0,
    "haiku-5-5": 0.5,
    "haiku-4-5": 1.0,
}
"""US dollars for a million tokens of input."""

_LATEST = {
    "fable": "fable-5-2",
    "opus": "opus-5-5",
    "sonnet": "sonnet-5-5",
    "haiku": "haiku-5-5",
}
"""What the short names stand for."""

CACHE_WRITE = 1.25
"""What is read for the first time is written to the cache, at this multiple of the price."""

_NAME = re.compile(r"(?:claude-)?([a-z]+(?:-\d{1,2})*)(?:-\d{8})?(?:\[1m\])?$")


def reading(model: str, tokens: int) -> float | None:
    """US dollars for a model to read so many tokens that are not in its cache; None where the
    price is not known."""
    found = _NAME.match(model)
    price = _INPUT.get(_LATEST.get(found[1], found[1])) if found else None
    return None if price is None else tokens * price * CACHE_WRITE / 1e6
