"""Turns of a transcript that are told when someone looks: until then they are records, of which
only what adds up is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import overload

from sessiontree.claude.transcript.entries import SYNTHETIC, Entry, seconds
from sessiontree.claude.transcript.messages import CALLS, Voice, turn_id
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.claude.transcript.records import Block, Message, Record
from sessiontree.claude.transcript.subagents import Subagents
from sessiontree.model import edits, facts
from sessiontree.model.event import Event
from sessiontree.model.facts import Deeds
from sessiontree.model.feed import Feed
from sessiontree.model.text import clean, clean_line

MOST_LINES = 1_500
"""Of a turn whose events are made while a key waits: 40 ms. Those of a longer one are made at
once."""
_SAID = frozenset(("text", "thinking", "redacted_thinking"))
_AGENT = b'"agentId"'
_TO_MS = len("2026-11-23T12:00:00.000")


@dataclass(slots=True)
class Summary:
    """What the lines of a turn say without a `Feed`."""

    tools: dict[str, int] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)  # all that were made, and their tools
    answered: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)  # ids of API messages
    times: list[str] = field(default_factory=list)  # of what answers the prompt
    edited: dict[Entry, None] = field(default_factory=dict)  # calls that write files, and results
    model: str = ""  # the last one
    names_agent: bool = False  # a result names a subagent
    plain: bool = True  # nothing is in it of which only a `Feed` tells what becomes of it


def summary(entries: Sequence[Entry]) -> Summary:
    """Costs 2 µs for each line."""
    found = Summary()
    said: set[tuple[str, str]] = set()
    for entry in entries:
        if entry.kind is Kind.ANSWER:
            _answers(found, entry)
            found.times.append(entry.time)
        elif entry.kind is Kind.ASSISTANT and (message := _spoken(entry.record)):
            found.model = message.model or found.model
            found.messages.add(message.id)
            for block in entry.blocks:
                if block.type in CALLS:
                    _calls(found, entry, block)
                    continue
                key = message.id, block.type
                if block.type not in _SAID or key in said:
                    found.plain = False
                said.add(key)
            if entry.blocks:
                found.times.append(entry.time)
    return found


def _answers(found: Summary, entry: Entry) -> None:
    found.names_agent |= _AGENT in bytes(entry.record.tool_use_result)
    for id in entry.answers:
        if id in found.answered or id not in found.calls:
            found.plain = False
        elif found.calls[id] in edits.TOOLS:
            found.edited[entry] = None
        found.answered.add(id)


def _calls(found: Summary, entry: Entry, block: Block) -> None:
    if block.id in found.calls:
        found.plain = False
    tool = found.calls[block.id] = _tool(block.name)
    found.tools[tool] = found.tools.get(tool, 0) + 1
    if tool in edits.TOOLS:
        found.edited[entry] = None


def _spoken(record: Record) -> Message | None:
    """What a model said; None where Claude Code wrote it itself."""
    message = record.message
    own = message is None or message.model == SYNTHETIC or record.is_api_error_message is True
    return None if own else message


_tool = lru_cache(256)(clean_line)


class WrittenTurn(facts.Unmade):
    """The events of a turn, of which `entries` are the lines, its prompt first. `model`: of the
    last answer before it."""

    def __init__(
        self,
        entries: Sequence[Entry],
        said: Summary,
        names: Mapping[str, str],
        number: int,
        model: str,
    ) -> None:
        self._said = said
        self.prompt = clean(entries[0].text)
        self.size = len(entries) // 2  # a call and its result are two lines and one event
        self._entries = entries
        self._names = names
        self._number = number
        self._model = model
        self._events: Sequence[Event] | None = None
        self._deeds: Deeds | None = None

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self.made()[index]

    def __len__(self) -> int:
        return len(self.made())

    @property
    def is_made(self) -> bool:
        return self._events is not None

    def made(self) -> Sequence[Event]:
        """What `Feed` makes of its messages; 25 µs for each event, once."""
        if self._events is None:
            self._events = self._told(self._entries)
        return self._events

    def _told(self, entries: Iterable[Entry]) -> Sequence[Event]:
        voice, feed = Voice(names=self._names, model=self._model), Feed(first_turn=self._number)
        for entry in entries:
            for message in voice.speak(entry):
                feed.push(message)
        feed.close()
        feed.take()
        return feed.events

    @property
    def deeds(self) -> Deeds:
        if self._deeds is None:
            self._deeds = self._summed() if self._said.plain else facts.deeds([*self.made()])
        return self._deeds

    def _summed(self) -> Deeds:
        """What `facts.deeds` finds in the events, without them."""
        said = self._said
        changed = facts.edits_of(self._told(said.edited)) if said.edited else []
        return Deeds(said.tools, changed, _span(self._entries[0].time, said.times))


def _span(began: str, times: Sequence[str]) -> float | None:
    """Seconds from `began` to the last of `times`."""
    if {time[_TO_MS:] for time in times} == {"Z"}:
        times = [max(times)]  # written alike: the order of the texts is that of the times
    start = seconds(began)
    ends = [end for end in map(seconds, times) if end is not None]
    return max(max(ends) - start, 0.0) if start is not None and ends else None


def divided(
    entries: list[Entry], names: Mapping[str, str], subagents: Subagents
) -> tuple[dict[str, WrittenTurn], list[Entry], str]:
    """The turns in front of the last one, by their canonical ids, the lines behind them, and the
    model before those. They begin with the first turn that cannot be told without what comes
    later: a subagent is at work in it, or it shares a call or an API message with another."""
    starts = [at for at, entry in enumerate(entries) if entry.kind is Kind.PROMPT]
    stretches = [entries[at:end] for at, end in pairwise([*starts, len(entries)])]
    told = [summary(stretch) for stretch in stretches]
    turns: dict[str, WrittenTurn] = {}
    model = ""
    for number in range(min(_first_entangled(told, subagents), len(told) - 1)):
        stretch = stretches[number]
        id = turn_id(stretch[0], names)
        if id in turns:
            return {}, entries, ""
        turns[id] = turn = WrittenTurn(stretch, told[number], names, number + 1, model)
        if len(stretch) > MOST_LINES:
            turn.made()
        model = told[number].model or model
    return turns, entries[starts[len(turns)] :] if turns else entries, model


def _first_entangled(turns: Sequence[Summary], subagents: Subagents) -> int:
    first = len(turns)
    home: dict[str, int] = {}  # id of a call or of an API message → its turn
    for number, turn in enumerate(turns):
        if turn.names_agent or any(map(subagents.has, turn.calls)):
            first = min(first, number)
        ids = turn.messages.union(turn.calls, turn.answered) - {""}
        if not home.keys().isdisjoint(ids):
            first = min(first, *(home[id] for id in home.keys() & ids))
        home.update(dict.fromkeys(ids, number))
    return first
