"""What lies over the main screen leaves once."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

T = TypeVar("T")


class Modal(ModalScreen[T]):
    """Textual 8.2.8 takes whatever is on top when a screen is dismissed: the second of two keys
    typed in one go would take the main screen, and the app with it."""

    _dismissed = False
    _below: tuple[T | None] | None = None  # the result of one that was told to leave from below

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Leave with a result; a second time does nothing. One that lies below another leaves
        when it comes up again."""
        if self._dismissed:
            return AwaitComplete()
        self._dismissed = True
        if self.app.screen is self:
            return super().dismiss(result)
        self._below = (result,)
        return AwaitComplete()

    def on_screen_resume(self) -> None:
        if self._below is not None:
            (result,), self._below = self._below, None
            super().dismiss(result)
