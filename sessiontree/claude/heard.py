"""The SDK's messages of a live run → the model's messages.

Seen on claude-agent-sdk 0.2.187: with partial messages on, each finished block arrives as an
`AssistantMessage` of its own before its `content_block_stop`, and blocks of one API message
share `message_id`; what a subagent says carries `parent_tool_use_id`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import claude_agent_sdk as sdk

from sessiontree.claude import faults
from sessiontree.model import message as m

INTERRUPTED = "[Request interrupted by user"
"""How the user message begins that the CLI writes where a person interrupted."""

_DELTAS = {
    "text_delta": (m.DeltaKind.TEXT, "text"),
    "thinking_delta": (m.DeltaKind.THINKING, "thinking"),
    "input_json_delta": (m.DeltaKind.INPUT, "partial_json"),
}
_BLOCKS = {
    "text": m.DeltaKind.TEXT,
    "thinking": m.DeltaKind.THINKING,
    "tool_use": m.DeltaKind.INPUT,
}


class Ear:
    """Hears one run. Stateful: stream events name their API message only at its start.

    What leaves it has the types it says, whatever came. For a message of a shape that nobody
    foresaw it raises one of Python's own errors, and nothing of that message is heard."""

    def __init__(self, own_turn: str) -> None:
        self._own_turn = own_turn
        self._streaming: dict[str, str] = {}  # agent → API message id being streamed

    def hear(self, heard: sdk.Message, at: float) -> Iterator[m.Message]:
        match heard:
            case sdk.StreamEvent():
                yield from self._stream(heard, at)
            case sdk.AssistantMessage():
                yield from _assistant(heard, at)
            case sdk.UserMessage():
                yield from self._user(heard, at)
            case sdk.SystemMessage():
                yield from _system(heard, at)
            case sdk.RateLimitEvent():
                yield from _rate_limit(heard, at)

    def _stream(self, heard: sdk.StreamEvent, at: float) -> Iterator[m.Message]:
        event, agent = heard.event, str(heard.parent_tool_use_id or "")
        if event.get("type") == "message_start":
            self._streaming[agent] = str(event.get("message", {}).get("id", ""))
            return
        message_id = self._streaming.get(agent)
        index = event.get("index")
        if not message_id or not isinstance(index, int):
            return
        if event.get("type") == "content_block_start":
            block = event.get("content_block", {})
            if kind := _BLOCKS.get(block.get("type")):
                yield m.Started(
                    message_id=message_id,
                    index=index,
                    kind=kind,
                    name=str(block.get("name", "")),
                    call_id=str(block.get("id", "")),
                    agent=agent,
                    at=at,
                )
        elif event.get("type") == "content_block_delta":
            delta = event.get("delta", {})
            kind, field = _DELTAS.get(delta.get("type"), (None, ""))
            if kind and (text := delta.get(field)):
                yield m.Delta(
                    message_id=message_id,
                    index=index,
                    kind=kind,
                    text=str(text),
                    agent=agent,
                    at=at,
                )

    def _user(self, heard: sdk.UserMessage, at: float) -> Iterator[m.Message]:
        agent = str(heard.parent_tool_use_id or "")
        if heard.uuid == self._own_turn:
            return  # the run's own prompt, said again by the CLI
        texts = [heard.content] if isinstance(heard.content, str) else []
        for block in heard.content if isinstance(heard.content, list) else ():
            if isinstance(block, sdk.ToolResultBlock):
                yield _answered(block, heard.tool_use_result, agent, at)
            elif isinstance(block, sdk.TextBlock):
                texts.append(str(block.text))
        text = "\n".join(texts).strip()
        if text.startswith(INTERRUPTED):
            yield m.Noted(
                key=str(heard.uuid or f"interrupted:{at}"),
                what="interrupted",
                text="Interrupted",
                level=m.Level.WARNING,
                agent=agent,
                at=at,
            )
        elif text and agent:
            turn = str(heard.uuid or f"task:{agent}")
            yield m.Prompted(turn=turn, text=text, agent=agent, at=at)


def _assistant(heard: sdk.AssistantMessage, at: float) -> Iterator[m.Message]:
    agent = str(heard.parent_tool_use_id or "")
    if heard.error:
        yield m.Noted(
            key=str(heard.uuid or f"error:{at}"),
            what="error",
            text=faults.of_api(heard).words,
            level=m.Level.ERROR,
            agent=agent,
            at=at,
        )
        return
    blocks = tuple(b for b in map(_block, heard.content) if b is not None)
    message_id = str(heard.message_id or heard.uuid or "")
    if blocks:
        yield m.Said(message_id=message_id, blocks=blocks, agent=agent, at=at)
    for block in heard.content:
        if isinstance(block, sdk.ServerToolResultBlock):
            text = json.dumps(block.content, ensure_ascii=False, indent=2)
            yield m.Answered(call_id=str(block.tool_use_id), text=text, agent=agent, at=at)


def _block(block: object) -> m.Block | None:
    match block:
        case sdk.TextBlock(text=text):
            return m.TextBlock(str(text))
        case sdk.ThinkingBlock(thinking=text):
            return m.ThinkingBlock(str(text))
        case sdk.ToolUseBlock() | sdk.ServerToolUseBlock():
            given: Any = block.input
            given = given if isinstance(given, dict) else {"input": given}
            return m.CallBlock(str(block.id), str(block.name), given)
    return None


def _answered(block: sdk.ToolResultBlock, details: Any, agent: str, at: float) -> m.Answered:
    texts, images = [], []
    if isinstance(block.content, str):
        texts.append(block.content)
    for part in block.content if isinstance(block.content, list) else ():
        source = part.get("source", {})
        if part.get("type") == "text":
            texts.append(str(part.get("text", "")))
        elif part.get("type") == "image" and isinstance(source, dict):
            size = len(str(source.get("data", ""))) * 3 // 4
            images.append(f"{source.get('media_type', 'image')} {max(size // 1000, 1)} kB")
    return m.Answered(
        call_id=str(block.tool_use_id),
        text="\n".join(texts),
        is_error=bool(block.is_error),
        images=tuple(images),
        details=details if isinstance(details, dict) else {},
        agent=agent,
        at=at,
    )


def _system(heard: sdk.SystemMessage, at: float) -> Iterator[m.Message]:
    data = heard.data
    key = str(data.get("uuid") or f"{heard.subtype}:{at}")

    def noted(what: str, text: str, level: m.Level = m.Level.INFO) -> m.Noted:
        return m.Noted(key=key, what=what, text=text, level=level, at=at)

    if heard.subtype == "compact_boundary":
        facts = data.get("compact_metadata") or {}
        before = facts.get("pre_tokens")
        size = f" ({before:,} tokens before)" if isinstance(before, int) else ""
        yield noted("compacted", f"The conversation was compacted{size}")
    elif heard.subtype == "status" and data.get("status") == "compacting":
        yield noted("compacting", "Compacting the conversation …")
    elif heard.subtype == "api_retry":
        attempt, most = data.get("attempt", "?"), data.get("max_retries", "?")
        delay = data.get("retry_delay_ms")
        wait = f" in {delay / 1000:.0f} s" if isinstance(delay, int | float) else ""
        status = data.get("error_status")
        why = f" ({status} {data.get('error', '')})".replace(" )", ")") if status else ""
        text = f"The API did not answer{why}: try {attempt} of {most}{wait}"
        yield noted("retry", text, m.Level.WARNING)
    elif heard.subtype == "model_fallback":
        yield noted("model", f"The model was changed: {data.get('content', '')}", m.Level.WARNING)
    elif heard.subtype == "permission_denied":
        tool = data.get("tool_name", "a tool")
        yield noted("denied", f"{tool} was denied by a rule", m.Level.WARNING)


def _rate_limit(heard: sdk.RateLimitEvent, at: float) -> Iterator[m.Message]:
    info = heard.rate_limit_info
    if info.status == "allowed":
        return
    window = (info.rate_limit_type or "").replace("_", " ")
    if info.status == "rejected":
        text, level = f"The {window} rate limit is reached", m.Level.ERROR
    else:
        used = f": {info.utilization:.0%} used" if info.utilization is not None else ""
        text, level = f"The {window} rate limit is near{used}", m.Level.WARNING
    text = " ".join(text.split())
    yield m.Noted(key=str(heard.uuid), what="limit", text=text, level=level, at=at)
