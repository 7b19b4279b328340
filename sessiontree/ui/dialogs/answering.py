"""What the dialogs share in which a run waits for a person's answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from sessiontree.model.run import Allow, Answer, Ask, Deny, Mode
from sessiontree.ui.dialogs.base import Dialog, Option, Options
from sessiontree.ui.stream.line import cut

MOST_LABEL = 40  # cells of a session's name
NAMED = 3
"""How many of the questions behind this one are named."""


class AskDialog(Dialog[Answer | None]):
    """Dismissed with an answer, or None when it is put aside and the run goes on waiting."""

    guarded = True

    def __init__(self, ask: Ask, label: str) -> None:
        super().__init__()
        self.ask = ask
        self._label = label
        self._behind = Content("")

    def put_behind(self, names: Sequence[str]) -> None:
        """Says which other questions wait, each by the name of its session."""
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        self._behind = Content(f"also waiting: {', '.join(names[:NAMED])}{more}" if names else "")
        for line in self.query("#behind").results(Static):  # none until it is on screen
            line.update(self._behind)
            line.display = bool(self._behind)
            self.fit()

    def title_of(self, words: str, who: str = "") -> Content:
        """Whose question it is, and what; in few lines: what is asked for needs the room."""
        label = cut(self._label, MOST_LABEL)
        return Content.assemble((f"‹{label}›{who} ", "$text-muted"), (words, "bold"))

    def foot(self) -> ComposeResult:
        yield from self.choices()
        behind = Static(self._behind, id="behind", classes="note")
        behind.display = bool(self._behind)
        yield behind

    def choices(self) -> ComposeResult:
        yield from ()


class ConsentDialog(AskDialog):
    """Yes or no, with the no in focus; and what is allowed along with the yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "deny", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    no = Option("d", "deny")
    but = Option("m", "deny, and say why …")
    yes = Option("a", "allow this once")
    always = "{}"  # around the words of a suggestion
    told = ""  # what the agent is told where the person says nothing
    placeholder = "what to do instead; Enter sends it"

    def choices(self) -> ComposeResult:
        always = [
            Option(str(n), self.always.format(one.words), danger=one.mode is Mode.BYPASS)
            for n, one in enumerate(self.ask.suggestions[:9], 1)
        ]
        aside = Option("l", "look first: leave it waiting (@ comes back)")
        yield Options([self.no, self.but, self.yes, *always, aside])
        reason = Input(placeholder=self.placeholder, id="reason")
        reason.display = False
        yield reason

    def on_mount(self) -> None:
        self.query(Options).focus()

    def action_deny(self) -> None:
        if not self.too_early:
            self.dismiss(Deny(self.told))

    def on_options_picked(self, message: Options.Picked) -> None:
        message.stop()
        if self.too_early:
            return
        match message.key:
            case self.no.key:
                self.dismiss(Deny(self.told))
            case self.but.key:
                reason = self.query_one("#reason", Input)
                reason.display = True
                self.fit()
                reason.focus()
            case self.yes.key:
                self.dismiss(Allow())
            case "l":
                self.dismiss(None)
            case number:
                self.dismiss(Allow(always=(int(number) - 1,)))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.dismiss(Deny(message.value or self.told))
