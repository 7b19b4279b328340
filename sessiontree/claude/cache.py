"""Files that can be made anew: with a checksum, replaced whole, for their owner's eyes only."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path
from typing import TypeVar

from msgspec import MsgspecError, msgpack

from sessiontree.config import make_private

Stamp = tuple[int, int]
"""A file's size in bytes and the time of its last change in ns: while they stay, so does it."""

_Value = TypeVar("_Value")
_encoder = msgpack.Encoder()


def load(file: Path, decoder: msgpack.Decoder[_Value]) -> _Value | None:
    """What `save` was given; None where that is not there, or not as it was."""
    with contextlib.suppress(OSError, MsgspecError, UnicodeDecodeError):
        data = memoryview(file.read_bytes())
        if data[:4] == _checksum(data[4:]):
            return decoder.decode(data[4:])
    return None


def save(file: Path, value: object) -> Stamp | None:
    """The file's stamp. None, and nothing is kept, where it cannot be written, or the value has a
    path in it that is no text."""
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        body = _encoder.encode(value)
        make_private(file.parent)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as out:
            out.write(_checksum(body) + body)
            out.flush()
            info = os.fstat(fd)
        draft.replace(file)
    except (OSError, UnicodeEncodeError):
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        return None
    return info.st_size, info.st_mtime_ns


def stamps(folder: Path, suffix: str) -> dict[str, Stamp]:
    """Those of the files in a folder with a name that ends so."""
    found = {}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                with contextlib.suppress(FileNotFoundError):
                    info = entry.stat()
                    found[entry.name] = (info.st_size, info.st_mtime_ns)
    return found


def _checksum(data: bytes | memoryview) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")
