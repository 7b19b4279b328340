"""Who descends from whom. Each session has at most one parent, so sessions form families; a
link that would close a circle is set aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sessiontree.model.session import Evidence, Link

_SUREST_FIRST = {evidence: rank for rank, evidence in enumerate(Evidence)}


@dataclass(eq=False, slots=True)
class Family:
    """`spent`: what its members cost together, where that was `counted` since it changed."""

    root: str
    members: set[str] = field(default_factory=set)
    spent: float | None = None
    counted: bool = False


class Families:
    """Adding a link costs the smaller of the two families that it joins; taking one away costs
    what hangs below it.

    In a circle of links the least sure one is set aside, of equals that of the smallest id: the
    same links give the same families, in whatever order they came."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.parent: dict[str, str] = {}
        self.children: dict[str, set[str]] = {}
        self.moved: dict[str, str | None] = {}
        """Ids that came, went or got another parent → the parent before; the reader clears it."""
        self._family: dict[str, Family] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._family

    def __iter__(self) -> Iterator[str]:
        return iter(self._family)

    def of(self, id: str) -> Family:
        return self._family[id]

    def add(self, id: str) -> None:
        if id not in self._family:
            self._family[id] = Family(id, {id})
            self.moved.setdefault(id, None)

    def discard(self, id: str) -> None:
        """Forget a member to which no link leads, neither up nor down."""
        if id in self._family and id not in self.parent and not self.children.get(id):
            del self._family[id]
            self.children.pop(id, None)
            self.moved.setdefault(id, None)

    def link(self, link: Link) -> None:
        """Set the link of a child; it replaces the one before."""
        child = link.child
        self.add(child)
        self._cut(child)
        self.links[child] = link
        self._join(child)

    def unlink(self, child: str) -> None:
        self._cut(child)
        self.links.pop(child, None)

    def below(self, id: str) -> Iterator[str]:
        """`id` and all that descends from it, parents first."""
        stack = [id]
        while stack:
            one = stack.pop()
            yield one
            stack.extend(self.children.get(one, ()))

    def above(self, id: str) -> Iterator[str]:
        """The ancestors of `id`, the nearest first."""
        at = self.parent.get(id)
        while at is not None:
            yield at
            at = self.parent.get(at)

    def _join(self, child: str) -> None:
        """Bring the link of `child`, which has no parent now, into force."""
        parent = self.links[child].parent
        if parent is None:
            return
        self.add(parent)
        if self._family[child] is self._family[parent]:  # `parent` descends from `child`
            circle = [parent, *self.above(parent)]
            weakest = min(circle, key=lambda id: (-self._rank(id), id))
            if weakest == child:
                return
            self._cut_parent(weakest)
        self._set_parent(child, parent)

    def _rank(self, id: str) -> int:
        return _SUREST_FIRST[self.links[id].evidence]

    def _cut(self, child: str) -> None:
        """Take the link of `child` out of force; one that it had kept aside comes back."""
        if child not in self.parent:
            return
        root = self._family[child].root
        self._cut_parent(child)
        aside = self.links.get(root)
        if aside and aside.parent and self._family[aside.parent] is not self._family[root]:
            self._set_parent(root, aside.parent)

    def _set_parent(self, child: str, parent: str) -> None:
        self.parent[child] = parent
        self.moved.setdefault(child, None)
        self.children.setdefault(parent, set()).add(child)
        large, small = self._family[parent], self._family[child]
        root = large.root
        if len(large.members) < len(small.members):
            large, small = small, large
        for id in small.members:
            self._family[id] = large
        large.members |= small.members
        large.root, large.counted = root, False

    def _cut_parent(self, child: str) -> None:
        parent = self.parent.pop(child)
        self.children[parent].discard(child)
        self.moved.setdefault(child, parent)
        old, new = self._family[child], Family(child, set(self.below(child)))
        for id in new.members:
            self._family[id] = new
        old.members -= new.members
        old.counted = False
