"""What changed since one looked last."""

from __future__ import annotations


class Changes:
    """What changed when. Several readers can each ask for what is new to them."""

    def __init__(self) -> None:
        self.revision = 0
        self._when: dict[str, int] = {}  # the latest last

    def mark(self, id: str) -> None:
        self.revision += 1
        self._when.pop(id, None)
        self._when[id] = self.revision

    def since(self, revision: int) -> list[str]:
        """The ids marked after `revision`; costs as many as there are."""
        ids = []
        for id, when in reversed(self._when.items()):
            if when <= revision:
                break
            ids.append(id)
        return ids
