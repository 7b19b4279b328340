"""The session whose stream is on screen: its events so far, and what keeps them current."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sessiontree.claude.transcript.reading import Reader
from sessiontree.model.facts import Unmade
from sessiontree.model.feed import Feed
from sessiontree.model.message import Message


@dataclass(eq=False)
class Opened:
    """`turn`: the turn that the stream ends with, None for the session's tip. `note`: a sentence
    on what is missing or under way, "" when there is nothing to say."""

    session: str
    turn: str | None
    feed: Feed = field(default_factory=Feed)
    note: str = ""
    loading: bool = True
    transcript: Reader | None = None  # reads on, where the stream ends with the transcript
    filling: bool = False  # what is before is still being read
    divided: bool = False  # to be read at once, and told turn by turn when it is looked at
    unmade: Mapping[str, Unmade] = field(default_factory=dict)
    """The turns in front of those in `feed`, where it is divided and could be."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)  # one thread at a time reads it
    there: asyncio.Event = field(default_factory=asyncio.Event)  # it was loaded once
    _waiting: list[Message] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing of it is still to come from disk."""
        return not (self.loading or self.filling)

    @property
    def failed(self) -> bool:
        """Whether it could not be read, or not as it was; `note` says why."""
        return self.whole and bool(self.note)

    def hear(self, messages: Iterable[Message]) -> None:
        """Messages of a live run, or new lines of the transcript. What comes while the
        transcript is being read is put behind it."""
        if self.loading:
            self._waiting.extend(messages)
            return
        for message in messages:
            self.feed.push(message)

    def loaded(self, feed: Feed, unmade: Mapping[str, Unmade] | None = None) -> None:
        """The transcript was read: go on with what came meanwhile."""
        self.feed, self.unmade, self.loading = feed, unmade or {}, False
        waiting, self._waiting = self._waiting, []
        self.hear(waiting)
        self.there.set()
