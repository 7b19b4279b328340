"""The order of the families: by project where several are shown, and calm while things run."""

from __future__ import annotations

from collections.abc import Callable

from sessiontree.model.forest import Forest
from sessiontree.model.session import Session

Scope = Callable[[Session], bool]
"""Whether a session is one of those that are shown."""


class Order:
    """Families keep their places, whatever happens in them, until `resort`; a new one comes
    where its last activity puts it. `scope` None: all of them, by project."""

    def __init__(self, forest: Forest, scope: Scope | None = None) -> None:
        self.scope = scope
        self.roots: dict[str, list[str]] = {}  # project → its roots, as they are shown
        self._project_of: dict[str, str | None] = {}  # None: out of scope
        self._forest = forest
        self.resort()

    @property
    def by_project(self) -> bool:
        """Whether there are several projects, and so a row for each."""
        return len(self.roots) > 1

    def project_of(self, root: str) -> str | None:
        """The project under which a root is shown; None where it is not."""
        return self._project_of.get(root)

    def resort(self) -> None:
        """Put the family that was at work last first. Linear in all sessions."""
        self.roots = {}
        self._project_of = {}
        for root in self._forest.roots():
            self._project_of[root] = project = self._scoped(root)
            if project is not None:
                self.roots.setdefault(project, []).append(root)

    def follow(self) -> None:
        """Take roots that went out and put new ones in. Linear in the roots, mostly at C speed."""
        now = self._forest.root_ids
        gone = self._project_of.keys() - now
        for project in {self._project_of.pop(root) for root in gone}:
            if project is not None:
                self._take_out(project, gone)
        new: dict[str, list[str]] = {}
        for root in sorted(now - self._project_of.keys(), key=self._last_first):
            self._project_of[root] = project = self._scoped(root)
            if project is not None:
                new.setdefault(project, []).append(root)
        for project, roots in new.items():
            self.roots[project] = self._merged(self.roots.get(project, []), roots)

    def _take_out(self, project: str, gone: set[str]) -> None:
        self.roots[project] = [root for root in self.roots[project] if root not in gone]
        if not self.roots[project]:
            del self.roots[project]

    def _scoped(self, root: str) -> str | None:
        if self.scope is None:
            return self._forest.project(root)
        session = self._forest.first_known(root)
        return "" if session is not None and self.scope(session) else None

    def _merged(self, there: list[str], new: list[str]) -> list[str]:
        """Asks only as many of `there` as are newer than the oldest of `new`."""
        merged: list[str] = []
        waiting = new[::-1]
        for index, root in enumerate(there):
            last_first = self._last_first(root)
            while waiting and self._last_first(waiting[-1]) < last_first:
                merged.append(waiting.pop())
            if not waiting:
                return merged + there[index:]
            merged.append(root)
        return merged + waiting[::-1]

    def _last_first(self, root: str) -> tuple[float, str]:
        return (-self._forest.activity(root), root)
