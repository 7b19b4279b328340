"""A note on a session or a turn: a few lines to write, change, or take away."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from sessiontree.model.text import NOTE_CHARS, clean
from sessiontree.ui.composer.area import DraftArea
from sessiontree.ui.dialogs.base import Dialog

HOW = "enter keep   ctrl+j new line   esc leave"


class NoteArea(DraftArea):
    class PastedTooMuch(Message):
        pass

    async def _on_paste(self, event: events.Paste) -> None:
        """What is longer than any note is not let in."""
        event.prevent_default()
        event.stop()
        if len(event.text) > NOTE_CHARS:
            self.post_message(self.PastedTooMuch())
        else:
            self.insert(clean(event.text))


class NoteDialog(Dialog[str | None]):
    """Dismissed with the text, "" to take the note away, None to leave it as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]

    def __init__(self, on: str, note: str) -> None:
        """`on`: what the note is on, in words."""
        super().__init__()
        self._on_what = on
        self._note = note
        self._warned = False

    def title_content(self) -> Content:
        return Content(f"A note on {self._on_what}")

    def foot(self) -> ComposeResult:
        yield NoteArea(id="note")
        yield Static(Content(HOW), id="how", classes="note")

    def on_mount(self) -> None:
        area = self.query_one(NoteArea)
        area.placeholder = "empty: no note"
        area.put(self._note)
        area.focus()

    def _say(self, words: str, style: str = "$text-error") -> None:
        self.query_one("#how", Static).update(Content(words).stylize(style))

    def on_text_area_changed(self) -> None:
        self._warned = False
        length = len(self.query_one(NoteArea).text)
        if length > NOTE_CHARS:
            self._say(f"{length:,} characters; a note has {NOTE_CHARS:,} at most")
        else:
            self._say(HOW, "$text-muted")

    def on_note_area_pasted_too_much(self) -> None:
        self._say(f"That is more than the {NOTE_CHARS:,} characters of a note: it was left out")

    def on_draft_area_entered(self) -> None:
        text = clean(self.query_one(NoteArea).text).strip()
        if len(text) <= NOTE_CHARS:
            self.dismiss(text)

    def action_leave(self) -> None:
        if self.query_one(NoteArea).text == self._note or self._warned:
            self.dismiss(None)
        else:
            self._warned = True
            self._say("esc again drops what was typed; enter keeps it", "$text-warning")
