"""Who shows what happens in the engine: the app's screen, or a command."""

from __future__ import annotations

from typing import Protocol

from sessiontree.engine.runs import Run


class Listener(Protocol):
    """Each call says only that there is something new to read."""

    def forest_changed(self) -> None: ...

    def stream_changed(self) -> None: ...

    def asked(self) -> None: ...

    def ended(self, run: Run) -> None: ...

    def tell(self, text: str, *, trouble: bool = False) -> None: ...
