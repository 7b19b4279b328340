"""What scans found, kept on disk so that the next start reads only what changed.

One file a project: a checksum, then the sessions as MessagePack. It is only a cache: whatever is
wrong with a file, its sessions are read again. Nothing of a message is in it but labels.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import MsgspecError, Raw, msgpack

from sessiontree.claude.transcript.scan import Scanned
from sessiontree.config import make_private

_FORMAT = 2
"""Another number makes the files of before unusable: raise it when a scan finds something else."""
_SUFFIX = f".{_FORMAT}.index"

BATCH = 200
"""Sessions that are read at a time: meanwhile no other thread runs."""

_batch = msgpack.Decoder(list[Scanned])
_file = msgpack.Decoder(list[Raw])  # batches
_encoder = msgpack.Encoder()


class Index:
    """The files in one folder. A folder that cannot be written keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self) -> list[Scanned]:
        """What is kept of all projects. About 10 µs a session."""
        return [scanned for project in self.load_each() for scanned in project]

    def load_project(self, project: str) -> list[Scanned]:
        """What is kept of one project: the name of its folder."""
        return _load(self._file(project))

    def load_each(self, but: str = "") -> Iterator[list[Scanned]]:
        """What is kept of one project after the other, `but` of one (the name of its folder)."""
        for file in sorted(self.folder.glob("*" + _SUFFIX)):
            if not but or file != self._file(but):
                yield _load(file)

    def save(self, project: str, sessions: Iterable[Scanned]) -> None:
        """Replace what is kept of a project."""
        file = self._file(project)
        draft = file.with_suffix(f".{os.getpid()}.tmp")
        try:
            body = _encoder.encode(list(_batches(list(sessions))))
            make_private(self.folder)
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as out:
                out.write(_checksum(body) + body)
            draft.replace(file)
        except (OSError, UnicodeEncodeError):  # a path may have bytes that are no text
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _file(self, project: str) -> Path:
        # A digest: the name of a project can be longer than that of a file.
        name = hashlib.blake2b(os.fsencode(project), digest_size=12).hexdigest()
        return self.folder / (name + _SUFFIX)


def _batches(sessions: Sequence[Scanned]) -> Iterator[Sequence[Scanned]]:
    for start in range(0, len(sessions), BATCH):
        yield sessions[start : start + BATCH]


def _checksum(data: bytes | memoryview) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def _load(file: Path) -> list[Scanned]:
    try:
        data = memoryview(file.read_bytes())
        if data[:4] != _checksum(data[4:]):
            return []
        batches = _file.decode(data[4:])
        return [scanned for batch in batches for scanned in _batch.decode(batch)]
    except (OSError, MsgspecError, UnicodeDecodeError):
        return []
