"""A transcript of 100 MB from the file to the screen, beside the SDK's own reader.

    python -m tests.bench.transcript

Wall time, in the whole app without a terminal; the SDK's reader in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiontree.config import Config
from sessiontree.ui.app import SessionTree

SIZE = (140, 45)
MEGABYTES = 100
TURNS = 2_000
STEPS = 10  # replies and calls of a turn
SESSION = str(uuid.UUID(int=1, version=4))
SMALL = str(uuid.UUID(int=2, version=4))
LAST_WORDS = "These are the last words."

SDK = """
import resource, sys, time
from claude_agent_sdk import get_session_messages
start = time.perf_counter()
messages = get_session_messages(sys.argv[1], directory=sys.argv[2])
print(time.perf_counter() - start, len(messages),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
"""
OURS = """
import asyncio, sys
from pathlib import Path
from tests.bench.transcript import opened
print(*asyncio.run(opened(Path(sys.argv[1]))))
"""


def lines(cwd: Path) -> Iterator[dict[str, Any]]:
    """About 60,000 events: in each turn a prompt, then replies and calls with their output, which
    is a piece of Python's library each."""
    sources = sorted(Path(json.__file__).parents[1].glob("*.py"))
    source = "".join(path.read_text(errors="ignore") for path in sources)
    size = MEGABYTES * 1_000_000 // (TURNS * STEPS) - 1_800
    parent: str | None = None
    number = 0

    def line(kind: str, message: dict[str, Any], **more: Any) -> dict[str, Any]:
        nonlocal parent, number
        number += 1
        me = str(uuid.UUID(int=number + (1 << 64), version=4))
        made = {
            "parentUuid": parent,
            "isSidechain": False,
            "userType": "external",
            "cwd": str(cwd),
            "sessionId": SESSION,
            "version": "2.1.330",
            "type": kind,
            "message": message,
            "uuid": me,
            "timestamp": f"2026-11-01T{number // 3600 % 24:02}:{number // 60 % 60:02}"
            f":{number % 60:02}.000Z",
            **more,
        }
        parent = me
        return made

    for turn in range(TURNS):
        yield line("user", {"role": "user", "content": f"Go on with step {turn}"})
        for step in range(STEPS):
            call = f"toolu_{turn}_{step}"
            reply = {"id": f"msg_{turn}_{step}", "type": "message", "role": "assistant"}
            reply |= {"model": "claude-opus-4-5", "usage": {"input_tokens": 3, "output_tokens": 9}}
            said = {"type": "text", "text": f"Step {step} of {turn}: a bucket for each key."}
            last = turn == TURNS - 1 and step == STEPS - 1
            if last:
                said["text"] = LAST_WORDS
            yield line("assistant", reply | {"content": [said]}, requestId=f"req_{call}")
            if not last:
                asked = {"type": "tool_use", "id": call, "name": "Bash"}
                asked |= {"input": {"command": f"cat limiter_{step}.py"}}
                yield line("assistant", reply | {"content": [asked]}, requestId=f"req_{call}")
                begin = number * size % (len(source) - size)
                told = {"type": "tool_result", "tool_use_id": call}
                told["content"] = source[begin : begin + size]
                yield line("user", {"role": "user", "content": [told]})


def write(folder: Path) -> Path:
    """The transcript in a Claude Code's folder of its own."""
    cwd = folder / "project"
    project = folder / "claude" / "projects" / "".join(c if c.isalnum() else "-" for c in str(cwd))
    project.mkdir(parents=True)
    cwd.mkdir()
    path = project / f"{SESSION}.jsonl"
    with path.open("w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines(cwd))
    small = next(lines(cwd)) | {"sessionId": SMALL, "uuid": SMALL}
    small["timestamp"] = "2026-11-02T00:00:00.000Z"  # the later one: it is what is open at first
    (project / f"{SMALL}.jsonl").write_text(json.dumps(small) + "\n")
    return path


async def opened(folder: Path) -> tuple[float, float, float, float, int, float]:
    """Seconds until the end is on screen, until all of it can be scrolled; the longest and the
    95th percentile of what a key would have waited meanwhile, in ms; events; MB of the process
    at most."""
    app = SessionTree(Config(folder / "home", folder / "claude", folder / "project"))
    lags: list[float] = []

    async def lag() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append((time.perf_counter() - begun - 0.005) * 1000)

    async with app.run_test(size=SIZE) as pilot:
        while app.main is None or not app.main.is_mounted or not app.main.engine.catalog.scanned:
            await pilot.pause(0.01)
        main, engine = app.main, app.main.engine
        while engine.streams.opened is None:
            await pilot.pause(0.01)
        await _whole(app)
        task = asyncio.create_task(lag())
        start = time.perf_counter()
        engine.streams.open(SESSION)
        main.draw("stream")
        while LAST_WORDS not in _screen(app):  # noqa: ASYNC110 - it is looked at as a person does
            await asyncio.sleep(0.002)
        shown = time.perf_counter() - start
        await _whole(app)
        whole = time.perf_counter() - start
        task.cancel()
        opened = engine.streams.opened
        assert opened is not None
        lags.sort()
        p95 = lags[int(len(lags) * 0.95)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        return shown, whole, lags[-1], p95, len(opened.feed.events), peak


async def _whole(app: SessionTree) -> None:
    assert app.main is not None
    opened = app.main.engine.streams.opened
    assert opened is not None
    while opened.loading or opened.note:  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def _screen(app: SessionTree) -> str:
    return "\n".join(
        "".join(s.text for s in strip) for strip in app.screen._compositor.render_strips()
    )


def table() -> list[str]:
    """Markdown lines."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(folder)
        size = path.stat().st_size / 1e6
        ours = _run(OURS, folder)
        sdk = _run(SDK, SESSION, folder / "project", CLAUDE_CONFIG_DIR=str(folder / "claude"))
    shown, whole, worst, p95, events, memory = ours
    seconds, messages, peak = sdk
    return [
        f"| a transcript of {size:.0f} MB | goal | sessiontree | `get_session_messages()` |",
        "| --- | --- | --- | --- |",
        f"| its end on screen, s | 0.3 | {shown:.2f} | |",
        f"| all of it there, s | | {whole:.2f} ({events:,.0f} events) "
        f"| {seconds:.2f} ({messages:,.0f} messages) |",
        f"| a key waits meanwhile, ms: p95, longest | 50 | {p95:.0f}, {worst:.0f} | |",
        f"| memory of the process at most, × the file | 1.5 | {memory / size:.2f} "
        f"| {peak / size:.2f} |",
    ]


def _run(code: str, *arguments: object, **env: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


if __name__ == "__main__":
    print("\n".join(table()))
