"""The record on one line of a transcript → the entry of the conversation that it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sessiontree.claude.transcript import prompts, records
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.claude.transcript.records import Bare, Block, Record

CONVERSATION = {
    "user": Kind.META,
    "assistant": Kind.ASSISTANT,
    "system": Kind.SYSTEM,
    "attachment": Kind.OTHER,
    "progress": Kind.OTHER,
}
"""The types of lines that form the conversation. One of a later release that names the line it
follows is one of them too: others may follow it."""
# Asked for each line: Python 3.11 takes 0.1 µs to look up a member of an enum.
_ASSISTANT, _META, _SYSTEM = Kind.ASSISTANT, Kind.META, Kind.SYSTEM

SYNTHETIC = "<synthetic>"
"""The model that Claude Code names for an answer that it wrote itself."""


class Entry:
    """One line of the conversation. `start` and `end` are byte offsets in the file; `up`, `turn`
    and `live` are set by `chain.connect`. A plain class: a file has thousands, most with
    defaults."""

    text: str = ""
    """Of a prompt: what was typed."""
    answers: tuple[str, ...] = ()
    """Ids of the tool uses whose results it has."""
    up: int = -1
    """Index of its parent, -1 at a root."""
    turn: int = -1
    """Index of its turn, -1 before the first."""
    live: bool = False
    _calls: tuple[str, ...] | None = None  # None: not looked for yet
    _blocks: Sequence[Block] | None = None

    def __init__(self, record: Record, kind: Kind, start: int, end: int) -> None:
        self.said: Bare = record
        self.uuid = record.uuid
        self.parent = record.parent_uuid or None
        """`parentUuid`; of a compaction's boundary what it follows."""
        self.kind = kind
        self.start = start
        self.end = end

    @property
    def record(self) -> Record:
        """All of its line, until it was let go."""
        assert isinstance(self.said, Record)
        return self.said

    @property
    def time(self) -> str:
        """ISO 8601, as written; "" where there is none."""
        return records.time(self.said)

    @property
    def source(self) -> tuple[str, str] | None:
        """`forkedFrom`: session id, message uuid."""
        named = self.said.forked_from
        if named is None or not named.session_id or not named.message_uuid:
            return None
        return named.session_id, named.message_uuid

    @property
    def session(self) -> str:
        """`sessionId`: that of its own transcript, unless someone copied the file."""
        return self.said.session_id

    @property
    def writer(self) -> str:
        """`requestSessionId`: the session that an assistant line was copied from."""
        return self.said.request_session_id if self.kind is _ASSISTANT else ""

    @property
    def api(self) -> str:
        """Id of the API message."""
        message = self.said.message
        return message.id if message else ""

    @property
    def model(self) -> str:
        message = self.said.message
        return message.model if message else ""

    @property
    def counts(self) -> tuple[int, int, int, int] | None:
        """The tokens of an API message: input, output, read from and written to the cache. None
        for one that Claude Code wrote itself."""
        message = self.said.message
        if message is None or message.usage is None or message.model == SYNTHETIC:
            return None
        said = message.usage
        return (
            said.input_tokens,
            said.output_tokens,
            said.cache_read_input_tokens,
            said.cache_creation_input_tokens,
        )

    @property
    def content(self) -> Any:
        """Of its message. Parses it."""
        message = self.said.message
        return records.content(message.content) if message else None

    @property
    def blocks(self) -> Sequence[Block]:
        """The parts of its message, as far as it takes to tell calls and results from the rest.
        Parses it once."""
        if self._blocks is None:
            message = self.said.message
            found = records.blocks(message.content) if message else ""
            self._blocks = () if isinstance(found, str) else found
        return self._blocks

    @property
    def calls(self) -> tuple[str, ...]:
        """Ids of its tool uses. Parses the answer."""
        if self._calls is not None:
            return self._calls
        return tuple([block.id for block in self.blocks if block.type == "tool_use"])

    def let_go(self) -> None:
        """Keeps of the line what the conversation hangs together by. The rest holds on to all the
        bytes that were read with it."""
        self._calls = self.calls if self.kind is Kind.ASSISTANT else ()
        self._blocks = None
        self.uuid = sys.intern(self.uuid)  # the next one's parent
        self.parent = self.parent and sys.intern(self.parent)
        self.said = records.bare(self.said)


def seconds(time: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 time, None where it is none."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def entry_of(record: Record, start: int, end: int) -> Entry | None:
    """The entry that a line is, None for a line that is not of the conversation."""
    kind = CONVERSATION.get(record.type)
    if kind is None and record.type and record.parent_uuid:
        kind = Kind.OTHER
    if kind is None or not record.uuid:
        return None
    entry = Entry(record, kind, start, end)
    if kind is _META:
        _typed(entry, record)
    elif kind is _SYSTEM and record.subtype == "compact_boundary":
        entry.kind = Kind.BOUNDARY
        entry.parent = entry.parent or _before_boundary(record)
    return entry


def _typed(entry: Entry, record: Record) -> None:
    """What a line of type `user` is."""
    meta = record.is_meta is True or record.is_compact_summary is True
    content: object = None
    if record.message:
        content = records.blocks(record.message.content)
        if not isinstance(content, str):
            answers = tuple([one.tool_use_id for one in content if one.type == "tool_result"])
            if answers and not meta:
                entry.kind, entry.answers = Kind.ANSWER, answers
                return
            content = entry.content
    entry.kind = prompts.kind_of(
        content,
        meta=meta,
        hidden=record.is_visible_in_transcript_only is True,
        sent=record.prompt_source == "system"
        or (record.origin is not None and record.origin.kind != "human"),
    )
    if entry.kind is Kind.PROMPT:
        entry.text = prompts.typed(content)


def _before_boundary(record: Record) -> str | None:
    """What a compaction follows: the last of the messages that it kept as they were (they stand
    before the boundary in the file and count after it), else the last that it summarised."""
    facts = record.compact_metadata
    segment = facts.preserved_segment if facts else None
    return (segment.tail_uuid if segment else "") or record.logical_parent_uuid or None
