"""The command line. Each command imports what it needs when it runs: `--help` and `ls` bring in
neither Textual nor the SDK."""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sessiontree import __version__
from sessiontree.commands import output
from sessiontree.commands.scope import add_scope
from sessiontree.config import Config, ConfigError, expanded, home_folder, load

FAILED, USAGE_ERROR, INTERRUPTED = 1, 2, 130
COMMANDS = {
    "ls": "the forest as text, or as JSON lines",
    "show": "one session: its turns and their events",
    "compare": "two to four sessions, or turns of them, side by side",
    "fork": "fork a session without running anything",
    "link": "say by hand which session another descends from",
    "run": "run one prompt and print its events",
    "doctor": "check the store, and repair it on request",
}
"""Each in a module of its own under `sessiontree.commands`, with `add_arguments` and `run`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code: 0 done, 1 it failed, 2 it was called wrongly, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    output.complete()
    try:
        try:
            return _run(words)
        finally:
            sys.stdout.flush()  # at the exit it could only fail
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - no traceback: it shows nobody what to do
        if output.is_unread(sys.stdout):  # whoever read it has enough
            output.silence(sys.stdout)
            return 0
        return _broke(words, error)


def _run(words: list[str]) -> int:
    with output.clean_output():
        parser = _parser(words)
        args = parser.parse_args(words)
        if args.all and args.project is not None:  # one in front of the command, one behind it
            parser.error("--all and --project DIR contradict each other: give one of them")
        config = _config(args)
        if args.command in COMMANDS:
            return int(_module(args.command).run(config, args))
    return _demo(args.keep) if args.command else _app(config, everything=args.all)


def _broke(words: Sequence[str], error: Exception) -> int:
    from sessiontree import crash

    output.silence(sys.stdout)  # what is left for it may be what it does not take
    command = next((word for word in words if word in COMMANDS or word == "demo"), "")
    try:
        home = home_folder()
    except ConfigError:
        home = None
    with output.clean_output():
        print(crash.sentence(home, f"sessiontree {command}".rstrip(), error), file=sys.stderr)
    return FAILED


def _config(args: argparse.Namespace) -> Config:
    """Ends the program where something set cannot be used."""
    try:
        config = load()
        if args.project is None:
            return config
        return replace(config, cwd=_folder(args.project, config))
    except ConfigError as error:
        print(f"sessiontree: {error}", file=sys.stderr)
        raise SystemExit(USAGE_ERROR) from None


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sessiontree",
        description="All your Claude agent sessions as one tree: continue, fork and watch them.",
    )
    parser.add_argument("--version", action="version", version=f"sessiontree {__version__}")
    parser.set_defaults(all=False, project=None)
    add_scope(parser)
    commands = parser.add_subparsers(dest="command", metavar="command")
    what = "the real Claude Code with a scripted model: no account, no key, no internet"
    demo = commands.add_parser("demo", help=f"try it: {what}", description=f"Try it: {what}")
    demo.add_argument("--keep", metavar="DIR", type=Path, help="keep the demo's folder here")
    for name, what in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what[0].upper() + what[1:])
        if name in words:  # only the command that is called is imported
            _module(name).add_arguments(command)
    return parser


def _module(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"sessiontree.commands.{name}")


def _folder(name: str, config: Config) -> Path:
    """A project's folder; one that was deleted may still have sessions."""
    from sessiontree.claude import projects

    folder = expanded(name).absolute()
    if not name:
        raise ConfigError("--project names no folder: it is empty")
    if not folder.is_dir() and not projects.has_project(config.projects, folder):
        raise ConfigError(f"{folder} is not a folder, and no sessions of it are known")
    return folder


def _app(config: Config, *, everything: bool) -> int:
    if not _on_a_terminal():
        return USAGE_ERROR
    gc.disable()  # imports leave no garbage to look for; `Collecting` says when it is looked for
    from sessiontree.ui.app import run

    return run(config, everything=everything)


def _demo(keep: Path | None) -> int:
    if not _on_a_terminal():
        return USAGE_ERROR
    from sessiontree.commands import demo

    return demo.run(keep, lambda config: _app(config, everything=False))


def _on_a_terminal() -> bool:
    if sys.stdin.isatty() and sys.stdout.isatty():
        return True
    print(
        "sessiontree: the app needs a terminal. Without one use:\n"
        "  sessiontree ls [--all] [--json]     the tree\n"
        "  sessiontree show ID [--json]        one session\n"
        "  sessiontree run PROMPT [--json]     one run",
        file=sys.stderr,
    )
    return False
