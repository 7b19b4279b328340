"""Fanning out as a person does it: what the dialog says, what Enter starts, what Esc keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from textual.app import App
from textual.widgets import Input, Static

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, say
from sessiontree.model.fanout import LEAST, MOST, Way, whole
from sessiontree.model.overlay import Status, Verdict
from sessiontree.model.plan import Kind
from sessiontree.model.run import Choice, Mode
from sessiontree.ui.compare import CompareScreen
from sessiontree.ui.compare.bars import SideBar
from sessiontree.ui.composer.area import DraftArea
from sessiontree.ui.dialogs.fanout import FanOut, FanOutDialog, WayList
from sessiontree.ui.dialogs.pick import Pick
from sessiontree.ui.hints import HintBar
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on
from tests.store_faults import FullDisk

pytestmark = pytest.mark.anyio


# The dialog by itself


class Alone(App[None]):
    """The dialog on an app that only takes what it leaves."""

    def __init__(self, first: Way, draft: Sequence[Way] = (), *, worktrees: bool = False) -> None:
        super().__init__()
        self.dialog = FanOutDialog(
            first,
            draft,
            named=lambda count: f"{count} forks of ‹One›",
            cost=lambda ways: f"{len(ways)} times something",
            folder="~/limiter",
            worktrees=worktrees,
        )
        self.dialog.guarded = False
        self.left: FanOut | None = None

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self._take)

    def _take(self, fan: FanOut | None) -> None:
        self.left = fan

    @property
    def ways(self) -> tuple[Way, ...]:
        return self.dialog.query_one(WayList).ways

    def shown(self, id: str) -> str:
        return str(self.dialog.query_one(f"#{id}", Static).content)

    def focus(self, id: str) -> None:
        self.dialog.query_one(f"#{id}").focus()


async def test_presets_are_leafed_through_and_keep_the_prompt() -> None:
    app = Alone(Way("Name it", Choice(effort="low")))
    async with app.run_test(size=(80, 24)) as pilot:
        assert [way.choice.model for way in app.ways] == ["opus", "sonnet", "haiku"]
        assert {way.choice.effort for way in app.ways} == {"low"}
        assert app.shown("title") == "Fan out: 3 forks of ‹One›"
        app.focus("preset")
        seen = []
        for _ in range(5):
            await pilot.press("right")
            seen.append((len(app.ways), app.shown("cost")))
            assert {way.prompt for way in whole(app.ways)} == {"Name it"}
        assert [count for count, _ in seen] == [3, 2, 2, 2, 3]
        assert seen[1][1] == "2 times something"


async def test_ways_are_added_removed_and_set_one_by_one() -> None:
    app = Alone(Way("Name it"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*["plus"] * (MOST + 1))
        assert len(app.ways) == MOST
        await pilot.press(*["minus"] * (MOST + 1))
        assert len(app.ways) == LEAST
        await pilot.press("down")
        assert app.dialog.query_one(WayList).at == 1
        app.focus("prompt")
        await pilot.press(*"Else")
        app.focus("model")
        await pilot.press(*"my-own", "backspace")
        app.focus("effort")
        await pilot.press("right", "right")
        app.focus("append")
        await pilot.press(*"Be terse")
        await pilot.press("enter")
        assert app.left is not None and app.left.start
        first, second = app.left.ways
        assert second == Way("Else", Choice(model="my-ow", effort="medium", append="Be terse"))
        assert first.prompt == "Name it"
        assert first.choice.append == ""


async def test_each_in_a_worktree_is_a_choice_with_its_price() -> None:
    app = Alone(Way("Name it"))
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.shown("place") == "All of them work in ~/limiter, on the same files."
        app.focus("files")
        await pilot.press("right", "minus", "x", "a")
        assert len(app.ways) == 3  # those keys are for the list of ways
        assert "what is not committed is not there" in app.shown("place")
        await pilot.press("enter")
        assert app.left is not None and app.left.start and app.left.worktrees
    again = Alone(Way("Name it"), worktrees=True)
    async with again.run_test(size=(80, 24)) as pilot:
        assert "what is not committed is not there" in again.shown("place")
        await pilot.press("escape")
        assert again.left is not None and not again.left.start and again.left.worktrees


async def test_the_first_way_can_go_and_its_prompt_stays() -> None:
    app = Alone(Way("Name it"))
    async with app.run_test() as pilot:
        await pilot.press("minus", "enter")
        assert app.left is not None
        assert [way.prompt for way in app.left.ways] == ["Name it", ""]
        assert [way.choice.model for way in app.left.ways] == ["sonnet", "haiku"]


async def test_without_a_prompt_nothing_starts_and_esc_gives_back_what_was_typed() -> None:
    app = Alone(Way(""))
    async with app.run_test() as pilot:
        assert isinstance(app.dialog.focused, DraftArea)
        await pilot.press("enter")
        assert app.left is None
        assert isinstance(app.dialog.focused, DraftArea)
        await pilot.press(*"Name", "ctrl+j", *"it", "escape")
        assert app.left is not None and not app.left.start
        assert app.left.ways[0].prompt == "Name\nit"


async def test_keys_typed_before_the_dialog_was_there_start_nothing() -> None:
    app = Alone(Way("Name it"))
    app.dialog.guarded = True
    async with app.run_test() as pilot:
        app.dialog._opened += 60  # it has only just opened
        await pilot.press("enter")
        assert app.left is None


async def test_every_tool_unasked_is_said_in_red() -> None:
    app = Alone(Way("Name it"))
    async with app.run_test(size=(80, 24)) as pilot:
        assert not app.dialog.query_one("#danger").display
        app.focus("mode")
        await pilot.press("left")
        assert {way.choice.mode for way in app.ways} == {Mode.BYPASS}
        assert app.dialog.query_one("#danger").display
        assert "In all 3 every tool runs unasked" in app.shown("danger")


@pytest.mark.parametrize("size", [(80, 24), (50, 16), (40, 12)])
async def test_every_field_comes_on_screen_at_any_size(size: tuple[int, int]) -> None:
    long = "A prompt that is too long for one line of a small terminal, so it is cut short. " * 4
    app = Alone(Way(long))
    async with app.run_test(size=size) as pilot:
        await pilot.press(*["plus"] * 5)
        seen = set()
        for _ in range(8):
            await pilot.press("tab")
            field = app.dialog.focused
            assert field is not None
            seen.add(field.id)
            shown = app.dialog.query_one("#body").region.intersection(field.region)
            assert shown.height >= 1, field.id
            assert shown.width >= 20
        assert seen == {"preset", "ways", "prompt", "model", "effort", "append", "mode", "files"}
        how = app.dialog.query_one("#how").region
        assert how.height >= 1 and how.bottom <= size[1]


# In the app, with the real Claude Code


@pytest.fixture
async def hands(place: ClaudePlace) -> AsyncIterator[Hands]:
    async with hands_on(config_of(place)) as hands:
        yield hands


async def opened(hands: Hands) -> FanOutDialog:
    dialog = await hands.until(
        lambda: hands.app.screen if isinstance(hands.app.screen, FanOutDialog) else None
    )
    await hands.until(lambda: not dialog.too_early)
    assert isinstance(dialog, FanOutDialog)
    return dialog


def the_title(dialog: FanOutDialog) -> str:
    return str(dialog.query_one("#title", Static).content)


async def test_a_fan_out_from_key_to_end(hands: Hands, api: MessagesApi) -> None:
    root = await hands.new("One", "Two")
    await hands.press("l", "j", "f")
    await hands.type("Try it")
    await hands.press("ctrl+f")
    dialog = await opened(hands)
    assert the_title(dialog) == "Fan out: 3 forks of ‹One› at turn 1"
    assert "about $" in str(dialog.query_one("#cost", Static).content).lower()
    dialog.query_one("#preset").focus()
    await hands.pilot.press("right", "right", "right")  # two prompts
    dialog.query_one("#prompt").focus()
    await hands.pilot.press(*"Or so", "escape")
    await hands.settled()
    assert hands.main.composer.text == "Try it"  # nothing is lost
    assert len(api.requests) == 2

    api.script = lambda request: say("Half ", Hold())
    await hands.press("escape", "F")
    dialog = await opened(hands)
    assert [way.prompt for way in dialog.query_one(WayList).ways] == ["Try it", "Or so"]
    await hands.pilot.press("enter")
    await hands.until(lambda: len(api.requests) == 4)
    assert {request.prompt for request in api.requests[2:]} == {"Try it", "Or so"}
    await hands.settled()
    assert hands.main.composer.text == ""
    row = hands.main.tree_view.current
    assert row is not None and row.kind is Kind.GROUP
    ids = hands.main.tree_view.rows.members(row)
    assert {hands.forest.status(id) for id in ids} == {Status.RUNNING}
    assert {hands.forest.parent(id) for id in ids} == {root}
    hints = str(hands.main.query_one(HintBar).render())
    assert "esc stop all" in hints
    await hands.press("escape")
    await hands.idle()
    assert {hands.forest.status(id) for id in ids} == {Status.INTERRUPTED}
    assert "2 ways ended: = on their row compares them" in hands.said
    await hands.press("x", "+")
    assert hands.said.count("This row stands for all ways of a fan-out: select one of them") == 2
    of_parent = hands.engine.marks.of(root)
    assert not of_parent.hidden and of_parent.chosen is Verdict.NONE
    await hands.press("H", "ctrl+f")
    assert the_title(await opened(hands)) == "Fan out: 3 new sessions handed over from ‹One›"
    await hands.pilot.press("escape")
    await hands.settled()
    hands.main.composer.put("")
    await hands.press("escape")
    rows = len(hands.main.tree_view.rows)
    await hands.press("enter")
    assert len(hands.main.tree_view.rows) == rows - 2


async def test_what_could_not_be_stored_comes_back_with_f(hands: Hands, api: MessagesApi) -> None:
    await hands.new("One")
    hands.engine._store._journal._file._files = FullDisk(100)  # type: ignore[union-attr]
    hands.engine.settings.choose(hands.selected[0], Choice(mode=Mode.BYPASS))
    await hands.press("c")
    await hands.type("Try it")
    await hands.press("ctrl+f")
    dialog = await opened(hands)
    assert the_title(dialog) == "Fan out: 3 forks of ‹One› at its end"
    assert dialog.query_one("#mode", Pick).value == Mode.DEFAULT  # not inherited
    dialog.query_one("#append", Input).value = "Be terse"
    await hands.pilot.pause()
    await hands.pilot.press("enter")
    await hands.until(lambda: any("No space left" in words for words in hands.said))
    assert hands.main.composer.text == "Try it"
    assert not list(hands.engine.pool)
    await hands.press("escape", "F")
    dialog = await opened(hands)
    assert dialog.query_one(WayList).ways[0].choice.append == "Be terse"
    assert len(api.requests) == 1


async def test_new_sessions_are_a_group_among_the_roots(
    place: ClaudePlace, api: MessagesApi
) -> None:
    async with hands_on(config_of(place)) as hands:
        await hands.press("F")
        dialog = await opened(hands)
        assert the_title(dialog).startswith("Fan out: 3 new sessions in ")
        assert "unknown" in str(dialog.query_one("#cost", Static).content)
        await hands.pilot.press(*"One")
        dialog.query_one("#preset").focus()
        await hands.pilot.press("right", "right", "enter")  # twice the same
        await hands.until(lambda: len(api.requests) == 2)
        await hands.idle()
        keys = [row.key for row in hands.main.tree_view.rows.list]
        assert [key.kind for key in keys] == [Kind.GROUP, Kind.SESSION, Kind.SESSION]
        names = [hands.forest.label(key.session) for key in keys[1:]]
        assert names == ["#1 · One", "#2 · One"]
        hands.main.tree_view.select_group(keys[1].session)
        # Its ways are read as soon as the cursor rests on it.
        ways = {key.session for key in keys[1:]}
        await hands.until(lambda: {side.session for side in hands.engine.streams.ahead} == ways)
        await hands.press("=")
        await hands.until(lambda: isinstance(hands.app.screen, CompareScreen))
        compared = hands.app.screen.query_one(SideBar).names
        assert [side.label for side in compared] == names
        await hands.pilot.press("escape")
        await hands.until(lambda: hands.app.screen is hands.main)
    async with hands_on(config_of(place)) as hands:
        assert [row.key for row in hands.main.tree_view.rows.list] == keys
