"""The streams on screen: the opened one, and those that are compared beside it. And those that
are read ahead."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from sessiontree.engine.opened import Opened
from sessiontree.engine.reader import Reader
from sessiontree.engine.runs import Run, RunPool
from sessiontree.model.comparison import Side
from sessiontree.model.feed import Feed
from sessiontree.model.message import Ended, Message


class Streams:
    """`spawn` owns the reading; `seen` is told which session a person now looks at, `changed`
    that there is something new to draw. `failed`: why a session's last run failed that
    left nothing on disk, "" where there is no such run."""

    def __init__(
        self,
        reader: Reader,
        pool: RunPool,
        spawn: Callable[[Coroutine[Any, Any, object]], None],
        seen: Callable[[str], None],
        changed: Callable[[], None],
        failed: Callable[[str], str],
    ) -> None:
        self.opened: Opened | None = None
        self.beside: tuple[Opened, ...] = ()
        """Lines that are compared: kept current as the opened one is."""
        self.ahead: dict[Side, Opened] = {}
        """Those that were read ahead: kept current as well, but nobody sees them yet."""
        self._reader = reader
        self._pool = pool
        self._spawn = spawn
        self._seen = seen
        self._changed = changed
        self._failed = failed

    def open(self, session: str, turn: str | None = None) -> Opened:
        """Show a session's stream, to a turn of it or to its tip. Its events follow."""
        self.opened = opened = Opened(session, turn)
        self._begin(opened)
        return opened

    def read_ahead(self, sides: Iterable[Side]) -> None:
        """Read lines that are likely to be compared soon; let go of what no longer is."""
        before, self.ahead = self.ahead, {}
        for side in sides:
            opened = before.get(side)
            if opened is None:
                opened = _to_compare(side)
                self._spawn(self._fill(opened))
            self.ahead[side] = opened

    def open_beside(self, sides: Iterable[Side]) -> tuple[Opened, ...]:
        """Read lines that are to be compared, as far as that was not done ahead, and keep them
        current; () lets them go."""
        beside = []
        for side in sides:
            opened = self.ahead.get(side)
            if opened is None or opened.failed:
                opened = _to_compare(side)
                self._spawn(self._fill(opened))
            self._seen(opened.session)
            beside.append(opened)
        self.beside = tuple(beside)
        return self.beside

    def hear_only(self, session: str, feed: Feed) -> None:
        """Show what a run says from now on, without what was before."""
        self.opened = opened = Opened(session, None)
        opened.loaded(feed)
        if run := self._pool.of(session):
            opened.hear(run.log)

    def of(self, session: str) -> Iterator[Opened]:
        """What is on screen of a session."""
        return (opened for opened in self if opened.session == session)

    def __iter__(self) -> Iterator[Opened]:
        if self.opened is not None:
            yield self.opened
        yield from self.beside

    def hear(self, run: Run, message: Message) -> None:
        """A live run said something."""
        for opened in self._held(run.plan.session):
            if opened.turn is None:  # else it ends before what is said now
                opened.hear([message])
                self._changed()

    def read_on(self, session: str) -> None:
        """Take in what was added to a session's transcript."""
        for opened in self._held(session):
            self._spawn(self._read_on(opened))

    def _held(self, session: str) -> list[Opened]:
        """What is on screen of a session, or was read ahead: each once."""
        held = dict.fromkeys([*self, *self.ahead.values()])
        return [opened for opened in held if opened.session == session]

    def _begin(self, opened: Opened) -> None:
        self._seen(opened.session)
        self._spawn(self._fill(opened))

    async def _fill(self, opened: Opened) -> None:
        def shown() -> None:
            if any(opened is one for one in self):
                self._changed()

        run = self._pool.of(opened.session)
        if run is not None and opened.turn is None:
            opened.hear(list(run.log))
        await self._reader.load(opened, shown)
        if run is None and (reason := self._failed(opened.session)):
            opened.hear([Ended(key="end", ok=False, text=reason)])
        shown()

    async def _read_on(self, opened: Opened) -> None:
        if await self._reader.read_on(opened):
            self._changed()


def _to_compare(side: Side) -> Opened:
    return Opened(side.session, side.turn, divided=True)
