"""Links: random forests, written as each way of branching writes them, come back as they were."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from sessiontree.claude.cost import turn_costs
from sessiontree.claude.lineage import Lineage, link_all
from sessiontree.claude.scanned import Scanned, Spent
from sessiontree.claude.transcript.scan import read_session
from sessiontree.commands.forest import Sessions, fields
from sessiontree.model.session import Evidence, Link, Session, Turn, Usage
from tests.forest_maker import Made, Maker, Truth


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "projects")


def scan(maker: Maker) -> list[Scanned]:
    maker.write()
    return [
        read_session(path, path.parent.name) for path in sorted(maker.projects.glob("*/*.jsonl"))
    ]


def told(link: Link) -> Truth:
    return Truth(link.parent, link.turn, link.point, link.evidence.value)


def check(maker: Maker, scanned: Iterable[Scanned]) -> None:
    lineage = Lineage()
    lineage.update(scanned)
    expected = maker.expected()
    assert {id: told(lineage.links[id]) for id in expected} == expected
    for made in maker.sessions:
        if made.id in expected:
            session = lineage.sessions[made.id]
            assert session.damage == ()
            assert read_turns(session) == made_turns(made)
            inherited, own = session.turns[: session.copied], session.turns[session.copied :]
            assert [turn.uuid for turn in own] == maker.written(made)
            paid = [0.01 * turn.usage.total / 180 for turn in own]
            assert [turn.cost_usd for turn in own] == pytest.approx(paid)
            assert {turn.cost_usd for turn in inherited} <= {None}


def made_turns(made: Made) -> list[tuple[str, str, str, str, bool]]:
    tip = made.live[-1] if made.live else None
    return [
        (
            turn.id,
            turn.uuid,
            made.line[-1] if turn.id == tip else turn.last,
            turn.prompt,
            turn.id in made.live,
        )
        for turn in made.turns
    ]


def read_turns(session: Session) -> list[tuple[str, str, str, str, bool]]:
    return [(turn.id, turn.uuid, turn.last, turn.label, turn.live) for turn in session.turns]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "new",
                "screen",
                "turn",
                "turn",
                "turn",
                "fork",
                "fork",
                "fork+screen",
                "offline",
                "offline",
                "branch",
                "copy",
                "rewind",
                "compact",
            ]
        ),
        st.integers(0, 10**6),
    ),
    min_size=3,
    max_size=40,
)


def play(maker: Maker, steps: Iterable[tuple[str, int]]) -> None:
    """Whatever the numbers choose that is possible at that point."""
    for what, number in steps:
        begun = [session for session in maker.sessions if session.lines]
        chosen = begun[number % len(begun)] if begun else None
        if chosen is None or what in ("new", "screen"):
            chosen = maker.new(screen=what == "screen")
            maker.turn(chosen, f"prompt {number}")
            continue
        turns = maker.turns(chosen)
        at = turns[number // 7 % len(turns)] if turns else None
        if what == "turn":
            maker.turn(chosen, f"prompt {number}", tools=number % 4)
        elif what.startswith("fork") and chosen.line:
            child = maker.fork(chosen, at if number % 3 else None, screen=what == "fork+screen")
            maker.turn(child, f"prompt {number}", tools=number % 2)
        elif what == "offline":
            maker.fork_offline(chosen, at if number % 3 else None)
        elif what == "branch" and chosen.line:
            maker.branch(chosen)
        elif what == "copy" and chosen.line:
            copy = maker.copy(chosen)
            if number % 3:
                maker.turn(copy, f"prompt {number}")
        elif what == "rewind" and at is not None:
            maker.rewind(chosen, at if number % 5 else None)
            maker.turn(chosen, f"prompt {number}")
        elif what == "compact" and chosen.live:
            maker.compact(chosen)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_any_forest_comes_back_as_it_was_made(
    steps: list[tuple[str, int]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    maker = Maker(tmp_path_factory.mktemp("projects"), seed=seed)
    play(maker, steps)
    check(maker, scan(maker))


# Kept up to date


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32), order=st.randoms(use_true_random=False))
def test_links_do_not_depend_on_the_order_in_which_sessions_come(
    steps: list[tuple[str, int]],
    seed: int,
    order: random.Random,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One by one, some taken away and put back: in the end as if all had come at once."""
    maker = Maker(tmp_path_factory.mktemp("projects"), seed=seed)
    play(maker, steps)
    scanned = scan(maker)
    order.shuffle(scanned)
    lineage = Lineage()
    for one in scanned:
        lineage.update([one])
    for one in scanned[::3]:
        lineage.update(removed=[one.session.id])
    for one in scanned[::3]:
        lineage.update([one])
    whole = Lineage()
    whole.update(scanned)
    assert lineage.links == whole.links
    assert lineage.sessions == whole.sessions


def test_a_change_costs_the_same_however_many_sessions_there_are(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = []
    for number in range(300):
        root = maker.new()
        maker.turn(root, f"root {number}")
        maker.turn(maker.fork(root), "fork")
        roots.append(root)
    lineage = Lineage()
    lineage.update(scan(maker))
    settled = []
    link = Lineage._link
    monkeypatch.setattr(
        Lineage, "_link", lambda self, one: settled.append(one.session.id) or link(self, one)
    )
    child = maker.fork(roots[7])
    maker.turn(child, "another fork")
    maker.turn(roots[7], "and the parent went on")
    maker.write()
    changes = lineage.update([read_one(maker, roots[7]), read_one(maker, child)])
    assert sorted(settled) == sorted([roots[7].id, child.id])
    assert changes.links.keys() == {child.id}
    assert told(changes.links[child.id]) == maker.truth[child.id]


def test_a_chain_of_a_thousand_forks_is_linked(maker: Maker) -> None:
    at = maker.new()
    maker.turn(at, "0", attachments=0)
    for number in range(1, 200):
        at = maker.fork(at) if number % 2 else maker.fork_offline(at)
        maker.turn(at, str(number), attachments=0)
    scanned = scan(maker)
    made = {}  # longer than files of it could be: the last one again and again, with new ids
    last = next(one for one in scanned if one.session.id == at.id)
    for number in range(800):
        id = f"{number:08}-0000-4000-8000-000000000000"
        session = replace(last.session, id=id, created=9e9 + number)
        made[id] = structs.replace(last, session=session)
    check(maker, scanned)
    links = link_all([*scanned, *made.values()], {})
    assert {links[id].parent for id in made} == {at.id}


# What is stored, what is gone, what cannot be told


def test_stored_links_are_never_worked_out_again(maker: Maker) -> None:
    root, other = maker.new(), maker.new()
    maker.turn(root, "one")
    maker.turn(other, "else")
    child, cut = maker.fork(root), maker.fork(root)
    maker.turn(child, "two")
    maker.turn(cut, "two as well")
    stored = {
        child.id: Link(child.id, other.id, None, None, Evidence.MANUAL),
        cut.id: Link(cut.id, None, None, None, Evidence.MANUAL),
        "gone": Link("gone", root.id, "t", "p", Evidence.MADE),
    }
    links = link_all(scan(maker), stored)
    assert {id: links[id] for id in stored} == stored
    lineage = Lineage(stored)
    lineage.update(scan(maker))
    changes = lineage.update(stored={child.id: None})
    assert told(changes.links[child.id]) == maker.truth[child.id]


@pytest.mark.parametrize("way", ["fork", "offline", "branch"])
def test_a_parent_whose_file_is_gone_is_named_where_the_fork_names_it(
    way: str, maker: Maker
) -> None:
    root = maker.new()
    maker.turn(root, "one")
    ways = {"fork": maker.fork, "offline": maker.fork_offline, "branch": maker.branch}
    child = ways[way](root)
    maker.turn(child, "two")
    maker.remove(root)
    link = link_all(scan(maker), {})[child.id]
    assert (link.parent, link.evidence) == (root.id, Evidence.POINTER)
    assert link.turn == root.turns[0].id


def test_two_forks_of_a_session_that_nobody_names_are_not_linked(maker: Maker) -> None:
    """As an older release writes them, without `requestSessionId`: rather none than a wrong one."""
    root = maker.new()
    maker.turn(root, "one")
    for number in range(2):
        maker.turn(maker.fork(root, screen=True), f"fork {number}")
    maker.remove(root)
    for session in maker.sessions:
        for line in session.lines:
            line.pop("requestSessionId", None)
    links = link_all(scan(maker), {})
    assert {link.parent for link in links.values()} == {None}


def test_a_fork_of_a_fork_of_a_gone_session_has_the_turns_that_are_left(maker: Maker) -> None:
    root = maker.new()
    maker.turn(root, "one")
    middle = maker.fork(root)
    maker.turn(middle, "two")
    last = maker.fork(middle)
    maker.turn(last, "three")
    maker.remove(middle)
    link = link_all(scan(maker), {})[last.id]
    assert (link.parent, link.turn) == (middle.id, middle.turns[1].id)


def test_a_transcript_copied_under_another_id_descends_from_the_first(maker: Maker) -> None:
    root = maker.new()
    first = maker.turn(root, "one")
    maker.turn(maker.fork(root, first), "names the writer of the first turn alone")
    maker.turn(root, "two")
    aside, copy = maker.copy(root), maker.copy(root)
    maker.turn(copy, "three")
    scanned = scan(maker)
    check(maker, scanned)
    links = link_all(scanned, {})
    assert links[aside.id].turn == links[copy.id].turn == root.turns[1].id
    maker.path(root).unlink()
    links = link_all([read_one(maker, made) for made in (aside, copy)], {})
    assert links[aside.id].parent is None, "the file may have been given another name"


def test_turns_of_forks_of_offline_forks_have_one_id(maker: Maker) -> None:
    at = maker.new()
    maker.turn(at, "one")
    for _ in range(4):
        at = maker.fork_offline(at)
    lineage = Lineage()
    for one in reversed(scan(maker)):
        lineage.update([one])
    ids = {turn.id for session in lineage.sessions.values() for turn in session.turns}
    assert ids == {maker.sessions[0].turns[0].id}


# Costs


def test_what_a_family_spent_is_the_sum_of_what_its_members_spent(maker: Maker) -> None:
    """The copied prefix counts in nobody but who ran it, and the counter that a fork takes over
    is not spent twice. Each turn here costs 0.01."""
    root = maker.new()
    first = maker.turn(root, "one")
    maker.turn(root, "two")
    children = [maker.fork(root), maker.fork(root, first), maker.fork_offline(root, first)]
    for child in children:
        maker.turn(child, "mine")
    maker.turn(maker.fork(children[0]), "deeper")
    maker.turn(root, "three")
    lineage = Lineage()
    lineage.update(scan(maker))
    assert _spent(lineage, root) == 0.03
    assert [_spent(lineage, child) for child in children] == [0.01] * 3
    assert round(sum(_spent(lineage, made) for made in maker.sessions), 6) == 0.07
    shared = lineage.sessions[children[0].id].turns[0]
    assert shared.cost_usd is None


def test_a_fork_of_a_fork_is_not_charged_what_came_between(maker: Maker) -> None:
    """It keeps only a turn of its grandparent, but counts on from what the fork had spent."""
    root = maker.new()
    shared = maker.turn(root, "one")
    fork = maker.fork(root)
    maker.turn(fork, "two")
    maker.turn(fork, "three")
    early = maker.fork(fork, shared)
    maker.turn(early, "other")
    scanned = {one.session.id: one for one in scan(maker)}
    lineage = Lineage()
    lineage.update(scanned.values())
    assert lineage.links[early.id].parent == root.id
    assert _spent(lineage, early) == 0.01
    changes = lineage.update(removed=[fork.id])  # then nobody can tell it any more
    assert changes.sessions.keys() == {early.id}
    assert _spent(lineage, early) == 0.03
    lineage.update([scanned[fork.id]])
    assert _spent(lineage, early) == 0.01


def test_what_was_spent_stays_whatever_link_a_person_sets(maker: Maker) -> None:
    root, other = maker.new(), maker.new()
    maker.turn(root, "one")
    maker.turn(other, "elsewhere")
    fork = maker.fork(root)
    maker.turn(fork, "two")
    scanned = scan(maker)
    for parent in (None, other.id):
        lineage = Lineage({fork.id: Link(fork.id, parent, evidence=Evidence.MANUAL)})
        lineage.update(scanned)
        assert lineage.links[fork.id].parent == parent
        assert _spent(lineage, fork) == 0.01
        sessions = Sessions(lineage.links, lineage.sessions)
        assert fields(sessions, lineage.sessions[fork.id])["tokens_own"] == 180


def _spent(lineage: Lineage, made: Made) -> float:
    turns = lineage.sessions[made.id].turns
    return round(sum(turn.cost_usd or 0.0 for turn in turns), 6)


def test_what_a_fork_spent_is_unknown_where_its_parent_is_gone(maker: Maker) -> None:
    root = maker.new()
    maker.turn(root, "one")
    child = maker.fork(root)
    maker.turn(child, "two")
    maker.turn(child, "three")
    maker.remove(root)
    lineage = Lineage()
    lineage.update(scan(maker))
    costs = [turn.cost_usd for turn in lineage.sessions[child.id].turns]
    assert costs[:2] == [None, None]
    assert costs[2] == pytest.approx(0.01)


def test_what_a_fork_spent_is_known_as_soon_as_its_parent_is(maker: Maker) -> None:
    """Also where the link was known before: the lines of a `/branch` name whom it left."""
    root = maker.new()
    maker.turn(root, "one")
    parent = maker.fork(root)
    maker.turn(parent, "two")
    branch = maker.branch(parent)
    child = maker.fork(branch, branch.turns[0])
    maker.turn(child, "three")
    maker.write()
    lineage = Lineage()
    for made in (root, branch, child, parent):
        lineage.update([read_one(maker, made)])
    assert lineage.links[child.id].parent == parent.id
    assert lineage.sessions[child.id].turns[-1].cost_usd == pytest.approx(0.01)


def test_a_count_over_several_turns_is_divided_among_them() -> None:
    turns = [
        Turn(str(n), None, str(n), str(n), "", None, usage=Usage(output=n * 100)) for n in range(4)
    ]
    costs = turn_costs(turns, [Spent(2, 1.0, 0.3, 7), Spent(3, 2.0, 0.4, 7)], 0, 0.0)
    assert costs == pytest.approx({0: 0.0, 1: 0.1, 2: 0.2, 3: 0.1})


def test_what_a_transcript_says_twice_costs_once(maker: Maker) -> None:
    session = maker.new()
    for prompt in ("one", "two", "three"):
        maker.turn(session, prompt)
    session.lines *= 2
    maker.write()
    lineage = Lineage()
    lineage.update([read_one(maker, session)])
    costs = [turn.cost_usd or 0.0 for turn in lineage.sessions[session.id].turns]
    assert costs == pytest.approx([0.01, 0.01, 0.01])


def read_one(maker: Maker, made: Made) -> Scanned:
    path = maker.path(made)
    return read_session(path, path.parent.name)


def test_the_end_of_a_chain_of_offline_forks_that_is_learned_last(maker: Maker) -> None:
    """Each names only the one before it: whatever comes last, all know the first."""
    play(maker, [("new", 0), ("turn", 0), ("offline", 0), ("offline", 1), ("offline", 2)])
    scanned = scan(maker)
    whole = Lineage()
    whole.update(scanned)
    for order in itertools.permutations(scanned):
        lineage = Lineage()
        for one in order:
            lineage.update([one])
        assert lineage.sessions == whole.sessions
