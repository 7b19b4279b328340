"""How quantities are written."""

from __future__ import annotations


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
