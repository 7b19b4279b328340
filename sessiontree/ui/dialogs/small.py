"""The small dialogs: help, how a run is set, one line of text, yes or no."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Input, Static

from sessiontree.model.run import Choice, Mode
from sessiontree.model.trust import Standing
from sessiontree.ui.dialogs.base import Dialog, Hints, Option, Options
from sessiontree.ui.keys import (
    COMPARE_KEYS,
    COMPOSER_KEYS,
    FILTER_WORDS,
    KEYS,
    PANE_KEYS,
    Group,
)
from sessiontree.ui.main.bars import SearchBox

MODELS = ("", "opus", "sonnet", "haiku")
EFFORTS = ("", "low", "medium", "high", "max")


class HelpDialog(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", show=False)
    ]

    def title_content(self) -> Content:
        return Content("Every turn is a place to start from").stylize("bold")

    def body(self) -> ComposeResult:
        groups = [
            (group.value, [(key.shown, key.help) for key in KEYS if key.group is group])
            for group in Group
        ]
        groups.insert(1, ("In the panes", list(PANE_KEYS)))
        groups.append(("In the filter", list(FILTER_WORDS)))
        groups.append(("In the composer", list(COMPOSER_KEYS)))
        groups.append(("In a comparison", list(COMPARE_KEYS)))
        for title, pairs in groups:
            yield KeyList(title, pairs)

    def on_mount(self) -> None:
        self.query_one("#body").focus()


class KeyList(Widget):
    """Keys and what they do, in two columns."""

    DEFAULT_CSS = "KeyList { height: auto; width: 1fr; margin-bottom: 1; }"
    KEY_CELLS = 22
    LEAST_WORDS = 32
    """Cells beside the keys; where there are fewer, the words stand below them."""

    def __init__(self, title: str, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title_text = title
        self._pairs = pairs

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Content]:
        lines = [Content(self._title_text).stylize("bold")]
        beside = width - self.KEY_CELLS >= self.LEAST_WORDS
        column = self.KEY_CELLS if beside else 6
        for shown, words in self._pairs:
            key = f"  {shown}"
            if len(key) >= column:
                lines.append(Content(key).stylize("bold $accent"))
                key = ""
            for line in textwrap.wrap(words, max(width - column, 10)):
                lines.append(
                    Content.assemble((f"{key:<{column}}", "bold $accent"), (line, "$text"))
                )
                key = ""
        return lines


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was taken; `load` says whether the project's settings are to be loaded from now on,
    None where that was left as it is."""

    choice: Choice
    load: bool | None = None


class RunOptionsDialog(Dialog[RunOptions | None]):
    """Mode, model and effort of the next run, and whether it loads the project's own settings.
    Left and right change, Enter takes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("enter", "take", show=False, priority=True),
        Binding("left", "change(-1)", show=False),
        Binding("right", "change(1)", show=False),
        Binding("up", "row(-1)", show=False),
        Binding("down", "row(1)", show=False),
    ]

    def __init__(self, choice: Choice, standing: Standing) -> None:
        super().__init__()
        self._row = 0
        self._standing = standing
        self._load = standing is Standing.TRUSTED
        self._mode = choice.mode
        self._model = choice.model
        self._effort = choice.effort
        self._append = choice.append
        self._models = list(dict.fromkeys([*MODELS, choice.model]))

    def title_content(self) -> Content:
        return Content("How the next run is set").stylize("bold")

    def body(self) -> ComposeResult:
        yield Static("", id="rows")

    def foot(self) -> ComposeResult:
        yield Input(placeholder="another model, by its name", id="model")
        yield Hints("↑ ↓ row", "← → change", "tab another model", "enter take", "esc leave")

    def on_mount(self) -> None:
        self.query_one("#body").focus()
        self._draw()

    def _draw(self) -> None:
        danger = self._mode is Mode.BYPASS
        rows = [
            ("mode", self._mode.words, "bold $text-error" if danger else "bold"),
            ("model", self._model or "Claude Code's own choice", "bold"),
            ("effort", self._effort or "Claude Code's own choice", "bold"),
        ]
        if self._standing is not Standing.NOTHING:
            words = f"its settings and CLAUDE.md are {'' if self._load else 'not '}read"
            rows.append(("project", words, "bold"))
        lines = [
            Content.assemble(
                ("❯ " if index == self._row else "  ", "$accent"),
                (f"{name:<8}", "$text-muted"),
                ("‹ " if index == self._row else "  ", "$accent"),
                (value, style),
                (" ›" if index == self._row else "", "$accent"),
            )
            for index, (name, value, style) in enumerate(rows)
        ]
        if danger:
            warning = "Every tool runs unasked: commands, edits, the network. For this run only."
            lines.append(Content(warning).stylize("$text-error"))
        self.query_one("#rows", Static).update(Content("\n").join(lines))

    def action_row(self, by: int) -> None:
        self._row = (self._row + by) % (3 if self._standing is Standing.NOTHING else 4)
        self._draw()

    def action_change(self, by: int) -> None:
        if self._row == 0:
            modes = list(Mode)
            self._mode = modes[(modes.index(self._mode) + by) % len(modes)]
        elif self._row == 1:
            self._model = _turn(self._models, self._model, by)
        elif self._row == 2:
            self._effort = _turn(list(EFFORTS), self._effort, by)
        else:
            self._load = not self._load
        self._draw()

    def action_take(self) -> None:
        model = self.query_one("#model", Input).value.strip() or self._model
        choice = Choice(self._mode, model, self._effort, self._append)
        changed = self._load is not (self._standing is Standing.TRUSTED)
        self.dismiss(RunOptions(choice, self._load if changed else None))

    def action_cancel(self) -> None:
        self.dismiss(None)


def _turn(values: list[str], value: str, by: int) -> str:
    return values[(values.index(value) + by) % len(values)] if value in values else values[0]


class LineDialog(Dialog[str | None]):
    """One line of text; None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, title: str, value: str, placeholder: str = "") -> None:
        super().__init__()
        self._title_text = title
        self._value = value
        self._placeholder = placeholder

    def title_content(self) -> Content:
        return Content(self._title_text).stylize("bold")

    def foot(self) -> ComposeResult:
        yield SearchBox(self._placeholder, enter=self._take)
        yield Hints("enter takes it", "esc leaves it as it was")

    def on_mount(self) -> None:
        box = self.query_one(SearchBox)
        box.value = self._value
        box.focus()

    def _take(self) -> None:
        self.dismiss(self.query_one(SearchBox).value)

    def action_cancel(self) -> None:
        self.dismiss(None)


class ChoiceDialog(Dialog[str | None]):
    """A sentence and a few choices; None when it was left."""

    guarded = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, title: str, text: str, options: list[Option]) -> None:
        super().__init__()
        self._title_text = title
        self._text = text
        self._options = options

    def title_content(self) -> Content:
        return Content(self._title_text).stylize("bold")

    def body(self) -> ComposeResult:
        yield Static(Content(self._text))

    def foot(self) -> ComposeResult:
        yield Options(self._options)

    def on_mount(self) -> None:
        self.query(Options).focus()

    def on_options_picked(self, message: Options.Picked) -> None:
        if not self.too_early:
            self.dismiss(message.key)

    def action_cancel(self) -> None:
        self.dismiss(None)
