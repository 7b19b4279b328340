"""Bytes of a transcript → its entries (the lines that form the conversation) and the state lines
that matter beside them.

A transcript is one JSON object a line. Nothing here raises for what a file holds: what cannot be
read is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sessiontree.claude.transcript import frames, prompts
from sessiontree.claude.transcript.entries import CONVERSATION, Entry, detail, entry_of, text
from sessiontree.claude.transcript.prompts import Kind

_STATE = frozenset((b"custom-title", b"ai-title", b"cost-state"))
"""State lines that are parsed wherever they stand."""
_HEAD = frozenset((b"queue-operation", b"file-history-snapshot"))
"""State lines that are parsed in front of the first entry: they tell when a file was begun, also
where what follows was copied from another."""
_EXPLICIT = b'"explicit":true'
"""In a `last-prompt` line: the conversation goes on from its `leafUuid`, not from the last message
(seen on Claude Code 2.1.330)."""
_PARSED = frozenset(kind.encode() for kind in CONVERSATION) | _STATE

_RECORD = re.compile(r'\{"(?:parentUuid|type)":')
_COST = re.compile(
    rb'"totalCostUSD":(\d+(?:\.\d+)?(?:e-?\d+)?),.*"startTime":(\d{1,15}),'
    rb'.*"hasUnknownModelCost":false'
).search
_USAGE = re.compile(
    rb'"usage":\{"input_tokens":(\d{1,12}),"cache_creation_input_tokens":(\d{1,12}),'
    rb'"cache_read_input_tokens":(\d{1,12}),(?:"cache_creation":\{[^{}]*\},)?'
    rb'"output_tokens":(\d{1,12})[,}]'
).search


@dataclass(slots=True)
class Facts:
    """What the state lines of a file and the damage in it say."""

    begun: str = ""  # time that a state line in front of the first entry names
    opening: str = ""  # uuid of the prompt that the last snapshot in front of it was made for
    leaf: tuple[str, int] = ("", 0)  # where the conversation goes on, entries before it was said
    bare: bool = True  # the file's first line is an entry
    custom_title: str = ""
    ai_title: str = ""
    cwd: str = ""
    costs: list[tuple[int, float, int]] = field(default_factory=list)
    """`cost-state` lines: entries before it, US dollars so far, start of the count in ms."""
    entrypoints: list[tuple[str, str]] = field(default_factory=list)  # (time, entrypoint) changes
    unreadable: int = 0
    glued: int = 0
    half: bool = False  # the last line has no end yet


@dataclass(slots=True)
class Lines:
    """What one stretch of a transcript holds. `end` is the offset behind its last whole line."""

    entries: list[Entry] = field(default_factory=list)
    side: list[Entry] = field(default_factory=list)  # a subagent's, in files of older releases
    facts: Facts = field(default_factory=Facts)
    end: int = 0


def read(data: bytes, offset: int = 0, *, last: bool = True, frame: bool = False) -> Lines:
    """The entries of `data`, which begins at a line's start at `offset` of its file.

    `last`: the data reaches to the end of the file, where a line without its newline counts if
    it is whole. `frame`: do not parse answers and tool results; `fill` does that for one."""
    lines = Lines()
    copied = b'"forkedFrom":{' in data or b'"requestSessionId":"' in data
    pieces = data.split(b"\n")
    tail = pieces.pop()
    end = offset
    for line in pieces:
        start = end
        end += len(line) + 1
        if line.startswith(frames.FIRST):
            if frame or line.find(b'"attachment":{', 40, 200) > 0:
                entry = frames.frame(line, start, copied, not frame)
                if entry is not None:
                    lines.entries.append(entry)
                    continue
                if frame and _typed(lines, line, start, copied):
                    continue
        elif line.startswith(b'{"type":"') and _skipped(lines, line):
            continue
        if line:
            _parsed(lines, line, start, end)
    lines.end = end
    if last and tail.strip(b"\0 \t\r"):
        record = _parse(tail)
        if isinstance(record, dict):
            _record(lines, record, end, end + len(tail))
            lines.end = end + len(tail)
        else:
            lines.facts.half = True
    return lines


def records(data: bytes) -> Iterator[dict[str, Any]]:
    """The records of a stretch of a transcript, parsed."""
    for line in data.split(b"\n"):
        record = _parse(line)
        if isinstance(record, dict):
            yield record


def fill(entry: Entry, data: bytes) -> None:
    """Parse an entry of which only the frame was read. `data` is the whole file."""
    if not entry.detailed:
        for record in records(data[entry.start : entry.end]):
            detail(entry, record)


def usage(entry: Entry, data: bytes) -> tuple[int, int, int, int] | None:
    """The tokens that an answer's line names: input, output, read from and written to the cache."""
    if not entry.detailed:
        if found := _USAGE(data, entry.start, entry.end):
            given, written, read_, output = map(int, found.groups())
            return given, output, read_, written
        fill(entry, data)
    if (said := entry.usage) is None:
        return None
    return said.input, said.output, said.cache_read, said.cache_write


def _typed(lines: Lines, line: bytes, start: int, copied: bool) -> bool:
    """Reads what a person typed without parsing the rest of its line, where that is possible."""
    found = frames.typed(line, start, copied)
    if found is None:
        return False
    entry, said, rest = found
    content = _parse(said)
    origin = frames.origin(rest)
    if not isinstance(content, str) or origin is None:
        return False
    _notice_origin(lines.facts, *origin, entry.time)
    entry.detailed = True
    entry.kind = prompts.kind_of({}, content)
    if entry.kind is Kind.PROMPT:
        entry.text = prompts.typed(content)
    lines.entries.append(entry)
    return True


def _skipped(lines: Lines, line: bytes) -> bool:
    """Whether a state line need not be parsed."""
    kind = line[9 : line.find(b'"', 9, 60)]
    if kind == b"cost-state" and lines.entries and (found := _COST(line)):
        lines.facts.costs.append((len(lines.entries), float(found[1]), int(found[2])))
        return True
    if kind in _PARSED or not line.endswith((b"}", b"}\r")):
        return False
    if not lines.entries:
        if kind in _HEAD:
            return False
        lines.facts.bare = False
    return kind != b"last-prompt" or _EXPLICIT not in line


def _parsed(lines: Lines, line: bytes, start: int, end: int) -> None:
    record = _parse(line)
    if isinstance(record, dict):
        _record(lines, record, start, end)
    elif line.strip(b"\0 \t\r"):
        _salvage(lines, line, start, end)


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8", "replace").strip("\0 \t\r"))
    except (ValueError, RecursionError):
        return None


def _salvage(lines: Lines, line: bytes, start: int, end: int) -> None:
    """Reads the whole records of a line that is not one record: two that were written at once, or
    one behind the half of another."""
    said = line.decode("utf-8", "replace").strip("\0 \t\r")
    found = position = 0
    whole = True
    decoder = json.JSONDecoder()
    while position < len(said):
        try:
            record, position = decoder.raw_decode(said, position)
        except (ValueError, RecursionError):
            whole = False
            following = _RECORD.search(said, position + 1)
            if following is None:
                break
            position = following.start()
            continue
        if isinstance(record, dict):
            found += 1
            _record(lines, record, start, end)
        while position < len(said) and said[position] in "\0 \t\r":
            position += 1
    if not whole or not found:
        lines.facts.unreadable += 1
    else:
        lines.facts.glued += 1


def _record(lines: Lines, record: dict[str, Any], start: int, end: int) -> None:
    kind = record.get("type")
    uuid = record.get("uuid")
    if isinstance(kind, str) and kind in CONVERSATION and isinstance(uuid, str) and uuid:
        _notice_origin(
            lines.facts, text(record, "entrypoint"), text(record, "cwd"), text(record, "timestamp")
        )
        entry = entry_of(record, start, end)
        (lines.side if record.get("isSidechain") is True else lines.entries).append(entry)
    elif isinstance(kind, str):
        _state(lines, kind, record)
    else:
        lines.facts.unreadable += 1


def _notice_origin(facts: Facts, entrypoint: str, cwd: str, time: str) -> None:
    facts.cwd = facts.cwd or cwd
    if entrypoint and (not facts.entrypoints or facts.entrypoints[-1][1] != entrypoint):
        facts.entrypoints.append((time, entrypoint))


def _state(lines: Lines, kind: str, record: dict[str, Any]) -> None:
    facts = lines.facts
    if not lines.entries:
        facts.bare = False
    if kind == "custom-title":
        facts.custom_title = text(record, "customTitle")
    elif kind == "ai-title":
        facts.ai_title = text(record, "aiTitle")
    elif kind == "cost-state":
        total, started = record.get("totalCostUSD"), record.get("startTime")
        if isinstance(total, int | float) and record.get("hasUnknownModelCost") is not True:
            begun = int(started) if isinstance(started, int | float) else 0
            facts.costs.append((len(lines.entries), float(total), begun))
    elif kind == "last-prompt":
        if record.get("explicit") is True:
            facts.leaf = (text(record, "leafUuid"), len(lines.entries))
    elif not lines.entries:
        facts.begun = facts.begun or text(record, "timestamp")
        if kind == "file-history-snapshot":
            facts.opening = text(record, "messageId") or facts.opening
