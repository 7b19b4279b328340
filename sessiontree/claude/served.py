"""What goes to and fro between the app and a process that reads transcripts for it, and what such a
process does. It starts each time that there is much to read: it imports no more than that takes.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import IO

from msgspec import msgpack

from sessiontree.claude.projects import Item
from sessiontree.claude.readers import read
from sessiontree.claude.scanned import Scanned

_encoder = msgpack.Encoder()
_items = msgpack.Decoder(list[tuple[bytes, int]])
_found = msgpack.Decoder(list[Scanned | None])


def ask(given: IO[bytes], found: IO[bytes], chunk: Sequence[Item]) -> list[Scanned | None]:
    """What a process reads. Raises `OSError`, `ValueError` or `MemoryError` where it died, or says
    what it should not."""
    items = [(os.fsencode(item.path), item.size) for item in chunk]
    _write(given, _encoder.encode(items))
    return _found.decode(_read(found))


def serve() -> None:
    """What such a process does."""
    gc.disable()  # what is made here has no cycles
    given, found = sys.stdin.buffer, sys.stdout.buffer
    while data := _read(given):
        chunk = [Item(os.fsdecode(path), size) for path, size in _items.decode(data)]
        try:
            _write(found, _encoder.encode([read(item) for item in chunk]))
        except BrokenPipeError:  # nobody waits for it any more
            os._exit(0)


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(len(data).to_bytes(4, "big"))
    file.write(data)
    file.flush()


def _read(file: IO[bytes]) -> bytes:
    """What `_write` wrote; nothing where it ends before."""
    size = int.from_bytes(file.read(4), "big")
    data = file.read(size)
    return data if len(data) == size else b""
