"""What a store's file holds, built up line by line: for the app as for the doctor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from sessiontree.store.format import Header, Line, Tables, apply, decode, decode_header, lines

Read = Callable[[int, int], bytes]
"""`read(size, offset)` gives that part of a file, less at its end."""


class Damage(Exception):
    """Something before the end of a file is not as it was written."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"byte {offset}: {what}")
        self.offset = offset
        self.what = what


class NoHeader(Damage):
    """The file is empty, or ends within its first line."""

    def __init__(self) -> None:
        super().__init__(0, "it ends within its first line")


@dataclass(slots=True)
class Contents:
    """What has been read so far: up to byte `end` and transaction `seq`. About `dead` bytes of
    that are of documents that were replaced or removed since."""

    header: Header
    end: int
    tables: Tables = field(default_factory=dict)
    seq: int = 0
    dead: int = 0

    @classmethod
    def begin(cls, read: Read, size: int) -> Contents:
        """After the header. Raises `Damage`."""
        first = next(lines(read, 0, size), None)
        if first is None or (first.record is None and first.end == size and torn(read, first)):
            raise NoHeader
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
    ) -> None:
        """Takes in all whole transactions up to `size`, each under `guard`. A torn line at the
        end is left behind `end`. Raises `Damage` for anything else."""
        guard = guard or nullcontext()
        for line in lines(read, self.end, size):
            if line.record is None:
                if line.end == size and torn(read, line):
                    return
                raise Damage(line.offset, "a line fails its checksum")
            with guard:
                self.take(line)

    def take(self, line: Line) -> None:
        """Takes in the next transaction. Raises `Damage` when it is not the next one."""
        record = line.record or {}
        if record.get("seq") != self.seq + 1:
            what = f"change {self.seq + 1} is due, the line holds {record.get('seq')}"
            raise Damage(line.offset, what)
        try:
            self.dead += apply(self.tables, record["set"])
        except (KeyError, TypeError, AttributeError):
            raise Damage(line.offset, f"change {self.seq + 1} holds no documents") from None
        self.end = line.end
        self.seq += 1


def torn(read: Read, line: Line) -> bool:
    """Whether a damaged last line looks like a write that a crash cut off: without its newline,
    or with the zeros that a file system leaves where data did not arrive. A whole line in which
    something is wrong was once acknowledged: that is damage."""
    data = read(line.end - line.offset, line.offset)
    if b"\0" in data:
        return True
    return not data.endswith(b"\n") and decode(data[:-1]) is None
