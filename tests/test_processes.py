"""No Claude Code process outlives the app, however the app ends. Real processes, real signals."""

from __future__ import annotations

import json
import subprocess
import sys

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, say
from tests.api import ClaudePlace
from tests.processes import gone, needs_proc

RUNNER = """
import asyncio, json, sys, uuid
from pathlib import Path
from sessiontree.config import Config
from sessiontree.engine.runs import RunPool
from sessiontree.model.message import Delta
from sessiontree.model.run import Plan, Verb

config_dir, cwd, env = json.loads(sys.argv[1])

async def main():
    def heard(run, message):
        if isinstance(message, Delta):
            print(run.agent.pid, flush=True)
    pool = RunPool(
        Config(home=Path(cwd), claude=Path(config_dir), cwd=Path(cwd), env=env),
        on_change=lambda run: None, on_message=heard, on_end=lambda run: None,
    )
    pool.start(Plan(Verb.NEW, str(uuid.uuid4()), str(uuid.uuid4()), "One", cwd))
    await asyncio.Event().wait()

asyncio.run(main())
"""


@needs_proc
def test_a_killed_app_leaves_no_cli_behind(api: MessagesApi, place: ClaudePlace) -> None:
    api.script = lambda request: say("Half a ", Hold())
    where = json.dumps([str(place.config_dir), str(place.cwd), dict(place.env)])
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, where], stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    pid = int(runner.stdout.readline())
    runner.kill()
    runner.wait()
    runner.stdout.close()
    assert gone(pid, 15)
