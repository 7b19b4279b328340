"""A fork made without running anything: the kept line of a session, copied to a new transcript.

The SDK has a `fork_session`, but it loses what stands before a raw U+2028, U+2029 or U+0085,
reports success on a full disk, copies arms that were left, and leaves the uuids in a compaction's
record pointing into the parent (seen on claude-agent-sdk 0.2.187). The form written here is its:
new uuids, `forkedFrom` on each line, the time of the fork on the last message.

This is the one place that writes into Claude Code's projects folder, and only files that it makes.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessiontree.claude.projects import is_through_link
from sessiontree.claude.transcript import chain as chains
from sessiontree.claude.transcript import lines, reading
from sessiontree.claude.transcript.chain import Chain
from sessiontree.claude.transcript.entries import Entry
from sessiontree.claude.transcript.file import open_file
from sessiontree.claude.transcript.prompts import Kind

_LEFT_OUT = ("teamName", "agentName", "slug", "sourceToolAssistantUUID", "sessionKind")
"""Fields that belong to the process that wrote the line; the SDK leaves them out too."""


class ForkError(Exception):
    """The fork was not made; nothing of it is left. The text says why."""


def fork_offline(
    source: Path, *, turn: str | None = None, child: str | None = None, title: str = ""
) -> Path:
    """Fork the session in `source` and return the new transcript, which is beside it.

    Keeps everything to the end of `turn` (its canonical id or the uuid of its prompt), also of an
    arm that was left or one that a compaction hid; without it everything to the live tip. `child`
    is the new session's id. The copy is read back and compared before it gets its name.

    Costs the size of the source. Raises `ForkError`."""
    child = child or str(uuid.uuid4())
    target = source.with_name(f"{uuid.UUID(child)}.jsonl")
    if is_through_link(source):
        raise ForkError(f"{source} is a link, and nothing is written through one.")
    if target.exists():
        raise ForkError(f"There is a session {child} already.")
    try:
        with open_file(source) as file:
            data = file.readall()
    except OSError as error:
        raise ForkError(f"{source} cannot be read: {error.strerror}.") from error
    read = lines.read(data)
    chain = chains.connect(read.entries, leaf=read.facts.leaf)
    kept = _kept(chain, turn)
    copy = _copy(chain, kept, data, source.stem, child)
    if title.strip():
        copy.append({"type": "custom-title", "customTitle": title.strip(), "sessionId": child})
    draft = source.with_name(f".{child}.{os.getpid()}.tmp")
    try:
        _put(draft, copy)
        _verify(draft, copy, chain.entries)
        draft.rename(target)
    except OSError as error:
        raise ForkError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def _kept(chain: Chain, turn: str | None) -> list[int]:
    """Indexes of what is copied: the line, its parallel calls, in the order of the file."""
    if turn is None:
        tip = chains.ends(chain)[chain.entries[chain.tip].turn] if chain.prompts else -1
    else:
        tip = chains.end_of(chain, turn, complete=True)
        if tip < 0:
            raise ForkError(f"There is no turn {turn} in this session.")
    if tip < 0:
        raise ForkError("There is nothing in this session yet that could be kept.")
    return reading.with_side(chain, chain.path(tip))


def _copy(
    chain: Chain, kept: list[int], data: bytes, source: str, child: str
) -> list[dict[str, Any]]:
    entries = chain.entries
    records = {index: _record(entries[index], data) for index in kept}
    records = {i: record for i, record in records.items() if record["type"] != "progress"}
    renamed = {index: str(uuid.uuid4()) for index in records}
    by_uuid = {entries[index].uuid: new for index, new in renamed.items()}
    last = max(index for index in records if entries[index].kind in chains.MESSAGES)
    for index, record in records.items():
        entry = entries[index]
        up = entry.up
        while up >= 0 and up not in renamed:
            up = entries[up].up
        boundary = entry.kind is Kind.BOUNDARY
        record["parentUuid"] = None if boundary else renamed.get(up)
        if boundary or "logicalParentUuid" in record:
            record["logicalParentUuid"] = renamed.get(up)
        if "compactMetadata" in record:
            record["compactMetadata"] = _renamed(record["compactMetadata"], by_uuid)
        for name in _LEFT_OUT:
            record.pop(name, None)
        if index == last:  # what Claude Code goes on from
            record["timestamp"] = _now()
        record |= {
            "uuid": renamed[index],
            "sessionId": child,
            "isSidechain": False,
            "forkedFrom": {"sessionId": source, "messageUuid": entry.uuid},
        }
    return [*records.values(), *_replacements(data, source, child)]


def _record(entry: Entry, data: bytes) -> dict[str, Any]:
    for record in lines.parsed(data[entry.start : entry.end]):
        if record.get("uuid") == entry.uuid:
            return record
    raise ForkError(f"Message {entry.uuid} could not be read again.")


def _renamed(value: Any, renamed: dict[str, str]) -> Any:
    """The uuids that a compaction says it kept, as they are in the copy."""
    if isinstance(value, dict):
        return {name: _renamed(part, renamed) for name, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, renamed) for part in value]
    return renamed.get(value, value) if isinstance(value, str) else value


def _replacements(data: bytes, source: str, child: str) -> list[dict[str, Any]]:
    """What large tool results were replaced by, without which they would be sent whole."""
    found: list[Any] = []
    for line in data.split(b"\n"):
        if line.startswith(b'{"type":"content-replacement"'):
            for record in lines.parsed(line):
                replacements = record.get("replacements")
                if record.get("sessionId") == source and isinstance(replacements, list):
                    found += replacements
    if not found:
        return []
    return [{"type": "content-replacement", "sessionId": child, "replacements": found}]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _put(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Writes and syncs a file that only its owner can read. ASCII, so that no reader can take a
    character of a message for the end of a line."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        for record in records:
            file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _verify(path: Path, copy: list[dict[str, Any]], original: Sequence[Entry]) -> None:
    """Reads the draft as any transcript is read: every message there, behind the same one."""
    read = lines.read(path.read_bytes())
    chain = chains.connect(read.entries)
    found = [entry.source[1] if entry.source else "" for entry in read.entries]
    meant = [record["forkedFrom"]["messageUuid"] for record in copy if "forkedFrom" in record]
    before = {entry.uuid: original[entry.up].uuid for entry in original if entry.up >= 0}
    kept = set(meant)
    for entry, uuid_ in zip(read.entries, meant, strict=False):
        parent = before.get(uuid_)
        while parent is not None and parent not in kept:
            parent = before.get(parent)
        dangling = entry.kind is not Kind.BOUNDARY and entry.parent is not None and entry.up < 0
        if dangling or parent != (found[entry.up] if entry.up >= 0 else None):
            raise ForkError("The copy hangs together in another way, so it was removed.")
    messages = [i for i, entry in enumerate(read.entries) if entry.kind in chains.MESSAGES]
    if found != meant or read.facts.unreadable or not messages or chain.tip != messages[-1]:
        raise ForkError("The copy did not come out like the original, so it was removed.")
