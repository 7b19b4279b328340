"""A draft: what is typed, with long pastes held aside so that the editor stays quick."""

from __future__ import annotations

import re

LONG_PASTE = 8_000
"""Characters from which a paste is held aside. A line of 1 MB costs the editor 2.5 s a key
(textual 8.2.8)."""

_TOKEN = re.compile(r"\[pasted text #(\d+) · [\d,]+ characters\]")


class Draft:
    def __init__(self) -> None:
        self._pastes: list[str] = []

    def hold(self, text: str) -> str:
        """Keep `text` aside and return the token that stands for it."""
        self._pastes.append(text)
        return f"[pasted text #{len(self._pastes)} · {len(text):,} characters]"

    def shorten(self, text: str) -> str:
        """A text for the editor: as it is, or its token where it is long."""
        return text if len(text) <= LONG_PASTE else self.hold(text)

    def whole(self, typed: str) -> str:
        """What is sent: `typed` with each token replaced by its text."""

        def text_of(match: re.Match[str]) -> str:
            index = int(match[1]) - 1
            return self._pastes[index] if 0 <= index < len(self._pastes) else match[0]

        return _TOKEN.sub(text_of, typed)

    def clear(self) -> None:
        self._pastes.clear()
