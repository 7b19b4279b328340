"""A long trial of the store: processes that write, compact, fail and are killed at random.

    python -m tests.soak_store [--minutes 5] [--seed N]

In each round some processes write to one store; some of them meet a failing system call, and all
are killed at a moment of their own, or finish. Then everything that any of them had acknowledged
in any round must be there, each transaction whole, and the store must open and take a change. It
stops at the first fault with the seed and the folder to look at."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sessiontree.store.doctor import examine
from sessiontree.store.errors import StoreBusy, StoreError
from sessiontree.store.files import Files
from sessiontree.store.journal import Journal
from tests.store_faults import CALLS, Failing, Fast, opened, put

WRITERS = 3
CODES = (errno.EIO, errno.ENOSPC)


@dataclass
class Trial:
    path: Path
    random: random.Random
    kept: set[str] = field(default_factory=set)  # keys that were acknowledged, in any round
    removed: set[str] = field(default_factory=set)  # keys whose removal was begun
    rounds: int = 0
    killed: int = 0

    def round(self) -> None:
        self.rounds += 1
        writers = [self._start(number) for number in range(self.random.randint(1, WRITERS))]
        for child, _ in writers:
            if self.random.random() < 0.7:
                time.sleep(self.random.random() * 0.05)  # when it dies is what is tried
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        for child, log in writers:
            status = os.waitpid(child, 0)[1]
            self.killed += os.WIFSIGNALED(status)
            code = os.waitstatus_to_exitcode(status)
            assert code in (0, -signal.SIGKILL), f"a writer ended with {code}"
            self._learn(log)
        if self.random.random() < 0.3:
            with self.path.open("ab") as file:
                file.write(self.random.randbytes(self.random.randint(1, 300)).replace(b"\n", b" "))
        self._check()

    def _start(self, number: int) -> tuple[int, Path]:
        log = self.path.with_name(f"{self.rounds}-{number}.log")
        seed = self.random.getrandbits(64)
        child = os.fork()
        if child == 0:
            code = 70
            try:
                _write(self.path, log, f"{self.rounds}-{number}", random.Random(seed), self.kept)
                code = 0
            finally:
                os._exit(code)
        return child, log

    def _learn(self, log: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            for line in log.read_text("ascii").splitlines(keepends=True):
                if line.endswith("\n"):
                    verb, key = line.split()
                    (self.removed if verb == "removing" else self.kept).add(key)
            log.unlink()

    def _check(self) -> None:
        with opened(self.path) as journal:
            left, right = journal.tables.get("left", {}), journal.tables.get("right", {})
            assert left == right, "a transaction is half there"
            lost = self.kept - self.removed - left.keys()
            assert not lost, f"lost: {sorted(lost)[:10]}"
            assert not journal.read_only, journal.read_only
            put(journal, f"check-{self.rounds}", self.rounds)
            self.kept.add(f"check-{self.rounds}")
        assert not examine(self.path).ill
        for torn in self.path.parent.glob("*.torn-*"):
            torn.unlink()


def _write(path: Path, log: Path, name: str, chance: random.Random, kept: set[str]) -> None:
    """One writer. Its log is what it acknowledged: a line of the page cache outlives a kill."""
    files: Files = Fast()
    if chance.random() < 0.5:
        files = Failing(chance.randint(1, 300), chance.choice(CODES), (*CALLS, "sync_folder"))
    known = sorted(kept)
    with log.open("ab", buffering=0) as acknowledged:
        for number in range(chance.randint(1, 60)):
            with contextlib.suppress(StoreError), opened(path, files=files, deadline=30) as journal:
                for change in range(chance.randint(1, 10)):
                    key = f"{name}-{number}-{change}"
                    _change(journal, key, chance, known, acknowledged.write)


def _change(
    journal: Journal,
    key: str,
    chance: random.Random,
    known: list[str],
    say: Callable[[bytes], object],
) -> None:
    what = chance.random()
    if what < 0.1:
        journal.compact()
    elif what < 0.3 and known:
        old = chance.choice(known)
        say(b"removing %b\n" % old.encode("ascii"))
        with journal.transaction() as draft:
            for table in ("left", "right"):
                draft[table].pop(old, None)
    else:
        try:
            put(journal, key, "x" * chance.randint(0, 2_000))
        except StoreBusy as error:
            raise AssertionError("waited thirty seconds for the lock") from error
        say(b"kept %b\n" % key.encode("ascii"))


def main() -> int:
    parser = argparse.ArgumentParser(description="A long trial of the store.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if args.seed is None else args.seed
    folder = Path(tempfile.mkdtemp(prefix="soak-store-"))
    trial = Trial(folder / "store.jsonl", random.Random(seed))
    print(f"seed {seed}, in {folder}", file=sys.stderr)
    end = time.monotonic() + 60 * args.minutes
    try:
        while time.monotonic() < end:
            trial.round()
    except (AssertionError, StoreError) as fault:
        print(f"seed {seed}, round {trial.rounds}: {fault}\nlook at {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print(f"{trial.rounds} rounds, {trial.killed} kills, {len(trial.kept)} changes, none lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
