"""Reads transcripts on several cores.

Python runs on one core at a time, so other processes read. They get paths on stdin and give back
on stdout what they found, as the index keeps it. They write nothing else, get no signal from the
terminal, and end when their stdin does: also when the process that started them was killed.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from sessiontree.claude import served
from sessiontree.claude.projects import Item
from sessiontree.claude.readers import Found, read
from sessiontree.claude.scanned import Scanned

_START = (
    "import sys; sys.path[:] = sys.argv[1:]; from sessiontree.claude.served import serve; serve()"
)


def read_all(chunks: Iterable[Sequence[Item]], count: int) -> Iterator[Found]:
    """Like `readers.read` for each item, in their order, by `count` processes. Whatever becomes of
    a process, what it was to read is read."""
    workers: list[Worker] = []
    mine = threading.local()  # a thread waits for each process
    over = threading.Event()

    def begin() -> None:
        mine.worker = Worker()
        workers.append(mine.worker)

    def read_chunk(chunk: Sequence[Item]) -> list[Found]:
        found = mine.worker.read(chunk)
        if over.is_set():
            return []
        if found is None:
            found = [read(item) for item in chunk]
        return list(zip(chunk, found, strict=True))

    pool = ThreadPoolExecutor(count, "reading", initializer=begin)
    try:
        for found in pool.map(read_chunk, chunks):
            yield from found
    finally:
        over.set()
        for worker in workers:
            worker.kill()
        pool.shutdown(cancel_futures=True)
        for worker in workers:
            worker.close()


class Worker:
    """A process that reads. One that cannot be started, or died, answers None."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def read(self, chunk: Sequence[Item]) -> list[Scanned | None] | None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            found = served.ask(process.stdin, process.stdout, chunk)
        except (OSError, ValueError, MemoryError):  # it died, or says what it should not
            self.close()
            return None
        return found if len(found) == len(chunk) else None

    def kill(self) -> None:
        """Ends it; another thread that waits for it goes on."""
        if process := self._process:
            process.kill()

    def close(self) -> None:
        """Ends it and takes what it leaves. Only when no other thread waits for it."""
        if process := self._process:
            self._process = None
            process.kill()
            process.communicate()
