"""One entry of a transcript → the messages that it is. The words are those of a live run
(`claude.heard`), so that a session reads the same live and afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sessiontree.claude import api_errors
from sessiontree.claude.transcript import prompts, records
from sessiontree.claude.transcript.entries import SYNTHETIC, Entry, seconds
from sessiontree.claude.transcript.prompts import Kind
from sessiontree.model import message as m

_OUTPUT = re.compile(r"<(?:local-command|bash)-(stdout|stderr)>(.*?)</", re.DOTALL)
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)
CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))
"""The types of blocks that are tool calls."""
_QUEUED = b'"queued_command"'
_LEVELS = {"warning": m.Level.WARNING, "error": m.Level.ERROR}


class Voice:
    """Turns the lines of one line of conversation into messages, in order.

    `agent` is the tool-use id of the call whose subagent speaks, "" for the main line. `names`
    has the canonical ids of prompts by uuid, where they are known. Stateful: a change of the model
    is told by the line before; `model` is that of the last answer before the first."""

    def __init__(
        self, agent: str = "", names: Mapping[str, str] | None = None, model: str = ""
    ) -> None:
        self.agent = agent
        self._names = names or {}
        self._model = model

    def speak(self, entry: Entry) -> Iterator[m.Message]:
        """The messages of an entry; none for one that has nothing to show."""
        kind = entry.kind
        if kind is Kind.OTHER and _QUEUED not in bytes(entry.record.attachment):
            return  # nearly all of them: what else is in them need not be known
        at = seconds(entry.time)
        if kind is Kind.ASSISTANT:
            yield from self._assistant(entry, at)
        elif kind is Kind.ANSWER:
            yield from self._answers(entry, at)
        elif kind is Kind.PROMPT:
            content = entry.content
            yield m.Prompted(
                turn=turn_id(entry, self._names),
                text=prompts.typed(content),
                images=images(content),
                agent=self.agent,
                at=at,
            )
        elif kind is Kind.OTHER:
            yield from self._queued(entry, at)
        elif note := _note(entry):
            what, text, level = note
            yield self._noted(entry, what, text, level, at)

    def _noted(
        self, entry: Entry, what: str, text: str, level: m.Level, at: float | None
    ) -> m.Noted:
        return m.Noted(key=entry.uuid, what=what, text=text, level=level, agent=self.agent, at=at)

    def _assistant(self, entry: Entry, at: float | None) -> Iterator[m.Message]:
        content, model = entry.content, entry.model
        if entry.record.is_api_error_message is True:
            kind = records.content(entry.record.error)
            reason = api_errors.of_api(kind, "\n".join(prompts.texts_of(content)))
            yield self._noted(entry, "error", reason.words, m.Level.ERROR, at)
            return
        if model == SYNTHETIC:
            return
        if model and self._model and model != self._model:
            key = f"model:{entry.uuid}"
            text = f"The model is {model} from here on"
            yield m.Noted(key=key, what="model", text=text, agent=self.agent, at=at)
        self._model = model or self._model
        blocks = list(prompts.blocks(content))
        said = [block for block in map(_block, blocks) if block is not None]
        if said:
            message_id = entry.api or entry.uuid
            yield m.Said(message_id=message_id, blocks=tuple(said), agent=self.agent, at=at)
        for block in blocks if len(said) < len(blocks) else ():  # of tools that the API runs itself
            if str(block.get("type", "")).endswith("_tool_result") and "tool_use_id" in block:
                text = json.dumps(block.get("content"), ensure_ascii=False, indent=2)
                call = str(block["tool_use_id"])
                yield m.Answered(call_id=call, text=text, agent=self.agent, at=at)

    def _answers(self, entry: Entry, at: float | None) -> Iterator[m.Answered]:
        details = records.content(entry.record.tool_use_result)
        for block in prompts.blocks(entry.content):
            if block.get("type") != "tool_result":
                continue
            parts = block.get("content")
            text = parts if isinstance(parts, str) else "\n".join(prompts.texts_of(parts))
            yield m.Answered(
                call_id=str(block.get("tool_use_id", "")),
                text=text,
                is_error=block.get("is_error") is True,
                images=images(parts),
                details=details if isinstance(details, dict) else {},
                agent=self.agent,
                at=at,
            )

    def _queued(self, entry: Entry, at: float | None) -> Iterator[m.Noted]:
        """A prompt that was typed while the agent worked reaches it inside of the turn."""
        attachment = records.content(entry.record.attachment)
        if not isinstance(attachment, dict) or attachment.get("type") != "queued_command":
            return
        if attachment.get("commandMode", "prompt") == "prompt":
            text = prompts.typed(attachment.get("prompt"))
            yield self._noted(entry, "queued", text, m.Level.INFO, at)


def _note(entry: Entry) -> tuple[str, str, m.Level] | None:
    record, kind, info = entry.record, entry.kind, m.Level.INFO
    if kind is Kind.BOUNDARY:
        before = record.compact_metadata.pre_tokens if record.compact_metadata else None
        size = f" ({before:,} tokens before)" if before is not None else ""
        return "compacted", f"The conversation was compacted{size}", info
    if kind is Kind.INTERRUPTED:
        return "interrupted", "Interrupted", m.Level.WARNING
    content = records.content(record.content) if kind is Kind.SYSTEM else entry.content
    if kind is Kind.COMMAND:
        return "command", prompts.typed(content), info
    if kind is Kind.NOTIFIED:
        text = prompts.text_of(content)
        summary = _SUMMARY.search(text)
        return "notified", summary[1] if summary else text, info
    if kind is Kind.SYSTEM:
        if prompts.kind_of(content) is Kind.COMMAND:
            return "command", prompts.typed(content), info
        level = _LEVELS.get(record.level or "")
        if level and isinstance(content, str) and content:
            return record.subtype or "system", content, level
    if isinstance(content, str) and (output := _OUTPUT.search(content)) and output[2].strip():
        return "output", output[2].strip(), info
    return None


def turn_id(prompt: Entry, names: Mapping[str, str]) -> str:
    """The canonical id of a prompt; `names` has those that are known, by uuid."""
    named = prompt.record.forked_from
    return names.get(prompt.uuid) or (named.message_uuid if named else "") or prompt.uuid


def _block(block: Mapping[str, Any]) -> m.Block | None:
    match block.get("type"):
        case "text":
            return m.TextBlock(_string(block, "text"))
        case "thinking":
            return m.ThinkingBlock(_string(block, "thinking"))
        case "redacted_thinking":
            return m.ThinkingBlock("")
        case kind if kind in CALLS:
            return m.CallBlock(
                _string(block, "id"), _string(block, "name"), _mapping(block, "input")
            )
    return None


def images(content: object) -> tuple[str, ...]:
    """Type and size of the images and documents in a message's content."""
    found = []
    for block in prompts.blocks(content):
        source = block.get("source")
        if block.get("type") in ("image", "document") and isinstance(source, dict):
            size = len(_string(source, "data")) * 3 // 4
            kind = source.get("media_type") or block["type"]
            found.append(f"{kind} {max(size // 1000, 1)} kB")
    return tuple(found)


def _string(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _mapping(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}
