"""What the CLI asks of the Messages API, read the way a script wants it.

Seen on Claude Code 2.1.330: a first user message carries `<system-reminder>` text blocks ahead of
the prompt, messages of role `system` may follow the user's, and a prompt typed after an interrupt
is a further text block of the same user message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_TAG = re.compile(r"</?tool_use_error>")
_PLAN_FILE = re.compile(r"\bat (\S.*?[/\\]plans[/\\]\S+?\.md)")
_PLANNED = "Exited Plan Mode"
_INTERRUPTED = "[Request interrupted by user"


@dataclass(frozen=True, slots=True)
class ToolResult:
    call_id: str
    name: str  # of the tool that was called
    text: str
    is_error: bool

    @property
    def unusable(self) -> bool:
        """True where the tool refused its input (seen on Claude Code 2.1.330)."""
        return self.is_error and self.text.startswith("<tool_use_error>")

    @property
    def denied(self) -> bool:
        """True where the person did not allow the call. A command that fails names its code."""
        return self.is_error and not self.unusable and not self.text.startswith("Exit code")

    @property
    def reason(self) -> str:
        return _TAG.sub("", self.text).strip()


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt that was typed last and how far the answer to it has come.

    `steps`: for each API message already answered since, the results of its tool calls in
    the order of the calls. Empty when the prompt has just been typed."""

    text: str
    earlier: tuple[str, ...] = ()
    steps: tuple[tuple[ToolResult, ...], ...] = ()

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """The tool results that this request brings, none for a prompt just typed."""
        return self.steps[-1] if self.steps else ()


@dataclass(frozen=True)
class Request:
    """One POST to `/v1/messages`: its JSON body and its headers (names in lower case)."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @cached_property
    def asked(self) -> Prompt:
        return prompt_of(self.body)

    @property
    def prompt(self) -> str:
        """The text that the person typed."""
        return self.asked.text

    @property
    def session(self) -> str:
        return self.headers.get("x-claude-code-session-id", "")

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def agent(self) -> str:
        """The id of the subagent that asks, "" on the main line."""
        return self.headers.get("x-claude-code-agent-id", "")

    @cached_property
    def plan_file(self) -> str:
        """Where the CLI wants the plan written; "" while it is not in plan mode."""
        told = "\n".join(text_of(message.get("content")) for message in self.body["messages"])
        found = _PLAN_FILE.findall(told.rpartition(_PLANNED)[2])
        return str(found[-1]) if found else ""

    @property
    def is_side(self) -> bool:
        """True for what the CLI asks for itself: a title, a probe of the quota, a summary of a
        web page. Only such requests come without tools."""
        return not self.body.get("tools")


def prompt_of(body: Mapping[str, Any]) -> Prompt:
    """The last typed prompt in the body of a request and what followed it."""
    typed: list[str] = []
    steps: list[tuple[ToolResult, ...]] = []
    names: dict[str, str] = {}
    for message in body.get("messages", ()):
        if message.get("role") == "assistant":
            steps.append(())
        elif message.get("role") != "user":
            continue
        for block in _blocks(message):
            kind = block.get("type")
            if kind == "tool_use":
                names[str(block.get("id"))] = str(block.get("name"))
            elif kind == "tool_result" and steps:
                steps[-1] += (_result(block, names),)
            elif message["role"] == "user" and (text := _typed(block)):
                typed.append(text)
                steps.clear()
    return Prompt(typed[-1] if typed else "", tuple(typed[:-1]), tuple(steps))


def _blocks(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content", "")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _typed(block: Mapping[str, Any]) -> str:
    """The text of `block` without what the CLI adds; "" where nobody typed anything."""
    text = _REMINDER.sub("", str(block.get("text", ""))).strip()
    return "" if text.startswith(_INTERRUPTED) else text


def _result(block: Mapping[str, Any], names: Mapping[str, str]) -> ToolResult:
    call_id = str(block.get("tool_use_id"))
    return ToolResult(
        call_id, names.get(call_id, ""), text_of(block.get("content")), bool(block.get("is_error"))
    )


def text_of(content: object) -> str:
    """The text of a message's or tool result's content, which is a string or a list of blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(str(block["text"]) for block in content if block.get("type") == "text")
