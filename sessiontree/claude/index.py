"""What scans found, kept on disk so that the next start reads only what changed.

One file a project: a line with a checksum, a line of JSON. Turns that several sessions have (a
fork copies its parent's) are written once. It is only a cache: whatever is wrong with a file, its
sessions are read again. Nothing of a message is in it but labels.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sessiontree.claude.transcript.scan import Scanned, Spent, Step
from sessiontree.model.session import Presence, Session, Turn, Usage

_FORMAT = 1
"""Another number makes the files of before unusable: raise it when a scan finds something else."""
_SUFFIX = f".{_FORMAT}.json"

_Turns = dict[tuple[Any, ...], int]


class Index:
    """The files in one folder. A folder that cannot be written keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self) -> list[Scanned]:
        """What is kept of all projects. About 20 µs a session."""
        return [scanned for project in self.load_each() for scanned in project]

    def load_project(self, project: str) -> list[Scanned]:
        """What is kept of one project: the name of its folder."""
        return _load(self._file(project))

    def load_each(self, but: str = "") -> Iterator[list[Scanned]]:
        """What is kept of one project after the other, `but` of one (the name of its folder)."""
        for file in sorted(self.folder.glob("*" + _SUFFIX)):
            if not but or file != self._file(but):
                yield _load(file)

    def save(self, project: str, sessions: Iterable[Scanned]) -> None:
        """Replace what is kept of a project."""
        file = self._file(project)
        draft = file.with_suffix(f".{os.getpid()}.tmp")
        body = json.dumps(_pack(sessions), separators=(",", ":")).encode()
        try:
            self.folder.mkdir(0o700, parents=True, exist_ok=True)
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as out:
                out.write(_digest(body) + b"\n" + body)
            draft.replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _file(self, project: str) -> Path:
        # A digest: the name of a project can be longer than that of a file.
        return self.folder / (_digest(os.fsencode(project)).decode() + _SUFFIX)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=12).hexdigest().encode()


def _load(file: Path) -> list[Scanned]:
    try:
        checksum, _, body = file.read_bytes().partition(b"\n")
        if checksum != _digest(body):
            return []
        packed = json.loads(body)
        turns = [_turn(*row) for row in packed["turns"]]
        return [_unpack(row, packed["project"], turns) for row in packed["sessions"]]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return []


def _pack(sessions: Iterable[Scanned]) -> dict[str, Any]:
    turns: _Turns = {}
    rows = []
    project = ""
    for scanned in sessions:
        project = scanned.session.project
        rows.append(_row(scanned, turns))
    return {"project": project, "turns": list(turns), "sessions": rows}


def _row(scanned: Scanned, turns: _Turns) -> list[Any]:
    session = scanned.session
    return [
        session.id,
        session.cwd,
        session.path,
        session.title,
        [turns.setdefault(_turn_row(turn), len(turns)) for turn in session.turns],
        session.created,
        session.updated,
        session.presence,
        session.damage,
        session.origin,
        session.sidechains,
        session.size,
        session.mtime_ns,
        [_step_row(step, session) for step in scanned.steps],
        [[one.turn, one.time, one.total, one.begun] for one in scanned.spent],
        scanned.kept,
        scanned.minted,
    ]


def _unpack(row: list[Any], project: str, turns: list[Turn]) -> Scanned:
    (id_, cwd, path, title, own, created, updated, presence, damage, origin, *rest) = row
    sidechains, size, mtime_ns, steps, spent, kept, minted = rest
    session = Session(
        id_,
        project,
        cwd,
        path,
        title,
        tuple([turns[number] for number in own]),
        created,
        updated,
        Presence(presence),
        tuple(damage),
        origin,
        sidechains,
        size,
        mtime_ns,
    )
    return Scanned(
        session,
        tuple([_step(step, session) for step in steps]),
        tuple([Spent(*one) for one in spent]),
        kept,
        minted,
    )


def _turn_row(turn: Turn) -> tuple[Any, ...]:
    usage = turn.usage
    counts = (usage.input, usage.output, usage.cache_read, usage.cache_write)
    return (
        turn.id,
        turn.parent,
        turn.uuid,
        turn.last,
        turn.label,
        turn.started,
        turn.live,
        turn.hidden,
        *counts,
    )


def _turn(
    id: str,
    parent: str | None,
    uuid: str,
    last: str,
    label: str,
    started: float | None,
    live: bool,
    hidden: bool,
    *usage: int,
) -> Turn:
    return Turn(id, parent, uuid, last, label, started, live, Usage(*usage), hidden=hidden)


def _step_row(step: Step, session: Session) -> list[Any]:
    """A turn's step has the uuid and the time of the turn."""
    row: list[Any] = [step.turn, *(step.source or ("", "")), step.writer]
    if step.turn < 0 or session.turns[step.turn].uuid != step.uuid:
        row += [step.uuid, step.time]
    return row


def _step(row: list[Any], session: Session) -> Step:
    turn, source_session, source_uuid, writer, *boundary = row
    uuid, time = boundary or (session.turns[turn].uuid, session.turns[turn].started)
    source = (source_session, source_uuid) if source_uuid else None
    return Step(uuid, turn, time, source, writer)
