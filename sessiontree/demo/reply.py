"""What the scripted model says: plain data that a script returns and `wire` puts on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call; "" as `id` lets the API choose one."""

    name: str
    input: Mapping[str, Any]
    id: str = ""


Block = Thinking | Text | ToolUse


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing more is sent until `MessagesApi.release()`. The block before it is still open."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed. As the first item: before a single byte of the response;
    later: in the middle of the stream, with the block before it still open."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the API words it: the whole response with `status` when it is returned or
    comes first, an `error` event in the stream when it comes later.

    `kind` is the API's error type (`overloaded_error`, …); "" takes the one that belongs to
    `status`."""

    status: int
    message: str
    kind: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the API counts them."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One API message: its blocks in order, and what befalls it on the way.

    `stop_reason` "" becomes `tool_use` where a tool is called, else `end_turn`. `usage` None is
    estimated from the texts. `pace` is the mean time between two deltas in seconds, None takes
    the API's own."""

    items: tuple[Block | Hold | Drop | Failure, ...]
    stop_reason: str = ""
    usage: Usage | None = None
    pace: float | None = None

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(item for item in self.items if isinstance(item, Block))


def say(*items: str | Block | Hold | Drop | Failure) -> Reply:
    """A reply of these items; a bare string is a text block."""
    return Reply(tuple(Text(item) if isinstance(item, str) else item for item in items))
