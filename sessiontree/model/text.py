"""Cleaning of untrusted text: what a model, a tool, a web page or a file name may hold.

Control characters, invisible characters and terminal sequences reach a terminal raw through
every Textual widget (seen on 8.2.8), so they are replaced before they become part of an event,
a label or a title. Colour sequences are dropped whole, the rest leaves a visible mark.
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

# CSI … m (colours) in both its 7-bit and its 8-bit form.
_COLOUR = re.compile("(?:\x1b\\[|\x9b)[0-9;:]*m")

# C0 without tab and newline, DEL, C1, soft hyphen, Arabic letter mark, Mongolian vowel separator,
# zero-width and bidi controls, line and paragraph separators, word joiner to nominal digit
# shapes, BOM, interlinear annotation, lone surrogates, tag characters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_NEWLINES = re.compile("\r\n?")


def clean(text: str) -> str:
    """`text` with nothing left in it that a terminal would act on. Newlines and tabs stay.

    Idempotent; linear in the length of the text; a clean text comes back unchanged."""
    if not _UNSAFE.search(text):
        return text
    text = _COLOUR.sub("", _NEWLINES.sub("\n", text))
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
