"""No Claude Code process outlives the app, however the app ends. Real processes, real signals."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, say
from tests import stand_in
from tests.api import ClaudePlace
from tests.processes import gone, needs_proc

RUNNER = """
import asyncio, json, sys, uuid
from pathlib import Path
from sessiontree.config import Config
from sessiontree.engine.runs import RunPool
from sessiontree.model.message import Delta
from sessiontree.model.run import Choice, Plan, Verb

config_dir, cwd, env, cli, fault = json.loads(sys.argv[1])

async def main():
    heard = asyncio.Event()
    pool = RunPool(
        Config(home=Path(cwd), claude=Path(config_dir), cwd=Path(cwd), env=env,
               cli=Path(cli) if cli else None),
        on_change=lambda run: None,
        on_message=lambda run, message: isinstance(message, Delta) and heard.set(),
        on_end=lambda run: None,
    )
    id, turn = str(uuid.uuid4()), str(uuid.uuid4())
    run = pool.start(Plan(Verb.NEW, id, turn, "One", cwd, choice=Choice(model=fault)))
    if fault != "no_start":
        await heard.wait()
    while not (run.agent and run.agent.pid):
        await asyncio.sleep(0.01)
    print(run.agent.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@needs_proc
@pytest.mark.parametrize("fault", ["", "stubborn_early", "no_start"])
def test_a_killed_app_leaves_no_cli_behind(
    api: MessagesApi, place: ClaudePlace, fault: str
) -> None:
    api.script = lambda request: say("Half a ", Hold())
    env = {**place.env, "STAND_IN_PIDS": str(place.cwd / "pids")}
    cli = stand_in.__file__ if fault else ""
    where = json.dumps([str(place.config_dir), str(place.cwd), env, cli, fault])
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, where], stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    pid = int(runner.stdout.readline())
    runner.kill()
    runner.wait()
    runner.stdout.close()
    assert gone(pid, 15)
