"""A tool call as it becomes known: what was called, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sessiontree.model.event import CallState, ToolCall
from sessiontree.model.message import Answered
from sessiontree.model.packed import pack
from sessiontree.model.text import clean, clean_data, clean_line

DETAIL_CHARS = 2_000
"""Longer strings in a result's details are left out: they repeat the output or a whole file."""

_NOTHING: Mapping[str, Any] = {}
"""Where a result has no details: one for all of them."""


def is_open(call: ToolCall) -> bool:
    """Whether its result is still to come."""
    return call.state in (CallState.TYPED, CallState.RUNNING)


def answered(call: ToolCall, message: Answered) -> ToolCall:
    """The call with its result."""
    return ToolCall(  # not by `replace`, which takes three times as long
        key=call.key,
        at=call.at,
        depth=call.depth,
        tool=call.tool,
        input=call.input,
        partial=call.partial,
        state=CallState.FAILED if message.is_error else CallState.OK,
        told=pack(clean(message.text)),
        images=lines(message.images),
        details=_details(message.details),
        ended=message.at if call.ended is None else call.ended,
    )


def with_result(call: ToolCall, known: ToolCall) -> ToolCall:
    """`call` with the result that is `known` of it, its place and its time."""
    answered = not is_open(known)
    return replace(
        call,
        at=call.at if known.at is None or not answered else known.at,
        depth=known.depth,
        state=known.state if answered else CallState.RUNNING,
        told=known.told,
        images=known.images,
        details=known.details,
        ended=known.ended,
    )


def lines(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts of one line each, clean."""
    return tuple(map(clean_line, texts))


def _details(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return _without_long_strings(clean_data(given)) if given else _NOTHING


def _without_long_strings(details: Mapping[str, Any]) -> dict[str, Any]:
    """`details` without what repeats the output or a whole file, one level into it."""

    def is_short(value: object) -> bool:
        return not isinstance(value, str) or len(value) <= DETAIL_CHARS

    return {
        key: {k: v for k, v in value.items() if is_short(v)} if isinstance(value, dict) else value
        for key, value in details.items()
        if is_short(value)
    }
