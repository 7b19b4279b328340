"""The transcripts of a session's subagents, each tied to the tool call that started it.

They are in `<session id>/subagents/agent-<agent id>.jsonl`; `agent-<agent id>.meta.json` beside
each names the call as `toolUseId`. The call's result names the agent id too, also in releases
that wrote no such file. (Seen on Claude Code 2.1.330.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessiontree.claude.transcript import lines
from sessiontree.claude.transcript.messages import Voice
from sessiontree.model.message import CallBlock, Message, Said

_AGENT_ID = re.compile(r"[0-9A-Za-z_-]{1,80}\Z")


def folder(transcript: str) -> str:
    """Where those of a session are, by the path of its transcript."""
    return transcript.removesuffix(".jsonl") + "/subagents"


@dataclass(slots=True)
class _Agent:
    path: Path
    voice: Voice
    offset: int = 0
    seen: set[str] = field(default_factory=set)


class Subagents:
    """Of one session. Each file is read when its call is reached, and from there on followed."""

    def __init__(self, transcript: Path) -> None:
        self._folder = Path(folder(str(transcript)))
        self._paths: dict[str, Path] = {}  # tool-use id → transcript
        self._looked = False
        self._agents: dict[str, _Agent] = {}
        self._waiting: set[str] = set()  # calls whose subagent has no file yet

    def of(self, call: str) -> Iterator[Message]:
        """What the subagent of a call has said so far; nothing for a call of another kind."""
        if not self._looked:
            self._look()
        if call in self._paths:
            yield from self._begin(call, self._paths[call])

    def named(self, call: str, details: Mapping[str, Any]) -> Iterator[Message]:
        """The same, where the result of the call names the agent."""
        agent = details.get("agentId")
        if call not in self._agents and isinstance(agent, str) and _AGENT_ID.match(agent):
            path = self._folder / f"agent-{agent}.jsonl"
            if path.is_file() and not path.is_symlink():
                yield from self._begin(call, path)

    def later(self) -> Iterator[Message]:
        """What they have said since."""
        for agent in list(self._agents.values()):
            yield from self._read(agent)

    def _begin(self, call: str, path: Path) -> Iterator[Message]:
        if call not in self._agents:
            self._agents[call] = _Agent(path, Voice(call))
            yield from self._read(self._agents[call])

    def _look(self) -> None:
        self._looked = True
        try:
            found = sorted(self._folder.glob("agent-*.meta.json"))
        except OSError:
            return
        for meta in found:
            path = meta.with_name(meta.name.removesuffix(".meta.json") + ".jsonl")
            try:
                call = json.loads(meta.read_bytes()).get("toolUseId")
            except (OSError, ValueError, AttributeError, RecursionError):
                continue
            if isinstance(call, str) and path.is_file() and not path.is_symlink():
                self._paths[call] = path

    def _read(self, agent: _Agent) -> Iterator[Message]:
        try:
            with agent.path.open("rb") as file:
                file.seek(agent.offset)
                data = file.read()
        except OSError:
            return
        read = lines.read(data, agent.offset, last=False)
        start, agent.offset = agent.offset, read.end
        for entry in read.side + read.entries:
            if entry.uuid in agent.seen:
                continue
            agent.seen.add(entry.uuid)
            for record in lines.parsed(data[entry.start - start : entry.end - start]):
                for message in agent.voice.speak(record, entry.kind):
                    yield message
                    if isinstance(message, Said):
                        for block in message.blocks:
                            if isinstance(block, CallBlock):
                                yield from self.of(block.id)
