"""The agent has a plan: read it, then let it go on, or send it back with words."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from sessiontree.model.run import Allow, Answer, Ask, Deny
from sessiontree.ui.dialogs.base import Dialog, Option, Options

MOST = 60_000
"""Characters of a plan that are laid out."""


class PlanDialog(Dialog[Answer | None]):
    guarded = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "deny", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(self, ask: Ask, label: str) -> None:
        super().__init__()
        self.ask = ask
        self._label = label

    def title_content(self) -> Content:
        return Content.assemble((f"‹{self._label}› ", "$text-muted"), ("has a plan", "bold"))

    def body(self) -> ComposeResult:
        from textual.widgets import Markdown  # 0.1 s, and not every person meets a plan

        plan = plan_text(self.ask)
        if plan:
            yield Markdown(plan[:MOST], open_links=False)
        else:
            yield Static(Content("The plan came without a text. It may stand in the stream."))
        if len(plan) > MOST:
            yield Static(Content(f"… {len(plan) - MOST:,} more characters"), classes="note")

    def foot(self) -> ComposeResult:
        always = [
            Option(str(number), f"go on, and {suggestion.words}")
            for number, suggestion in enumerate(self.ask.suggestions[:9], 1)
        ]
        yield Options(
            [
                Option("k", "keep planning"),
                Option("m", "keep planning, and say what to change …"),
                Option("a", "go on with this plan; tools are asked for as before"),
                *always,
                Option("l", "look first: leave it waiting (@ comes back)"),
            ]
        )
        reason = Input(placeholder="what to change; Enter sends it", id="reason")
        reason.display = False
        yield reason

    def on_mount(self) -> None:
        self.query(Options).focus()

    def action_deny(self) -> None:
        if not self.too_early:
            self.dismiss(Deny("Keep planning."))

    def on_options_picked(self, message: Options.Picked) -> None:
        message.stop()
        if self.too_early:
            return
        match message.key:
            case "k":
                self.action_deny()
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
        self.dismiss(Deny(message.value or "Keep planning."))


def plan_text(ask: Ask) -> str:
    """The plan, clean; "" where none came along."""
    plan = ask.input.get("plan")
    return plan if isinstance(plan, str) else ""
