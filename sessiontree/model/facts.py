"""What some turns of a session came to: tools, files, tokens, cost, time, the answer, the state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sessiontree.model import edits
from sessiontree.model.amounts import duration, money, tokens
from sessiontree.model.edits import Change
from sessiontree.model.event import (
    CallState,
    Event,
    Notice,
    Prompt,
    Result,
    Text,
    Thinking,
    ToolCall,
)
from sessiontree.model.message import Level
from sessiontree.model.overlay import Status
from sessiontree.model.session import Turn, Usage
from sessiontree.model.text import path_from

UNKNOWN = "unknown"


class State(StrEnum):
    """How the last turn came out; the value is the word that is shown."""

    WAITING = "waits for you"
    RUNNING = "running"
    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNANSWERED = "no answer"  # it was cut off, or runs elsewhere
    EMPTY = "nothing yet"  # there is no turn at all
    UNREAD = "not read"

    @property
    def under_way(self) -> bool:
        return self in (State.WAITING, State.RUNNING, State.QUEUED)


@dataclass(frozen=True, slots=True)
class Touched:
    """A file that was written with an edit tool, and how, in the order of the edits. What a
    shell command does to a file is not known."""

    changes: tuple[Change, ...] = ()

    @property
    def counts(self) -> tuple[int, int]:
        """Lines added and removed, each edit counted by itself."""
        return edits.counts(self.changes)

    @property
    def words(self) -> str:
        """E.g. "+12 −3"; "" where no line changed."""
        added, removed = self.counts
        return " ".join([f"+{added:,}"] * bool(added) + [f"−{removed:,}"] * bool(removed))


@dataclass(frozen=True, slots=True)
class Facts:
    """`tools` and `files` (path as seen from the session's folder) are in the order of their
    first use, those of subagents among them. `usage`, `cost_usd` and `seconds` are None where
    they are unknown; with `at_least` some turn's cost is unknown and `cost_usd` that of the
    others. `seconds` are those between a prompt and the last that answers it. `answer` is what
    was said last, "" where the last turn ended without saying anything. `reason` is a sentence
    on what went wrong, "" where there is none."""

    tools: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Touched] = field(default_factory=dict)
    usage: Usage | None = None
    cost_usd: float | None = None
    at_least: bool = False
    seconds: float | None = None
    answer: str = ""
    state: State = State.EMPTY
    reason: str = ""

    @property
    def tokens_words(self) -> str:
        return UNKNOWN if self.usage is None else tokens(self.usage.total).split(" token")[0]

    @property
    def cost_words(self) -> str:
        if self.cost_usd is None:
            return UNKNOWN
        return f"{'at least ' * self.at_least}{money(self.cost_usd) if self.cost_usd else '$0'}"

    @property
    def time_words(self) -> str:
        if self.seconds is None:
            return UNKNOWN
        return duration(self.seconds) if self.seconds else "0 s"


class Edit(NamedTuple):
    """What one call did to a file, which is named as the call names it."""

    file: str
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Deeds:
    """What of a turn adds up over turns. `tools`: how often each was called. `seconds`: from the
    prompt to the last that answers it, None where that is not known."""

    tools: Mapping[str, int]
    edits: Sequence[Edit]
    seconds: float | None


class Unmade(Sequence[Event], ABC):
    """The events of a turn that are made when someone looks at them. What they come to, and the
    prompt that they begin with, is known without."""

    prompt: str
    size: int
    """About how many they are."""

    @property
    @abstractmethod
    def is_made(self) -> bool: ...

    @property
    @abstractmethod
    def deeds(self) -> Deeds: ...


_STATUS = {
    Status.WAITING: State.WAITING,
    Status.RUNNING: State.RUNNING,
    Status.QUEUED: State.QUEUED,
    Status.FAILED: State.FAILED,
    Status.INTERRUPTED: State.INTERRUPTED,
}


def facts(
    told: Sequence[Sequence[Event]],
    turns: Iterable[Turn],
    *,
    count: int,
    last: Sequence[Event] | None = (),
    seconds: float | None = None,
    cwd: str = "",
    status: Status = Status.IDLE,
) -> Facts:
    """What `count` turns came to. `told`: the events of each that could be read, `turns` what is
    known of them beside that. `last`: the events of the turn that the line ends with, whose
    answer and state are told; None where it could not be read, () where there is none.
    `status`: of the session, where the line ends with its tip. Linear in the events."""
    known = list(turns)
    done = [deeds(turn) for turn in told]
    costs = [turn.cost_usd for turn in known]
    paid = [cost for cost in costs if cost is not None]
    state, reason = _state(last, status)
    usage = sum((turn.usage for turn in known), Usage()) if known or not count else None
    if state.under_way and usage and not usage.total:
        usage = None  # nothing is counted yet
    return Facts(
        tools=_tools(done),
        files=_files(done, cwd),
        usage=usage,
        cost_usd=sum(paid) if paid or not count else None,
        at_least=bool(paid) and len(paid) < count,
        seconds=seconds if count else 0.0,
        answer=answer(last or ()),
        state=state,
        reason=reason,
    )


def answer(turn: Sequence[Event]) -> str:
    """What was said at the end of a turn."""
    return "\n\n".join(event.text for event in answer_events(turn))


def answer_events(turn: Sequence[Event]) -> list[Text]:
    """The texts behind a turn's last tool call."""
    said: list[Text] = []
    for event in reversed(turn):
        if event.depth:
            continue
        if isinstance(event, ToolCall | Prompt):
            break
        if isinstance(event, Text) and event.text.strip():
            said.append(event)
    return said[::-1]


def deeds(turn: Sequence[Event]) -> Deeds:
    """Linear in the events, where they are made."""
    if isinstance(turn, Unmade):
        return turn.deeds
    calls = [event for event in turn if isinstance(event, ToolCall)]
    return Deeds(Counter(call.tool for call in calls), edits_of(calls), seconds(turn))


def edits_of(events: Iterable[Event]) -> list[Edit]:
    """Those that were done, in order."""
    return [
        Edit(file, edits.changes(event))
        for event in events
        if isinstance(event, ToolCall) and event.state is CallState.OK
        if (file := edits.file_of(event))
    ]


def _tools(done: Iterable[Deeds]) -> dict[str, int]:
    tools: dict[str, int] = {}
    for turn in done:
        for tool, count in turn.tools.items():
            tools[tool] = tools.get(tool, 0) + count
    return tools


def _files(done: Iterable[Deeds], cwd: str) -> dict[str, Touched]:
    files: dict[str, list[Change]] = {}
    for edit in (edit for turn in done for edit in turn.edits):
        changes = files.setdefault(path_from(edit.file, cwd), [])
        if changes:
            changes.append(edits.LEFT_OUT)
        changes += edit.changes
    return {file: Touched(tuple(changes)) for file, changes in files.items()}


def seconds(turn: Sequence[Event]) -> float | None:
    """From a turn's prompt to the last that answers it; None where that is not known."""
    if isinstance(turn, Unmade):
        return turn.deeds.seconds
    began = turn[0].at if turn else None
    if began is None:
        return None
    answers = [event for event in turn if isinstance(event, Text | Thinking | ToolCall | Result)]
    times = [event.at for event in answers if event.at is not None]
    times += [e.ended for e in answers if isinstance(e, ToolCall) and e.ended is not None]
    return max(max(times) - began, 0.0) if times else None


def _state(turn: Sequence[Event] | None, status: Status) -> tuple[State, str]:
    state, reason = (State.UNREAD, "") if turn is None else _told_state(turn)
    state = _STATUS.get(status, state)
    return state, reason if state in (State.FAILED, State.INTERRUPTED) else ""


def _told_state(turn: Sequence[Event]) -> tuple[State, str]:
    """How a turn came out, by what is said last on its main line."""
    if not turn:
        return State.EMPTY, ""
    for event in reversed(turn):
        if event.depth:
            continue
        match event:
            case Result(interrupted=True):
                return State.INTERRUPTED, ""
            case Result(ok=False):
                return State.FAILED, event.text
            case Notice(what="interrupted"):
                return State.INTERRUPTED, ""
            case Notice(level=Level.ERROR):
                return State.FAILED, event.text
            case Text() if event.text.strip():
                return State.DONE, ""
            case ToolCall() | Prompt():
                break
    return State.UNANSWERED, ""
