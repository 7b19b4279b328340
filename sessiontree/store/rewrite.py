"""A store's file written whole: when it is made, compacted, migrated or repaired.

The new file takes its place only when it has reached the disk, and the former one stays beside
it under a name of its own: a backup costs no time and, until then, no space."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import replace
from pathlib import Path

from sessiontree.store.contents import Contents
from sessiontree.store.files import Files
from sessiontree.store.format import Header, Tables, encode_changes, encode_header, snapshot

KEPT = 3
"""How many backups stay."""

_BATCH = 100  # documents a line
_CHUNK = 1 << 20
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}


def backup_path(path: Path, generation: int) -> Path:
    return path.with_name(f"{path.name}.bak-{generation:06}")


def backups(path: Path) -> list[Path]:
    """The backups of a store, the oldest first."""
    return sorted(path.parent.glob(f"{path.name}.bak-*"))


def write(files: Files, path: Path, header: Header, tables: Tables) -> tuple[int, Contents]:
    """Writes a file of `tables` to `path` and to the disk; its descriptor and contents.

    The caller puts it in its place. Raises `OSError`, and leaves nothing then."""
    batches = sum(-(-len(table) // _BATCH) for table in tables.values())
    header = replace(header, snapshot=batches)
    fd = files.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    try:
        size = _write_all(files, fd, encode_header(header))
        waiting: list[bytes] = []
        for seq, changes in enumerate(snapshot(tables, _BATCH), 1):
            waiting.append(encode_changes(seq, changes))
            if sum(map(len, waiting)) > _CHUNK:
                size += _write_all(files, fd, b"".join(waiting))
                waiting.clear()
        size += _write_all(files, fd, b"".join(waiting))
        files.fsync(fd)
    except BaseException:
        os.close(fd)
        discard(files, path)
        raise
    return fd, Contents(header, size, tables, batches)


def _write_all(files: Files, fd: int, data: bytes) -> int:
    rest = memoryview(data)
    while rest:
        rest = rest[files.write(fd, rest) :]
    return len(data)


def back_up(files: Files, path: Path, target: Path) -> None:
    """Gives the file at `path` a second name, `target`; a copy where there are no hard links."""
    discard(files, target)
    try:
        files.link(path, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(files, path, target)


def _copy(files: Files, path: Path, target: Path) -> None:
    source = files.open(path, os.O_RDONLY)
    try:
        copy = files.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            place = 0
            while data := files.read(source, _CHUNK, place):
                place += _write_all(files, copy, data)
            files.fsync(copy)
        finally:
            os.close(copy)
    finally:
        os.close(source)


def discard(files: Files, path: Path) -> None:
    """Removes a file that nothing is lost with, if that is possible."""
    with contextlib.suppress(OSError):
        files.unlink(path)


def prune(files: Files, path: Path) -> None:
    """Removes all but the newest backups."""
    for old in backups(path)[:-KEPT]:
        discard(files, old)


def set_aside(files: Files, path: Path, data: bytes, generation: int, offset: int) -> Path:
    """Keeps `data`, which is about to be cut from `path`, in a file of its own."""
    name = f"{path.name}.torn-{generation:06}-{offset}"
    for number in range(100):
        target = path.with_name(f"{name}-{number}" if number else name)
        try:
            fd = files.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            if target.read_bytes() == data:  # a crash came between keeping and cutting
                return target
            continue
        try:
            _write_all(files, fd, data)
            files.fsync(fd)
        finally:
            os.close(fd)
        files.sync_folder(path.parent)
        return target
    raise OSError(errno.EEXIST, f"a hundred files named {name} are there already")
