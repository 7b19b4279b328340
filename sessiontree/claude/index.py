"""What scans found, kept on disk so that the next start reads only what changed.

One file a project. It is only a cache: whatever is wrong with a file, its sessions are read again.
Nothing of a message is in it but labels.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from msgspec import MsgspecError, Raw, msgpack, structs

from sessiontree.claude import cache
from sessiontree.claude.cache import Stamp
from sessiontree.claude.scanned import Scanned
from sessiontree.model.session import Presence

_FORMAT = 6
"""Raise it when a scan finds something else, and that of `commands.listing` with it: all is read
again then. What is kept of a session gets no new field but at its end, with a default: what an
earlier format has of those that are gone is nowhere else."""

_SUFFIX = ".index"
BATCH = 200
"""Sessions that are decoded at a time: meanwhile no other thread runs."""

_batch = msgpack.Decoder(list[Scanned])
_batches = msgpack.Decoder(list[Raw])


class Index:
    """The files in one folder. A folder that cannot be written keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.saved: dict[str, Stamp] = {}
        """The files that were written, by name."""

    def load(self) -> list[Scanned]:
        """What is kept of all projects. About 10 µs a session."""
        return [scanned for project in self.load_each() for scanned in project]

    def load_project(self, project: str) -> list[Scanned]:
        """What is kept of one project: the name of its folder."""
        digest = _digest(project)
        files = (self._file(digest, format) for format in range(_FORMAT, 0, -1))
        return next((_load(file) for file in files if file.exists()), [])

    def load_file(self, name: str) -> list[Scanned]:
        """What is in the file with this name."""
        return _load(self.folder / name)

    def load_each(self, but: str = "") -> Iterator[list[Scanned]]:
        """What is kept of one project after the other, `but` of one (the name of its folder)."""
        formats: dict[str, int] = {}
        for file in self.folder.glob("*" + _SUFFIX):
            digest, format = _parts(file)
            if digest and format <= _FORMAT:
                formats[digest] = max(format, formats.get(digest, 0))
        for digest in sorted(formats):
            if not but or digest != _digest(but):
                yield _load(self._file(digest, formats[digest]))

    def save(self, project: str, sessions: Iterable[Scanned]) -> None:
        """Replace what is kept of a project."""
        kept = list(sessions)
        batches = [kept[start : start + BATCH] for start in range(0, len(kept), BATCH)]
        digest = _digest(project)
        file = self._file(digest, _FORMAT)
        if stamp := cache.save(file, batches):
            self.saved[file.name] = stamp
            with contextlib.suppress(OSError):
                for format in range(1, _FORMAT):
                    self._file(digest, format).unlink(missing_ok=True)

    def _file(self, digest: str, format: int) -> Path:
        return self.folder / f"{digest}.{format}{_SUFFIX}"


def _digest(project: str) -> str:
    """The name of a project can be longer than that of a file."""
    return hashlib.blake2b(os.fsencode(project), digest_size=12).hexdigest()


def _parts(file: Path) -> tuple[str, int]:
    """Digest and format that a file's name has, "" and 0 where it is none of ours."""
    digest, _, format = file.name.removesuffix(_SUFFIX).partition(".")
    return (digest, int(format)) if format.isascii() and format.isdecimal() else ("", 0)


def _load(file: Path) -> list[Scanned]:
    batches = cache.load(file, _batches) or []
    try:
        found = [scanned for batch in batches for scanned in _batch.decode(batch)]
    except (MsgspecError, UnicodeDecodeError):
        return []
    return found if _parts(file)[1] == _FORMAT else list(map(_of_before, found))


def _of_before(scanned: Scanned) -> Scanned:
    """What an earlier release found: read again where it is still there."""
    if scanned.session.presence is Presence.GONE:
        return scanned
    return structs.replace(scanned, session=replace(scanned.session, size=-1))
