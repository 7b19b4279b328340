"""What a session's subagents said, each tied to the tool call that started it.

Their transcripts are `<session id>/subagents/agent-<agent id>.jsonl`; `agent-<agent id>.meta.json`
beside each names the call as `toolUseId`. The call's result names the agent id too, also in
releases that wrote no such file. A fork copies calls, but not the transcripts: those stay where
they were written. (Seen on Claude Code 2.1.330.) Releases before wrote the lines of subagents into
the session's own file, as side chains that begin with what the call told the subagent to do.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessiontree.claude.projects import subagents_folder
from sessiontree.claude.transcript import lines, records
from sessiontree.claude.transcript.entries import Entry
from sessiontree.claude.transcript.file import open_file
from sessiontree.claude.transcript.messages import Voice
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.model.message import CallBlock, Message, Said

_AGENT_ID = re.compile(r"[0-9A-Za-z_-]{1,80}\Z")


def _is_ours(path: Path) -> bool:
    """Whether a subagent's transcript is a file where it seems to be, and not behind a link."""
    places = (path, path.parent, path.parent.parent)
    return path.is_file() and not any(place.is_symlink() for place in places)


@dataclass(slots=True)
class _Agent:
    path: Path
    voice: Voice
    offset: int = 0
    seen: set[str] = field(default_factory=set)


class Subagents:
    """Of one session and those that it was forked from. Each file is read when its call is reached,
    or once it is there, and from there on followed."""

    def __init__(self, transcript: Path, forked_from: Iterable[Path] = ()) -> None:
        self._folders = [Path(subagents_folder(str(path))) for path in (transcript, *forked_from)]
        self._paths: dict[str, Path] = {}  # tool-use id → transcript
        self._known: set[Path] = set()  # the notes that say so
        self._looked = False
        self._agents: dict[str, _Agent] = {}
        self._waiting: set[str] = set()  # calls that may get a subagent: they have no result yet

    def has(self, call: str) -> bool:
        """Whether a subagent's file names the call."""
        if not self._looked:
            self._look()
        return call in self._paths

    def of(self, call: str) -> Iterator[Message]:
        """What the subagent of a call has said so far; nothing for a call of another kind."""
        if self.has(call):
            yield from self._begin(call, self._paths[call])
        else:
            self._waiting.add(call)

    def named(self, call: str, details: Mapping[str, Any]) -> Iterator[Message]:
        """The same, where the result of the call may name the agent."""
        self._waiting.discard(call)
        agent = details.get("agentId")
        if call not in self._agents and isinstance(agent, str) and _AGENT_ID.match(agent):
            for folder in self._folders:
                path = folder / f"agent-{agent}.jsonl"
                if _is_ours(path):
                    yield from self._begin(call, path)
                    return

    def later(self) -> Iterator[Message]:
        """What they have said since. Costs a look into a folder where calls run."""
        for agent in list(self._agents.values()):
            yield from self._read(agent)
        if self._waiting:
            self._look()
        for call in sorted(self._waiting & self._paths.keys()):
            yield from self._begin(call, self._paths[call])

    def _begin(self, call: str, path: Path) -> Iterator[Message]:
        self._waiting.discard(call)
        if call not in self._agents:
            self._agents[call] = _Agent(path, Voice(call))
            yield from self._read(self._agents[call])

    def _look(self) -> None:
        self._looked = True
        for folder in self._folders:
            with contextlib.suppress(OSError):
                self._look_into(folder)

    def _look_into(self, folder: Path) -> None:
        for meta in sorted(folder.glob("agent-*.meta.json")):
            if meta in self._known:
                continue
            path = meta.with_name(meta.name.removesuffix(".meta.json") + ".jsonl")
            try:
                call = json.loads(meta.read_bytes()).get("toolUseId")
            except (OSError, ValueError, AttributeError, RecursionError):
                continue
            if isinstance(call, str) and _is_ours(path):
                self._paths.setdefault(call, path)
                self._known.add(meta)

    def _read(self, agent: _Agent) -> Iterator[Message]:
        try:
            with open_file(agent.path) as file:
                file.seek(agent.offset)
                data = file.read()
        except OSError:
            return
        read = lines.read(data, agent.offset, last=False)
        agent.offset = read.end
        for entry in read.side + read.entries:
            if entry.uuid in agent.seen:
                continue
            agent.seen.add(entry.uuid)
            for message in agent.voice.speak(entry):
                yield message
                if isinstance(message, Said):
                    for block in message.blocks:
                        if isinstance(block, CallBlock):
                            yield from self.of(block.id)


class SideChains:
    """Those in the session's own file. A file is read from its end, so they are known before the
    call is that they belong to; one that is being written is read on: there the call is first."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}  # by uuid: those of which no call is known
        self._voices: dict[str, Voice] = {}  # by uuid: of those that were told
        self._waiting: dict[str, str] = {}  # calls without a result → what they told a subagent

    def add(self, entries: Sequence[Entry]) -> None:
        """Side lines of a stretch of the file, in front of those that are known."""
        if not entries:
            return
        for entry in entries:
            entry.said = records.owned(entry.record)
        self._entries = {entry.uuid: entry for entry in entries} | self._entries

    def later(self, entry: Entry) -> Iterator[Message]:
        """A side line that was added to the file."""
        if entry.uuid in self._voices:
            return
        voice = self._voices.get(entry.parent or "")
        if voice is None and entry.kind is Kind.PROMPT:
            call = next((c for c, told in self._waiting.items() if told == entry.text), "")
            voice = Voice(call) if self._waiting.pop(call, None) is not None else None
        if voice is None:
            entry.said = records.owned(entry.record)
            self._entries[entry.uuid] = entry
            return
        self._voices[entry.uuid] = voice
        yield from voice.speak(entry)

    def answered(self, call: str) -> None:
        """A call has its result: no subagent will begin because of it."""
        self._waiting.pop(call, None)

    def of(self, call: CallBlock) -> Iterator[Message]:
        """What the subagent of a call said: the first side chain that begins with its prompt."""
        told = call.input.get("prompt")
        if not isinstance(told, str):
            return
        known = self._entries
        roots = (entry for entry in known.values() if entry.parent not in known)
        root = next((one for one in roots if one.kind is Kind.PROMPT and one.text == told), None)
        if root is None:
            self._waiting[call.id] = told
            return
        chain = {root.uuid}
        for entry in known.values():
            if entry.parent in chain:
                chain.add(entry.uuid)
        voice = Voice(call.id)
        for uuid in [uuid for uuid in known if uuid in chain]:
            self._voices[uuid] = voice
            yield from voice.speak(known.pop(uuid))
