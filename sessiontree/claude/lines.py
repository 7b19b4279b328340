"""Whole lines from the pieces in which the CLI's output comes, and what each says.

A line of any length costs its pieces no more than a short one: reading 40 MB of JSON at once would
hold up the keys for a third of a second. So of a line that is long, what its strings hold beyond
what any screen shows is taken out while it comes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LONG = 1024 * 1024
"""Bytes, from which on a line is looked at while it comes."""

STRING_BYTES = 4 * 1024 * 1024
"""What is kept of each string in a long line, with a word on how much more there was: the whole is
in the transcript. A page of the stream shows 4 million characters."""

LINE_BYTES = 16 * 1024 * 1024
"""What may be left of a line: of one that has more without its long strings nothing is kept."""

LEFT_OUT = "sessiontree_left_out"
"""The subtype of the system message that stands for a line that could not be read."""

_BODY = re.compile(rb'(?:[^"\\]++|\\u[0-9a-fA-F]{4}|\\[^u])*+', re.DOTALL)
"""Of a JSON string, up to its end or to half an escape."""
_ESCAPE = 6  # bytes of the longest: \u0041


class Lines:
    """Holds `LINE_BYTES` of a line at most."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0
        self._shortened: _Shortened | None = None  # once the line is long

    def add(self, chunk: bytes) -> Iterator[bytes | None]:
        """The lines that `chunk` ends, in order. None stands for one that is longer than what is
        kept."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._hold(end)
            yield self.rest()
        self._hold(rest)

    def rest(self) -> bytes | None:
        """The line so far; the next one begins."""
        line = None if self._length > LINE_BYTES else b"".join(self._pieces)
        self._pieces, self._length, self._shortened = [], 0, None
        return line

    def _hold(self, piece: bytes) -> None:
        if self._shortened is not None:
            piece = self._shortened.add(piece)
        elif self._length + len(piece) > LONG:
            self._shortened = _Shortened()
            held, self._pieces, self._length = [*self._pieces, piece], [], 0
            piece = b"".join(map(self._shortened.add, held))
        self._length += len(piece)
        if self._length > LINE_BYTES:
            self._pieces.clear()
        else:
            self._pieces.append(piece)


class _Shortened:
    """A line of JSON as it comes, with no string in it longer than `STRING_BYTES`."""

    def __init__(self) -> None:
        self._room = -1  # for the rest of the string that it is in; -1 between strings
        self._more = 0  # bytes of it that were taken out
        self._carry = b""  # half an escape

    def add(self, piece: bytes) -> bytes:
        piece = self._carry + piece
        self._carry = b""
        kept: list[bytes] = []
        at = 0
        while at < len(piece):
            if self._room < 0:
                end = piece.find(b'"', at) + 1 or len(piece)
                kept.append(piece[at:end])
                self._room = STRING_BYTES if piece[end - 1 : end] == b'"' else -1
            else:
                end = self._string(piece, at, kept)
            if end == at:
                self._carry = piece[at:]
                break
            at = end
        return b"".join(kept)

    def _string(self, piece: bytes, at: int, kept: list[bytes]) -> int:
        """Takes in what is there of a string; where that ends."""
        if piece[at : at + 1] == b'"':
            more, self._more, self._room = self._more, 0, -1
            kept.append(b' \xe2\x80\xa6 %.1f MB more"' % (more / 1e6) if more else b'"')
            return at + 1
        end = _body(piece, at, len(piece))
        cut = end if end - at <= self._room else _body(piece, at, at + self._room)
        kept.append(piece[at:cut])
        if cut < end:
            self._room = 0
            self._more += end - cut
        else:
            self._room -= end - at
        return end


def _body(piece: bytes, at: int, end: int) -> int:
    """Where, up to `end`, the last whole character of a string ends. What only looks like an
    escape is no JSON: it is passed over."""
    found = _BODY.match(piece, at, end)
    assert found is not None  # it matches nothing, too
    stop = found.end()
    is_broken = piece[stop : stop + 1] == b"\\" and end - stop >= _ESCAPE
    return stop + 1 if is_broken else stop


def message(line: bytes | None) -> dict[str, Any] | None:
    """What a line says. None where it is none: some builds write plain text between them."""
    if line is None:
        return {"type": "system", "subtype": LEFT_OUT, "text": "too long"}
    text = line.strip()
    if not text.startswith(b"{"):
        return None
    try:
        data: dict[str, Any] = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {"type": "system", "subtype": LEFT_OUT, "text": "not whole"}
    return data
