"""What came of a session: its last answer, the files it changed, what was left open. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sessiontree.model.edits import file_of
from sessiontree.model.event import CallState, Event, Prompt, Text, ToolCall
from sessiontree.model.text import label

_DONE = ("completed", "deleted")
_CREATED = re.compile(r"Task #(\S+) created successfully")


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`answer` is what was said last, behind the last tool call. `files`, the first changed
    first, are as the calls name them; what a command changed nobody says. `open` are one line
    each."""

    answer: str = ""
    files: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing came of it: an open point alone is no outcome."""
        return not self.answer and not self.files


def conclusion(events: Iterable[Event], first: str = "") -> Conclusion:
    """What came of a session by its events, counted from the turn `first` on (its canonical id;
    "": from the beginning). Linear."""
    said: list[str] = []
    goes_on = False  # whether a text belongs to those before it
    unanswered = ""
    files: dict[str, None] = {}
    points = _Points()
    counts = not first
    for event in events:
        counts = counts or event.key == first
        if not counts:
            continue
        match event:
            case Prompt(depth=0):
                unanswered, goes_on = event.text, False
            case Text(depth=0) if event.text.strip():
                said = [*(said if goes_on else ()), event.text.strip()]
                unanswered, goes_on = "", True
            case ToolCall():
                goes_on = goes_on and event.depth > 0
                if event.state is CallState.OK and (file := file_of(event)):
                    files[file] = None
                points.take(event)
    if unanswered:
        points.others.append(f"not answered: {label(unanswered)}")
    return Conclusion("\n\n".join(said), tuple(files), tuple(points.left()))


class _Points:
    """What is on the lists that the agent keeps, as Claude Code 2.1.330 writes them: `TodoWrite`
    replaces the whole list, `TaskCreate` and `TaskUpdate` change one task."""

    def __init__(self) -> None:
        self.others: list[str] = []
        self._todos: list[str] = []
        self._tasks: dict[str, tuple[str, bool]] = {}  # id → what it is, whether it is done
        self._asked: dict[str, bool] = {}  # question → whether it was answered

    def take(self, call: ToolCall) -> None:
        ok = call.state is CallState.OK
        match call.tool:
            case "TodoWrite" if ok and not call.depth:  # a subagent's list is its own
                todos = _mappings(call.input.get("todos"))
                self._todos = [_line(one, "content") for one in todos if not _is_done(one)]
            case "TaskCreate" if ok and (made := _CREATED.search(call.output)):
                self._tasks[made[1]] = (_line(call.input, "subject"), False)
            case "TaskUpdate" if ok:
                id = str(call.input.get("taskId"))
                if id in self._tasks:
                    subject = _line(call.input, "subject") or self._tasks[id][0]
                    done = _is_done(call.input) if "status" in call.input else self._tasks[id][1]
                    self._tasks[id] = (subject, done)
            case "AskUserQuestion":
                for asked in _mappings(call.input.get("questions")):
                    self._asked[_line(asked, "question")] = ok

    def left(self) -> list[str]:
        tasks = [subject for subject, done in self._tasks.values() if not done]
        asked = [f"a question that nobody answered: {q}" for q, ok in self._asked.items() if not ok]
        return [*filter(None, self._todos), *filter(None, tasks), *asked, *self.others]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _is_done(item: Mapping[str, Any]) -> bool:
    return item.get("status") in _DONE


def _line(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return label(value) if isinstance(value, str) else ""
