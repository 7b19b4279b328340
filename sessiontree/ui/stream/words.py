"""How quantities, times and paths are written in the stream."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import PurePosixPath

from sessiontree.ui.stream.line import cut


def tokens(count: int) -> str:
    if count < 1_000:
        return f"{count} token{'s' * (count != 1)}"
    if count < 1_000_000:
        return f"{count / 1_000:.1f} k tokens"
    return f"{count / 1_000_000:.1f} M tokens"


def money(usd: float) -> str:
    return f"${usd:.3f}" if abs(usd) < 0.0995 else f"${usd:,.2f}"


def duration(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60:02} min"


def size(count: int) -> str:
    """A number of characters or bytes."""
    for unit in ("B", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1_000  # type: ignore[assignment]
    return f"{count:.1f} GB"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 file, 12 files, 1,204 matches."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


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


def path(text: str, cwd: str) -> str:
    """A path as seen from the folder that the session works in."""
    if cwd and text.startswith("/"):
        inside = PurePosixPath(text)
        if inside.is_relative_to(cwd):
            return str(inside.relative_to(cwd))
    return text


def ellipsis_in_front(text: str, width: int) -> str:
    """The end of `text`, cut to `width` cells: of a path the end says more."""
    return cut(text[::-1], width)[::-1]
