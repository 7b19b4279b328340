"""Makes a projects folder of sessions that branch in every way that Claude Code and the SDK have,
and tells the truth about them: who was forked from whom, and where.

The lines are those that Claude Code 2.1.330 and claude-agent-sdk 0.2.187 write
(`test_real_transcripts` holds this against the real ones), shortened where their length means
nothing.

    maker = Maker(projects)
    first = maker.new()
    maker.turn(first, "Design a rate limiter")
    child = maker.fork(first, maker.turns(first)[0])
    maker.turn(child, "Try a sliding window")
    maker.write()
    assert maker.truth[child.id].parent == first.id
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessiontree.claude.projects import project_key

Line = dict[str, Any]

_TYPE_LAST = ("assistant", "attachment")
_LATE = ("promptSource", "toolUseResult")
"""Fields that stand behind the time."""


@dataclass(frozen=True)
class Truth:
    """What a link must say. `turn` is the canonical id of the last shared turn, `point` the uuid
    in the parent's transcript of the last message kept."""

    parent: str | None
    turn: str | None = None
    point: str | None = None
    evidence: str = "none"


@dataclass(frozen=True)
class TurnTruth:
    id: str  # canonical
    prompt: str
    uuid: str
    last: str  # uuid of its last line here, on the way to the tip


@dataclass
class Made:
    """A session that is being made. `lines` is its file; `line` the uuids from root to tip."""

    id: str
    cwd: str
    screen: bool  # run in a terminal, not through the SDK
    lines: list[Line] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    turns: list[TurnTruth] = field(default_factory=list)  # in file order, arms included
    live: list[str] = field(default_factory=list)  # canonical ids of the turns on the line
    spent: float = 0.0
    used: int = 0  # tokens, as the counter of costs has them
    count_began: int = 0
    waiting: list[Line] = field(default_factory=list)  # a fork's copy, until its first turn
    gone: bool = False


class Maker:
    """`bulk`: bytes of attachments and request records a turn, which nobody shows."""

    def __init__(
        self, projects: Path, cwd: str = "/home/someone/work", *, seed: int = 0, bulk: int = 300
    ) -> None:
        self.projects = projects
        self.cwd = cwd
        self.bulk = bulk
        self.sessions: list[Made] = []
        self.truth: dict[str, Truth] = {}
        self._random = random.Random(seed)
        self._now = 1_790_000_000.0
        self._founder: dict[str, str] = {}  # uuid of a line → the session that wrote it first
        self._canonical: dict[str, str] = {}

    # The ways to branch

    def new(self, *, cwd: str | None = None, screen: bool = False) -> Made:
        session = Made(self._uuid(), cwd or self.cwd, screen)
        session.count_began = int(self._tick() * 1000)
        self.sessions.append(session)
        self.truth[session.id] = Truth(None)
        return session

    def fork(self, parent: Made, turn: TurnTruth | None = None, *, screen: bool = False) -> Made:
        """`--fork-session`, at the end or (through the SDK) at the end of a turn of its line: uuids
        kept, no pointer. The file appears with the first turn."""
        kept = self._kept(parent, turn)
        child = self.new(cwd=parent.cwd, screen=screen)
        _count_on(child, parent)
        for line in kept:
            copy = deepcopy(line)
            copy["sessionId"] = child.id
            if copy["type"] == "assistant":
                copy["requestSessionId"] = line.get("requestSessionId", line["sessionId"])
            child.waiting.append(copy)
        self._take_over(child, parent, kept, {line["uuid"]: line["uuid"] for line in kept})
        self._tell(child, parent, kept)
        return child

    def fork_offline(self, parent: Made, turn: TurnTruth | None = None) -> Made:
        """The SDK's `fork_session`: new uuids, pointers, the file at once. It copies what is
        before the cut in the file, arms that were left too."""
        kept = [line for line in parent.lines if "uuid" in line and "parentUuid" in line]
        if turn is not None:
            cut = next(i for i, line in enumerate(kept) if line["uuid"] == turn.last)
            kept = kept[: cut + 1]
        child = self.new(cwd=parent.cwd)
        names = {line["uuid"]: self._uuid() for line in kept}
        for number, line in enumerate(kept):
            copy = deepcopy(line)
            copy["uuid"] = names[line["uuid"]]
            copy["parentUuid"] = names.get(line["parentUuid"])
            copy["logicalParentUuid"] = names.get(line.get("logicalParentUuid"))
            copy["sessionId"] = child.id
            copy["forkedFrom"] = {"sessionId": parent.id, "messageUuid": line["uuid"]}
            if number == len(kept) - 1:
                copy["timestamp"] = self._time()
            child.lines.append(copy)
            self._founder[copy["uuid"]] = child.id
            self._canonical[copy["uuid"]] = self._canonical.get(line["uuid"], line["uuid"])
        child.lines.append(
            {"type": "custom-title", "sessionId": child.id, "customTitle": "Something (fork)"}
        )
        self._take_over(child, parent, kept, names)
        shared = child.turns[-1].id if child.turns else None
        point = next(line["uuid"] for line in reversed(kept) if _is_message(line))
        self.truth[child.id] = Truth(parent.id, shared, point, "pointer")
        return child

    def branch(self, parent: Made) -> Made:
        """`/branch` in the terminal: uuids kept, pointers, the file at once."""
        kept = self._kept(parent, None)
        child = self.new(cwd=parent.cwd, screen=True)
        before = None
        for line in kept:
            copy = deepcopy(line)
            copy["sessionId"] = child.id
            copy["parentUuid"] = before
            copy["requestSessionId"] = line.get("requestSessionId", line["sessionId"])
            copy["forkedFrom"] = {"sessionId": parent.id, "messageUuid": line["uuid"]}
            child.lines.append(copy)
            before = line["uuid"]
        child.lines.append(
            {"type": "custom-title", "sessionId": child.id, "customTitle": "Something (Branch)"}
        )
        self._take_over(child, parent, kept, {line["uuid"]: line["uuid"] for line in kept})
        self._tell(child, parent, kept, pointer=True)
        note = self._add(child, "system", subtype="local_command", content="<local-command-stdout>")
        child.line.append(note["uuid"])
        if child.live:  # the note stands at the end of the turn that it came behind
            place = next(i for i, t in enumerate(child.turns) if t.id == child.live[-1])
            child.turns[place] = replace(child.turns[place], last=note["uuid"])
        return child

    def copy(self, parent: Made) -> Made:
        """The file, copied under another id by whoever did not know better: it goes on there."""
        kept = [line for line in parent.lines if "uuid" in line and "parentUuid" in line]
        child = self.new(cwd=parent.cwd, screen=parent.screen)
        child.lines = deepcopy(parent.lines)
        _count_on(child, parent)
        self._take_over(child, parent, kept, {line["uuid"]: line["uuid"] for line in kept})
        child.line = list(parent.line)
        self._tell(child, parent, kept)
        return child

    def rewind(self, session: Made, turn: TurnTruth | None) -> None:
        """Back to the end of a turn of the line (None: to the start); the next turn begins an arm
        in the same file."""
        if turn is None:
            session.line, session.live = [], []
            return
        session.line = session.line[: session.line.index(turn.last) + 1]
        session.live = session.live[: session.live.index(turn.id) + 1]

    def compact(self, session: Made) -> None:
        """`/compact`: a new root that points at what it summarised."""
        boundary = self._add(
            session,
            "system",
            subtype="compact_boundary",
            content="Conversation compacted",
            parent=None,
            logicalParentUuid=session.line[-1],
            compactMetadata={
                "trigger": "manual",
                "preTokens": 1234,
            },
        )
        session.line.append(boundary["uuid"])
        summary = self._add(
            session,
            "user",
            message={"role": "user", "content": "This session is being continued from …"},
            isCompactSummary=True,
        )
        session.line.append(summary["uuid"])

    # A turn

    def turn(
        self, session: Made, prompt: str, *, tools: int = 0, attachments: int = 2
    ) -> TurnTruth:
        """A prompt and all that answers it: an answer, or `tools` parallel calls and an answer."""
        self._begin_file(session)
        typed = self._add(
            session,
            "user",
            message={"role": "user", "content": prompt},
            promptSource="typed" if session.screen else "sdk",
        )
        session.line.append(typed["uuid"])
        for number in range(attachments):
            self._attach(session, self.bulk // max(attachments, 1), aside=number % 2 == 1)
        self._record_request(session, self.bulk)
        if tools:
            self._call_tools(session, tools)
        self._answer(session, [{"type": "text", "text": f"Answer to: {prompt}"}])
        self._attach(session, 40)
        self._close_turn(session)
        canonical = typed["uuid"]
        self._canonical[canonical] = canonical
        made = TurnTruth(canonical, prompt, typed["uuid"], session.line[-1])
        session.turns.append(made)
        session.live.append(canonical)
        return made

    def turns(self, session: Made) -> list[TurnTruth]:
        """Those on the line, from the last compaction on: where the CLI can fork or rewind."""
        since = 0
        for place, line in enumerate(self._lines(session, session.line)):
            if line.get("subtype") == "compact_boundary":
                since = place
        seen = set(session.line[since:])
        return [t for t in session.turns if t.id in session.live and t.last in seen]

    def written(self, session: Made) -> list[str]:
        """The prompts, by uuid, that were typed in a session and not copied to it."""
        return [turn.uuid for turn in session.turns if self._founder[turn.id] == session.id]

    # Writing

    def remove(self, session: Made) -> None:
        """Its file will not be there, as after Claude Code's own clean-up."""
        session.gone = True

    def path(self, session: Made) -> Path:
        return self.projects / project_key(session.cwd) / f"{session.id}.jsonl"

    def write(self) -> None:
        for session in self.sessions:
            if session.lines and not session.gone:
                self.write_one(session)

    def write_one(self, session: Made) -> None:
        path = self.path(session)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(_encode(line) for line in session.lines))

    def expected(self) -> dict[str, Truth]:
        """The truth about every session that has a file. Where a parent's file is gone, only a
        copied answer or a pointer can name it."""
        return {
            session.id: self.truth[session.id]
            for session in self.sessions
            if session.lines and not session.gone
        }

    # Lines

    def _lines(self, session: Made, uuids: list[str]) -> list[Line]:
        by_uuid = {line["uuid"]: line for line in session.lines + session.waiting if "uuid" in line}
        return [by_uuid[one] for one in uuids]

    def _begin_file(self, session: Made) -> None:
        if session.lines and not session.waiting:
            if not session.screen:
                self._state(session, "queue-operation", operation="enqueue", time=True)
            return
        if session.waiting or session.screen:
            self._state(session, "mode", mode="normal")
        if session.screen:
            self._state(session, "permission-mode", permissionMode="default")
            self._next = self._uuid()
            self._state(session, "file-history-snapshot", messageId=self._next, snapshot={})
        else:
            self._state(session, "queue-operation", operation="enqueue", time=True)
        session.lines.extend(session.waiting)
        session.waiting = []

    _next: str | None = None

    def _add(self, session: Made, kind: str, *, aside: bool = False, **fields: Any) -> Line:
        parent = session.line[-1] if session.line else None
        line: Line = {"parentUuid": fields.pop("parent", parent), "isSidechain": False}
        late = {name: fields.pop(name) for name in _LATE if name in fields}
        # Answers and attachments name their type behind their content.
        line |= {**fields, "type": kind} if kind in _TYPE_LAST else {"type": kind, **fields}
        line |= {
            "uuid": self._next or self._uuid(),
            "timestamp": self._time(),
            **late,
            "userType": "external",
            "entrypoint": "cli" if session.screen else "sdk-py",
            "cwd": session.cwd,
            "sessionId": session.id,
            "version": "2.1.330",
            "gitBranch": "HEAD",
        }
        self._next = None
        session.lines.append(line)
        self._founder[line["uuid"]] = session.id
        return line

    def _state(self, session: Made, kind: str, *, time: bool = False, **fields: Any) -> None:
        if time:
            fields["timestamp"] = self._time()
        session.lines.append({"type": kind, **fields, "sessionId": session.id})

    def _attach(self, session: Made, size: int, *, aside: bool = False) -> None:
        line = self._add(
            session, "attachment", attachment={"type": "skill_listing", "content": "x" * size}
        )
        if not aside:
            session.line.append(line["uuid"])

    def _record_request(self, session: Made, size: int) -> None:
        session.lines.append({"type": "api-request", "blob": "y" * size, "sessionId": session.id})

    def _answer(self, session: Made, content: list[Line], api: str | None = None) -> list[Line]:
        """A line for each block of one API message."""
        api = api or f"msg_{self._uuid()[:12]}"
        session.used += 180
        session.spent += 0.01
        usage = {
            "input_tokens": 100,
            "cache_creation_input_tokens": 10,
            "cache_read_input_tokens": 20,
            "output_tokens": 50,
        }
        written = []
        for block in content:
            line = self._add(
                session,
                "assistant",
                message={
                    "id": api,
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-test",
                    "content": [block],
                    "usage": usage,
                },
                requestId=f"req_{api[4:]}",
            )
            session.line.append(line["uuid"])
            written.append(line)
        return written

    def _call_tools(self, session: Made, count: int) -> None:
        """Parallel calls: each a line behind the one before, each result behind its own call, and
        the conversation goes on behind the result that came last."""
        calls = [
            {"type": "tool_use", "id": f"toolu_{self._uuid()[:12]}", "name": "Bash", "input": {}}
            for _ in range(count)
        ]
        lines = self._answer(session, calls)
        order = list(range(count))
        self._random.shuffle(order)
        base = session.line[: len(session.line) - count]
        for number in order:
            session.line = [*base, *(line["uuid"] for line in lines[: number + 1])]
            result = self._add(
                session,
                "user",
                message={
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": calls[number]["id"],
                            "content": f"result {number}",
                        }
                    ],
                },
                toolUseResult={"stdout": f"result {number}"},
            )
            session.line.append(result["uuid"])

    def _close_turn(self, session: Made) -> None:
        self._state(session, "last-prompt", lastPrompt="…", leafUuid=session.line[-1])
        self._state(
            session,
            "cost-state",
            totalCostUSD=round(session.spent, 6),
            startTime=session.count_began,
            modelUsage={"claude-test": {"inputTokens": session.used, "outputTokens": 0}},
            hasUnknownModelCost=False,
        )

    # What a fork takes over

    def _kept(self, parent: Made, turn: TurnTruth | None) -> list[Line]:
        """The lines that the CLI copies: the line, and parallel calls beside it. From the last
        compaction on, if there was one."""
        end = turn.last if turn else (parent.line[-1] if parent.line else "")
        line = parent.line[: parent.line.index(end) + 1] if end else []
        written = parent.lines + parent.waiting
        by_uuid = {one["uuid"]: one for one in written if "uuid" in one}
        for place in range(len(line) - 1, -1, -1):
            if by_uuid[line[place]].get("subtype") == "compact_boundary":
                line = line[place:]
                break
        on = set(line)
        requests = {by_uuid[one].get("requestId") for one in line} - {None}
        calls: set[str] = set()
        for one in written:
            if one.get("requestId") in requests:
                on.add(one["uuid"])
                calls.update(_call_ids(one))
            elif _result_ids(one) & calls:
                on.add(one["uuid"])
        return [one for one in written if one.get("uuid") in on and "parentUuid" in one]

    def _tell(self, child: Made, parent: Made, kept: list[Line], *, pointer: bool = False) -> None:
        """The truth about a child whose lines kept their uuids."""
        prompts = {turn.uuid: turn for turn in parent.turns}
        last = next(
            (
                line
                for line in reversed(kept)
                if line["uuid"] in prompts or line.get("subtype") == "compact_boundary"
            ),
            None,
        )
        if last is None:
            return
        point = next(line["uuid"] for line in reversed(kept) if _is_message(line))
        source = last.get("forkedFrom")
        if pointer:
            named, evidence = parent.id, "pointer"
        elif source and source["messageUuid"] == last["uuid"]:
            named, evidence = source["sessionId"], "pointer"
        else:
            named, evidence = self._founder[last["uuid"]], "prefix"
        turn = prompts[last["uuid"]].id if last["uuid"] in prompts else self._before(named, last)
        self.truth[child.id] = Truth(named, turn, point, evidence)

    def _before(self, named: str, boundary: Line) -> str | None:
        """The turn in front of a compaction, where the session named as parent has it."""
        session = next(one for one in self.sessions if one.id == named)
        by_uuid = {line["uuid"]: line for line in session.lines if "uuid" in line}
        prompts = {turn.uuid: turn for turn in session.turns}
        at = boundary.get("logicalParentUuid")
        while at in by_uuid:
            if at in prompts:
                return prompts[at].id
            line = by_uuid[at]
            at = line["parentUuid"] or line.get("logicalParentUuid")
        return None

    def _take_over(
        self, child: Made, parent: Made, kept: list[Line], names: dict[str, str]
    ) -> None:
        child.line = [names[one] for one in parent.line if one in names]
        last = kept[-1]["uuid"] if kept else None
        parents = {line["uuid"]: line["parentUuid"] for line in kept}
        if last is not None and (not child.line or child.line[-1] != names[last]):
            child.line = []  # the cut is on an arm that was left
            at = last
            while at is not None and at in names:
                child.line.insert(0, names[at])
                at = parents.get(at)
        on = set(child.line)
        for turn in parent.turns:
            if turn.uuid in names:
                copied = TurnTruth(
                    self._canonical.get(turn.uuid, turn.uuid),
                    turn.prompt,
                    names[turn.uuid],
                    names.get(turn.last, names[turn.uuid]),
                )
                child.turns.append(copied)
                if copied.uuid in on:
                    child.live.append(copied.id)

    # Time and names

    def _tick(self) -> float:
        self._now += 0.05 + self._random.random()
        return self._now

    def _time(self) -> str:
        at = datetime.fromtimestamp(self._tick(), UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def three_sessions(projects: Path, cwd: str) -> Maker:
    """On disk: a root with two turns, a fork of its first turn, and a session of its own."""
    maker = Maker(projects, cwd)
    root = maker.new()
    first = maker.turn(root, "Design it")
    maker.turn(root, "Add tests")
    maker.turn(maker.fork(root, first), "Another way")
    maker.turn(maker.new(), "On its own")
    maker.write()
    return maker


def _encode(line: Line) -> bytes:
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _count_on(child: Made, parent: Made) -> None:
    """Costs are counted on from where a counter stands, if it said so."""
    child.spent, child.used = parent.spent, parent.used
    if parent.spent:
        child.count_began = parent.count_began


def _is_message(line: Line) -> bool:
    return line["type"] in ("user", "assistant")


def _blocks(line: Line) -> Iterator[Line]:
    content = line.get("message", {}).get("content")
    if isinstance(content, list):
        yield from content


def _call_ids(line: Line) -> set[str]:
    return {block["id"] for block in _blocks(line) if block["type"] == "tool_use"}


def _result_ids(line: Line) -> set[str]:
    return {block["tool_use_id"] for block in _blocks(line) if block["type"] == "tool_result"}
