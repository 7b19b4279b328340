"""The hint bar: one line with the keys that do something here and now.

Not Textual's `Footer`: it leaks a widget per focus change in 8.2.8."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from sessiontree.ui.keys import KEYS, Key, Need

COMPOSER_HINTS = (
    ("enter", "send"),
    ("ctrl+j", "new line"),
    ("shift+tab", "mode"),
    ("ctrl+o", "model"),
    ("esc", "back"),
    ("ctrl+f", "fan out"),
)


class HintBar(Widget):
    DEFAULT_CSS = """
    HintBar { height: 1; width: 1fr; padding: 0 1; color: $text-muted; }
    """

    needs: reactive[frozenset[Need]] = reactive(frozenset())
    composing: reactive[bool] = reactive(False)

    def render(self) -> Content:
        width = self.size.width - 2
        pairs = COMPOSER_HINTS if self.composing else [(k.shown, k.hint) for k in self._keys()]
        return hint_line(pairs, width)

    def _keys(self) -> list[Key]:
        fit = [key for key in KEYS if key.hint and (not key.need or key.need in self.needs)]
        room, kept = self.size.width - 2, set()
        for key in sorted(fit, key=lambda one: one.rank):
            room -= _cells(key.shown, key.hint)
            if room < -3:
                break
            kept.add(key.action)
        return [key for key in fit if key.action in kept]


def hint_line(pairs: Iterable[tuple[str, str]], width: int) -> Content:
    """Keys and what they do, as many as fit."""
    return Content.assemble(
        *(
            piece
            for shown, hint in fitting(pairs, width)
            for piece in ((shown, "bold $text"), (f" {hint}   ", "$text-muted"))
        )
    )


def fitting(pairs: Iterable[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    """As many pairs as fit; the gap behind the last one may hang over."""
    kept = []
    for shown, hint in pairs:
        width -= _cells(shown, hint)
        if width < -3:
            break
        kept.append((shown, hint))
    return kept


def _cells(shown: str, hint: str) -> int:
    return len(shown) + len(hint) + 4
