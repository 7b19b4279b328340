"""Pictures of the main screens on the demo's forest. Look at the difference before updating."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from sessiontree.claude.transcript.reading import Context
from sessiontree.commands.demo import recall
from sessiontree.config import Config
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.place import DemoPlace, prepare
from sessiontree.demo.scenes import SUGGESTIONS, script
from sessiontree.engine.fanout import estimate
from sessiontree.model.fanout import Way
from sessiontree.model.overlay import Verdict
from sessiontree.model.run import Ask, AskKind, Choice, Grants, Mode, Suggestion
from sessiontree.model.trust import Does, Standing, Survey, Thing, Trust
from sessiontree.ui.app import SessionTree
from sessiontree.ui.dialogs.fanout import FanOutDialog
from sessiontree.ui.dialogs.finder import Candidate, Finder
from sessiontree.ui.dialogs.note import NoteDialog
from sessiontree.ui.dialogs.permission import PermissionDialog
from sessiontree.ui.dialogs.plan import PlanDialog
from sessiontree.ui.dialogs.question import QuestionDialog
from sessiontree.ui.dialogs.small import HelpDialog, RunOptionsDialog
from sessiontree.ui.dialogs.trust import TrustDialog

NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
SIZES = [(140, 45), (80, 24), (50, 16)]
SNAPSHOTS = Callable[..., bool]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DemoPlace:
    """The demo at a fixed time, in a home of its own, so that nothing of this machine shows."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    place = prepare(tmp_path / "limiter", NOW)
    recall(place)
    return place


@pytest.fixture
def app(demo: DemoPlace) -> Iterator[SessionTree]:
    with MessagesApi(script(demo.workspace)) as api:
        yield SessionTree(
            Config(
                demo.home,
                demo.claude,
                demo.workspace,
                env=demo.env(api.url),
                demo=True,
                suggestions=tuple((one.prompt, one.shows) for one in SUGGESTIONS),
            ),
            now=lambda: NOW,
        )


async def shown(pilot: Pilot[None]) -> None:
    """Until the tree and the first stream are drawn."""
    app = pilot.app
    assert isinstance(app, SessionTree)
    while not (
        app.main
        and app.main.engine.catalog.scanned
        and app.main.engine.streams.opened
        and not app.main.engine.streams.opened.loading
        and app.main._frame is None
    ):
        await pilot.pause(0.02)
    app.main.engine.catalog._today.clear()  # what is "today" depends on the day of the test
    app.main.draw()
    while app.main._frame is not None:
        await pilot.pause(0.02)
    app.main.composer.area.cursor_blink = False


def after(
    *keys: str, dialog: Callable[[], Any] | None = None
) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def steps(pilot: Pilot[None]) -> None:
        await shown(pilot)
        if keys:
            await pilot.press(*keys)
        await shown(pilot)
        if dialog is not None:
            await pilot.app.push_screen(dialog())
        await pilot.pause()

    return steps


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_tree_and_stream(snap_compare: SNAPSHOTS, app: SessionTree, size: tuple[int, int]) -> None:
    steps = after("l", "j", "j", "l", "j", "j", "j", "j")
    assert snap_compare(app, terminal_size=size, run_before=steps)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_fork_being_composed(
    snap_compare: SNAPSHOTS, app: SessionTree, size: tuple[int, int]
) -> None:
    assert snap_compare(app, terminal_size=size, run_before=after("l", "j", "f", *"Try it"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_handoff_being_composed(
    snap_compare: SNAPSHOTS, app: SessionTree, size: tuple[int, int]
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await after("H")(pilot)
        assert app.main is not None
        while not app.main.composer.area.has_focus:
            await pilot.pause(0.02)
        await after(*"Write it down")(pilot)

    assert snap_compare(app, terminal_size=size, run_before=steps)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_verdicts_and_notes(
    snap_compare: SNAPSHOTS, app: SessionTree, size: tuple[int, int]
) -> None:
    note = "Simpler, and stricter with bursts.\nAsk Ann whether any client needs one. " * 3

    async def steps(pilot: Pilot[None]) -> None:
        await after("l", "j", "j", "j", "j")(pilot)
        assert app.main is not None
        discarded = app.main.aiming.selection.session
        await after("k", "k")(pilot)
        session, marks = app.main.aiming.selection.session, app.main.engine.marks
        await marks.set(discarded, chosen=Verdict.DISCARDED)
        await marks.set(session, chosen=Verdict.CHOSEN, note=note)
        await after("full_stop", *["enter"] * (size[0] < 72))(pilot)
        app.clear_notifications()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=steps)


@pytest.mark.parametrize("size", SIZES[1:], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_stream_alone(snap_compare: SNAPSHOTS, app: SessionTree, size: tuple[int, int]) -> None:
    assert snap_compare(app, terminal_size=size, run_before=after("enter", "g"))


def permission() -> PermissionDialog:
    ask = Ask(
        "toolu_1",
        "s",
        AskKind.PERMISSION,
        "Bash",
        {"command": "python3 -m unittest\ngit commit -am 'Limit it'", "description": "Test it"},
        suggestions=(
            Suggestion("always allow Bash(git commit:*) (kept here)", Grants(("Bash(x)",))),
            Suggestion("switch to ‹accepts edits› (in this session)", mode=Mode.ACCEPT_EDITS),
        ),
    )
    dialog = PermissionDialog(ask, "Try a sliding window instead")
    dialog.put_behind(["‹Fix the flaky login test› Edit"])
    return dialog


def question() -> QuestionDialog:
    options = [
        {"label": "10 a second", "description": "What the busiest client needs today"},
        {"label": "100 a minute", "description": "The same in the mean, with room for bursts"},
    ]
    asked = {"question": "Which limit?", "header": "Limit", "options": options}
    return QuestionDialog(Ask("t", "s", AskKind.QUESTION, "Q", {"questions": [asked]}), "Limits")


def plan() -> PlanDialog:
    text = "# Limit the API\n\n1. A bucket per key\n2. `429` with **Retry-After**\n"
    return PlanDialog(Ask("t", "s", AskKind.PLAN, "ExitPlanMode", {"plan": text}), "Limits")


def fan_out() -> FanOutDialog:
    """As it opens with a prompt; the second of four ways was changed."""
    first = Way("Suggest a name for this library", Choice(model="opus"))
    second = Way("Suggest three, and say why", Choice(model="sonnet", effort="high"))
    terse = Way("", Choice(model="haiku", append="Answer in one word."))
    return FanOutDialog(
        first,
        [first, second, terse, Way("")],
        named=lambda count: f"{count} forks of ‹Design a rate limiter for the notes API› at turn 3",
        cost=lambda ways: estimate(Context(14_300, "claude-opus-5-5"), ways).words,
        folder="~/limiter",
        worktrees=False,
    )


def trust() -> TrustDialog:
    source = ".claude/settings.json"
    things = (
        Thing(Does.RUNS, source, "hook SessionStart", "./scripts/setup.sh --quiet"),
        Thing(Does.RUNS, ".mcp.json", "MCP server notes", "npx -y notes-server --root ./notes"),
        Thing(Does.CONNECTS, ".mcp.json", "MCP server docs", "https://docs.example.org/mcp"),
        Thing(Does.SETS, source, "ANTHROPIC_BASE_URL", "https://proxy.example.org/v1"),
        Thing(Does.ALLOWS, source, "allow", "Bash(python3 -m unittest *)"),
        Thing(Does.TELLS, ".claude/agents/reviewer.md", "agent reviewer"),
        Thing(Does.TELLS, "CLAUDE.md", "CLAUDE.md"),
    )
    survey = Survey("/home/ada/limiter", things, files={".mcp.json": "1"})
    return TrustDialog(Trust(survey, Standing.CHANGED, (".mcp.json",)), "~/limiter")


def finder() -> Finder:
    labels = ["Design a rate limiter for the notes API", "Keep the buckets in Redis", "GCRA"]
    notes = ["parent  2h  0ba1b1c9", "marked  1h  5b1c39f2", "13d  77e2a3f0"]
    candidates = [Candidate(note, label, note) for label, note in zip(labels, notes, strict=True)]
    title = "Bring what came of ‹Try a sliding window instead› to …"
    return Finder(title, candidates, does="composes the prompt; nothing is sent yet")


DIALOGS = {
    "trust": trust,
    "finder": finder,
    "note": lambda: NoteDialog("‹Try a sliding window instead›", "Simpler.\nAsk Ann first."),
    "fan-out": fan_out,
    "permission": permission,
    "question": question,
    "plan": plan,
    "help": HelpDialog,
    "run-options": lambda: RunOptionsDialog(Choice(), Standing.NOTHING),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", DIALOGS)
def test_dialogs(
    snap_compare: SNAPSHOTS, app: SessionTree, name: str, size: tuple[int, int]
) -> None:
    assert snap_compare(app, terminal_size=size, run_before=after(dialog=DIALOGS[name]))


def test_an_empty_tree(snap_compare: SNAPSHOTS, tmp_path: Path, demo: DemoPlace) -> None:
    (tmp_path / "new").mkdir()
    config = Config(demo.home, tmp_path / "claude", tmp_path / "new")

    async def scanned(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, SessionTree)
        while not (app.main and app.main.engine.catalog.scanned and app.main._frame is None):
            await pilot.pause(0.02)

    assert snap_compare(SessionTree(config), terminal_size=(80, 24), run_before=scanned)
