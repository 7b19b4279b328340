"""What a tool call did to a file: the lines that it added and removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from sessiontree.model.event import ToolCall

CONTEXT = 3
MOST_COMPARED = 600
"""Of longer texts (in lines, both together) all of the old and then all of the new is shown:
comparing takes time that grows with the square."""


class Change(NamedTuple):
    """One line of a diff. `sign`: "+", "-", " ", or "…" where lines are left out. `number`: of the
    line in the new file (for "-" in the old), None where unknown."""

    sign: str
    text: str
    number: int | None = None


LEFT_OUT = Change("…", "")


def compared(old: str, new: str) -> list[Change]:
    """The changes between two texts whose place in the file is not known."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > MOST_COMPARED:
        return [*(Change("-", line) for line in before), *(Change("+", line) for line in after)]
    changes: list[Change] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, False).get_opcodes():
        if tag == "equal":
            changes += _context(before[i1:i2], first=i1 == 0, last=i2 == len(before))
        else:
            changes += [Change("-", line) for line in before[i1:i2]]
            changes += [Change("+", line) for line in after[j1:j2]]
    return changes


def _context(lines: Sequence[str], *, first: bool, last: bool) -> list[Change]:
    """Lines that did not change: those next to one that did."""
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    if len(lines) <= head + tail + 1:
        return [Change(" ", line) for line in lines]
    shown = [Change(" ", line) for line in lines[:head]]
    if not (first or last):
        shown.append(LEFT_OUT)
    return shown + [Change(" ", line) for line in lines[len(lines) - tail :]]


def patched(details: Mapping[str, Any]) -> list[Change] | None:
    """The changes that Claude Code reports beside the result of an edit (`structuredPatch`), which
    know their line numbers; None where there are none or they read otherwise."""
    hunks = details.get("structuredPatch")
    if not isinstance(hunks, list) or not hunks:
        return None
    changes: list[Change] = []
    for hunk in hunks:
        if not isinstance(hunk, dict):
            return None
        old, new, lines = hunk.get("oldStart"), hunk.get("newStart"), hunk.get("lines")
        if not (isinstance(old, int) and isinstance(new, int) and isinstance(lines, list)):
            return None
        if changes:
            changes.append(LEFT_OUT)
        for line in lines:
            sign, text = str(line)[:1] or " ", str(line)[1:]
            if sign == "\\":  # "\ No newline at end of file"
                continue
            changes.append(Change(sign, text, old if sign == "-" else new))
            old += sign != "+"
            new += sign != "-"
    return changes


def counts(changes: Sequence[Change]) -> tuple[int, int]:
    """How many lines were added and how many removed."""
    signs = [change.sign for change in changes]
    return signs.count("+"), signs.count("-")


def file_of(call: ToolCall) -> str:
    """The file that a call writes, "" for a call of any other tool."""
    key = _FILE.get(call.tool)
    return _string(call.input, key) if key else ""


def changes(call: ToolCall) -> list[Change]:
    """What a call of an edit tool changes: as Claude Code reports it, else as far as its input
    tells. A notebook's cell that is replaced or deleted is known only by what comes instead."""
    if call.tool == "NotebookEdit":
        return [Change("+", line) for line in _string(call.input, "new_source").splitlines()]
    changed = patched(call.details)
    if changed is not None:
        return changed
    if call.tool == "Write":
        return [Change("+", line) for line in _string(call.input, "content").splitlines()]
    changed = []
    several = call.input.get("edits")
    for edit in several if isinstance(several, list) else [call.input]:
        if changed:
            changed.append(LEFT_OUT)
        if isinstance(edit, Mapping):
            changed += compared(_string(edit, "old_string"), _string(edit, "new_string"))
    return changed


_FILE = {
    "Write": "file_path",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
}


TOOLS = frozenset(_FILE)
"""Those that write files."""


def _string(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    return value if isinstance(value, str) else ""
