"""The lines around a comparison: what it is of, which side is which, what keys do."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from sessiontree.ui.hints import hint_line


class TitleBar(Widget):
    DEFAULT_CSS = """
    TitleBar { height: 1; width: 1fr; padding: 0 1; background: $surface; }
    """

    title_text: reactive[str] = reactive("")
    note: reactive[str] = reactive("")

    def render(self) -> Content:
        width = max(self.size.width - 2, 10)
        left = Content.assemble(("compare", "bold $accent"), ("   ", ""), (self.title_text, ""))
        right = Content(self.note).stylize("$text-muted")
        gap = width - left.cell_length - right.cell_length
        if gap < 2:
            return left.truncate(width, ellipsis=True)
        return left + Content(" " * gap) + right


@dataclass(frozen=True, slots=True)
class SideName:
    label: str
    state: str = ""  # with its glyph


class SideBar(Widget):
    """A name over each column, or a tab for each side; the chosen one stands out."""

    DEFAULT_CSS = """
    SideBar { height: 1; width: 1fr; background: $surface; }
    """

    @dataclass
    class Picked(Message):
        side: int

    names: reactive[tuple[SideName, ...]] = reactive(())
    chosen: reactive[int] = reactive(0)

    def render(self) -> Content:
        count = len(self.names)
        if not count:
            return Content("")
        parts: list[Content] = []
        room = self.size.width - 1 - (count - 1)  # the scrollbar, and what is between
        for index, name in enumerate(self.names):
            width = room // count if index < count - 1 else room - room // count * (count - 1)
            parts.append(self._named(index, name, width))
        return Content("│").stylize("$text-muted").join(parts)

    def _named(self, index: int, name: SideName, width: int) -> Content:
        chosen = index == self.chosen
        sign = "❯" if chosen else " "
        state = Content(f" {name.state} ") if name.state else Content("")
        left = Content.assemble(
            (sign, "bold $accent"),
            (f"{index + 1} ", "bold"),
            (name.label, "bold" if chosen else ""),
        )
        space = width - state.cell_length
        if space < 12:
            state, space = Content(""), width
        left = left.truncate(space, ellipsis=True)
        line = left + Content(" " * (space - left.cell_length)) + state
        return line.stylize("on $boost") if chosen else line.stylize("$text-muted")

    def on_click(self, event: events.Click) -> None:
        if self.names:
            side = event.x * len(self.names) // max(self.size.width, 1)
            self.post_message(self.Picked(side))


class Hints(Widget):
    """One line with the keys that do something here and now."""

    DEFAULT_CSS = """
    Hints { height: 1; width: 1fr; padding: 0 1; color: $text-muted; }
    """

    pairs: reactive[tuple[tuple[str, str], ...]] = reactive(())

    def render(self) -> Content:
        return hint_line(self.pairs, self.size.width - 2)
