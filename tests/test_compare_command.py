"""`sessiontree compare` as a script calls it, on transcripts as Claude Code writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sessiontree.cli import main
from sessiontree.demo.place import DemoPlace, prepare
from sessiontree.model.run import Ending
from sessiontree.store.database import Store
from tests.forest_maker import Maker

BUCKET, WINDOW, GCRA = "52b34b1d", "22bb0fbe", "6b4c6cca"  # sessions of the demo
README, LIMITS, REDIS, OTHER = "0416dd4c", "1810b233", "d7c403f4", "c8429439"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> DemoPlace:
    """The demo's recorded sessions, which the real Claude Code wrote."""
    return prepare(tmp_path_factory.mktemp("demo") / "limiter", 1_800_000_000.0)


@pytest.fixture(autouse=True)
def demo(place: DemoPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.workspace)
    monkeypatch.setenv("SESSIONTREE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(place.claude))


def compared(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert main(["compare", *words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_two_forks_share_what_was_before_and_differ_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = compared(capsys, WINDOW, GCRA)
    assert len(found["shared"]) == 2 and not found["single_turns"]
    (row,) = found["turns"]
    assert [t["prompt"] for t in row] == ["How much memory would it take?", "What about GCRA?"]
    window, gcra = found["sides"]
    assert gcra["tools"] == {"Write": 1, "Bash": 1}
    assert gcra["files"] == {"gcra.py": {"added": 18, "removed": 0}} and window["files"] == {}
    assert (gcra["state"], gcra["shared_turns"], gcra["own_turns"]) == ("done", 2, 1)
    assert 0 < gcra["cost_usd"] < 1 and 0 < gcra["seconds"] < 600
    assert gcra["tokens"]["total"] > gcra["tokens"]["output"] > 0
    (answer,) = found["answers"]
    assert answer["compared_by"] == "words" and not answer["same"]
    assert "".join(old for _, old, _ in answer["parts"]) == window["answer"]
    assert "".join(new for _, _, new in answer["parts"]) == gcra["answer"]


def test_three_sessions_of_which_one_failed(capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(capsys, README, LIMITS, REDIS)
    assert len(found["shared"]) == 2
    readme, limits, redis = found["sides"]
    assert redis["state"] == "failed" and "529" in redis["reason"]
    assert found["answers"][0] and found["answers"][1] is None
    assert readme["cost_is_at_least"]
    assert max(readme["seconds"], limits["seconds"]) < 600
    (file,) = found["files"]
    assert file["path"] == "notes.py" and file["sides"][2] is None
    assert file["sides"][0]["added"] == sum(line[0] == "+" for line in file["sides"][0]["diff"])


def test_turns_of_one_session(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", BUCKET, "--json"]) == 0
    turns = [t["id"] for t in json.loads(capsys.readouterr().out)["turns"] if t["live"]]
    found = compared(capsys, f"{BUCKET}@{turns[1]}", f"{BUCKET}@{turns[2][:12]}")
    assert found["single_turns"]
    assert [[t["id"] for t in row] for row in found["turns"]] == [[turns[1], turns[2]]]
    assert found["sides"][0]["files"].keys() == {"limiter.py", "test_limiter.py"}


def test_sessions_with_nothing_in_common_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", BUCKET, OTHER]) == 0
    assert "They share no turn" in capsys.readouterr().out


def test_text_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", LIMITS, README, REDIS]) == 0
    text = capsys.readouterr().out
    assert "1 and 2, turn 3: Use it in the API\n" in text
    assert "3 is not compared with 1: 3 has no answer." in text
    assert "{+" in text and "[-" in text and "   + import time\n" in text
    assert main(["compare", LIMITS, README, REDIS, "--md"]) == 0
    page = capsys.readouterr().out
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 5 and len({row.replace("\\|", "").count("|") for row in rows}) == 1
    fences = [line for line in page.splitlines() if line and not line.strip("`")]
    assert "````" in fences  # an answer that has a fence of its own
    assert "\n## 2 shared turns\n" in page


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((BUCKET,), 2, "Name 2 to 4"),
        ((BUCKET, README, LIMITS, REDIS, OTHER), 2, "not 5"),
        ((BUCKET, f"{BUCKET}-"), 2, "the same"),
        ((BUCKET, "ffff"), 1, "No session has an id"),
        ((BUCKET, f"{README}@ffff"), 1, "No turn of this session has an id"),
        ((BUCKET, f"{README}@"), 1, "No turn was named: its id is empty"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(
    words: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("sessiontree compare: ") and said in err


def test_one_that_cannot_be_read_keeps_nobody_from_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    maker = Maker(tmp_path / "claude" / "projects", str(Path.cwd()))
    root = maker.new()
    maker.turn(root, "Design it")
    child = maker.fork(root)
    maker.turn(child, "Another way")
    maker.turn(root, "Go on")
    maker.write()
    with Store.open(tmp_path / "home" / "store.jsonl") as store:
        store.finish(root.id, Ending.FAILED, "529")
    assert main(["ls"]) == 0  # it is known from then on
    maker.path(child).unlink()
    capsys.readouterr()
    assert main(["compare", root.id, child.id, "--json"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [side["state"] for side in found["sides"]] == ["failed", "not read"]
    assert found["turns"][0][1]["prompt"] == "Another way"
    assert found["sides"][1]["tokens"]["total"] == 180 and found["answers"] == [None]
    assert "its transcript is gone" in err


def test_a_reader_that_has_enough_is_no_fault() -> None:
    command = f"{sys.executable} -m sessiontree compare {BUCKET} {README} | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
