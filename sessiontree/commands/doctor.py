"""`sessiontree doctor`: what is wrong with the store, and its repair on request."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from sessiontree.commands.scope import add_scope
from sessiontree.config import Config
from sessiontree.model.text import clean
from sessiontree.store.archive import Archive
from sessiontree.store.doctor import examine, repair
from sessiontree.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    whole = "the store, which is one for all projects (as it is)"
    add_scope(parser, whole, whole)
    parser.add_argument(
        "--repair",
        action="store_true",
        help="put together all that can be read; the damaged file is kept beside it",
    )


def run(config: Config, args: argparse.Namespace) -> int:
    """0 when the store is whole, or is again; 1 when it is damaged or could not be looked at."""
    try:
        if args.repair:
            for line in repair(config.store):
                print(clean(line))
        report = examine(config.store)
    except StoreError as error:
        print(f"sessiontree doctor: {error}", file=sys.stderr)
        return 1
    for line in [*report.lines, *_archived(config)]:
        print(clean(line))  # a path can be in it
    return 1 if report.ill else 0


def _archived(config: Config) -> Iterator[str]:
    copies = Archive(config.archive, limit=config.archive_mb * 1_000_000).copies()
    if copies:
        size = sum(copy.size for copy in copies) / 1_000_000
        yield (
            f"Archived sessions: {len(copies):,}, in {size:,.1f} MB of at most "
            f"{config.archive_mb:,} MB."
        )
