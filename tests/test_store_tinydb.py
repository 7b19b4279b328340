"""TinyDB over the journal: its API, and the few private parts of TinyDB 4 that this rests on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tinydb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tinydb import TinyDB, where
from tinydb.operations import delete, increment
from tinydb.storages import MemoryStorage
from tinydb.table import Document, Table

from sessiontree.store.journal import Journal
from sessiontree.store.table import JournalDB, JournalStorage, JournalTable
from tests.store_faults import Counting, Fast


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.jsonl"


@pytest.fixture
def db(path: Path) -> Iterator[JournalDB]:
    with JournalDB(Journal(path, files=Fast())) as db:
        yield db


def reopened(path: Path) -> dict[str, Any]:
    with JournalDB(Journal(path, files=Fast())) as db:
        return {name: {doc.doc_id: dict(doc) for doc in db.table(name)} for name in db.tables()}


def test_what_is_overridden_is_still_there() -> None:
    """TinyDB is pinned below 5: these are private, and an update may change them."""
    assert tinydb.__version__.startswith("4.")
    parts = {
        "_update_table": ["self", "updater"],
        "_get_next_id": ["self"],
        "_read_table": ["self"],
        "upsert": ["self", "document", "cond"],
    }
    for name, parameters in parts.items():
        assert list(inspect.signature(getattr(Table, name)).parameters) == parameters, name
    assert list(inspect.signature(TinyDB.drop_table).parameters) == ["self", "name"]
    assert list(inspect.signature(Table.__init__).parameters) == [
        "self",
        "storage",
        "name",
        "cache_size",
        "persist_empty",
    ]
    for name in ("insert", "insert_multiple", "update", "update_multiple", "remove", "truncate"):
        assert "_update_table(" in inspect.getsource(getattr(Table, name)), name
    assert "storage.write" not in inspect.getsource(Table).replace(
        inspect.getsource(Table._update_table), ""
    )


def test_the_whole_api(path: Path, db: JournalDB) -> None:
    table = db.table("links")
    assert isinstance(table, JournalTable)
    assert isinstance(db.storage, JournalStorage)
    assert table.insert(Document({"n": 1}, "a")) == "a"
    assert table.insert_multiple([Document({"n": n}, str(n)) for n in range(3)]) == ["0", "1", "2"]
    assert table.get(doc_id="a") == {"n": 1}
    assert table.get(doc_id="unknown") is None
    assert len(table.get(doc_ids=["a", "1", "unknown"])) == 2
    assert table.get(where("n") == 2).doc_id == "2"
    assert table.contains(doc_id="a") and not table.contains(where("n") == 7)
    assert [doc.doc_id for doc in table.search(where("n") >= 1)] == ["a", "1", "2"]
    assert table.count(where("n") == 1) == 2
    assert table.update({"m": 1}, doc_ids=["a", "unknown"]) == ["a"]
    assert table.update(increment("n"), where("n") == 1) == ["a", "1"]
    assert table.update_multiple([({"z": 1}, where("n") == 0)]) == ["0"]
    assert table.update({"all": True}) == ["a", "0", "1", "2"]
    assert table.upsert(Document({"new": 1}, "b")) == ["b"]
    assert table.upsert(Document({"new": 2}, "b")) == ["b"]
    assert table.upsert({"q": 1}, where("new") == 2) == ["b"]
    assert table.remove(doc_ids=["0", "unknown"]) == ["0"]
    assert table.remove(where("n") == 2) == ["a", "1", "2"]
    assert table.update(delete("new"), doc_ids=["b"]) == ["b"]
    assert len(table) == 1
    assert [dict(doc) for doc in table] == [{"q": 1}]
    assert reopened(path) == {"links": {"b": {"q": 1}}}
    table.truncate()
    assert reopened(path) == {}
    for name in ("one", "two"):
        db.table(name).insert(Document({}, "x"))
    db.drop_table("one")
    assert db.tables() == {"two"} and set(reopened(path)) == {"two"}
    db.drop_tables()
    assert db.tables() == set() and reopened(path) == {}


def test_documents_carry_their_own_id(db: JournalDB) -> None:
    with pytest.raises(ValueError, match="needs an id"):
        db.table("links").insert({"n": 1})
    db.table("links").insert(Document({"n": 1}, "a"))
    with pytest.raises(ValueError, match="already exists"):
        db.table("links").insert(Document({"n": 2}, "a"))
    assert db.table("links").get(doc_id="a") == {"n": 1}


def test_a_transaction_over_tables_is_one_line(path: Path, db: JournalDB) -> None:
    before = path.read_bytes()
    with db.transaction():
        db.table("one").insert(Document({"n": 1}, "a"))
        assert db.table("one").update({"n": 2}, doc_ids=["a"]) == ["a"]
        assert db.table("one").get(doc_id="a") == {"n": 2}
        db.table("two").upsert(Document({"n": 1}, "b"))
        assert db.tables() == {"one", "two"}
        assert path.read_bytes() == before
    assert path.read_bytes().count(b"\n") == before.count(b"\n") + 1
    assert reopened(path) == {"one": {"a": {"n": 2}}, "two": {"b": {"n": 1}}}


def test_a_change_costs_the_same_at_any_size(path: Path) -> None:
    """Counted, not timed: calls of the system and bytes, at ten and at ten thousand documents."""
    costs = []
    for size in (10, 10_000):
        files = Counting(kinds=("open", "read", "write", "fsync", "stat"))
        file = path.with_name(f"{size}.jsonl")
        with JournalDB(Journal(file, files=files)) as db:
            table = db.table("links")
            table.insert_multiple(
                Document({"n": n, "text": "x" * 50}, f"{n:06}") for n in range(size)
            )
            before, start = len(files.calls), file.stat().st_size
            table.insert(Document({"n": 1, "text": "y" * 50}, "inserted"))
            table.update({"n": 9}, doc_ids=["000005"])
            table.get(doc_id="000007")
            costs.append((files.calls[before:], file.stat().st_size - start))
    (calls, written), (more_calls, more_written) = costs
    assert calls == more_calls
    assert calls.count("fsync") == calls.count("write") == 2
    assert abs(more_written - written) <= 8  # the digits of the numbers


# The same answers as TinyDB's own

KEYS = st.sampled_from("abcd")
DOCS = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3), max_size=3)
Step = Callable[[TinyDB], object]


class StringTable(Table):
    document_id_class = str  # type: ignore[assignment]


def stock() -> TinyDB:
    db = TinyDB(storage=MemoryStorage)
    db.table_class = StringTable
    return db


def steps() -> st.SearchStrategy[Step]:
    some = st.lists(KEYS, max_size=3, unique=True)
    query = st.builds(
        lambda name, value: where(name) == value, st.sampled_from("xyz"), st.integers(0, 3)
    )
    return st.one_of(
        st.builds(lambda k, d: lambda t: t.insert(Document(d, k)), KEYS, DOCS),
        st.builds(lambda k, d: lambda t: t.upsert(Document(d, k)), KEYS, DOCS),
        st.builds(lambda d, q: lambda t: t.update(d, q), DOCS, query),
        st.builds(lambda d, k: lambda t: t.update(d, doc_ids=k), DOCS, some),
        st.builds(lambda d, q: lambda t: t.update_multiple([(d, q)]), DOCS, query),
        st.builds(lambda q: lambda t: t.remove(q), query),
        st.builds(lambda k: lambda t: t.remove(doc_ids=k), some),
        st.builds(lambda q: lambda t: t.search(q), query),
        st.builds(lambda k: lambda t: t.get(doc_id=k), KEYS),
        st.just(lambda t: t.truncate()),
        st.just(lambda t: len(t)),
    )


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    derandomize=True,
)
@given(st.lists(steps(), max_size=25))
def test_it_answers_as_tinydb_does(tmp_path: Path, taken: list[Step]) -> None:
    path = tmp_path / "store.jsonl"
    path.unlink(missing_ok=True)
    for backup in tmp_path.glob("*.bak-*"):
        backup.unlink()
    theirs = stock().table("t")
    with JournalDB(Journal(path, files=Fast())) as db:
        ours = db.table("t")
        for step in taken:
            assert result(step, ours) == result(step, theirs)
        assert {doc.doc_id: doc for doc in ours} == {doc.doc_id: doc for doc in theirs}
    assert reopened(path).get("t", {}) == {doc.doc_id: dict(doc) for doc in theirs}


def result(step: Step, table: Any) -> object:
    try:
        return step(table)
    except ValueError as error:
        return str(error)
