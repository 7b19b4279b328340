"""The hint bar: one line with the keys that do something here and now.

Not Textual's `Footer`: it leaks a widget per focus change in 8.2.8."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from sessiontree.ui.keys import KEYS, Group, Key, Need

COMPOSER_HINTS = (
    ("enter", "send"),
    ("ctrl+j", "new line"),
    ("esc", "back"),
    ("shift+tab", "mode"),
    ("ctrl+o", "model"),
    ("ctrl+f", "fan out"),
)


FILTER_HINTS = (("enter", "to this row"), ("esc", "the whole tree"))
SEARCH_HINTS = (("enter", "to the hits"), ("esc", "end the search"))


class Where(Enum):
    """What has the focus; keys differ by that."""

    TREE = auto()
    STREAM = auto()
    HITS = auto()  # in the stream, of a search
    COMPOSER = auto()
    FILTER = auto()
    SEARCH = auto()


TYPED = {Where.COMPOSER: COMPOSER_HINTS, Where.FILTER: FILTER_HINTS, Where.SEARCH: SEARCH_HINTS}


def _reading(key: str, action: str, hint: str, rank: int) -> Key:
    return Key(key, key, action, hint, "", Group.LOOK, rank=rank)


STREAM_KEYS = (
    _reading("esc", "escape", "tree", 1),
    _reading("enter", "open", "in full", 4),
    _reading("space", "fold", "fold", 5),
    _reading("/", "search", "search", 3),
)
HITS_KEYS = (
    _reading("n N", "new", "next, previous hit", 0),
    _reading("esc", "escape", "end the search", 0),
    *STREAM_KEYS[1:],
)


class HintBar(Widget):
    DEFAULT_CSS = """
    HintBar { height: 1; width: 1fr; padding: 0 1; color: $text-muted; }
    """

    needs: reactive[frozenset[Need]] = reactive(frozenset())
    where: reactive[Where] = reactive(Where.TREE)

    def render(self) -> Content:
        pairs = TYPED.get(self.where) or [(key.shown, key.hint) for key in self._keys()]
        return hint_line(pairs, self.size.width - 2)

    def _keys(self) -> list[Key]:
        fit = [key for key in KEYS if key.hint and (not key.need or key.need in self.needs)]
        if self.where is Where.HITS:
            fit = _over(fit, HITS_KEYS)
        elif self.where is Where.STREAM:
            busy = any(key.action == "escape" for key in fit)
            fit = _over(fit, STREAM_KEYS[busy:])
        room, kept = self.size.width - 2, set()
        for key in sorted(fit, key=lambda one: one.rank):
            room -= _cells(key.shown, key.hint)
            if room < -3:
                break
            kept.add(key.action)
        return [key for key in fit if key.action in kept]


def _over(keys: list[Key], own: tuple[Key, ...]) -> list[Key]:
    """`own` before the others, in place of those that do the same or are on the same key."""
    actions = {key.action for key in own}
    return [*own, *(key for key in keys if key.action not in actions)]


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
