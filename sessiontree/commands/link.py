"""`sessiontree link`: say by hand which session another descends from, over what is found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from sessiontree.commands.forest import NotOne, Sessions, one_turn, read
from sessiontree.commands.scope import add_scope_of_ids
from sessiontree.config import Config
from sessiontree.model.linking import LinkRefused, by_hand, cut
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_scope_of_ids(parser)
    parser.add_argument("child", metavar="CHILD", help="a session's id, or how it begins")
    parser.add_argument("parent", metavar="PARENT", nargs="?", help="the session it descends from")
    parser.add_argument(
        "--at",
        metavar="TURN",
        help="the turn of PARENT that it left after (an id from `show`, or how it begins), where "
        "the two have no turn in common; by default the last",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--cut", action="store_true", help="it is a root")
    instead.add_argument("--as-found", action="store_true", help="take back what was set by hand")


def run(config: Config, args: argparse.Namespace) -> int:
    """0 done; 1 when it could not be done; 2 when it was called wrongly. stderr says what."""
    if (args.parent is None) != (args.cut or args.as_found) or (
        args.at is not None and args.parent is None
    ):
        print("sessiontree link: name PARENT, or give --cut or --as-found.", file=sys.stderr)
        return 2
    try:
        print(f"sessiontree link: {_set(config, args)}", file=sys.stderr)
    except (NotOne, LinkRefused, StoreError) as error:
        print(f"sessiontree link: {error}", file=sys.stderr)
        return 1
    return 0


def _set(config: Config, args: argparse.Namespace) -> str:
    """Store what is asked for; what was done, in a sentence."""
    sessions = read(config, only=args.project is not None)
    child = sessions.one(args.child)
    with Store.open(config.store) as store:
        if args.as_found:
            done = store.unset_link(child.id)
            return f"{child.id[:8]} is linked as it was found{'' if done else ' already'}."
        if args.cut:
            store.set_link(cut(child.id))
            return f"{child.id[:8]} is a root now."
        parent = sessions.one(args.parent)
        turn = one_turn(parent, args.at).id if args.at is not None else None
        above, kind = _above(sessions, parent.id), sessions.link(child.id).kind
        link = by_hand(child, parent, turn, above=above, kind=kind)
        store.set_link(link)
    number = next((n for n, one in enumerate(parent.line, 1) if one.id == link.turn), 0)
    after = f" after turn {number}" if number else ""
    return f"{child.id[:8]} descends from {parent.id[:8]}{after} now."


def _above(sessions: Sessions, id: str) -> Iterator[str]:
    """The ancestors of a session. A circle, as older links may make one, ends them."""
    seen = {id}
    while (parent := sessions.link(id).parent) is not None and parent not in seen:
        yield parent
        seen.add(parent)
        id = parent
