"""Short words for small columns: ages, costs, states, folders."""

from __future__ import annotations

from pathlib import Path

from sessiontree.model.overlay import Status
from sessiontree.model.text import clean_line

GLYPHS: dict[Status, str] = {
    Status.WAITING: "?",
    Status.RUNNING: "●",
    Status.QUEUED: "…",
    Status.FAILED: "✗",
    Status.INTERRUPTED: "■",
    Status.DONE: "✓",
    Status.ELSEWHERE: "⇄",
    Status.NEW: "+",
    Status.DAMAGED: "!",
    Status.GONE: "∅",
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

_MINUTE, _HOUR, _DAY, _WEEK, _YEAR = 60, 3600, 86_400, 7 * 86_400, 365 * 86_400


def age(seconds: float) -> str:
    """At most three cells: 'now', '5m', '2h', '13d', '8w', '2y'."""
    if seconds < _MINUTE:  # or a clock that was set back
        return "now"
    for size, unit, until in ((_MINUTE, "m", _HOUR), (_HOUR, "h", _DAY), (_DAY, "d", 2 * _WEEK)):
        if seconds < until:
            return f"{seconds // size:.0f}{unit}"
    if seconds < _YEAR:
        return f"{seconds // _WEEK:.0f}w"
    return f"{min(seconds // _YEAR, 99):.0f}y"


def money(usd: float | None) -> str:
    """At most six cells; "" where unknown."""
    if usd is None:
        return ""
    if usd < 100:
        return f"${usd:.2f}"
    return f"${usd:,.0f}" if usd < 9_999.5 else f"${usd / 1000:,.0f}k"


def folder(path: str, home: str | None = None) -> str:
    """A folder with `~` for the home folder, clean: anyone can make a folder of any name."""
    home = str(Path.home()) if home is None else home
    if path == home:
        return "~"
    return clean_line(f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path)
