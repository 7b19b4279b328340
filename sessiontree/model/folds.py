"""Which rows are open."""

from __future__ import annotations

from collections.abc import Iterable

from sessiontree.model.plan import Key, Kind


class Folds:
    """Turns and fan-outs are open unless folded (a turn cannot be), the rest is folded unless
    opened. While filtering all is open, and what is folded then is forgotten afterwards."""

    def __init__(self) -> None:
        self.filtering = False
        self._unfolded: set[str] = set()  # sessions
        self._flipped: set[Key] = set()  # projects, arms and fan-outs
        self._folded_in_filter: set[Key] = set()

    def is_open(self, key: Key) -> bool:
        if key.kind is Kind.TURN:
            return True
        if self.filtering:
            return key not in self._folded_in_filter
        if key.kind is Kind.SESSION:
            return key.session in self._unfolded
        return (key.kind is Kind.GROUP) != (key in self._flipped)

    def is_unfolded(self, session: str) -> bool:
        """The same for a session's row while nothing is filtered, and faster."""
        return session in self._unfolded

    @property
    def unfolded(self) -> frozenset[str]:
        """The sessions whose turns are shown."""
        return frozenset(self._unfolded)

    @property
    def any_in_filter(self) -> bool:
        return bool(self._folded_in_filter)

    def flip(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if self.filtering:
                self._folded_in_filter ^= {key}
            elif key.kind is Kind.SESSION:
                self._unfolded ^= {key.session}
            else:
                self._flipped ^= {key}

    def unfold(self, sessions: Iterable[str]) -> None:
        self._unfolded.update(sessions)

    def end_filter(self) -> None:
        self.filtering = False
        self._folded_in_filter.clear()
