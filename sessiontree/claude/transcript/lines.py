"""Bytes of a transcript → its entries (the lines that form the conversation) and the state lines
that matter beside them.

A transcript is one JSON object a line. Nothing here raises for what a file holds: what cannot be
read is counted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from itertools import chain
from typing import Any

from sessiontree.claude.transcript import records
from sessiontree.claude.transcript.entries import Entry, entry_of
from sessiontree.claude.transcript.odd import Odd, is_plain
from sessiontree.claude.transcript.records import Record

PIECE = 1 << 20
"""Bytes of a large file that are in memory at a time."""
TAIL = 512
"""Bytes in front of its end by which a file is known again: most of a line, with its id."""
_STRETCH = 1 << 20
"""Bytes that are decoded at a time: meanwhile no other thread runs."""
_OPENS, _CLOSES = b"{}"
_READ_AGAIN = 4
"""How many times the length of a line is read to find the whole records on it."""
_TRIES = 32
"""Beginnings of a record on a line that may lead to none: half a record has a handful."""
_RECORD = re.compile(r'\{"(?:parentUuid|type)":')


@dataclass(slots=True)
class Facts:
    """What the state lines of a file and the damage in it say."""

    begun: str = ""  # time that a state line in front of the first entry names
    opening: str = ""  # uuid of the prompt that the last snapshot in front of it was made for
    leaf: tuple[str, int] = ("", 0)  # where the conversation goes on, entries before it was said
    bare: bool = True  # the file's first line is an entry
    custom_title: str = ""
    ai_title: str = ""
    titles_in_front: set[str] = field(default_factory=set)  # of the first entry
    cwd: str = ""
    costs: list[tuple[int, float, int, int]] = field(default_factory=list)
    """`cost-state` lines: entries before it, US dollars, start of the count in ms, tokens."""
    entrypoint: str = ""  # the last one
    entrypoints: list[tuple[str, str]] = field(default_factory=list)  # (time, entrypoint) changes
    unreadable: int = 0
    glued: int = 0
    odd: Odd = field(default_factory=Odd)
    half: bool = False  # the last line has no end yet


@dataclass(slots=True)
class Lines:
    """What one stretch of a transcript holds. `end` is the offset behind its last whole line,
    `tail` what stands in front of that: a file that has something else there is another one."""

    entries: list[Entry] = field(default_factory=list)
    side: list[Entry] = field(default_factory=list)  # a subagent's, in files of older releases
    facts: Facts = field(default_factory=Facts)
    end: int = 0
    tail: bytes = b""


def read(data: bytes, offset: int = 0, *, last: bool = True) -> Lines:
    """The entries of `data`, which begins at a line's start at `offset` of its file.

    `last`: the data reaches to the end of the file, where a line without its newline counts if
    it is whole. About 1 ms for each MB; twice that where a line is odd."""
    lines = Lines()
    whole = data.rfind(b"\n") + 1
    _add(lines, data, whole, offset)
    if last and whole < len(data):
        _tail(lines, data[whole:], offset + whole)
    end = max(lines.end - offset, 0)
    lines.tail = data[max(end - TAIL, 0) : end]
    return lines


def read_file(file: FileIO, size: int) -> Lines:
    """The same for a whole file, about `size` bytes long. Of a large one only a piece is in memory
    at a time, and then what the entries say, but not what was told."""
    lines = Lines()
    offset = 0
    rest: list[bytes] = []  # of a line that goes on in the next piece
    while data := file.read(min(PIECE, size + 1)):
        if cut := data.rfind(b"\n") + 1:
            known = len(lines.entries), len(lines.side)
            whole = b"".join((*rest, data[:cut])) if rest or cut < len(data) else data
            _add(lines, whole, len(whole), offset)
            offset += len(whole)
            rest.clear()
            if size > PIECE:
                for entry in chain(lines.entries[known[0] :], lines.side[known[1] :]):
                    entry.let_go()
        if cut < len(data):
            rest.append(data[cut:])
    if rest:
        _tail(lines, b"".join(rest), offset)
    return lines


def _add(lines: Lines, data: bytes, whole: int, offset: int) -> None:
    """Reads the whole lines that `data` has up to `whole`."""
    start = 0
    while start < whole:
        end = whole
        if end - start > _STRETCH:
            end = data.find(b"\n", start + _STRETCH) + 1
        stretch = data if end - start == len(data) else data[start:end]
        if not _regular(lines, stretch, offset + start):
            _irregular(lines, stretch, offset + start)
        elif not is_plain(stretch):
            for line in stretch.split(b"\n"):
                lines.facts.odd.look(line)
        start = end
    lines.end = offset + whole


def _regular(lines: Lines, data: bytes, offset: int) -> bool:
    """Reads whole lines each of which is one record of the usual form; False, and nothing is read,
    if any is not."""
    found = records.decode_lines(data)
    ends = _ends(data)
    if not ends or len(found) != len(ends):
        return False
    start = 0
    for record, end in zip(found, ends, strict=True):
        _take(lines, record, offset + start, offset + end)
        start = end
    return True


def _ends(data: bytes) -> list[int]:
    """Where whole lines end; [] where one does not begin and end as a record does. (No record goes
    on behind a `}` with a `{` on the next line: so if there are as many records as lines, each has
    a line of its own.)"""
    ends: list[int] = []
    start, whole, find = 0, len(data), data.find
    while start < whole:
        end = find(b"\n", start) + 1
        if data[start] != _OPENS or data[end - 2] != _CLOSES:
            return []
        ends.append(end)
        start = end
    return ends


def _irregular(lines: Lines, data: bytes, offset: int) -> None:
    """Reads whole lines one by one, whatever they are."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1
        line = data[start : end - 1]
        record = records.decode(line)
        if record is not None:
            lines.facts.odd.look(line)
            _take(lines, record, offset + start, offset + end)
        elif _is_blank(line):
            lines.facts.odd.look(line)
        else:
            _salvage(lines, line, offset + start, offset + end)
        start = end


def parsed(data: bytes) -> Iterator[dict[str, Any]]:
    """The records of a stretch of a transcript, with all that is in them."""
    for line in data.split(b"\n"):
        record = records.parse(line)
        if isinstance(record, dict):
            yield record
        else:
            yield from _whole_records(line)[0]


def _tail(lines: Lines, line: bytes, start: int) -> None:
    record = records.decode(line)
    if record is not None:
        lines.facts.odd.look(line)
        lines.end = start + len(line)
        _take(lines, record, start, lines.end)
    elif _is_blank(line):
        lines.facts.odd.look(line)
    else:
        lines.facts.half = True


def _is_blank(line: bytes) -> bool:
    return not line.strip(b"\0 \t\r")


def _salvage(lines: Lines, line: bytes, start: int, end: int) -> None:
    """Reads the whole records of a line that is not one record."""
    found, whole = _whole_records(line)
    for record in found:
        _take(lines, records.lenient(record), start, end)
    if whole and found:
        lines.facts.glued += 1
        lines.facts.odd.look(line)
    else:
        lines.facts.unreadable += 1


def _whole_records(line: bytes) -> tuple[list[dict[str, Any]], bool]:
    """The records on a line with two that were written at once, or one behind the half of another;
    and whether there is nothing else on it. Reads the line a few times at most: what takes more
    tries to make sense of was never a transcript's."""
    said = line.decode("utf-8", "replace").strip(records.AROUND)
    found: list[dict[str, Any]] = []
    position, whole, tries, most = 0, True, 0, _READ_AGAIN * len(said)
    decoder = json.JSONDecoder()
    while position < len(said):
        try:
            record, position = decoder.raw_decode(said, position)
        except (ValueError, RecursionError) as error:
            whole = False
            most -= getattr(error, "pos", len(said)) - position
            tries += 1
            following = _RECORD.search(said, position + 1)
            if following is None or tries == _TRIES or most < 0:
                break
            position = following.start()
            continue
        if isinstance(record, dict):
            found.append(record)
        while position < len(said) and said[position] in records.AROUND:
            position += 1
    return found, whole


def _take(lines: Lines, record: Record, start: int, end: int) -> None:
    entry = entry_of(record, start, end)
    if entry is None:
        _state(lines, record)
        return
    facts = lines.facts
    if record.entrypoint != facts.entrypoint and record.entrypoint:
        facts.entrypoint = record.entrypoint
        facts.entrypoints.append((entry.time, record.entrypoint))
    if not facts.cwd:
        facts.cwd = record.cwd
    (lines.side if record.is_sidechain else lines.entries).append(entry)


def _count(number: object) -> int:
    """What someone wrote as a count; 0 for what is none."""
    if isinstance(number, int | float) and 0 <= number < records.MOST:
        return int(number)
    return 0


def _state(lines: Lines, record: Record) -> None:
    facts = lines.facts
    if not lines.entries:
        facts.bare = False
    match record.type:
        case "custom-title" | "ai-title":
            if record.type == "custom-title":
                facts.custom_title = record.custom_title
            else:
                facts.ai_title = record.ai_title
            if not lines.entries:
                facts.titles_in_front.add(record.custom_title or record.ai_title)
        case "cost-state":
            total = record.total_cost_usd
            known = record.has_unknown_model_cost is not True
            if total is not None and math.isfinite(total) and known:
                begun, tokens = _count(record.start_time), records.used(record.model_usage)
                facts.costs.append((len(lines.entries), total, begun, tokens))
        case "last-prompt":
            # With `explicit` the conversation goes on from here, not from the last message (seen
            # on Claude Code 2.1.330).
            if record.explicit is True:
                facts.leaf = (record.leaf_uuid or "", len(lines.entries))
        case "queue-operation" | "file-history-snapshot" if not lines.entries:
            # They tell when a file was begun, also where what follows was copied from another.
            facts.begun = facts.begun or records.time(record)
            if record.type == "file-history-snapshot":
                facts.opening = record.message_id or facts.opening
        case "" | "user" | "assistant":  # nobody could say what it is, or what follows it
            facts.unreadable += 1
