"""What a session's source says, one message at a time, before it is something to show.

Two sources speak this language: `claude.transcript` (what is on disk) and `claude.agent`
(what a live run sends). `model.feed` turns either into the same events. Text in here is raw and
untrusted; `Feed` is the one place where it is cleaned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class TextBlock:
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingBlock:
    """`text` is empty where the model's thinking was redacted or only its signature was kept."""

    text: str


@dataclass(frozen=True, slots=True)
class CallBlock:
    """A tool call; `id` is the API's tool-use id, which the answer names again."""

    id: str
    name: str
    input: Mapping[str, Any]


Block = TextBlock | ThinkingBlock | CallBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`at`: seconds since the epoch, None where unknown.
    `agent`: tool-use id of the call whose subagent speaks, "" on the main line."""

    at: float | None = None
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted(Message):
    """A person typed a prompt: a turn begins. `turn` is the canonical id of the prompt.
    On a subagent's line it is the task that the agent was given."""

    turn: str
    text: str
    images: tuple[str, ...] = ()  # media type and size each, e.g. "image/png 120 kB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(Message):
    """Whole blocks of one API message. One API message can arrive as several of these, each
    with the same `message_id` and further blocks (the CLI writes a line per block)."""

    message_id: str
    blocks: tuple[Block, ...]


class DeltaKind(StrEnum):
    TEXT = "text"
    THINKING = "thinking"
    INPUT = "input"  # a piece of a tool call's input, as JSON text


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Message):
    """A block of an API message begins to stream. `name` and `call_id` only for a tool call."""

    message_id: str
    index: int  # the block's place in its API message, from 0
    kind: DeltaKind
    name: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta(Message):
    """A piece of a block that is being streamed. The whole follows as `Said` and replaces it."""

    message_id: str
    index: int
    kind: DeltaKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Message):
    """A tool's result. `details` is what the CLI adds beside the text (`toolUseResult`)."""

    call_id: str
    text: str
    is_error: bool = False
    images: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Message):
    """Something to know that nobody said: compaction, a retry, a rate limit, an interruption.
    `what` is a short stable word for it (`compacted`, `retry`, `limit`, `interrupted`, …)."""

    key: str
    what: str
    text: str
    level: Level = Level.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Message):
    """A run came to its end. `cost_usd` is what this run alone spent, None where unknown.
    `interrupted`: a person ended it; then it is not `ok`."""

    key: str
    ok: bool
    interrupted: bool = False
    text: str = ""
    cost_usd: float | None = None
    tokens: int | None = None  # output tokens
    seconds: float | None = None
