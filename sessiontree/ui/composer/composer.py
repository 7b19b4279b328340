"""The composer: the aim in words, the prompt, and the run's mode and model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from sessiontree.engine.aim import Aim
from sessiontree.model.run import Choice, Mode, Verb
from sessiontree.model.text import clean_line
from sessiontree.ui.composer.area import DraftArea
from sessiontree.ui.stream.line import cut

_GLYPHS = {Verb.NEW: "+", Verb.CONTINUE: "→", Verb.FORK: "⑂"}


ASK = "Say what is to be done"

LEAST_LABEL = 6
"""Cells that are left of a label, to know it by."""


class AimLine(Widget):
    """What Enter will do on the left, how the run is set on the right; where it has two rows, the
    one above the other."""

    aim: reactive[Aim | None] = reactive(None)
    choice: reactive[Choice] = reactive(Choice())
    project: reactive[str] = reactive("")  # how a run stands to the project's own settings
    context: reactive[str] = reactive("")

    def render(self) -> Content:
        aim, width = self.aim, self.size.width
        if aim is None:
            return Content("")
        mode = self.choice.mode
        style = "bold $text-error" if mode is Mode.BYPASS else "$text-muted"
        model = clean_line(self.choice.model) or "default model"
        if self.choice.effort:
            model = f"{model}, {self.choice.effort} effort"
        facts = [fact for fact in (model, mode.words, self.project, self.context) if fact]
        stacked = self.size.height > 1
        # The mode is always visible; the rest goes first when room is short.
        while len(facts) > 1 and len(" · ".join(facts)) > width * (1 if stacked else 0.55):
            facts.remove(model if model in facts and not stacked else facts[-1])
        right = Content(" · ".join(facts)).stylize(style)
        room = width if stacked else max(width - right.cell_length - 2, 8)
        words = aim.refusal or f"{_GLYPHS[aim.verb]} {aim.words}"
        left = Content(within(clean_line(words), room))
        left = left.stylize("$text-error" if aim.refusal else "bold $accent")
        if stacked:
            return Content("\n  ").join([left, right.truncate(max(width - 2, 8), ellipsis=True)])
        return left + Content(" " * max(width - left.cell_length - right.cell_length, 1)) + right


def within(words: str, width: int) -> str:
    """`words` in so many cells: the ‹label› in them gives way first, for what stands behind it
    says which turn is meant."""
    over = cell_len(words) - width
    before, opening, rest = words.partition("‹")
    label, closing, behind = rest.partition("›")
    if over > 0 and opening and closing:
        label = cut(label, max(cell_len(label) - over, LEAST_LABEL))
    return cut(f"{before}{opening}{label}{closing}{behind}", width)


class PromptArea(DraftArea):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+f", "fan_out", "Fan out", show=False, priority=True),
        Binding("shift+tab", "mode", "Next mode", show=False, priority=True),
        Binding("ctrl+o", "options", "How the run is set", show=False, priority=True),
    ]

    class ModeCycled(Message):
        pass

    class OptionsAsked(Message):
        pass

    class FanOutAsked(Message):
        pass

    def __init__(self, sent: Callable[[str], None]) -> None:
        super().__init__(id="prompt")
        self._sent = sent
        self._proposal = self._shows = ""

    def enter(self) -> None:
        """Send before the next key is looked at: what comes in one go with Enter begins the next
        prompt."""
        self._sent(self.whole)

    def action_fan_out(self) -> None:
        self.post_message(self.FanOutAsked())

    def action_mode(self) -> None:
        self.post_message(self.ModeCycled())

    def action_cursor_right(self, select: bool = False) -> None:
        """In an empty composer: take what is suggested."""
        if not self.text and self._proposal:
            self.put(self._proposal)
        else:
            super().action_cursor_right(select)

    def suggest(self, prompt: str, shows: str) -> None:
        """Propose a prompt while nothing is typed; "" proposes none."""
        self._proposal, self._shows = prompt, shows
        self._propose()

    def on_resize(self) -> None:
        self._propose()

    def _propose(self) -> None:
        words = f"{self._proposal}  (→ takes it: {self._shows})" if self._proposal else ASK
        width = max(self.content_size.width - 1, 10)
        self.placeholder = Content(words).truncate(width, ellipsis=True)

    def action_options(self) -> None:
        self.post_message(self.OptionsAsked())


class Composer(Vertical):
    """Calls `sent` with the whole prompt at Enter; the screen says what the aim is."""

    DEFAULT_CSS = (Path(__file__).with_name("composer.tcss")).read_text()

    @dataclass
    class Chosen(Message):
        choice: Choice

    class OptionsWanted(Message):
        pass

    class FanOutWanted(Message):
        pass

    aim: reactive[Aim | None] = reactive(None)
    choice: reactive[Choice] = reactive(Choice())
    project: reactive[str] = reactive("")

    def __init__(self, sent: Callable[[str], None]) -> None:
        super().__init__()
        self._sent = sent

    def compose(self) -> ComposeResult:
        yield AimLine()
        with Horizontal(id="prompt-row"):
            yield Sign()
            yield PromptArea(self._sent)

    @property
    def area(self) -> PromptArea:
        return self.query_one(PromptArea)

    @property
    def text(self) -> str:
        """What would be sent now."""
        return self.area.whole

    def put(self, text: str) -> None:
        self.area.put(text)

    def watch_aim(self, aim: Aim | None) -> None:
        self.query_one(AimLine).aim = aim

    def watch_project(self, project: str) -> None:
        self.query_one(AimLine).project = project

    def watch_choice(self, choice: Choice) -> None:
        self.query_one(AimLine).choice = choice
        self.set_class(choice.mode is Mode.BYPASS, "-bypass")

    def on_prompt_area_mode_cycled(self, message: PromptArea.ModeCycled) -> None:
        """default → accepts edits → plans only; the dangerous ones only through the dialog."""
        message.stop()
        cycle = [Mode.DEFAULT, Mode.ACCEPT_EDITS, Mode.PLAN]
        mode = self.choice.mode
        following = cycle[(cycle.index(mode) + 1) % 3] if mode in cycle else Mode.DEFAULT
        choice = self.choice
        self.post_message(
            self.Chosen(Choice(following, choice.model, choice.effort, choice.append))
        )

    def on_prompt_area_options_asked(self, message: PromptArea.OptionsAsked) -> None:
        message.stop()
        self.post_message(self.OptionsWanted())

    def on_prompt_area_fan_out_asked(self, message: PromptArea.FanOutAsked) -> None:
        message.stop()
        self.post_message(self.FanOutWanted())


class Sign(Widget):
    """The prompt sign before the editor."""

    def render(self) -> Content:
        return Content("❯").stylize("bold $accent")
