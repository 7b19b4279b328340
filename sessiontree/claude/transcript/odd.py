"""What is odd about lines that can be read all the same: how they end, and text that is none.

JSON is passed over where nothing of it is needed, so neither shows while it is read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from sessiontree.claude.transcript import records

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""How JSON writes half a character (a surrogate), alone or as one of two: Claude Code, which writes
characters as they are, writes only those so that stand alone (seen on 2.1.330)."""


@dataclass(slots=True)
class Odd:
    """Lines, counted once for each."""

    carriage: int = 0  # end in CRLF
    nulls: int = 0  # have NUL bytes around what they say, or nothing else
    garbled: int = 0  # have bytes that are no UTF-8
    halves: int = 0  # have half a character

    def look(self, line: bytes) -> None:
        """Counts what is odd about a line, without its newline."""
        self.carriage += line.endswith(b"\r")
        self.nulls += b"\0" in line
        if not _is_text(line):
            self.garbled += 1
        elif _HALF.search(line):
            self.halves += _has_half(line)


def is_plain(data: bytes) -> bool:
    """Whether no line of `data` can have odd text. About 0.5 ms a MB."""
    return _is_text(data) and not _HALF.search(data)


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_half(line: bytes) -> bool:
    try:
        json.dumps(records.parse(line), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
