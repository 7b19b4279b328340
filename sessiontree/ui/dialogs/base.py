"""What all dialogs share: the frame, the choices, and the guard against keys typed ahead."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from sessiontree.ui.modal import Modal

GUARD_SECONDS = 0.3
"""Keys in the first moments of a dialog were typed for what was there before."""

LOW_ROWS = 20
"""A terminal with fewer has no rows to spare."""

CSS = Path(__file__).with_name("dialogs.tcss").read_text()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Option:
    key: str
    words: str
    danger: bool = False


class Options(Widget, can_focus=True):
    """A short list of choices, each with a key of its own. Posts `Picked`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("enter", "pick", show=False),
    ]

    @dataclass
    class Picked(Message):
        key: str

    at: reactive[int] = reactive(0)

    def __init__(self, options: list[Option], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = options

    def get_content_height(self, *_: object) -> int:
        return len(self.options)

    def render(self) -> Content:
        lines = []
        for index, option in enumerate(self.options):
            chosen = index == self.at
            sign = "❯ " if chosen else "  "
            line = Content.assemble(
                (sign, "bold $accent"),
                (f"{option.key:<2} ", "bold $text-error" if option.danger else "bold $text"),
                (option.words, "bold $text" if chosen else "$text-muted"),
            )
            lines.append(line.truncate(max(self.size.width, 8), ellipsis=True))
        return Content("\n").join(lines)

    def action_move(self, by: int) -> None:
        self.at = (self.at + by) % len(self.options)

    def action_pick(self) -> None:
        self.post_message(self.Picked(self.options[self.at].key))

    def on_key(self, event: events.Key) -> None:
        if any(option.key == event.character for option in self.options):
            event.stop()
            self.post_message(self.Picked(str(event.character)))

    def on_click(self, event: events.Click) -> None:
        if 0 <= event.y < len(self.options):
            self.at = event.y
            self.action_pick()


class Hints(Widget):
    """What keys do, in as many lines as that takes; a line is broken between two of them."""

    DEFAULT_CSS = "Hints { height: auto; width: 1fr; }"

    def __init__(self, *hints: str) -> None:
        super().__init__(classes="note")
        self._hints = hints

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n".join(self._lines(self.size.width)))

    def _lines(self, width: int) -> list[str]:
        lines: list[str] = []
        for hint in self._hints:
            if lines and len(more := f"{lines[-1]}   {hint}") <= width:
                lines[-1] = more
            else:
                lines.extend(wrap(hint, max(width, 8)))
        return lines


class Dialog(Modal[T]):
    """A framed box over the screen. Subclasses give `title_content`, a body and choices."""

    DEFAULT_CSS = CSS
    guarded = False
    """Whether keys in the first `GUARD_SECONDS` are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = time.monotonic()

    def on_screen_resume(self) -> None:
        self._opened = time.monotonic()

    def on_resize(self) -> None:
        self.set_class(self.size.height < LOW_ROWS, "-tight")
        self.fit()

    def fit(self) -> None:
        """Let the body scroll rather than push the choices off a low terminal."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        if not self.query("#frame > #body"):
            return  # it was closed meanwhile
        body, frame = self.query_one("#body"), self.query_one("#frame")
        others = sum(
            child.outer_size.height + child.styles.margin.height
            for child in frame.children
            if child is not body and child.display
        )
        room = self.size.height - others - frame.gutter.height
        body.styles.max_height = max(room, 2)

    @property
    def too_early(self) -> bool:
        return self.guarded and time.monotonic() - self._opened < GUARD_SECONDS

    def compose(self) -> ComposeResult:
        with Vertical(id="frame"):
            yield Static(self.title_content(), id="title")
            with VerticalScroll(id="body", can_focus=True):
                yield from self.body()
            yield from self.foot()

    def title_content(self) -> Content:
        return Content("")

    def body(self) -> ComposeResult:
        yield from ()

    def foot(self) -> ComposeResult:
        yield from ()
