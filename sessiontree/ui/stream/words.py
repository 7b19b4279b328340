"""How times are written in the stream, and what does not fit; quantities are `model.amounts`."""

from __future__ import annotations

from datetime import date, datetime

from sessiontree.model.amounts import counted, duration, money, size, tokens
from sessiontree.ui.stream.line import cut

__all__ = [
    "clock",
    "counted",
    "duration",
    "ellipsis_in_front",
    "money",
    "size",
    "tokens",
]


def clock(at: float, today: date | None) -> str:
    """The local time of day, with the date unless it is `today`."""
    try:
        when = datetime.fromtimestamp(at)
    except (OverflowError, OSError, ValueError):
        return ""
    time = when.strftime("%H:%M")
    if today is None or when.date() == today:
        return time
    day = f"{when.day} {when.strftime('%b')}"
    return f"{day} {time}" if when.year == today.year else f"{day} {when.year} {time}"


def ellipsis_in_front(text: str, width: int) -> str:
    """The end of `text`, cut to `width` cells: of a path the end says more."""
    return cut(text[::-1], width)[::-1]
