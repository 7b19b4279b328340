"""`sessiontree compare A B [C D]`: sessions, or turns of them, side by side."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sessiontree.claude.transcript.reading import Reader
from sessiontree.claude.transcript.turns import WrittenTurn
from sessiontree.commands.compare_text import document
from sessiontree.commands.forest import NotOne, Sessions, label, one_turn, read, said
from sessiontree.commands.scope import add_scope_of_ids
from sessiontree.config import Config
from sessiontree.model.comparison import (
    FEWEST,
    MOST,
    Column,
    Comparison,
    Side,
    Source,
    compare,
    end,
)
from sessiontree.model.facts import Touched
from sessiontree.model.feed import Feed
from sessiontree.model.overlay import Status
from sessiontree.model.run import Ending
from sessiontree.model.word_diff import WordDiff

_ENDINGS = {Ending.FAILED: Status.FAILED, Ending.INTERRUPTED: Status.INTERRUPTED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_scope_of_ids(parser)
    parser.add_argument(
        "sides",
        metavar="ID[@TURN]",
        nargs="+",
        help="a session's id, or how it begins; with @TURN its line to the end of that turn",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object")
    form.add_argument("--md", action="store_true", help="Markdown")


def run(config: Config, args: argparse.Namespace) -> int:
    """0 done; 1 when a session is not there, or its transcript cannot be read (what there is of
    the others is told all the same); 2 for too few or too many of them."""
    if not FEWEST <= len(args.sides) <= MOST:
        return _refused(f"Name {FEWEST} to {MOST} sessions, not {len(args.sides)}.", 2)
    sessions = read(config, only=args.project is not None)
    try:
        sides = [_side(sessions, words) for words in args.sides]
    except NotOne as error:
        return _refused(str(error), 1)
    if len({end(side, sessions.known[side.session].turns) for side in sides}) < len(sides):
        return _refused("Two of these are the same: name different sessions, or turns.", 2)
    statuses = _statuses(config.store)
    sources = [_source(sessions, side, statuses) for side in sides]
    found = compare(sources)
    lines = [json.dumps(fields(found)) + "\n"] if args.json else document(found, md=args.md)
    sys.stdout.writelines(lines)
    for source in sources:
        if source.note:
            print(f"sessiontree compare: {source.side.session}: {source.note}", file=sys.stderr)
    return 1 if any(not source.whole for source in sources) else 0


def _refused(words: str, code: int) -> int:
    print(f"sessiontree compare: {words}", file=sys.stderr)
    return code


def _side(sessions: Sessions, words: str) -> Side:
    """Raises `NotOne`."""
    id, at, turn = words.partition("@")
    session = sessions.one(id)
    return Side(session.id, one_turn(session, turn).id if at else None)


def _statuses(store: Path) -> Mapping[str, Status]:
    """How the last runs ended, or that one is under way: as far as the store tells."""
    if not store.exists():
        return {}
    from sessiontree.store.database import Store
    from sessiontree.store.errors import StoreError

    try:
        with Store.open(store) as opened:
            ended = {id: _ENDINGS.get(one.ending) for id, one in opened.finishes().items()}
            runs = {id: one.owner.gone for id, one in opened.intents().items()}
    except StoreError:
        return {}  # that was said when the titles were read
    found = {id: status for id, status in ended.items() if status is not None}
    return found | {id: Status.INTERRUPTED if g else Status.RUNNING for id, g in runs.items()}


def _source(sessions: Sessions, side: Side, statuses: Mapping[str, Status]) -> Source:
    session = sessions.known[side.session]
    note, whole = said(session), bool(session.path)
    feed, unmade = Feed(), dict[str, WrittenTurn]()
    if whole:
        try:
            unmade, end = Reader(session.path, turn=side.turn, turns=session.turns).turns()
        except OSError as error:
            note, whole, end = f"The transcript cannot be read: {error.strerror}.", False, []
        feed.count_from(len(unmade) + 1)
        for message in end:
            feed.push(message)
        feed.close()
        feed.take()
    name = sessions.title(session) or label(sessions.own(session)) or session.id[:8]
    status = statuses.get(session.id, Status.IDLE)
    return Source(side, name, session.turns, feed.events, session.cwd, status, note, whole, unmade)


def fields(found: Comparison) -> dict[str, Any]:
    """A comparison as one JSON object. What is unknown is null. In `answers`, one for each side
    but the first: `parts` are [sign, text of the first, text of this one], where the sign is "-"
    for what only the first has, "+" for what only this one has."""
    return {
        "shared": list(found.shared),
        "single_turns": found.alone,
        "sides": [_column(column) for column in found.columns],
        "turns": [
            [_turn(column, turn) for column, turn in zip(found.columns, row, strict=True)]
            for row in found.rows
        ],
        "answers": [_answer(answer) for answer in found.answers()],
        "files": [
            {"path": name, "sides": [_touched(one, diff=True) for one in sides]}
            for name, sides in found.files.items()
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    side, facts = column.source.side, column.facts
    return {
        "session": side.session,
        "turn": side.turn,
        "label": column.source.label,
        "cwd": column.source.cwd,
        "shared_turns": len(column.before),
        "own_turns": len(column.own),
        "state": facts.state.value,
        "reason": facts.reason,
        "tools": dict(facts.tools),
        "files": {name: _touched(one) for name, one in facts.files.items()},
        "tokens": asdict(facts.usage) | {"total": facts.usage.total} if facts.usage else None,
        "cost_usd": None if facts.cost_usd is None else round(facts.cost_usd, 6),
        "cost_is_at_least": facts.at_least,
        "seconds": None if facts.seconds is None else round(facts.seconds, 3),
        "answer": facts.answer,
        "note": column.source.note,
    }


def _turn(column: Column, turn: str | None) -> dict[str, Any] | None:
    if turn is None:
        return None
    return {"id": turn, "prompt": column.prompt(turn)}


def _touched(touched: Touched | None, *, diff: bool = False) -> dict[str, Any] | None:
    if touched is None:
        return None
    added, removed = touched.counts
    found: dict[str, Any] = {"added": added, "removed": removed}
    if diff:
        found["diff"] = [f"{change.sign}{change.text}" for change in touched.changes]
    return found


def _answer(answer: WordDiff | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "same": answer.same,
        "compared_by": answer.grain.value,
        "parts": [list(part) for part in answer.parts],
    }
