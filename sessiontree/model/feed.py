"""The reducer behind every stream: messages in, the events that a view shows out.

A session read from its transcript and a session that runs now go through the same `Feed`, so it
looks the same live and afterwards. This is the one place where a session's text is cleaned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sessiontree.model import calls
from sessiontree.model.event import (
    CallState,
    Event,
    Mark,
    Notice,
    Prompt,
    Result,
    Text,
    Thinking,
    ToolCall,
)
from sessiontree.model.message import (
    Answered,
    CallBlock,
    Delta,
    DeltaKind,
    Ended,
    Level,
    Message,
    Noted,
    Prompted,
    Said,
    Started,
    TextBlock,
    ThinkingBlock,
)
from sessiontree.model.outline import Change, Node, Outline
from sessiontree.model.partial import PartialBlock
from sessiontree.model.text import clean, clean_data, clean_line

MARK_KEY = "\N{ELECTRIC ARROW} mark"
"""The key of the `Mark` event; a feed has one at most."""

_LONG = 1_000_000
"""Characters of a text that tell it from any other."""

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True, eq=False)
class _Stream:
    """A block whose whole has not come yet, and the event that shows it."""

    node: Node
    kind: DeltaKind
    block: PartialBlock = field(default_factory=PartialBlock)

    def show(self, outline: Outline, *, whole: bool = False) -> None:
        outline.replace(self.node, self.block.onto(self.node.event, whole=whole))


class Feed:
    """The events of one session, from messages in any dose and in nearly any order.

    `push` never raises for what it does not know or expect, and recognises what it had already:
    the same block, call, prompt, notice or result again changes nothing.

    `first_turn` is the number of the first prompt, for a feed that begins at a session's tail.
    A `Mark` saying `mark_text` stands behind the turn whose id is `mark_after`, where the session
    left its parent; with `mark_after` None it stands in front of everything.
    """

    def __init__(
        self, *, first_turn: int = 1, mark_after: str | None = None, mark_text: str = ""
    ) -> None:
        self._outline = Outline()
        self._nodes: dict[str, Node] = {}
        self._unknown: dict[str, Node] = {}  # calls that are known only from what came after
        self._running: dict[str, Node] = {}  # calls without a result
        self._streams: dict[str, dict[int, _Stream]] = {}  # message id → its open blocks
        self._fresh: dict[_Stream, None] = {}  # those that got more since the last `take`
        self._typed: dict[str, dict[str, None]] = {}  # agent → ids of what is being typed
        self._blocks: dict[str, int] = {}  # message id → how many of its blocks are known
        self._last_at: dict[str, float] = {}  # agent → time of its last message
        self._first_turn = self._next_turn = first_turn
        self._mark_after, self._mark_text = mark_after, clean_line(mark_text)
        self._was_closed = False
        self._trouble = ""  # what was noted last as gone wrong
        if self._mark_text and mark_after is None:
            self._put("", Mark(key=MARK_KEY, text=self._mark_text, first=True))

    @property
    def events(self) -> list[Event]:
        """What to show, in order, as of the last `take`. Always the same list."""
        return self._outline.events

    def push(self, message: Message) -> None:
        """Takes one message in. Constant time, but for the length of its own text."""
        match message:
            case Delta():
                self._delta(message)
            case Started():
                self._started(message)
            case Said():
                self._said(message)
            case Answered():
                self._answered(message)
            case Prompted():
                self._prompted(message)
            case Noted():
                self._noted(message)
            case Ended():
                self._ended(message)
        if message.at is not None:
            self._last_at[message.agent] = message.at

    def take(self) -> Change | None:
        """Brings `events` up to date and returns what changed since the last call, None where
        nothing did. Costs the text that came since then, the events behind the first one that
        was put in, and those that came in front."""
        for stream in self._fresh:
            stream.show(self._outline)
        self._fresh.clear()
        return self._outline.lay_out()

    def close(self) -> None:
        """Says that nothing that is open will go on: text is taken as it is, and a call without
        a result has failed. Should the rest arrive after all, it is put in its place."""
        for message_id in self._streams:
            self._end(message_id)
        for node in self._running.values():
            if isinstance(node.event, ToolCall):
                self._outline.replace(node, replace(node.event, state=CallState.FAILED))
        self._running.clear()
        self._was_closed = True

    def head(self, messages: Iterable[Message]) -> Feed:
        """A feed of earlier messages of the same session, those that directly precede the first
        one of this feed. Reads nothing that changes: any thread may make it."""
        head = Feed(mark_after=self._mark_after, mark_text=self._mark_text)
        for message in messages:
            head.push(message)
        return head

    def put_in_front(self, head: Feed) -> None:
        """Takes over what `head` holds, which is not to be used any more. Costs its events; all
        that are in front of the first prompt, and all prompts where the number of the first was
        not known."""
        self._adopt(head)
        if self._mark_after is None and self._mark_text:
            self._outline.drop(self._nodes.pop(MARK_KEY))  # the head has it
        if self._was_closed:
            head.close()
        nodes = [
            node
            for node in head._outline.root.children
            if self._nodes.get(node.event.key, node) is node or isinstance(node.event, Mark)
        ]
        turns = sum(isinstance(node.event, Prompt) for node in nodes)
        first = max(1, self._first_turn - turns)
        head._outline.renumber(first - 1)
        self._outline.renumber(first + turns - self._first_turn)
        self._next_turn += first + turns - self._first_turn
        self._first_turn = first
        self._outline.put_in_front(nodes)
        _add_missing(self._nodes, head._nodes)
        _add_missing(self._unknown, head._unknown)
        _add_missing(self._running, head._running)
        for message_id, blocks in head._streams.items():
            _add_missing(self._streams.setdefault(message_id, {}), blocks)
        _add_missing(self._fresh, head._fresh)
        _add_missing(self._typed, head._typed)
        _add_missing(self._blocks, head._blocks)
        _add_missing(self._last_at, head._last_at)

    def count_from(self, number: int) -> None:
        """Says what the number of the first prompt is: 1 where nothing precedes what is here."""
        by = number - self._first_turn
        self._outline.renumber(by)
        self._next_turn += by
        self._first_turn = number

    # Each kind of message

    def _prompted(self, message: Prompted) -> None:
        known = self._nodes.get(message.turn)
        number = known.event.number if known and isinstance(known.event, Prompt) else 0
        begins_turn = known is None and not message.agent
        if begins_turn:
            self._trouble = ""
            self.close()
            number = self._next_turn
            self._next_turn += 1
        prompt = Prompt(
            key=message.turn,
            at=message.at,
            text=clean(message.text),
            number=number,
            images=calls.lines(message.images),
        )
        self._put(message.agent, prompt)
        if begins_turn and self._mark_text and message.turn == self._mark_after:
            self._put("", Mark(key=MARK_KEY, text=self._mark_text))

    def _started(self, message: Started) -> None:
        typed = self._typed.setdefault(message.agent, {})
        for message_id in typed.keys() - {message.message_id}:
            del typed[message_id]
            self._end(message_id)  # an attempt that was given up
        self._stream(message, message.name, message.call_id)

    def _delta(self, message: Delta) -> None:
        blocks = self._streams.get(message.message_id, {})
        stream = blocks.get(message.index) or self._stream(message)
        if stream:
            stream.block.typed.add(message.text)
            self._fresh[stream] = None
            self._typed.setdefault(message.agent, {})[message.message_id] = None

    def _said(self, message: Said) -> None:
        for block in message.blocks:
            if isinstance(block, CallBlock):
                self._called(message, block)
            else:
                self._spoke(message, block)

    def _answered(self, message: Answered) -> None:
        node = self._call(message.call_id)
        call = node.event
        if not isinstance(call, ToolCall):
            return
        self._running.pop(message.call_id, None)
        self._outline.replace(node, calls.answered(call, message))

    def _noted(self, message: Noted) -> None:
        if message.what == "interrupted" and message.key not in self._nodes:
            self.close()
        notice = Notice(
            key=message.key,
            at=message.at,
            what=clean_line(message.what),
            text=clean(message.text),
            level=message.level,
        )
        if notice.level is Level.ERROR:
            self._trouble = notice.text
        self._put(message.agent, notice)

    def _ended(self, message: Ended) -> None:
        if message.key not in self._nodes:
            self.close()
        text = clean(message.text)
        result = Result(
            key=message.key,
            at=message.at,
            ok=message.ok,
            interrupted=message.interrupted,
            text=text,
            told=bool(text) and text == self._trouble,
            cost_usd=message.cost_usd,
            tokens=message.tokens,
            seconds=message.seconds,
        )
        self._put(message.agent, result)

    # Blocks of an API message

    def _stream(
        self, message: Started | Delta, name: str = "", call_id: str = ""
    ) -> _Stream | None:
        """A new stream for a block; None where the block is known already."""
        if message.index < self._blocks.get(message.message_id, 0) or call_id in self._nodes:
            return None
        self._blocks[message.message_id] = message.index + 1
        key = f"{message.message_id}:{message.index}"
        event: Event
        if message.kind is DeltaKind.TEXT:
            event = Text(key=key, at=message.at, text="", done=False)
        elif message.kind is DeltaKind.THINKING:
            event = Thinking(key=key, at=message.at, text="", done=False)
        else:
            name, state = clean_line(name), CallState.TYPED
            event = ToolCall(key=call_id or key, at=message.at, tool=name, state=state)
        node = self._put(message.agent, event)
        if isinstance(event, ToolCall):
            self._running[event.key] = node
        stream = _Stream(node, message.kind)
        self._streams.setdefault(message.message_id, {})[message.index] = stream
        self._typed.setdefault(message.agent, {})[message.message_id] = None
        return stream

    def _end(self, message_id: str) -> None:
        """No more is expected of the open blocks of a message."""
        for stream in self._streams.get(message_id, {}).values():
            stream.show(self._outline, whole=True)

    def _claim(self, message: Said, kind: DeltaKind, call_id: str = "") -> _Stream | None:
        """The stream that a whole block completes; it ends with that."""
        blocks = self._streams.get(message.message_id, {})
        for index, stream in blocks.items():
            keys = (call_id, f"{message.message_id}:{index}")
            if stream.kind is kind and stream.node.event.key in keys:
                self._fresh.pop(stream, None)
                return blocks.pop(index)
        return None

    def _spoke(self, message: Said, block: TextBlock | ThinkingBlock) -> None:
        text = clean(block.text)
        kind = Text if isinstance(block, TextBlock) else Thinking
        stream = self._claim(message, DeltaKind.TEXT if kind is Text else DeltaKind.THINKING)
        began = self._last_at.get(message.agent)
        if stream:
            key, at = stream.node.event.key, stream.node.event.at
            began = began if at is None else at
        else:
            count = self._blocks.get(message.message_id, 0)
            if self._is_known(message.message_id, count, kind, text):
                return
            key, at = f"{message.message_id}:{count}", message.at
            self._blocks[message.message_id] = count + 1
        if kind is Text:
            self._put(message.agent, Text(key=key, at=at, text=text))
        else:
            seconds = _seconds(began, message.at)
            self._put(message.agent, Thinking(key=key, at=at, text=text, seconds=seconds))

    def _is_known(self, message_id: str, count: int, kind: type[Event], text: str) -> bool:
        """Whether a block is one of the first `count` of its message. Blocks of the same text
        count as one: a file read again behind a live run says nothing else of their place. Of a
        text that goes on and on the beginning counts: live it may have been cut."""
        nodes = (self._nodes.get(f"{message_id}:{number}") for number in range(count))
        events = (node.event for node in nodes if node)
        return any(
            isinstance(e, Text | Thinking) and type(e) is kind and _same(e.text, text)
            for e in events
        )

    def _called(self, message: Said, block: CallBlock) -> None:
        stream = self._claim(message, DeltaKind.INPUT, block.id)
        node = self._nodes.get(block.id)
        if stream and node is None:  # it began without an id
            node = self._nodes[block.id] = self._nodes.pop(stream.node.event.key, stream.node)
            self._running.pop(stream.node.event.key, None)
        if not stream:
            self._blocks[message.message_id] = self._blocks.get(message.message_id, 0) + 1
        call = ToolCall(
            key=block.id, at=message.at, tool=clean_line(block.name), input=clean_data(block.input)
        )
        if node and isinstance(node.event, ToolCall):
            self._unknown.pop(block.id, None)
            self._outline.replace(node, calls.with_result(call, node.event))
        else:
            node = self._put(message.agent, call)
        if isinstance(node.event, ToolCall) and node.event.state is CallState.RUNNING:
            self._running[block.id] = node

    # Places

    def _put(self, agent: str, event: Event) -> Node:
        """Puts an event at the end of its line, or in the place of the one that has its key."""
        node = self._nodes.get(event.key)
        if node is None:
            node = self._nodes[event.key] = self._outline.append(self._line(agent), event)
        else:
            at = node.event.at if event.at is None else event.at
            self._outline.replace(node, replace(event, at=at, depth=node.event.depth))
        return node

    def _line(self, agent: str) -> Node:
        return self._call(agent) if agent else self._outline.root

    def _call(self, call_id: str) -> Node:
        """The call with this id; where it is not known yet, an empty one to be filled in."""
        node = self._nodes.get(call_id)
        if node is None:
            node = self._put("", ToolCall(key=call_id, tool=""))
            self._unknown[call_id] = self._running[call_id] = node
        return node

    def _adopt(self, head: Feed) -> None:
        """Joins what this feed knows of calls and messages that began in `head`."""
        for call_id in self._unknown.keys() & head._nodes.keys():
            mine, theirs = self._unknown.pop(call_id), head._nodes[call_id]
            self._outline.drop(mine)
            for child in mine.children:
                child.parent = theirs
            theirs.children = [*theirs.children, *mine.children]
            self._nodes[call_id] = theirs
            self._running.pop(call_id, None)
            if isinstance(theirs.event, ToolCall) and isinstance(mine.event, ToolCall):
                head._outline.replace(theirs, calls.with_result(theirs.event, mine.event))
                if not calls.is_open(theirs.event):
                    head._running.pop(call_id, None)
        for message_id in self._blocks.keys() & head._blocks.keys():
            self._count_on(message_id, head)

    def _count_on(self, message_id: str, head: Feed) -> None:
        """Counts the blocks of a message on from those in `head`: it was cut in two there."""
        keys = {f"{message_id}:{number}" for number in range(self._blocks[message_id])}
        if not keys & self._nodes.keys() & head._nodes.keys():
            return
        by = head._blocks[message_id]
        for number in reversed(range(self._blocks[message_id])):
            node = self._nodes.pop(f"{message_id}:{number}", None)
            if node:
                key = f"{message_id}:{number + by}"
                self._nodes[key] = node
                self._outline.replace(node, replace(node.event, key=key))
        self._blocks[message_id] += by
        blocks = self._streams.pop(message_id, {})
        self._streams[message_id] = {index + by: stream for index, stream in blocks.items()}


def _same(one: str, other: str) -> bool:
    if min(len(one), len(other)) > _LONG:
        return one[:_LONG] == other[:_LONG]
    return one == other


def _add_missing(mine: dict[Key, Value], theirs: Mapping[Key, Value]) -> None:
    for key, value in theirs.items():
        mine.setdefault(key, value)


def _seconds(began: float | None, ended: float | None) -> float | None:
    return None if began is None or ended is None or ended < began else ended - began
