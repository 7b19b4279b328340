"""What a store's file holds, built up line by line: for the app as for the doctor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from sessiontree.store.format import Header, Line, Tables, apply, decode_header, lines

Read = Callable[[int, int], bytes]
"""`read(size, offset)` gives that part of a file, less at its end."""


class Damage(Exception):
    """Something before the end of a file is not as it was written."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"byte {offset}: {what}")
        self.offset = offset
        self.what = what


@dataclass(slots=True)
class Contents:
    """What has been read so far: up to byte `end` and transaction `seq`. About `dead` bytes of
    that hold documents that were replaced or removed since."""

    header: Header
    end: int
    tables: Tables = field(default_factory=dict)
    seq: int = 0
    dead: int = 0

    @classmethod
    def begin(cls, read: Read, size: int) -> Contents | None:
        """After the header; None for a file that ends within it. Raises `Damage`."""
        first = next(lines(read, 0, size), None)
        if first is None or (first.record is None and first.end == size):
            return None
        header = decode_header(first.record)
        if header is None:
            raise Damage(0, "its first line does not say that it is a sessiontree store")
        return cls(header, first.end)

    @property
    def cut_short(self) -> bool:
        """Whether the file ends within what it was made with."""
        return self.seq < self.header.snapshot

    def read_on(
        self, read: Read, size: int, guard: AbstractContextManager[object] | None = None
    ) -> bool:
        """Takes in all whole transactions up to `size`, each under `guard`. True when half a
        line is left behind the last of them. Raises `Damage` for anything else."""
        guard = guard or nullcontext()
        for line in lines(read, self.end, size):
            if line.record is None:
                if line.end == size:
                    return True
                raise Damage(line.offset, "the line fails its checksum")
            with guard:
                self.take(line)
        return False

    def take(self, line: Line) -> None:
        """Takes in the next transaction. Raises `Damage` when it is not the next one."""
        record = line.record or {}
        changes = record.get("set")
        if record.get("seq") != self.seq + 1 or not isinstance(changes, dict):
            what = f"transaction {self.seq + 1} is due, the line holds {record.get('seq')}"
            raise Damage(line.offset, what)
        replaced = apply(self.tables, changes)
        count = sum(len(documents) for documents in changes.values())
        self.dead += (line.end - line.offset) * replaced // max(1, count)
        self.end = line.end
        self.seq += 1
