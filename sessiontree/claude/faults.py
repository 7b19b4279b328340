"""What went wrong with a run, as a sentence that says what happened and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import claude_agent_sdk as sdk

from sessiontree.model.run import Plan
from sessiontree.model.text import clean_line

_ERROR_KINDS = {
    "authentication_failed": "Claude Code is not logged in, or the key was refused. "
    "Run `claude` and type /login, or set ANTHROPIC_API_KEY, then try again.",
    "billing_error": "The account cannot pay for this request. Mend that, then try again.",
    "rate_limit": "The rate limit is reached. Wait a little, then try again.",
    "server_error": "The API has trouble. Wait a little, then try again.",
}
"""By `AssistantMessage.error`, claude-agent-sdk 0.2.187."""

MOST = 300
"""Characters kept of a text that a process or server gave as its reason."""


def words(error: BaseException, plan: Plan, stderr: Sequence[str]) -> str:
    """A sentence for an exception that ended a run."""
    said = " ".join([str(error), *stderr])
    if isinstance(error, sdk.CLINotFoundError):
        return (
            "Claude Code was not found. Reinstall claude-agent-sdk, which brings it, "
            "or set SESSIONTREE_CLI to where it is."
        )
    if "Working directory does not exist" in said:
        return f"The folder {plan.cwd} is gone. Make it again, or go on from another folder."
    if "No conversation found" in said:
        return (
            "Claude Code no longer has this session's transcript. "
            "It can still be read here if it is archived; start a new session to go on."
        )
    if "already in use" in said:
        return "Another Claude Code process has this session open. Fork it, or close that one."
    if isinstance(error, sdk.ProcessError) and (error.exit_code or 0) < 0:
        return (
            f"Claude Code was ended from outside (signal {-(error.exit_code or 0)}). "
            "What had arrived is kept; try again to go on."
        )
    return f"Claude Code ended with an error: {_short(said)}"


def api_words(heard: sdk.AssistantMessage) -> str:
    """A sentence for an API error that the CLI gives in the assistant's place."""
    said = _short(" ".join(b.text for b in heard.content if isinstance(b, sdk.TextBlock)))
    help_ = _ERROR_KINDS.get(heard.error or "", "")
    return f"{said.rstrip('.')}. {help_}".strip(". ") + "." if help_ else said


def result_words(result: sdk.ResultMessage) -> str:
    """A sentence for a result that says it is an error."""
    reason = result.result or "; ".join(result.errors or ()) or result.subtype
    if result.subtype == "error_max_turns":
        return "It reached the limit of turns for one run. Continue to go on."
    return f"The run failed: {_short(reason)}"


def no_result(stderr: Sequence[str]) -> str:
    """The CLI went away without a result."""
    reason = f" It said: {_short(' '.join(stderr))}" if stderr else ""
    return f"Claude Code ended before it was done.{reason} What had arrived is kept; try again."


def _short(text: str) -> str:
    line = clean_line(text)
    return line if len(line) <= MOST else line[: MOST - 1] + "…"
