"""Long texts that are kept and seldom read take a fraction of their room. Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

LONG = 1_000
"""Characters; the room that a shorter text would save is not worth the time."""
TOO_LONG = 256_000
"""Characters; packing takes 1 ms for each 100,000, and a live run does it on the loop."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A text, compressed. Texts that are equal are equal when packed."""

    data: bytes

    @property
    def text(self) -> str:
        return zlib.decompress(self.data).decode()


def pack(text: str) -> str | Packed:
    """`text`, packed where that is worth it: a file's source takes a third of its room, what a
    program prints often less. `text` must have no lone surrogates; cleaned text has none."""
    if not LONG <= len(text) <= TOO_LONG:
        return text
    return Packed(zlib.compress(text.encode(), level=1))


def unpack(text: str | Packed) -> str:
    return text if isinstance(text, str) else text.text
