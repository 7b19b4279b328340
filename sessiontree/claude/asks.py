"""The SDK's permission calls → questions for a person, and the answers back."""

from __future__ import annotations

import uuid
from typing import Any, cast

import claude_agent_sdk as sdk
from claude_agent_sdk.types import PermissionUpdate

from sessiontree.model.run import Allow, Answer, Ask, AskKind, Grants, Mode, Suggestion
from sessiontree.model.text import clean, clean_line

_KINDS = {"AskUserQuestion": AskKind.QUESTION, "ExitPlanMode": AskKind.PLAN}
_KEPT = {
    "userSettings": "kept in your settings",
    "projectSettings": "kept in this project's settings",
    "localSettings": "kept in this folder's local settings",
}
_PLAIN_DENIAL = "The person did not allow this. Stop here and ask what to do instead."


def ask(session: str, tool: str, data: Any, context: sdk.ToolPermissionContext) -> Ask:
    """The id is ours: the CLI's can be missing, or be there twice."""
    return Ask(
        id=uuid.uuid4().hex,
        session=session,
        kind=_KINDS.get(tool, AskKind.PERMISSION),
        tool=clean_line(tool),
        input=cleaned(data if isinstance(data, dict) else {"input": data}),
        title=clean_line(context.title or ""),
        reason=clean_line(context.decision_reason or context.description or ""),
        agent=clean_line(context.agent_id or ""),
        suggestions=tuple(_suggestion(update) for update in _updates(tool, context)),
    )


def permission(
    answer: Answer, tool: str, data: dict[str, Any], context: sdk.ToolPermissionContext
) -> sdk.PermissionResultAllow | sdk.PermissionResultDeny:
    """What the CLI is told. `data` is the input as it came: what was shown is a cleaned copy."""
    if not isinstance(answer, Allow):
        return sdk.PermissionResultDeny(message=answer.message or _PLAIN_DENIAL)
    offered = _updates(tool, context)
    updates = [offered[i] for i in answer.always if i < len(offered)]
    return sdk.PermissionResultAllow(
        updated_input={**data, "answers": dict(answer.answers)} if answer.answers else data,
        updated_permissions=updates or None,
    )


def _updates(tool: str, context: sdk.ToolPermissionContext) -> list[PermissionUpdate]:
    """What 'always' may mean here. The CLI offers nothing of its own for a plan (2.1.330)."""
    if _KINDS.get(tool) is AskKind.PLAN and not context.suggestions:
        return [PermissionUpdate(type="setMode", mode="acceptEdits", destination="session")]
    return context.suggestions


def cleaned(value: Any) -> Any:
    """A JSON value with every text in it, keys included, cleaned. Depth is the API's own."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_line(str(key)): cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    return value


def _suggestion(update: PermissionUpdate) -> Suggestion:
    lasting = update.destination in _KEPT
    kept = _KEPT.get(update.destination or "", "in this session")
    if update.type == "setMode" and update.mode in list(Mode):
        mode = Mode(cast(str, update.mode))
        return Suggestion(f"switch to ‹{mode.words}› ({kept})", mode=mode, lasting=lasting)
    if update.type == "addDirectories" and update.directories:
        folders = tuple(update.directories)
        words = f"always allow in {clean_line(', '.join(folders))} ({kept})"
        return Suggestion(words, Grants(folders=folders), lasting=lasting)
    if update.type == "addRules" and update.rules and update.behavior == "allow":
        rules = tuple(
            f"{rule.tool_name}({rule.rule_content})" if rule.rule_content else rule.tool_name
            for rule in update.rules
        )
        words = f"always allow {clean_line(', '.join(rules))} ({kept})"
        return Suggestion(words, Grants(rules), lasting=lasting)
    return Suggestion(f"{clean_line(update.type)} ({kept})")
