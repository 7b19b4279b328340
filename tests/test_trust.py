"""A project's own settings: what is seen of them, and that none is loaded unless it is trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sessiontree.claude.trust import MOST_BYTES, MOST_FILES, MOST_THINGS, survey
from sessiontree.model.trust import Does, Survey


def write(path: Path, content: str | dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def hook(command: str) -> list[dict[str, Any]]:
    return [{"matcher": "", "hooks": [{"type": "command", "command": command}]}]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project, a repository of its own."""
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    return project


def look(project: Path, **more: Any) -> Survey:
    return survey(project, project.parent / "own", **more)


def said(seen: Survey) -> set[tuple[str, str, str]]:
    return {(thing.does.value, thing.name, thing.text) for thing in seen.things}


def test_a_project_without_settings_carries_nothing(project: Path) -> None:
    write(project / "README.md", "Hello")
    write(project / ".claude/settings.json", "{}")
    seen = look(project)
    assert not seen.carries
    assert seen.fingerprint == ""
    assert not look(project / "not there").carries


def test_each_command_that_would_run_is_named(project: Path) -> None:
    write(
        project / ".claude/settings.json",
        {
            "hooks": {
                "SessionStart": hook("./start.sh"),
                "PreToolUse": [
                    {"matcher": "Bash", "hooks": [{"type": "http", "url": "http://x"}]},
                    {"hooks": [{"type": "prompt", "prompt": "Is it safe?"}]},
                ],
            },
            "env": {"ANTHROPIC_BASE_URL": "http://else", "API_KEY": "s3cret", "DEBUG": "1"},
            "permissions": {
                "allow": ["Bash(rm *)"],
                "deny": ["Read(x)"],
                "additionalDirectories": ["/"],
                "defaultMode": "bypassPermissions",
            },
            "apiKeyHelper": "./key.sh",
            "statusLine": {"type": "command", "command": "./status.sh"},
            "model": "opus",
            "somethingNew": {"deep": [{"command": "new.sh", "args": ["a b"]}]},
        },
    )
    write(project / ".claude/settings.local.json", {"enabledMcpjsonServers": ["db"]})
    write(
        project / ".mcp.json",
        {
            "mcpServers": {
                "db": {"command": "npx", "args": ["-y", "db server"], "env": {"TOKEN": "s3cret"}},
                "far": {"type": "http", "url": "https://far/mcp", "headersHelper": "./headers.sh"},
            }
        },
    )
    write(project / ".claude/scheduled_tasks.json", {"tasks": [{"cron": "* * * * *"}]})
    assert said(look(project)) == {
        ("runs", "hook SessionStart", "./start.sh"),
        ("connects to", "hook PreToolUse", "http://x"),
        ("sets", "ANTHROPIC_BASE_URL", "http://else"),
        ("sets", "API_KEY", "(not shown)"),
        ("sets", "DEBUG", "1"),
        ("allows unasked", "allow", "Bash(rm *)"),
        ("allows unasked", "additionalDirectories", "/"),
        ("sets", "defaultMode", "bypassPermissions"),
        ("runs", "apiKeyHelper", "./key.sh"),
        ("runs", "statusLine", "./status.sh"),
        ("sets", "model", "opus"),
        ("runs", "somethingNew", "new.sh 'a b'"),
        ("sets", "enabledMcpjsonServers", '["db"]'),
        ("runs", "MCP server db", "npx -y 'db server'"),
        ("connects to", "MCP server far", "https://far/mcp"),
        ("runs", "MCP server far", "./headers.sh"),
        ("sets", "scheduled prompts", '{"tasks": [{"cron": "* * * * *"}]}'),
    }


def test_what_definitions_run_when_they_are_used_is_named(project: Path) -> None:
    dot = project / ".claude"
    write(
        dot / "agents/tester.md",
        "---\nname: tester\ndescription: about git hooks\n"
        "hooks:\n  Stop:\n    - hooks:\n        - command: ./stop.sh\n---\nTest.",
    )
    write(
        dot / "commands/team/ship.md",
        "---\nallowed-tools: Bash(git push *)\n---\nState: !`git status`\n```!\nmake\n```\n",
    )
    write(dot / "skills/deploy/SKILL.md", "---\nname: deploy\n---\nHow to deploy.")
    write(dot / "skills/deploy/notes.md", "!`never run`")
    seen = said(look(project))
    assert ("runs", "agent tester", "hooks: Stop: - hooks: - command: ./stop.sh") in seen
    assert ("allows unasked", "command ship", "Bash(git push *)") in seen
    assert ("runs", "command ship", "git status") in seen
    assert ("runs", "command ship", "make") in seen
    assert {name for does, name, _ in seen if does == "tells the agent"} == {
        "agent tester",
        "command ship",
        "skill deploy",
    }
    assert not any("never run" in text for *_, text in seen)


def test_what_is_shown_is_clean_and_cut_with_a_word(project: Path) -> None:
    write(
        project / ".claude/settings.json", {"hooks": {"St\x1bop": hook("a\n\x1b[2J" + "x" * 5000)}}
    )
    (thing,) = look(project).things
    assert thing.name == "hook St·op"
    assert thing.text.startswith("a ·[2Jxxx")
    assert thing.text.endswith(" … 4,406 more characters")


def test_files_of_folders_above_count_as_claude_code_counts_them(project: Path) -> None:
    """Seen on Claude Code 2.1.330: see the table in `claude/trust.py`."""
    sub, above = project / "src" / "lib", project.parent
    for place in (sub, project, above):
        write(place / ".claude/settings.json", {"model": "opus"})
        write(place / ".claude/settings.local.json", {"model": "haiku"})
        write(place / ".claude/agents/a.md", "A")
        write(place / ".mcp.json", {"mcpServers": {"m": {"command": "m"}}})
        write(place / "CLAUDE.md", "Text")
        write(place / ".claude/rules/deep/r.md", "Text")
    assert set(look(sub).files) == {
        ".claude/settings.json",
        ".claude/settings.local.json",
        ".claude/agents/a.md",
        ".mcp.json",
        "CLAUDE.md",
        ".claude/rules/deep/r.md",
        "../../.claude/settings.local.json",
        "../../.claude/agents/a.md",
        "../../.mcp.json",
        "../../CLAUDE.md",
        "../../.claude/rules/deep/r.md",
        "../../../.mcp.json",
        "../../../CLAUDE.md",
        "../../../.claude/rules/deep/r.md",
    }


def test_a_worktree_has_the_local_settings_of_its_main_checkout(project: Path) -> None:
    tree = project.parent / "tree"
    write(project / ".git/worktrees/tree/HEAD", "ref: x")
    write(tree / ".git", f"gitdir: {project / '.git/worktrees/tree'}\n")
    write(project / ".claude/settings.local.json", {"hooks": {"Stop": hook("main.sh")}})
    assert set(look(tree).files) == {"../project/.claude/settings.local.json"}


def test_the_persons_own_folder_is_not_a_projects(project: Path) -> None:
    own = project / ".claude"
    write(own / "settings.json", {"hooks": {"Stop": hook("mine.sh")}})
    write(own / "CLAUDE.md", "Mine")
    assert not survey(project, own).carries
    assert not survey(project / "below", own).carries


def test_the_fingerprint_changes_with_what_could_run(project: Path) -> None:
    settings = write(project / ".claude/settings.json", {"hooks": {"Stop": hook("sh ./a/b.sh")}})
    prints = {look(project).fingerprint}
    write(settings, {"hooks": {"Stop": hook("sh ./a/b.sh > true")}})
    prints.add(look(project).fingerprint)
    program = write(project / "a/b.sh", "true")  # what a command names is part of it
    prints.add(look(project).fingerprint)
    write(program, "rm -rf ~")
    prints.add(look(project).fingerprint)
    write(project / ".mcp.json", {"mcpServers": {"m": {"command": "m"}}})
    prints.add(look(project).fingerprint)
    (project / ".mcp.json").rename(project / "CLAUDE.md")
    prints.add(look(project).fingerprint)
    assert len(prints) == 6
    before = look(project).fingerprint
    write(project / "CLAUDE.md", "Other words")  # it is told to the agent, and edited every day
    os.utime(settings, (1, 1))
    write(project / "true", "a file that a command writes")
    assert look(project).fingerprint == before


def test_what_the_person_allowed_from_here_is_theirs(project: Path) -> None:
    """Claude Code writes an 'always' into the folder's local settings by itself."""
    local = project / ".claude/settings.local.json"
    write(local, {"permissions": {"allow": ["Bash(make *)"]}})
    assert look(project).carries
    assert not look(project, granted=["Bash(make *)"]).carries
    write(project / "CLAUDE.md", "Hello")
    before = look(project, granted=["Bash(make *)"]).fingerprint
    write(local, {"permissions": {"allow": ["Bash(make *)", "Bash(rm *)"]}})
    assert look(project, granted=["Bash(make *)"]).fingerprint != before


BROKEN: dict[str, tuple[str, str]] = {
    "half": ('{"hooks": {', "is not valid JSON"),
    "a list": ("[1]", "is not valid JSON"),
    "deep": ("[" * 100_000, "is not valid JSON"),
    "no text": ("\udcff\udcfe", "is not valid JSON"),
    "huge": (" " * (MOST_BYTES + 1), "is larger than 4 MB"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("file", [".claude/settings.json", ".mcp.json"])
def test_what_cannot_be_read_is_said_and_never_trusted(project: Path, file: str, name: str) -> None:
    content, why = BROKEN[name]
    (project / ".claude").mkdir()
    (project / file).write_bytes(content.encode("utf-8", "surrogateescape"))
    seen = look(project)
    assert seen.faults == (f"{file} {why}.",)
    assert seen.fingerprint
    assert not seen.only_tells


def test_links_out_of_the_project_and_odd_files_are_faults(project: Path, tmp_path: Path) -> None:
    dot, out = project / ".claude", tmp_path / "out"
    write(out / "skills/s/SKILL.md", "S")
    write(out / "settings.json", {"model": "x"})
    dot.mkdir()
    (dot / "skills").symlink_to(out / "skills")
    (dot / "settings.json").symlink_to(out / "settings.json")
    os.mkfifo(dot / "settings.local.json")
    (project / "CLAUDE.md").symlink_to(out / "nothing")
    write(project / "shared/agents/a.md", "A")
    (dot / "agents").symlink_to(project / "shared/agents")  # a link inside is a file like any
    (project / "shared/agents/round").symlink_to(project / "shared")
    seen = look(project)
    assert set(seen.faults) == {
        ".claude/skills leads out of the project.",
        ".claude/settings.json leads out of the project.",
        ".claude/settings.local.json cannot be read (it is no file).",
        "CLAUDE.md leads out of the project.",
    }
    assert ("tells the agent", "agent a", "") in said(seen)


def test_too_much_to_look_at_is_a_fault(project: Path) -> None:
    write(
        project / ".claude/settings.json", {"env": {f"V{n}": "1" for n in range(MOST_THINGS + 1)}}
    )
    assert look(project).faults == (f"It carries more than {MOST_THINGS} things.",)
    agents = project / ".claude/agents"
    agents.mkdir()
    for number in range(MOST_FILES + 1):
        (agents / f"{number}.md").touch()
    (project / ".claude/settings.json").unlink()
    assert look(project).faults == (f".claude/agents has more than {MOST_FILES:,} files.",)


def test_commands_come_first(project: Path) -> None:
    write(project / "CLAUDE.md", "Hello")
    write(project / ".claude/settings.json", {"model": "x", "hooks": {"Stop": hook("x")}})
    does = [thing.does for thing in look(project).things]
    assert does == [Does.RUNS, Does.SETS, Does.TELLS]
    assert not look(project).only_tells
