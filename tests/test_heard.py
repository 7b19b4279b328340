"""What a live run hears, whatever Claude Code says: messages of the types they claim, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from claude_agent_sdk import ResultMessage
from claude_agent_sdk._internal.message_parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from sessiontree.claude import faults
from sessiontree.claude.agent import ODD, _output_tokens
from sessiontree.claude.heard import Ear
from sessiontree.model import message as m
from sessiontree.model.event import Event, Prompt, Result, Text, Thinking, ToolCall
from sessiontree.model.feed import Feed
from sessiontree.model.run import Reason
from tests import stand_in

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


def spoken() -> list[dict[str, Any]]:
    """Every kind of message that the stand-in knows, and some more."""
    said: list[dict[str, Any]] = []

    class Heard(stand_in.Cli):
        def raw(self, data: bytes) -> None:
            said.append(json.loads(data))

    cli = Heard()
    cli.begin()
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
    cli.say({"type": "text", "text": "Hi"}, {"type": "thinking", "thinking": "h", "signature": ""})
    cli.say(call, id="m2", parent_tool_use_id="t0", error=None)
    answer = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": ""}]}
    image = {"type": "image", "source": {"media_type": "image/png", "data": "xxxx"}}
    both = [answer, {**answer, "content": [image]}, {"type": "text", "text": "x"}]
    said.append({"type": "user", "uuid": "u1", "message": {"content": both}, "tool_use_result": {}})
    said.append({"type": "user", "uuid": "u2", "message": {"content": "[Request interrupted by"}})
    for subtype, more in {
        "compact_boundary": {"compact_metadata": {"pre_tokens": 5}},
        "status": {"status": "compacting"},
        "api_retry": {"attempt": 1, "max_retries": 3, "retry_delay_ms": 5, "error_status": 529},
        "model_fallback": {"content": "x"},
        "permission_denied": {"tool_name": "Bash"},
    }.items():
        said.append({"type": "system", "subtype": subtype, "uuid": "s", **more})
    limit = {"status": "rejected", "rateLimitType": "five_hour", "utilization": 0.5}
    ids = {"uuid": "r", "session_id": "s"}
    said.append({"type": "rate_limit_event", **ids, "rate_limit_info": limit})
    cli.result("error_during_execution", is_error=True)
    return said


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a message, the message itself left out."""
    if path:
        yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


SPOKEN = spoken()


@st.composite
def odd(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A conversation in which one thing or a few are something else."""
    messages = list(SPOKEN)
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(messages) - 1))
        path = draw(st.sampled_from(list(places(messages[index])) or [("type",)]))
        messages[index] = replaced(messages[index], path, draw(JSON))
    return messages


def has_its_types(event: Event) -> bool:
    texts = isinstance(event.key, str)
    if isinstance(event, Text | Thinking | Prompt | Result):
        texts &= isinstance(event.text, str)
    if isinstance(event, ToolCall):
        texts &= isinstance(event.tool, str) and isinstance(event.output, str)
        texts &= isinstance(event.input, dict) and isinstance(event.details, dict)
    return texts


@given(odd())
def test_what_is_odd_is_left_out_or_has_its_types(messages: list[dict[str, Any]]) -> None:
    ear, feed = Ear("own"), Feed()
    for said in messages:
        try:
            heard = parse_message(said)
            if isinstance(heard, ResultMessage):
                assert isinstance(faults.of_result(heard), Reason)
                assert isinstance(_output_tokens(heard), int | None)
                continue
            spoken = list(ear.hear(heard, 1.0)) if heard is not None else []
        except ODD:
            continue  # the run says that it left something out
        for message in spoken:
            assert isinstance(message, m.Message)
            feed.push(message)
    feed.take()
    feed.close()
    assert all(map(has_its_types, feed.events))
