"""`sessiontree ls`: the forest as text, or one JSON object a line."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sessiontree.commands.listing import Row, rows
from sessiontree.commands.scope import add_scope
from sessiontree.config import Config
from sessiontree.model.text import clean_line

DEEPEST = 20
"""Levels that are indented; deeper ones say how deep they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_scope(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(config: Config, args: argparse.Namespace) -> int:
    gc.disable()  # what is made here has no cycles, and then it is over
    found = sorted(rows(config, everything=args.all), key=lambda row: (row.created or 0.0, row.id))
    lines = _json(found) if args.json else _text(found, args.all)
    sys.stdout.writelines(lines)
    if not found:
        where = "anywhere" if args.all else f"in {clean_line(str(config.project))}"
        print(f"No sessions {where}.", file=sys.stderr)
    return 0


def _json(found: Iterable[Row]) -> Iterator[str]:
    return (f"{row.data}\n" for row in found)


def _text(found: Sequence[Row], everything: bool) -> Iterator[str]:
    """A line a session, forks indented below their parent; oldest first. Not recursive: a chain
    of a thousand forks is normal."""
    here = {row.id for row in found}
    children: dict[str, list[Row]] = {}
    roots: dict[str, list[Row]] = {}
    for row in found:
        if row.parent in here:
            children.setdefault(row.parent or "", []).append(row)
        else:
            roots.setdefault(row.cwd or row.project, []).append(row)
    told: set[str] = set()
    for folder, rooted in sorted(roots.items()):
        if everything:
            yield f"{clean_line(folder)}\n"
        yield from _families(rooted, children, here, told, int(everything))
    for row in found:  # links that lead in a circle have no root
        if row.id not in told:
            yield from _families([row], children, here, told, int(everything))


def _families(
    roots: list[Row],
    children: dict[str, list[Row]],
    here: set[str],
    told: set[str],
    depth: int,
) -> Iterator[str]:
    stack = [(row, depth) for row in reversed(roots)]
    while stack:
        row, depth = stack.pop()
        if row.id not in told:
            told.add(row.id)
            yield _line(row, here, depth)
            below = children.get(row.id, ())
            stack += [(child, depth + 1) for child in reversed(below)]


def _line(row: Row, here: set[str], depth: int) -> str:
    words = []
    if row.parent:
        of = "" if row.parent in here else f" of {clean_line(row.parent)[:8]}, which is not here,"
        where = f" after turn {row.after}" if row.after else " at the start"
        words.append(
            f"{row.link}{of}{where if row.link == 'fork' or row.after else ''}".rstrip(",")
        )
    words.append("1 turn" if row.turns == 1 else f"{row.turns} turns")
    if row.updated is not None:
        words.append(datetime.fromtimestamp(row.updated).strftime("%Y-%m-%d %H:%M"))
    if row.said:
        words.append(row.said)
    name = row.name or ("nothing of its own yet" if row.parent else "no turn in it")
    indent = "  " * min(depth, DEEPEST) + (f"({depth}) " if depth > DEEPEST else "")
    return f"{indent}{row.id[:8]}  {name}  ({', '.join(words)})\n"
