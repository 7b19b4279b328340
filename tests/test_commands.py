"""`ls`, `show` and `fork` as a script calls them: data on stdout, words on stderr, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sessiontree.cli import main
from sessiontree.model.session import Evidence, Link
from sessiontree.store.archive import Archive
from sessiontree.store.database import Store
from tests.forest_maker import Maker

FIELDS = [
    "id",
    "parent",
    "fork_point",
    "link",
    "evidence",
    "group",
    "way",
    "label",
    "title",
    "project",
    "cwd",
    "created",
    "updated",
    "turns",
    "own_turns",
    "state",
    "damage",
    "origin",
    "tokens_own",
    "cost_own_usd",
    "file",
]


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """A small forest in the project of the current folder, and a session in another one."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("SESSIONTREE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    maker = Maker(tmp_path / "claude" / "projects", str(here))
    root = maker.new()
    first = maker.turn(root, "Design it", tools=2)
    maker.turn(root, "Add tests")
    child = maker.fork(root, first)
    maker.turn(child, "Try \x1b[31manother\x1b[0m way")
    deeper = maker.fork_offline(child)
    maker.turn(deeper, "Deeper")
    left = maker.turn(root, "Left behind")
    maker.rewind(root, root.turns[1])
    maker.turn(root, "Instead of it")
    assert left
    maker.turn(maker.new(cwd=str(tmp_path / "elsewhere")), "Somewhere else")
    maker.write()
    return maker


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_ls_json_has_one_object_a_session(maker: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--json"]) == 0
    root, child, deeper = rows(capsys)
    assert [list(row) for row in (root, child, deeper)] == [FIELDS] * 3
    made = maker.sessions[1]
    truth = maker.truth[made.id]
    assert (child["parent"], child["fork_point"]) == (truth.parent, truth.point)
    assert (child["link"], child["evidence"]) == ("fork", "prefix")
    assert (root["link"], root["evidence"], root["parent"]) == ("root", "none", None)
    assert child["label"] == "Try another way"
    assert (root["turns"], root["own_turns"]) == (3, 3)
    assert (deeper["turns"], deeper["own_turns"], deeper["evidence"]) == (3, 1, "pointer")
    assert child["file"] == str(maker.path(made))
    assert (child["state"], child["origin"]) == ("ok", "sdk-py")
    assert child["tokens_own"] == 180
    assert child["cost_own_usd"] == pytest.approx(0.01)
    # An answer costs 0.01: two in the turn with the tool, one in the arm that was left.
    assert root["cost_own_usd"] == pytest.approx(0.05)
    assert root["created"].endswith("Z")


def test_ls_shows_the_project_of_the_folder_or_all(
    maker: Maker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for words, count in (
        (["ls", "--json"], 3),
        (["ls", "--all", "--json"], 4),
        (["--all", "ls", "--json"], 4),
        (["ls", "--json", "--project", str(tmp_path / "here")], 3),
    ):
        assert main(words) == 0
        assert len(rows(capsys)) == count
    (tmp_path / "empty").mkdir()
    assert main(["ls", "--project", str(tmp_path / "empty")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "No sessions in" in err


def test_ls_text_is_a_tree_without_control_characters(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls"]) == 0
    out = capsys.readouterr().out
    names = [session.id[:8] for session in maker.sessions]
    lines = out.splitlines()
    assert lines[0].startswith(f"{names[0]}  Design it  (3 turns, ")
    assert lines[1].startswith(f"  {names[1]}  Try another way  (fork after turn 1, 2 turns, ")
    assert lines[2].startswith(f"    {names[2]}  Deeper  (fork after turn 2, 3 turns, ")
    assert "\x1b" not in out


def test_a_session_without_a_turn_says_what_is_wrong_with_it(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    root = maker.path(maker.sessions[0])
    root.with_name("11111111-2222-4333-8444-555555555555.jsonl").touch()
    assert main(["ls"]) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "11111111" in one]
    assert "no turn in it" in line
    assert "The file is empty." in line


def test_a_second_ls_reads_no_transcript(
    maker: Maker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["ls", "--all", "--json"]) == 0
    first = capsys.readouterr().out
    monkeypatch.setattr("sessiontree.claude.readers.read_session", None)
    assert main(["ls", "--all", "--json"]) == 0
    assert capsys.readouterr().out == first
    maker.path(maker.sessions[1]).unlink()
    assert main(["ls", "--all", "--json"]) == 0
    gone = next(row for row in rows(capsys) if row["id"] == maker.sessions[1].id)
    assert (gone["state"], gone["file"], gone["label"]) == ("gone", None, "Try another way")


def test_what_was_set_here_counts(maker: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    root, _, deeper, _ = maker.sessions
    with Store.open(Path(os.environ["SESSIONTREE_HOME"]) / "store.jsonl") as store:
        store.annotate(root.id, title="The design")
        store.put_link(Link(deeper.id, None, None, None, Evidence.MANUAL))
    assert main(["ls", "--json"]) == 0
    told = {row["id"]: row for row in rows(capsys)}
    assert told[root.id]["title"] == "The design"
    assert (told[deeper.id]["link"], told[deeper.id]["evidence"]) == ("root", "manual")
    assert told[deeper.id]["own_turns"] == 3


def test_a_chain_of_forks_and_a_circle_are_told(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _, deeper, _ = maker.sessions
    with Store.open(Path(os.environ["SESSIONTREE_HOME"]) / "store.jsonl") as store:
        store.put_link(Link(root.id, deeper.id, None, None, Evidence.MANUAL))
    at = deeper
    for number in range(40):
        at = maker.fork(at)
        maker.turn(at, f"level {number}", attachments=0)
    maker.write()
    assert main(["ls"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 43
    assert "(42) " in out[-1]


def test_a_fork_shows_what_the_subagents_of_its_copied_turns_said(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _, deeper, _ = maker.sessions
    call = next(
        block["id"]
        for line in root.lines
        for block in line.get("message", {}).get("content", [])
        if isinstance(block, dict) and block["type"] == "tool_use"
    )
    folder = maker.path(root).with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    (folder / "agent-a1.meta.json").write_text(json.dumps({"toolUseId": call}))
    message = {"id": "m", "role": "assistant", "content": [{"type": "text", "text": "Found it"}]}
    line = {"type": "assistant", "uuid": "s1", "isSidechain": True, "message": message}
    (folder / "agent-a1.jsonl").write_text(json.dumps(line) + "\n")
    for session in (root, deeper):
        assert main(["show", session.id, "--json"]) == 0
        (shown,) = rows(capsys)
        nested = [event for event in shown["turns"][0]["events"] if event.get("depth")]
        assert [event["text"] for event in nested] == ["Found it"]


def test_show_has_turns_and_their_events_arms_included(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    root = maker.sessions[0]
    assert main(["show", root.id[:6], "--json"]) == 0
    (shown,) = rows(capsys)
    assert list(shown) == FIELDS
    turns = shown["turns"]
    assert [(t["prompt"], t["live"]) for t in turns] == [
        ("Design it", True),
        ("Add tests", True),
        ("Left behind", False),
        ("Instead of it", True),
    ]
    assert [t["parent"] for t in turns] == [None, turns[0]["id"], turns[1]["id"], turns[1]["id"]]
    kinds = [[event["kind"] for event in t["events"]] for t in turns]
    assert kinds == [["prompt", "tool", "tool", "text"], *[["prompt", "text"]] * 3]
    assert turns[2]["events"][1]["text"] == "Answer to: Left behind"
    assert main(["show", root.id]) == 0
    text = capsys.readouterr().out
    assert "Turn 3 (an arm that was left)" in text


@pytest.mark.parametrize("words", [["show"], ["fork"], ["show", "--json"]])
def test_an_id_that_is_not_one_session(
    words: list[str], maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    maker.turn(maker.new(), "x")
    copy = maker.sessions[-1]
    copy.id = maker.sessions[0].id[:4] + copy.id[4:]
    maker.write()
    both = ", ".join(sorted(one.id[:8] for one in (copy, maker.sessions[0])))
    for id, said in (
        ("ffffffff", "id that begins with ffffffff. `sessiontree ls --all` lists all"),
        (copy.id[:4], f"2 sessions have an id that begins with {copy.id[:4]}: {both}."),
        ("", "No session was named"),
    ):
        assert main([words[0], id, *words[1:]]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err


def test_the_scope_is_said_before_or_behind_any_command(
    maker: Maker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    here, there = maker.sessions[0].id, maker.sessions[-1].id
    project = ["--project", str(tmp_path / "here")]
    others: dict[str, list[str]] = {"show": [], "fork": [], "compare": [here], "link": ["--cut"]}
    for command, more in others.items():
        for words in ([*project, command, there, *more], [command, there, *more, *project]):
            assert main(words) == 1
            assert f"No session of {tmp_path / 'here'} has an id" in capsys.readouterr().err
    shown = (["--all", "show", there], ["show", "--all", there], ["show", *project, here])
    for words in (*shown, ["--all", "doctor"], ["doctor", "--all"], ["doctor", *project]):
        assert main(words) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    "words",
    [["--all", "ls", "--project", "."], ["--project", ".", "show", "--all", "x"]],
)
def test_flags_that_contradict_each_other_are_refused(
    words: list[str], maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--all and --project DIR contradict each other" in err


def test_a_gone_session_is_read_and_forked_from_the_archive(
    maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = maker.sessions[0]
    Archive(tmp_path / "home" / "archive", limit=10**9).keep(maker.path(root))
    assert main(["ls"]) == 0
    maker.path(root).unlink()
    for _ in range(2):  # what was laid out to be read is there already then
        capsys.readouterr()
        assert main(["show", root.id]) == 0
        out, err = capsys.readouterr()
        assert "Answer to: Add tests" in out
        assert err == "sessiontree show: its transcript is gone: this is the archive's copy\n"
    assert not maker.path(root).exists()
    assert main(["fork", root.id]) == 0
    child = capsys.readouterr().out.strip()
    assert maker.path(root).exists()
    assert main(["ls", "--json"]) == 0
    told = {row["id"]: row for row in rows(capsys)}
    assert (told[root.id]["state"], told[child]["parent"]) == ("ok", root.id)


def test_a_project_whose_folder_was_deleted_still_has_its_sessions(
    maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls", "--project", str(tmp_path / "elsewhere")]) == 0
    assert "Somewhere else" in capsys.readouterr().out
    for name, said in ((str(tmp_path / "never"), "is not a folder"), ("", "is empty")):
        with pytest.raises(SystemExit, match="2"):
            main(["ls", "--project", name])
        assert said in capsys.readouterr().err


def test_fork_prints_the_new_id_and_stores_the_link(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    root = maker.sessions[0]
    turn = root.turns[0].id
    assert main(["fork", root.id, "--at", turn[:8], "--title", "My fork"]) == 0
    child = capsys.readouterr().out.strip()
    assert main(["ls", "--json"]) == 0
    row = next(row for row in rows(capsys) if row["id"] == child)
    assert (row["parent"], row["evidence"], row["title"]) == (root.id, "made", "My fork")
    assert (row["turns"], row["own_turns"]) == (1, 0)
    assert main(["fork", child]) == 0  # of what has nothing of its own
    assert main(["fork", root.id, "--at", "nothing"]) == 1
    assert "No turn of this session" in capsys.readouterr().err


def test_a_fork_that_fails_leaves_no_link(
    maker: Maker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sessiontree.claude import offline_fork

    def full(path: Path, rows: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(offline_fork, "_put", full)
    assert main(["fork", maker.sessions[0].id]) == 1
    assert "No space left" in capsys.readouterr().err
    with Store.open(Path(os.environ["SESSIONTREE_HOME"]) / "store.jsonl") as store:
        assert store.links() == {}


def test_a_link_by_hand_is_set_cut_and_taken_back(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    root, child, deeper, other = maker.sessions

    def told(id: str) -> tuple[str | None, str, str]:
        assert main(["ls", "--all", "--json"]) == 0
        row = next(row for row in rows(capsys) if row["id"] == id)
        return row["parent"], row["link"], row["evidence"]

    found = told(deeper.id)
    assert main(["link", deeper.id[:8], root.id[:8]]) == 0
    assert "after turn 1" in capsys.readouterr().err
    assert told(deeper.id) == (root.id, "fork", "manual")
    assert main(["ls"]) == 0
    line = f"  {deeper.id[:8]}  Try another way  (fork after turn 1, 3 turns"
    assert line in capsys.readouterr().out, "what both have is told once"
    assert main(["link", deeper.id, root.id, "--at", root.turns[1].id]) == 1
    assert "Both have the turns up to ‹Design it›" in capsys.readouterr().err
    assert main(["link", deeper.id, "--cut"]) == 0
    assert told(deeper.id) == (None, "root", "manual")
    assert main(["link", deeper.id, "--as-found"]) == 0
    assert told(deeper.id) == found
    assert main(["link", other.id, child.id, "--at", child.turns[0].id[:8]]) == 0
    assert "after turn 1" in capsys.readouterr().err
    assert told(other.id) == (child.id, "fork", "manual")
    assert main(["link", child.id, other.id]) == 1
    assert "circle" in capsys.readouterr().err
    assert main(["link", other.id, root.id, "--at", "none"]) == 1
    assert "No turn of this session" in capsys.readouterr().err
    assert told(child.id)[2] != "manual"


@pytest.mark.parametrize("words", [[], ["P", "--cut"], ["--at", "T"], ["--cut", "--at", "T"]])
def test_link_says_how_it_is_called(
    words: list[str], maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["link", maker.sessions[0].id, *words]) == 2
    assert "PARENT" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_fault(maker: Maker) -> None:
    command = f"{sys.executable} -m sessiontree ls --all --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_ls_brings_in_neither_textual_nor_the_sdk(maker: Maker) -> None:
    code = (
        "import sys; from sessiontree.cli import main; main(['ls']);"
        "print([name for name in ('textual', 'claude_agent_sdk', 'mcp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
