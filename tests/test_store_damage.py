"""A store's file that is not as it was written: cut, flipped, swapped, from another version."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from sessiontree.store.doctor import examine, repair
from sessiontree.store.errors import StoreDamaged, StoreError, StoreReadOnly
from sessiontree.store.format import Header, Tables, decode, encode_changes, encode_header
from sessiontree.store.migrations import Schema
from tests.store_faults import Fast, opened, put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "store.jsonl"


def life(path: Path, *, compacted: bool) -> list[Tables]:
    """A small store with some changes; what it held after each of them."""
    with opened(path, files=Fast()) as journal:
        states: list[Tables] = [{}]

        def change(key: str, value: object) -> None:
            put(journal, key, value)
            states.append(copy.deepcopy(journal.tables))

        change("a", "x" * 10)
        change("b", None)
        if compacted:
            journal.compact()
        change("a", {"n": 1})
        with journal.transaction() as draft:
            del draft["left"]["b"]
        states.append(copy.deepcopy(journal.tables))
        return states


def clear(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def test_cut_at_any_byte_it_opens_with_all_whole_changes(path: Path) -> None:
    states = life(path, compacted=False)
    data = path.read_bytes()
    for size in range(len(data)):
        clear(path)
        path.write_bytes(data[:size])
        whole = data[:size].count(b"\n")
        torn = data[:size].rpartition(b"\n")[2]
        with opened(path, files=Fast()) as journal:
            assert journal.tables == states[max(0, whole - 1)]
            assert not journal.read_only
            assert bool(journal.notices) == bool(torn)
            put(journal, "after", 1)
        aside = [file.read_bytes() for file in path.parent.glob("*.torn-*")]
        assert aside == ([torn] if torn else [])
        with opened(path, files=Fast()) as journal:
            assert "after" in journal.tables["left"]
            assert not journal.notices


def test_cut_within_what_it_was_made_with_it_is_shown_and_not_changed(path: Path) -> None:
    """A compacted file's beginning reached the disk as a whole: that it is short is damage."""
    states = life(path, compacted=True)
    [backup] = path.parent.glob("*.bak-*")
    kept = backup.read_bytes()
    data = path.read_bytes()
    made_with = next(n for n in range(len(data)) if data[:n].count(b"\n") == 3)
    for size in range(len(data)):
        clear(path)
        path.write_bytes(data[:size])
        backup.write_bytes(kept)
        with opened(path, files=Fast()) as journal:
            if size < made_with:
                assert "was cut short" in journal.read_only
                assert backup.name in journal.read_only
                with pytest.raises(StoreReadOnly):
                    put(journal, "after", 1)
                assert path.read_bytes() == data[:size]
            else:
                assert not journal.read_only
                assert journal.tables in states[2:]
        if size < made_with:
            assert examine(path).ill
            repair(path, files=Fast())
            assert not examine(path).ill
            with opened(path, files=Fast()) as journal:
                assert journal.tables == states[2]


@pytest.mark.parametrize("compacted", [False, True])
def test_no_flipped_bit_is_silently_wrong(path: Path, compacted: bool) -> None:
    """Each bit of the file in turn: refused with the place, or opened as it once was with a
    notice, and a repair loses no more than the change that the bit is in."""
    states = life(path, compacted=compacted)
    data = path.read_bytes()
    backups = {file: file.read_bytes() for file in path.parent.glob("*.bak-*")}
    refused = 0
    for place in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        clear(path)
        path.write_bytes(damaged)
        for file, content in backups.items():
            file.write_bytes(content)
        try:
            with opened(path, files=Fast()) as journal:
                assert journal.notices, f"bit {place} went unnoticed"
                assert journal.tables in states
        except StoreDamaged as damage:
            refused += 1
            assert path.read_bytes() == damaged
            start = data.rfind(b"\n", 0, place // 8) + 1
            assert damage.offset == start
            assert str(path) in str(damage) and f"byte {start}" in str(damage)
            assert all(file.name in str(damage) for file in backups)
    assert refused > len(data) * 7.9


@pytest.mark.parametrize("compacted", [False, True])
def test_a_repair_loses_the_damaged_change_and_nothing_else(path: Path, compacted: bool) -> None:
    life(path, compacted=compacted)
    data = path.read_bytes()
    backups = {file: file.read_bytes() for file in path.parent.glob("*.bak-*")}
    lines = data.splitlines(keepends=True)
    for number in range(len(lines)):
        expected = tables_of(lines[1:number] + lines[number + 1 :] if number else lines[1:])
        if compacted and 1 <= number <= 2:
            expected = tables_of(lines[1:])  # the backup still has what the file began with
        damaged = [*lines]
        damaged[number] = damaged[number].replace(b'"', b"'", 1)
        clear(path)
        path.write_bytes(b"".join(damaged))
        for file, content in backups.items():
            file.write_bytes(content)
        with pytest.raises(StoreDamaged), opened(path):
            pass
        report = examine(path)
        assert report.ill
        assert f"Byte {sum(map(len, lines[:number]))}:" in "\n".join(report.lines)
        said = "\n".join(repair(path, files=Fast()))
        assert "store.jsonl.damaged-1" in said
        assert path.with_name("store.jsonl.damaged-1").read_bytes() == b"".join(damaged)
        with opened(path, files=Fast()) as journal:
            assert journal.tables == expected
            put(journal, "after", 1)
        assert not examine(path).ill


def tables_of(lines: list[bytes]) -> Tables:
    tables: Tables = {}
    for line in lines:
        record = decode(line[:-1])
        assert record is not None
        for name, documents in record["set"].items():
            for key, doc in documents.items():
                tables.setdefault(name, {}).pop(key, None)
                if doc is not None:
                    tables[name][key] = doc
    return {name: table for name, table in tables.items() if table}


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("a line twice", lambda lines: [*lines[:2], lines[1], *lines[2:]]),
        ("a line missing", lambda lines: [lines[0], *lines[2:]]),
        ("two lines swapped", lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]),
        ("another file's line", lambda lines: [*lines, encode_changes(3, {"left": {"z": {}}})]),
        ("no documents", lambda lines: [*lines, encode_changes(5, {"left": {"z": 5}})]),  # type: ignore[dict-item]
        ("a hole of zeros", lambda lines: [*lines[:2], b"\0" * 512, *lines[2:]]),
        ("garbage lines at the end", lambda lines: [*lines, b"garbage\n"]),
        ("not a store at all", lambda lines: [b"Dear diary,\n", b"today\n"]),
        ("an SQLite file", lambda lines: [b"SQLite format 3\0\n", b"\0" * 5000, b"\n"]),
    ],
)
def test_lines_that_do_not_belong_are_refused(path: Path, what: str, make) -> None:  # type: ignore[no-untyped-def]
    life(path, compacted=False)
    damaged = b"".join(make(path.read_bytes().splitlines(keepends=True)))
    path.write_bytes(damaged)
    with pytest.raises(StoreDamaged), opened(path):
        pass
    assert path.read_bytes() == damaged, what


def test_zeros_at_the_end_are_a_crash(path: Path) -> None:
    """Some file systems leave them where the data of a last write did not arrive."""
    states = life(path, compacted=False)
    with path.open("ab") as file:
        file.write(b"\0" * 4096)
    with opened(path, files=Fast()) as journal:
        assert journal.tables == states[-1]
        assert "was set aside" in journal.notices[0]
        assert not journal.read_only


def test_torn_ends_are_all_kept(path: Path) -> None:
    life(path, compacted=False)
    for torn in (b"one", b"two", b"two"):
        with path.open("ab") as file:
            file.write(torn)
        with opened(path, files=Fast()):
            pass
    assert sorted(file.read_bytes() for file in path.parent.glob("*.torn-*")) == [b"one", b"two"]


def test_a_part_of_a_first_line_with_backups_is_not_a_new_store(path: Path) -> None:
    states = life(path, compacted=True)
    path.write_bytes(path.read_bytes()[:20])
    with opened(path) as journal:
        assert "was cut short" in journal.read_only
    repair(path)
    with opened(path) as journal:
        assert journal.tables == states[2]


def test_a_missing_file_with_backups_is_not_a_new_store(path: Path) -> None:
    states = life(path, compacted=True)
    path.unlink()
    with (
        pytest.raises(StoreError, match=r"is missing, but backups .* doctor --repair"),
        opened(path),
    ):
        pass
    assert not path.exists()
    assert examine(path).ill
    assert "Brought back from store.jsonl.bak-000001" in repair(path)[0]
    with opened(path) as journal:
        assert journal.tables == states[2]


def test_a_repair_waits_for_the_lock_and_gives_up_with_a_sentence(path: Path) -> None:
    life(path, compacted=False)
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    hold = (
        "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); "
        "print(flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, f"{path}.lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(StoreError, match=r"has held the lock .*store\.jsonl\.lock"):
            repair(path, deadline=0.05)
    finally:
        holder.communicate()
    assert path.read_bytes() == data
    repair(path, deadline=5)


# Versions

OLD = Header(version=1, reader=1, store="s", generation=4)


def write(path: Path, header: Header, tables: Tables) -> bytes:
    path.parent.mkdir()
    data = encode_header(header) + encode_changes(1, tables)
    path.write_bytes(data)
    return data


def test_an_older_store_is_migrated_and_kept(path: Path) -> None:
    old = write(path, OLD, {"links": {"a": {"from": "b", "own": 1}}, "other": {"x": {"y": 1}}})
    schema = Schema(
        version=3,
        reader=2,
        steps={
            1: {"links": lambda doc: {"parent" if k == "from" else k: v for k, v in doc.items()}},
            2: {"links": lambda doc: {**doc, "kind": "fork"}, "absent": lambda doc: doc},
        },
    )
    new = {
        "links": {"a": {"parent": "b", "own": 1, "kind": "fork"}},
        "other": {"x": {"y": 1}},
    }
    for _ in range(2):
        with opened(path, schema=schema) as journal:
            assert journal.tables == new
            assert (journal.header.version, journal.header.reader) == (3, 2)
            assert (journal.header.store, journal.header.generation) == ("s", 5)
    [backup] = path.parent.glob("*.bak-*")
    assert backup.read_bytes() == old


def test_a_newer_store_that_can_be_read_is_shown_and_not_changed(path: Path) -> None:
    data = write(path, Header(version=2, reader=1, store="s"), {"links": {"a": {"new": 1}}})
    with opened(path) as journal:
        assert journal.tables == {"links": {"a": {"new": 1}}}
        assert "was written by a newer sessiontree (store version 2, this one writes 1)" in (
            journal.read_only
        )
        with pytest.raises(StoreReadOnly, match="newer sessiontree"):
            put(journal, "b", 1)
    assert path.read_bytes() == data


def test_a_newer_store_that_cannot_be_read_is_refused(path: Path) -> None:
    data = write(path, Header(version=3, reader=2, store="s"), {"links": {"a": {}}})
    with (
        pytest.raises(StoreError, match=r"newer sessiontree \(store version 3\).*update"),
        opened(path),
    ):
        pass
    with pytest.raises(StoreError, match="newer sessiontree"):
        repair(path)
    assert examine(path).ill
    assert path.read_bytes() == data


def test_a_store_that_becomes_newer_while_it_is_open_is_left_alone(path: Path) -> None:
    with opened(path) as old:
        put(old, "a", 1)
        with opened(path, schema=Schema(2, 1, {1: {}})):
            pass
        data = path.read_bytes()
        with pytest.raises(StoreReadOnly, match="newer sessiontree"):
            put(old, "b", 1)
        assert set(old.tables["left"]) == {"a"}
        assert path.read_bytes() == data
