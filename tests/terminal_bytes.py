"""What a program wrote to a terminal, read strictly: text that shows what it says, and the few
sequences that this app is known to draw with. Anything else is a fault."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from wcwidth import wcswidth

_MODES = "7|25|1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2031|2048"
_READ = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?P<colour>\x1b\[[0-9;]*m)"
    r"|(?P<move>\x1b\[\d+;(?P<column>\d+)H)"
    r"|(?P<line>\r?\n)"
    rf"|\x1b\[\?(?:{_MODES})[hl]"  # modes
    r"|\x1b\[(?:\?(?:2026|2048)\$p|c|>\d*u|<u|2J|H)"  # asks what it can do; its keyboard; clears
    "|\x1b\\]22;(?:default|text|pointer)\x07"  # the mouse's pointer
    "|(?P<copy>\x1b\\]52;c;(?P<copied>[A-Za-z0-9+/=]*)\x07)"
)

_SEEN = {*"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"}
"""Format characters that are seen."""


@dataclass(frozen=True)
class Fault:
    at: int  # in the text that was read
    says: str


def faults(text: str, columns: int) -> Iterator[Fault]:
    """What is wrong with `text`, as it was written to a terminal of this width."""
    at, column, drawn = 0, 0, ""
    while at < len(text):
        found = _READ.match(text, at)
        if found is None:
            yield Fault(at, f"{text[at : at + 12]!r} acts on the terminal")
            at += 1
            continue
        if found["text"]:
            yield from (Fault(at, says) for says in hidden(found[0]))
            drawn += found[0]
        elif found["copy"]:
            copied = base64.b64decode(found["copied"]).decode()
            yield from (Fault(at, f"{says} in the clipboard") for says in hidden(copied, "\n\t"))
        elif not found["colour"]:  # the end of what was drawn from one place on
            if column and column - 1 + width(drawn) > columns:
                yield Fault(at, f"a line is wider than {columns} cells: {drawn!r}")
            column, drawn = int(found["column"] or 0), ""
        at = found.end()


@lru_cache(100_000)
def width(text: str) -> int:
    return len(text) if text.isascii() else wcswidth(text)


@lru_cache(100_000)
def hidden(text: str, allowed: str = "") -> tuple[str, ...]:
    """What in a text is not seen, or is as wide as each terminal likes."""
    found = []
    for char in sorted(set(text) - set(allowed)):
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _SEEN:
            found.append(f"{char!a} is not to be seen")
        elif "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
            found.append(f"{char!a} is as wide as each terminal likes")
    return tuple(found)
