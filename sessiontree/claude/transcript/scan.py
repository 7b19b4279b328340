"""A transcript's bytes → its `Session`, and what finding its parent needs beside it."""

from __future__ import annotations

import functools
import itertools
import operator
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from sessiontree.claude.scanned import Scanned, Spent, Step
from sessiontree.claude.transcript import chain as chains
from sessiontree.claude.transcript import entries as entry_lines
from sessiontree.claude.transcript import lines
from sessiontree.claude.transcript.chain import Chain
from sessiontree.claude.transcript.entries import Entry
from sessiontree.claude.transcript.file import open_file
from sessiontree.claude.transcript.lines import Facts
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.model import text
from sessiontree.model.session import Presence, Session, Turn, Usage
from sessiontree.model.text import clean_line

PATH_BYTES = 4096
"""From here on no system takes a path."""

# Forks have the same lines: most of what is worked out was just worked out for another session.
label = functools.lru_cache(4096)(text.label)
seconds = functools.lru_cache(16384)(entry_lines.seconds)

STILL_WRITING = 60.0
"""Seconds after its last change for which half a last line is no damage: someone is writing it."""


FORK_SECONDS = 5.0
"""How long the prompt of a `/fork` can be written before its session begins (0.1 s was seen)."""

FORKED = "⑂ "
"""What the title begins with that a `/fork` gets from its own prompt (seen on 2.1.330)."""

_COPIED = re.compile(r" \((?:fork|Branch)(?: \d+)?\)\Z")


def read_session(
    path: str | Path, project: str, *, now: float | None = None, sidechains: int = 0
) -> Scanned:
    """Reads a transcript. Raises `OSError` where it cannot be opened, nothing for what is in it.

    One pass over the file; memory grows with the number of its lines. `now` is the time to tell
    a line that is being written from one that was cut off."""
    with open_file(path) as file:
        stat = os.fstat(file.fileno())
        read = lines.read_file(file, stat.st_size)
    path = str(path)
    name = path.rpartition("/")[2]
    chain = chains.connect(read.entries, leaf=read.facts.leaf)
    settled = (time.time() if now is None else now) - stat.st_mtime > STILL_WRITING
    damage = _damage(read.facts, chain, settled, stat.st_size)
    entries, id = read.entries, name.removesuffix(".jsonl")
    by_hand = _copied_by_hand(entries, id)
    created = _created(entries, read.facts, by_hand)
    turns = _turns(chain)
    session = Session(
        id=id,
        project=project,
        cwd=_folder(read.facts.cwd),
        path=path,
        title=_title(read.facts, entries, created),
        turns=turns,
        created=created,
        updated=_updated(entries, stat.st_mtime),
        presence=Presence.DAMAGED if damage else Presence.OK,
        damage=damage,
        origin=_origin(read.facts, created),
        sidechains=sidechains,
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
    )
    minted = not by_hand and _minted(entries, read.facts)
    return Scanned(
        session=session,
        steps=_steps(chain, session, by_hand),
        spent=_spent(chain, read.facts),
        kept=_kept(entries, created, minted, by_hand),
        minted=minted,
    )


def _folder(said: str) -> str:
    """The folder that a transcript says it was in; "" where that can be none, or is told from
    wherever the app happens to be. Runs go on there."""
    try:
        usable = len(os.fsencode(said)) < PATH_BYTES and "\0" not in said
    except UnicodeEncodeError:
        return ""
    return said if usable and os.path.isabs(said) else ""  # noqa: PTH117 - of 10,000 sessions


def _turns(chain: Chain) -> tuple[Turn, ...]:
    entries = chain.entries
    last = chains.ends(chain)
    usage = _usage(entries, len(chain.prompts))
    compacted = chains.boundary(chain)
    turns: list[Turn] = []
    for number, index in enumerate(chain.prompts):
        entry = entries[index]
        before = entries[entry.up].turn if entry.up >= 0 else -1
        turns.append(
            Turn(
                id=entry.source[1] if entry.source else entry.uuid,
                parent=turns[before].id if before >= 0 else None,
                uuid=entry.uuid,
                last=entries[last[number]].uuid,
                label=label(entry.text),
                started=seconds(entry.time),
                live=entry.live,
                usage=usage[number],
                hidden=entry.live and last[number] < compacted,
            )
        )
    return tuple(turns)


def _usage(entries: Sequence[Entry], turns: int) -> list[Usage]:
    """Tokens of each turn. An API message is written as a line per block, each with its usage:
    it counts once, as last said. Its id alone does not tell it from others where something between
    Claude Code and the API gives all the same. Those of subagents are not among them."""
    said: dict[tuple[str, str | None], Entry] = {}
    assistant = Kind.ASSISTANT
    for entry in entries:
        if entry.kind is assistant and entry.turn >= 0:
            record = entry.said
            api = record.message.id if record.message else ""
            said[api or entry.uuid, record.request_id] = entry
    total = [[0, 0, 0, 0] for _ in range(turns)]
    for entry in said.values():
        if counts := entry.counts:
            total[entry.turn] = list(map(operator.add, total[entry.turn], counts))
    return [Usage(*counts) for counts in total]


def _steps(chain: Chain, session: Session, by_hand: int) -> tuple[Step, ...]:
    entries = chain.entries
    writers: dict[int, str] = {}
    own, assistant = ("", session.id), Kind.ASSISTANT
    for entry in entries:
        if entry.kind is assistant and entry.said.request_session_id not in own:
            writers[entry.turn] = entry.said.request_session_id
    for index in chain.prompts if by_hand else ():
        if index < by_hand:
            writers.setdefault(entries[index].turn, entries[index].session)
    steps = [
        Step(turn.uuid, number, turn.started, entries[index].source, writers.get(number, ""))
        for number, (turn, index) in enumerate(zip(session.turns, chain.prompts, strict=True))
    ]
    if not chain.boundaries:
        return tuple(steps)
    for index in chain.boundaries:
        entry = entries[index]
        writer = entry.session if index < by_hand else ""
        steps.append(Step(entry.uuid, entry.turn, seconds(entry.time), entry.source, writer))
    at = [*chain.prompts, *chain.boundaries]
    in_order = sorted(zip(at, steps, strict=True), key=operator.itemgetter(0))
    return tuple(step for _, step in in_order)


def _before(time: float | None, other: float | None) -> bool:
    return time is not None and other is not None and time < other


def _spent(chain: Chain, facts: Facts) -> tuple[Spent, ...]:
    entries = chain.entries
    spent: list[Spent] = []
    for count, total, begun, tokens in facts.costs:
        entry = entries[count - 1] if count else None
        turn = entry.turn if entry else -1
        at = seconds(entry.time) if entry else None
        if len(spent) > 1 and spent[-1].turn == spent[-2].turn == turn:
            spent.pop()
        spent.append(Spent(turn, at, total, begun, tokens))
    return tuple(spent)


def _copied_by_hand(entries: Sequence[Entry], id: str) -> int:
    """How many lines in front name another session as theirs. Claude Code gives what it copies its
    new session, so someone copied the file under a new id, with which it then goes on (2.1.330)."""
    for count, entry in enumerate(entries):
        if entry.session in (id, ""):
            return count
    return len(entries)


def _created(entries: Sequence[Entry], facts: Facts, by_hand: int) -> float | None:
    """When this file was begun, as well as it tells. A fork begins with copied lines and their
    times of before; what comes in front of them, or the first line behind them, tells when it was
    made (seen on Claude Code 2.1.330 and the SDK 0.2.187)."""
    if 0 < by_hand < len(entries):
        return seconds(entries[by_hand].time)
    begun = seconds(facts.begun)  # what a run without a screen writes first
    opening = None
    if facts.opening:
        opening = next((seconds(one.time) for one in entries if one.uuid == facts.opening), None)
    if begun is not None:  # a `/fork` writes its prompt just before
        near = opening is not None and begun - FORK_SECONDS < opening < begun
        return opening if near else begun
    if not entries:
        return None
    if facts.bare and (copied := _leading_copies(entries)):
        if _minted(entries, facts):  # the last copied line has the time of the fork
            return seconds(max(entry.time for entry in copied))
        return seconds(entries[min(len(copied), len(entries) - 1)].time)  # `/branch`
    if opening is not None:  # a run with a screen
        return opening
    written = max((i for i, entry in enumerate(entries) if entry.writer), default=-1)
    return seconds(entries[min(written + 1, len(entries) - 1)].time)


def _leading_copies(entries: Sequence[Entry]) -> list[Entry]:
    """The lines in front that name what they were copied from."""
    return list(itertools.takewhile(lambda entry: entry.source is not None, entries))


def _minted(entries: Sequence[Entry], facts: Facts) -> bool:
    """Whether this is an offline fork as it was made: copied lines with uuids of their own."""
    first = next((entry for entry in entries if entry.kind in chains.MESSAGES), None)
    return facts.bare and bool(first and first.source and first.source[1] != first.uuid)


def _kept(
    entries: Sequence[Entry], created: float | None, minted: bool, by_hand: int
) -> str | None:
    """The last message that was copied, by its uuid in the parent's transcript."""
    if by_hand:
        theirs = (entry for entry in reversed(entries[:by_hand]) if entry.kind in chains.MESSAGES)
        return next((entry.uuid for entry in theirs), None)
    if minted:
        copied = [entry for entry in _leading_copies(entries) if entry.kind in chains.MESSAGES]
        return copied[-1].source[1] if copied and copied[-1].source else None
    if not entries or not _before(seconds(entries[0].time), created):
        return None
    for entry in reversed(entries):
        if entry.kind in chains.MESSAGES and _before(seconds(entry.time), created):
            return entry.uuid
    return None


def _updated(entries: Sequence[Entry], mtime: float) -> float:
    for entry in reversed(entries):
        if entry.kind in chains.MESSAGES and (at := seconds(entry.time)) is not None:
            return at
    return mtime


def _title(facts: Facts, entries: Sequence[Entry], created: float | None) -> str:
    """A title that a person or Claude Code gave. The one that a fork took over from its parent
    tells nothing that the link does not, and all forks would be called the same: an offline fork
    has ` (fork)` behind it (seen on SDK 0.2.187), `/branch` ` (Branch 2)`, any other fork by the
    CLI has it unchanged in front of what it copied (2.1.330)."""
    given = list(filter(None, (facts.custom_title, facts.ai_title)))
    if given and entries and _before(seconds(entries[0].time), created):
        given = [one for one in given if one.startswith(FORKED) or one not in facts.titles_in_front]
    if given and any(entry.source for entry in entries):
        given = [one for one in given if not _COPIED.search(one)]
    return clean_line(given[0]) if given else ""


def _origin(facts: Facts, created: float | None) -> str:
    """The entrypoint that began this file: copied lines keep the one they were made with."""
    for at, name in facts.entrypoints:
        if created is None or (seconds(at) or 0.0) >= created:
            return clean_line(name)
    return clean_line(facts.entrypoints[-1][1]) if facts.entrypoints else ""


def _damage(facts: Facts, chain: Chain, settled: bool, size: int) -> tuple[str, ...]:
    odd = facts.odd
    said = [
        (facts.unreadable, "could not be read."),
        (facts.glued, "held more than one record."),
        (odd.nulls, "had NUL bytes, as a crash of the system leaves them."),
        (odd.carriage, "ended in CRLF, as some editors leave them."),
        (odd.garbled, "had bytes that are no UTF-8."),
        (odd.halves, "had half a character (a lone surrogate)."),
        (chain.lost, "named a message that is not there."),
        (chain.circular, "named itself, or a message behind it, as the one before it."),
    ]
    damage = ["The file is empty."] if not size else []
    damage += [f"{_lines(count)} {words}" for count, words in said if count]
    if facts.half and settled:
        damage.append("The last line is half written.")
    return tuple(damage)


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
