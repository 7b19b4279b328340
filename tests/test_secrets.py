"""Keys and messages stay where they belong: not in arguments, not in what the app writes."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sessiontree.claude.library import Library
from sessiontree.cli import main
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Failure, Reply, ToolUse, say
from sessiontree.demo.request import Request
from sessiontree.model.run import Allow, Choice, Ending, Grants, Verb
from tests.api import ClaudePlace
from tests.app import config_of, hands_on
from tests.processes import children, needs_proc
from tests.test_runs import Bench

pytestmark = pytest.mark.anyio

SECRET = "xyzzy"
"""In everything that is to stay where it is."""


def arguments() -> str:
    """What everyone on the machine can read of the processes that this one started."""
    found, pids = [], children(os.getpid())
    while pids:
        pid = pids.pop()
        found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        pids += children(pid)
    return "\n".join(found)


@needs_proc
async def test_arguments_hold_no_text_and_files_are_gone_when_the_run_begins(
    api: MessagesApi, place: ClaudePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    seen: list[str] = []

    def script(request: Request) -> Reply:
        seen.append(arguments())
        assert list((tmp_path / "tmp").iterdir()) == []
        if request.asked.results:
            return say("Done")
        return say(ToolUse("Bash", {"command": f"touch {SECRET}-made"}))

    api.script = script
    key = {"ANTHROPIC_API_KEY": f"sk-{SECRET}"}
    bench = Bench(replace(place, env={**place.env, **key}))
    run = await bench.run(
        Verb.NEW,
        f"A prompt {SECRET}",
        choice=Choice(append=f"Added {SECRET}"),
        grants=Grants(rules=(f"Bash(touch {SECRET}-made)",)),
    )
    assert run.outcome and run.outcome.ending is Ending.DONE
    assert bench.asked == []  # the rule was heard
    assert (place.cwd / f"{SECRET}-made").exists()
    assert f"Added {SECRET}" in str(api.requests[-1].body)  # and the system prompt
    assert all("--permission-mode" in one for one in seen)
    assert SECRET not in "".join(seen)
    await bench.pool.close(5)


def broken(*given: object) -> None:
    local = f"in a variable {SECRET}"
    raise RuntimeError(local)


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Whatever is written is as open as whoever writes it lets it be."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
async def test_what_the_app_writes_holds_labels_and_no_messages(
    api: MessagesApi, place: ClaudePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("sessiontree.ui.dialogs.base.GUARD_SECONDS", 0)
    monkeypatch.setenv("A_TOKEN", SECRET)

    def script(request: Request) -> Reply | Failure:
        if request.prompt.startswith("Fail"):
            return Failure(400, f"The API quotes {SECRET}")
        if request.asked.results:
            return say(f"It is done: {SECRET}")
        return say(f"I will: {SECRET}", ToolUse("Bash", {"command": f"touch {SECRET}"}))

    api.script = script
    env = {**place.env, "ANTHROPIC_API_KEY": f"sk-{SECRET}"}
    config = config_of(replace(place, env=env))
    async with hands_on(config) as hands:
        await hands.press("n")
        await hands.send(f"Make it\n{SECRET}")
        await hands.until(hands.engine.asks)
        for run, ask in hands.engine.asks():
            hands.engine.answer(run, ask, Allow())
        await hands.idle()
        hands.main.tree_view.focus()
        await hands.press("n")
        await hands.send(f"Fail\n{SECRET}")
        await hands.idle()
        session = hands.selected[0]
        hands.main.composer.put(f"A draft {SECRET}")
        hands.app.close_down()
        await hands.until(lambda: not hands.app.is_running)
    monkeypatch.setenv("SESSIONTREE_HOME", str(config.home))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(config.claude))
    monkeypatch.setattr(Library, "scan", broken)
    assert main(["show", session]) == 1
    assert (config.home / "crash.txt").exists()
    assert list((tmp_path / "tmp").iterdir()) == []
    files = [path for path in config.home.rglob("*") if path.is_file()]
    archived = [path for path in files if path.is_relative_to(config.archive)]
    assert len(archived) >= 2  # where messages are kept by design
    assert config.store in files
    for path in set(files) - set(archived):
        assert SECRET.encode() not in path.read_bytes(), path
    assert b"Make it" in config.store.read_bytes()  # a label
    for path in (config.home, *config.home.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
