"""May this tool be used? The whole input, the CLI's own 'always' choices, deny in focus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from sessiontree.model.run import Allow, Answer, Ask, Deny, Mode
from sessiontree.ui.dialogs.base import Dialog, Option, Options

MOST = 20_000
"""Characters of one input field that are laid out; what is beyond is counted, in words."""


class PermissionDialog(Dialog[Answer | None]):
    """Dismissed with an answer, or None when it is put aside and the run goes on waiting."""

    guarded = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "deny", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(self, ask: Ask, label: str, waiting: int) -> None:
        super().__init__()
        self.ask = ask
        self._label = label
        self._waiting = waiting

    def title_content(self) -> Content:
        who = " (a subagent)" if self.ask.agent else ""
        more = f"   {self._waiting} more waiting" if self._waiting else ""
        return Content.assemble(
            (f"‹{self._label}›{who} ", "$text-muted"),
            (self.ask.title or f"wants to use {self.ask.tool}", "bold"),
            (more, "$text-warning"),
        )

    def body(self) -> ComposeResult:
        yield Static(input_content(self.ask.input))
        if self.ask.reason and not any(self.ask.reason in str(v) for v in self.ask.input.values()):
            yield Static(Content(self.ask.reason), classes="note")

    def foot(self) -> ComposeResult:
        always = [
            Option(str(number), suggestion.words, danger=suggestion.mode is Mode.BYPASS)
            for number, suggestion in enumerate(self.ask.suggestions[:9], 1)
        ]
        yield Options(
            [
                Option("d", "deny"),
                Option("m", "deny, and say why …"),
                Option("a", "allow this once"),
                *always,
                Option("l", "look first: leave it waiting (@ comes back)"),
            ]
        )
        reason = Input(placeholder="what to do instead; Enter sends it", id="reason")
        reason.display = False
        yield reason

    def on_mount(self) -> None:
        self.query(Options).focus()

    def action_deny(self) -> None:
        if not self.too_early:
            self.dismiss(Deny())

    def on_options_picked(self, message: Options.Picked) -> None:
        message.stop()
        if self.too_early:
            return
        match message.key:
            case "d":
                self.dismiss(Deny())
            case "m":
                reason = self.query_one("#reason", Input)
                reason.display = True
                self.fit()
                reason.focus()
            case "a":
                self.dismiss(Allow())
            case "l":
                self.dismiss(None)
            case number:
                self.dismiss(Allow(always=(int(number) - 1,)))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.dismiss(Deny(message.value))


def input_content(data: Mapping[str, Any]) -> Content:
    """Every field of a tool's input, named; nothing is left out without a word."""
    parts: list[Content] = []
    for name, value in data.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        hidden = len(text) - MOST
        if hidden > 0:
            text = f"{text[:MOST]}\n… {hidden:,} more characters, not shown here"
        title = Content(name).stylize("$text-muted")
        gap = "\n" if "\n" in text else "  "
        parts.append(title + Content(gap + text))
    return Content("\n").join(parts)
