"""`sessiontree show ID`: one session, its turns and their events, arms included."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sessiontree.claude.transcript.reading import messages
from sessiontree.commands.events import as_data
from sessiontree.commands.forest import NotOne, Sessions, fields, iso, kept, read, said
from sessiontree.commands.scope import add_scope_of_ids
from sessiontree.config import Config
from sessiontree.model.event import Event, Prompt
from sessiontree.model.feed import Feed
from sessiontree.model.message import Message, Prompted
from sessiontree.model.session import Session
from sessiontree.model.text import clean, clean_line
from sessiontree.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_scope_of_ids(parser)
    parser.add_argument("id", metavar="ID", help="a session's id, or how it begins")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(config: Config, args: argparse.Namespace) -> int:
    """0 done; 1 when there is no such session, or its transcript cannot be read."""
    sessions = read(config, only=args.project is not None)
    try:
        session = sessions.one(args.id)
        copy = kept(config, session)
        source = copy.to_read(session) if copy else session.path
        turns = list(_turns(session, source, sessions.forked_from(session)))
    except (NotOne, StoreError) as error:
        print(f"sessiontree show: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"sessiontree show: {session.path}: {error.strerror}.", file=sys.stderr)
        return 1
    if args.json:
        json.dump(fields(sessions, session) | {"turns": turns}, sys.stdout, default=str)
        print()
    else:
        sys.stdout.writelines(_text(sessions, session, turns))
    if words := said(session):
        words += ": this is the archive's copy" if copy else ""
        print(f"sessiontree show: {words}", file=sys.stderr)
    return 0


def _turns(
    session: Session, source: str | Path, forked_from: list[Path]
) -> Iterator[dict[str, Any]]:
    """Turns in the order of the file, each with its events; the prompts as they were typed, not
    cleaned. `source` ("" for none) is read once for the live line and once for each arm that was
    left."""
    said: dict[str, tuple[str, list[Event]]] = {}
    if source:
        hear = partial(messages, source, turns=session.turns, forked_from=forked_from)
        _hear(hear(), said)
        followed = {turn.parent for turn in session.turns}
        for turn in session.turns:
            if not turn.live and turn.id not in followed:
                _hear(hear(turn=turn.id), said)
    for turn in session.turns:
        prompt, events = said.get(turn.id, (turn.label, []))
        yield {
            "id": turn.id,
            "prompt": prompt,
            "started": iso(turn.started),
            "live": turn.live,
            "parent": turn.parent,
            "events": [as_data(event) for event in events],
        }


def _hear(line: Iterator[Message], said: dict[str, tuple[str, list[Event]]]) -> None:
    """Sorts the events of a line by the turns that they belong to."""
    feed = Feed()
    whole: dict[str, str] = {}
    for message in line:
        if isinstance(message, Prompted) and not message.agent:
            whole[message.turn] = message.text
        feed.push(message)
    feed.close()
    feed.take()
    events: list[Event] = []
    for event in feed.events:
        if isinstance(event, Prompt) and event.depth == 0:
            # A turn that was told on another line is told already.
            events = []
            said.setdefault(event.key, (whole.get(event.key, event.text), events))
        events.append(event)


def _text(sessions: Sessions, session: Session, turns: list[dict[str, Any]]) -> Iterator[str]:
    data = fields(sessions, session)
    yield f"{data['title'] or data['label'] or session.id}\n"
    for name in ("id", "parent", "evidence", "cwd", "created", "updated", "state", "file"):
        if data[name]:
            yield f"{name}: {clean_line(data[name])}\n"
    for number, turn in enumerate(turns, 1):
        mark = "" if turn["live"] else " (an arm that was left)"
        yield f"\nTurn {number}{mark}  {turn['started'] or ''}  {clean_line(turn['id'])}\n"
        yield _indent(f"> {clean(turn['prompt'])}", 0)
        for event in turn["events"][1:]:
            yield from _event_text(event)


def _event_text(event: dict[str, Any]) -> Iterator[str]:
    depth = event["depth"]
    match event["kind"]:
        case "text" | "notice" | "mark" | "result":
            yield _indent(event["text"], depth)
        case "thinking":
            yield _indent(f"(thinking) {event['text']}", depth)
        case "prompt":
            yield _indent(f"> {event['text']}", depth)
        case "tool":
            given = json.dumps(event["input"], ensure_ascii=False)
            yield _indent(f"[{event['tool']} {event['state']}] {given}", depth)
            if event["output"]:
                yield _indent(event["output"], depth + 1)


def _indent(text: str, depth: int) -> str:
    space = "  " * (depth + 1)
    return "".join(f"{space}{line}\n" for line in text.splitlines() or [""])
