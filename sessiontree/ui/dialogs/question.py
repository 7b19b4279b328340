"""The agent asks a question: its choices, several where it allows them, or words of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, SelectionList, Static
from textual.widgets.option_list import Option as Choice
from textual.widgets.selection_list import Selection

from sessiontree.model.run import Allow, Ask, Deny
from sessiontree.ui.dialogs.answering import AskDialog

OTHER = "something else …"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of an `AskUserQuestion` call (seen on Claude Code 2.1.330)."""

    text: str
    header: str
    options: tuple[tuple[str, str], ...]  # label, description
    several: bool


def questions(data: Mapping[str, Any]) -> list[Question]:
    """What is asked; entries that do not look like questions are left out."""
    found = []
    listed = data.get("questions")
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict) or not entry.get("question"):
            continue
        options = entry.get("options")
        pairs = tuple(
            (str(one.get("label", "")), str(one.get("description", "")))
            for one in (options if isinstance(options, list) else ())
            if isinstance(one, dict) and one.get("label")
        )
        found.append(
            Question(
                str(entry["question"]),
                str(entry.get("header", "")),
                pairs,
                bool(entry.get("multiSelect")),
            )
        )
    return found


class QuestionDialog(AskDialog):
    """One question after the other; dismissed with all answers, a denial, or None (put aside)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "decline", show=False),
        Binding("ctrl+l", "aside", show=False),
        Binding("ctrl+s,ctrl+j", "confirm", show=False),
    ]

    def __init__(self, ask: Ask, label: str) -> None:
        super().__init__(ask, label)
        self._questions = questions(ask.input)
        self._at = 0  # not by the answers: two questions can read the same
        self._answers: dict[str, str] = {}

    @property
    def _question(self) -> Question:
        return self._questions[self._at]

    def title_content(self) -> Content:
        return self.title_of("asks")

    def body(self) -> ComposeResult:
        yield Static("", id="question")

    def choices(self) -> ComposeResult:
        other = Input(placeholder="your own words; Enter sends them", id="other")
        other.display = False
        yield other
        yield Static("", id="how", classes="note")

    async def on_mount(self) -> None:
        if not self._questions:
            self.dismiss(Deny("The question could not be read. Ask it as plain text."))
            return
        await self._show()

    async def _show(self) -> None:
        self.hold_keys()
        question = self._question
        number = f"{self._at + 1}/{len(self._questions)}  "
        head = Content.assemble(
            (number if len(self._questions) > 1 else "", "$text-muted"),
            (f"{question.header}  " if question.header else "", "$accent"),
            (question.text, "bold"),
        )
        self.query_one("#question", Static).update(head)
        await self.query("#choices").remove()
        contents = [_option(label, words) for label, words in question.options]
        chooser: OptionList | SelectionList[int]
        if question.several:
            chooser = SelectionList[int](
                *(Selection(content, index) for index, content in enumerate(contents)),
                id="choices",
            )
            how = "space marks, ctrl+s sends the marked ones, tab: your own words, esc declines"
        else:
            options = [Choice(content) for content in [*contents, Content(OTHER)]]
            chooser = OptionList(*options, id="choices")
            how = "enter chooses, esc declines, ctrl+l leaves it waiting"
        self.query_one("#how", Static).update(Content(how))
        other = self.query_one("#other", Input)
        other.value = ""
        other.display = question.several
        await self.query_one("#body").mount(chooser)
        chooser.focus()
        self.fit()
        self.release_keys()

    async def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        chooser = message.option_list
        if isinstance(chooser, SelectionList) or self.too_early or not chooser.is_attached:
            return  # that of the question before, for one that nobody has read
        options = self._question.options
        if message.option_index < len(options):
            await self._answer(options[message.option_index][0])
        else:
            other = self.query_one("#other", Input)
            other.display = True
            self.fit()
            other.focus()

    async def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if self._question.several:
            await self.action_confirm()
        elif message.value.strip():
            await self._answer(message.value.strip())

    async def action_confirm(self) -> None:
        """Send the marked choices, with one's own words behind them."""
        if not self._question.several or self.too_early:
            return
        marked = self.query_one("#choices", SelectionList).selected
        labels = [self._question.options[index][0] for index in sorted(marked)]
        if words := self.query_one("#other", Input).value.strip():
            labels.append(words)
        if labels:
            await self._answer(", ".join(labels))
        else:
            how = self.query_one("#how", Static)
            how.update(Content("Nothing is marked yet: space marks, esc declines"))

    async def _answer(self, answer: str) -> None:
        self._answers[self._question.text] = answer
        if self._at + 1 == len(self._questions):
            self.dismiss(Allow(answers=self._answers))
            return
        self._at += 1
        await self._show()

    def action_decline(self) -> None:
        if not self.too_early:
            self.dismiss(Deny("The person declined to answer."))

    def action_aside(self) -> None:
        self.dismiss(None)


def _option(label: str, words: str) -> Content:
    head = Content(label).stylize("bold")
    return head + Content(f"\n  {words}").stylize("$text-muted") if words else head
