"""`sessiontree run PROMPT`: one run, its events on stdout as they are finished."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from sessiontree.commands.events import as_data
from sessiontree.commands.forest import NotOne, Sessions, one_turn
from sessiontree.commands.output import silence
from sessiontree.commands.scope import add_scope
from sessiontree.config import Config, ConfigError, expanded
from sessiontree.engine.aim import Aim
from sessiontree.engine.engine import Engine
from sessiontree.engine.runs import Run
from sessiontree.model.event import (
    CallState,
    Event,
    Notice,
    Prompt,
    Result,
    Text,
    Thinking,
    ToolCall,
)
from sessiontree.model.feed import Feed
from sessiontree.model.message import Level
from sessiontree.model.run import Deny, Ending, Mode
from sessiontree.model.text import clean_line
from sessiontree.model.trust import Does
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError

NOBODY = "Nobody can be asked: this run has no screen. Go on without this tool."
FAILED, USAGE_ERROR = 1, 2
_OPEN = (CallState.TYPED, CallState.RUNNING)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_scope(
        parser,
        "find ids in all projects (as it is)",
        "a new session runs in DIR; find ids in its project only",
    )
    parser.add_argument(
        "prompt", metavar="PROMPT", help="what is to be done; - reads it from stdin"
    )
    parser.add_argument(
        "--in",
        dest="folder",
        metavar="DIR",
        help="the folder to run in; a session that goes on has its own",
    )
    of = parser.add_mutually_exclusive_group()
    of.add_argument("--continue", dest="go_on", metavar="ID", help="continue this session")
    of.add_argument("--fork", metavar="ID", help="fork this session")
    parser.add_argument(
        "--at", metavar="TURN", help="with --fork: keep all to the end of this turn"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--model", default="", help="another model than Claude Code's own choice")
    modes = [mode.value for mode in Mode if mode is not Mode.BYPASS]
    parser.add_argument(
        "--mode",
        choices=modes,
        default=Mode.DEFAULT.value,
        help="what needs no permission, as Claude Code calls it; nobody is there to be asked, so "
        "what needs one is denied (default: %(default)s)",
    )
    parser.add_argument(
        "--trust-project",
        action="store_true",
        help="load the project's own settings, hooks, MCP servers and CLAUDE.md for this run",
    )


def run(config: Config, args: argparse.Namespace) -> int:
    """0 done; 1 the run failed or was interrupted; 2 it was called wrongly."""
    prompt = sys.stdin.read() if args.prompt == "-" else args.prompt
    if args.at is not None and args.fork is None:
        print("sessiontree run: --at goes with --fork", file=sys.stderr)
        return USAGE_ERROR
    if not prompt.strip():
        print("sessiontree run: the prompt is empty", file=sys.stderr)
        return USAGE_ERROR
    only = config.project if args.project is not None else None
    if args.folder is not None:
        try:
            folder = expanded(args.folder).absolute()
        except ConfigError as error:
            print(f"sessiontree run: {error}", file=sys.stderr)
            return USAGE_ERROR
        if not args.folder or not folder.is_dir():
            what = folder if args.folder else "--in: an empty name"
            print(f"sessiontree run: {what} is not a folder", file=sys.stderr)
            return USAGE_ERROR
        config = replace(config, cwd=folder)
    try:
        with Store.open(config.store) as store:
            return asyncio.run(_Caller(config, store, args, only).run(prompt))
    except BrokenPipeError:  # whoever read it has enough; that it was interrupted was said
        silence(sys.stdout)
        return FAILED
    except StoreError as error:
        print(f"sessiontree run: {error}", file=sys.stderr)
        return FAILED


class _Caller:
    """Asks the engine in a person's place: shows what is said, and denies what is asked. `only`:
    the folder of the project whose sessions can be named."""

    def __init__(
        self, config: Config, store: Store, args: argparse.Namespace, only: Path | None
    ) -> None:
        self._args = args
        self._only = only
        self._engine = Engine(config, store, self)
        self._over = asyncio.Event()
        self._printed = 0
        self._told: set[str] = set()  # what was said of faults
        self._unwritten: OSError | None = None
        self._feed = Feed()
        self._session = ""

    async def run(self, prompt: str) -> int:
        engine, args = self._engine, self._args
        try:
            of_another = args.go_on is not None or args.fork is not None
            await engine.start(everything=of_another, follow=False)
            aim = self._aim()
            choice = engine.settings.choice(None)
            choice = replace(choice, mode=Mode(args.mode), model=args.model or choice.model)
            engine.settings.choose(aim.child or aim.session, choice)
            project = await self._project(aim.cwd)
            session = None if project is None else await engine.send(aim, prompt, project=project)
            if session is None:
                return FAILED
            self._session = session
            engine.streams.hear_only(session, self._feed)
            print(f"sessiontree run: session {session}", file=sys.stderr)
            run = engine.run_of(session)
            await self._over.wait()
            self._show(everything=True)
            if self._unwritten:
                raise self._unwritten
            outcome = run.outcome if run else None
            return 0 if outcome and outcome.ending is Ending.DONE else FAILED
        except NotOne as error:
            print(f"sessiontree run: {error}", file=sys.stderr)
            return FAILED
        finally:
            await engine.close()

    def _aim(self) -> Aim:
        engine, args = self._engine, self._args
        start = args.fork if args.go_on is None else args.go_on
        if start is None:
            return engine.aims.new()
        found = {id: one for id in engine.forest if (one := engine.forest.session(id)) is not None}
        session = Sessions({}, found, only=self._only).one(start)
        if args.go_on is not None:
            if pid := engine.elsewhere(session.id):
                raise NotOne(
                    f"Process {pid} has this session open, and two would write into one file. "
                    f"Fork it (--fork {session.id[:8]}), or close that one."
                )
            aim = engine.aims.go_on(session)
        else:
            turn = None if args.at is None else one_turn(session, args.at).id
            aim = engine.aims.fork(session, turn)
        if aim.refusal:
            raise NotOne(aim.refusal)
        return aim if args.folder is None else replace(aim, cwd=str(engine.config.cwd))

    async def _project(self, cwd: str) -> str | None:
        """The fingerprint of the project's settings that are loaded, "" for none; None where
        they were to be and cannot be trusted. Says on stderr what comes of it."""
        survey = (await self._engine.trust.look(cwd)).survey
        if not self._args.trust_project:
            if survey.carries:
                what = "CLAUDE.md is" if survey.only_tells else "its settings and CLAUDE.md are"
                self.tell(f"{what} not read in {clean_line(cwd)}: --trust-project loads them")
            return ""
        for fault in survey.faults:
            self.tell(f"this project cannot be trusted: {fault}", trouble=True)
        for thing in survey.things if not survey.faults else ():
            name = f"{thing.name}: " if thing.does is Does.SETS else ""
            self.tell(f"{thing.does.value} {name}{thing.text or thing.name} ({thing.source})")
        return None if survey.faults else survey.fingerprint

    def _show(self, *, everything: bool = False) -> None:
        """Print the events that are finished, in order. A run whose output goes nowhere is
        interrupted."""
        self._feed.take()
        events = self._feed.events
        while self._printed < len(events) and (everything or _settled(events[self._printed])):
            event = events[self._printed]
            self._printed += 1
            if not self._args.json and isinstance(event, Notice) and event.level is Level.ERROR:
                self.tell(event.text)  # words, not data; why the run failed is one of these
                continue
            try:
                if self._unwritten is None:
                    print(_json(event) if self._args.json else _words(event), flush=True)
            except OSError as error:
                self._unwritten = error
                self._engine.interrupt(self._session)

    # What the engine says

    def forest_changed(self) -> None:
        pass

    def stream_changed(self) -> None:
        self._show()

    def asked(self) -> None:
        for run, ask in self._engine.asks():
            print(f"sessiontree run: denied {ask.tool}: nobody to ask", file=sys.stderr)
            self._engine.answer(run, ask, Deny(NOBODY))

    def ended(self, run: Run) -> None:
        self._show()
        if run.outcome and run.outcome.ending is not Ending.DONE:
            words = run.outcome.reason.words
            if words not in self._told:
                self.tell(words)
        self._over.set()

    def tell(self, text: str, *, trouble: bool = False) -> None:
        self._told.add(text)
        print(f"sessiontree run: {text}", file=sys.stderr)


def _settled(event: Event) -> bool:
    if isinstance(event, Text | Thinking):
        return event.done
    return not (isinstance(event, ToolCall) and event.state in _OPEN)


def _json(event: Event) -> str:
    return json.dumps(as_data(event), default=str)


def _words(event: Event) -> str:
    indent = "  " * event.depth
    match event:
        case Prompt():
            text = f"❯ {event.text}"
        case Text():
            text = event.text
        case Thinking():
            text = f"[thinking] {event.text}"
        case ToolCall():
            given = json.dumps(dict(event.input), ensure_ascii=False)
            text = f"[{event.tool} {event.state.value}] {given}\n{event.output}".rstrip()
        case Result():
            cost = f", ${event.cost_usd:.4f}" if event.cost_usd is not None else ""
            how = "done" if event.ok else "interrupted" if event.interrupted else "failed"
            text = f"[{how}{cost}] {'' if event.told else event.text}".rstrip()
        case _:
            text = f"[{getattr(event, 'text', '')}]"
    return "\n".join(indent + line for line in text.split("\n")) + "\n"
