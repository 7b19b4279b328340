"""What the forest says of its sessions: parents, places, names, costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiontree.model.families import Families
from sessiontree.model.forest import Forest
from sessiontree.model.overlay import Overlay, Status
from sessiontree.model.rows import Key, Kind, Rows
from sessiontree.model.session import Evidence, Link, LinkKind, Presence
from tests.tree_scene import HOUR, NOW, fork, line, scene, session, turn


def shown(rows: Rows) -> list[tuple[int, str, str]]:
    return [(row.depth, row.session, row.turn) for row in rows.list]


def family_of_three() -> Forest:
    """`b` leaves `a` after its second turn, `c` leaves `b` in the part that `b` shares with `a`."""
    forest = Forest()
    a, b, c = line("a", ["A1", "A2", "A3"], 9), line("b", ["B1"], 6), line("c", ["C1"], 3)
    forest.put(session("a", a, 9))
    forest.put(session("b", (*a[:2], *b), 6))
    forest.put(session("c", (*a[:1], *c), 3))
    forest.put_link(fork("b", "a", "a2"))
    forest.put_link(fork("c", "b", "a1"))
    return forest


# places ---------------------------------------------------------------------------------------


def test_a_fork_hangs_under_the_turn_it_left_whoever_owns_that() -> None:
    forest = family_of_three()
    assert forest.place("b") == ("a", "a2")
    assert forest.place("c") == ("a", "a1")
    assert forest.parent("c") == "b"
    rows = Rows(forest)
    rows.unfold(forest)
    assert shown(rows) == [
        (0, "a", ""),
        (1, "a", "a1"),
        (2, "c", ""),
        (3, "c", "c1"),
        (1, "a", "a2"),
        (2, "b", ""),
        (3, "b", "b1"),
        (1, "a", "a3"),
    ]


def test_a_fork_before_the_first_turn_hangs_above_it() -> None:
    forest = family_of_three()
    forest.put(session("d", line("d", ["D1"], 1), 1))
    forest.put_link(fork("d", "a", None))
    rows = Rows(forest)
    rows.reveal("d")
    assert shown(rows)[:3] == [(0, "a", ""), (1, "d", ""), (1, "a", "a1")]


def test_a_handoff_hangs_behind_the_last_turn_also_when_more_turns_come() -> None:
    forest = family_of_three()
    forest.put(session("h", line("h", ["H1"], 1), 1))
    forest.put_link(fork("h", "a", None, kind=LinkKind.HANDOFF))
    forest.put(session("a", line("a", ["A1", "A2", "A3", "A4"], 9), 9))
    rows = Rows(forest)
    rows.reveal("h")
    assert shown(rows)[-2:] == [(1, "a", "a4"), (1, "h", "")]


def test_a_parent_that_goes_on_keeps_its_forks_where_they_left() -> None:
    forest = family_of_three()
    forest.put(session("a", line("a", ["A1", "A2", "A3", "A4", "A5"], 9), 0))
    assert forest.place("b") == ("a", "a2")
    assert [one.id for one in forest.own_turns("b")] == ["b1"]


def test_forks_find_their_turn_when_the_transcript_is_read_after_them() -> None:
    forest = Forest()
    a = line("a", ["A1", "A2"], 9)
    forest.put_link(fork("b", "a", "a2"))
    forest.put(session("b", (*a, *line("b", ["B1"], 6)), 6))
    forest.put(session("a", a[:1], 9))
    assert forest.place("b") == ("a", "")
    forest.put(session("a", a, 9))
    assert forest.place("b") == ("a", "a2")


def test_a_ghost_shows_the_turns_that_its_fork_still_has_and_is_gone() -> None:
    forest = scene()
    assert forest.session("lost") is None
    assert forest.status("lost") is Status.GONE
    assert [one.id for one in forest.own_turns("lost")] == ["o1", "o2"]
    assert [one.id for one in forest.own_turns("rust")] == ["n1"]
    assert forest.place("rust") == ("lost", "o2")
    assert forest.label("lost") == "Port the parser to Rust"
    forest.remove("rust")
    assert "lost" not in forest


def test_the_row_of_a_ghost_stays_the_same_when_its_transcript_comes_back() -> None:
    forest = scene()
    rows = Rows(forest)
    index = rows.reveal("rust")
    assert index is not None
    key = rows.list[index].key
    forest.put(session("lost", line("o", ["Port the parser to Rust", "Keep", "More"], 9), 9))
    rows.sync()
    assert rows.index(key) is not None
    assert rows.index(Key(Kind.TURN, "lost", "o3")) is not None


def test_a_ghost_gives_up_the_turns_of_a_fork_that_was_not_its() -> None:
    forest = scene()
    forest.put(session("far", (*line("o", ["Port", "Keep", "More"], 9), *line("z", ["Z"], 8)), 8))
    forest.put_link(fork("far", "lost", "o3"))
    assert [one.id for one in forest.own_turns("lost")] == ["o1", "o2", "o3"]
    rows = Rows(forest)
    rows.unfold(["lost"])
    forest.put_link(fork("far", "design", "o3", evidence=Evidence.MANUAL))
    rows.sync()
    assert [row.turn for row in rows.list if row.session == "lost"] == ["", "o1", "o2"]


def test_forks_of_one_turn_are_in_the_order_of_their_first_own_prompts() -> None:
    forest = family_of_three()
    for created, id in enumerate(("e", "f"), 1):
        forest.put(session(id, (), 0, created=float(created), presence=Presence.NEW))
        forest.put_link(fork(id, "a", "a2", evidence=Evidence.MADE))
    rows = Rows(forest)
    rows.unfold(["a"])
    assert forest.children("a", "a2") == ["b", "e", "f"]
    a = forest.turns("a")
    forest.put(session("f", (*a[:2], turn("f1", "F1", -HOUR, "a2")), 0, created=2.0))
    rows.sync()
    forks = [row.session for row in rows.list if row.depth == 2]
    assert forks == ["c", "b", "f", "e"]


# arms -----------------------------------------------------------------------------------------


def test_arms_of_arms_hang_under_the_turns_they_left() -> None:
    turns = (
        turn("1", "one", 9),
        turn("2", "first try", 8, "1", live=False),
        turn("3", "and on", 7, "2", live=False),
        turn("3b", "another way", 6, "2", live=False),
        turn("2b", "second try", 5, "1"),
    )
    forest = Forest()
    forest.put(session("s", turns, 1))
    own = forest.arms("s")
    assert [one.id for one in own.line] == ["1", "2b"]
    assert {first: [t.id for t in arm] for first, arm in own.lines.items()} == {
        "2": ["2", "3b"],
        "3": ["3"],
    }
    assert own.at == {"1": ("2",), "2": ("3",)}
    assert own.number == {"1": 1, "2": 2, "3": 3, "3b": 3, "2b": 2}
    rows = Rows(forest)
    assert rows.reveal("s", "3") is not None
    assert shown(rows) == [
        (0, "s", ""),
        (1, "s", "1"),
        (2, "s", "2"),
        (3, "s", "2"),
        (4, "s", "3"),
        (5, "s", "3"),
        (3, "s", "3b"),
        (1, "s", "2b"),
    ]


def test_arms_that_an_offline_fork_copied_are_not_its_own() -> None:
    shared = (turn("1", "one", 9), turn("x", "left", 8, "1", live=False), turn("2", "two", 7, "1"))
    forest = Forest()
    forest.put(session("a", shared, 7))
    forest.put(session("b", (*shared, turn("3", "three", 1, "2")), 1))
    forest.put_link(fork("b", "a", "2"))
    assert [one.id for one in forest.own_turns("b")] == ["3"]
    assert forest.arms("b").number["3"] == 3


def test_turns_whose_parents_make_no_sense_are_all_shown() -> None:
    turns = (
        turn("1", "loops", 9, "2", live=False),
        turn("2", "loops too", 8, "1", live=False),
        turn("3", "no such parent", 7, "?", live=False),
        turn("4", "its own parent", 6, "4"),
    )
    forest = Forest()
    forest.put(session("s", turns, 1))
    rows = Rows(forest)
    for one in turns:
        assert rows.reveal("s", one.id) is not None
    assert [one.id for one in forest.path("s", "2")] == ["1", "2"]


# names ----------------------------------------------------------------------------------------


def test_a_fork_is_called_by_its_own_first_prompt() -> None:
    forest = scene()
    assert forest.label("design") == "Design a rate limiter for the API"
    assert forest.label("window") == "Try a sliding window instead"
    assert forest.label("login") == "Flaky login test"
    forest.overlay("window", Overlay(title="Windows"))
    assert forest.label("window") == "Windows"


def test_a_fork_without_a_turn_is_called_by_the_prompt_that_runs_else_after_its_parent() -> None:
    forest = family_of_three()
    for child, parent in (("d", "b"), ("e", "d")):
        forest.put(session(child, (), 0, presence=Presence.NEW))
        forest.put_link(fork(child, parent, "b1", evidence=Evidence.MADE))
    assert forest.label("d") == forest.label("e") == "fork of ‹B1›"
    forest.overlay("d", Overlay(status=Status.RUNNING, prompt="Do it now", number=4))
    assert forest.label("d") == "Do it now"
    assert forest.label("e") == "fork of ‹Do it now›"


def test_a_turn_under_way_is_a_row_until_the_transcript_has_it() -> None:
    forest = family_of_three()
    rows = Rows(forest)
    rows.unfold(["a"])
    forest.overlay("a", Overlay(status=Status.RUNNING, prompt="A4", number=4))
    assert rows.sync()
    assert rows.list[-1].key == Key(Kind.TURN, "a", "live")
    forest.put(session("a", line("a", ["A1", "A2", "A3", "A4"], 9), 0))
    rows.sync()
    assert rows.list[-1].key == Key(Kind.TURN, "a", "a4")


# families -------------------------------------------------------------------------------------


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(Evidence)),
    ),
    st.randoms(use_true_random=False),
)
def test_the_same_links_give_the_same_families_in_any_order(links, random) -> None:  # type: ignore[no-untyped-def]
    def build(children: list[str]) -> Families:
        families = Families()
        for child in children:
            parent, evidence = links[child]
            families.link(Link(child, parent, evidence=Evidence.NONE))
            families.link(Link(child, parent, evidence=evidence))
        return families

    one = build(sorted(links))
    other = build(random.sample(sorted(links), len(links)))
    assert one.parent == other.parent
    set_aside = links.keys() - one.parent.keys()
    for id in one:  # no circle is left, and each was cut once
        assert len(set(one.above(id))) == len(list(one.above(id)))
        assert len(set_aside & one.of(id).members) <= 1
        assert one.of(id) is other.of(id) or one.of(id).members == other.of(id).members


def test_a_circle_is_cut_at_its_least_sure_link() -> None:
    forest = Forest()
    for id in "abc":
        forest.put(session(id, line(id, [id], 5), 5))
    forest.put_link(fork("a", "b", None, evidence=Evidence.MADE))
    forest.put_link(fork("b", "c", None, evidence=Evidence.PREFIX))
    forest.put_link(fork("c", "a", None, evidence=Evidence.MANUAL))
    assert [forest.parent(id) for id in "abc"] == ["b", None, "a"]
    forest.put_link(fork("c", None, None, evidence=Evidence.MANUAL))
    assert [forest.parent(id) for id in "abc"] == ["b", "c", None]


def test_a_family_counts_each_turn_once() -> None:
    forest = scene()
    assert forest.cost("window") == 0.08
    assert forest.family_cost("window") == pytest.approx(0.33 + 0.08 + 0.02)
    assert forest.family_cost("broken") is None
    forest.overlay("broken", Overlay(cost_usd=0.5))
    assert forest.family_cost("broken") == 0.5


def test_what_waits_for_a_person_is_next() -> None:
    forest = scene()
    assert forest.next_active() == "proof"
    assert forest.next_active("proof") == "way1"
    assert forest.next_active("way3") == "proof"
    assert Forest().next_active() is None


def test_families_stay_where_they_are_while_they_run_and_new_ones_come_on_top() -> None:
    forest = scene()
    rows = Rows(forest)
    before = [row.session for row in rows.list]
    forest.put(session("login", forest.turns("login"), -HOUR))
    rows.sync()
    assert [row.session for row in rows.list] == before
    forest.put(session("latest", line("f", ["Latest"], 0), -2 * HOUR))
    forest.put(session("a", line("q", ["Old"], 0), 10 * HOUR))
    rows.sync()
    assert [row.session for row in rows.list] == ["latest", *before[:2], "a", *before[2:]]
    rows.resort()
    assert [row.session for row in rows.list][:3] == ["latest", "login", "design"]


def test_a_project_looks_the_same_after_it_was_shown_alone() -> None:
    forest = scene()
    forest.put(session("x", line("x", ["Elsewhere"], 1), 1, "/srv"))
    rows = Rows(forest)
    assert rows.by_project
    rows.reveal("window", "w1")
    before = [(row.key, row.depth) for row in rows.list]
    rows.scope = lambda session: session.cwd == "/home/ann/limiter"
    assert shown(rows)[0] == (0, "design", "")
    assert not rows.by_project
    rows.scope = None
    assert [(row.key, row.depth) for row in rows.list] == before


# size -----------------------------------------------------------------------------------------


def chain(length: int) -> Forest:
    forest, last = Forest(), None
    for number in range(length):
        own = line(f"{number}-", [f"Step {number}", "And on"], length - number)
        shared = () if last is None else (last,)
        forest.put(session(f"s{number:05}", (*shared, *own), length - number))
        if last is not None:
            forest.put_link(fork(f"s{number:05}", f"s{number - 1:05}", last.id))
        last = own[-1]
    return forest


def test_a_chain_of_ten_thousand_forks_is_normal() -> None:
    forest = chain(10_000)
    rows = Rows(forest)
    assert len(rows) == 1
    assert rows.reveal("s09999") == 3 * 9_999
    assert rows.list[-1].depth == 2 * 9_999
    assert forest.label("s09999") == "Step 9999"
    assert len(list(forest.ancestors("s09999"))) == 9_999
    rows.filter("step 9998")
    assert [row.session for row in rows.list if rows.is_hit(row)] == ["s09998"]
    rows.filter("")
    rows.toggle(rows.list[0])
    assert len(rows) == 1


def test_a_change_plans_only_the_session_that_it_touches(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    forest = chain(500)
    rows = Rows(forest)
    rows.unfold(forest)
    planned: list[str] = []
    from sessiontree.model import plan

    real = plan._Planner

    def counting(plans, forest, row, old):  # type: ignore[no-untyped-def]
        planned.append(row.session)
        return real(plans, forest, row, old)

    monkeypatch.setattr(plan, "_Planner", counting)
    forest.put(session("new", line("x", ["New"], 0), 0))
    forest.put_link(fork("new", "s00250", "250-1"))
    rows.sync()
    assert planned == ["s00250"]
    forest.overlay("s00100", Overlay(status=Status.RUNNING, since=NOW))
    assert not rows.sync()
    rows.toggle(rows.list[0])
    rows.toggle(rows.list[0])
    assert planned == ["s00250"]
