"""A reply as the Messages API puts it on the wire: server-sent events, or one JSON message.

The events and their order are those of Anthropic's streaming documentation: `message_start`, for
each block `content_block_start`, deltas and `content_block_stop`, then `message_delta` with the
stop reason and usage, `message_stop`; a `ping` early on; `error` in the middle where it fails.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from sessiontree.demo.reply import Block, Drop, Failure, Hold, Reply, Text, Thinking, ToolUse, Usage
from sessiontree.demo.request import Request

Frame = dict[str, Any]

ERROR_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}

_WORD = re.compile(r"\s*\S+|\s+")
_JSON_PIECE = 24  # characters of a tool call's input in one delta
_SIGNATURE = "c2NyaXB0ZWQ="  # nobody checks it: base64 of a word that says what it is


def encode(frame: Frame) -> bytes:
    return f"event: {frame['type']}\ndata: {json.dumps(frame)}\n\n".encode()


def error(failure: Failure) -> Frame:
    kind = failure.kind or ERROR_KINDS.get(failure.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": failure.message}}


def message(reply: Reply, request: Request) -> Frame:
    """The whole reply as one JSON message, as it is sent where `stream` was not asked for."""
    return {
        **_envelope(request),
        "content": [_whole(block) for block in reply.blocks],
        "stop_reason": _stop_reason(reply),
        "usage": _usage(reply.usage or estimate(reply, request)),
    }


def frames(reply: Reply, request: Request) -> Iterator[Frame | Hold | Drop | Failure]:
    """The events of a reply, one delta a word; what befalls it stands where it happens."""
    usage = reply.usage or estimate(reply, request)
    start = {**_envelope(request), "usage": {**_usage(usage), "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    index = -1
    for item in reply.items:
        if not isinstance(item, Block):
            yield item
            continue
        if index >= 0:
            yield {"type": "content_block_stop", "index": index}
        index += 1
        yield {"type": "content_block_start", "index": index, "content_block": _empty(item)}
        for delta in _deltas(item):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
    if index >= 0:
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(reply), "stop_sequence": None},
        "usage": _usage(usage),
    }
    yield {"type": "message_stop"}


def estimate(reply: Reply, request: Request) -> Usage:
    """Plausible usage: four characters a token, and a cache that holds all but the last message.

    Linear in the length of the request."""
    *before, last = request.body.get("messages") or [""]
    cached = tokens([request.body.get("system"), request.body.get("tools"), before])
    output = tokens([_whole(block) for block in reply.blocks])
    if before:
        return Usage(input=4, output=output, cache_read=cached, cache_write=tokens(last))
    return Usage(input=4, output=output, cache_write=cached + tokens(last))


def tokens(value: object) -> int:
    return len(json.dumps(value)) // 4


def _envelope(request: Request) -> Frame:
    return {
        "id": _new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _empty(block: Block) -> Frame:
    """A block as `content_block_start` announces it."""
    match block:
        case Text():
            return {"type": "text", "text": ""}
        case Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case ToolUse():
            call_id = block.id or _new_id("toolu")
            return {"type": "tool_use", "id": call_id, "name": block.name, "input": {}}


def _whole(block: Block) -> Frame:
    match block:
        case Text():
            return {"type": "text", "text": block.text}
        case Thinking():
            return {"type": "thinking", "thinking": block.text, "signature": _SIGNATURE}
        case ToolUse():
            return {**_empty(block), "input": dict(block.input)}


def _deltas(block: Block) -> Iterator[Frame]:
    match block:
        case Text():
            for word in _WORD.findall(block.text):
                yield {"type": "text_delta", "text": word}
        case Thinking():
            for word in _WORD.findall(block.text):
                yield {"type": "thinking_delta", "thinking": word}
            yield {"type": "signature_delta", "signature": _SIGNATURE}
        case ToolUse():
            text = json.dumps(block.input)
            for start in range(0, len(text), _JSON_PIECE):
                piece = text[start : start + _JSON_PIECE]
                yield {"type": "input_json_delta", "partial_json": piece}


def _stop_reason(reply: Reply) -> str:
    calls = any(isinstance(block, ToolUse) for block in reply.blocks)
    return reply.stop_reason or ("tool_use" if calls else "end_turn")


def _usage(usage: Usage) -> Mapping[str, int]:
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"
