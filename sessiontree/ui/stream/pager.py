"""One event in full: rendered with nothing folded, or as the data that it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from sessiontree.model.event import Event, Prompt, Text, ToolCall, fields
from sessiontree.ui.modal import Modal
from sessiontree.ui.stream.draw import Source
from sessiontree.ui.stream.limits import PAGER, without_encoded
from sessiontree.ui.stream.tools import name
from sessiontree.ui.stream.view import StreamView

_HINT = "esc close   r {}   y copy   ↑ ↓ pgup pgdn"


class EventPager(Modal[None]):
    """Shows one event until it is closed. `cwd`: paths are shown from there."""

    DEFAULT_CSS = """
    EventPager {
        align: center middle;
        & > Vertical {
            width: 100%;
            height: 100%;
            margin: 1 2;
            background: $background;
            border: round $foreground 30%;
            border-title-color: $foreground;
        }
        .hint { color: $foreground 60%; padding: 0 1; height: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "Close"),
        Binding("r", "raw", "Raw"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, event: Event, *, cwd: str = "") -> None:
        super().__init__()
        self._event = event
        self._cwd = cwd
        self._is_raw = False

    def compose(self) -> ComposeResult:
        with Vertical():
            yield StreamView(opened=self._left, limits=PAGER, unfolded=True)
            yield Static(classes="hint")

    def on_mount(self) -> None:
        self._show()
        self.query_one(StreamView).focus()

    def action_raw(self) -> None:
        self._is_raw = not self._is_raw
        self._show()

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._raw() if self._is_raw else _text(self._event))
        self.notify("Copied", timeout=2)

    def _left(self, _: Event) -> None:
        self.action_close()

    def action_close(self) -> None:
        self.dismiss(None)

    def _show(self) -> None:
        view = self.query_one(StreamView)
        event = replace(self._event, depth=0)
        if self._is_raw:
            event = Source(key=event.key, text=without_encoded(self._raw()), language="json")
        view.show([event], key=(event.key, self._is_raw), cwd=self._cwd)
        view.action_scroll_home()
        self.query_one(".hint", Static).update(
            Content(_HINT.format("rendered" if self._is_raw else "raw"))
        )
        self.query_one(Vertical).border_title = Content(_title(self._event))

    def _raw(self) -> str:
        data = {"event": type(self._event).__name__, **fields(self._event)}
        return json.dumps(data, ensure_ascii=False, indent=2, default=str)


def _title(event: Event) -> str:
    match event:
        case Prompt():
            return f"Prompt {event.number}" if event.number else "Task"
        case ToolCall():
            return name(event)
        case Text():
            return "Reply"
    return type(event).__name__


def _text(event: Event) -> str:
    """What a person copies of an event."""
    if isinstance(event, ToolCall):
        given = json.dumps(dict(event.input), ensure_ascii=False, indent=2, default=str)
        return f"{event.tool}\n{given}\n\n{event.output}".rstrip()
    return getattr(event, "text", "")
