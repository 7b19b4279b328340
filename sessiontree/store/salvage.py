"""All that can be read of a damaged store's file: every whole line, whatever lies between."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sessiontree.store.contents import torn
from sessiontree.store.files import Files
from sessiontree.store.format import Header, Line, Tables, apply, decode, decode_header, lines


@dataclass(slots=True)
class Salvage:
    """What a file holds and what of it cannot be read. Change numbers without a line are
    `lost`; `torn` counts the bytes of a line that a crash cut off, which is no damage."""

    path: Path
    size: int = 0
    header: Header | None = None
    tables: Tables = field(default_factory=dict)
    seq: int = 0  # of the last line that could be read
    damage: list[tuple[int, str]] = field(default_factory=list)  # offset, and what is there
    lost: list[int] = field(default_factory=list)
    torn: int = 0

    @property
    def whole(self) -> bool:
        return self.header is not None and not self.damage and not self.cut_short

    @property
    def cut_short(self) -> bool:
        """Whether the file ends within what it was made with."""
        return self.header is not None and self.seq < self.header.snapshot

    @property
    def base_lost(self) -> bool:
        """Whether some of what the file was made with cannot be read: a backup may have it."""
        if self.header is None:
            return self.seq == 0 or bool(self.lost)
        return self.cut_short or any(seq <= self.header.snapshot for seq in self.lost)

    @property
    def documents(self) -> int:
        return sum(len(table) for table in self.tables.values())

    def _take(self, line: Line) -> None:
        record = line.record or {}
        seq = record.get("seq")
        if not isinstance(seq, int) or seq <= self.seq:
            self.damage.append((line.offset, f"change {self.seq + 1} is due, not {seq}"))
            return
        try:
            apply(self.tables, record["set"])
        except (KeyError, TypeError, AttributeError):
            self.damage.append((line.offset, f"change {seq} holds no documents"))
            return
        self.lost.extend(range(self.seq + 1, seq))
        self.seq = seq


def salvage(files: Files, path: Path, base: Tables | None = None) -> Salvage:
    """Reads a file as far as it goes, its changes made on top of the documents of `base`.

    Raises `OSError`."""
    found = Salvage(path, tables={name: dict(table) for name, table in (base or {}).items()})
    fd = files.open(path, os.O_RDONLY)
    try:
        found.size = files.stat(fd).st_size

        def read(size: int, offset: int) -> bytes:
            return files.read(fd, size, offset)

        for line in lines(read, 0, found.size):
            if line.record is None and line.end == found.size and torn(read, line):
                found.torn = line.end - line.offset
            elif line.record is None and line.end == found.size:
                _take_unended(found, line, read(line.end - line.offset, line.offset))
            elif line.offset == 0:
                found.header = decode_header(line.record)
                if found.header is None:
                    found.damage.append((0, "the first line does not say what the file is"))
            elif line.record is None:
                found.damage.append((line.offset, "a line fails its checksum"))
            else:
                found._take(line)
    finally:
        os.close(fd)
    return found


def _take_unended(found: Salvage, line: Line, data: bytes) -> None:
    """A damaged last line: when only its newline is wrong, the rest of it is good."""
    found.damage.append((line.offset, "the last line is not as it was written"))
    record = decode(data[:-1])
    if record is not None:
        found._take(line._replace(record=record))
