"""What a scan found, as plain data for a cache, and back."""

from __future__ import annotations

from typing import Any

from sessiontree.claude.transcript.scan import Scanned, Spent, Step
from sessiontree.model.session import Presence, Session, Turn, Usage

VERSION = 1
"""Another number makes caches of before unusable: raise it when a scan reads something else."""


def to_cache(scanned: Scanned) -> dict[str, Any]:
    """JSON data; no text of messages but the labels."""
    s = scanned.session
    return {
        "v": VERSION,
        "id": s.id,
        "project": s.project,
        "cwd": s.cwd,
        "path": s.path,
        "title": s.title,
        "created": s.created,
        "updated": s.updated,
        "damage": s.damage,
        "origin": s.origin,
        "sidechains": s.sidechains,
        "size": s.size,
        "mtime_ns": s.mtime_ns,
        "kept": scanned.kept,
        "minted": scanned.minted,
        "turns": [
            [t.id, t.parent, t.uuid, t.last, t.label, t.started, t.live, t.hidden, *_usage(t.usage)]
            for t in s.turns
        ],
        "steps": [[p.uuid, p.turn, p.time, p.source, p.writer] for p in scanned.steps],
        "spent": [[p.turn, p.time, p.total, p.begun] for p in scanned.spent],
    }


def from_cache(data: Any) -> Scanned | None:
    """What `to_cache` gave; None for anything else, e.g. what another version wrote."""
    try:
        if data["v"] != VERSION:
            return None
        session = Session(
            id=data["id"],
            project=data["project"],
            cwd=data["cwd"],
            path=data["path"],
            title=data["title"],
            turns=tuple([_turn(*row) for row in data["turns"]]),
            created=data["created"],
            updated=data["updated"],
            presence=Presence.DAMAGED if data["damage"] else Presence.OK,
            damage=tuple(data["damage"]),
            origin=data["origin"],
            sidechains=data["sidechains"],
            size=data["size"],
            mtime_ns=data["mtime_ns"],
        )
        return Scanned(
            session,
            tuple([_step(*row) for row in data["steps"]]),
            tuple([Spent(*row) for row in data["spent"]]),
            data["kept"],
            data["minted"],
        )
    except (KeyError, TypeError, ValueError, IndexError):
        return None


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


def _step(uuid: str, turn: int, time: float | None, source: Any, writer: str) -> Step:
    return Step(uuid, turn, time, (source[0], source[1]) if source else None, writer)


def _usage(usage: Usage) -> tuple[int, int, int, int]:
    return usage.input, usage.output, usage.cache_read, usage.cache_write
