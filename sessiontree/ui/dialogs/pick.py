"""One value out of a few, on a line of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

NAME_CELLS = 8


class Pick(Widget, can_focus=True):
    """← and → go from value to value; where it is `free`, a value can be typed as well. Posts
    `Changed` for what a person does, not for what is set."""

    DEFAULT_CSS = """
    Pick { height: 1; width: 1fr; color: $text-muted; }
    Pick:focus { background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "change(-1)", show=False),
        Binding("right", "change(1)", show=False),
        Binding("up", "screen.focus_previous", show=False),
        Binding("down", "screen.focus_next", show=False),
    ]

    @dataclass
    class Changed(Message):
        pick: Pick
        value: str

        @property
        def control(self) -> Pick:
            return self.pick

    value: reactive[str] = reactive("")

    def __init__(
        self,
        name: str,
        values: Sequence[str],
        value: str,
        *,
        words: Callable[[str], str] = str,
        style: Callable[[str], str] = lambda value: "bold $text",
        free: bool = False,
        id: str,
    ) -> None:
        super().__init__(id=id)
        self.set_reactive(Pick.value, value)
        self._name_text = name
        self._values = list(dict.fromkeys(values))
        self._words = words
        self._style = style
        self._free = free
        self._typing = False

    def on_focus(self) -> None:
        self._typing = False
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render(self) -> Content:
        on = self.has_focus
        line = Content.assemble(
            f"{self._name_text:<{NAME_CELLS}}",
            ("‹ " if on else "  ", "$accent"),
            (self._words(self.value), self._style(self.value)),
            (" ›" if on else "", "$accent"),
        )
        return line.truncate(max(self.size.width, 8), ellipsis=True)

    def action_change(self, by: int) -> None:
        values, self._typing = self._values, False
        at = values.index(self.value) + by if self.value in values else 0
        self._change(values[at % len(values)])

    def on_key(self, event: events.Key) -> None:
        if not self._free:
            return
        if event.key == "backspace":
            value = self.value[:-1]
        elif event.is_printable and event.character and not event.character.isspace():
            value = (self.value if self._typing else "") + event.character
        else:
            return
        event.stop()
        self._typing = True
        self._change(value)

    def _change(self, value: str) -> None:
        self.value = value
        self.post_message(self.Changed(self, value))
