"""Who may write a store: one thread of this process at a time, and one process."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from sessiontree.store import words
from sessiontree.store.errors import StoreBusy, StoreReadOnly
from sessiontree.store.files import Files


class Lock:
    """The lock of the store at `path`: a file beside it. Nobody waits longer than `deadline`, in
    seconds, for threads and processes together."""

    def __init__(self, files: Files, path: Path, deadline: float) -> None:
        self.threads = threading.RLock()
        self._path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self.deadline = deadline
        self._files = files
        self._processes = files.lock(self._lock_path)

    @contextlib.contextmanager
    def alone(self) -> Iterator[float]:
        """No other thread at work; how much of the deadline is left, in seconds. Raises
        `StoreBusy`."""
        begun = time.monotonic()
        if not self.threads.acquire(timeout=self.deadline):
            raise StoreBusy(words.busy(self._lock_path, self.deadline))
        try:
            yield max(0.0, self.deadline - (time.monotonic() - begun))
        finally:
            self.threads.release()

    @contextlib.contextmanager
    def held(self, patience: float) -> Iterator[None]:
        """No other process at work, after at most `patience` seconds. Raises `StoreBusy`, or
        `StoreReadOnly` where there can be no lock."""
        try:
            self._files.stat(self._path.parent)  # a lock would make the folder again
            self._processes.acquire(timeout=patience)
        except Timeout:
            raise StoreBusy(words.busy(self._lock_path, self.deadline)) from None
        except (OSError, NotImplementedError) as error:
            raise StoreReadOnly(words.no_lock(self._path, error)) from error
        try:
            yield
        finally:
            self._processes.release()
