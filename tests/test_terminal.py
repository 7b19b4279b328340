"""The program in a real terminal: what comes up, what reaches the terminal, what is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api import ClaudePlace
from tests.terminal import Start

ALTERNATE_SCREEN_OFF = b"\x1b[?1049l"


def test_the_demo_comes_up_and_goes_without_a_trace(start: Start, tmp_path: Path) -> None:
    terminal = start("demo", "--keep", str(tmp_path / "demo"), size=(140, 45))
    terminal.shows("Design a rate limiter", "Fix the flaky login test", "12 sessions", "n new")
    assert b"No sessions" not in terminal.raw  # they were only not known yet
    terminal.type("q")
    assert terminal.ends() == 0
    assert ALTERNATE_SCREEN_OFF in terminal.raw


@pytest.mark.parametrize("size", [(80, 24), (50, 16), (40, 10)])
def test_a_first_session_in_a_small_terminal(start: Start, size: tuple[int, int]) -> None:
    terminal = start(size=size)
    terminal.shows("No sessions here yet", "new session in")
    terminal.type("nHello")  # in one go: nothing that is typed ahead is lost
    terminal.shows("❯ Hello")
    terminal.type("\r")
    terminal.shows("→ continue ‹Hello›", "Hello")
    terminal.shows("✓ done")
    terminal.type("\x11")  # ctrl+q
    assert terminal.ends() == 0


HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07 \x1b[2J \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x9b31m "
    "\u202egnp.exe \u200b\x00 [@click=app.quit]x[/] [/] [/foo] [red]"
)


def hostile_transcript(place: ClaudePlace) -> None:
    """A session with the payload in every field that is shown."""
    id = "11111111-2222-4333-8444-555555555555"
    key = "".join(c if c.isalnum() and c.isascii() else "-" for c in str(place.cwd.resolve()))
    folder = place.config_dir / "projects" / key
    folder.mkdir(parents=True)
    base = {"sessionId": id, "cwd": str(place.cwd), "timestamp": "2026-01-01T10:00:00.000Z"}
    call = {"type": "tool_use", "id": "t1", "name": f"Ba{HOSTILE}sh", "input": {HOSTILE: HOSTILE}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": HOSTILE, "is_error": True}
    blocks = [
        {"type": "thinking", "thinking": HOSTILE, "signature": ""},
        {"type": "text", "text": f"# {HOSTILE}\n\n```{HOSTILE}\n{HOSTILE}\n```\n| {HOSTILE} |\n"},
        call,
    ]
    records = [
        {"type": "custom-title", "customTitle": HOSTILE, "sessionId": id},
        {
            **base,
            "type": "user",
            "uuid": "a",
            "parentUuid": None,
            "gitBranch": HOSTILE,
            "message": {"role": "user", "content": f"Hello {HOSTILE}"},
        },
        {
            **base,
            "type": "assistant",
            "uuid": "b",
            "parentUuid": "a",
            "message": {"role": "assistant", "id": "m1", "model": HOSTILE, "content": blocks},
        },
        {
            **base,
            "type": "user",
            "uuid": "c",
            "parentUuid": "b",
            "toolUseResult": HOSTILE,
            "message": {"role": "user", "content": [result]},
        },
    ]
    text = "\n".join(json.dumps(record) for record in records)
    (folder / f"{id}.jsonl").write_text(text + "\n")


def test_nothing_hostile_reaches_the_terminal(start: Start, place: ClaudePlace) -> None:
    hostile_transcript(place)
    terminal = start(size=(140, 45))
    terminal.shows("1 session", "link")
    terminal.type("lj\r")
    terminal.shows("❯ Hello")
    terminal.type("gj")
    terminal.type("\r")
    terminal.shows("r raw")
    terminal.type("r")
    terminal.shows("r rendered")
    terminal.type("q")
    terminal.shows("q quit")
    terminal.type("\x11")
    assert terminal.ends() == 0
    raw = bytes(terminal.raw)
    for payload in ("\x1b]52;", "\x1b[2J\x20", "\x1b]8;;http", "\x9b31m", "\u202e", "\u200b"):
        assert payload.encode() not in raw
