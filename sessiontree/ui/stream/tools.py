"""How each tool's call reads: what it is about in a line, and what stands below that.

A new tool gets a function here and a row in `_TOOLS`; until then it is shown by the names and
values of its input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sessiontree.model import edits
from sessiontree.model.event import CallState, ToolCall
from sessiontree.model.text import clean_line, path_from
from sessiontree.ui.stream import body, words
from sessiontree.ui.stream.body import NOTHING, Body
from sessiontree.ui.stream.inline import inline
from sessiontree.ui.stream.line import Line, Piece, Pieces


@dataclass(frozen=True, slots=True)
class Shown:
    """`what`: the call in a line. `note`: what came of it, in a few cells at the right. `folded`:
    how many lines of the body are shown while the call is folded. `full`: the input in full, for
    when it is unfolded."""

    what: str
    note: Pieces = ()
    body: Body = NOTHING
    folded: int = 0
    full: Body = NOTHING


def shown(call: ToolCall, cwd: str) -> Shown:
    """What to show of a call, finished or not, whatever its input holds."""
    describe = _TOOLS.get(call.tool, _any)
    if call.state is CallState.FAILED and call.output:
        seen = describe(call, cwd)
        error = body.output(_error(call.output), style="output", end=0.5)
        return Shown(seen.what, body=error, folded=6, full=seen.full)
    return describe(call, cwd)


def name(call: ToolCall) -> str:
    """The tool's name; of one from an MCP server, the server's name and its own."""
    if call.tool.startswith("mcp__"):
        return " ".join(part for part in call.tool.split("__")[1:] if part) or call.tool
    return call.tool or "result"


def _bash(call: ToolCall, cwd: str) -> Shown:
    command = _text(call, "command")
    lines = command.strip("\n").split("\n")
    full = body.code(command, "bash") if len(lines) > 1 else NOTHING
    what = lines[0].rstrip("\\ ") + " …" if len(lines) > 1 else command
    note = (Piece("in the background", "muted"),) if call.input.get("run_in_background") else ()
    return Shown(what, note, body.output(call.output, end=0.6), folded=5, full=full)


def _read(call: ToolCall, cwd: str) -> Shown:
    first, count = call.input.get("offset"), call.input.get("limit")
    where = ""
    if isinstance(first, int) or isinstance(count, int):
        start = first if isinstance(first, int) else 1
        where = f":{start}" + (f"-{start + count - 1}" if isinstance(count, int) else "")
    read = call.output.rstrip("\n")
    note = (Piece(words.counted(read.count("\n") + 1, "line"), "muted"),) if read else ()
    return Shown(_path(call, cwd) + where, note, body.output(call.output))


def _write(call: ToolCall, cwd: str) -> Shown:
    changed = edits.patched(call.details)
    if changed:
        return Shown(_path(call, cwd), _count(changed), body.changes(changed), folded=16)
    content = _text(call, "content")
    typed = call.state is CallState.TYPED
    written = body.code(content, _path(call, ""), end=typed)
    note = (Piece(f"+{written.total:,}", "added"),) if written.total else ()
    return Shown(_path(call, cwd), note, written, folded=8)


def _edit(call: ToolCall, cwd: str) -> Shown:
    changed = edits.changes(call)
    return Shown(_path(call, cwd), _count(changed), body.changes(changed), folded=16)


def _notebook(call: ToolCall, cwd: str) -> Shown:
    source = body.code(_text(call, "new_source"), "python")
    return Shown(_path(call, cwd), body=source, folded=8)


def _search(call: ToolCall, cwd: str) -> Shown:
    what = _text(call, "pattern")
    if where := _text(call, "path"):
        what += f"  in {path_from(where, cwd)}"
    if glob := _text(call, "glob"):
        what += f"  {glob}"
    return Shown(what, _found(call), body.output(call.output))


def _found(call: ToolCall) -> Pieces:
    """How much a search found: what the CLI counted, else the lines of its answer."""
    if call.state is not CallState.OK:
        return ()
    files, lines = call.details.get("numFiles"), call.details.get("numLines")
    if call.details.get("mode") == "content" and isinstance(lines, int):
        return (Piece(words.counted(lines, "line"), "muted"),)
    if isinstance(files, int):
        return (Piece(words.counted(files, "file"), "muted"),)
    output = call.output.strip()
    if not output or output.startswith("No "):
        return (Piece("nothing", "muted"),)
    return (Piece(words.counted(output.count("\n") + 1, "line"), "muted"),)


def _agent(call: ToolCall, cwd: str) -> Shown:
    what = _text(call, "description") or _text(call, "prompt")
    kind = _text(call, "subagent_type")
    note = (Piece(kind, "muted"),) if kind else ()
    full = body.markdown(_text(call, "prompt"))
    return Shown(what, note, body.markdown(call.output), full=full)


def _todos(call: ToolCall, cwd: str) -> Shown:
    todos = call.input.get("todos")
    items = [todo for todo in todos if isinstance(todo, Mapping)] if isinstance(todos, list) else []
    done = sum(todo.get("status") == "completed" for todo in items)
    what = f"{done} of {len(items)} done" if items else ""
    return Shown(what, body=body.lines(map(_todo, items)), folded=20)


def _todo(todo: Mapping[str, Any]) -> Line:
    status = _of(todo, "status")
    box, style = _BOXES.get(status, ("☐ ", ""))
    text = _of(todo, "activeForm") if status == "in_progress" else ""
    text, spans = inline(clean_line(text or _of(todo, "content")))
    return Line(text, spans, lead=(Piece(box, style),), hang=(Piece("  "),), style=style)


_BOXES = {"completed": ("☑ ", "muted"), "in_progress": ("▶ ", "strong")}


def _web(call: ToolCall, cwd: str) -> Shown:
    what = _text(call, "url") or _text(call, "query")
    full = body.output(_text(call, "prompt"))
    return Shown(what, body=body.markdown(call.output), folded=3, full=full)


def _question(call: ToolCall, cwd: str) -> Shown:
    questions = call.input.get("questions")
    asked = [_of(question, "question") for question in _mappings(questions)]
    return Shown(" · ".join(asked), body=body.output(call.output), folded=6)


def _plan(call: ToolCall, cwd: str) -> Shown:
    return Shown("the plan", body=body.markdown(_text(call, "plan") or call.output), folded=24)


def _skill(call: ToolCall, cwd: str) -> Shown:
    what = _text(call, "skill") or _text(call, "command")
    return Shown(f"{what} {_text(call, 'args')}".strip(), body=body.output(call.output))


def _any(call: ToolCall, cwd: str) -> Shown:
    pairs = [f"{key}={_value(value, cwd)}" for key, value in call.input.items()]
    full = NOTHING
    if any(isinstance(value, str) and "\n" in value for value in call.input.values()):
        full = body.output(_spelled(call.input))
    return Shown("  ".join(pairs), body=body.output(call.output), folded=4, full=full)


def _value(value: object, cwd: str) -> str:
    if isinstance(value, str):
        return clean_line(path_from(value[:200], cwd)) if value else '""'
    return json.dumps(value, ensure_ascii=False, default=str)[:200]


def _spelled(given: Mapping[str, Any]) -> str:
    """An input with each value on lines of its own."""
    return "\n".join(
        f"{key}:\n{value}" if isinstance(value, str) and "\n" in value else f"{key}: {value}"
        for key, value in given.items()
    )


def _count(changed: list[edits.Change]) -> Pieces:
    added, removed = edits.counts(changed)
    plus = [Piece(f"+{added:,}", "added")] if added else []
    minus = [Piece(f"−{removed:,}", "removed")] if removed else []
    gap = [Piece(" ")] if plus and minus else []
    return tuple(plus + gap + minus)


def _path(call: ToolCall, cwd: str) -> str:
    for key in ("file_path", "notebook_path", "path"):
        if text := _text(call, key):
            return path_from(text, cwd)
    return ""


def _text(call: ToolCall, key: str) -> str:
    return _of(call.input, key)


def _of(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    return value if isinstance(value, str) else ""


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


_ERROR = re.compile(r"\s*<tool_use_error>(.*?)</tool_use_error>\s*", re.DOTALL)


def _error(text: str) -> str:
    """What went wrong, without the tags that Claude Code puts around it for the model."""
    found = _ERROR.fullmatch(text)
    return found[1] if found else text


_TOOLS: dict[str, Callable[[ToolCall, str], Shown]] = {
    "Bash": _bash,
    "Read": _read,
    "Write": _write,
    "Edit": _edit,
    "MultiEdit": _edit,
    "NotebookEdit": _notebook,
    "Grep": _search,
    "Glob": _search,
    "Task": _agent,
    "Agent": _agent,
    "TodoWrite": _todos,
    "WebFetch": _web,
    "WebSearch": _web,
    "AskUserQuestion": _question,
    "ExitPlanMode": _plan,
    "Skill": _skill,
}
