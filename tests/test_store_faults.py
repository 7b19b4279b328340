"""Whatever the operating system does to the store: what was acknowledged is there afterwards, and
what was not is wholly there or not at all."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import resource
import signal
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sessiontree.store import journal as journal_module
from sessiontree.store.errors import StoreError, StoreReadOnly
from sessiontree.store.files import Files
from sessiontree.store.journal import Journal
from tests.store_faults import (
    CALLS,
    Counting,
    Disk,
    Failing,
    Fast,
    FullDisk,
    Killed,
    PowerCut,
    lay_out,
    opened,
    put,
    read,
)

TORN = b'00000000 {"seq":'


def use(path: Path, files: Files, acknowledge: Callable[[int], None]) -> None:
    """A life of a store: made, changed, compacted, torn by a crash, opened again, more than the
    kept number of backups. Each change says its number once it is acknowledged; a change that
    fails is followed by the next one, as a person would."""
    numbers = itertools.count(1)

    def change(journal: Journal) -> None:
        number = next(numbers)
        try:
            put(journal, str(number), number)
            put(journal, "latest", number)
        except StoreError:
            return
        acknowledge(number)

    for life in range(5):
        try:
            journal = Journal(path, files=files)
        except StoreError:
            continue
        for _ in range(2):
            change(journal)
        with contextlib.suppress(StoreError):
            journal.compact()
        change(journal)
        journal.close()
        if life == 1 and path.exists():
            with path.open("ab") as file:
                file.write(TORN)
            if isinstance(files, PowerCut):
                files.settle(path)


def holds(path: Path, acknowledged: list[int]) -> None:
    """What must be true of the store after any fault."""
    tables = read(path)
    left, right = tables.get("left", {}), tables.get("right", {})
    assert left == right, "a transaction is half there"
    for number in acknowledged:
        assert left[str(number)] == {"value": number}
    latest = left.get("latest", {"value": 0})["value"]
    assert isinstance(latest, int)
    assert latest >= max(acknowledged, default=0)


def calls_of_a_life(path: Path, kinds: tuple[str, ...]) -> int:
    files = Counting(kinds=kinds)
    acknowledged: list[int] = []
    use(path, files, acknowledged.append)
    assert acknowledged == list(range(1, 16))
    return len(files.calls)


KINDS = ("write", "fsync", "truncate", "replace", "link", "unlink", "sync_folder", "open")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_the_nth_call_fails(tmp_path: Path, kind: str, code: int) -> None:
    count = calls_of_a_life(tmp_path / "whole" / "store.jsonl", (kind,))
    assert count, f"a life of a store never calls {kind}"
    for n in range(1, count + 1):
        path = tmp_path / str(n) / "store.jsonl"
        acknowledged: list[int] = []
        use(path, Failing(n, code, (kind,)), acknowledged.append)
        holds(path, acknowledged)
        assert len(acknowledged) >= 9, f"one fault in {kind} {n} stopped the store for good"


@pytest.mark.parametrize("kind", ["read", "stat"])
def test_the_nth_look_fails(tmp_path: Path, kind: str) -> None:
    count = calls_of_a_life(tmp_path / "whole" / "store.jsonl", (kind,))
    for n in range(1, count + 1):
        path = tmp_path / str(n) / "store.jsonl"
        acknowledged: list[int] = []
        use(path, Failing(n, errno.EIO, (kind,)), acknowledged.append)
        holds(path, acknowledged)


def test_all_calls_fail_from_the_nth_on(tmp_path: Path) -> None:
    """A disk that dies: every later call of any kind fails as well."""

    class Dying(Failing):
        def _watched(self, kind, call):  # type: ignore[no-untyped-def]
            def watched(*args):  # type: ignore[no-untyped-def]
                self.calls.append(kind)
                if len(self.calls) >= self.n:
                    return self.at_nth(kind, call, args)
                return call(*args)

            return watched

    kinds = (*CALLS, "sync_folder")
    count = calls_of_a_life(tmp_path / "whole" / "store.jsonl", kinds)
    for n in range(1, count + 1):
        path = tmp_path / str(n) / "store.jsonl"
        acknowledged: list[int] = []
        use(path, Dying(n, errno.EIO, kinds), acknowledged.append)
        holds(path, acknowledged)


@pytest.mark.parametrize("when", ["before", "half", "after"])
def test_killed_at_the_nth_call(tmp_path: Path, when: str) -> None:
    files = Counting()
    use(tmp_path / "whole" / "store.jsonl", files, lambda number: None)
    points = [n for n, kind in enumerate(files.calls, 1) if when != "half" or kind == "write"]
    for n in points:
        path = tmp_path / str(n) / "store.jsonl"
        acknowledged, status = in_child(partial(use, path, Killed(n, when)))
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        holds(path, acknowledged)
        with opened(path, files=Fast()) as journal:  # and life goes on
            assert not journal.read_only
            put(journal, "after", 1)


def in_child(work: Callable[[Callable[[int], None]], None]) -> tuple[list[int], int]:
    """Runs `work(tell)` in a process of its own; the numbers it told and how it ended."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.close(hear)
            work(lambda number: (os.write(tell, b"%d\n" % number), None)[1])
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    os.close(tell)
    with os.fdopen(hear, "rb") as told:
        numbers = [int(line) for line in told]
    return numbers, os.waitpid(child, 0)[1]


def test_power_cut_before_the_nth_call(tmp_path: Path) -> None:
    """Not only the process dies: what was not synced, data as well as names, may be lost."""
    folder, after = tmp_path / "store", tmp_path / "after"
    folder.mkdir()
    acknowledged: list[int] = []
    seen: list[dict[str, bytes]] = []

    def check(disk: PowerCut) -> None:
        for image in disk.images():
            if seen and image == seen[-1]:
                continue
            seen.append(image)
            lay_out(after, image)
            holds(after / "store.jsonl", acknowledged)
            if len(acknowledged) >= 6:  # set aside or not, the torn line is there
                assert any(TORN in data for data in image.values())

    use(folder / "store.jsonl", Disk(folder, check), acknowledged.append)
    assert acknowledged == list(range(1, 16))
    assert len(seen) > 100


def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    files = FullDisk(2_000)
    stored = 0
    with opened(path, files=files) as journal:
        with pytest.raises(StoreError, match=r"nothing was stored \(No space left on device\)"):
            for stored in range(1000):
                put(journal, str(stored), "x" * 100)
        assert not journal.read_only
        size = path.stat().st_size
        assert path.read_bytes().endswith(b"\n"), "the half line was not taken off again"
        files.room = 10_000
        put(journal, "there is room again", 1)
        assert path.stat().st_size > size
    tables = read(path)
    assert len(tables["left"]) == stored + 1
    assert tables["left"] == tables["right"]


def test_a_file_size_limit_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"

    def work(tell: Callable[[int], None]) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
        with opened(path) as journal, pytest.raises(StoreError, match="File too large"):
            for number in range(1, 1000):
                put(journal, str(number), number)
                tell(number)

    acknowledged, status = in_child(work)
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(acknowledged) > 10
    tables = read(path)
    assert list(tables["left"]) == [str(number) for number in acknowledged]


def test_a_failed_fsync_ends_writing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    with opened(path, files=Failing(3, kinds=("fsync",))) as journal:
        put(journal, "kept", 1)
        with pytest.raises(StoreReadOnly, match="the disk refused a change"):
            put(journal, "refused", 1)
        assert "can no longer be written" in journal.read_only
        assert journal.notices == [journal.read_only]
        with pytest.raises(StoreReadOnly, match="can no longer be written"):
            put(journal, "later", 1)  # even though the disk would take it
        assert set(journal.tables["left"]) == {"kept"}
    assert set(read(path)["left"]) == {"kept"}


def test_a_failed_fsync_of_a_mended_end_ends_writing(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    with opened(path) as journal:
        put(journal, "a", 1)
    with path.open("ab") as file:
        file.write(TORN)
    with opened(path, files=Failing(2, kinds=("fsync",))) as journal:
        assert "the disk refused a change" in journal.read_only
        assert journal.tables == read(path)
        with pytest.raises(StoreReadOnly):
            put(journal, "b", 1)
    [kept] = tmp_path.glob("*.torn-*")
    assert kept.read_bytes() == TORN


def test_a_folder_that_cannot_be_synced_ends_writing(tmp_path: Path) -> None:
    """After a power cut the file that was replaced could be back, without what follows."""
    path = tmp_path / "store.jsonl"
    with opened(path, files=Failing(2, kinds=("sync_folder",))) as journal:
        put(journal, "a", 1)
        journal.compact()
        assert "its folder refused a sync" in journal.read_only
        with pytest.raises(StoreReadOnly):
            put(journal, "b", 1)
    assert set(read(path)["left"]) == {"a"}


def test_a_transaction_that_raises_stores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    with opened(path, files=Fast()) as journal:
        put(journal, "a", {"deep": [1]})
        before = path.read_bytes()
        with pytest.raises(ZeroDivisionError), journal.transaction() as draft:
            draft["left"]["a"]["value"]["deep"].append(2)
            draft["left"]["b"] = {"value": 1}
            raise ZeroDivisionError
        for bad in ({1, 2}, float("nan"), object()):
            with pytest.raises((TypeError, ValueError)):
                put(journal, "c", bad)
        assert path.read_bytes() == before
        assert journal.tables["left"] == {"a": {"value": {"deep": [1]}}}
        put(journal, "d", 1)
    assert set(read(path)["left"]) == {"a", "d"}


def test_what_is_in_memory_is_what_is_stored(tmp_path: Path) -> None:
    """A caller that goes on changing what it gave changes nothing here."""
    path = tmp_path / "store.jsonl"
    with opened(path, files=Fast()) as journal:
        given = {"names": ["a"]}
        put(journal, "a", given)
        given["names"].append("b")
        put(journal, "lone surrogate", "\ud83d")
        assert journal.tables["left"]["a"] == {"value": {"names": ["a"]}}
        assert read(path) == journal.tables


def test_nothing_depends_on_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(2_000_000_000, -100_000)
    monkeypatch.setattr("time.time", lambda: next(ticks))
    path = tmp_path / "store.jsonl"
    acknowledged: list[int] = []
    use(path, Fast(), acknowledged.append)
    os.utime(path, (0, 0))
    holds(path, acknowledged)
    assert read(path)["left"]["latest"] == {"value": 15}


def test_a_file_is_written_anew_when_half_of_it_is_dead(tmp_path: Path) -> None:
    """So it stays in proportion to what it holds, and each time a backup stays behind."""
    path = tmp_path / "store.jsonl"
    with opened(path, files=Fast()) as journal:
        put(journal, "stays", "x" * 1000)
        for number in range(2_000):
            put(journal, "changes", f"{number}" + "y" * 100)
            assert path.stat().st_size < 4 * journal_module.SLACK
        assert journal.header.generation > 5
        backups = sorted(tmp_path.glob("*.bak-*"))
        assert len(backups) == 3
        for backup in backups:
            assert read(backup)["left"]["stays"]["value"] == "x" * 1000
        for number in range(2_000):  # removed ones count as well
            put(journal, str(number), "z" * 100)
            with journal.transaction() as draft:
                del draft["left"][str(number)], draft["right"][str(number)]
        assert path.stat().st_size < 4 * journal_module.SLACK
    assert set(read(path)["left"]) == {"stays", "changes"}


def test_a_backup_is_a_copy_where_there_are_no_hard_links(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    with opened(path, files=Failing(1, errno.EPERM, ("link",))) as journal:
        put(journal, "a", 1)
        journal.compact()
        put(journal, "b", 1)
    [backup] = tmp_path.glob("*.bak-*")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert set(read(backup)["left"]) == {"a"}
    assert set(read(path)["left"]) == {"a", "b"}


def test_a_full_disk_does_not_stop_a_torn_store_from_opening(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    with opened(path) as journal:
        put(journal, "a", 1)
    with path.open("ab") as file:
        file.write(TORN)
    files = FullDisk(0)
    with opened(path, files=files) as journal:
        assert set(journal.tables["left"]) == {"a"}
        [notice] = journal.notices
        assert "could not be set aside: No space left on device" in notice
        with pytest.raises(StoreError, match="No space left on device"):
            put(journal, "b", 1)
        files.room = 10_000
        put(journal, "c", 1)
        assert "was set aside in store.jsonl.torn-" in journal.notices[-1]
    [kept] = tmp_path.glob("*.torn-*")
    assert kept.read_bytes() == TORN
    assert set(read(path)["left"]) == {"a", "c"}
