"""`--all` and `--project DIR`: the same flags in front of a command and behind it."""

from __future__ import annotations

import argparse


def add_scope(
    parser: argparse.ArgumentParser,
    everything: str = "all projects",
    one: str = "the project of this folder",
) -> None:
    """Sets nothing that was not said: what was said in front of the command stays."""
    unsaid = argparse.SUPPRESS
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--all", action="store_true", default=unsaid, help=everything)
    scope.add_argument("--project", metavar="DIR", default=unsaid, help=one)


def add_scope_of_ids(parser: argparse.ArgumentParser) -> None:
    """For a command that is told sessions by their ids."""
    add_scope(parser, "find ids in all projects (as it is)", "find ids in the project of DIR only")
