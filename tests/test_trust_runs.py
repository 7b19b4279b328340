"""What a run takes from a project that carries settings: nothing, until a person trusts it.

The real Claude Code runs in a project that has everything which starts by itself."""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sessiontree.claude.agent import AgentRun, bundled_cli
from sessiontree.cli import main
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, Reply, ToolUse, say
from sessiontree.demo.request import Request
from sessiontree.engine.runs import CHANGED
from sessiontree.model.overlay import Status
from sessiontree.model.run import Choice, Mode, Plan, Verb
from sessiontree.model.trust import Standing
from sessiontree.ui.composer.composer import AimLine
from sessiontree.ui.dialogs.base import Options
from sessiontree.ui.dialogs.permission import PermissionDialog
from sessiontree.ui.dialogs.small import RunOptionsDialog
from sessiontree.ui.dialogs.trust import Things, TrustDialog
from sessiontree.ui.main.bars import StreamTitle
from sessiontree.ui.main.top_bar import TopBar
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on
from tests.forest_maker import Maker
from tests.test_trust import hook, write

MARKER = "the-word-of-this-project"
MADE = {
    *("SessionStart", "UserPromptSubmit", "Stop", "server", "apiKeyHelper", "statusLine"),
    *("ship", "plugin"),
}
"""The files that its commands leave."""

RUN = {"SessionStart", "UserPromptSubmit", "Stop", "server", "apiKeyHelper", "CLAUDE.md"}
"""What is loaded of it once it is trusted: the rest waits for its use, or for its installation."""


@pytest.fixture
def project(place: ClaudePlace) -> Path:
    """A project whose every part would leave a file behind, or its word in a request."""
    cwd = place.cwd
    settings = {
        "hooks": {name: hook(f"touch {name}") for name in ("SessionStart", "UserPromptSubmit")},
        "env": {"PROJECT_SAYS": MARKER},
        "permissions": {"defaultMode": "bypassPermissions"},
        "apiKeyHelper": "touch apiKeyHelper; echo a-key",
        "statusLine": {"type": "command", "command": "touch statusLine"},
        "enabledPlugins": {"plugin@market": True},
        "extraKnownMarketplaces": {
            "market": {"source": {"source": "directory", "path": str(cwd / "market")}}
        },
    }
    write(cwd / ".claude/settings.json", settings)
    write(cwd / ".claude/settings.local.json", {"hooks": {"Stop": hook("touch Stop")}})
    write(
        cwd / ".claude/commands/ship.md", f"---\nallowed-tools: Bash\n---\n{MARKER} !`touch ship`"
    )
    write(cwd / ".claude/output-styles/loud.md", f"---\nname: loud\n---\n{MARKER}")
    plugin = cwd / "market/plugin"
    plugins = [{"name": "plugin", "source": "./plugin"}]
    market = {"name": "market", "owner": {"name": "x"}, "plugins": plugins}
    write(cwd / "market/.claude-plugin/marketplace.json", market)
    write(plugin / ".claude-plugin/plugin.json", {"name": "plugin", "version": "1.0.0"})
    write(plugin / "hooks/hooks.json", {"hooks": {"SessionStart": hook("touch plugin")}})
    write(cwd / ".mcp.json", {"mcpServers": {"db": {"command": "touch", "args": ["server"]}}})
    write(cwd / "CLAUDE.md", MARKER)
    write(cwd / ".claude/agents/helper.md", f"---\nname: helper\ndescription: {MARKER}\n---\nHi")
    write(cwd / ".claude/skills/s/SKILL.md", f"---\nname: s\ndescription: {MARKER}\n---\nHi")
    write(cwd / "below/CLAUDE.md", MARKER)
    write(cwd / "below/data.txt", "Data")
    return cwd


def traces(project: Path, api: MessagesApi) -> set[str]:
    """What was loaded of the project, as far as anyone can see."""
    found = {name for name in MADE if (project / name).exists()}
    if any(MARKER in json.dumps(request.body) for request in api.requests):
        found.add("CLAUDE.md")
    return found


async def asked(hands: Hands) -> TrustDialog:
    """The question about the project, once it takes keys."""
    await hands.until(lambda: isinstance(hands.app.screen, TrustDialog))
    dialog = hands.app.screen
    assert isinstance(dialog, TrustDialog)
    await hands.until(lambda: not dialog.too_early)
    return dialog


def body(dialog: TrustDialog) -> str:
    return str(dialog.query_one(Things).render())


def reads_below(project: Path) -> Any:
    def script(request: Request) -> Reply:
        if request.asked.results:
            return say("Done")
        return say(ToolUse("Read", {"file_path": str(project / "below/data.txt")}))

    return script


@pytest.mark.anyio
async def test_a_project_is_asked_about_once_and_again_when_it_changes(
    place: ClaudePlace, project: Path, api: MessagesApi
) -> None:
    api.script = reads_below(project)
    settings = project / ".claude/settings.json"
    async with hands_on(config_of(place)) as hands:
        aim_line = hands.main.query_one(AimLine)
        await hands.press("n")
        await hands.send("One")
        dialog = await asked(hands)
        assert hands.app.focused is dialog.query_one(Options)
        for command in ("touch SessionStart", "touch UserPromptSubmit", "touch server"):
            assert command in body(dialog)
        assert api.requests == []
        await hands.pilot.press("enter")  # what is in focus harms nobody
        await hands.idle()
        assert traces(project, api) == set()
        assert "project settings off" in str(aim_line.render())

        hands.main.composer.area.focus()
        await hands.send("Two")  # not asked again
        await hands.until(lambda: len(api.requests) == 4)
        await hands.idle()
        assert traces(project, api) == set()

        hands.main.composer.area.focus()
        await hands.press("ctrl+o")
        assert isinstance(hands.app.screen, RunOptionsDialog)
        await hands.pilot.press("up", "right", "enter")
        await asked(hands)
        await hands.pilot.press("t")
        await hands.until(lambda: "project settings on" in str(aim_line.render()))
        api.script = lambda request: (
            say("Done")
            if request.asked.results
            else say(ToolUse("Bash", {"command": "touch made", "description": "Make it"}))
        )
        hands.main.composer.area.focus()
        await hands.send("Three")
        await hands.until(lambda: isinstance(hands.app.screen, PermissionDialog))
        await hands.until(lambda: not hands.app.screen.too_early)  # type: ignore[attr-defined]
        await hands.pilot.press("d")
        await hands.idle()
        assert traces(project, api) == RUN
        assert not (project / "made").exists()  # the project's own mode is never taken

        before = settings.read_text()
        settings.write_text(before.replace("touch Sess", "rm -rf ~; touch Sess"))
        hands.main.composer.area.focus()
        await hands.send("Four")
        dialog = await asked(hands)
        assert "Changed since you decided: .claude/settings.json" in str(dialog.title_content())
        assert "rm -rf ~; touch SessionStart" in body(dialog)
        await hands.pilot.press("escape")
        await hands.until(lambda: hands.main.composer.text == "Four")  # nothing was sent
        assert not list(hands.engine.pool)

        settings.write_text(before)
    async with hands_on(config_of(place)) as hands:  # the decision outlives the app
        (project / "SessionStart").unlink()
        await hands.press("n")
        await hands.send("Five")
        await hands.until(lambda: (project / "SessionStart").exists())
        await hands.until(lambda: isinstance(hands.app.screen, PermissionDialog))


@pytest.mark.anyio
async def test_what_changed_while_a_run_waited_is_not_loaded(
    place: ClaudePlace, api: MessagesApi
) -> None:
    api.script = lambda request: say("Half ", Hold(), "whole")
    async with hands_on(config_of(place, runs=1)) as hands:
        await hands.press("n")
        await hands.send("One")
        await hands.until(lambda: api.requests)
        settings = write(place.cwd / ".claude/settings.json", {"hooks": {"Stop": hook("true")}})
        await hands.press("escape", "n")
        await hands.send("Two")
        await asked(hands)
        await hands.pilot.press("t")
        await hands.until(lambda: len(list(hands.engine.pool)) == 2)
        session = hands.selected[0]
        write(settings, {"hooks": {"SessionStart": hook("touch evil")}})
        api.release()
        await hands.idle()
        assert hands.forest.status(session) is Status.FAILED
        assert any(CHANGED in words for words in hands.said)
        assert hands.engine.unsent(session) == "Two"
        assert len(api.requests) == 1
        assert not (place.cwd / "evil").exists()


@pytest.mark.anyio
async def test_an_always_of_ones_own_is_not_asked_about(
    place: ClaudePlace, api: MessagesApi
) -> None:
    api.script = lambda request: (
        say("Done")
        if request.asked.results
        else say(ToolUse("Bash", {"command": "touch made", "description": "Make it"}))
    )
    async with hands_on(config_of(place)) as hands:
        await hands.press("n")
        await hands.send("One")
        await hands.until(lambda: isinstance(hands.app.screen, PermissionDialog))
        await hands.until(lambda: not hands.app.screen.too_early)  # type: ignore[attr-defined]
        await hands.pilot.press("1")
        await hands.idle()
        local = place.cwd / ".claude/settings.local.json"
        assert "Bash(touch made *)" in local.read_text()  # Claude Code wrote it
        assert (await hands.engine.trust.look(str(place.cwd))).standing is Standing.NOTHING
        write(local, {"permissions": {"allow": ["Bash(touch made *)", "Bash(rm *)"]}})
        trust = await hands.engine.trust.look(str(place.cwd))
        assert [thing.text for thing in trust.survey.things] == ["Bash(rm *)"]


@pytest.mark.anyio
async def test_a_session_of_another_folder_is_asked_about_there(
    place: ClaudePlace, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    write(there / "CLAUDE.md", "Hello")
    maker = Maker(place.config_dir / "projects", str(there))
    maker.turn(maker.new(), "Long ago")
    maker.write()
    async with hands_on(config_of(place), everything=True) as hands:
        hands.main.tree_view.select(maker.sessions[0].id)
        await hands.press("f")
        await hands.send("Go on")
        dialog = await asked(hands)
        assert dialog._trust.survey.folder == str(there)
        assert "instructions of its own" in str(dialog.title_content())
        assert "Told to the agent\n  CLAUDE.md" in body(dialog)
        await hands.pilot.press("escape")
        await hands.until(lambda: hands.main.composer.text == "Go on")
        assert hands.aim.startswith("fork ‹Long ago›")  # what was meant is still meant


@pytest.mark.anyio
async def test_a_project_that_cannot_be_trusted_can_only_be_run_without(
    place: ClaudePlace, api: MessagesApi
) -> None:
    write(place.cwd / ".mcp.json", "{")
    async with hands_on(config_of(place)) as hands:
        await hands.press("n")
        await hands.send("One")
        dialog = await asked(hands)
        assert ".mcp.json is not valid JSON." in body(dialog)
        assert [option.key for option in dialog.query_one(Options).options] == ["m", "l"]
        await hands.pilot.press("t")
        assert hands.app.screen is dialog
        await hands.pilot.press("m")
        await hands.idle()
        assert len(api.requests) == 1


def test_a_command_asks_nothing_and_loads_nothing_unless_it_is_told_to(
    place: ClaudePlace,
    project: Path,
    api: MessagesApi,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SESSIONTREE_HOME", str(project.parent / "home"))
    assert main(["run", "/ship", "--in", str(project)]) == 0
    assert "its settings and CLAUDE.md are not read" in capsys.readouterr().err
    assert traces(project, api) == set()
    assert main(["run", "Two", "--in", str(project), "--trust-project"]) == 0
    said = capsys.readouterr().err
    assert "runs touch SessionStart (.claude/settings.json)" in said
    assert f"sets PROJECT_SAYS: {MARKER} (.claude/settings.json)" in said
    assert traces(project, api) == RUN
    write(project / ".mcp.json", "{")
    assert main(["run", "Three", "--in", str(project), "--trust-project"]) == 1
    assert "cannot be trusted: .mcp.json is not valid JSON." in capsys.readouterr().err
    assert len(api.requests) == 2


@pytest.mark.anyio
async def test_how_the_cli_is_started(place: ClaudePlace, tmp_path: Path) -> None:
    """Also against prompts that a project schedules: those are sent after a minute only."""
    said = tmp_path / "said.json"
    stand_in = tmp_path / "stand-in"
    stand_in.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"json.dump([sys.argv, dict(os.environ)], open({str(said)!r}, 'w'))\n"
        f"os.execv({str(bundled_cli())!r}, sys.argv)\n"
    )
    stand_in.chmod(0o755)
    config = config_of(place, cli=stand_in)

    async def started(project: str) -> tuple[str, dict[str, str]]:
        session, turn = str(uuid.uuid4()), str(uuid.uuid4())
        plan = Plan(Verb.NEW, session, turn, "Hello", str(place.cwd), project=project)
        await AgentRun(plan, config, lambda message: None, None).run()  # type: ignore[arg-type]
        words, env = json.loads(said.read_text())
        return " ".join(words), env

    words, env = await started("")
    assert "--setting-sources=user " in words
    assert "--strict-mcp-config" in words
    assert "skip-permissions" not in words
    assert env["CLAUDE_CODE_DISABLE_CRON"] == "1"
    words, env = await started("f")
    assert "--setting-sources=user,project,local " in words
    assert "--strict-mcp-config" not in words
    assert "CLAUDE_CODE_DISABLE_CRON" not in env


@pytest.mark.anyio
async def test_all_tools_unasked_is_chosen_for_one_run_and_in_sight_while_it_lasts(
    place: ClaudePlace, api: MessagesApi
) -> None:
    def script(request: Request) -> Reply:
        if request.asked.results:
            return say("Half ", Hold(), "whole") if request.prompt == "One" else say("Done")
        return say(ToolUse("Bash", {"command": f"touch {request.prompt}", "description": "x"}))

    api.script = script
    # As root Claude Code lets all tools run only where this says that nothing can break.
    config = config_of(replace(place, env={**place.env, "IS_SANDBOX": "1"}))
    async with hands_on(config) as hands:
        main_screen = hands.main
        await hands.press("n", "ctrl+o")
        await hands.pilot.press("left", "enter")
        await hands.until(lambda: main_screen.composer.choice.mode is Mode.BYPASS)
        assert main_screen.composer.has_class("-bypass")
        assert Mode.BYPASS.words in str(main_screen.query_one(AimLine).render())
        await hands.send("One")
        await hands.until(lambda: (place.cwd / "One").exists())
        await hands.until(lambda: Mode.BYPASS.words in str(main_screen.query_one(TopBar).render()))
        assert Mode.BYPASS.words in str(main_screen.query_one(StreamTitle).render())
        assert main_screen.composer.choice.mode is Mode.DEFAULT  # of the next one
        assert not main_screen.composer.has_class("-bypass")
        api.release()
        await hands.idle()
        assert Mode.BYPASS.words not in str(main_screen.query_one(TopBar).render())
        assert Mode.BYPASS.value not in config.store.read_text()
        await hands.press("escape", "f")
        assert main_screen.composer.choice == Choice()
        await hands.send("Two")
        await hands.until(lambda: isinstance(hands.app.screen, PermissionDialog))
        assert not (place.cwd / "Two").exists()
