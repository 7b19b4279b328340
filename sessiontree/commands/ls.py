"""`sessiontree ls`: the forest as text, or one JSON object a line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime

from sessiontree.commands.forest import Sessions, add_scope, fields, label, read, said
from sessiontree.config import Config
from sessiontree.model.arms import path
from sessiontree.model.session import Session
from sessiontree.model.text import clean_line

DEEPEST = 20
"""Levels that are indented; deeper ones say how deep they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_scope(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(config: Config, args: argparse.Namespace) -> int:
    sessions = read(config, everything=args.all)
    lines = _json(sessions) if args.json else _text(sessions, args.all)
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has enough
        sys.stderr.close()
        return 0
    if not sessions.known:
        where = "anywhere" if args.all else f"in {config.cwd}"
        print(f"No sessions {where}.", file=sys.stderr)
    return 0


def _json(sessions: Sessions) -> Iterator[str]:
    for session in _oldest_first(sessions.known.values()):
        yield json.dumps(fields(sessions, session), separators=(",", ":")) + "\n"


def _text(sessions: Sessions, everything: bool) -> Iterator[str]:
    """A line a session, forks indented below their parent; oldest first. Not recursive: a chain
    of a thousand forks is normal."""
    children: dict[str, list[Session]] = {}
    roots: dict[str, list[Session]] = {}
    ordered = _oldest_first(sessions.known.values())
    for session in ordered:
        parent = sessions.link(session.id).parent
        if parent is not None and parent in sessions.known:
            children.setdefault(parent, []).append(session)
        else:
            roots.setdefault(session.cwd or session.project, []).append(session)
    told: set[str] = set()
    for folder, here in sorted(roots.items()):
        if everything:
            yield f"{clean_line(folder)}\n"
        yield from _families(sessions, here, children, told, int(everything))
    for session in ordered:  # links that lead in a circle have no root
        if session.id not in told:
            yield from _families(sessions, [session], children, told, int(everything))


def _families(
    sessions: Sessions,
    roots: list[Session],
    children: dict[str, list[Session]],
    told: set[str],
    depth: int,
) -> Iterator[str]:
    stack = [(session, depth) for session in reversed(roots)]
    while stack:
        session, depth = stack.pop()
        if session.id not in told:
            told.add(session.id)
            yield _line(sessions, session, depth)
            below = children.get(session.id, ())
            stack += [(child, depth + 1) for child in reversed(below)]


def _line(sessions: Sessions, session: Session, depth: int) -> str:
    link = sessions.link(session.id)
    own = sessions.own(session)
    name = sessions.title(session) or label(own) or "nothing of its own yet"
    words = []
    if link.parent:
        parent = sessions.known.get(link.parent)
        holder = parent or session
        turn = len(path(holder.turns, link.turn)) if link.turn else 0
        of = "" if parent else f" of {clean_line(link.parent)[:8]}, which is not here,"
        where = f" after turn {turn}" if turn else " at the start"
        kind = link.kind.value
        words.append(f"{kind}{of}{where if kind == 'fork' or turn else ''}".rstrip(","))
    count = len(session.line)
    words.append("1 turn" if count == 1 else f"{count} turns")
    if session.updated is not None:
        words.append(datetime.fromtimestamp(session.updated).strftime("%Y-%m-%d %H:%M"))
    if state := said(session):
        words.append(state)
    indent = "  " * min(depth, DEEPEST) + (f"({depth}) " if depth > DEEPEST else "")
    return f"{indent}{session.id[:8]}  {name}  ({', '.join(words)})\n"


def _oldest_first(sessions: Iterable[Session]) -> list[Session]:
    return sorted(sessions, key=lambda one: (one.created or 0.0, one.id))
