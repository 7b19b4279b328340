"""Bytes of a transcript → its entries (the lines that form the conversation) and the state lines
that matter beside them.

A transcript is one JSON object a line. Most of its bytes are attachments and records of API
requests, which say nothing that sessiontree shows: they are known by their first bytes and never
parsed (seen on Claude Code 2.1.330, where they are nine tenths of a file).

Nothing here raises for what a file holds: what cannot be read is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sessiontree.claude.transcript import prompts
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.model.session import Usage

_CONVERSATION = {
    "user": Kind.META,
    "assistant": Kind.ASSISTANT,
    "system": Kind.SYSTEM,
    "attachment": Kind.OTHER,
    "progress": Kind.OTHER,
}
_STATE = frozenset((b"custom-title", b"ai-title", b"cost-state"))
"""State lines that are parsed wherever they stand."""
_HEAD = frozenset((b"queue-operation", b"file-history-snapshot"))
"""State lines that are parsed in front of the first entry: they tell when a file was begun, also
where what follows was copied from another."""
_EXPLICIT = b'"explicit":true'
"""In a `last-prompt` line: the conversation goes on from its `leafUuid`, not from the last message
(seen on Claude Code 2.1.330)."""

_ATTACHMENT = b'"type":"attachment","uuid":"'
_UUID = re.compile(rb"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\Z")
_RECORD = re.compile(rb'\{"(?:parentUuid|type)":')
_FORKED = b'"forkedFrom":{'
_SOURCE = re.compile(rb'"forkedFrom":\{"sessionId":"([^"\\]+)","messageUuid":"([^"\\]+)"\}')


class Entry:
    """One line of the conversation. `start` and `end` are byte offsets in the file.

    `up`, `turn` and `live` are set by `chain.connect`. A plain class: a file has thousands."""

    __slots__ = (
        "answers",
        "api",
        "calls",
        "end",
        "kind",
        "line",
        "live",
        "parent",
        "request",
        "source",
        "start",
        "text",
        "time",
        "turn",
        "up",
        "usage",
        "uuid",
        "writer",
    )

    def __init__(self, uuid: str, parent: str | None, kind: Kind, start: int, end: int) -> None:
        self.uuid = uuid
        self.parent = parent  # `parentUuid`, or `logicalParentUuid` of a compaction's boundary
        self.kind = kind
        self.start = start
        self.end = end
        self.time = ""  # ISO 8601, as written
        self.source: tuple[str, str] | None = None  # `forkedFrom`: session id, message uuid
        self.writer = ""  # `requestSessionId`: the session that an assistant line was copied from
        self.api = ""  # the API message's id
        self.request = ""
        self.usage: Usage | None = None
        self.calls: tuple[str, ...] = ()  # tool-use ids
        self.answers: tuple[str, ...] = ()
        self.text = ""  # of a prompt: what was typed
        self.line: dict[str, Any] | None = None  # only where the caller keeps what was parsed
        self.up = -1  # index of its parent, -1 at a root
        self.turn = -1  # index of its prompt, -1 before the first
        self.live = False


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


def seconds(time: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 time, None where it is none."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def read(data: bytes, offset: int = 0, *, last: bool = True) -> Lines:
    """The entries of `data`, which begins at a line's start at `offset` of its file.

    `last`: the data reaches to the end of the file, where a line without its newline counts if
    it is whole. Cost: one pass, mostly at the speed of `bytes.find`."""
    lines = Lines()
    position = offset
    pieces = data.split(b"\n")
    tail = pieces.pop()
    for piece in pieces:
        end = position + len(piece) + 1
        if piece:
            _line(lines, piece, position, end)
        position = end
    lines.end = position
    if tail and last and not tail.isspace():
        record = _parse(tail)
        if isinstance(record, dict):
            _record(lines, record, position, position + len(tail))
            lines.end = position + len(tail)
        else:
            lines.facts.half = True
    return lines


def _line(lines: Lines, line: bytes, start: int, end: int) -> None:
    if line.startswith(b'{"parentUuid":'):
        if line.find(b'"attachment":{', 40, 240) > 0 and _attachment(lines, line, start, end):
            return
    elif line.startswith(b'{"type":"'):
        kind = line[9 : line.find(b'"', 9, 60)]
        if not _matters(kind, line, bool(lines.entries)) and line.endswith((b"}", b"}\r")):
            lines.facts.bare = lines.facts.bare and bool(lines.entries)
            return
    record = _parse(line)
    if isinstance(record, dict):
        _record(lines, record, start, end)
    elif line.strip(b"\0 \t\r"):
        _salvage(lines, line, start, end)


def _matters(kind: bytes, line: bytes, begun: bool) -> bool:
    return (
        kind in _STATE
        or (not begun and kind in _HEAD)
        or (kind == b"last-prompt" and _EXPLICIT in line)
        or kind.decode("ascii", "replace") in _CONVERSATION
    )


def _attachment(lines: Lines, line: bytes, start: int, end: int) -> bool:
    """Reads an attachment without parsing it. False where it does not look as usual."""
    at = line.find(_ATTACHMENT, 60)
    if at < 0 or not line.endswith(b"}"):
        return False
    at += len(_ATTACHMENT)
    uuid = line[at : at + 36]
    if line.startswith(b"null", 14):
        parent = None
    elif _UUID.match(line[15:51]):
        parent = line[15:51].decode()
    else:
        return False
    if not _UUID.match(uuid):
        return False
    entry = Entry(uuid.decode(), parent, Kind.OTHER, start, end)
    if line.startswith(b'","timestamp":"', at + 36):
        entry.time = line[at + 51 : line.find(b'"', at + 51, at + 90)].decode("ascii", "replace")
    forked = line.rfind(_FORKED, at)
    if forked > 0 and (source := _SOURCE.match(line, forked)):
        entry.source = (source[1].decode("utf-8", "replace"), source[2].decode("utf-8", "replace"))
    _add(lines, entry, line.find(b'"isSidechain":true', 14, 240) > 0)
    return True


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8", "replace").strip("\0 \t\r"))
    except (ValueError, RecursionError):
        return None


def _salvage(lines: Lines, line: bytes, start: int, end: int) -> None:
    """Reads the whole records of a line that is not one record: two that were written at once, or
    one behind the half of another."""
    text = line.decode("utf-8", "replace").strip("\0 \t\r")
    found = 0
    position = 0
    decoder = json.JSONDecoder()
    whole = True
    while position < len(text):
        try:
            record, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            whole = False
            following = _RECORD_TEXT.search(text, position + 1)
            if following is None:
                break
            position = following.start()
            continue
        if isinstance(record, dict):
            found += 1
            _record(lines, record, start, end)
        while position < len(text) and text[position] in "\0 \t\r":
            position += 1
    if not whole:
        lines.facts.unreadable += 1
    elif found > 1:
        lines.facts.glued += 1
    elif not found:
        lines.facts.unreadable += 1


_RECORD_TEXT = re.compile(_RECORD.pattern.decode())


def _record(lines: Lines, record: dict[str, Any], start: int, end: int) -> None:
    kind = record.get("type")
    uuid = record.get("uuid")
    if isinstance(kind, str) and kind in _CONVERSATION and isinstance(uuid, str) and uuid:
        entry = entry_of(record, start, end)
        _notice_origin(lines.facts, record)
        _add(lines, entry, record.get("isSidechain") is True)
    elif isinstance(kind, str):
        _state(lines, kind, record)
    else:
        lines.facts.unreadable += 1


def _add(lines: Lines, entry: Entry, sidechain: bool) -> None:
    (lines.side if sidechain else lines.entries).append(entry)


def _notice_origin(facts: Facts, record: dict[str, Any]) -> None:
    if not facts.cwd and isinstance(cwd := record.get("cwd"), str):
        facts.cwd = cwd
    name = record.get("entrypoint")
    if isinstance(name, str) and (not facts.entrypoints or facts.entrypoints[-1][1] != name):
        facts.entrypoints.append((str(record.get("timestamp", "")), name))


def _state(lines: Lines, kind: str, record: dict[str, Any]) -> None:
    facts = lines.facts
    if not lines.entries:
        facts.bare = False
    if kind == "custom-title":
        facts.custom_title = _text(record, "customTitle")
    elif kind == "ai-title":
        facts.ai_title = _text(record, "aiTitle")
    elif kind == "cost-state":
        total, started = record.get("totalCostUSD"), record.get("startTime")
        if isinstance(total, int | float) and record.get("hasUnknownModelCost") is not True:
            begun = int(started) if isinstance(started, int | float) else 0
            facts.costs.append((len(lines.entries), float(total), begun))
    elif kind == "last-prompt":
        if record.get("explicit") is True:
            facts.leaf = (_text(record, "leafUuid"), len(lines.entries))
    elif not lines.entries:
        facts.begun = facts.begun or _text(record, "timestamp")
        if kind == "file-history-snapshot":
            facts.opening = _text(record, "messageId") or facts.opening


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def entry_of(record: dict[str, Any], start: int, end: int) -> Entry:
    """The entry that a parsed line of the conversation is."""
    parent = record.get("parentUuid")
    entry = Entry(
        record["uuid"],
        parent if isinstance(parent, str) and parent else None,
        _CONVERSATION[record["type"]],
        start,
        end,
    )
    entry.time = _text(record, "timestamp")
    source = record.get("forkedFrom")
    if isinstance(source, dict):
        session, message = source.get("sessionId"), source.get("messageUuid")
        if isinstance(session, str) and isinstance(message, str):
            entry.source = (session, message)
    message = record.get("message")
    message = message if isinstance(message, dict) else {}
    if entry.kind is Kind.ASSISTANT:
        _read_assistant(entry, record, message)
    elif record["type"] == "user":
        _read_user(entry, record, message)
    elif record.get("subtype") == "compact_boundary":
        entry.kind = Kind.BOUNDARY
        entry.parent = entry.parent or _before_boundary(record)
    return entry


def _before_boundary(record: dict[str, Any]) -> str | None:
    """What a compaction follows: the last of the messages that it kept as they were (they stand
    before the boundary in the file and count after it), else the last that it summarised."""
    facts = record.get("compactMetadata")
    segment = facts.get("preservedSegment") if isinstance(facts, dict) else None
    tail = _text(segment, "tailUuid") if isinstance(segment, dict) else ""
    return tail or _text(record, "logicalParentUuid") or None


def _read_assistant(entry: Entry, record: dict[str, Any], message: dict[str, Any]) -> None:
    entry.api = _text(message, "id")
    entry.request = _text(record, "requestId")
    entry.writer = _text(record, "requestSessionId")
    entry.calls = tuple(
        str(block.get("id", ""))
        for block in prompts.blocks(message.get("content"))
        if block.get("type") == "tool_use"
    )
    usage = message.get("usage")
    if isinstance(usage, dict) and message.get("model") != "<synthetic>":
        entry.usage = Usage(
            _count(usage, "input_tokens"),
            _count(usage, "output_tokens"),
            _count(usage, "cache_read_input_tokens"),
            _count(usage, "cache_creation_input_tokens"),
        )


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _read_user(entry: Entry, record: dict[str, Any], message: dict[str, Any]) -> None:
    content = message.get("content")
    entry.kind = prompts.kind_of(record, content)
    if entry.kind is Kind.PROMPT:
        entry.text = prompts.typed(content)
    elif entry.kind is Kind.ANSWER:
        entry.answers = tuple(
            str(block.get("tool_use_id", ""))
            for block in prompts.blocks(content)
            if block.get("type") == "tool_result"
        )


def records(data: bytes) -> Iterator[dict[str, Any]]:
    """The records of a stretch of a transcript, parsed."""
    for line in data.split(b"\n"):
        record = _parse(line)
        if isinstance(record, dict):
            yield record
