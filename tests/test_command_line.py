"""The program as a script meets it: exit codes, stdout for data, stderr for words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Failure, Reply, ToolUse, say
from sessiontree.demo.request import Request
from tests.api import ClaudePlace


def call(place: ClaudePlace, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **place.env, "SESSIONTREE_HOME": str(place.cwd.parent / "home")}
    return subprocess.run(
        [sys.executable, "-m", "sessiontree", *words],
        cwd=place.cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def session_of(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.split("session ")[1].split()[0]


@pytest.mark.parametrize("words", [[], ["demo"], ["--all"]])
def test_without_a_terminal_the_app_says_what_to_use(place: ClaudePlace, words: list[str]) -> None:
    done = call(place, *words, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "sessiontree ls" in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_not_there(place: ClaudePlace) -> None:
    done = call(place, "--project", "nowhere", "ls")
    assert done.returncode == 2
    assert "nowhere is not a folder" in done.stderr


def test_a_setting_that_makes_no_sense(place: ClaudePlace) -> None:
    home = place.cwd.parent / "home"
    home.mkdir()
    (home / "config.toml").write_text("runs = 'many'")
    done = call(place, "ls")
    assert done.returncode == 2
    assert "a whole number from 1 to 64" in done.stderr


def test_settings_that_cannot_be_read(place: ClaudePlace) -> None:
    home = place.cwd.parent / "home"
    home.write_text("a file where the folder should be")
    done = call(place, "ls")
    assert done.returncode == 2
    assert "config.toml cannot be read: " in done.stderr and "Mend or remove it." in done.stderr
    home.unlink()
    home.mkdir()
    (home / "config.toml").write_bytes(b"model = '\xff'")
    done = call(place, "ls")
    assert done.returncode == 2
    assert "config.toml cannot be read: " in done.stderr and "Mend or remove it." in done.stderr


def test_run_continue_and_fork(place: ClaudePlace, api: MessagesApi) -> None:
    first = call(place, "run", "One", "--json")
    assert first.returncode == 0, first.stderr
    session = session_of(first)
    assert [(e["kind"], e["text"]) for e in lines(first)] == [
        ("prompt", "One"),
        ("text", "Answer to: One"),
        ("result", ""),
    ]
    second = call(place, "run", "Two", "--continue", session[:8])
    assert second.returncode == 0, second.stderr
    assert "Answer to: Two" in second.stdout
    shown = json.loads(call(place, "show", session, "--json").stdout)
    first_turn = shown["turns"][0]["id"]
    elsewhere = place.cwd / "elsewhere"
    elsewhere.mkdir()
    options = ["--at", first_turn, "--in", "elsewhere"]
    fork = call(place, "run", "Other", "--fork", session, *options)
    assert fork.returncode == 0, fork.stderr
    assert api.requests[-1].asked.earlier == ("One",)
    listed = {one["id"]: one for one in lines(call(place, "ls", "--json", "--all"))}
    made = listed[session_of(fork)]
    assert (made["parent"], made["link"], made["evidence"]) == (session, "fork", "made")
    assert (made["turns"], made["own_turns"], made["label"]) == (2, 1, "Other")
    assert made["cwd"] == str(elsewhere)
    in_it = lines(call(place, "--project", "elsewhere", "ls", "--json"))
    assert [one["id"] for one in in_it] == [made["id"]]


def test_run_denies_what_it_would_have_to_ask(place: ClaudePlace, api: MessagesApi) -> None:
    def script(request: Request) -> Reply:
        if request.asked.results:
            return say("Then not.")
        return say(ToolUse("Bash", {"command": "touch made"}))

    api.script = script
    done = call(place, "run", "Make it", "--json")
    assert done.returncode == 0
    assert "denied Bash" in done.stderr
    assert not (place.cwd / "made").exists()
    (tool,) = [event for event in lines(done) if event["kind"] == "tool"]
    shown = json.loads(call(place, "show", session_of(done), "--json").stdout)
    (again,) = [e for e in shown["turns"][0]["events"] if e["kind"] == "tool"]
    assert {**again, "at": "", "ended": ""} == {**tool, "at": "", "ended": ""}


def test_a_run_that_fails(place: ClaudePlace, api: MessagesApi) -> None:
    api.script = lambda request: Failure(401, "invalid x-api-key")
    done = call(place, "run", "One")
    assert done.returncode == 1
    assert done.stderr.count("not logged in, or the key was refused") == 1
    assert done.stdout == "❯ One\n\n[failed, $0.0000]\n\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", " "], "the prompt is empty"),
        (["run", "One", "--at", "x"], "--at goes with --fork"),
        (["run", "One", "--at", ""], "--at goes with --fork"),
        (["run", "One", "--in", "nowhere"], "is not a folder"),
        (["run", "One", "--in", ""], "--in: an empty name is not a folder"),
        (["run", "One", "--in", "~nobody.there"], "~nobody.there cannot be used"),
        (["ls", "--project", "~nobody.there"], "~nobody.there cannot be used"),
    ],
)
def test_called_wrongly(place: ClaudePlace, words: list[str], said: str) -> None:
    done = call(place, *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_session_that_is_not_there(place: ClaudePlace) -> None:
    for words in (["run", "One", "--continue", "abc"], ["show", "abc"]):
        done = call(place, *words)
        assert done.returncode == 1
        assert "No session has an id that begins with abc" in done.stderr
    for option in ("--continue", "--fork"):  # an empty variable of a script begins nothing new
        done = call(place, "run", "One", option, "")
        assert done.returncode == 1
        assert "its id is empty" in done.stderr


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["ls"], ["ls", "--json"]])
def test_what_needs_no_screen_brings_in_neither_textual_nor_the_sdk(
    place: ClaudePlace, words: list[str], tmp_path: Path
) -> None:
    script = (
        "import sys\n"
        "from sessiontree.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'textual', 'claude_agent_sdk', 'rich', 'mcp'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    env = {**os.environ, **place.env, "SESSIONTREE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=place.cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


FIRST_PAINT = """
import sys
from sessiontree.config import load
from sessiontree.ui.app import SessionTree

class Painted(SessionTree):
    def _begin(self):
        self.exit([name for name in sys.modules if name.startswith(("sessiontree", "claude"))])

app = Painted(load(), everything=True)
print(*app.run(headless=True))
"""


def test_the_first_paint_needs_little(place: ClaudePlace, tmp_path: Path) -> None:
    """Each module takes about half a millisecond, and the SDK 0.7 s. What is not needed to show
    the tree belongs behind `SessionTree._bring_in`."""
    env = {**os.environ, **place.env, "SESSIONTREE_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-c", FIRST_PAINT]
    done = subprocess.run(words, cwd=place.cwd, env=env, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"sessiontree.ui.main.first", "sessiontree.ui.tree.view"} <= loaded
    heavy = ("ui.dialogs", "ui.compare", "ui.stream", "ui.composer", "claude.transcript")
    behind = ("engine.engine", "engine.runs", "model.message", "model.event", "store.archive")
    rooms = tuple(f"sessiontree.{name}" for name in heavy + behind)
    assert not [name for name in loaded if name.startswith((*rooms, "claude_agent_sdk"))]
    assert "sessiontree.model.run" not in loaded
    assert len(loaded) < 80
