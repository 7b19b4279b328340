"""`sessiontree fork ID`: a fork made without running anything."""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path

from sessiontree.claude.offline_fork import ForkError, fork_offline
from sessiontree.commands.forest import NotOne, kept, one_turn, read
from sessiontree.commands.scope import add_scope_of_ids
from sessiontree.config import Config
from sessiontree.model.session import Evidence, Link
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_scope_of_ids(parser)
    parser.add_argument("id", metavar="ID", help="a session's id, or how it begins")
    parser.add_argument(
        "--at",
        metavar="TURN",
        help="keep everything to the end of this turn (an id from `show`, or how it begins)",
    )
    parser.add_argument("--title", metavar="T", default="", help="what to call the fork")


def run(config: Config, args: argparse.Namespace) -> int:
    """Prints the new session's id. 1 when nothing was made; stderr says why."""
    try:
        session = read(config, only=args.project is not None).one(args.id)
        turn = one_turn(session, args.at)
        if copy := kept(config, session):
            session = copy.bring_back(session)
        if not session.path:
            raise NotOne("The transcript of this session is gone: nothing is left to fork.")
        child = str(uuid.uuid4())
        link = Link(child, session.id, turn.id, turn.last, Evidence.MADE)
        with Store.open(config.store) as store:
            store.put_link(link)  # first: what was made here is never guessed
            try:
                fork_offline(Path(session.path), turn=turn.uuid, child=child, title=args.title)
            except ForkError:
                store.remove_link(child)
                raise
    except OSError as error:
        print(f"sessiontree fork: The archive's copy cannot be put back: {error}", file=sys.stderr)
        return 1
    except (NotOne, ForkError, StoreError) as error:
        print(f"sessiontree fork: {error}", file=sys.stderr)
        return 1
    print(child)
    return 0
