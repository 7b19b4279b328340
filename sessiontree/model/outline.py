"""Events in order while more come in anywhere: the main line, and under each call the line of
the subagent that it started. `events` is that tree laid out flat."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from sys import maxsize
from typing import NamedTuple

from sessiontree.model.event import Event, Mark, Prompt


class Change(NamedTuple):
    """`front`: how many events came in front of all others. `start`: the lowest index at which
    the events behind those changed, None where they did not."""

    front: int
    start: int | None


@dataclass(slots=True, eq=False)
class Node:
    """An event in its place. `place` is its index in `Outline.events`, counted from the event
    that was the first one at the beginning: what comes in front has places below 0. It is
    `maxsize` until it has one. `children` is a list where there are any: a transcript of 100 MB
    has 40,000 nodes, and hardly one has."""

    event: Event
    parent: Node | None
    place: int = maxsize
    children: list[Node] | tuple[()] = ()


class Outline:
    """A tree of events and the flat list of it. Adding or replacing one costs constant time;
    `lay_out` costs the events behind the first that was put in, and those put in front."""

    def __init__(self) -> None:
        self.root = Node(Event(key="", depth=-1), None)
        self.events: list[Event] = []
        self._first = 0  # place of the first event
        self._front = 0  # nodes at the head of the main line that came in front
        self._stale: int | None = None  # `events` is out of date from this place on
        self._changed: int | None = None

    def append(self, parent: Node, event: Event) -> Node:
        """Puts `event` at the end of a line. A mark at the end of the main line stays there
        until the next prompt."""
        node = Node(_at_depth(event, parent.event.depth + 1), parent)
        if not isinstance(parent.children, list):
            parent.children = []
        siblings = parent.children
        last = siblings[-1] if siblings else None
        pushes_on = parent is self.root and last is not None and _is_trailing(last.event)
        if last and pushes_on and not isinstance(event, Prompt):
            self._stale_from(last.place)
            last.place = maxsize
            siblings.insert(-1, node)
        else:
            siblings.append(node)
        top = node
        while top.parent is not self.root and top.parent is not None:
            top = top.parent
        self._stale_from(top.place)
        return node

    def replace(self, node: Node, event: Event) -> None:
        if node.event == event:
            return
        node.event = event
        if node.place < self._end:
            self.events[node.place - self._first] = event
            self._changed = _lower(self._changed, node.place)

    def renumber(self, by: int) -> None:
        """Adds `by` to the number of each prompt on the main line."""
        if not by:
            return
        for node in self.root.children:
            if isinstance(node.event, Prompt):
                self.replace(node, replace(node.event, number=node.event.number + by))

    def put_in_front(self, nodes: Sequence[Node]) -> None:
        """Puts the main line of another outline in front of this one's."""
        for node in nodes:
            node.parent = self.root
            node.place = maxsize
        mine = self.root.children
        if nodes and _is_trailing(nodes[-1].event):
            shared = next((i for i, n in enumerate(mine) if isinstance(n.event, Prompt)), len(mine))
            self.root.children = [*nodes[:-1], *mine[:shared], nodes[-1], *mine[shared:]]
            self._stale_from(self._first)
            self._front += len(nodes) - 1
        else:
            self.root.children = [*nodes, *mine]
            self._front += len(nodes)

    def drop(self, node: Node) -> None:
        """Takes a node out, with what is under it. Costs its whole line."""
        line = node.parent or self.root
        at = line.children.index(node)
        line.children = [*line.children[:at], *line.children[at + 1 :]]
        if line is self.root and at < self._front:
            self._front -= 1
        self._stale_from(node.place)

    def lay_out(self) -> Change | None:
        """Brings `events` up to date; what changed since the last call, None where nothing."""
        front = list(_flat(self.root.children[: self._front]))
        self._front = 0
        self._first -= len(front)
        self.events[:0] = self._placed(front, self._first)
        if self._stale is not None:
            start, self._stale = self._stale, None
            behind = bisect_left(self.root.children, start, key=lambda node: node.place)
            index = start - self._first
            old = self.events[index:]
            self.events[index:] = self._placed(_flat(self.root.children[behind:]), start)
            same = sum(1 for _ in _same(old, self.events, index))
            if same < len(old) or start + same < self._end:
                self._changed = _lower(self._changed, start + same)
        changed, self._changed = self._changed, None
        if changed is None:
            return Change(len(front), None) if front else None
        return Change(len(front), changed - self._first)

    def _placed(self, nodes: Iterable[tuple[Node, int]], place: int) -> list[Event]:
        found: list[Event] = []
        for node, depth in nodes:
            node.event = _at_depth(node.event, depth)
            node.place = place + len(found)
            found.append(node.event)
        return found

    @property
    def _end(self) -> int:
        """The place behind the last event."""
        return self._first + len(self.events)

    def _stale_from(self, place: int) -> None:
        self._stale = _lower(self._stale, min(place, self._end))


def _is_trailing(event: Event) -> bool:
    return isinstance(event, Mark) and not event.first


def _lower(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _at_depth(event: Event, depth: int) -> Event:
    return event if event.depth == depth else replace(event, depth=depth)


def _flat(nodes: Sequence[Node]) -> Iterator[tuple[Node, int]]:
    """Each node before those under it, with its depth. Not recursive: agents can nest deep."""
    stack = [iter(nodes)]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            continue
        yield node, len(stack) - 1
        if node.children:
            stack.append(iter(node.children))


def _same(old: Sequence[Event], events: Sequence[Event], start: int) -> Iterator[None]:
    for index, event in enumerate(old, start):
        if index >= len(events) or events[index] is not event:
            return
        yield
