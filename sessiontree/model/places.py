"""Where each session hangs in the drawn tree: under the turn that it left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sessiontree.model.arms import END, TOP, Arms
from sessiontree.model.changes import Changes
from sessiontree.model.families import Families
from sessiontree.model.session import Link, LinkKind


class Place(NamedTuple):
    """Under this turn (or `TOP` or `END`) of this host, which is an ancestor."""

    host: str
    turn: str


class Places:
    """`of`: session → place, without the roots. `hosted`: host → turn → those that hang there.
    `shapes` is told of each host where something came or went."""

    def __init__(self, families: Families, arms: Callable[[str], Arms], shapes: Changes) -> None:
        self.of: dict[str, Place] = {}
        self.hosted: dict[str, dict[str, set[str]]] = {}
        self._families = families
        self._arms = arms
        self._shapes = shapes
        self._left_at: dict[str, set[str]] = {}  # turn → sessions whose link names it

    def note_link(self, old: Link | None, new: Link) -> None:
        """A session has another link than before."""
        if old and old.turn:
            self._left_at[old.turn].discard(old.child)
        if new.turn:
            self._left_at.setdefault(new.turn, set()).add(new.child)

    def left_at(self, turns: Iterable[str]) -> set[str]:
        """The sessions whose links name any of these turns."""
        return set().union(*(self._left_at.get(turn, ()) for turn in turns))

    def settle(self, moved: Iterable[str]) -> None:
        """Find the places of those that moved, parents before children: what hangs below them
        may hang elsewhere as well."""
        stems: list[str] = []
        leaves: list[str] = []
        for id in moved:
            (stems if self._families.children.get(id) else leaves).append(id)
        if len(stems) > 1:  # one may be below another: take their families whole
            stems = list({self._families.of(id).root for id in stems})
        for stem in stems:
            for id in self._families.below(stem):
                self._hang(id, self._find(id))
        for leaf in leaves:
            self._hang(leaf, self._find(leaf))

    def _find(self, id: str) -> Place | None:
        """The nearest ancestor that owns the turn at which `id` left. What is above a host
        owns what the host shares, so the search steps from host to host."""
        parent = self._families.parent.get(id)
        if parent is None:
            return None
        link = self._families.links[id]
        at: str | None = parent
        while at is not None and link.turn is not None:
            if link.turn in self._arms(at).turns:
                return Place(at, link.turn)
            place = self.of.get(at)
            at = place.host if place else None
        return Place(parent, END if link.kind is LinkKind.HANDOFF else TOP)

    def _hang(self, id: str, place: Place | None) -> None:
        old = self.of.pop(id, None)
        if place is not None:
            self.of[id] = place
        if old == place:
            return
        if old is not None:
            turns = self.hosted[old.host]
            turns[old.turn].discard(id)
            if not turns[old.turn]:
                del turns[old.turn]
            if not turns:
                del self.hosted[old.host]
            self._shapes.mark(old.host)
        if place is not None:
            self.hosted.setdefault(place.host, {}).setdefault(place.turn, set()).add(id)
            self._shapes.mark(place.host)
