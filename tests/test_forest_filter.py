"""Filtering as one types."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sessiontree.model.filter import STATES, Search, spans, unknown_state
from sessiontree.model.overlay import Overlay, Status, Verdict
from sessiontree.model.rows import Rows
from tests.tree_scene import line as turns
from tests.tree_scene import scene, session


def hits(rows: Rows) -> list[tuple[str, str]]:
    return [(row.session, row.turn) for row in rows.list if rows.is_hit(row)]


def test_words_are_found_in_any_order_and_case_with_all_they_hang_below() -> None:
    rows = Rows(scene())
    rows.filter("gcra WHAT")
    assert hits(rows) == [("gcra", "")]
    assert [(row.session, row.turn) for row in rows.list] == [
        ("design", ""),
        ("design", "d2"),
        ("gcra", ""),
    ]


def test_titles_folders_turns_and_prompts_under_way_are_found() -> None:
    forest = scene()
    rows = Rows(forest)
    rows.filter("flaky login")
    assert ("login", "") in hits(rows)
    rows.filter("step 4")
    assert hits(rows) == [("login", "l4")]
    rows.filter("plot the")
    assert hits(rows) == [("window", "live")]
    forest.put(session("far", turns("q", ["Something"], 1), 1, "/srv/elsewhere"))
    rows.filter("elsewhere")
    assert hits(rows) == [("far", "")]


def test_letters_apart_count_only_where_nothing_has_the_word() -> None:
    rows = Rows(scene())
    rows.filter("ratlim")
    assert hits(rows) == [("design", "")]
    assert spans("ratlim", "Design a rate limiter") == [
        (9, 10),
        (10, 11),
        (11, 12),
        (14, 15),
        (15, 16),
        (16, 17),
    ]
    rows.filter("window slwin")
    assert hits(rows) == [("window", "")]
    rows.filter("ust")  # no word begins so, but one has it
    assert hits(rows) == [("lost", "")]
    rows.filter("ratz")
    assert not rows.list


def test_ending_the_filter_brings_the_folds_back() -> None:
    rows = Rows(scene())
    rows.reveal("window")
    before = [row.key for row in rows.list]
    rows.filter("bench")
    rows.toggle(rows.list[0])
    assert len(rows) == 1
    rows.filter("")
    assert [row.key for row in rows.list] == before
    rows.filter("bench")
    assert len(rows) > 1


def test_what_was_put_away_is_found_only_while_it_is_shown() -> None:
    rows = Rows(scene())
    rows.filter("for later")
    assert not rows.list
    rows.show_all = True
    assert hits(rows) == [("idea", "")]


def test_a_filter_follows_what_happens_meanwhile() -> None:
    forest = scene()
    rows = Rows(forest)
    rows.filter("zebra")
    assert not rows.list
    forest.put(session("new", turns("z", ["Draw a zebra"], 0), 0))
    assert rows.sync()
    assert hits(rows) == [("new", "")]
    forest.overlay("new", Overlay(title="Horse"))
    rows.sync()
    assert hits(rows) == [("new", "z1")]
    forest.overlay("new", Overlay(title="Horse", status=Status.RUNNING))
    assert not rows.sync()


def test_states_are_asked_for_by_words_and_by_their_beginnings() -> None:
    rows = Rows(scene())

    def found(query: str) -> list[tuple[str, str]]:
        rows.filter(query)
        return hits(rows)

    assert found("is:chosen") == [("gcra", "")]
    assert [row.session for row in rows.list] == ["design", "design", "gcra"]
    assert {id for id, _ in found("is:running")} == {"window", "way1"}
    assert found("is:running sliding") == [("window", "")]
    assert found("is:wai") == [("proof", "")]
    assert found("is:failed is:chosen") == []
    assert found("is:wrong") == []
    assert unknown_state("is:wrong")
    assert not unknown_state("is:fa has:n wrong")
    for state in STATES:
        assert not unknown_state(state)


def test_notes_are_found_by_their_words_and_by_having_one() -> None:
    forest = scene()
    rows = Rows(forest)
    rows.filter("best so far")
    assert hits(rows) == [("gcra", "")]
    rows.filter("regions zebra")
    assert not rows.list
    forest.set_notes({"d2x": "A Zebra\nfor\tlater", "w1": "x"})
    assert rows.sync()
    assert hits(rows) == [("design", "d2x")]
    rows.filter("has:note")
    assert hits(rows) == [("design", "d2x"), ("window", "w1")]
    rows.filter("zebra is:chosen")
    assert not rows.list


def test_a_filter_by_state_follows_how_sessions_fare() -> None:
    forest = scene()
    rows = Rows(forest)
    rows.filter("is:done")
    assert not rows.list
    forest.overlay("rust", Overlay(status=Status.DONE))
    assert rows.sync()
    assert hits(rows) == [("rust", "")]


def test_asking_for_what_was_put_away_shows_it_while_it_is_asked_for() -> None:
    forest = scene()
    rows = Rows(forest)
    before = [row.key for row in rows.list]
    forest.overlay("window", Overlay(verdict=Verdict.DISCARDED))
    rows.filter("is:disc")
    assert hits(rows) == [("window", "")]
    rows.filter("is:away")
    assert hits(rows) == [("idea", "")]
    rows.filter("")
    assert [row.key for row in rows.list] == before
    assert not rows.show_all


def test_getting_ready_in_slices_while_sessions_come_loses_none() -> None:
    forest = scene()
    for number in range(300):
        forest.put(session(f"n{number}", turns(f"n{number}-", ["Some task"], number), number))
    rows = Rows(forest)
    steps = rows.warm_up()
    next(steps)
    forest.put(session("late", turns("z", ["Draw a zebra"], 0), 0))
    rows.sync()
    for _ in steps:
        pass
    rows.filter("zebra")
    assert hits(rows) == [("late", "")]


queries = st.text("abcR 1", max_size=6).filter(lambda query: bool(query.split()))


@given(st.lists(st.text("abcRr 1", max_size=12), max_size=8), queries)
def test_letter_by_letter_finds_the_same_as_all_at_once(texts: list[str], query: str) -> None:
    texts = [text.lower() for text in texts]
    typed = Search(texts)
    for end in range(1, len(query) + 1):
        if query[:end].split():
            found = typed.find(query[:end])
            assert list(found) == list(Search(texts).find(query[:end]))
            for index in found:
                assert spans(query[:end], texts[index])
    for index, text in enumerate(texts):
        if all(word in text for word in query.lower().split()):
            assert index in found


@given(st.text(), st.text())
def test_any_text_can_be_filtered_and_highlighted(query: str, text: str) -> None:
    found = spans(query, text)
    assert all(0 <= start < end <= len(text) for start, end in found)
