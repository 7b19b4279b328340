"""What a project's settings, servers and definitions do, read from what stands in them. Pure.

A hook, a helper (`apiKeyHelper` and its kin) and an MCP server are commands that run unasked;
an agent, a command or a skill can name such in its front matter (seen on Claude Code 2.1.330)."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sessiontree.model.trust import Does

Act = tuple[Does, str, str]
"""What is done, by what name, with what words; untrusted text."""

_SECRET = re.compile("key|token|secret|password|auth", re.IGNORECASE)
_RUN_BY_NAME = ("Helper", "Refresh", "Export")  # e.g. apiKeyHelper, awsAuthRefresh
_WIDENING = ("allow", "additionalDirectories")
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_FRONT_RUNS = re.compile(r"(?<![^\s{,])[\"']?(?:hooks|mcpServers)[\"']?\s*:.*", re.DOTALL)
_FRONT_ALLOWS = re.compile(r"^allowed-tools\s*:(.*(?:\n\s+.*)*)", re.MULTILINE)
_BODY_RUNS = re.compile(r"!`([^`]+)`|^```!\n(.*?)^```", re.DOTALL | re.MULTILINE)


def settings(data: Mapping[str, Any]) -> Iterator[Act]:
    """What a settings file does: every key of it, so that none is left out for being new."""
    for key, value in data.items():
        if isinstance(value, dict) and key in _NESTED:
            for name, item in value.items():
                yield from _NESTED[key](name, item)
        elif key != "$schema":
            yield from _called(key, value)


def servers(data: Mapping[str, Any]) -> Iterator[Act]:
    """What an `.mcp.json` does."""
    named = data.get("mcpServers")
    for name, server in (named if isinstance(named, dict) else {"": data}).items():
        yield from _called(f"MCP server {name}", server)


def _hook(event: str, groups: Any) -> Iterator[Act]:
    yield from _called(f"hook {event}", groups)


def _variable(name: str, value: Any) -> Iterator[Act]:
    """An address is shown, whatever the variable is called: it is where a key may be sent."""
    hidden = _SECRET.search(name) and not str(value).startswith("http")
    yield Does.SETS, name, "(not shown)" if hidden else _text(value)


def _permission(name: str, rules: Any) -> Iterator[Act]:
    if name in _WIDENING and isinstance(rules, list):
        yield from ((Does.ALLOWS, name, str(rule)) for rule in rules)
    elif name not in ("deny", "ask"):
        yield Does.SETS, name, _text(rules)


_NESTED = {"hooks": _hook, "env": _variable, "permissions": _permission}


def _called(name: str, value: Any) -> Iterator[Act]:
    """The commands and addresses in a value; all of it where there is none."""
    found = [(does, name, text) for does, text in calls({name: value})]
    yield from found or [(Does.SETS, name, _text(value))]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def calls(value: Any) -> list[tuple[Does, str]]:
    """Every command and address in a JSON value, in its order. No deeper than JSON was read."""
    found: list[tuple[Does, str]] = []
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            if isinstance(command := at.get("command"), str):
                args = at.get("args")
                words = [str(one) for one in args] if isinstance(args, list) else []
                found.append((Does.RUNS, " ".join([command, *map(shlex.quote, words)])))
            if isinstance(url := at.get("url"), str):
                found.append((Does.CONNECTS, url))
            helpers = [v for k, v in at.items() if k.endswith(_RUN_BY_NAME) and isinstance(v, str)]
            found += [(Does.RUNS, helper) for helper in helpers]
            waiting += reversed(list(at.values()))
        elif isinstance(at, list):
            waiting += reversed(at)
    return found


def definition(text: str, suffix: str) -> Iterator[tuple[Does, str]]:
    """What an agent, a command, a skill … does when it is used."""
    if suffix == ".json":
        try:
            yield from calls(json.loads(text))
        except (ValueError, RecursionError):
            yield Does.SETS, text
        return
    if suffix != ".md":
        yield Does.TELLS, ""
        return
    front = _FRONT.match(text)
    head = front[1] if front else ""
    if runs := _FRONT_RUNS.search(head):
        yield Does.RUNS, runs[0]
    for allows in _FRONT_ALLOWS.finditer(head):
        yield Does.ALLOWS, allows[1]
    for command in _BODY_RUNS.finditer(text):
        yield Does.RUNS, command[1] or command[2]
    yield Does.TELLS, ""


def without(data: dict[str, Any], granted: Collection[str]) -> dict[str, Any]:
    """Settings without the permissions that the person gave from here."""
    permissions = data.get("permissions")
    if not isinstance(permissions, dict):
        return data
    left = {}
    for name, rules in permissions.items():
        if name in _WIDENING and isinstance(rules, list):
            rules = [rule for rule in rules if not (isinstance(rule, str) and rule in granted)]
        if rules not in ([], {}):
            left[name] = rules
    rest = {key: value for key, value in data.items() if key != "permissions"}
    return {**rest, "permissions": left} if left else rest
