"""A journal as bytes: one checksummed line a record. Pure functions.

    a9b1c2d3 {"format":"sessiontree store","version":1,…}
    5e6f7a8b {"seq":1,"set":{"links":{"<id>":{…}}}}
    0c1d2e3f {"seq":2,"set":{"links":{"<id>":null}}}

A line is the CRC-32 of what follows the space, in eight hex digits, a space, JSON in ASCII, and
a newline; CRC-32 finds every single flipped bit and every burst of up to 32 bits. The first line
is the header. Each other line is one transaction, numbered from 1 without a gap: documents that
it sets, whole, by table and id, and null for those that it removes. The first `snapshot`
transactions are what the file began with.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

FORMAT = "sessiontree store"

Doc = dict[str, Any]
Table = dict[str, Doc]
Tables = dict[str, Table]
Changes = Mapping[str, Mapping[str, Doc | None]]
"""By table and id, the whole document that is set, None for one that is removed."""

_CHUNK = 1 << 18
_PREFIX = 9  # eight digits and the space

_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_decode_json = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Header:
    """`version` wrote the file and `reader` is the oldest that can read it. `store` stays the
    same for the life of a store, `generation` grows by one each time the file is written anew,
    `snapshot` counts the transactions it then began with and `former` those of the file before."""

    version: int
    reader: int
    store: str
    generation: int = 1
    snapshot: int = 0
    former: int = 0


class Line(NamedTuple):
    """`record` is None where the bytes are not a whole line that passes its checksum."""

    offset: int
    end: int
    record: dict[str, Any] | None


def encode(record: Mapping[str, Any]) -> bytes:
    """Raises `TypeError` or `ValueError` for what JSON does not know."""
    body = _encoder.encode(record).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(body), body)


def encode_header(header: Header) -> bytes:
    return encode({"format": FORMAT, **asdict(header)})


def encode_changes(seq: int, changes: Changes) -> bytes:
    return encode({"seq": seq, "set": changes})


def decode(line: bytes) -> dict[str, Any] | None:
    """The record of a line without its newline, None for a damaged one."""
    if not _intact(line):
        return None
    try:
        record, end = _decode_json(line.decode("ascii"), _PREFIX)
    except ValueError:
        return None
    return record if isinstance(record, dict) and end == len(line) else None


def _decode_all(pieces: list[bytes]) -> list[dict[str, Any] | None]:
    """As `decode`, for many lines at once: their documents then share the names of their fields,
    which is a quarter of the time and of the memory."""
    if all(map(_intact, pieces)):
        try:
            joined = b",".join([piece[_PREFIX:] for piece in pieces]).decode("ascii")
            records, _ = _decode_json(f"[{joined}]")
        except ValueError:
            records = []
        if len(records) == len(pieces) and all(isinstance(one, dict) for one in records):
            return list(records)
    return [decode(piece) for piece in pieces]


def _intact(line: bytes) -> bool:
    return line[:_PREFIX] == b"%08x " % zlib.crc32(memoryview(line)[_PREFIX:])


def decode_header(record: Mapping[str, Any] | None) -> Header | None:
    if record is None or record.get("format") != FORMAT:
        return None
    try:
        header = Header(**{name: record[name] for name in Header.__slots__})
    except KeyError:
        return None
    numbers = (header.version, header.reader, header.generation, header.snapshot, header.former)
    valid = isinstance(header.store, str) and all(isinstance(one, int) for one in numbers)
    return header if valid else None


def lines(read: Callable[[int, int], bytes], offset: int, end: int) -> Iterator[Line]:
    """The lines of a file from `offset` to `end`; `read(size, offset)` gives its bytes.

    A piece of the file at a time, about a millisecond each: other threads run between them."""
    rest = b""
    place = offset
    while place < end:
        chunk = read(min(_CHUNK, end - place), place)
        if not chunk:
            break
        place += len(chunk)
        if b"\n" not in chunk:
            rest += chunk
            continue
        pieces = (rest + chunk).split(b"\n")
        rest = pieces.pop()
        for piece, record in zip(pieces, _decode_all(pieces), strict=True):
            after = offset + len(piece) + 1
            yield Line(offset, after, record)
            offset = after
    if rest:
        yield Line(offset, offset + len(rest), None)


def apply(tables: Tables, changes: Changes) -> int:
    """Makes the changes; how many bytes of what was written before say nothing any more.

    Raises `TypeError` or `AttributeError` for what are not changes."""
    dead = 0
    for name, documents in changes.items():
        table = tables.setdefault(name, {})
        for key, doc in documents.items():
            if key in table:
                dead += len(key) + len(_encoder.encode(table[key]))
            if doc is None:
                dead += len(key)
                table.pop(key, None)
            elif isinstance(doc, dict):
                table[key] = doc
            else:
                raise TypeError(f"{key} is not a document")
        if not table:
            del tables[name]
    return dead


def snapshot(tables: Tables, batch: int = 100) -> Iterator[dict[str, Table]]:
    """All documents as changes, `batch` of them at a time."""
    for name, table in tables.items():
        items = list(table.items())
        for start in range(0, len(items), batch):
            yield {name: dict(items[start : start + batch])}
