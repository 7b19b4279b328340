"""An editor for a prompt: Enter does not break the line, and long pastes are held aside."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from sessiontree.model.text import clean
from sessiontree.ui.composer.draft import LONG_PASTE, Draft


class DraftArea(TextArea):
    """What Enter does is for whoever shows it to say."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+enter,ctrl+j,alt+enter", "new_line", "New line", show=False, priority=True),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(
            id=id,
            soft_wrap=True,
            compact=True,
            highlight_cursor_line=False,
            tab_behavior="focus",
        )
        self.draft = Draft()

    @property
    def whole(self) -> str:
        """What is typed, with the pastes that were held aside."""
        return self.draft.whole(self.text)

    def put(self, text: str) -> None:
        """Replace what is typed."""
        self.draft.clear()
        self.load_text(self.draft.shorten(text))
        self.move_cursor(self.document.end)

    def action_new_line(self) -> None:
        self.insert("\n")

    async def _on_paste(self, event: events.Paste) -> None:
        if len(event.text) <= LONG_PASTE:
            return  # the editor's own handler takes it
        event.prevent_default()
        event.stop()
        self.insert(self.draft.hold(clean(event.text)))
