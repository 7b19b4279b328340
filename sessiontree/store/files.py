"""The calls of the operating system that the store's promises rest on.

All of them are made through a `Files`, so that the tests can make the n-th one fail."""

from __future__ import annotations

import contextlib
import fcntl
import os
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_POLL = 0.005  # seconds between two tries for the lock


class Files:
    """Each method raises `OSError` as the call it stands for does."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)

    def close(self, fd: int) -> None:
        os.close(fd)

    def stat(self, file: Path | int) -> os.stat_result:
        return os.stat(file)  # noqa: PTH116 - a descriptor as well

    def read(self, fd: int, size: int, offset: int) -> bytes:
        return os.pread(fd, size, offset)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        """To the disk itself: on macOS a plain fsync stops at the drive's cache."""
        full = getattr(fcntl, "F_FULLFSYNC", None)
        if full is not None:
            with contextlib.suppress(OSError):  # not every file system has it
                fcntl.fcntl(fd, full)
                return
        os.fsync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def link(self, source: Path, target: Path) -> None:
        os.link(source, target)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Makes names that were created, replaced or removed in `folder` last."""
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def lock(self, path: Path, deadline: float) -> AbstractContextManager[object]:
        """The lock on `path`, held. Raises `filelock.Timeout` after `deadline` seconds.

        Where the file system has no locks this fails: an existence lock in its place would
        stay behind after a crash."""
        lock = FileLock(
            path,
            timeout=deadline,
            mode=FILE_MODE,
            thread_local=False,
            poll_interval=_POLL,
            fallback_to_soft=False,
        )
        return lock.acquire()
