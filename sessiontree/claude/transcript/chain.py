"""Entries → the tree that they form: who follows whom, which turn each belongs to, which line is
live.

Every line of the conversation names its parent. What follows from that alone is not yet the
conversation: parallel tool calls and attachments hang side by side under one parent, a compaction
starts a new root, a damaged line leaves a hole, and older releases wrote lines twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sessiontree.claude.transcript.entries import Entry
from sessiontree.claude.transcript.prompts import Kind

MESSAGES = frozenset(
    (
        Kind.PROMPT,
        Kind.COMMAND,
        Kind.ASSISTANT,
        Kind.ANSWER,
        Kind.INTERRUPTED,
        Kind.NOTIFIED,
        Kind.META,
    )
)
"""What a tip can be: Claude Code goes on from the last of these in the file, unless a later line
says explicitly where (seen on 2.1.330; `leafUuid` alone does not count)."""


_ANSWERS = frozenset((Kind.PROMPT, Kind.ASSISTANT, Kind.ANSWER, Kind.INTERRUPTED))


@dataclass(slots=True)
class Chain:
    """A connected transcript. `prompts` has the index of each turn's prompt, in file order,
    `boundaries` those of compactions."""

    entries: Sequence[Entry]
    prompts: list[int]
    boundaries: list[int]
    tip: int  # index of the live tip, -1 where there is none
    lost: int  # entries whose parent is not in the file
    circular: int  # entries whose parent stands behind them, or that name themselves

    def path(self, tip: int) -> list[int]:
        """Indexes from the root to `tip`."""
        path = []
        while tip >= 0:
            path.append(tip)
            tip = self.entries[tip].up
        path.reverse()
        return path


def connect(
    entries: Sequence[Entry], *, whole: bool = True, leaf: tuple[str, int] = ("", 0)
) -> Chain:
    """Sets `up`, `turn` and `live` of each entry. Linear.

    A parent stands before its child in the file; where it does not (a line is damaged, or names
    itself in a circle), the entry before takes its place, so nothing is cut off. `whole` False
    for a stretch of a file: what has its parent outside is a root then. `leaf`: a tip that a
    state line names, and how many entries there were then (`lines.Facts`).
    """
    places: dict[str, int] = {}
    twins: dict[tuple[str, str], int] = {}
    starts: list[int] = []
    boundaries: list[int] = []
    lost: list[int] = []
    before = -1
    tip = -1
    prompt, boundary = Kind.PROMPT, Kind.BOUNDARY  # quicker to ask for: there can be many lines
    for index, entry in enumerate(entries):
        first = places.setdefault(entry.uuid, index)
        if first != index:  # written again: the first one counts
            entry.up, entry.kind = first, Kind.OTHER
            entry.turn = entries[first].turn
            continue
        up = places.get(entry.parent, -1) if entry.parent else -1
        if up == index:  # it names itself
            up = -1
        kind = entry.kind
        if kind is boundary:
            boundaries.append(index)
        if up < 0 and whole and (entry.parent or kind is boundary):
            if kind is not boundary:
                lost.append(index)
            up = before
        entry.up = up
        entry.turn = entries[up].turn if up >= 0 else -1
        if kind is prompt:
            _begin(entry, index, entries, starts, twins)
            kind = entry.kind
        if kind in MESSAGES:
            tip = index
        before = index
    if leaf[0] and tip < leaf[1]:
        tip = places.get(leaf[0], tip if whole else -1)
    circular = sum(entries[index].parent in places for index in lost)
    outside = len(lost) - circular
    if lost[:1] == [0] and entries[0].parent not in places:
        outside -= 1  # the first line may well go on from another file
    chain = Chain(entries, starts, boundaries, tip, outside, circular)
    while tip >= 0:
        entries[tip].live = True
        tip = entries[tip].up
    return chain


def _begin(
    entry: Entry,
    index: int,
    entries: Sequence[Entry],
    starts: list[int],
    twins: dict[tuple[str, str], int],
) -> None:
    """Begins a turn, unless the prompt is the replay of one that a compaction kept."""
    key = (entry.time, entry.text)
    first = twins.setdefault(key, index) if entry.time else index
    if first != index:
        entry.kind = Kind.META
        entry.up = first
        entry.turn = entries[first].turn
        return
    entry.turn = len(starts)
    starts.append(index)


def find(chain: Chain, uuid: str) -> int:
    """Index of the entry with this uuid, -1 where there is none."""
    return next((i for i, entry in enumerate(chain.entries) if entry.uuid == uuid), -1)


def end_of(chain: Chain, turn: str, *, complete: bool = False) -> int:
    """Index of the last entry of the turn with this canonical id or prompt uuid, -1 where there
    is none. `complete` as in `ends`."""
    for number, index in enumerate(chain.prompts):
        entry = chain.entries[index]
        if turn == entry.uuid or (entry.source and turn == entry.source[1]):
            return ends(chain, complete=complete)[number]
    return -1


def ends(chain: Chain, *, complete: bool = True) -> list[int]:
    """For each turn the index of its last entry on the way to the tip (on an arm that was left:
    to that arm's own end), with `complete` the last one up to which all tool calls are answered."""
    entries = chain.entries
    last = [-1] * len(chain.prompts)
    onward = [-1] * len(chain.prompts)  # the prompt that follows, a live one rather than a later
    for index in chain.prompts:
        up = entries[index].up
        turn = entries[up].turn if up >= 0 else -1
        if turn >= 0 and (onward[turn] < 0 or not entries[onward[turn]].live):
            onward[turn] = index
    for index, entry in enumerate(entries):
        turn = entry.turn
        # A turn that nothing follows is longer with a message, and with what hangs on its end. (A
        # later message on a side branch is one of several parallel results.)
        if turn >= 0 and (entry.kind in MESSAGES or entry.up == last[turn] or last[turn] < 0):
            last[turn] = index
    for turn, prompt in enumerate(chain.prompts):
        if onward[turn] >= 0:
            last[turn] = _before_compaction(entries, entries[onward[turn]].up, prompt)
        elif complete:
            last[turn] = _complete(chain, turn, last[turn])
    return last


def _before_compaction(entries: Sequence[Entry], last: int, prompt: int) -> int:
    """`last`, or what stands before the compaction that follows the turn's last answer."""
    at = last
    while at > prompt and entries[at].kind not in _ANSWERS:
        if entries[at].kind is Kind.BOUNDARY:
            last = entries[at].up
        at = entries[at].up
    return last


def boundary(chain: Chain) -> int:
    """Index of the last compaction on the live line, -1 where there is none."""
    live = (index for index in reversed(chain.boundaries) if chain.entries[index].live)
    return next(live, -1)


def _complete(chain: Chain, turn: int, last: int) -> int:
    """`last`, or the entry before the API message that has a call without an answer."""
    entries = chain.entries
    path = []
    at = last
    while at >= 0 and entries[at].turn == turn:
        path.append(at)
        at = entries[at].up
    path.reverse()
    if _answered(entries, path):
        return last
    own = [entry for entry in entries if entry.turn == turn]
    answered = {answer for entry in own for answer in entry.answers}
    for place, index in enumerate(path):
        if any(call not in answered for call in entries[index].calls):
            api = entries[index].api
            while place > 1 and api and entries[path[place - 1]].api == api:
                place -= 1
            return path[max(place - 1, 0)]
    return last


def _answered(entries: Sequence[Entry], path: Sequence[int]) -> bool:
    """Whether a path ends in an API message without calls: the API goes on only when all calls
    before it were answered."""
    api = None
    for index in reversed(path):
        entry = entries[index]
        if entry.kind not in MESSAGES:
            continue
        if entry.kind is not Kind.ASSISTANT or (api is not None and entry.api != api):
            return api is not None
        if entry.calls:
            return False
        api = entry.api
    return True
