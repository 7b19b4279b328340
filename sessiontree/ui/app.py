"""The Textual app: it starts the engine, shows the main screen, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from sessiontree.config import Config
from sessiontree.engine.engine import Engine
from sessiontree.engine.runs import Run
from sessiontree.model.run import RunState
from sessiontree.model.text import clean
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError
from sessiontree.ui.collecting import EVERY, Collecting
from sessiontree.ui.crash import report
from sessiontree.ui.dialogs.base import Option
from sessiontree.ui.dialogs.small import ChoiceDialog
from sessiontree.ui.main.screen import MainScreen
from sessiontree.ui.safety import CleanLines
from sessiontree.ui.terminal import TerminalWatch

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


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
        self._watch: TerminalWatch | None = None
        self._ending: asyncio.Task[None] | None = None
        self._collecting = Collecting()

    @property
    def environ(self) -> dict[str, str]:
        """What a program that gets the terminal is started with."""
        return dict(os.environ)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The second line of defence: what the model's cleaning missed stops here."""
        return [*super().get_line_filters(), CleanLines()]

    # Beginning

    async def on_mount(self) -> None:
        self._catch_signals()
        self._collecting.begin()
        self.set_interval(EVERY, self._collecting.ask)
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            self._watch = TerminalWatch(lambda: loop.call_soon_threadsafe(self.close_down))
        try:
            self._store = await asyncio.to_thread(Store.open, self.config.store)
        except StoreError as error:
            self.exit(return_code=1, message=Text(f"sessiontree: {error}"))
            return
        self._engine = Engine(self.config, self._store, self)
        self.main = MainScreen(self._engine, self.now)
        await self.push_screen(self.main)
        for notice in self._store.notices:
            self.tell(notice, trouble=True)
        self._engine.spawn(self._begin(self._engine))

    async def _begin(self, engine: Engine) -> None:
        await engine.start(everything=self.everything)
        if self.main is not None:
            self.main.restore()

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
        await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Keys that came in one go with the one that moved the focus arrive here last."""
        main = self.main
        if main is not None and self.screen is main and main.take_typed_ahead(event):
            event.prevent_default()

    # End

    async def action_quit(self) -> None:
        pool = self._engine.pool if self._engine else ()
        runs = [run for run in pool if run.state is not RunState.CLOSING]  # those end anyway
        if not runs or self._ending:
            self.close_down()
            return

        def chosen(key: str | None) -> None:
            if key == "q":
                self.close_down()

        count = f"{len(runs)} run{'s are' if len(runs) > 1 else ' is'} under way"
        labels = (
            "\n".join(f"  ‹{self._engine.label(run.plan.session)}›" for run in runs[:8])
            if (self._engine)
            else ""
        )
        text = f"{labels}\nWhat has arrived is kept; each can be continued later."
        options = [Option("s", "stay"), Option("q", "end them and quit", danger=True)]
        self.push_screen(ChoiceDialog(count, text, options), chosen)

    async def action_stop(self) -> None:
        """Ctrl+C: copy what is selected; else quit. A second one while closing ends it hard."""
        if selected := self.screen.get_selected_text():
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
            return
        if self._ending and self._engine:
            self._engine.pool.kill()
            return
        if isinstance(self.screen, ChoiceDialog):
            self.close_down()  # it was asked, and pressed again
            return
        await self.action_quit()

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


def run(config: Config, *, everything: bool = False) -> int:
    """Run the app in this terminal; the exit code."""
    app = SessionTree(config, everything=everything)
    app.run()
    return app.return_code or 0
