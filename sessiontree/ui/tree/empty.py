"""What an empty tree says: why nothing is there, and what to do."""

from __future__ import annotations

from textwrap import wrap

from sessiontree.model.filter import STATES, unknown_state
from sessiontree.model.rows import Rows

ESC_BRINGS_BACK = "esc brings the tree back."
NOT_LOOKED_THROUGH = f"What was put away is not looked through: {ESC_BRINGS_BACK[:-1]}"


def help_lines(rows: Rows, reading: bool, width: int) -> list[str]:
    """`reading`: more sessions are still being looked for."""
    said = _help(rows, reading)
    return [line for text in said for line in ("", *wrap(text, max(width, 8)))]


def _help(rows: Rows, reading: bool) -> tuple[str, ...]:
    if rows.query:
        known = f"One can ask for {', '.join(STATES)}." if unknown_state(rows.query) else ""
        away = f"{NOT_LOOKED_THROUGH}, then . shows it." if rows.hides_some else ""
        return (f"Nothing matches ‹{rows.query}›.", *filter(None, [known]), away or ESC_BRINGS_BACK)
    if rows.put_away:
        return ("All sessions here are put away.", "Press . to show them.")
    if reading:
        return ("Looking for sessions …",)
    elsewhere = ("Press a to see those of all projects.",) if rows.scope else ()
    return ("No sessions here yet.", "Press n and say what is to be done.", *elsewhere)
