"""What the app asks of its store."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from sessiontree.model.run import Ending, Verb
from sessiontree.model.session import Evidence, Link, LinkKind
from sessiontree.store.database import Store
from sessiontree.store.owner import Owner, this_process
from sessiontree.store.records import Annotation, Decision, Finish, Intent, Verdict
from tests.store_faults import Fast

GOLDEN = Path(__file__).parent / "golden_store"
CHILD, PARENT = "c0ffee00-0000-4000-8000-000000000001", "c0ffee00-0000-4000-8000-000000000002"
LINK = Link(CHILD, PARENT, "turn-2", "uuid-9", Evidence.MADE, LinkKind.FORK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.jsonl"


@pytest.fixture
def store(path: Path) -> Store:
    return Store.open(path, files=Fast())


def again(store: Store) -> Store:
    store.close()
    return Store.open(store.path, files=Fast())


def test_links(store: Store) -> None:
    handoff = Link("h", CHILD, evidence=Evidence.MADE, kind=LinkKind.HANDOFF)
    cut = Link("r", None, evidence=Evidence.MANUAL)
    for link in (LINK, handoff, cut):
        store.put_link(link)
    assert again(store).links() == {CHILD: LINK, "h": handoff, "r": cut}
    store = again(store)
    assert store.remove_link("h")
    assert not store.remove_link("h")
    assert set(again(store).links()) == {CHILD, "r"}


def test_a_link_and_its_run_are_stored_together(store: Store) -> None:
    intent = Intent(CHILD, Verb.FORK, "/work", PARENT, "uuid-9", "default", "opus", "Try it", 5.0)
    before = store.path.read_bytes().count(b"\n")
    store.begin(intent, links=[LINK])
    assert store.path.read_bytes().count(b"\n") == before + 1
    store = again(store)
    assert store.links() == {CHILD: LINK}
    assert store.intents() == {CHILD: intent}
    assert store.intents()[CHILD].owner == this_process()


def test_how_runs_end(store: Store) -> None:
    store.begin(Intent(CHILD, Verb.NEW, "/work"))
    store.finish(CHILD, "failed", "No login: run `claude` once")
    store.begin(Intent(CHILD, Verb.CONTINUE, "/work"))
    store = again(store)
    assert store.intents()[CHILD].kind is Verb.CONTINUE
    assert store.finishes()[CHILD].ending is Ending.FAILED
    store.finish(CHILD, Ending.INTERRUPTED)
    store.finish("never begun", Ending.DONE)
    store = again(store)
    assert store.intents() == {}
    assert {id: one.ending for id, one in store.finishes().items()} == {
        CHILD: Ending.INTERRUPTED,
        "never begun": Ending.DONE,
    }
    with pytest.raises(ValueError, match="exploded"):
        store.finish(CHILD, "exploded")


def test_annotations(store: Store) -> None:
    store.annotate(CHILD, title="A title", note="two\nlines")
    store.annotate(CHILD, hidden=True, chosen=Verdict.CHOSEN)
    store.annotate("some turn", note="of a turn")
    store.annotate("untouched")
    assert again(store).annotations() == {
        CHILD: Annotation("A title", True, False, Verdict.CHOSEN, "two\nlines"),
        "some turn": Annotation(note="of a turn"),
    }
    store = again(store)
    store.annotate(CHILD, title="", hidden=False, keep=True, chosen=Verdict.NONE)
    assert again(store).annotation(CHILD) == Annotation(keep=True, note="two\nlines")
    assert store.annotation("untouched") == Annotation()


def test_nothing_is_written_when_nothing_changes(store: Store) -> None:
    store.put_link(LINK)
    store.annotate(CHILD, title="t", keep=True)
    store.decide("/work", Decision("f", True))
    store.set_view(scope="all")
    before = store.path.read_bytes()
    store.put_link(LINK)
    store.annotate(CHILD, title="t")
    store.annotate(CHILD)
    store.decide("/work", Decision("f", True))
    store.set_view(scope="all")
    store.remove_link("unknown")
    assert store.path.read_bytes() == before


def test_a_decision_is_kept_with_what_it_was_about(store: Store) -> None:
    trusted = Decision("abc", True, {".mcp.json": "1"}, ("Bash(make:*)", "Read(\udc80)"))
    assert store.decision("/work") is None
    store.decide(Path("/work"), trusted)
    store.decide("/other", Decision("abc"))
    store = again(store)
    assert store.decision("/work") == trusted
    assert store.decision("/other") == Decision("abc", False)


def test_a_decision_that_is_not_understood_loads_nothing(store: Store) -> None:
    with store.db.transaction() as draft:
        draft["trust"]["/work"] = {"fingerprint": "abc", "decision": "all", "files": "["}
        draft["trust"]["/odd"] = {"fingerprint": 3, "granted": "{}"}
    assert store.decision("/work") == Decision("abc", False)
    assert store.decision("/odd") == Decision("")


def test_the_view(store: Store) -> None:
    store.set_view(selection=CHILD, folded=["a", "b"])
    store.set_view(scope="all", folded=[])
    assert again(store).view() == {"selection": CHILD, "folded": [], "scope": "all"}


def test_no_text_of_a_message_is_stored(store: Store) -> None:
    """Of a prompt its first line, cut short; of an outcome one short sentence."""
    secret = "the second line\n" + "x" * 5_000
    store.begin(Intent(CHILD, Verb.FORK, "/w", label="first line\n" + secret), links=[LINK])
    store.finish(CHILD, "failed", "it broke\n" + secret)
    store.begin(Intent("long", Verb.NEW, "/w", label="y" * 5_000))
    text = store.path.read_text("ascii")
    assert "first line" in text
    assert "it broke" in text
    assert "second line" not in text
    assert "x" * 200 not in text
    assert "y" * 121 not in text


def test_text_comes_out_clean(store: Store) -> None:
    store.annotate(CHILD, title="a\x1b[2Jb\nc", note="d\x9be\nf")
    raw = {"title": "\x1b]52;c;x\x07", "note": "\u202e", "chosen": 7, "hidden": "yes", "keep": 1}
    with store.db.transaction() as draft:  # somebody else's program
        draft["annotations"]["raw"] = raw
    store = again(store)
    assert store.annotation(CHILD) == Annotation(title="a·[2Jb c", note="d·e\nf")
    assert store.annotation("raw") == Annotation(title="·]52;c;x·", note="·")


def test_what_a_newer_version_added_stays(store: Store) -> None:
    with store.db.transaction() as draft:
        draft["links"][CHILD] = {"parent": "p", "evidence": "divined", "kind": "graft", "new": [1]}
        draft["annotations"][CHILD] = {"title": "t", "colour": "red"}
        draft["hats"]["h"] = {"size": 7}
    assert store.links() == {CHILD: Link(CHILD, "p")}
    store.put_link(LINK)
    store.annotate(CHILD, title="u")
    store = again(store)
    store._journal.compact()
    tables = again(store)._journal.tables
    assert tables["links"][CHILD]["new"] == [1]
    assert tables["annotations"][CHILD] == {"title": "u", "colour": "red"}
    assert tables["hats"] == {"h": {"size": 7}}


@pytest.mark.parametrize("version", [1])
def test_stores_of_released_versions(path: Path, version: int) -> None:
    """Golden files: each is read as it was meant, forever; fields may be added."""
    golden = GOLDEN / f"v{version}.jsonl"
    expected = json.loads(golden.with_suffix(".expected.json").read_text())
    path.write_bytes(golden.read_bytes())
    with Store.open(path) as store:
        assert not store.read_only
        for kind in ("links", "annotations", "intents", "finishes"):
            records = getattr(store, kind)()
            assert set(records) == set(expected[kind])
            for id, fields in expected[kind].items():
                assert fields.items() <= asdict(records[id]).items()
        assert store.decision("/home/me/limiter") == Decision("9f86d081")
        assert store.view() == expected["view"]
        assert store._journal.tables["hats"] == {"h": {"size": 7}}
        store.annotate("after", title="it can be written")


def test_an_odd_intent_is_no_reason_to_fall(store: Store) -> None:
    with store.db.transaction() as draft:
        draft["intents"]["s"] = {"kind": "dance", "pid": "x", "started": None}
        draft["finishes"]["s"] = {"ending": 3}
    assert store.intents()["s"] == Intent("s", Verb.CONTINUE, "", started=0.0, owner=Owner("", 0))
    assert store.finishes()["s"] == Finish(Ending.DONE)
