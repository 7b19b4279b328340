"""Pick one of many, by moving or by typing a part of its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from sessiontree.model.filter import Search, spans
from sessiontree.ui.composer.composer import LEAST_LABEL, within
from sessiontree.ui.dialogs.base import Dialog, Hints
from sessiontree.ui.main.bars import SearchBox

MOST = 100
"""How many choices are shown; a letter more narrows them down."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`key` is what picking it gives, and is found by its letters too; `note` stands behind."""

    key: str
    label: str
    note: str = ""


class CandidateList(Widget):
    """The choices that match. Posts `Picked`."""

    DEFAULT_CSS = "CandidateList { height: auto; width: 1fr; }"

    @dataclass
    class Picked(Message):
        key: str

    def __init__(self, candidates: Sequence[Candidate], at: str) -> None:
        super().__init__()
        self._candidates = candidates
        self._search = Search([f"{one.label}\n{one.note}\n{one.key}".lower() for one in candidates])
        self.wanted = ""
        self._shown: list[Candidate] = []
        self._more = 0
        self.at = 0
        self.find("")
        self.at = next((i for i, one in enumerate(self._shown) if one.key == at), 0)

    @property
    def current(self) -> Candidate | None:
        return self._shown[self.at] if self._shown else None

    def find(self, query: str) -> None:
        self.wanted = query
        found = self._search.find(query)
        self._shown = [self._candidates[index] for index in found[:MOST]]
        self._more = len(found) - len(self._shown)
        self.at = 0
        self.refresh(layout=True)

    def move(self, by: int) -> None:
        if self._shown:
            self.at = max(0, min(self.at + by, len(self._shown) - 1))
            self.refresh()

    def get_content_height(self, *_: object) -> int:
        return max(len(self._shown) + bool(self._more), 1)

    def render(self) -> Content:
        if not self._shown:
            return Content(f"Nothing matches ‹{self.wanted.strip()}›.").stylize("$text-muted")
        lines = [self._line(index, one) for index, one in enumerate(self._shown)]
        if self._more:
            words = f"  and {self._more:,} more: type a part of a name"
            lines.append(Content(words).stylize("$text-muted"))
        return Content("\n").join(lines)

    def _line(self, index: int, pick: Candidate) -> Content:
        chosen, width = index == self.at, max(self.size.width, 12)
        note = Content(pick.note).truncate(width // 2, ellipsis=True).stylize("$text-muted")
        label = Content(pick.label).stylize("bold $text" if chosen else "$text")
        for start, end in spans(self.wanted, pick.label):
            label = label.stylize("underline", start, end)
        label = label.truncate(width - note.cell_length - 4, ellipsis=True)
        gap = " " * (width - 2 - label.cell_length - note.cell_length)
        return Content.assemble(("❯ " if chosen else "  ", "bold $accent"), label, gap, note)

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self._shown):
            self.post_message(self.Picked(self._shown[event.y].key))


class Finder(Dialog[str | None]):
    """Dismissed with the key of what was picked, None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
    ]

    def __init__(
        self, title: str, candidates: Sequence[Candidate], *, at: str = "", does: str
    ) -> None:
        """`at`: the key of the choice that is proposed. `does`: what Enter does, in words."""
        super().__init__()
        self._title_text = title
        self._candidates = candidates
        self._proposed = at
        self._does = does

    def title_content(self) -> Content:
        return Content(self._title_text)

    def body(self) -> ComposeResult:
        yield CandidateList(self._candidates, self._proposed)

    def foot(self) -> ComposeResult:
        yield SearchBox("type a part of a name, or of an id", enter=self._take)
        yield Hints("↑ ↓ choose", f"enter {self._does}", "esc leaves")

    def fit(self) -> None:
        """The label in the title gives way first, so that it takes one line."""
        title = self.query_one("#title", Static)
        title.update(Content(within(self._title_text, max(title.size.width, LEAST_LABEL))))
        super().fit()

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.call_after_refresh(self._bring_on_screen)

    @property
    def _list(self) -> CandidateList:
        return self.query_one(CandidateList)

    def action_move(self, by: int) -> None:
        self._list.move(by)
        self._bring_on_screen()

    def _bring_on_screen(self) -> None:
        if not self.query(CandidateList):
            return  # it was closed meanwhile
        region = Region(0, self._list.at, 1, 1)
        self.query_one("#body").scroll_to_region(region, animate=False)

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        self._list.find(message.value)
        self.fit()
        self.call_after_refresh(self._bring_on_screen)

    def _take(self) -> None:
        if (query := self.query_one(Input).value) != self._list.wanted:
            self._list.find(query)  # Enter came in one go with the letters
        if pick := self._list.current:
            self.dismiss(pick.key)

    def on_candidate_list_picked(self, message: CandidateList.Picked) -> None:
        message.stop()
        self.dismiss(message.key)

    def action_cancel(self) -> None:
        self.dismiss(None)
