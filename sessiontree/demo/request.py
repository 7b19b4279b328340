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
_PLAN_FILE = re.compile(
    r"(?:your plan|file already exists|file exists) at (\S.*?[/\\]plans[/\\]\S+?\.md)"
)
_PLANNED = re.compile("Exited Plan Mode|User has approved")
_NOT_TYPED = (
    "[Request interrupted by user",
    "This session is being continued from",  # after a compaction
    "<command-name>",
    "<local-command-",
    "Caveat: The messages below",
)
_SUMMARY = "CRITICAL: Respond with TEXT ONLY"


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
        told = "\n".join(
            str(block.get("text") or text_of(block.get("content")))
            for message in self.body.get("messages", ())
            for block in _blocks(message)
        )
        found = _PLAN_FILE.findall(_PLANNED.split(told)[-1])
        return str(found[-1]) if found else ""

    @property
    def is_side(self) -> bool:
        """True for what the CLI asks for itself. Such requests come without tools (a title, a
        probe of the quota, a summary of a web page), but for the one that compacts."""
        return not self.body.get("tools") or self.prompt.startswith(_SUMMARY)


def prompt_of(body: Mapping[str, Any]) -> Prompt:
    """The last typed prompt in the body of a request and what followed it."""
    typed: list[str] = []
    steps: list[tuple[ToolResult, ...]] = []
    calls: dict[str, str] = {}  # id → name of the tool, in the order of the calls
    for message in body.get("messages", ()):
        role, blocks = message.get("role"), _blocks(message)
        if role == "assistant":
            steps.append(())
            calls |= {block["id"]: block["name"] for block in blocks if "name" in block}
        elif role == "user":
            if steps:
                steps[-1] += _results(blocks, calls)
            if prompts := [text for block in blocks if (text := _typed(block))]:
                typed += prompts
                steps.clear()
    return Prompt(typed[-1] if typed else "", tuple(typed[:-1]), tuple(steps))


def _blocks(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content", "")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _typed(block: Mapping[str, Any]) -> str:
    """The text of `block` without what the CLI adds; "" where nobody typed anything."""
    text = _REMINDER.sub("", str(block.get("text", ""))).strip()
    return "" if text.startswith(_NOT_TYPED) else text


def _results(
    blocks: Sequence[Mapping[str, Any]], calls: Mapping[str, str]
) -> tuple[ToolResult, ...]:
    """The tool results among `blocks`, in the order of the calls; they come as they finish."""
    results = {block["tool_use_id"]: block for block in blocks if "tool_use_id" in block}
    return tuple(
        ToolResult(call, name, text_of(result.get("content")), bool(result.get("is_error")))
        for call, name in calls.items()
        if (result := results.get(call))
    )


def text_of(content: object) -> str:
    """The text of a message's or tool result's content, which is a string or a list of blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(str(block["text"]) for block in content if block.get("type") == "text")
