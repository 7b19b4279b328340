"""Lines in compressed files that can be added to: rows of gzip members.

What is added is one more member, so it costs what is new. Each says how long it is: without that
a flipped bit could look like the half member that a crash leaves, which was never acknowledged
and is cut off by the next one who adds. Any gunzip reads such a file.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sessiontree.store.errors import StoreError
from sessiontree.store.files import Files
from sessiontree.store.storefile import discard, write_all

# RFC 1952: a gzip member with one extra field, `st`: the member's length, and its inverse.
_MAGIC = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + b"\x0c\0st\x08\0"
_HEADER = struct.Struct("<16sII")
_TRAILER = struct.Struct("<II")  # CRC-32 and length of what was compressed
_SMALLEST = _HEADER.size + _TRAILER.size
_ALL_BITS = 0xFFFFFFFF
_RAW = -15  # zlib's number for a deflate stream without a header


class ArchiveError(StoreError):
    """A copy could not be made, found or used; the text says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the first `end` bytes of a file hold: lines of `length` bytes in all, with their
    CRC-32. `seen` is the file's size and time of last change then."""

    seen: tuple[int, int]
    end: int = 0
    length: int = 0
    lines: int = 0
    checksum: int = 0

    def grown(self, seen: tuple[int, int], end: int, content: bytes) -> Held:
        length, lines = self.length + len(content), self.lines + content.count(b"\n")
        return Held(seen, end, length, lines, zlib.crc32(content, self.checksum))


class Packer:
    """Reads and writes such files and remembers what each holds, so that adding to one does not
    read it. Methods raise `OSError`, and `ArchiveError` for damage. For one writer at a time."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._held: dict[Path, Held] = {}

    def read(self, file: Path) -> bytes | None:
        """All lines of a file, None where there is none."""
        try:
            data = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return b"".join(content for _, content in _members(file, data))

    def held(self, file: Path) -> Held | None:
        """What a file holds, None where there is none. It is only read when somebody else has
        changed it."""
        try:
            seen = self._seen(file)
        except FileNotFoundError:
            return None
        held = self._held.get(file)
        if held is None or held.seen != seen:
            held = Held(seen)
            for end, content in _members(file, file.read_bytes()):
                held = held.grown(seen, end, content)
            self._held[file] = held
        return held

    def append(self, file: Path, lines: bytes) -> None:
        """Adds lines to a file, or begins it: wholly or not at all."""
        held = self.held(file)
        if held is None:
            self.write(file, lines)
            return
        if not lines:
            return
        fd = self._files.open(file, os.O_WRONLY | os.O_APPEND)
        try:
            self._files.truncate(fd, held.end)  # half a member of somebody who died
            try:
                write_all(self._files, fd, _member(lines))
                self._files.fsync(fd)
            except BaseException:
                with contextlib.suppress(OSError):
                    self._files.truncate(fd, held.end)
                raise
        finally:
            os.close(fd)
        seen = self._seen(file)
        self._held[file] = held.grown(seen, seen[0], lines)

    def write(self, file: Path, lines: bytes) -> None:
        """Puts a file of these lines in the place of what is there."""
        draft = file.with_suffix(".new")
        fd = self._files.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            write_all(self._files, fd, _member(lines))
            self._files.fsync(fd)
            self._files.replace(draft, file)
        except BaseException:
            discard(self._files, draft)
            raise
        finally:
            os.close(fd)
        self._files.sync_folder(file.parent)
        seen = self._seen(file)
        self._held[file] = Held(seen).grown(seen, seen[0], lines)

    def stamp(self, file: Path, changed: int) -> None:
        """Gives a file a time of last change, in nanoseconds since the epoch."""
        os.utime(file, ns=(changed, changed))
        held = self._held.get(file)
        if held is not None:
            self._held[file] = held.grown(self._seen(file), held.end, b"")

    def _seen(self, file: Path) -> tuple[int, int]:
        info = self._files.stat(file)
        return info.st_size, info.st_mtime_ns


def _members(file: Path, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The whole members of `data`: where each ends, and what it holds. Half a one at the end, or
    the zeros that a file system leaves for one, are left out. Raises `ArchiveError` for damage."""
    start = 0
    while start + _HEADER.size <= len(data) and data[start:].strip(b"\0"):
        magic, length, inverse = _HEADER.unpack_from(data, start)
        end = start + length
        if magic != _MAGIC or length ^ inverse != _ALL_BITS or length < _SMALLEST:
            raise ArchiveError(f"{file} is damaged at byte {start}: no member begins there.")
        if end > len(data):
            return
        content = _inflated(data[start + _HEADER.size : end])
        if content is None:
            raise ArchiveError(f"{file} is damaged at byte {start}: a member fails its checksum.")
        yield end, content
        start = end


def _inflated(body: bytes) -> bytes | None:
    inflater = zlib.decompressobj(wbits=_RAW)
    try:
        content = inflater.decompress(body[: -_TRAILER.size])
    except zlib.error:
        return None
    trailer = _TRAILER.pack(zlib.crc32(content), len(content) & _ALL_BITS)
    whole = inflater.eof and not inflater.unused_data and body.endswith(trailer)
    return content if whole else None


def _member(lines: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=_RAW)
    body = deflater.compress(lines) + deflater.flush()
    length = _HEADER.size + len(body) + _TRAILER.size
    trailer = _TRAILER.pack(zlib.crc32(lines), len(lines) & _ALL_BITS)
    return _HEADER.pack(_MAGIC, length, length ^ _ALL_BITS) + body + trailer
