"""What an error of the API means, in a sentence of ours: the same for a run that is heard and for a
transcript that is read."""

from __future__ import annotations

from sessiontree.model.run import Reason
from sessiontree.model.text import clean_line

_KINDS = {
    "authentication_failed": "Claude Code is not logged in, or the key was refused. "
    "Run `claude` and type /login, or set ANTHROPIC_API_KEY, then try again.",
    "billing_error": "The account cannot pay for this request. Mend that, then try again.",
    "rate_limit": "The rate limit is reached. Wait a little, then try again.",
    "server_error": "The API has trouble. Wait a little, then try again.",
}
"""By `AssistantMessage.error` (claude-agent-sdk 0.2.187), which is also the `error` of a line in a
transcript (Claude Code 2.1.330)."""

MOST = 300
"""Characters kept of a text that a process or server gave as its reason."""


def of_api(kind: object, said: str) -> Reason:
    """For an error that Claude Code gives in the assistant's place."""
    text = _KINDS.get(kind, "") if isinstance(kind, str) else ""
    return Reason(text or "The API gave an error. Try again.", said)


def short(text: str) -> str:
    """A text on one line, clean; of a long one its two ends."""
    line = clean_line(text[: 40 * MOST] + text[40 * MOST :][-40 * MOST :])
    return line if len(line) <= MOST else f"{line[: MOST // 2]} … {line[-MOST // 2 :]}"
