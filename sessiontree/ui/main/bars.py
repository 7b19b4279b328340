"""The lines that say where one is: the stream's title and note, the notice of a question."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from sessiontree.model.text import clean_line
from sessiontree.ui.stream.line import cut, plain, wrap

MOST_PASTED = 1_000
"""Characters of a paste that a line takes."""


class StreamTitle(Widget):
    """The name of the session whose stream is shown, and what it is doing."""

    DEFAULT_CSS = """
    StreamTitle { height: 1; width: 1fr; padding: 0 1; background: $surface; }
    """

    label: reactive[str] = reactive("")
    state: reactive[tuple[str, str]] = reactive(("", ""))  # words, style
    note: reactive[str] = reactive("")
    search: reactive[str] = reactive("")
    spent: reactive[str] = reactive("")
    """What it cost; left away where there is no room for it."""

    def render(self) -> Content:
        width = max(self.size.width - 2, 10)
        words, style = self.state
        right = Content(words).stylize(style)
        if cell_len(self.label) + right.cell_length + cell_len(self.spent) + 6 <= width:
            spent = Content(self.spent + "   " * bool(words)).stylize("$text-muted")
            right = spent + right
        if note := self.search or self.note:
            right = Content(f"{note}   ").stylize("$text-muted") + right
        room = max(width - right.cell_length - 2, 4)
        left = Content(self.label).stylize("bold").truncate(room, ellipsis=True)
        gap = max(width - left.cell_length - right.cell_length, 1)
        return left + Content(" " * gap) + right


class TextBar(Widget):
    """A text, as far as it fits in a few rows, behind the mark that tells what it is."""

    DEFAULT_CSS = """
    TextBar { height: auto; width: 1fr; padding: 0 1; background: $surface; display: none; }
    TextBar.-on { display: block; }
    """
    MOST_ROWS = 3
    mark = ""

    text: reactive[str] = reactive("", layout=True)

    def watch_text(self, text: str) -> None:
        self.set_class(bool(text), "-on")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def render(self) -> Content:
        lines = [Content(row) for row in self._rows(self.size.width)]
        return Content.assemble((f"{self.mark} ", "$warning"), Content("\n  ").join(lines))

    def _rows(self, width: int) -> list[str]:
        room = max(width - 2, 10)
        lines = map(plain, self.text[: room * 40].splitlines())
        rows = [line[start:end] for line in lines for start, end in wrap(line, room, room)]
        if len(rows) > self.MOST_ROWS:
            rows[self.MOST_ROWS - 1 :] = [cut(f"{rows[self.MOST_ROWS - 1]} …", room)]
        return rows


class NoteBar(TextBar):
    """What a person wrote on the selected row."""

    mark = "✎"


class DamageBar(TextBar):
    """What is wrong with the transcript that is shown."""

    mark = "!"


class SearchBox(Input):
    """A line to type in. Enter is a key like the letters: it calls `enter`, which moves the
    focus, before the next key is looked at. Those that come in one go with it and arrive here all
    the same are for what has the focus then; here they would search unseen."""

    def __init__(
        self, placeholder: str, *, enter: Callable[[], None], id: str | None = None
    ) -> None:
        super().__init__(placeholder=placeholder, id=id)
        self._enter = enter

    def on_key(self, event: events.Key) -> None:
        if self.screen.focused is not self:
            event.prevent_default()
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            self._enter()

    def _on_paste(self, event: events.Paste) -> None:
        """As one line, and of what is longer than any only the beginning: to look for 1 MB takes
        half a minute."""
        event.prevent_default()
        event.stop()
        self.replace(clean_line(event.text[:MOST_PASTED]), *self.selection)


class QuestionBar(Widget):
    """A run waits for an answer while the person is busy with something else."""

    DEFAULT_CSS = """
    QuestionBar { height: 1; width: 1fr; padding: 0 1; background: $warning 25%; display: none; }
    QuestionBar.-on { display: block; }
    """

    class Pressed(Message):
        pass

    text: reactive[str] = reactive("")

    def render(self) -> Content:
        return Content.assemble(("? ", "bold $warning"), (self.text, "bold")).truncate(
            max(self.size.width - 2, 10), ellipsis=True
        )

    def watch_text(self, text: str) -> None:
        self.set_class(bool(text), "-on")

    def on_click(self) -> None:
        self.post_message(self.Pressed())
