"""When Python looks for cyclic garbage.

A full look stops everything: 0.2 s with 40,000 events open (CPython 3.11), and by itself it comes
while a session is being read. Here only what is new is looked at, a few ms at a time, and all of
it once nobody has pressed a key for a while."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

EVERY = 10.0
"""Seconds between two questions whether it is quiet enough; the app asks."""

QUIET = 5.0
"""Seconds without a key or the mouse before a full look."""

_YOUNG = 10_000  # new objects before they are looked at: about 3 ms
_MIDDLE = 5  # looks at the new ones before a look at those that outlived one: about 15 ms
_NEVER = 1_000_000
_WORTH_IT = 20  # looks at the middle ones since the last full look: a million new objects
_OVERDUE = 500  # then a full look is due even while somebody types


class Collecting:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._touched = clock()
        self._former = gc.get_threshold()

    def begin(self) -> None:
        if not gc.isenabled():  # what was made meanwhile, the imports, is here to stay
            gc.freeze()
        self._former = gc.get_threshold()
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        gc.enable()

    def end(self) -> None:
        gc.set_threshold(*self._former)

    def touched(self) -> None:
        """A person pressed a key or moved the mouse."""
        self._touched = self._clock()

    def ask(self) -> None:
        """Take a full look if there is reason to and it disturbs nobody."""
        due = gc.get_count()[2]
        quiet = self._clock() - self._touched >= QUIET
        if due >= _OVERDUE or (quiet and due >= _WORTH_IT):
            gc.collect()
