"""Events: the things a stream shows. Their text is clean (see `model.text`).

An event's `key` is the same whether it came from a live run or from the transcript afterwards:
the prompt's canonical id; `<API message id>:<n>` for the n-th block of a message; the
tool-use id of a call; the `key` of a notice or result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sessiontree.model.message import Level
from sessiontree.model.packed import Packed, unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`at`: seconds since the epoch, None where unknown.
    `depth`: 0 on the main line, 1 for a subagent's, 2 for a subagent's subagent's."""

    key: str
    at: float | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt(Event):
    """`number` counts the turns of this line from 1; 0 for the task given to a subagent."""

    text: str
    number: int
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Event):
    text: str
    done: bool = True  # False while it is still being typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking(Event):
    text: str
    done: bool = True
    seconds: float | None = None  # how long it took, None where unknown


class CallState(StrEnum):
    TYPED = "typed"  # its input is still being streamed
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"  # the tool failed, or the person denied it


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(Event):
    """A call and, once it came, its result. While the state is TYPED, `partial` is the input's
    JSON text so far and `input` what can be read of it; a call that was cut off stays so.
    FAILED with neither `output` nor `ended` means that no result ever came.
    A call whose beginning is not loaded has "" as its `tool`. `told` is the output, which may be
    packed: of a long transcript that is most."""

    tool: str
    input: Mapping[str, Any] = field(default_factory=dict)
    partial: str = ""
    state: CallState = CallState.RUNNING
    told: str | Packed = ""
    images: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    ended: float | None = None

    @property
    def output(self) -> str:
        return unpack(self.told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    what: str
    text: str
    level: Level = Level.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Event):
    """The place where a session left its parent; `first`: it shares no turn with it."""

    text: str
    first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Event):
    ok: bool
    interrupted: bool = False  # by a person; then it is not `ok`
    text: str = ""
    told: bool = False  # a notice above it says the same
    cost_usd: float | None = None
    tokens: int | None = None
    seconds: float | None = None


def fields(event: Event) -> dict[str, Any]:
    """What an event says, by name: plain values, with `output` as the text that it is."""
    found = asdict(event)
    if isinstance(event, ToolCall):
        del found["told"]
        found["output"] = event.output
    return found
