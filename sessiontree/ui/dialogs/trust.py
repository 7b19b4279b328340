"""This project brings settings of its own: what they would do, and whether they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from sessiontree.model.trust import Does, Survey, Thing, Trust
from sessiontree.ui.dialogs.base import Dialog, Option, Options

_GROUPS = {
    Does.RUNS: "Commands that run without a question",
    Does.CONNECTS: "Addresses that are contacted",
    Does.SETS: "Settings and environment",
    Does.ALLOWS: "Tools that are allowed without a question",
    Does.TELLS: "Told to the agent",
}
NOT_WATCHED = "What these commands call in turn is not looked at."
MOST_CHANGED = 5

Line = tuple[int, Content]
"""Cells of indentation, and what is said."""


class TrustDialog(Dialog[bool | None]):
    """Dismissed with True to load the project's settings, False for the person's own only, None
    when it was left. `folder` is shown; `sending`: a prompt waits for the answer."""

    guarded = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def __init__(self, trust: Trust, folder: str, *, sending: bool = True) -> None:
        super().__init__()
        self._trust = trust
        self._folder = folder
        self._sending = sending

    def title_content(self) -> Content:
        survey = self._trust.survey
        brings = "instructions" if survey.only_tells else "settings"
        parts: list[tuple[str, str]] = [
            (f"This project brings {brings} of its own", "bold"),
            (f"\n{self._folder}", "$text-muted"),
        ]
        if self._trust.changed:
            parts.append((f"\nChanged since you decided: {_names(self._trust)}", "$text-warning"))
        return Content.assemble(*parts)

    def body(self) -> ComposeResult:
        yield Things(list(_lines(self._trust.survey)))

    def foot(self) -> ComposeResult:
        survey = self._trust.survey
        runs = sum(thing.does is Does.RUNS for thing in survey.things)
        also = f", run its {runs} command{'' if runs == 1 else 's'}" if runs else ""
        read = "them" if survey.only_tells else "its settings"
        options = [Option("m", "my settings only: none of this is read, nothing of it runs")]
        if not survey.faults:
            options.append(Option("t", f"trust this project: load {read}{also}", danger=runs > 0))
        options.append(
            Option("l", "leave: send nothing yet" if self._sending else "leave it as is")
        )
        yield Options(options)

    def on_mount(self) -> None:
        self.query(Options).focus()

    def action_page(self, by: int) -> None:
        body = self.query_one("#body")
        body.scroll_relative(y=by * body.size.height, animate=False)

    def action_leave(self) -> None:
        if not self.too_early:
            self.dismiss(None)

    def on_options_picked(self, message: Options.Picked) -> None:
        message.stop()
        if not self.too_early:
            self.dismiss({"m": False, "t": True}.get(message.key))


def _names(trust: Trust) -> str:
    names = ", ".join(trust.changed[:MOST_CHANGED])
    more = len(trust.changed) - MOST_CHANGED
    return f"{names} and {more} more" if more > 0 else names


class Things(Widget):
    """Lines that keep their indentation where they are wrapped."""

    DEFAULT_CSS = "Things { height: auto; width: 1fr; }"

    def __init__(self, lines: list[Line]) -> None:
        super().__init__()
        self._lines = lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._wrapped(width))

    def render(self) -> Content:
        return Content("\n").join(self._wrapped(self.size.width))

    def _wrapped(self, width: int) -> list[Content]:
        return [
            line.pad_left(indent)
            for indent, content in self._lines
            for line in content.wrap(max(width - indent, 8)) or [Content("")]
        ]


def _lines(survey: Survey) -> Iterator[Line]:
    """Each thing by what it does; commands and addresses on lines of their own."""
    if survey.faults:
        yield 0, Content("It cannot be trusted as it is").stylize("bold $text-error")
        yield from ((2, Content(fault)) for fault in survey.faults)
        yield 0, Content("")
    for does, things in groupby(survey.things, attrgetter("does")):
        yield 0, Content(_GROUPS[does]).stylize("bold")
        if does is Does.TELLS:
            yield 2, Content(", ".join(dict.fromkeys(map(_told, things))))
        else:
            yield from (line for thing in things for line in _thing(thing))
        yield 0, Content("")
    if any(thing.does is Does.RUNS for thing in survey.things):
        yield 0, Content(NOT_WATCHED).stylize("$text-muted")


def _told(thing: Thing) -> str:
    """An agent or a command goes by its name, a file of instructions by where it is."""
    return thing.name if " " in thing.name else thing.source


def _thing(thing: Thing) -> Iterator[Line]:
    source = (f"  {thing.source}", "$text-muted")
    if thing.does in (Does.RUNS, Does.CONNECTS):
        yield 2, Content.assemble(thing.name, source)
        yield 4, Content(thing.text).stylize("$text-warning" if thing.does is Does.RUNS else "")
    elif thing.does is Does.ALLOWS:
        yield 2, Content.assemble(thing.text, source)
    else:
        yield 2, Content.assemble(f"{thing.name}  {thing.text}", source)
