"""An editor for a prompt: Enter does not break the line, and long pastes are held aside."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from sessiontree.model.text import clean
from sessiontree.ui.composer.draft import LONG_PASTE, Draft

NEW_LINE_KEYS = ("shift+enter", "ctrl+j", "alt+enter")


class DraftArea(TextArea):
    """Posts `Entered`; what that does is for whoever shows it to say."""

    class Entered(Message):
        pass

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
        """Replace what is typed. An editor lays out what is not to be seen wider than it is."""
        self.draft.clear()
        self.load_text(self.draft.shorten(clean(text)))
        self.move_cursor(self.document.end)

    def on_key(self, event: events.Key) -> None:
        """Enter, in its turn: a binding with priority overtakes the letters typed before it."""
        if event.key in ("enter", *NEW_LINE_KEYS):
            event.stop()
            event.prevent_default()
            if event.key == "enter":
                self.enter()
            else:
                self.insert("\n")

    def enter(self) -> None:
        self.post_message(self.Entered())

    async def _on_paste(self, event: events.Paste) -> None:
        if len(event.text) <= LONG_PASTE:
            return  # the editor's own handler takes it
        event.prevent_default()
        event.stop()
        self.insert(self.draft.hold(event.text))
