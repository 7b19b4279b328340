"""Records the demo's forest: `python -m sessiontree.demo.record` writes `forest/` anew.

The real SDK and the real CLI play the scenes against the Messages API in a temporary folder. What
the CLI wrote is then made independent of this machine and of this day (`bottle`), and kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    PermissionResult,
    PermissionResultAllow,
    PermissionResultDeny,
    StreamEvent,
    ToolPermissionContext,
    fork_session,
)

from sessiontree.demo import bottle, place, project
from sessiontree.demo.api import MessagesApi, Script, demo_env
from sessiontree.demo.reply import Failure, Hold, Reply, Text
from sessiontree.demo.request import Request
from sessiontree.demo.scenes import arms, at_length, limiter, login, script, windows

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Take:
    """A prompt, how long before "now" it was typed and how long its answer took (seconds), and
    what the person did meanwhile."""

    prompt: str
    ago: float
    lasts: float = 40.0
    deny: str = ""
    """What a refused Bash command is refused with."""
    answers: Mapping[str, str] = field(default_factory=dict)
    interrupted_after: int = 0
    """Characters of the text after which the person interrupted it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A session: the turns of its own, and where it left which parent."""

    name: str
    takes: tuple[Take, ...]
    parent: str = ""
    after: int = 0
    """How many turns it shares with the parent."""
    finds: tuple[str, int] = ("", 0)
    """The line and turn whose files a root finds in the workspace."""
    title: str = ""
    """Set for a fork that is made offline, by the SDK, before its first own turn."""


FOREST = (
    Line("overview", (Take(login.OVERVIEW, 6 * DAY, 21),)),
    Line("login", (Take(login.FLAKY, 27 * HOUR, 74), Take(login.ELSEWHERE, 26.6 * HOUR, 17))),
    Line("commit", (Take(login.COMMIT, 26.2 * HOUR, 12),), "login", 1),
    Line(
        "limiter",
        (
            Take(limiter.DESIGN, 3.4 * HOUR, 48),
            Take(limiter.WRITE, 3.2 * HOUR, 61),
            Take(limiter.USE, 2.9 * HOUR, 83),
            Take(limiter.CLOCK, 0.75 * HOUR, 66),
        ),
        finds=("login", 2),
    ),
    Line(
        "sliding",
        (Take(windows.SLIDING, 2.7 * HOUR, 43), Take(windows.MEMORY, 2.6 * HOUR, 15)),
        "limiter",
        1,
    ),
    Line("gcra", (Take(windows.GCRA, 2.4 * HOUR, 39),), "sliding", 2),
    Line(
        "explain",
        (Take(windows.EXPLAIN, 2.2 * HOUR, 34), Take(windows.DRAW, 2.1 * HOUR, 13)),
        "gcra",
        3,
    ),
    Line("threads", (Take(arms.THREADS, 1.9 * HOUR, 58),), "limiter", 2),
    Line(
        "storage",
        (
            Take(arms.REDIS, 1.7 * HOUR, 31, deny="No new dependencies, please."),
            Take(arms.SQLITE, 1.6 * HOUR, 9),
        ),
        "limiter",
        2,
    ),
    Line(
        "limits",
        (
            Take(
                arms.LIMITS,
                1.3 * HOUR,
                37,
                answers={
                    "How often may one client ask?": "50 a second",
                    "Who is not limited at all?": "Health checks, Admins",
                },
            ),
        ),
        "limiter",
        3,
    ),
    Line(
        "readme", (Take(arms.README, 1.1 * HOUR, 22),), "limiter", 3, title="Limits, for the README"
    ),
    Line("length", (Take(at_length.LONG, 0.3 * HOUR, 26, interrupted_after=1500),), "limiter", 4),
)


class Recorder:
    """Plays the lines one after the other in `root` and remembers what later ones need."""

    def __init__(self, root: Path) -> None:
        self.claude = root / "claude"
        self.workspace = root / "workspace"
        self.projects = self.claude / "projects" / place.project_key(self.workspace)
        self.sessions: dict[str, str] = {}  # name of a line → session id
        self.files: dict[tuple[str, int], Mapping[str, str]] = {("", 0): project.FILES}
        self.tips: dict[tuple[str, int], str] = {}  # uuid of the last entry of a turn
        self.stretches: list[bottle.Stretch] = []
        for directory in (self.claude, self.workspace):
            directory.mkdir()
        place.write_settings(self.claude, self.workspace)

    async def play(self, line: Line) -> None:
        left = (line.parent, line.after) if line.parent else line.finds
        write_files(self.workspace, self.files[left])
        start = self._start(line)
        for count, take in enumerate(line.takes, line.after + 1):
            begin = time.time()
            await self._play_take(take, start)
            self.stretches.append(bottle.Stretch(begin, time.time(), take.ago, take.lasts))
            start = {"resume": self.sessions[line.name]}
            self.files[line.name, count] = read_files(self.workspace)
            self.tips[line.name, count] = last_entry(self.transcript(line.name))
            print(f"{line.name} {count}: {take.prompt}")

    def transcript(self, name: str) -> Path:
        return self.projects / f"{self.sessions[name]}.jsonl"

    def _start(self, line: Line) -> dict[str, Any]:
        """The options with which the first own turn of a line runs."""
        if not line.parent:
            session = self.sessions[line.name] = str(uuid.uuid4())
            return {"session_id": session}
        parent, point = self.sessions[line.parent], self.tips[line.parent, line.after]
        if line.title:
            made = fork_session(parent, str(self.workspace), point, line.title)
            self.sessions[line.name] = made.session_id
            return {"resume": made.session_id}
        session = self.sessions[line.name] = str(uuid.uuid4())
        return {
            "resume": parent,
            "fork_session": True,
            "session_id": session,
            "resume_session_at": point,
        }

    async def _play_take(self, take: Take, start: dict[str, Any]) -> None:
        """One turn, of which the person's part is in `take`."""

        async def decide(
            tool: str, given: dict[str, Any], context: ToolPermissionContext
        ) -> PermissionResult:
            if tool == "Bash" and take.deny:
                return PermissionResultDeny(message=take.deny)
            if tool == "AskUserQuestion":
                return PermissionResultAllow(updated_input={**given, "answers": take.answers})
            return PermissionResultAllow()

        with MessagesApi(held(script(self.workspace), take.interrupted_after)) as api:
            options = ClaudeAgentOptions(
                cwd=self.workspace,
                env={**demo_env(api.url, self.claude, retries=0), "PYTHONDONTWRITEBYTECODE": "1"},
                system_prompt={"type": "preset", "preset": "claude_code"},
                setting_sources=["user"],
                permission_mode="default",
                can_use_tool=decide,
                include_partial_messages=True,
                **start,
            )
            async with ClaudeSDKClient(options) as client:
                await client.query(take.prompt)
                said = 0
                async for message in client.receive_response():
                    if take.interrupted_after and isinstance(message, StreamEvent):
                        said += len(message.event.get("delta", {}).get("text", ""))
                        if said >= take.interrupted_after:
                            take = replace(take, interrupted_after=0)
                            await client.interrupt()


def held(inner: Script, after: int) -> Script:
    """`inner`, whose texts stop for good after so many characters, for 0 not at all."""

    def cut(request: Request) -> Reply | Failure:
        reply = inner(request)
        if not after or isinstance(reply, Failure):
            return reply
        *before, last = reply.items
        assert isinstance(last, Text)
        return replace(reply, items=(*before, Text(last.text[: after + 1]), Hold()))

    return cut


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Makes the content of `folder` exactly `files`."""
    for path in folder.iterdir():
        path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


def read_files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir())}


def last_entry(transcript: Path) -> str:
    """The uuid of the last line of the conversation."""
    return str(
        [entry for entry in bottle.strip(transcript.read_text()) if "uuid" in entry][-1]["uuid"]
    )


def keep(recorder: Recorder, forest: Path) -> None:
    """Writes what was recorded into `forest`, bottled."""
    transcripts = forest / "transcripts"
    transcripts.mkdir(parents=True)
    paths = {
        str(recorder.workspace): bottle.WORKSPACE,
        str(recorder.claude): bottle.CLAUDE,
        recorder.projects.name: bottle.PROJECT,
    }
    ids = bottle.Ids({session: name for name, session in recorder.sessions.items()})
    for session in recorder.sessions.values():
        found = [recorder.projects / f"{session}.jsonl"]
        found += sorted((recorder.projects / session).glob("subagents/*"))
        for path in found:
            text = path.read_text("utf-8")
            if path.suffix == ".jsonl":
                text = "".join(json.dumps(entry) + "\n" for entry in bottle.strip(text))
            name = ids.rename(str(path.relative_to(recorder.projects)))
            kept = transcripts / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            text = bottle.bottle(text, paths, ids, recorder.stretches)
            for trace in (str(Path.home()), platform.node(), platform.release()):
                assert not re.search(rf"\b{re.escape(trace)}\b", text), f"{trace} is in {path}"
            kept.write_text(text, "utf-8")
    files = json.dumps(recorder.files["limiter", 4], indent=1)
    (forest / "workspace.json").write_text(files + "\n", "utf-8")


async def record(root: Path) -> Recorder:
    os.environ["CLAUDE_CONFIG_DIR"] = str(root / "claude")  # for the fork that the SDK makes
    recorder = Recorder(root)
    for line in FOREST:
        await recorder.play(line)
    return recorder


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sessiontree-record-") as folder:
        root = Path(folder).resolve()
        keep(asyncio.run(record(root)), root / "forest")
        shutil.rmtree(place.FOREST, ignore_errors=True)
        shutil.copytree(root / "forest", place.FOREST)


if __name__ == "__main__":
    main()
