"""Several instances at once, and what else can happen to a file while it is open."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import BaseFileLock, FileLock

from sessiontree.model.run import Verb
from sessiontree.model.session import Evidence, Link
from sessiontree.store.database import Store
from sessiontree.store.errors import SessionRunning, StoreBusy, StoreError, StoreReadOnly
from sessiontree.store.files import Files
from sessiontree.store.owner import Owner, this_process
from sessiontree.store.records import Intent
from tests.store_faults import Fast, opened, put

APP = """
import sys
from pathlib import Path
from sessiontree.model.session import Evidence, Link
from sessiontree.store.database import Store

name, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with Store.open(path) as store:
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(count):
        store.put_link(Link(f"{name}-{number}", "root", evidence=Evidence.MADE))
        store.annotate("shared", **{"title" if name == "0" else "note": f"{name} {number}"})
        with store.db.transaction() as draft:
            counter = draft["counter"].setdefault("all", {"value": 0})
            counter["value"] += 1
        store.refresh()
    print(len(store.links()), flush=True)
    sys.stdin.readline()
    store.refresh()
    print(len(store.links()), flush=True)
"""
SCRIPT = """
import sys
from pathlib import Path
from tinydb.table import Document
from sessiontree.store.journal import Journal
from sessiontree.store.table import JournalDB

with JournalDB(Journal(Path(sys.argv[2]))) as db:
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[3])):
        db.table("links").insert(Document({"parent": "root"}, f"script-{number}"))
    print(len(db.table("links")), flush=True)
    sys.stdin.readline()
    db.transaction().__enter__()
    print(len(db.table("links")), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "store.jsonl"


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_three_apps_and_a_script_write_at_once(path: Path) -> None:
    """Nothing is lost, nobody waits longer than the deadline, and at the end each has seen what
    the others wrote, without a restart. The file is compacted under them on the way."""
    count = 100
    with Store.open(path) as mine:
        apps = [start(APP, name, path, count) for name in range(3)]
        everyone = [*apps, start(SCRIPT, "script", path, count)]
        try:
            assert [hear(one) for one in everyone] == ["open"] * 4
            for one in everyone:
                say(one)
            for _ in range(20):
                mine._journal.compact()
                mine.refresh()
            assert all(hear(one) for one in everyone), "one of them failed"
            for one in everyone:
                say(one)
            assert [hear(one) for one in everyone] == [str(4 * count)] * 4
        finally:
            for one in everyone:
                one.communicate()
        assert [one.returncode for one in everyone] == [0] * 4
        assert mine.refresh()
        assert not mine.refresh()
        names = [*map(str, range(3)), "script"]
        assert set(mine.links()) == {f"{name}-{n}" for name in names for n in range(count)}
        assert mine.db.table("counter").get(doc_id="all") == {"value": 3 * count}  # type: ignore[call-overload]
        shared = mine.annotation("shared")
        assert shared.title == f"0 {count - 1}"
        assert shared.note.endswith(f" {count - 1}")
        assert mine.notices == []


def test_threads_of_one_instance(path: Path) -> None:
    """Each writer looks at what is there between its writes. The deadline is out of the way:
    threads that never pause may keep one another from the lock for long, which is not what an
    app does, and not what is asked here."""

    def write(name: int) -> None:
        for number in range(100):
            store.put_link(Link(f"{name}-{number}", None))
            store.annotate("shared", title=f"{name} {number}")
            assert all(link.child in id for id, link in store.links().items())
            assert store.annotation("shared").title
            store.refresh()

    with Store.open(path, files=Fast(), deadline=60) as store:
        with ThreadPoolExecutor(4) as pool:
            for writer in [pool.submit(write, name) for name in range(4)]:
                writer.result()
        assert len(store.links()) == 400


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process has the store's lock."""
    code = (
        "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); "
        "print('held', flush=True); sys.stdin.read()"
    )
    process = start(code, f"{path}.lock")
    assert hear(process) == "held"
    try:
        yield
    finally:
        process.communicate()


def test_a_lock_that_is_not_let_go_of(path: Path) -> None:
    words = rf"held the lock {path}\.lock for 0\.05 s"
    with Store.open(path, deadline=0.05) as store:
        store.annotate("a", title="before")
        with held(path):
            with pytest.raises(StoreBusy, match=words):
                store.annotate("a", title="meanwhile")
            assert store.annotation("a").title == "before"
            assert not store.refresh()
            with Store.open(path, deadline=0.05) as late:  # to look at, and later to write
                assert late.annotation("a").title == "before"
                assert not late.read_only
                assert "held the lock" in late.notices[0]
                with pytest.raises(StoreBusy):
                    late.annotate("a", title="meanwhile")
            late = Store.open(path, deadline=0.05)
        late.annotate("a", title="after")
        late.close()
        assert store.refresh()
        assert store.annotation("a").title == "after"


def test_what_was_seen_without_the_lock_may_be_taken_back(path: Path) -> None:
    """The one who held the lock could not bring its change to the disk."""
    with Store.open(path) as store:
        store.annotate("a", title="1")
        size = path.stat().st_size
        store.annotate("a", title="2")
    with held(path), contextlib.ExitStack() as stack:
        late = stack.enter_context(Store.open(path, deadline=0.05))
        assert late.annotation("a").title == "2"
        os.truncate(path, size)
        stack.pop_all()
    assert late.refresh()
    assert late.annotation("a").title == "1"
    late.annotate("a", note="and on it goes")
    late.close()


def test_a_lock_that_is_held_before_there_is_a_store(path: Path) -> None:
    path.parent.mkdir()
    with held(path), pytest.raises(StoreBusy):
        Store.open(path, deadline=0.05)
    Store.open(path).close()


def test_a_thread_waits_no_longer_than_the_deadline(path: Path) -> None:
    with Store.open(path, deadline=0.05) as store:
        inside, leave = threading.Event(), threading.Event()

        def stay() -> None:
            with store.db.transaction():
                inside.set()
                leave.wait(10)

        with ThreadPoolExecutor(1) as pool:
            staying = pool.submit(stay)
            inside.wait(10)
            with pytest.raises(StoreBusy):
                store.annotate("a", title="b")
            assert store.annotations() == {}  # looking never waits
            leave.set()
            staying.result()
        store.annotate("a", title="b")


# Runs of other instances


def test_a_run_of_another_live_instance_is_respected(path: Path) -> None:
    other = start("print('up', flush=True); input()")
    assert hear(other) == "up"
    owner = Owner(this_process().host, other.pid, "")
    with Store.open(path, files=Fast()) as store:
        store.begin(Intent("s", Verb.CONTINUE, "/x", owner=owner))
        assert not store.intents()["s"].owner.gone
        with pytest.raises(SessionRunning, match=f"process {other.pid}"):
            store.begin(Intent("s", Verb.CONTINUE, "/x"))
        other.communicate("\n")
        assert store.intents()["s"].owner.gone  # what shows the run as interrupted
        store.begin(Intent("s", Verb.CONTINUE, "/x"))
        store.begin(Intent("s", Verb.CONTINUE, "/x"))  # ours
        assert store.intents()["s"].owner == this_process()
        store.begin(Intent("s", Verb.CONTINUE, "/x", owner=Owner("elsewhere", 1)))
        store.begin(Intent("s", Verb.CONTINUE, "/x"))  # whether that one lives cannot be known


def test_a_process_number_that_was_given_again_is_another_process() -> None:
    me = this_process()
    assert not me.gone
    assert Owner(me.host, me.pid, "another boot:1").gone
    assert Owner(me.host, 0).gone
    assert Owner(me.host, -1).gone
    assert not Owner("elsewhere", 1).gone


# The file changes while it is open


def test_another_instance_compacts(path: Path) -> None:
    with opened(path, files=Fast()) as one, opened(path, files=Fast()) as two:
        put(one, "a", 1)
        two.compact()
        put(one, "b", 1)
        two.compact()
        put(two, "c", 1)
        assert one.refresh()
        assert set(one.tables["left"]) == {"a", "b", "c"}
        assert not one.notices


def test_the_file_is_deleted_while_open(path: Path) -> None:
    """An error, not a new empty store; what it held is kept and can be brought back."""
    from sessiontree.store.doctor import repair

    with Store.open(path) as store:
        store.annotate("a", title="kept")
        path.unlink()
        for _ in range(2):
            with pytest.raises(StoreError, match=r"was removed while it was open.*bak-000002"):
                store.annotate("b", title="lost")
        with pytest.raises(StoreError, match="was removed"):
            store.refresh()
        assert store.annotation("a").title == "kept"
        assert not path.exists()
        with pytest.raises(StoreError, match="is missing"):
            Store.open(path)
        repair(path)
        store.annotate("b", title="goes on")
    with Store.open(path) as store:
        assert {id: one.title for id, one in store.annotations().items()} == {
            "a": "kept",
            "b": "goes on",
        }


def test_the_folder_is_deleted_while_open(path: Path) -> None:
    with Store.open(path) as store:
        store.annotate("a", title="kept")
        shutil.rmtree(path.parent)
        with pytest.raises(StoreError, match=str(path)):
            store.annotate("b", title="lost")
        assert store.annotation("a").title == "kept"
        assert not path.parent.exists()


def test_the_file_is_replaced_by_another_store(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    with Store.open(other) as store:
        store.annotate("theirs", title="x")
    with Store.open(path) as store:
        store.annotate("ours", title="x")
        data = other.read_bytes()
        other.replace(path)
        with pytest.raises(StoreError, match="replaced by another store while it was open"):
            store.annotate("b", title="lost")
        with pytest.raises(StoreError, match="replaced by another store"):
            store.refresh()
        assert set(store.annotations()) == {"ours"}
    assert path.read_bytes() == data


def test_the_file_is_replaced_by_an_older_copy(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with Store.open(path) as store:
        store.annotate("a", title="1")
        shutil.copy(path, copy)
        store.annotate("a", title="2")
        copy.replace(path)
        with pytest.raises(StoreError, match="an older copy of itself"):
            store.annotate("a", title="3")
        assert store.annotation("a").title == "2"
    with Store.open(path) as store:
        assert store.annotation("a").title == "1"


def test_the_file_is_cut_while_open(path: Path) -> None:
    with Store.open(path) as store:
        store.annotate("a", title="1")
        size = path.stat().st_size
        store.annotate("a", title="2")
        os.truncate(path, size)
        with pytest.raises(StoreError, match="became shorter while it was open"):
            store.annotate("a", title="3")
        assert store.annotation("a").title == "2"
    assert path.stat().st_size == size


# Where nothing can be written

LOOK = """
import os, sys
from pathlib import Path
from sessiontree.store.database import Store
from sessiontree.store.errors import StoreError

if os.geteuid() == 0:
    os.setuid(65534)
path = Path(sys.argv[1])
with Store.open(path) as store:
    print(store.read_only, store.annotation("a").title, store.notices)
    try:
        store.annotate("a", title="lost")
    except StoreError as error:
        print(error)
    print(store.refresh())
"""


@pytest.mark.parametrize("kept", ["store", "store and lock", "nothing"])
def test_a_read_only_folder(kept: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "store.jsonl"
        if kept != "nothing":
            with Store.open(path) as store:
                store.annotate("a", title="kept")
            path.chmod(0o444)
            Path(f"{path}.lock").chmod(0o444)
        if kept == "store":
            Path(f"{path}.lock").unlink()
        folder.chmod(0o555)
        try:
            look = subprocess.run(
                [sys.executable, "-c", LOOK, path], capture_output=True, text=True, check=True
            )
        finally:
            folder.chmod(0o755)
        first, second, third = look.stdout.splitlines()
        title = "" if kept == "nothing" else "kept"
        assert first.startswith(f"True {title} ['Nothing can be stored in {path}")
        assert second.startswith(f"Nothing can be stored in {path}")
        assert "Permission denied" in second
        assert third == "False"
        assert set(folder.iterdir()) <= {path, Path(f"{path}.lock")}


def test_a_read_only_instance_still_sees_the_others(path: Path) -> None:
    class NoLocks(Files):
        """As on some network file systems."""

        def lock(self, path: Path) -> BaseFileLock:
            class Refused(FileLock):  # type: ignore[misc, valid-type]
                def _acquire(self) -> None:
                    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

            return Refused(path)

    with Store.open(path) as writer, Store.open(path, files=NoLocks()) as reader:
        assert reader.read_only
        assert "its lock cannot be had (No locks available)" in reader.notices[0]
        writer.annotate("a", title="seen")
        assert reader.refresh()
        assert not reader.refresh()
        assert reader.annotation("a").title == "seen"
        with path.open("ab") as file:
            file.write(b"half a li")  # somebody is at work on it
        assert not reader.refresh()
        assert reader.annotation("a").title == "seen"
        with pytest.raises(StoreReadOnly, match="No locks available"):
            reader.annotate("a", title="lost")


def test_modes(path: Path) -> None:
    os.umask(old := os.umask(0))
    os.umask(0)
    try:
        with Store.open(path) as store:
            store.annotate("a", title="b")
            store._journal.compact()
            with path.open("ab") as file:
                file.write(b"torn")
            store.annotate("a", title="c")
    finally:
        os.umask(old)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    files = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert len(files) == 4
    assert set(files.values()) == {0o600}
    path.chmod(0o644)
    Store.open(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("what", ["a folder", "a link", "a file as folder", "a closed folder"])
def test_odd_paths(tmp_path: Path, what: str) -> None:
    path = tmp_path / "home" / "store.jsonl"
    if what == "a folder":
        path.mkdir(parents=True)
    elif what == "a link":
        path.parent.mkdir()
        (tmp_path / "elsewhere").write_text("precious")
        path.symlink_to(tmp_path / "elsewhere")
    elif what == "a file as folder":
        path.parent.write_text("precious")
        with Store.open(path) as store:
            assert store.read_only
            assert "Nothing can be stored" in store.notices[0]
            assert store.links() == {}
        return
    else:
        path.parent.mkdir()
        path.touch()
        Store.open(path).close()  # an empty file becomes a store
        assert path.stat().st_size
        return
    with pytest.raises(StoreError, match=str(path)):
        Store.open(path)


def test_a_closed_store_says_so(path: Path) -> None:
    store = Store.open(path)
    store.put_link(Link("a", "b", evidence=Evidence.MADE))
    store.close()
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.put_link(Link("c", "d"))
    assert not store.refresh()
