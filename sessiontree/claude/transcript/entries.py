"""One parsed line of a transcript → the entry of the conversation that it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sessiontree.claude.transcript import prompts
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.model.session import Usage

CONVERSATION = {
    "user": Kind.META,
    "assistant": Kind.ASSISTANT,
    "system": Kind.SYSTEM,
    "attachment": Kind.OTHER,
    "progress": Kind.OTHER,
}
"""The types of lines that form the conversation."""


class Entry:
    """One line of the conversation. `start` and `end` are byte offsets in the file.

    `up`, `turn` and `live` are set by `chain.connect`; `usage`, `calls` and `answers` only once
    the line was parsed (`detailed`). A plain class: a file has thousands, most with defaults."""

    source: tuple[str, str] | None = None
    """`forkedFrom`: session id, message uuid."""
    writer: str = ""
    """`requestSessionId`: the session that an assistant line was copied from."""
    api: str = ""
    """Id of the API message."""
    usage: Usage | None = None
    calls: tuple[str, ...] = ()
    """Tool-use ids."""
    answers: tuple[str, ...] = ()
    text: str = ""
    """Of a prompt: what was typed."""
    detailed: bool = False
    up: int = -1
    """Index of its parent, -1 at a root."""
    turn: int = -1
    """Index of its turn, -1 before the first."""
    live: bool = False

    def __init__(
        self, uuid: str, parent: str | None, kind: Kind, time: str, start: int, end: int
    ) -> None:
        self.uuid = uuid
        self.parent = parent
        """`parentUuid`; of a compaction's boundary what it follows."""
        self.kind = kind
        self.time = time
        """ISO 8601, as written."""
        self.start = start
        self.end = end


def seconds(time: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 time, None where it is none."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def entry_of(record: dict[str, Any], start: int, end: int) -> Entry:
    """The entry that a parsed line of the conversation is."""
    parent = record.get("parentUuid")
    entry = Entry(
        record["uuid"],
        parent if isinstance(parent, str) and parent else None,
        CONVERSATION[record["type"]],
        text(record, "timestamp"),
        start,
        end,
    )
    source = record.get("forkedFrom")
    if isinstance(source, dict):
        session, message = source.get("sessionId"), source.get("messageUuid")
        if isinstance(session, str) and isinstance(message, str):
            entry.source = (session, message)
    detail(entry, record)
    if record.get("subtype") == "compact_boundary" and entry.kind is Kind.SYSTEM:
        entry.kind = Kind.BOUNDARY
        entry.parent = entry.parent or _before_boundary(record)
    return entry


def detail(entry: Entry, record: dict[str, Any]) -> None:
    """Fill in what an entry's parsed line says of a prompt, calls, answers and usage."""
    entry.detailed = True
    message = record.get("message")
    message = message if isinstance(message, dict) else {}
    content = message.get("content")
    if record["type"] == "assistant":
        entry.api = text(message, "id")
        entry.writer = text(record, "requestSessionId")
        entry.calls = _ids(content, "tool_use", "id")
        entry.usage = usage_of(message)
    elif record["type"] == "user":
        entry.kind = prompts.kind_of(record, content)
        if entry.kind is Kind.PROMPT:
            entry.text = prompts.typed(content)
        elif entry.kind is Kind.ANSWER:
            entry.answers = _ids(content, "tool_result", "tool_use_id")


def _ids(content: object, kind: str, name: str) -> tuple[str, ...]:
    return tuple(
        str(block.get(name, "")) for block in prompts.blocks(content) if block.get("type") == kind
    )


def usage_of(message: dict[str, Any]) -> Usage | None:
    """The tokens of an API message; None for one that Claude Code wrote itself."""
    usage = message.get("usage")
    if not isinstance(usage, dict) or message.get("model") == "<synthetic>":
        return None
    return Usage(
        _count(usage, "input_tokens"),
        _count(usage, "output_tokens"),
        _count(usage, "cache_read_input_tokens"),
        _count(usage, "cache_creation_input_tokens"),
    )


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _before_boundary(record: dict[str, Any]) -> str | None:
    """What a compaction follows: the last of the messages that it kept as they were (they stand
    before the boundary in the file and count after it), else the last that it summarised."""
    facts = record.get("compactMetadata")
    segment = facts.get("preservedSegment") if isinstance(facts, dict) else None
    tail = text(segment, "tailUuid") if isinstance(segment, dict) else ""
    return tail or text(record, "logicalParentUuid") or None
