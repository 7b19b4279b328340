"""Exploring alternatives from end to end, as a person does it: fan out, compare, carry back, hand
over, decide. After each step: what the API was sent, and what the screen says."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Failure, Reply, say
from sessiontree.demo.request import Request
from sessiontree.model.fanout import Way
from sessiontree.model.overlay import Status
from sessiontree.model.session import LinkKind
from sessiontree.ui.compare import CompareScreen
from sessiontree.ui.compare.bars import SideBar
from sessiontree.ui.dialogs.fanout import FanOutDialog
from sessiontree.ui.dialogs.finder import Finder
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on

pytestmark = pytest.mark.anyio

PROMPTS = ("Count tokens", "Count requests", "Break it", "Count nothing")


def script(request: Request) -> Reply | Failure:
    if request.prompt == "Break it":
        return Failure(400, "invalid_request_error", "Not like this")
    return say(f"The limiter should do this: {request.prompt.lower().splitlines()[0]}.")


async def fan_out(hands: Hands) -> list[str]:
    """Send four prompts from the selected turn; the sessions, in their order in the tree."""
    hands.main._ways = tuple(map(Way, PROMPTS))  # as they were left in the dialog before
    await hands.press("F")
    await hands.until(lambda: isinstance(hands.app.screen, FanOutDialog))
    dialog = hands.app.screen
    assert isinstance(dialog, FanOutDialog)
    await hands.until(lambda: not dialog.too_early)
    await hands.pilot.press("enter")
    await hands.until(lambda: hands.main.selected_group)
    row = hands.main.tree_view.current
    assert row is not None
    return hands.main.tree_view.rows.members(row)


def compared(hands: Hands) -> str:
    """What the comparison on the screen says of all of it."""
    screen = hands.app.screen
    assert isinstance(screen, CompareScreen)
    view = screen.view
    return "\n".join(view.render_line(y).text for y in range(view.size.height))


async def test_from_four_ways_to_one(place: ClaudePlace, api: MessagesApi) -> None:
    api.script = script
    async with hands_on(config_of(place), size=(200, 60)) as hands:
        root = await hands.new("Design a limiter", "Go on")
        first = hands.forest.session(root).line[0]  # type: ignore[union-attr]
        hands.main.tree_view.select(root, first.id)
        await hands.settled()
        ways = await fan_out(hands)
        await hands.idle()
        sent = {request.prompt: request for request in api.requests[2:]}
        assert set(sent) == set(PROMPTS)
        assert {one.asked.earlier for one in sent.values()} == {("Design a limiter",)}
        states = [hands.forest.status(id) for id in ways]
        assert states == [Status.DONE, Status.DONE, Status.FAILED, Status.DONE]
        assert "4 ways ended, 1 of them failed: = on their row compares them" in hands.said

        await hands.press("=")
        await hands.until(
            lambda: isinstance(hands.app.screen, CompareScreen) and hands.app.screen.is_settled
        )
        names = hands.app.screen.query_one(SideBar).names
        assert [name.label for name in names] == list(PROMPTS)
        assert [name.state for name in names] == ["✓ done", "✓ done", "✗ failed", "✓ done"]
        said = compared(hands)
        assert "1 shared turn" in said and "Error: 400" in said
        assert "count tokens" in said and "count requests" in said
        await hands.pilot.press("2", "enter")
        await hands.until(lambda: hands.app.screen is hands.main)
        await hands.settled()
        assert hands.selected == (ways[1], None)

        await hands.press("m")
        await hands.until(lambda: isinstance(hands.app.screen, Finder))
        finder = hands.app.screen
        await hands.until(lambda: not finder.too_early)  # type: ignore[attr-defined]
        assert finder.query_one(Input).value == ""
        await hands.pilot.press("enter")  # the parent
        await hands.until(lambda: hands.main.composer.text)
        carried = hands.main.composer.text.rstrip()
        await hands.press("enter")
        await hands.until(lambda: api.requests[-1].prompt.rstrip() == carried)
        await hands.idle()
        assert api.requests[-1].asked.earlier == ("Design a limiter", "Go on")
        assert "From the branch ‹Count requests›" in carried and "count requests." in carried

        await hands.press("escape")
        hands.main.tree_view.select(ways[0])
        await hands.settled()
        await hands.press("H")
        await hands.until(lambda: "Count tokens" in hands.main.composer.text)
        await hands.press(*"Build")
        handed = hands.main.composer.text
        await hands.press("enter")
        await hands.until(lambda: api.requests[-1].prompt == handed)
        await hands.idle()
        assert api.requests[-1].asked.earlier == ()
        assert handed.startswith("Build\n\nThis goes on from the session ‹Count tokens›")
        link = hands.forest.link(hands.selected[0])
        assert link is not None and (link.parent, link.kind) == (ways[0], LinkKind.HANDOFF)

        await hands.press("escape")
        hands.main.tree_view.select(ways[0])
        await hands.settled()
        await hands.press("+")
        hands.main.tree_view.select(ways[3])
        await hands.settled()
        await hands.press("-")
        await hands.until(lambda: (ways[3], "") not in hands.rows())
        await hands.press("slash", *"is:chosen")
        await hands.until(
            lambda: (ways[0], "") in hands.rows() and (ways[1], "") not in hands.rows()
        )
