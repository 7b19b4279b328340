"""What a `user` line of a transcript is: typed by a person, or one of the many other things that
Claude Code writes under that name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """What an entry is to the conversation."""

    PROMPT = 0
    """Typed by a person: a turn begins."""
    COMMAND = 1
    """A command that Claude Code itself carried out (`/compact`): no turn."""
    ASSISTANT = 2
    ANSWER = 3
    """Results of tool calls."""
    INTERRUPTED = 4
    NOTIFIED = 5
    """A message that the harness sent, e.g. that a background task is over."""
    META = 6
    """Another user line that nobody typed: a summary, a caveat, a command's output."""
    BOUNDARY = 7
    """The conversation was compacted here."""
    SYSTEM = 8
    OTHER = 9
    """An attachment, progress, a kind of a later release: only a link between the others."""


INTERRUPTED = "[Request interrupted by user"

_STARTS = (
    (INTERRUPTED, Kind.INTERRUPTED),
    ("<command-name>", Kind.COMMAND),  # a prompt command starts with <command-message> instead
    ("<bash-input>", Kind.PROMPT),  # `!ls`: the model reads it and may answer
    ("<local-command-", Kind.META),
    ("<bash-stdout>", Kind.META),
    ("<bash-stderr>", Kind.META),
    ("<task-notification>", Kind.NOTIFIED),
    ("<teammate-message", Kind.NOTIFIED),
)
_MARKS = ("<", "[")
"""What they all begin with."""
_CONTEXT = ("<system-reminder>", "<ide_")
"""Text blocks that begin so stand beside the prompt and are not part of what was typed."""

_TAG = r"<{0}>(.*?)</{0}>"
_COMMAND = re.compile(_TAG.format("command-name"), re.DOTALL)
_ARGUMENTS = re.compile(_TAG.format("command-args"), re.DOTALL)
_BASH = re.compile(_TAG.format("bash-input"), re.DOTALL)


def kind_of(
    content: object, *, meta: bool = False, hidden: bool = False, sent: bool = False
) -> Kind:
    """What a line of type `user` is, by the content of its message. `meta`: it says that nobody
    typed it; `hidden`: that the model does not see it; `sent`: that the harness or another agent
    did."""
    if meta:
        return Kind.META
    if isinstance(content, list):
        if any(block.get("type") == "tool_result" for block in blocks(content)):
            return Kind.ANSWER
    elif not isinstance(content, str):
        return Kind.OTHER
    if hidden:
        return Kind.META
    text = text_of(content).lstrip()
    if text.startswith(_MARKS):
        for start, kind in _STARTS:
            if text.startswith(start):
                return kind
    if sent:
        return Kind.NOTIFIED
    return Kind.PROMPT if text or has_images(content) else Kind.META


def text_of(content: object) -> str:
    """The text of a message's content, without what was put beside it by the CLI or an editor."""
    if isinstance(content, str):
        return content
    texts = [text for text in texts_of(content) if not text.lstrip().startswith(_CONTEXT)]
    return "\n".join(texts)


def typed(content: object) -> str:
    """What a person typed: a command in the form in which it was given."""
    text = text_of(content)
    start = text.lstrip()
    if start.startswith(("<command-message>", "<command-name>")):
        name, arguments = _COMMAND.search(text), _ARGUMENTS.search(text)
        if name:
            words = [part[1].strip() for part in (name, arguments) if part]
            return " ".join(word for word in words if word)
    elif start.startswith("<bash-input>") and (bash := _BASH.search(text)):
        return "!" + bash[1].strip()
    return text


def blocks(content: object) -> Iterator[dict[str, Any]]:
    """The blocks of a message's content, whatever else stands among them."""
    if isinstance(content, list):
        for block in content:
            if isinstance(block, dict):
                yield block


def texts_of(content: object) -> Iterator[str]:
    for block in blocks(content):
        text = block.get("text")
        if block.get("type") == "text" and isinstance(text, str):
            yield text


def has_images(content: object) -> bool:
    return any(block.get("type") in ("image", "document") for block in blocks(content))
