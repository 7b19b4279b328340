"""The messages of one session: its end first, then what is before, then what is added to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from sessiontree.claude.transcript import chain as chains
from sessiontree.claude.transcript import lines
from sessiontree.claude.transcript.chain import Chain
from sessiontree.claude.transcript.entries import Entry
from sessiontree.claude.transcript.file import open_file
from sessiontree.claude.transcript.lines import Lines
from sessiontree.claude.transcript.messages import Voice
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.claude.transcript.subagents import SideChains, Subagents
from sessiontree.claude.transcript.turns import WrittenTurn, divided
from sessiontree.model.message import Answered, CallBlock, Message, Said
from sessiontree.model.session import Turn
from sessiontree.model.text import clean_line

Stretch = tuple[Chain, int, int, Lines]
"""Of a file: what hangs together in it, the index of its tip, its offset, what was read."""

WINDOW = 1 << 20
"""Bytes that are read at first; doubled where they hold no place to begin at."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a conversation weighs: the `tokens` of its last API message (all that was read, and the
    answer), and the `model` that gave it."""

    tokens: int
    model: str


def messages(
    path: str | Path,
    *,
    turn: str | None = None,
    turns: Sequence[Turn] = (),
    forked_from: Iterable[Path] = (),
) -> Iterator[Message]:
    """The line from the root to the live tip, or to the end of a turn, e.g. of an arm that was
    left. `turn`, `turns` and `forked_from` as for `Reader`.

    Raises `OSError` where the file cannot be read, `LookupError` for an unknown turn."""
    reader = Reader(path, turn=turn, turns=turns, forked_from=forked_from)
    return iter(reader.last(None))


class Reader:
    """Reads one line of one transcript, from its end, and follows it.

        reader = Reader(path)
        shown = reader.last()                    # the end, with a bounded read
        while earlier := reader.earlier():       # what is in front of it
            shown = earlier + shown
        more = reader.later()                    # what has been added since; None: read anew

    Or, where all is wanted and little of it to be seen:

        turns, end = reader.turns()              # instead of `last` and `earlier`

    `start` is the byte offset where the messages given so far begin, 0 once all are given.
    With `turn` (its canonical id, or the uuid of its prompt) it is the line to its end. `turns`
    are those of the session: only they have canonical ids that reach over several forks.
    `forked_from`: the transcripts beside which the subagents of copied turns wrote theirs, that of
    the parent first."""

    def __init__(
        self,
        path: str | Path,
        *,
        turn: str | None = None,
        turns: Sequence[Turn] = (),
        forked_from: Iterable[Path] = (),
    ) -> None:
        self.path = Path(path)
        self.start = 0
        self.end = 0
        self._tail = b""  # what stands in front of `end`
        self._turn = next((known.uuid for known in turns if known.id == turn), turn)
        self._before: str | None = None  # uuid of the entry in front of `start`
        self._known: set[str] = set()  # entries since the last prompt
        self._open: set[str] = set()  # those of them that the next prompt can follow
        self._subagents = Subagents(self.path, forked_from)
        self._side_chains = SideChains()
        self._names = {known.uuid: known.id for known in turns}
        self._voice = Voice(names=self._names)

    @property
    def whole(self) -> bool:
        """Whether everything up to the root was given."""
        return self._before is None

    def last(self, window: int | None = WINDOW) -> list[Message]:
        """The end of the line. Reads `window` bytes, more only where the last API message is
        larger than that; all with None. Raises `LookupError` where there is no such turn."""
        found = self._read_end(window)
        if found is None:
            return []
        chain, tip, offset, _ = found
        return self._take(chain, tip, offset)

    def turns(self) -> tuple[dict[str, WrittenTurn], list[Message]]:
        """All of the line: its turns by their canonical ids, to be told when they are looked at,
        and the messages behind them, those of the last turn at least. Raises `LookupError` where
        there is no such turn."""
        found = self._read_end(None)
        if found is None:
            return {}, []
        chain, tip, _, read = found
        path = [chain.entries[index] for index in with_side(chain, chain.path(tip))]
        turns: dict[str, WrittenTurn] = {}
        if not read.side:
            turns, path, model = divided(path, self._names, self._subagents)
            self._voice = Voice(names=self._names, model=model)
        return turns, [message for entry in path for message in self._messages(entry)]

    def _read_end(self, window: int | None) -> Stretch | None:
        with open_file(self.path) as file:
            size = os.fstat(file.fileno()).st_size
            found = _backwards(file.fileno(), size, window or size, self._last_tip)
        if found is None:
            if self._turn is not None:
                raise LookupError(f"{self.path.name} has no turn {self._turn}")
            return None
        chain, tip, _, read = found
        self.end = read.end
        self._tail = read.tail
        self._remember(chain, tip)
        self._side_chains.add(read.side)
        return found

    def earlier(self, window: int = WINDOW) -> list[Message]:
        """What is in front of what was given; [] at the root."""
        if self._before is None:
            return []
        with open_file(self.path) as file:
            found = _backwards(file.fileno(), self.start, window, self._tip_before)
        if found is None:
            self._before, self.start = None, 0
            return []
        chain, tip, offset, read = found
        self._side_chains.add(read.side)
        return self._take(chain, tip, offset)

    def later(self) -> list[Message] | None:
        """What was added to the line since. None where it goes on from another place now (a
        rewind) or the file was cut, or another took its place: read it anew. Costs what was
        added."""
        with open_file(self.path) as file:
            tail = os.pread(file.fileno(), len(self._tail), self.end - len(self._tail))
            if tail != self._tail:
                return None
            file.seek(self.end)
            data = file.read()
        read = lines.read(data, self.end, last=False)
        self._tail = read.tail or self._tail
        self.end = read.end
        leaf, count = read.facts.leaf
        if leaf and count == len(read.entries) and leaf not in self._open | self._known:
            return None
        said: list[Message] = []
        for entry in sorted(read.entries + read.side, key=attrgetter("start")):
            if entry.record.is_sidechain:
                said += self._side_chains.later(entry)
                continue
            if entry.uuid in self._known:
                continue
            if not self._follows(entry):
                return None
            said += self._messages(entry)
        return said + list(self._subagents.later())

    def context(self) -> Context | None:
        """What whoever goes on from the end of the line has to read; None where it holds no answer
        that says so. Reads what `last` would."""
        with open_file(self.path) as file:
            size = os.fstat(file.fileno()).st_size
            found = _backwards(file.fileno(), size, WINDOW, self._last_tip)
        if found is None:
            return None
        chain, tip, *_ = found
        for entry in (chain.entries[index] for index in reversed(chain.path(tip))):
            if entry.kind is not Kind.ASSISTANT:
                continue
            if counts := sum(entry.counts or ()):
                return Context(counts, clean_line(entry.model))
        return None

    def _last_tip(self, chain: Chain, whole: bool) -> int:
        return chain.tip if self._turn is None else chains.end_of(chain, self._turn)

    def _tip_before(self, chain: Chain, whole: bool) -> int:
        at = chains.find(chain, self._before or "")
        # What should come before is not in the file at all: what stands before it does.
        return chain.tip if at < 0 and whole else at

    def _take(self, chain: Chain, tip: int, offset: int) -> list[Message]:
        path = chain.path(tip)
        first = 0 if offset == 0 else _begin(chain, path) or 0
        head = chain.entries[path[first]]
        self._before = None if offset == 0 else head.parent
        self.start = head.start if self._before else 0
        said: list[Message] = []
        for index in with_side(chain, path[first:]):
            entry = chain.entries[index]
            said += self._messages(entry)
        return said

    def _messages(self, entry: Entry) -> Iterator[Message]:
        for message in self._voice.speak(entry):
            if isinstance(message, Answered):
                yield from self._subagents.named(message.call_id, message.details)
                self._side_chains.answered(message.call_id)
            yield message
            if isinstance(message, Said):
                for block in message.blocks:
                    if isinstance(block, CallBlock):
                        yield from self._subagents.of(block.id)
                        yield from self._side_chains.of(block)

    def _remember(self, chain: Chain, tip: int) -> None:
        """What the next line may follow."""
        entries = chain.entries
        turn = entries[tip].turn
        self._known = {entry.uuid for entry in entries if entry.turn == turn}
        self._open = {entries[tip].uuid}
        for entry in entries[tip + 1 :]:
            if entry.parent in self._open:
                self._open.add(entry.uuid)

    def _follows(self, entry: Entry) -> bool:
        on = entry.parent in self._open
        if entry.kind is Kind.PROMPT:
            if not on:
                return False
            self._known.clear()
        if entry.kind in chains.MESSAGES and on:
            self._open.clear()
        self._known.add(entry.uuid)
        if on or entry.kind in chains.MESSAGES or entry.kind is Kind.BOUNDARY:
            self._open.add(entry.uuid)
        return True


def _backwards(
    file: int, end: int, window: int, find: Callable[[Chain, bool], int]
) -> Stretch | None:
    """A stretch of the file before `end` that holds what `find` looks for and, on the way there, a
    place to begin at: its chain, the tip, its offset in the file, what was read in it."""
    while True:
        offset = max(0, end - window)
        data = os.pread(file, end - offset, offset)
        if offset:  # the first line is cut
            cut = data.find(b"\n") + 1
            data, offset = (data[cut:], offset + cut) if cut else (b"", end)
        read = lines.read(data, offset)
        chain = chains.connect(read.entries, whole=offset == 0, leaf=read.facts.leaf)
        tip = find(chain, offset == 0)
        if tip >= 0 and (offset == 0 or _begin(chain, chain.path(tip)) is not None):
            return chain, tip, offset, read
        if offset == 0:
            return None
        window *= 2


def _begin(chain: Chain, path: Sequence[int]) -> int | None:
    """The first place on a path where nothing of what follows is cut off: a prompt, or an API
    message behind the answers to the one before."""
    entries = chain.entries
    for place, index in enumerate(path):
        kind = entries[index].kind
        if kind is Kind.PROMPT:
            return place
        if kind is Kind.ASSISTANT and place and entries[path[place - 1]].kind is Kind.ANSWER:
            return place
    return None


def with_side(chain: Chain, path: list[int]) -> list[int]:
    """The path and what belongs to it though it hangs beside it: further blocks of its API
    messages, and the results of parallel calls. In the order of the file."""
    entries = chain.entries
    taken = set(path)
    on_path = [entries[index] for index in path]
    apis = {entry.api for entry in on_path if entry.kind is Kind.ASSISTANT} - {""}
    answered = {answer for entry in on_path for answer in entry.answers}
    calls: set[str] = set()
    unread: list[Entry] = []  # answers of which nobody had to know what they call
    start = path[0] if path else len(entries)
    for index in range(start, len(entries)):
        entry = entries[index]
        if entry.kind is Kind.ASSISTANT and entry.api in apis:
            taken.add(index)
            unread.append(entry)
        elif entry.answers and index not in taken:
            calls.update(call for one in unread for call in one.calls)
            unread.clear()
            missing = [one for one in entry.answers if one in calls and one not in answered]
            if missing:
                taken.add(index)
                answered.update(missing)
    return sorted(taken)
