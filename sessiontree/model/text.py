"""Cleaning of untrusted text: what a model, a tool, a web page or a file name may hold.

Control characters, invisible characters and terminal sequences reach a terminal raw through
every Textual widget (seen on 8.2.8), so they are replaced before they become part of an event,
a label or a title. Colour sequences, variation selectors and joiners between emoji are dropped
whole, the rest leaves a visible mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

MARK = "\N{MIDDLE DOT}"
"""Stands for each character that was taken out."""

LABEL_CELLS = 120
"""A label is cut to this many characters; rows cut it further to their width."""

NOTE_CHARS = 4_000
"""How long a note may be that a person writes on a session or a turn."""

# Dropped whole: CSI … m (colours) in both its 7-bit and its 8-bit form; the selectors that say
# whether a sign is an emoji, and the joiner between two emoji (not before a skin tone, which would
# join by itself). Terminals disagree about the width of what these make, not about the parts'.
_DROPPED = re.compile(
    "(?:\x1b\\[|\x9b)[0-9;:]*m|[\ufe00-\ufe0f]"
    "|(?<=[\u2600-\u27bf\U0001f300-\U0001faff\ufe0f])\u200d"
    "(?=[\u2600-\u27bf\U0001f300-\U0001f3fa\U0001f400-\U0001faff])"
)

# What a terminal acts on: C0 without tab and newline, DEL, C1. What is not to be seen by Unicode's
# Default_Ignorable_Code_Point: zero-width and bidi controls, fillers, tags (not those of shorthand
# and music: four ranges more beyond U+FFFF take twice the time). What is no text: interlinear
# annotation, line and paragraph separators, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])
_NEWLINES = re.compile("\r\n?")


def clean(text: str) -> str:
    """`text` with nothing left in it that a terminal would act on. Newlines and tabs stay.

    Idempotent; linear in the length of the text; a clean text comes back unchanged."""
    # Most text is ASCII, and for that this is five times as fast.
    if text.isascii() and not text.encode().translate(None, _PLAIN):
        return text
    if not _UNSAFE.search(text):
        return text
    text = _DROPPED.sub("", _NEWLINES.sub("\n", text))
    return _UNSAFE.sub(MARK, text)


def clean_line(text: str) -> str:
    """`text` cleaned and on one line: any run of white space becomes one space."""
    return " ".join(clean(text).split())


def clean_data(value: Any, depth: int = 40) -> Any:
    """A JSON value with every string in it cleaned, keys included. What lies deeper than `depth`
    levels becomes an ellipsis: such a value is an attack, and a stack has an end."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101 - the first is quick
        if not depth:
            return "…"
        return {clean(str(key)): clean_data(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_data(item, depth - 1) for item in value] if depth else "…"
    return value


def label(text: str) -> str:
    """The first line of `text` that says something, clean and cut to `LABEL_CELLS`."""
    for line in text[: 50 * LABEL_CELLS].splitlines():
        if words := clean_line(line):
            return words if len(words) <= LABEL_CELLS else words[: LABEL_CELLS - 1] + "…"
    return ""


def path_from(path: str, cwd: str) -> str:
    """A path as seen from the folder that a session works in."""
    if cwd and path.startswith("/"):
        inside = PurePosixPath(path)
        if inside.is_relative_to(cwd):
            return str(inside.relative_to(cwd))
    return path
