"""What a person sets: titles, verdicts, notes, what is kept or put away, and links by hand.

A change is stored first and then shown; asking for what is set never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sessiontree.claude.titles import rename
from sessiontree.engine.catalog import Catalog
from sessiontree.engine.listener import Listener
from sessiontree.engine.runs import RunPool
from sessiontree.model.forest import Forest
from sessiontree.model.linking import LinkRefused, by_hand, cut
from sessiontree.model.session import LinkKind, Session
from sessiontree.model.text import clean_line
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError
from sessiontree.store.records import Annotation

NOTHING = Annotation()


class Marks:
    """`draw` shows a session as it is known now."""

    def __init__(
        self,
        store: Store,
        forest: Forest,
        catalog: Catalog,
        pool: RunPool,
        listener: Listener,
        draw: Callable[[str], None],
    ) -> None:
        self._store = store
        self._forest = forest
        self._catalog = catalog
        self._pool = pool
        self._listener = listener
        self._draw = draw
        self._all: Mapping[str, Annotation] = {}  # by the id of a session or a turn
        self._unwritten: set[str] = set()  # sessions whose transcripts lack the title that was set
        self._storing = asyncio.Lock()  # what is read while something is stored is out of date

    def of(self, id: str) -> Annotation:
        """What is set on a session, or on a turn by its canonical id."""
        return self._all.get(id, NOTHING)

    def kept(self) -> list[str]:
        """The sessions whose transcripts are to be archived."""
        return [id for id, set_on in self._all.items() if set_on.keep]

    async def refresh(self) -> None:
        """Take in what is stored now. Linear in it."""
        async with self._storing:
            self._take(await asyncio.to_thread(self._store.annotations))

    def _take(self, stored: Mapping[str, Annotation]) -> None:
        before, self._all = self._all, stored
        ids = before.keys() | stored.keys()
        changed = {id for id in ids if before.get(id) != stored.get(id)}
        self._forest.set_notes({id: one.note for id, one in stored.items() if one.note})
        for id in changed:
            self._draw(id)

    async def set(self, id: str, **fields: Any) -> bool:
        """Set these fields of the `Annotation` of a session or a turn. False where that could
        not be stored: the listener was told why."""
        async with self._storing:
            if not await self._stored(lambda: self._store.annotate(id, **fields)):
                return False
            self._take({**self._all, id: self._store.annotation(id)})
        self._listener.forest_changed()
        return True

    async def rename(self, session: Session, title: str) -> None:
        """Give a session a title, or with "" take it back: in the store, and in its transcript for
        Claude Code."""
        if await self.set(session.id, title=clean_line(title)):
            self._unwritten.add(session.id)
            await self.write_title(session.id)

    async def write_title(self, id: str) -> None:
        """Bring a title that was just set into the transcript. One that a run is writing has to
        wait: ask again when that is over."""
        session = self._forest.session(id)
        waits = session is None or not session.path or self._pool.of(id) is not None
        if session is None or waits or id not in self._unwritten:
            return
        self._unwritten.discard(id)
        title = self.of(id).title
        if (title or session.title) and (words := await asyncio.to_thread(rename, session, title)):
            self._listener.tell(words, trouble=True)

    # Links

    async def refresh_links(self) -> None:
        """Take in the links that are stored now. Linear in them."""
        async with self._storing:
            self._catalog.stored(await asyncio.to_thread(self._store.links))

    async def link(self, child: Session, parent: Session, turn: str | None = None) -> bool:
        """Say that a session descends from another, from the end of `turn` on (see `by_hand`).
        False where that is refused or could not be stored: the listener was told why."""
        now = self._forest.link(child.id)
        above = self._forest.ancestors(parent.id)
        try:
            link = by_hand(
                child, parent, turn, above=above, kind=now.kind if now else LinkKind.FORK
            )
        except LinkRefused as error:
            self._listener.tell(str(error), trouble=True)
            return False
        return await self._relink(lambda: self._store.set_link(link))

    async def cut(self, child: str) -> bool:
        """Say that a session is a root."""
        return await self._relink(lambda: self._store.set_link(cut(child)))

    async def link_as_found(self, child: str) -> bool:
        """Take back what was said of a session's parent: what was made here, or found, holds."""
        return await self._relink(lambda: self._store.unset_link(child))

    async def _relink(self, change: Callable[[], object]) -> bool:
        async with self._storing:
            if not await self._stored(change):
                return False
        await self.refresh_links()
        self._listener.forest_changed()
        return True

    async def _stored(self, change: Callable[[], object]) -> bool:
        """Change the store, off the event loop."""
        try:
            await asyncio.to_thread(change)
        except StoreError as error:
            self._listener.tell(str(error), trouble=True)
            return False
        return True
