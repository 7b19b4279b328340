"""What lies over the main screen leaves once, and gets the keys that were typed for it."""

from __future__ import annotations

from typing import TypeVar

from textual import events
from textual.await_complete import AwaitComplete
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

T = TypeVar("T")


class Modal(ModalScreen[T]):
    """Textual 8.2.8 takes whatever is on top when a screen is dismissed: the second of two keys
    typed in one go would take the main screen, and the app with it."""

    _dismissed = False
    _takes_keys = False
    _later: tuple[T | None] | None = None  # the result of one that could not leave at once

    def __init__(self) -> None:
        super().__init__()
        self._typed_ahead: list[events.Key] = []
        self._begun = 0.0  # when it began to take keys, as messages count time

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys act on parts, and go to a focus, that are not there in the first moment."""
        return self._takes_keys and super().check_action(action, parameters)

    def take_typed_ahead(self, event: events.Key) -> bool:
        """Whether a key came in one go with the one that opened this: it is done when the focus
        is there, or typed into what has the focus by now."""
        if self._takes_keys and event.time >= self._begun:
            return type_into(self.focused, event)
        self._typed_ahead.append(event)
        if self._takes_keys:  # it was on its way
            self._do_typed_ahead()
        return True

    def hold_keys(self) -> None:
        """The parts are about to be others: keys wait for them."""
        self._takes_keys = False

    def release_keys(self) -> None:
        """The parts are there, and the focus was asked for."""
        self.app.call_later(self._begin_with_keys)

    def _begin_with_keys(self) -> None:
        self._takes_keys, self._begun = True, Message().time
        self._do_typed_ahead()

    def _do_typed_ahead(self) -> None:
        keys, self._typed_ahead = self._typed_ahead, []
        for key in keys:
            self.app.post_message(events.Key(key.key, key.character))

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Leave with a result; a second time does nothing. One that lies below another leaves
        when it comes up again, one whose parts are not there yet when they are."""
        if self._dismissed:
            return AwaitComplete()
        self._dismissed = True
        if self.app.screen is self and self.is_mounted:
            return super().dismiss(result)
        self._later = (result,)
        return AwaitComplete()

    def on_screen_resume(self) -> None:
        if self._later is not None:
            (result,), self._later = self._later, None
            super().dismiss(result)
        else:
            self.release_keys()


def type_into(box: Widget | None, event: events.Key) -> bool:
    """Type a key that went elsewhere before `box` had the focus; whether it takes such keys. What
    has the focus lets none of these through itself."""
    from sessiontree.ui.composer.area import DraftArea  # draws like the stream, which has a modal

    if isinstance(box, Input) and event.is_printable and event.character:
        box.insert_text_at_cursor(event.character)
    elif isinstance(box, DraftArea) and event.is_printable and event.character:
        box.insert(event.character)
    elif isinstance(box, DraftArea) and event.key == "enter":
        box.enter()
    else:
        return False
    return True
