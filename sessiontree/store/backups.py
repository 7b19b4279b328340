"""Backups: a second name for a store's file, given to it before another takes its place.

So a backup costs no time and, until then, no space."""

from __future__ import annotations

import os
from pathlib import Path

from sessiontree.store.files import Files
from sessiontree.store.storefile import NO_LINKS, discard, write_all

KEPT = 3
"""How many backups stay."""

_CHUNK = 1 << 20


def backup_path(path: Path, generation: int) -> Path:
    return path.with_name(f"{path.name}.bak-{generation:06}")


def backups(path: Path) -> list[Path]:
    """The backups of a store, the oldest first."""
    return sorted(path.parent.glob(f"{path.name}.bak-*"))


def back_up(files: Files, path: Path, target: Path) -> None:
    """Gives the file at `path` a second name; makes a copy where there are no hard links."""
    discard(files, target)  # left by a crash: a second name of the same file
    try:
        files.link(path, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _copy(files, path, target)


def prune(files: Files, path: Path) -> None:
    """Removes all but the newest backups."""
    for old in backups(path)[:-KEPT]:
        discard(files, old)


def _copy(files: Files, path: Path, target: Path) -> None:
    source = files.open(path, os.O_RDONLY)
    try:
        copy = files.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            place = 0
            while data := files.read(source, _CHUNK, place):
                place += write_all(files, copy, data)
            files.fsync(copy)
        finally:
            os.close(copy)
    finally:
        os.close(source)
