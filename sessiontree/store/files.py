"""The calls of the operating system that the store's promises rest on.

All of them are made through a `Files`, so that the tests can make the n-th one fail."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from filelock import BaseFileLock, FileLock

FILE_MODE = 0o600

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
        """The file's data and size to the disk itself. Linux need not write its times for that;
        on macOS a plain fsync stops at the drive's cache."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(fd)
            return
        with contextlib.suppress(OSError):  # not every file system has it
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # type: ignore[attr-defined,unused-ignore]
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

    def lock(self, path: Path) -> BaseFileLock:
        """A lock to acquire again and again. Where the file system has no locks that fails:
        an existence lock in its place would stay behind after a crash."""
        return FileLock(
            path,
            mode=FILE_MODE,
            thread_local=False,
            poll_interval=_POLL,
            fallback_to_soft=False,
        )
