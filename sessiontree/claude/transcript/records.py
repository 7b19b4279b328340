"""One line of a transcript → the fields of it that matter.

Most bytes of a transcript are attachments, answers and tool results, of which mostly nothing is
needed but whose child they are. So lines are read with a schema: msgspec passes over what it does
not name, what it names as `Raw` it only finds the end of, and the rest is there with the right
type or the line is odd. Odd lines are read without the schema, slowly; nothing here raises for
what a line holds.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, field
from msgspec.structs import replace


class Source(Struct, rename="camel", gc=False, frozen=True):
    """`forkedFrom`: what a line was copied from."""

    session_id: str = ""
    message_uuid: str = ""


MOST = 1 << 48
"""More than anyone counts, in tokens or in milliseconds: the index keeps sums of less."""
_NULL = Raw(b"null")
AROUND = "\0 \t\r\ufeff"
"""What may stand around a record: what a crash or an editor leaves."""
_Count = Annotated[int, Meta(ge=0, lt=MOST)]


class Tokens(Struct, gc=False, frozen=True):
    """The usage of an API message, as the API names it."""

    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cache_read_input_tokens: _Count = 0
    cache_creation_input_tokens: _Count = 0


class Used(Struct, rename="camel", gc=False, frozen=True):
    """The same of all messages of a model, as Claude Code names it in its counter of costs."""

    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cache_read_input_tokens: _Count = 0
    cache_creation_input_tokens: _Count = 0


class Message(Struct, gc=False, frozen=True):
    id: str = ""
    model: str = ""
    content: Raw = _NULL
    usage: Tokens | None = None


class Block(Struct, gc=False, frozen=True):
    """A part of a message's content."""

    type: str = ""
    id: str = ""
    name: str = ""
    tool_use_id: str = ""


class Origin(Struct, gc=False, frozen=True):
    kind: str = "human"


class Segment(Struct, rename="camel", gc=False, frozen=True):
    tail_uuid: str = ""


class Compaction(Struct, rename="camel", gc=False, frozen=True):
    preserved_segment: Segment | None = None
    pre_tokens: int | None = None


class Bare(Struct, rename="camel", gc=False, frozen=True):
    """When, by whom and at what price something was said."""

    message: Message | None = None
    timestamp: str | int | float | None = None
    session_id: str = ""
    request_id: str | None = None
    request_session_id: str = ""
    forked_from: Source | None = None


class Record(Bare, rename="camel", gc=False, frozen=True):
    """A line, as Claude Code 2.1.330 writes them. What is not there is empty."""

    type: str = ""
    # of the conversation
    parent_uuid: str | None = None
    is_sidechain: bool = False
    uuid: str = ""
    entrypoint: str = ""
    cwd: str = ""
    # of what was said
    is_api_error_message: bool | None = None
    error: Raw = _NULL  # the kind of an API error
    tool_use_result: Raw = _NULL
    attachment: Raw = _NULL
    # of what was typed, or was not
    prompt_source: str | None = None
    origin: Origin | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_visible_in_transcript_only: bool | None = None
    # of what Claude Code notes
    subtype: str | None = None
    level: str | None = None
    content: Raw = _NULL
    # of a compaction
    logical_parent_uuid: str | None = None
    compact_metadata: Compaction | None = None
    # of state
    custom_title: str = ""
    ai_title: str = ""
    message_id: str | None = None
    leaf_uuid: str | None = None
    explicit: bool | None = None
    total_cost_usd: float | None = field(default=None, name="totalCostUSD")
    start_time: int | float | str | None = None
    has_unknown_model_cost: bool | None = None
    model_usage: Raw = _NULL


_Kind = TypeVar("_Kind", bound=Struct)
_INNER: dict[str, type[Struct]] = {
    "message": Message,
    "usage": Tokens,
    "origin": Origin,
    "forked_from": Source,
    "compact_metadata": Compaction,
    "preserved_segment": Segment,
}
_fields = functools.cache(msgspec.structs.fields)
_record = msgspec.json.Decoder(Record)
_any = msgspec.json.Decoder()
_blocks = msgspec.json.Decoder(str | list[Block])
_used = msgspec.json.Decoder(dict[str, Used] | None)
_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_lines(data: bytes) -> list[Record]:
    """The records of some whole lines, [] where one is odd. How many there are on each line is not
    looked at."""
    try:
        return _record.decode_lines(data)
    except _ODD:
        return []


def decode(line: bytes) -> Record | None:
    """The record on one line; None where it is not one record."""
    try:
        return _record.decode(line)
    except _ODD:
        found = parse(line)
        return lenient(found) if isinstance(found, dict) else None


def parse(line: bytes) -> Any:
    """One JSON value, whatever its bytes are and whatever stands around it; None for none."""
    try:
        return json.loads(line.decode("utf-8", "replace").strip(AROUND))
    except (ValueError, RecursionError):
        return None


def time(record: Bare) -> str:
    """ISO 8601, as written; "" where there is none."""
    return record.timestamp if isinstance(record.timestamp, str) else ""


def content(raw: Raw) -> Any:
    """What was only passed over, parsed: the content of a message, the details of a result."""
    if raw is _NULL:
        return None  # most results have no details
    try:
        return _any.decode(raw)
    except _ODD:
        return parse(bytes(raw))


def blocks(raw: Raw) -> str | Sequence[Block]:
    """The same, as far as it takes to tell calls and results from the rest."""
    try:
        known: str | list[Block] = _blocks.decode(raw)
        return known
    except _ODD:
        found = parse(bytes(raw))
    if isinstance(found, str):
        return found
    found = found if isinstance(found, list) else []
    return [_lenient(Block, block) for block in found if isinstance(block, dict)]


def used(raw: Raw) -> int:
    """The tokens of all models in a `modelUsage`, 0 where it is odd."""
    try:
        models: dict[str, Used] = _used.decode(raw) or {}
    except _ODD:
        return 0
    return sum(
        one.input_tokens
        + one.output_tokens
        + one.cache_read_input_tokens
        + one.cache_creation_input_tokens
        for one in models.values()
    )


def bare(record: Bare) -> Bare:
    """No more than that, without what was said."""
    said = record.message
    return Bare(
        message=said and Message(id=said.id, model=sys.intern(said.model), usage=said.usage),
        timestamp=record.timestamp,
        session_id=sys.intern(record.session_id),
        request_id=record.request_id,
        request_session_id=record.request_session_id,
        forked_from=record.forked_from,
    )


def owned(record: Record) -> Record:
    """The same with bytes of its own: what was passed over is else a view of the file's, and keeps
    all that was read at once in memory."""
    message = record.message
    if message is not None:
        message = replace(message, content=message.content.copy())
    return replace(
        record,
        message=message,
        tool_use_result=record.tool_use_result.copy(),
        attachment=record.attachment.copy(),
        content=record.content.copy(),
    )


def lenient(found: Mapping[str, Any]) -> Record:
    """A record in which something may have another type than it should: that is not there."""
    return _lenient(Record, found)


def _lenient(kind: type[_Kind], found: Mapping[str, Any]) -> _Kind:
    kept: dict[str, Any] = {}
    for one in _fields(kind):
        if one.encode_name not in found:
            continue
        value = found[one.encode_name]
        if one.type is Raw:
            kept[one.name] = _raw(value)
        elif inner := _INNER.get(one.name):
            kept[one.name] = _lenient(inner, value) if isinstance(value, dict) else None
        else:
            with contextlib.suppress(msgspec.ValidationError, OverflowError):
                kept[one.name] = msgspec.convert(value, one.type)
    return kind(**kept)


def _raw(value: Any) -> Raw:
    try:
        return Raw(json.dumps(value).encode())
    except RecursionError:
        return Raw(b"null")
