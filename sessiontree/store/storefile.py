"""One file of a store, open: read on to its end, added to, mended at its end.

Raises `OSError` as the system does and `Damage` for what is not as it was written; what that
means for the store is decided in `journal`."""

from __future__ import annotations

import contextlib
import errno
import os
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Self

from sessiontree.store.contents import Contents
from sessiontree.store.files import FILE_MODE, Files
from sessiontree.store.format import (
    Changes,
    Header,
    Line,
    Tables,
    decode,
    encode_changes,
    encode_header,
    snapshot,
)

_BATCH = 100  # documents a line of a file that is written whole
_CHUNK = 1 << 20


NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}
"""Where the file system has no hard links."""


class SyncFailed(OSError):
    """A change was written and the disk refused it. The kernel may have dropped its pages, and
    would then report success the next time: nothing more can be known of this file."""


class StoreFile:
    """`identity` is the file's device and inode; `seen` these and its size, as last read."""

    def __init__(self, files: Files, path: Path, fd: int, contents: Contents) -> None:
        info = files.stat(fd)
        self.contents = contents
        self.identity = info.st_dev, info.st_ino
        self.seen = info.st_dev, info.st_ino, info.st_size
        self._files = files
        self._path = path
        self._fd = fd

    @classmethod
    def open(cls, files: Files, path: Path, *, writable: bool) -> Self:
        """Opens a file and reads its header; `read_on` reads the rest."""
        fd = files.open(path, os.O_RDWR | os.O_APPEND if writable else os.O_RDONLY)
        try:
            info = files.stat(fd)
            if writable and info.st_mode & 0o077:
                os.fchmod(fd, FILE_MODE)
            contents = Contents.begin(lambda n, at: files.read(fd, n, at), info.st_size)
            return cls(files, path, fd, contents)
        except BaseException:
            os.close(fd)
            raise

    @classmethod
    def write(cls, files: Files, path: Path, header: Header, tables: Tables) -> Self:
        """Makes a file of `tables` that has reached the disk, though its name may not have.
        Nothing is left of it when this raises."""
        batches = sum(-(-len(table) // _BATCH) for table in tables.values())
        header = replace(header, snapshot=batches)
        fd = files.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        try:
            size = write_all(files, fd, encode_header(header))
            waiting = bytearray()
            for seq, changes in enumerate(snapshot(tables, _BATCH), 1):
                waiting += encode_changes(seq, changes)
                if len(waiting) > _CHUNK:
                    size += write_all(files, fd, waiting)
                    waiting = bytearray()
            size += write_all(files, fd, waiting)
            files.fsync(fd)
            return cls(files, path, fd, Contents(header, size, tables, batches))
        except BaseException:
            os.close(fd)
            discard(files, path)
            raise

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def torn(self) -> int:
        """How many bytes are left behind the last whole transaction."""
        return self.seen[2] - self.contents.end

    def read_on(self, guard: AbstractContextManager[object] | None = None) -> None:
        size = self._files.stat(self._fd).st_size
        try:
            self.contents.read_on(lambda n, at: self._files.read(self._fd, n, at), size, guard)
        finally:
            self.seen = *self.identity, size

    def append(self, changes: Changes, guard: AbstractContextManager[object]) -> None:
        """Makes one transaction of `changes`: on the disk, then under `guard` in the contents.

        Raises `SyncFailed`, or `OSError` when nothing of it is left in the file."""
        contents = self.contents
        line = encode_changes(contents.seq + 1, changes)
        try:
            write_all(self._files, self._fd, line)
            self._sync()
        except BaseException:
            # If this fails too, the next one who holds the lock sets the torn line aside.
            with contextlib.suppress(OSError):
                self._files.truncate(self._fd, contents.end)
            raise
        with guard:
            contents.take(Line(contents.end, contents.end + len(line), decode(line[:-1])))
        self.seen = *self.identity, contents.end

    def _sync(self) -> None:
        try:
            self._files.fsync(self._fd)
        except OSError as error:
            raise SyncFailed(error.errno, error.strerror) from error

    def set_aside_torn(self) -> Path:
        """Moves what is left behind the last transaction to a file of its own."""
        end, generation = self.contents.end, self.contents.header.generation
        data = self._files.read(self._fd, self.torn, end)
        kept = set_aside(self._files, self._path, data, f"{generation:06}-{end}")
        self._files.truncate(self._fd, end)
        self._sync()
        self.seen = *self.identity, end
        return kept


def write_all(files: Files, fd: int, data: bytes | bytearray) -> int:
    """Writes `data`, at once if the system lets it; its length. The second write after a short
    one raises the reason why it was short."""
    rest = memoryview(data)
    while rest:
        rest = rest[files.write(fd, rest) :]
    return len(data)


def discard(files: Files, path: Path) -> None:
    """Removes a file that nothing is lost with, if that is possible."""
    with contextlib.suppress(OSError):
        files.unlink(path)


def move_in(files: Files, draft: Path, target: Path) -> None:
    """Gives a file that is whole its name. Raises `FileExistsError` where that is taken."""
    try:
        files.link(draft, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError(error.errno, "it is there already") from None
        files.replace(draft, target)


def set_aside(files: Files, path: Path, data: bytes, label: str) -> Path:
    """Keeps `data`, which is about to be cut from `path`, in a file of its own."""
    name = f"{path.name}.torn-{label}"
    for number in range(100):
        target = path.with_name(f"{name}-{number}" if number else name)
        try:
            fd = files.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            if target.read_bytes() == data:  # a crash came between keeping and cutting
                return target
            continue
        try:
            write_all(files, fd, data)
            files.fsync(fd)
        except BaseException:
            discard(files, target)
            raise
        finally:
            os.close(fd)
        files.sync_folder(path.parent)
        return target
    raise OSError(errno.EEXIST, f"a hundred files named {name} are there already")
