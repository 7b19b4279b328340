"""Ids that lead elsewhere, in each place where one is read: nothing there is read or written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessiontree.claude.projects import project_key
from sessiontree.cli import main
from sessiontree.config import Config
from sessiontree.store.database import Store
from sessiontree.store.table import Document
from tests.app import hands_on
from tests.hostile_place import MAIN, Transcript, text

pytestmark = pytest.mark.anyio

CANARY = "what lies elsewhere"
UP = "../../../outside/canary"


def outside(root: Path) -> dict[str, bytes]:
    """All that is not the app's or Claude Code's."""
    own = (root / "home", root / "claude" / "projects")
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for path in root.rglob("*")
        if not any(path.is_relative_to(folder) for folder in own)
    }


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = Config(tmp_path / "home", tmp_path / "claude", tmp_path / "cwd")
    folder = config.projects / project_key(config.cwd)
    for place in (config.cwd, folder / MAIN / "subagents", config.claude / "sessions"):
        place.mkdir(parents=True)
    for name in (UP, "../outside/canary"):
        other = Transcript(MAIN, str(config.cwd))
        other.prompt(CANARY)
        target = folder / f"{name}.jsonl"
        target.resolve().parent.mkdir(parents=True, exist_ok=True)
        other.write(target.resolve().parent)
        target.resolve().with_name(f"{MAIN}.jsonl").rename(target.resolve())
    one = Transcript(MAIN, str(config.cwd))
    one.prompt("One", sessionId=UP, forkedFrom={"sessionId": UP, "messageUuid": UP})
    one.answer(text("Done"), sessionId=UP, requestSessionId=UP)
    one.call("Task", {"description": "x", "prompt": "y"}, "Done", {"agentId": f"../{UP}"})
    one.write(folder)
    (folder / MAIN / "subagents" / "agent-x.meta.json").write_text(json.dumps({"toolUseId": UP}))
    (config.claude / "sessions" / "1.json").write_text(json.dumps({"sessionId": UP, "pid": 1}))
    with Store.open(config.store) as store:
        for table, fields in {
            "annotations": {"keep": True, "title": "Elsewhere"},
            "links": {"parent": UP, "turn": UP, "evidence": "made"},
            "finishes": {"ending": "done"},
            "intents": {"kind": "new", "cwd": str(config.cwd), "label": "x", "pid": 1},
        }.items():
            store.db.table(table).upsert(Document(fields, UP))  # type: ignore[arg-type]
        store.db.table("links").upsert(Document({"parent": UP, "evidence": "made"}, MAIN))  # type: ignore[arg-type]
        store.db.table("view").upsert(Document({"selection": {"session": UP}}, "view"))  # type: ignore[arg-type]
    monkeypatch.setenv("SESSIONTREE_HOME", str(config.home))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(config.claude))
    monkeypatch.chdir(config.cwd)
    return config


def test_no_command_follows_them(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = outside(tmp_path)
    assert any(CANARY.encode() in content for content in before.values())
    for words in (
        ["show", UP],
        ["show", "--json", UP],
        ["compare", UP, MAIN],
        ["fork", UP],
        ["link", MAIN, UP],
        ["link", UP, MAIN],
        ["run", "--continue", UP, "Hello"],
        ["run", "--fork", UP, "Hello"],
    ):
        assert main(words) == 1, words
    assert main(["show", "--json", MAIN]) == main(["ls", "--json", "--all"]) == 0
    assert CANARY not in capsys.readouterr().out
    assert outside(tmp_path) == before


async def test_the_app_does_not_follow_them(config: Config, tmp_path: Path) -> None:
    before = outside(tmp_path)
    async with hands_on(config) as hands:
        for session in list(hands.forest):
            hands.main.tree_view.select(session)
            await hands.settled()
            await hands.until(
                lambda: hands.engine.streams.opened and hands.engine.streams.opened.whole
            )
            assert CANARY not in " ".join(hands.stream())
            await hands.engine.keep(session, keep=True)
    assert outside(tmp_path) == before
