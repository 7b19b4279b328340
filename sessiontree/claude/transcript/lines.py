"""Bytes of a transcript → its entries (the lines that form the conversation) and the state lines
that matter beside them.

A transcript is one JSON object a line. Most of its bytes are attachments and records of API
requests that say nothing which sessiontree shows, and a scan needs only the frame of answers and
tool results: whose child, which uuid, when. Such lines are matched, not parsed; whatever looks
different from what Claude Code 2.1.330 writes is parsed.

Nothing here raises for what a file holds: what cannot be read is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sessiontree.claude.transcript.entries import CONVERSATION, Entry, detail, entry_of, text
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.model.session import Usage

_STATE = frozenset(("custom-title", "ai-title", "cost-state"))
"""State lines that are parsed wherever they stand."""
_HEAD = frozenset(("queue-operation", "file-history-snapshot"))
"""State lines that are parsed in front of the first entry: they tell when a file was begun, also
where what follows was copied from another."""
_EXPLICIT = '"explicit":true'
"""In a `last-prompt` line: the conversation goes on from its `leafUuid`, not from the last message
(seen on Claude Code 2.1.330)."""
_PARSED = frozenset(CONVERSATION) | _STATE

_FIRST = '{"parentUuid":'
_FRAME = re.compile(
    r'\{"parentUuid":(?:null|"([0-9a-f-]{36})"),"isSidechain":false,'
    r'(?:"\w+":"[^"\\]*",)*'
    r'(?:"(attachment)":\{'
    r'|"message":\{"role":"user","content":\[\{"(tool_use_id":"|type":"tool_result")'
    r'|"message":\{(?:"\w+":"[^"\\]*",)*"id":"([^"\\]+)")'
).match
"""The beginning of a line that can be read without parsing: parent, and one of the three kinds."""
_ATTACHMENT, _ANSWER, _ASSISTANT = 2, 3, 4  # groups of `_FRAME`
_END = r'"uuid":"([0-9a-f-]{36})","timestamp":"([^"\\]*)"'
_ENDS = {
    _ATTACHMENT: (Kind.OTHER, re.compile('"type":"attachment",' + _END).search),
    _ANSWER: (Kind.ANSWER, re.compile("}," + _END).search),
    _ASSISTANT: (Kind.ASSISTANT, re.compile('"type":"assistant",' + _END).search),
}
_SOURCE = re.compile(r'"forkedFrom":\{"sessionId":"([^"\\]+)","messageUuid":"([^"\\]+)"\}').search
_WRITER = re.compile(r'"requestSessionId":"([^"\\]+)"').search
_RECORD = re.compile(r'\{"(?:parentUuid|type)":')
_COUNTS = (
    b'"input_tokens":',
    b'"output_tokens":',
    b'"cache_read_input_tokens":',
    b'"cache_creation_input_tokens":',
)
_COUNT = re.compile(rb"\d{1,12}").match


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
    # One byte is one character, so that offsets and matches hold for both; text that is shown
    # comes from parsing the bytes.
    pieces = data.decode("latin-1").split("\n")
    tail = pieces.pop()
    copied = b'"forkedFrom":{' in data or b'"requestSessionId":"' in data
    end = offset
    for line in pieces:
        start = end
        end += len(line) + 1
        head = _FRAME(line)
        if head is not None:
            which = head.lastindex or 0
            if (frame or which == _ATTACHMENT) and _framed(lines, line, head, which, start, copied):
                continue
        elif line.startswith('{"type":"') and _skipped(lines, line):
            continue
        if line:
            _parsed(lines, data[start - offset : end - offset - 1], start, end)
    lines.end = end
    if last and tail.strip("\0 \t\r"):
        record = _parse(data[end - offset :])
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


def usage(data: bytes, start: int, end: int) -> Usage | None:
    """The tokens that an answer's line names, read without parsing it."""
    at = data.find(b'"usage":{', start, end)
    if at < 0:
        return None
    counts = []
    for name in _COUNTS:
        found = _COUNT(data, data.find(name, at, end) + len(name))
        counts.append(int(found[0]) if found else 0)
    return Usage(*counts)


def _framed(
    lines: Lines, line: str, head: re.Match[str], which: int, start: int, copied: bool
) -> bool:
    """Adds an entry whose frame can be matched; False where the line is not one whole record as
    Claude Code writes it."""
    kind, search = _ENDS[which]
    found = search(line, head.end())
    if (
        found is None
        or not line.endswith("}")
        or line.find(_FIRST, found.end() if which == _ATTACHMENT else 14) > 0
    ):
        return False
    entry = Entry(found[1], head[1], kind, found[2], start, start + len(line) + 1)
    if which == _ASSISTANT:
        entry.api = head[_ASSISTANT]
    if copied:
        if source := _SOURCE(line, found.end()):
            entry.source = (source[1], source[2])
        if which == _ASSISTANT and (writer := _WRITER(line, found.end())):
            entry.writer = writer[1]
    lines.entries.append(entry)
    return True


def _skipped(lines: Lines, line: str) -> bool:
    """Whether a line is a state line that does not matter."""
    kind = line[9 : line.find('"', 9, 60)]
    if (
        kind in _PARSED
        or (kind in _HEAD and not lines.entries)
        or (kind == "last-prompt" and _EXPLICIT in line)
        or not line.endswith(("}", "}\r"))
    ):
        return False
    if not lines.entries:
        lines.facts.bare = False
    return True


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
        _notice_origin(lines.facts, record)
        entry = entry_of(record, start, end)
        (lines.side if record.get("isSidechain") is True else lines.entries).append(entry)
    elif isinstance(kind, str):
        _state(lines, kind, record)
    else:
        lines.facts.unreadable += 1


def _notice_origin(facts: Facts, record: dict[str, Any]) -> None:
    facts.cwd = facts.cwd or text(record, "cwd")
    name = text(record, "entrypoint")
    if name and (not facts.entrypoints or facts.entrypoints[-1][1] != name):
        facts.entrypoints.append((text(record, "timestamp"), name))


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
