"""What the store costs at 100 to 100,000 documents, beside what else could have been taken.

    python -m tests.bench.store

Everything runs in one process on one disk, one size after the other with all candidates next to
each other, so compare columns and rows and not runs. Figures are medians."""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import statistics
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tinydb import TinyDB
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import JSONStorage
from tinydb.table import Document, Table

from sessiontree.store.format import Header, encode_changes, encode_header
from sessiontree.store.journal import Journal
from sessiontree.store.table import JournalDB

SIZES = (100, 1_000, 10_000, 100_000)
WORDS = "the quick brown fox jumps over the lazy dog " * 10


def document(number: int) -> dict[str, object]:
    """About 580 bytes as JSON."""
    return {
        "parent": f"{number // 2:032x}",
        "turn": f"{number:032x}",
        "title": WORDS[:120],
        "label": WORDS[:120],
        "cwd": "/home/ada/limiter",
        "number": number,
        "text": WORDS[:200],
    }


def key(number: int) -> str:
    return f"{number:036}"


class Candidate(ABC):
    name: str
    slow = False  # each change costs a write of everything

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{type(self).__name__}.db"

    @abstractmethod
    def fill(self, size: int) -> None: ...
    @abstractmethod
    def open(self) -> None: ...
    @abstractmethod
    def close(self) -> None: ...
    @abstractmethod
    def insert(self, number: int) -> None: ...
    @abstractmethod
    def update(self, number: int) -> None: ...
    @abstractmethod
    def get(self, number: int) -> object: ...


class Ours(Candidate):
    name = "sessiontree"

    def fill(self, size: int) -> None:
        """As if written one change at a time and never compacted: the slowest to open."""
        with self.path.open("wb") as file:
            file.write(encode_header(Header(1, 1, "bench")))
            for number in range(size):
                changes = {"links": {key(number): document(number)}}
                file.write(encode_changes(number + 1, changes))

    def open(self) -> None:
        self.db = JournalDB(Journal(self.path))
        self.table = self.db.table("links")

    def close(self) -> None:
        self.db.close()

    def insert(self, number: int) -> None:
        self.table.insert(Document(document(number), key(number)))  # type: ignore[arg-type]

    def update(self, number: int) -> None:
        self.table.update({"number": -number}, doc_ids=[key(number)])  # type: ignore[list-item]

    def get(self, number: int) -> object:
        return self.table.get(doc_id=key(number))  # type: ignore[call-overload]


class StringTable(Table):
    document_id_class = str  # type: ignore[assignment]


class Stock(Ours):
    name = "TinyDB, JSONStorage"
    slow = True

    def fill(self, size: int) -> None:
        self.open()
        numbers = range(size)
        self.table.insert_multiple(Document(document(n), key(n)) for n in numbers)  # type: ignore[arg-type]
        self.close()

    def open(self) -> None:
        self.db = self.make()  # type: ignore[assignment]
        self.db.table_class = StringTable  # type: ignore[assignment]
        self.table = self.db.table("links")  # type: ignore[assignment]

    def make(self) -> TinyDB:
        return TinyDB(str(self.path))


class Caching(Stock):
    name = "TinyDB, CachingMiddleware (in memory, not on disk)"

    def make(self) -> TinyDB:
        return TinyDB(str(self.path), storage=CachingMiddleware(JSONStorage))


class Sqlite(Candidate):
    name = "sqlite3, WAL, full sync"

    def fill(self, size: int) -> None:
        self.open()
        rows = ((key(n), json.dumps(document(n))) for n in range(size))
        self.db.execute("begin")
        self.db.executemany("insert into links values (?, ?)", rows)
        self.db.execute("commit")
        self.close()

    def open(self) -> None:
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=full")
        self.db.execute("create table if not exists links (id text primary key, doc text)")

    def close(self) -> None:
        self.db.close()

    def insert(self, number: int) -> None:
        self.db.execute(
            "insert into links values (?, ?)", (key(number), json.dumps(document(number)))
        )

    def update(self, number: int) -> None:
        self.db.execute("begin immediate")
        doc = self.get(number)
        assert isinstance(doc, dict)
        doc["number"] = -number
        self.db.execute("update links set doc = ? where id = ?", (json.dumps(doc), key(number)))
        self.db.execute("commit")

    def get(self, number: int) -> object:
        found = self.db.execute("select doc from links where id = ?", (key(number),)).fetchone()
        return json.loads(found[0])


CANDIDATES = (Ours, Sqlite, Stock, Caching)


@dataclass
class Figures:
    """Milliseconds by operation, candidate and size."""

    times: dict[tuple[str, str, int], float] = field(default_factory=dict)
    stops: dict[int, float] = field(default_factory=dict)

    def measure(self, size: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            candidates = [kind(Path(folder)) for kind in CANDIDATES]
            for candidate in candidates:
                candidate.fill(size)
            os.sync()
            for candidate in candidates:
                self._open(candidate, size)
            for operation in ("insert", "update", "get"):
                self._operate(operation, candidates, size)
            for candidate in candidates:
                candidate.close()

    def _open(self, candidate: Candidate, size: int) -> None:
        """The best of some: what else runs on the machine only ever adds to it."""

        def open_and_look() -> None:
            candidate.open()
            candidate.get(size // 2)

        figures = []
        for _ in range(5):
            gc.collect()
            figures.append(watched(open_and_look))
            candidate.close()
        self.times["open", candidate.name, size] = min(took for took, _ in figures)
        if type(candidate) is Ours:
            self.stops[size] = min(stop for _, stop in figures)
        candidate.open()

    def _operate(self, operation: str, candidates: Sequence[Candidate], size: int) -> None:
        """The candidates take turns, so that each meets the same disk."""
        first = size if operation == "insert" else size // 3
        times: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
        for turn in range(min(300, size)):
            for candidate in candidates:
                if turn == 0 or not candidate.slow or turn < 3_000 // size:
                    act = partial(getattr(candidate, operation), first + turn)
                    times[candidate.name].append(timed(act))
        for name, took in times.items():
            self.times[operation, name, size] = statistics.median(took)


def timed(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return (time.perf_counter() - begun) * 1_000


def watched(action: Callable[[], object]) -> tuple[float, float]:
    """How long `action` takes, and for how long at a time it stops a thread that wakes up every
    millisecond, in milliseconds."""
    over = threading.Event()
    worst = 0.0

    def tick() -> None:
        nonlocal worst
        last = time.perf_counter()
        while not over.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            worst, last = max(worst, now - last), now

    watcher = threading.Thread(target=tick)
    watcher.start()
    took = timed(action)
    over.set()
    watcher.join()
    return took, worst * 1_000


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(sizes: Iterable[int] = SIZES) -> list[str]:
    """The figures as lines of Markdown; takes about a minute."""
    sizes = tuple(sizes)
    figures = Figures()
    for size in sizes:
        figures.measure(size)
    heads = " | ".join(f"{size:,}" for size in sizes)
    lines = [f"| ms, by number of documents | {heads} |", "| --- |" + " ---: |" * len(sizes)]
    for operation in ("insert", "update", "get", "open"):
        for kind in CANDIDATES:
            cells = (shown(figures.times[operation, kind.name, size]) for size in sizes)
            lines.append(f"| {operation}: {kind.name} | {' | '.join(cells)} |")
    stops = " | ".join(shown(figures.stops[size]) for size in sizes)
    lines.append(f"| open: longest stop of another thread | {stops} |")
    few, many = sizes[0], sizes[-1]
    growth, beside = [
        ", ".join(
            f"{operation} {ours(figures, operation, many) / other(operation):.1f} ×"
            for operation in ("insert", "update")
        )
        for other in (
            lambda operation: ours(figures, operation, few),
            lambda operation: figures.times[operation, Sqlite.name, many],
        )
    ]
    return [
        *lines,
        "",
        f"At {many:,} documents against {few:,}: {growth}. Against SQLite at {many:,}: {beside}.",
    ]


def ours(figures: Figures, operation: str, size: int) -> float:
    return figures.times[operation, Ours.name, size]


if __name__ == "__main__":
    print("\n".join(table()))
