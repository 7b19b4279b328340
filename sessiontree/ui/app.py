"""The Textual app: it starts the engine, shows the main screen, and leaves nothing behind.

From here nothing is imported that the first paint does not need: `_begin` brings in the rest."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from sessiontree.claude.reaper import REAPER
from sessiontree.config import Config
from sessiontree.crash import report
from sessiontree.engine.preview import Preview, preview
from sessiontree.model.text import clean
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError
from sessiontree.ui.collecting import EVERY, Collecting
from sessiontree.ui.main.first import FirstScreen
from sessiontree.ui.safety import CleanLines
from sessiontree.ui.terminal import TerminalWatch, modes

if TYPE_CHECKING:
    from sessiontree.engine.engine import Engine
    from sessiontree.engine.runs import Run
    from sessiontree.ui.main.screen import MainScreen

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

INCOMPLETE = "a part of it is missing. Was it installed anew just now? Start it again"


class SessionTree(App[None]):
    """`everything`: show all projects, not only the one of the folder it was started in.
    `now` gives seconds since the epoch, for what is shown as so long ago."""

    TITLE = "sessiontree"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-wide")]  # noqa: RUF012 - an instance's
    VERTICAL_BREAKPOINTS = [(0, "-low"), (14, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False, priority=True),
        Binding("ctrl+c", "stop", show=False, priority=True),
    ]
    CSS = """
    ToastRack { margin-bottom: 4; }
    """

    def __init__(
        self,
        config: Config,
        *,
        everything: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.now = now
        self.config = config
        self.everything = everything
        self.main: MainScreen | None = None
        self._engine: Engine | None = None
        self._store: Store | None = None
        self._preview: Preview | None = None
        self._fault: StoreError | None = None  # of opening the store
        self._typed_ahead: list[events.Event] | None = []  # what waits for the main screen
        self._watch: TerminalWatch | None = None
        self._arrival: asyncio.Task[MainScreen] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._collecting = Collecting()
        self.terminal_before: list[Any] | None = None
        """How the terminal was set, where the app has one."""

    @property
    def environ(self) -> dict[str, str]:
        """What a program that gets the terminal is started with."""
        return dict(os.environ)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The second line of defence: what the model's cleaning missed stops here."""
        return [*super().get_line_filters(), CleanLines()]

    # Beginning

    async def on_load(self) -> None:
        """Before there is a screen: what it shows first."""
        try:
            self._store = await asyncio.to_thread(Store.open, self.config.store)
        except StoreError as error:
            self._fault = error
            return
        self._preview = await preview(self.config, self._store, everything=self.everything)

    def get_default_screen(self) -> Screen[Any]:
        return FirstScreen(self._preview) if self._preview else super().get_default_screen()

    def on_mount(self) -> None:
        self._catch_signals()
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            self._watch = TerminalWatch(lambda: loop.call_soon_threadsafe(self.close_down))
        if self._fault is not None:
            self.exit(return_code=1, message=Text(f"sessiontree: {self._fault}"))
        else:
            self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """There is something to see: bring in the rest of the program."""
        self._arrival = asyncio.create_task(self._bring_in(), name="bring in the rest")
        self._arrival.add_done_callback(lambda arrival: self.call_later(self._arrived, arrival))

    async def _bring_in(self) -> MainScreen:
        from sessiontree.engine.engine import Engine
        from sessiontree.ui.main.screen import MainScreen

        assert self._store is not None
        first = self.screen
        if self.terminal_before and sys.__stdout__:  # from here on `kill -9` leaves it as it was
            REAPER.hold_terminal(sys.__stdout__.fileno(), self.terminal_before)
        self._engine = Engine(self.config, self._store, self)
        try:
            await self._engine.start(everything=self.everything)
        except (StoreError, OSError) as error:  # what was read until then is shown
            self.tell(str(error), trouble=True)
        main = MainScreen(self._engine, self.now)
        await self.push_screen(main)
        await first.remove_children()
        return main

    async def _arrived(self, arrival: asyncio.Task[MainScreen]) -> None:
        """Hand over to the main screen, also what was typed ahead. As a message of the app this
        comes before all that is typed from now on."""
        if arrival.cancelled() or self._store is None or self._ending is not None:
            return
        if isinstance(error := arrival.exception(), ImportError):
            self.exit(return_code=1, message=Text(f"sessiontree: {INCOMPLETE} ({error})"))
            return
        self.main = arrival.result()
        self.main.draw("tree", "stream")  # what the engine said before went nowhere
        self._preview = None
        self._collecting.begin()
        self.set_interval(EVERY, self._collecting.ask)
        for notice in self._store.notices:
            self.tell(notice, trouble=True)
        typed_ahead, self._typed_ahead = self._typed_ahead or (), None
        for event in typed_ahead:
            await super().on_event(event)

    def _catch_signals(self) -> None:
        """Textual alone leaves the alternate screen on and skips unmounting (8.2.8)."""
        loop = asyncio.get_running_loop()
        for number in END_SIGNALS:
            loop.add_signal_handler(number, self.close_down)

    # What the engine says

    def forest_changed(self) -> None:
        if self.main is not None:
            self.main.forest_changed()

    def stream_changed(self) -> None:
        if self.main is not None:
            self.main.draw("stream")

    def asked(self) -> None:
        if self.main is not None:
            self.main.asked()

    def ended(self, run: Run) -> None:
        if self.main is not None:
            self.main.ended(run)

    def tell(self, text: str, *, trouble: bool = False) -> None:
        self.say(text, trouble=trouble)

    def say(self, text: str, *, trouble: bool = False) -> None:
        """A passing word to the person."""
        text = clean(text)  # it may quote a path, or what the system said
        if trouble:
            self.notify(text, severity="error", timeout=8, markup=False)
        else:
            self.notify(text, timeout=4, markup=False)

    # Keys

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent):
            self._collecting.touched()
        if isinstance(event, events.Paste):
            event.text = clean(event.text)
        if self._typed_ahead is not None and _waits(event):
            self._typed_ahead.append(event)
        else:
            await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Keys that came in one go with the one that moved the focus arrive here last."""
        if self.main is None:
            return
        from sessiontree.ui.modal import Modal

        screen = self.screen
        if screen is not self.main and not isinstance(screen, Modal):
            return
        if screen.take_typed_ahead(event):
            event.prevent_default()

    # End

    async def action_quit(self) -> None:
        if self.main is not None and self._ending is None:
            self.main.action_quit()
        else:
            self.close_down()

    async def action_stop(self) -> None:
        """Ctrl+C: copy what is selected; else quit. A second one while closing ends it hard."""
        from textual.widgets import Input, TextArea

        if selected := self.screen.get_selected_text():
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
            return
        if isinstance(self.focused, Input | TextArea) and self.focused.selected_text:
            self.focused.action_copy()
            return
        if self._ending and self._engine:
            self._engine.pool.kill()
            return
        await self.action_quit()

    def copy_to_clipboard(self, text: str) -> None:
        """Whatever shows it, or copies it: what is pasted from a clipboard acts on a terminal."""
        super().copy_to_clipboard(clean(text))

    def close_down(self) -> None:
        """End the runs and leave; safe to call more than once."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._close_down(), name="close down")

    async def on_unmount(self) -> None:
        """However the app ends, its runs end with it."""
        if self._watch is not None:
            self._watch.stop()
        self._collecting.end()
        self.main = None  # what still happens, nobody looks at
        if self._engine is not None:
            await self._engine.close()

    def _fatal_error(self) -> None:
        """Textual's own page shows local variables, and those hold messages and keys."""
        self._exit_renderables.append(Text(report(self.config.home, self._exception)))
        self._close_messages_no_wait()

    async def _close_down(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
        if self._engine is not None:
            if any(self._engine.pool):
                self.say("Closing: ending the runs …")
            if self.main is not None:
                self.main.remember()
            await self._engine.close()
        if self._store is not None:
            self._store.close()
        if self._watch is not None:
            self._watch.leave()
        self.exit()


def _waits(event: events.Event) -> bool:
    """Whether what a person did waits for the main screen: all but leaving."""
    if isinstance(event, events.Key):
        return event.key not in ("ctrl+c", "ctrl+q")
    return isinstance(event, events.InputEvent | events.Paste)


def run(config: Config, *, everything: bool = False) -> int:
    """Run the app in this terminal; the exit code."""
    app = SessionTree(config, everything=everything)
    app.terminal_before = modes()
    try:
        app.run()
    finally:
        REAPER.give_terminal()
    return app.return_code or 0
