"""What a person sets: verdicts, notes and links by hand. Stored, seen by others, never guessed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, say
from sessiontree.model.forest import Forest
from sessiontree.model.linking import LinkRefused, by_hand, cut
from sessiontree.model.overlay import Verdict
from sessiontree.model.rows import Kind, Rows
from sessiontree.model.session import Evidence, Link, LinkKind
from sessiontree.model.text import NOTE_CHARS
from tests.api import ClaudePlace
from tests.forest_maker import Made, Maker, three_sessions
from tests.test_engine import Desk, desk_at
from tests.tree_scene import fork, line, session

pytestmark = pytest.mark.anyio


@pytest.fixture
def maker(place: ClaudePlace) -> Maker:
    return three_sessions(place.config_dir / "projects", str(place.cwd))


@pytest.fixture
async def desk(maker: Maker, place: ClaudePlace, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(place, tmp_path / "home") as desk:
        await desk.heard.until(lambda: desk.engine.catalog.scanned)
        yield desk


def link_of(desk: Desk, made: Made) -> Link:
    link = desk.forest.link(made.id)
    assert link is not None
    return link


async def test_verdicts_and_notes_survive_and_are_seen_by_other_instances(
    desk: Desk, maker: Maker, place: ClaudePlace, tmp_path: Path
) -> None:
    root, child, _ = maker.sessions
    turn = root.turns[0].id
    async with desk_at(place, tmp_path / "home") as other:
        await desk.engine.marks.set(child.id, chosen=Verdict.CHOSEN)
        await desk.engine.marks.set(root.id, chosen=Verdict.DISCARDED, note="too slow")
        await desk.engine.marks.set(turn, note="where it\nbegan\x1b[2J")
        await other.heard.until(lambda: other.forest.note(turn))
        for one in (desk, other):
            assert one.forest.overlaid(child.id).verdict is Verdict.CHOSEN
            assert one.forest.overlaid(root.id).put_away
            assert one.forest.note(root.id) == "too slow"
            assert one.forest.note(turn) == "where it\nbegan·[2J"
        await other.engine.marks.set(turn, note="")
        await desk.heard.until(lambda: not desk.forest.note(turn))
    async with desk_at(place, tmp_path / "home") as later:
        assert later.forest.overlaid(child.id).verdict is Verdict.CHOSEN
        assert later.forest.note(root.id) == "too slow"
        assert not later.forest.note(turn)


async def test_a_note_in_the_file_that_is_too_long_is_read_as_far_as_it_may_be(
    desk: Desk, maker: Maker
) -> None:
    id = maker.sessions[0].id
    await desk.engine.marks.set(id, note="x" * (NOTE_CHARS + 1))
    assert len(desk.forest.note(id)) == NOTE_CHARS


async def test_a_link_by_hand_wins_stays_and_can_be_taken_back(
    desk: Desk, maker: Maker, place: ClaudePlace, tmp_path: Path
) -> None:
    root, child, alone = maker.sessions
    marks = desk.engine.marks
    found = link_of(desk, child)
    assert (found.parent, found.evidence) == (root.id, Evidence.PREFIX)
    assert await marks.link(desk.session(child.id), desk.session(alone.id))
    assert await marks.link(desk.session(root.id), desk.session(child.id))
    async with desk_at(place, tmp_path / "home") as other:
        await other.heard.until(lambda: other.engine.catalog.scanned)
        for one in (desk, other):
            link = link_of(one, child)
            assert (link.parent, link.turn) == (alone.id, alone.turns[-1].id)
            assert link.evidence is Evidence.MANUAL
            assert link_of(one, root).turn == root.turns[0].id, "the last that both have"
            assert one.forest.place(child.id) == (alone.id, alone.turns[-1].id)
        maker.turn(child, "And on")
        maker.write()
        await other.heard.until(lambda: len(other.session(child.id).turns) == 3)
        assert link_of(other, child).parent == alone.id
        assert await other.engine.marks.link_as_found(root.id)
        assert await other.engine.marks.link_as_found(child.id)
        await desk.heard.until(lambda: link_of(desk, child) == found)
        assert link_of(other, child) == found
        assert desk.forest.parent(root.id) is None


async def test_a_link_that_is_cut_makes_a_root(desk: Desk, maker: Maker) -> None:
    child = maker.sessions[1]
    assert await desk.engine.marks.cut(child.id)
    assert desk.forest.parent(child.id) is None
    assert len(desk.forest.own_turns(child.id)) == 2
    assert link_of(desk, child) == Link(child.id, None, evidence=Evidence.MANUAL)


async def test_what_was_made_here_holds_again_when_a_link_by_hand_is_taken_back(
    desk: Desk, maker: Maker
) -> None:
    root, child, alone = maker.sessions
    made = Link(child.id, root.id, root.turns[0].id, None, Evidence.MADE, LinkKind.HANDOFF)
    desk.engine._store.put_link(made)
    desk.engine.catalog.made(made)
    assert await desk.engine.marks.link(desk.session(child.id), desk.session(alone.id))
    assert link_of(desk, child).kind is LinkKind.HANDOFF
    assert link_of(desk, child).turn is None, "it hangs behind all that is there"
    assert await desk.engine.marks.link_as_found(child.id)
    assert link_of(desk, child) == made


async def test_a_circle_is_refused_with_a_sentence(desk: Desk, maker: Maker) -> None:
    root, child, alone = maker.sessions
    marks = desk.engine.marks
    assert not await marks.link(desk.session(root.id), desk.session(child.id))
    assert "would make a circle" in desk.heard.told[-1]
    assert not await marks.link(desk.session(root.id), desk.session(root.id))
    assert "its own parent" in desk.heard.told[-1]
    assert not await marks.link(desk.session(child.id), desk.session(root.id), root.turns[1].id)
    assert "‹Design it›: it left there" in desk.heard.told[-1]
    assert not await marks.link(desk.session(alone.id), desk.session(root.id), "no turn")
    assert "does not have that turn" in desk.heard.told[-1]
    assert desk.engine._store.links() == {}


IDS = [f"s{number}" for number in range(7)]
ids = st.sampled_from(IDS)
deeds = st.one_of(
    st.tuples(st.just("link"), ids, ids),
    st.tuples(st.just("cut"), ids, st.none()),
    st.tuples(st.just("as found"), ids, st.none()),
)


@given(st.lists(st.integers(-1, 5), min_size=7, max_size=7), st.lists(deeds, max_size=12))
def test_links_by_hand_never_make_a_circle_or_lose_a_session(
    parents: list[int], done: list[tuple[str, str, str | None]]
) -> None:
    """`parents`: of each session the number of an earlier one, or none."""
    forest = Forest()
    found: dict[str, Link] = {}
    for number, id in enumerate(IDS):
        forest.put(session(id, line(id, ["one", "two"], 100.0), 10.0))
        parent = min(parents[number], number - 1)
        found[id] = fork(id, IDS[parent], f"{IDS[parent]}1") if parent >= 0 else Link(id, None)
        forest.put_link(found[id])
    rows = Rows(forest)
    by_person: dict[str, str | None] = {}
    for deed, id, other in done:
        child = forest.session(id)
        parent = forest.session(other) if other else None
        assert child
        if deed == "cut":
            forest.put_link(cut(id))
            by_person[id] = None
        elif parent is None:
            forest.put_link(found[id])
            by_person.pop(id, None)
        else:
            try:
                link = by_hand(child, parent, above=forest.ancestors(parent.id))
            except LinkRefused:
                assert id == other or id in forest.ancestors(parent.id)
                continue
            forest.put_link(link)
            by_person[id] = other
        assert {one: forest.parent(one) for one in by_person} == by_person
        rows.sync()
        rows.unfold(IDS)
        seen = [row.session for row in rows.list if row.kind is Kind.SESSION]
        assert sorted(seen) == IDS
        turns = [row.turn for row in rows.list if row.kind is Kind.TURN]
        assert sorted(turns) == sorted(f"{one}{n}" for one in IDS for n in (1, 2))


async def test_a_title_that_is_set_while_a_run_is_under_way_is_in_the_transcript_afterwards(
    desk: Desk, api: MessagesApi
) -> None:
    api.script = lambda request: say("Half ", Hold(), "whole")
    id = await desk.engine.send(desk.engine.aims.new(), "One")
    assert id is not None
    await desk.heard.until(lambda: api.requests)
    await desk.engine.marks.rename(desk.session(id), "First")
    await desk.engine.marks.rename(desk.session(id), "Mine")
    assert desk.forest.title(id) == "Mine"
    api.release()
    await desk.heard.until(lambda: desk.session(id).title == "Mine")
    lines = (await anyio.Path(desk.session(id).path).read_text()).splitlines()
    titles = [one["customTitle"] for line in lines if "customTitle" in (one := json.loads(line))]
    assert titles == ["Mine"]
    assert desk.heard.told == []
