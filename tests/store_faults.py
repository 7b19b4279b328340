"""Operating systems that fail: `Files` for the store that break at the n-th call."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sessiontree.store.files import Files
from sessiontree.store.format import Tables
from sessiontree.store.journal import Journal

CALLS = ("open", "stat", "read", "write", "fsync", "truncate", "link", "replace", "unlink")
CHANGING = ("open", "write", "fsync", "truncate", "link", "replace", "unlink", "sync_folder")


class Fast(Files):
    """Without waiting for the disk: for tests that are not about it."""

    def fsync(self, fd: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class Counting(Fast):
    """Counts calls of some kinds and does `at_nth(kind, call)` instead of the n-th of them."""

    def __init__(self, n: int = 0, kinds: tuple[str, ...] = CHANGING) -> None:
        self.calls: list[str] = []
        self.n = n
        for kind in kinds:
            setattr(self, kind, self._watched(kind, getattr(super(), kind)))

    def _watched(self, kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            self.calls.append(kind)
            if len(self.calls) == self.n:
                return self.at_nth(kind, call, args)
            return call(*args)

        return watched

    def at_nth(self, kind: str, call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        raise NotImplementedError


class Failing(Counting):
    """The n-th call fails with `code`; a write leaves half of its bytes behind."""

    def __init__(self, n: int, code: int = errno.EIO, kinds: tuple[str, ...] = CHANGING) -> None:
        super().__init__(n, kinds)
        self.code = code

    def at_nth(self, kind: str, call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if kind == "write":
            fd, data = args
            call(fd, data[: len(data) // 2])
        raise OSError(self.code, os.strerror(self.code))


class FullDisk(Files):
    """A disk with `room` bytes left: the write that does not fit is short, the next one fails."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(fd, data[: self.room])
        self.room -= written
        return written


class Killed(Counting):
    """The process dies at the n-th call: before it, after it, or half-way through a write."""

    def __init__(self, n: int, when: str) -> None:
        super().__init__(n)
        self.when = when

    def at_nth(self, kind: str, call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self.when == "half" and kind == "write":
            fd, data = args
            call(fd, data[: len(data) // 2])
        if self.when == "after":
            with contextlib.suppress(OSError):
                call(*args)
        os.kill(os.getpid(), signal.SIGKILL)


class PowerCut(Files):
    """Knows what a disk would hold if the power went now: of each file what it was when it was
    last synced, under the names that its folder had when that was last synced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.synced: dict[int, bytes] = {}
        self.names: dict[str, int] = {}

    def open(self, path: Path, flags: int) -> int:
        new = bool(flags & os.O_CREAT) and not path.exists()
        fd = super().open(path, flags)
        if new or flags & os.O_TRUNC:
            self.synced.setdefault(os.fstat(fd).st_ino, b"")
            if new:  # the number may have been another file's
                self.synced[os.fstat(fd).st_ino] = b""
        return fd

    def fsync(self, fd: int) -> None:
        info = os.fstat(fd)
        self.synced[info.st_ino] = os.pread(fd, info.st_size, 0)

    def sync_folder(self, folder: Path) -> None:
        if folder == self.folder:
            self.names = self._names()

    def settle(self, path: Path) -> None:
        """What is in `path` now has reached the disk."""
        self.synced[path.stat().st_ino] = path.read_bytes()

    def _names(self) -> dict[str, int]:
        return {entry.name: entry.inode() for entry in os.scandir(self.folder) if entry.is_file()}

    def images(self) -> Iterator[dict[str, bytes]]:
        """What could be found afterwards: names and data, each synced or as they are now, and
        half of what was not synced."""
        now = {entry.inode(): Path(entry).read_bytes() for entry in os.scandir(self.folder)}
        for names in (self.names, self._names()):
            yield {name: self.synced.get(inode, b"") for name, inode in names.items()}
            yield {
                name: now.get(inode, self.synced.get(inode, b"")) for name, inode in names.items()
            }
            yield {name: self._half(inode, now) for name, inode in names.items()}

    def _half(self, inode: int, now: dict[int, bytes]) -> bytes:
        old, new = self.synced.get(inode, b""), now.get(inode, b"")
        return new[: (len(old) + len(new)) // 2] if new.startswith(old) else old


class Disk(PowerCut):
    """Calls `check(images)` before each call that changes something."""

    def __init__(self, folder: Path, check: Callable[[PowerCut], None]) -> None:
        super().__init__(folder)
        for kind in CHANGING:
            setattr(self, kind, self._checked(getattr(self, kind), check))

    def _checked(
        self, call: Callable[..., Any], check: Callable[[PowerCut], None]
    ) -> Callable[..., Any]:
        def checked(*args: Any) -> Any:
            check(self)
            return call(*args)

        return checked


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[Journal]:
    journal = Journal(path, **options)
    try:
        yield journal
    finally:
        journal.close()


def put(journal: Journal, key: str, value: object) -> None:
    """One transaction of two documents, so that a half one would show."""
    with journal.transaction() as draft:
        draft["left"][key] = {"value": value}
        draft["right"][key] = {"value": value}


def read(path: Path) -> Tables:
    with opened(path, files=Fast()) as journal:
        return journal.tables


def lay_out(folder: Path, image: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in image.items():
        (folder / name).write_bytes(data)
