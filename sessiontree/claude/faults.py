"""What went wrong with a run: a sentence of ours that says what happened and what to do, and what
Claude Code or the API said about it, kept apart since it may quote a message."""

from __future__ import annotations

from collections.abc import Sequence

import claude_agent_sdk as sdk

from sessiontree.claude import api_errors
from sessiontree.claude.api_errors import short
from sessiontree.claude.process import Silent
from sessiontree.model.run import Plan, Reason
from sessiontree.model.text import clean_line

_KEPT = "What had arrived is kept; try again."


def of(error: BaseException, plan: Plan, stderr: Sequence[str]) -> Reason:
    """For an exception that ended a run."""
    said = short(" ".join(stderr))
    everything = f"{error} {said}"
    if isinstance(error, sdk.CLINotFoundError):
        return Reason(
            "Claude Code was not found. Reinstall claude-agent-sdk, which brings it, "
            "or set SESSIONTREE_CLI to where it is."
        )
    if "Working directory does not exist" in everything:
        return Reason(
            f"The folder {clean_line(plan.cwd)} is gone. Make it again, or go on from another "
            "folder."
        )
    if "No conversation found" in everything:
        return Reason(
            "Claude Code no longer has this session's transcript. "
            "It can still be read here if it is archived; start a new session to go on."
        )
    if "already in use" in everything:
        return Reason("Another Claude Code process has this session open. Fork it, or close it.")
    if isinstance(error, Silent):
        return Reason(f"Claude Code closed its output and lived on, so it was ended. {_KEPT}", said)
    if isinstance(error, sdk.ResultError):
        return Reason("Claude Code ended with an error. Try again.", short(str(error)))
    if isinstance(error, sdk.ProcessError) and error.exit_code:
        return Reason(f"Claude Code {_exit(error.exit_code)}. {_KEPT}", said)
    if isinstance(error, sdk.CLIConnectionError):
        if "Failed to start" in str(error):
            return Reason("Claude Code could not be started.", short(str(error)))
        return no_result(stderr)
    if type(error) is Exception:  # what the SDK makes of an error that the CLI answers with
        return Reason("Claude Code gave an error. Try again.", short(str(error)))
    return Reason(f"Claude Code could not be understood ({type(error).__name__}). {_KEPT}")


def _exit(code: int) -> str:
    if code < 0:
        return f"was ended from outside (signal {-code})"
    return f"ended before it was done (exit code {code})"


def no_start(seconds: float, stderr: Sequence[str]) -> Reason:
    """The CLI is there and says nothing."""
    text = f"Claude Code did not answer within {seconds:.0f} s of its start, so it was ended."
    return Reason(f"{text} Try again.", short(" ".join(stderr)))


def no_result(stderr: Sequence[str]) -> Reason:
    """The CLI went away without a result."""
    return Reason(f"Claude Code ended before it was done. {_KEPT}", short(" ".join(stderr)))


def of_api(heard: sdk.AssistantMessage) -> Reason:
    """For an API error that the CLI gives in the assistant's place."""
    texts = (block.text for block in heard.content if isinstance(block, sdk.TextBlock))
    return api_errors.of_api(heard.error, short(" ".join(texts)))


def of_result(result: sdk.ResultMessage) -> Reason:
    """For a result that says it is an error."""
    if result.subtype == "error_max_turns":
        return Reason("It reached the limit of turns for one run. Continue to go on.")
    errors = result.errors if isinstance(result.errors, list) else []
    reason = result.result or "; ".join(map(str, errors)) or result.subtype
    return Reason("The run failed. Try again.", short(str(reason)))
