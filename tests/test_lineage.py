"""Links: random forests, written as each way of branching writes them, come back as they were."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontree.claude.lineage import Lineage, link_all
from sessiontree.claude.transcript import Scanned, read_session
from sessiontree.model.session import Link, Session
from tests.forest_maker import Made, Maker, Truth


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
