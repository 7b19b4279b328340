"""The screens of the app itself on the place in which everything lies: each line as wide as the
screen, and nothing in it to click. What reaches a terminal: `test_hostile_terminal`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiontree.model.comparison import Side
from sessiontree.ui.compare import CompareScreen
from tests.app import Hands, hands_on
from tests.hostile import faults
from tests.hostile_place import FORK, MAIN, hostile_place

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("size", [(140, 45), (50, 16)])
async def test_every_line_keeps_its_width_and_nothing_can_be_clicked(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    place = hostile_place(tmp_path)
    async with hands_on(place.config, size) as hands:
        assert faults(hands.app) == []
        tree = hands.main.tree_view
        tree.action_unfold_below()
        for session in hands.forest:
            tree.select(session)
            await hands.settled()
            await hands.until(
                lambda: hands.engine.streams.opened and not hands.engine.streams.opened.loading
            )
            await looks_right(hands)
        await comparison(hands)


async def looks_right(hands: Hands) -> None:
    await hands.pilot.pause()
    assert faults(hands.app) == []


async def comparison(hands: Hands) -> None:
    hands.main.open_compare([Side(MAIN), Side(FORK)])
    screen = hands.main.comparing
    assert isinstance(screen, CompareScreen)
    await hands.until(lambda: screen.is_settled)
    await looks_right(hands)
    screen.action_shared()
    await hands.until(lambda: screen.is_settled)
    for _ in range(2):
        screen.view.action_unfold()
        await looks_right(hands)
        screen.action_side(1)
        await looks_right(hands)
