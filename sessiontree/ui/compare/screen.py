"""The screen of a comparison: it reads the sides, keeps them current, and says where to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer

from sessiontree.engine.engine import Engine
from sessiontree.engine.opened import Opened
from sessiontree.model.amounts import counted
from sessiontree.model.comparison import Comparison, Side, Source, compare
from sessiontree.model.text import label
from sessiontree.ui.compare.bars import Hints, SideBar, SideName, TitleBar
from sessiontree.ui.compare.content import Content, content
from sessiontree.ui.compare.summary import state_words
from sessiontree.ui.compare.view import CompareView
from sessiontree.ui.dialogs.small import HelpDialog

FRAME_SECONDS = 1 / 20
LIVE_SECONDS = 1 / 2
"""How often sides that run are compared anew at most, once all are read."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The side with which a person left the comparison. `go_on`: to continue it."""

    side: Side
    go_on: bool = False


class CompareScreen(Screen[Chosen | None]):
    """`changed` is to be called when the engine has something new to show."""

    DEFAULT_CSS = """
    CompareScreen { layout: vertical; }
    CompareScreen CompareView { height: 1fr; }
    """
    HORIZONTAL_BREAKPOINTS = []  # noqa: RUF012 - an instance's
    VERTICAL_BREAKPOINTS = []  # noqa: RUF012
    """None: no rule here knows the app's, and each class costs 5 ms of styling."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("tab", "side(1)", show=False),
        Binding("shift+tab", "side(-1)", show=False),
        *(Binding(str(n), f"pick({n - 1})", show=False) for n in range(1, 5)),
        Binding("s", "shared", show=False),
        Binding("c", "go_on", show=False),
        Binding("enter", "go", show=False),
        Binding("question_mark", "help", show=False),
    ]

    def __init__(self, engine: Engine, sides: Sequence[Side], now: Callable[[], float]) -> None:
        super().__init__()
        self._engine = engine
        self._sides = tuple(sides)
        self._now = now
        self._lines: tuple[Opened, ...] = ()
        self._seen: object = None  # what the last comparison was made of
        self._stage: object = None  # how much was read then
        self._opened = False  # the shared turns are shown
        self._timer: Timer | None = None
        self._comparing = False
        self._again = False  # something was new meanwhile
        self._settled = False  # what was compared last was whole

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield SideBar()
        yield CompareView(
            [self._folder(side) for side in self._sides],
            today=lambda: date.fromtimestamp(self._now()),
        )
        yield Hints()

    def on_mount(self) -> None:
        self.query_one(SideBar).names = tuple(SideName(self._label(side)) for side in self._sides)
        self.view.focus()
        self._lines = self._engine.streams.open_beside(self._sides)
        self._engine.spawn(self._wait())
        self.changed()

    def on_unmount(self) -> None:
        if self._engine.streams.beside is self._lines:
            self._engine.streams.open_beside(())

    @property
    def view(self) -> CompareView:
        return self.query_one(CompareView)

    @property
    def is_settled(self) -> bool:
        """Whether all that is on disk was read, compared and shown."""
        return self._settled and not self._comparing and self._timer is None

    # Keeping it current

    async def _wait(self) -> None:
        """Until all sides are there: nobody waits for a timer then."""
        for line in self._lines:
            await line.there.wait()
        if self.is_attached:
            self._look()

    def changed(self) -> None:
        """Something may be new: look in a moment, once for all that comes until then."""
        if self._timer is not None or not self._lines:
            return
        if self._settled:
            self._timer = self.set_timer(LIVE_SECONDS, self._look)
        elif all(line.whole for line in self._lines):
            self._look()
        else:
            self._timer = self.set_timer(FRAME_SECONDS, self._look)

    @on(CompareView.Resized)
    def _look(self) -> None:
        """Compare anew if there is anything that was not compared yet."""
        self._timer = None
        if self._comparing or not self._lines:
            self._again = True
            return
        stage = (
            [(line.loading, line.whole) for line in self._lines],
            self.view.widths,
            self._opened,
        )
        if not all(line.whole for line in self._lines):
            self._say_progress()
            if stage == self._stage or any(line.loading for line in self._lines):
                return  # what is read piece by piece is not compared piece by piece
        self._stage = stage
        sources = tuple(map(self._source, self._sides, self._lines))
        seen = (sources, self.view.widths, self._opened)
        if seen != self._seen:
            self._seen = seen
            self._comparing = True
            self._engine.spawn(self._compare(*seen))

    async def _compare(
        self, sources: Sequence[Source], widths: tuple[int, int], opened: bool
    ) -> None:
        def work() -> tuple[Comparison, Content]:
            found = compare(sources)
            return found, content(found, wide=widths[0], column=widths[1], opened=opened)

        try:
            found, told = await asyncio.to_thread(work)
        finally:
            self._comparing = False
        if not self.is_attached:
            return  # it was left meanwhile
        self._settled = all(source.whole for source in sources)
        self.view.show(told, whole=self._settled)
        self._tell(found)
        if self._again:
            self._again = False
            self._look()

    def _source(self, side: Side, line: Opened) -> Source:
        line.feed.take()
        return Source(
            side,
            self._label(side),
            self._engine.forest.turns(side.session),
            () if line.loading else tuple(line.feed.events),
            self._folder(side),
            self._engine.forest.status(side.session),
            line.note,
            line.whole,
            line.unmade,
        )

    def _folder(self, side: Side) -> str:
        session = self._engine.forest.session(side.session)
        return session.cwd if session else ""

    def _label(self, side: Side) -> str:
        forest = self._engine.forest
        if side.turn is not None and (line := forest.path(side.session, side.turn)):
            return f"turn {len(line)}: {line[-1].label}"
        return label(forest.label(side.session))

    def _tell(self, found: Comparison) -> None:
        """Name the sides, and say what is compared."""
        states = [state_words(column)[0] for column in found.columns]
        sides = zip(found.columns, states, strict=True)
        self.query_one(SideBar).names = tuple(SideName(c.source.label, s) for c, s in sides)
        what = "turns of one session" if found.alone else counted(len(states), "session")
        shared = "" if found.alone else f", {counted(len(found.shared), 'shared turn')}"
        title = self.query_one(TitleBar)
        title.title_text = what + shared
        if title.note.startswith("reading") and all(line.whole for line in self._lines):
            title.note = ""
        self._hint()

    def _say_progress(self) -> None:
        notes = [line.note for line in self._lines if not line.whole and line.note]
        self.query_one(TitleBar).note = notes[0] if notes else "reading …"

    def _hint(self) -> None:
        number = self.view.side + 1
        self.query_one(Hints).pairs = (
            ("esc", "back"),
            (f"tab 1-{len(self._sides)}", "side"),
            ("n N", "differences"),
            ("c", f"continue {number}"),
            ("enter", f"go to {number}"),
            ("s", "shared turns"),
            ("space", "details"),
            ("[ ]", "turns"),
            ("?", "help"),
        )

    # Keys and clicks

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_go(self) -> None:
        self.dismiss(Chosen(self._sides[self.view.side]))

    def action_go_on(self) -> None:
        self.dismiss(Chosen(self._sides[self.view.side], go_on=True))

    def action_side(self, by: int) -> None:
        self.action_pick((self.view.side + by) % len(self._sides))

    def action_pick(self, side: int) -> None:
        if side < len(self._sides):
            self.view.choose(side)
            self.query_one(SideBar).chosen = side
            self._hint()

    @on(SideBar.Picked)
    def _picked(self, message: SideBar.Picked) -> None:
        self.action_pick(message.side)

    @on(CompareView.SharedPressed)
    def action_shared(self) -> None:
        self._opened = not self._opened
        self.view.action_scroll_home()
        self._look()

    @on(CompareView.Moved)
    def _moved(self, message: CompareView.Moved) -> None:
        words = f"difference {message.number} of {message.count}"
        self.query_one(TitleBar).note = words if message.count else "no differences to go to"

    def action_help(self) -> None:
        self.app.push_screen(HelpDialog())
