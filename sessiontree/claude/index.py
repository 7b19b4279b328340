"""What scans found, kept on disk so that the next start reads only what changed.

One file a project. It is only a cache: whatever is wrong with a file, its sessions are read again.
Nothing of a message is in it but labels.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import MsgspecError, Raw, msgpack

from sessiontree.claude import cache
from sessiontree.claude.cache import Stamp
from sessiontree.claude.scanned import Scanned

_FORMAT = 4
"""Another number makes the files of before unusable: raise it when a scan finds something else,
and that of `commands.listing` with it."""
_SUFFIX = f".{_FORMAT}.index"

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
        return _load(self._file(project))

    def load_file(self, name: str) -> list[Scanned]:
        """What is in the file with this name."""
        return _load(self.folder / name)

    def load_each(self, but: str = "") -> Iterator[list[Scanned]]:
        """What is kept of one project after the other, `but` of one (the name of its folder)."""
        for file in sorted(self.folder.glob("*" + _SUFFIX)):
            if not but or file != self._file(but):
                yield _load(file)

    def save(self, project: str, sessions: Iterable[Scanned]) -> None:
        """Replace what is kept of a project."""
        kept = list(sessions)
        batches = [kept[start : start + BATCH] for start in range(0, len(kept), BATCH)]
        file = self._file(project)
        if stamp := cache.save(file, batches):
            self.saved[file.name] = stamp

    def _file(self, project: str) -> Path:
        # A digest: the name of a project can be longer than that of a file.
        name = hashlib.blake2b(os.fsencode(project), digest_size=12).hexdigest()
        return self.folder / (name + _SUFFIX)


def _load(file: Path) -> list[Scanned]:
    batches = cache.load(file, _batches) or []
    try:
        return [scanned for batch in batches for scanned in _batch.decode(batch)]
    except (MsgspecError, UnicodeDecodeError):
        return []
