"""Reads the stream of a session: its end first, the rest behind the screen, then what is added."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sessiontree.claude.transcript.reading import Context, messages
from sessiontree.claude.transcript.reading import Reader as TranscriptReader
from sessiontree.engine.keeping import Keeping
from sessiontree.engine.opened import Opened
from sessiontree.model.arms import path
from sessiontree.model.event import Event
from sessiontree.model.facts import Unmade
from sessiontree.model.feed import Feed
from sessiontree.model.forest import Forest
from sessiontree.model.message import Message, Prompted
from sessiontree.model.session import Evidence, Link, LinkKind, Presence, Session, Turn
from sessiontree.store.errors import StoreError

CHUNK = 1 << 20
"""Bytes of a transcript read at a time behind the screen."""

MOST_DIVIDED = 64 << 20
"""Bytes of a transcript that is divided into its turns: they hold on to all of it."""

Source = tuple[Path, str | None, tuple[Turn, ...]]
"""A transcript, the turn to read to (None: its tip), and the turns that are known of it."""


class Reader:
    def __init__(self, forest: Forest, keeping: Keeping) -> None:
        self._forest = forest
        self._keeping = keeping

    async def load(self, opened: Opened, shown: Callable[[], None]) -> None:
        """Fill a stream from disk. `shown` is called when there is something new to see."""
        source = await self._source(opened)
        if source is None:
            opened.loaded(self._feed(opened))
            return
        path, turn, turns = source
        feed = self._feed(opened)
        transcript = TranscriptReader(
            path, turn=turn, turns=turns, forked_from=self._forked_from(opened.session)
        )

        def read() -> Mapping[str, Unmade]:
            divided = opened.divided and path.stat().st_size <= MOST_DIVIDED
            unmade, said = transcript.turns() if divided else ({}, transcript.last())
            feed.count_from(len(unmade) + 1 if unmade else _number_of_first(said, turns, turn))
            for message in said:
                feed.push(message)
            return unmade

        try:
            unmade = await asyncio.to_thread(read)
        except (OSError, LookupError) as error:
            opened.note = _words(error)
            opened.loaded(feed)
            return
        opened.transcript = transcript if turn == opened.turn else None
        opened.loaded(feed, unmade)
        opened.filling = True
        await self._fill_in_front(opened, feed, transcript, shown)
        opened.filling = opened.feed is not feed  # another reading has begun
        shown()

    async def _fill_in_front(
        self, opened: Opened, feed: Feed, transcript: TranscriptReader, shown: Callable[[], None]
    ) -> None:
        """Reading and reducing is done by a thread; the loop only joins what that made."""
        while not transcript.whole and opened.feed is feed:
            done = 100 - 100 * transcript.start // max(transcript.end, 1)
            opened.note = f"reading what is before: {done} %"
            shown()
            try:
                async with opened.reading:
                    head = await asyncio.to_thread(lambda: feed.head(transcript.earlier(CHUNK)))
            except OSError as error:
                opened.note = _words(error)
                return
            feed.put_in_front(head)
        feed.count_from(len(opened.unmade) + 1)
        if opened.note.startswith("reading"):
            opened.note = ""

    async def read_on(self, opened: Opened) -> bool:
        """Take in what was added to the transcript; whether anything was. One that could not be
        read may be back, and is read anew."""
        if self._is_back(opened):
            opened.note, opened.loading = "", True
            await self.load(opened, lambda: None)
            return True
        transcript = opened.transcript
        if opened.loading or transcript is None:
            return False
        try:
            async with opened.reading:
                said = await asyncio.to_thread(transcript.later)
        except OSError as error:
            opened.note = _words(error)
            return True
        if said is None:
            opened.loading = True
            await self.load(opened, lambda: None)
            return True
        opened.hear(said)
        return bool(said)

    def _is_back(self, opened: Opened) -> bool:
        session = self._forest.session(opened.session)
        there = session is not None and session.path and session.presence is not Presence.GONE
        return bool(there) and opened.failed

    async def events(self, session: str) -> list[Event]:
        """All that a session's stream shows, [] where it cannot be read."""
        opened = Opened(session, None)
        await self.load(opened, lambda: None)
        opened.feed.take()
        return opened.feed.events

    async def prompt(self, session: Session, turn: str) -> str:
        """The whole prompt of a turn, "" where it cannot be read."""

        def find() -> str:
            found = ""
            for message in messages(session.path, turn=turn, turns=session.turns):
                if isinstance(message, Prompted) and message.turn == turn:
                    found = message.text
            return found

        try:
            return await asyncio.to_thread(find) if session.path else ""
        except (OSError, LookupError):
            return ""

    async def context(self, session: Session, turn: str | None) -> Context | None:
        """What goes on from a turn (None: the tip) has to read; None where nobody can tell.
        Costs the bytes behind that turn."""

        def find() -> Context | None:
            return TranscriptReader(session.path, turn=turn, turns=session.turns).context()

        try:
            return await asyncio.to_thread(find) if session.path else None
        except (OSError, LookupError):
            return None

    async def _source(self, opened: Opened) -> Source | None:
        """The transcript to read, and up to which turn: a fork that has none yet begins with
        what it keeps of its parent."""
        session = self._forest.session(opened.session)
        if session is not None and session.presence is Presence.GONE:
            return await self._gone(opened, session)
        if session is not None and session.path:
            return Path(session.path), opened.turn, session.turns
        link = self._forest.link(opened.session)
        parent = self._forest.session(link.parent) if link and link.parent else None
        if link is None or parent is None or not parent.path or link.turn is None:
            return None
        return Path(parent.path), link.turn, parent.turns

    async def _gone(self, opened: Opened, session: Session) -> Source | None:
        opened.note = "The transcript is gone; only what the tree knows is left"
        if not self._keeping.has(session.id):
            return None
        try:
            path = await asyncio.to_thread(self._keeping.to_read, session)
        except (StoreError, OSError) as error:
            opened.note = f"The archive's copy cannot be read: {error}"
            return None
        opened.note = "The transcript is gone; this is the archive's copy"
        return path, opened.turn, session.turns

    def _forked_from(self, session: str) -> list[Path]:
        """The transcripts of those that it was forked from, as far as they had subagents."""
        found = map(self._forest.session, self._forest.ancestors(session))
        return [Path(one.path) for one in found if one and one.path and one.sidechains]

    def _feed(self, opened: Opened) -> Feed:
        link = self._forest.link(opened.session)
        if link is None or link.parent is None:
            return Feed()
        session = self._forest.session(opened.session)
        turns = session.turns if session else ()
        shared = not turns or any(turn.id == link.turn for turn in turns)
        after = link.turn if shared else None
        return Feed(mark_after=after, mark_text=self._left(link))

    def _left(self, link: Link) -> str:
        """In words, where a session comes from."""
        assert link.parent is not None
        label = self._forest.label(link.parent)
        if link.kind is LinkKind.HANDOFF:
            return f"⇢ handed over from ‹{label}›"
        number = len(self._forest.path(link.parent, link.turn)) if link.turn else 0
        where = f" turn {number}" if number else " before its first turn"
        by_hand = ", linked by hand" if link.evidence is Evidence.MANUAL else ""
        return f"⑂ {link.kind.value} of ‹{label}›{where}{by_hand}"


def _number_of_first(said: Sequence[Message], turns: Sequence[Turn], turn: str | None) -> int:
    """The number, on its line, of the first prompt that was read; 1 where that is not known."""
    line = path(turns, turn) if turn else [one for one in turns if one.live]
    first = next((one.turn for one in said if isinstance(one, Prompted) and not one.agent), None)
    return next((number for number, one in enumerate(line, 1) if one.id == first), 1)


def _words(error: OSError | LookupError) -> str:
    if isinstance(error, FileNotFoundError):
        return "The transcript is gone"
    if isinstance(error, OSError):
        return f"The transcript cannot be read: {error.strerror}"
    return "This turn is no longer in the transcript"
