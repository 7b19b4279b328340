"""What has not arrived in full: a block of a message while it is typed, and the JSON text of a
tool's input, of which only the beginning is known."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from sessiontree.model.event import Event, Text, Thinking, ToolCall
from sessiontree.model.text import clean, clean_data

# What `clean` can only judge together with the text that follows it.
_UNDECIDED = re.compile("(?:\r|\x1b(?:\\[[0-9;:]*)?|\x9b[0-9;:]*)\\Z")
_UNDECIDED_CHARS = 200

_READ_ALWAYS = 4_096  # characters of JSON that are cheap to read again
_DEPTH = 40

# A whole string, a bracket or separator, a literal, or a string that has not ended.
_TOKEN = re.compile(
    r"""\s*(?:("(?:[^"\\]|\\.)*")|([{}\[\],:])|([^\s"{}\[\],:]+)|("(?:[^"\\]|\\.)*\\?))""",
    re.DOTALL,
)
_CUT_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z")


@dataclass(slots=True)
class PartialText:
    """Text that comes in pieces. Adding one is an append; `join` cleans each character once."""

    text: str = ""
    _pieces: list[str] = field(default_factory=list)
    _carry: str = ""

    def add(self, piece: str) -> None:
        self._pieces.append(piece)

    def join(self, *, whole: bool = False) -> bool:
        """Adds what came to `text`; whether there was anything. A sequence that the next piece
        may complete waits for it, unless this is the `whole`: so any way of cutting a text
        gives what cleaning it at once would give."""
        if not self._pieces and not (whole and self._carry):
            return False
        raw = self._carry + "".join(self._pieces)
        self._pieces.clear()
        cut = None if whole else _UNDECIDED.search(raw, max(0, len(raw) - _UNDECIDED_CHARS))
        self._carry = raw[cut.start() :] if cut else ""
        self.text += clean(raw[: cut.start()] if cut else raw)
        return True


@dataclass(slots=True)
class PartialBlock:
    """A block of a message that is being typed: text, thinking, or a tool's input as JSON."""

    typed: PartialText = field(default_factory=PartialText)
    _read: int = 0  # length of the JSON text when it was last read

    def onto(self, event: Event, *, whole: bool = False) -> Event:
        """`event` with all that was typed; the same object if that is nothing new. `whole`: no
        more will come."""
        if not self.typed.join(whole=whole) and not whole:
            return event
        text = self.typed.text
        if isinstance(event, Text | Thinking):
            return replace(event, text=text, done=event.done or whole)
        if isinstance(event, ToolCall):
            # Reading it all at each step would be quadratic: a long one waits for a 16th more.
            if whole or self._read < _READ_ALWAYS or len(text) >= self._read * 17 // 16:
                self._read = len(text)
                event = replace(event, input=clean_data(parse_partial(text)))
            return replace(event, partial=text)
        return event


def parse_partial(text: str) -> dict[str, Any]:
    """The object that `text` begins to spell: every member that is whole, and the string that is
    being typed as far as it got. {} where nothing can be read. Never raises; linear in `text`."""
    try:
        value = json.loads(_completed(text))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _completed(text: str) -> str:
    """`text` cut back to the last place where closing all that is open makes it JSON."""
    closers: list[str] = []  # of the brackets that are open
    keep, closing = 0, ""  # text[:keep] + closing is whole
    expects_key = False
    after_word = False  # a number or word has ended only when something follows it
    for token in _TOKEN.finditer(text):
        string, mark, word, open_string = token.groups()
        if after_word and mark:
            keep, closing = token.start(), _closing(closers)
        after_word = word is not None
        if mark is None:
            if open_string is not None and not expects_key:
                return _CUT_ESCAPE.sub(r"\1", text) + '"' + _closing(closers)
            if string is not None and not expects_key:
                keep, closing = token.end(), _closing(closers)
            continue
        if mark in "{[":
            closers.append("}" if mark == "{" else "]")
        elif mark in "}]" and closers:
            closers.pop()
        if mark in "{[}]":
            keep, closing = token.end(), _closing(closers)
        expects_key = mark in "{," and closers[-1:] == ["}"]
        if len(closers) > _DEPTH:
            break
    return text[:keep] + closing


def _closing(closers: list[str]) -> str:
    return "".join(reversed(closers))
