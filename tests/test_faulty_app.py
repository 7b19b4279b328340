"""The program in a real terminal while Claude Code misbehaves, and when it breaks itself."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, say
from tests import stand_in
from tests.api import ClaudePlace
from tests.processes import alive, children, gone
from tests.terminal import Start, Terminal

ALTERNATE_SCREEN_OFF = b"\x1b[?1049l"


@pytest.fixture
def home(place: ClaudePlace) -> Path:
    home = place.cwd.parent / "home"
    home.mkdir(mode=0o700)
    return home


def with_fault(start: Start, home: Path, fault: str) -> Terminal:
    """The program with a stand-in for Claude Code that has this fault, its prompt sent."""
    (home / "config.toml").write_text(f'model = "{fault}"\n')
    env = {"SESSIONTREE_CLI": stand_in.__file__, "STAND_IN_PIDS": str(home / "pids")}
    terminal = start(size=(140, 45), env=env)
    send_hello(terminal)
    return terminal


def send_hello(terminal: Terminal) -> None:
    terminal.shows("No sessions here yet")
    terminal.type("nHello")
    terminal.shows("❯ Hello")
    terminal.type("\r")


def test_keys_are_answered_in_a_flood_and_esc_ends_it(start: Start, home: Path) -> None:
    terminal = with_fault(start, home, "flood_for_ever")
    terminal.shows("and on and on and on")
    terminal.type("\x1b")
    terminal.shows("esc interrupt")
    terminal.type("?")
    terminal.shows("Every turn is a place to start from")
    terminal.type("\x1b")
    terminal.until(lambda: "Every turn is a place" not in terminal.text)
    terminal.type("\x1b")
    terminal.shows("interrupting … esc again hangs up")
    terminal.type("\x1b")
    terminal.shows("interrupted: c continues", "and on and on")
    terminal.type("q")
    assert terminal.ends() == 0


@pytest.mark.parametrize(
    "package",
    ["raise ImportError('No module named claude_agent_sdk')", "__version__ = '0.0.1'", "def half("],
    ids=["missing", "another version", "half written"],
)
def test_an_sdk_that_cannot_be_loaded_fails_the_run_with_a_sentence(
    start: Start, home: Path, tmp_path: Path, package: str
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "claude_agent_sdk.py").write_text(package)
    terminal = start(size=(140, 45), env={"PYTHONPATH": str(broken)})
    send_hello(terminal)
    terminal.shows("✗ failed: t tries again", "cannot be loaded, so nothing was run")
    terminal.type("\x1b")
    terminal.shows("t try again")  # the tree has the keys
    terminal.type("t")
    terminal.shows("❯ Hello", "enter send")  # the prompt is kept
    terminal.type("\x11")
    terminal.shows("A prompt was not sent", "quit without it")
    terminal.type("\x11")
    assert terminal.ends() == 0


def test_quitting_does_not_wait_for_a_cli_that_never_answers(start: Start, home: Path) -> None:
    terminal = with_fault(start, home, "no_start")
    pids = home / "pids"
    terminal.until(lambda: pids.exists() and pids.read_text())
    terminal.type("\x03")
    terminal.shows("1 run is under way", "end them and quit")
    terminal.type("\x03")
    assert terminal.ends() == 0
    assert not any(alive(int(pid)) for pid in pids.read_text().split())


CRASH = """
from sessiontree.cli import main
from sessiontree.ui.main.screen import MainScreen

def broken(self):
    local = "in a variable: sk-secret"
    raise RuntimeError("in its words: sk-secret")

MainScreen.action_help = broken
raise SystemExit(main())
"""


def test_a_crash_is_a_page_without_secrets_and_leaves_nothing(
    start: Start, api: MessagesApi, home: Path
) -> None:
    api.script = lambda request: say("Half an answer ", Hold())
    terminal = start(size=(80, 24), code=CRASH)
    send_hello(terminal)
    terminal.shows("Half an answer")
    processes = children(terminal.process.pid)
    terminal.type("\x1b")
    terminal.shows("esc interrupt")
    terminal.type("?")
    assert terminal.ends() != 0
    page = home / "crash.txt"
    assert "sessiontree broke (RuntimeError)" in terminal.text
    assert str(page) in terminal.text.replace("\n", "")
    assert 0 < bytes(terminal.raw).rpartition(ALTERNATE_SCREEN_OFF)[2].count(b"\n") < 12
    assert "in broken" in page.read_text()
    assert "sk-secret" not in page.read_text()
    assert b"sk-secret" not in terminal.raw
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert terminal.modes == terminal.modes_before
    assert all(gone(pid) for pid in processes)


INCOMPLETE = """
import sys
from sessiontree.cli import main

sys.modules["sessiontree.ui.compare"] = None  # as if it had been removed since the start
raise SystemExit(main())
"""


def test_a_program_that_was_removed_meanwhile_says_so(start: Start) -> None:
    terminal = start(size=(80, 24), code=INCOMPLETE)
    assert terminal.ends() == 1
    assert "a part of it is missing" in terminal.text
    assert ALTERNATE_SCREEN_OFF in terminal.raw
    assert terminal.modes == terminal.modes_before
