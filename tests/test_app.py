"""What a person does in the app and sees for it, with the real Claude Code behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from textual.widgets import Input

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Failure, Hold, Reply, ToolUse, say
from sessiontree.demo.request import Request
from sessiontree.model.overlay import Status
from sessiontree.model.run import Mode
from sessiontree.ui.composer.composer import within
from sessiontree.ui.dialogs.base import GUARD_SECONDS, Options
from sessiontree.ui.dialogs.permission import PermissionDialog
from sessiontree.ui.dialogs.plan import PlanDialog
from sessiontree.ui.dialogs.question import QuestionDialog
from sessiontree.ui.dialogs.small import ChoiceDialog, HelpDialog, LineDialog, RunOptionsDialog
from sessiontree.ui.hints import HintBar
from sessiontree.ui.main.bars import QuestionBar
from sessiontree.ui.stream import EventPager
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hands(place: ClaudePlace) -> AsyncIterator[Hands]:
    async with hands_on(config_of(place)) as hands:
        yield hands


def touch(request: Request) -> Reply:
    if request.asked.results:
        return say("Done")
    return say(ToolUse("Bash", {"command": "touch made", "description": "Make a file"}))


async def past_the_guard(hands: Hands) -> None:
    """Until a dialog takes keys: those typed ahead are dropped."""
    dialog = await hands.until(lambda: hands.app.screen if hands.app.screen.is_modal else None)
    await hands.until(lambda: not dialog.too_early)


async def test_a_first_session(hands: Hands) -> None:
    assert hands.aim == f"new session in {hands.engine.config.cwd.name}"
    id = await hands.new("Say hello")
    assert hands.forest.label(id) == "Say hello"
    assert hands.stream() == ["Say hello", "Answer to: Say hello"]


async def test_enter_always_says_what_it_will_do(hands: Hands) -> None:
    id = await hands.new("One", "Two", "Three")
    assert hands.aim == "continue ‹One› with turn 4"
    await hands.press("l", "j")
    assert hands.selected == (id, hands.forest.session(id).line[0].id)  # type: ignore[union-attr]
    assert hands.aim == "fork ‹One› at turn 1"
    await hands.press("j")
    assert hands.aim == "fork ‹One› at turn 2"
    await hands.press("j")
    assert hands.aim == "continue ‹One› with turn 4"
    await hands.press("f")
    assert hands.aim == "fork ‹One› at its end"
    await hands.press("escape", "n")
    assert hands.aim.startswith("new session in ")
    await hands.press("escape", "c")
    assert hands.aim == "continue ‹One› with turn 4"


async def test_looking_elsewhere_does_not_change_a_chosen_aim(hands: Hands) -> None:
    first = await hands.new("One")
    await hands.new("Another")
    hands.main.tree_view.select(first)
    await hands.settled()
    await hands.press("f")
    await hands.type("Half a thought")
    hands.main.tree_view.focus()
    await hands.press("G", "g")
    assert hands.aim == "fork ‹One› at its end"
    assert hands.main.composer.text == "Half a thought"


async def test_a_fork_from_a_turn(hands: Hands, api: MessagesApi) -> None:
    root = await hands.new("One", "Two")
    await hands.press("l", "j", "f")
    await hands.send("Another way")
    await hands.until(lambda: hands.selected[0] != root)
    fork = hands.selected[0]
    assert hands.forest.parent(fork) == root
    await hands.idle()
    assert hands.stream() == ["One", "Answer to: One", "Another way", "Answer to: Another way"]
    assert api.requests[-1].asked.earlier == ("One",)
    await hands.press("escape", "p")
    assert hands.selected == (root, hands.forest.session(root).line[0].id)  # type: ignore[union-attr]


async def test_edit_and_fork(hands: Hands, api: MessagesApi) -> None:
    await hands.new("One", "Two")
    await hands.press("l", "j", "j", "e")
    await hands.until(lambda: hands.main.composer.text)
    assert hands.main.composer.text == "Two"
    assert hands.aim == "fork ‹One› before turn 2"
    await hands.send(", but better")
    await hands.until(lambda: len(api.requests) == 3)
    await hands.idle()
    assert api.requests[-1].prompt == "Two, but better"
    assert api.requests[-1].asked.earlier == ("One",)


async def test_what_is_brought_twice_stands_once_below_what_was_typed(hands: Hands) -> None:
    await hands.new("One", "Two")
    await hands.press("c")
    await hands.type("Mine")
    for turn in ("Two", "Two", "One"):
        await hands.press("escape")
        line = hands.forest.session(hands.selected[0]).line  # type: ignore[union-attr]
        at = next(one for one in line if one.label == turn)
        hands.main.tree_view.select(hands.selected[0], at.id)
        await hands.settled()
        await hands.press("e")
        await hands.until(lambda: hands.main.composer.area.has_focus)
        assert hands.main.composer.text == f"Mine\n\n{turn}"


async def test_a_permission_is_asked_and_denied_unless_it_is_given(
    hands: Hands, api: MessagesApi, place: ClaudePlace
) -> None:
    api.script = touch
    await hands.press("n")
    await hands.send("Make it")
    await hands.until(lambda: isinstance(hands.app.screen, PermissionDialog))
    assert hands.app.focused is hands.app.screen.query_one(Options)
    await past_the_guard(hands)
    await hands.pilot.press("enter")  # what is in focus is to deny
    await hands.idle()
    assert not (place.cwd / "made").exists()
    assert api.requests[-1].asked.results[0].is_error


async def test_keys_typed_ahead_do_not_answer(
    hands: Hands, api: MessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.script = touch
    monkeypatch.setattr("sessiontree.ui.dialogs.base.GUARD_SECONDS", 3600)
    await hands.press("n")
    await hands.send("Make it")
    await hands.until(lambda: isinstance(hands.app.screen, PermissionDialog))
    await hands.pilot.press("a", "enter", "escape")
    assert isinstance(hands.app.screen, PermissionDialog)
    monkeypatch.setattr("sessiontree.ui.dialogs.base.GUARD_SECONDS", GUARD_SECONDS)
    await past_the_guard(hands)
    await hands.pilot.press("a")
    await hands.idle()
    assert not api.requests[-1].asked.results[0].is_error


async def test_a_question_put_aside_waits_in_sight(hands: Hands, api: MessagesApi) -> None:
    api.script = touch
    await hands.press("n")
    await hands.send("Make it")
    await past_the_guard(hands)
    await hands.pilot.press("l")
    bar = hands.main.query_one(QuestionBar)
    await hands.until(lambda: bar.text)
    assert "‹Make it› waits for you" in bar.text
    assert hands.forest.status(hands.selected[0]) is Status.WAITING
    await hands.press("@")
    await past_the_guard(hands)
    await hands.pilot.press("m")
    hands.app.screen.query_one(Input).value = "Not here"
    await hands.pilot.press("enter")
    await hands.idle()
    assert "Not here" in api.requests[-1].asked.results[0].text
    assert bar.text == ""


async def test_a_person_who_types_is_not_interrupted_by_a_dialog(
    hands: Hands, api: MessagesApi
) -> None:
    api.script = lambda request: say("Half ", Hold(), *touch(request).items)
    await hands.press("n")
    await hands.send("Make it")
    await hands.until(lambda: api.requests)
    await hands.type("I am typing")
    api.release()
    bar = hands.main.query_one(QuestionBar)
    await hands.until(lambda: bar.text)
    assert not hands.app.screen.is_modal
    assert hands.main.composer.text == "I am typing"


async def test_a_question_is_answered_from_its_choices(hands: Hands, api: MessagesApi) -> None:
    def script(request: Request) -> Reply:
        if request.asked.results:
            return say(request.asked.results[0].text)
        options = [{"label": one, "description": "A colour"} for one in ("Red", "Blue")]
        question = {"question": "Which?", "header": "Colour", "options": options}
        return say(ToolUse("AskUserQuestion", {"questions": [{**question, "multiSelect": False}]}))

    api.script = script
    await hands.press("n")
    await hands.send("Ask me")
    await hands.until(lambda: isinstance(hands.app.screen, QuestionDialog))
    await past_the_guard(hands)
    await hands.pilot.press("down", "enter")
    await hands.idle()
    assert '"Which?"="Blue"' in api.requests[-1].asked.results[0].text


async def test_a_plan_is_read_and_sent_back_or_approved(hands: Hands, api: MessagesApi) -> None:
    def script(request: Request) -> Reply:
        return say("Going") if request.asked.results else say(ToolUse("ExitPlanMode", {}))

    api.script = script
    await hands.press("n", "shift+tab", "shift+tab")
    assert hands.main.composer.choice.mode is Mode.PLAN
    await hands.send("Plan it")
    await hands.until(lambda: isinstance(hands.app.screen, PlanDialog))
    await past_the_guard(hands)
    await hands.pilot.press("a")
    await hands.idle()
    assert hands.main.composer.choice.mode is Mode.DEFAULT


async def test_esc_interrupts_and_the_session_goes_on(hands: Hands, api: MessagesApi) -> None:
    api.script = lambda request: say("Half ", Hold()) if request.prompt == "One" else say("Whole")
    await hands.press("n")
    await hands.send("One")
    await hands.until(lambda: "Half" in "".join(hands.stream()))
    await hands.press("escape", "escape")
    await hands.idle()
    id = hands.selected[0]
    assert hands.forest.status(id) is Status.INTERRUPTED
    await hands.press("c")
    await hands.send("Two")
    await hands.until(lambda: len(api.requests) == 2)
    await hands.idle()
    assert hands.stream()[-1] == "Whole"


async def test_a_failed_prompt_comes_back_and_is_sent_again(hands: Hands, api: MessagesApi) -> None:
    api.script = lambda request: Failure(529, "Overloaded")
    await hands.press("n")
    await hands.send("A long and careful prompt")
    await hands.until(lambda: hands.forest.status(hands.selected[0]) is Status.FAILED)
    assert "‹A long and careful prompt›" in hands.said[-1]  # why, the stream says
    opened = hands.engine.streams.opened
    assert opened and any("Overloaded" in getattr(e, "text", "") for e in opened.feed.events)
    if not hands.main.composer.text:
        await hands.press("escape", "t")
    assert hands.main.composer.text == "A long and careful prompt"
    api.script = lambda request: say("Fine")
    hands.main.composer.area.focus()
    await hands.press("enter")
    await hands.until(lambda: hands.stream()[-1:] == ["Fine"])
    await hands.idle()


async def test_an_empty_prompt_says_so(hands: Hands, api: MessagesApi) -> None:
    await hands.press("n", "enter")
    assert hands.said[-1] == "Nothing is typed yet"
    assert api.requests == []


@pytest.mark.parametrize("key", ["c", "H"])
async def test_a_key_that_comes_in_one_go_with_the_move_is_for_the_row_moved_to(
    hands: Hands, key: str
) -> None:
    from textual import events

    await hands.new("One")
    await hands.new("Two")
    hands.main.tree_view.select(hands.rows()[0][0])
    await hands.settled()
    here, there = hands.selected[0], hands.rows()[1][0]
    assert hands.forest.label(here) == "Two" and hands.forest.label(there) == "One"
    for letter in ("j", key):
        hands.app.post_message(events.Key(letter, letter))
    await hands.until(lambda: hands.main.composer.area.has_focus)
    await hands.until(lambda: "‹One›" in hands.aim)
    assert "‹Two›" not in hands.aim + hands.main.composer.text


async def test_letters_that_come_in_one_go_with_enter_are_sent(
    hands: Hands, api: MessagesApi
) -> None:
    """As over a slow line: Enter does not overtake them."""
    from textual import events

    await hands.press("n")
    for letter in "Say it":
        hands.app.post_message(events.Key("space" if letter == " " else letter, letter))
    hands.app.post_message(events.Key("enter", "\r"))
    await hands.until(lambda: api.requests)
    assert api.requests[0].prompt == "Say it"
    await hands.idle()


async def test_keys_that_come_in_one_go_with_enter_are_for_what_it_goes_to(hands: Hands) -> None:
    from textual import events

    await hands.new("One")
    for key, letter in (("enter", "\r"), ("slash", "/"), ("O", "O")):
        hands.app.post_message(events.Key(key, letter))
    box = hands.main.query_one("#search", Input)
    await hands.until(lambda: box.value)
    assert hands.focused() is box and box.value == "O"
    await hands.press("escape", "c")
    for key, letter in (("T", "T"), ("enter", "\r"), ("a", "a")):
        hands.app.post_message(events.Key(key, letter))
    await hands.until(lambda: hands.stream()[2:3])
    assert (hands.stream()[2], hands.main.composer.text) == ("T", "a")
    await hands.idle()


async def test_keys_that_come_in_one_go_with_one_that_opens_a_dialog_are_for_the_dialog(
    hands: Hands,
) -> None:
    from textual import events

    async def at_once(*keys: str) -> None:
        for key in keys:
            character = {"enter": "\r", "tab": "\t", "space": " "}.get(key, key)
            hands.app.post_message(events.Key(key, character if len(character) == 1 else None))
        await hands.pilot.pause()
        await hands.settled()

    id = await hands.new("One")
    await at_once(*"rex", "space", "a", "enter", "j")
    await hands.until(lambda: hands.forest.label(id) == "ex a", 5)
    await at_once(*"wok", "enter")
    await hands.until(lambda: hands.forest.note(id) == "ok", 5)
    await hands.press("tab")
    await at_once("enter", "r")  # raw, of the event; not a title for the session
    pager = await hands.until(lambda: hands.app.screen if hands.app.screen.is_modal else None)
    assert isinstance(pager, EventPager)
    await hands.until(lambda: pager._is_raw)
    await at_once("escape", "enter", "enter")
    await hands.until(lambda: not hands.app.screen.is_modal)
    for opens in ("r", "w", "L", "m", "question_mark"):
        await hands.press("escape")
        await at_once(opens, "down", "escape", "escape")
        await hands.settled()
        assert not hands.app.screen.is_modal, opens


async def test_a_paste_into_a_line_is_one_and_no_longer_than_a_line(hands: Hands) -> None:
    from textual import events

    await hands.press("slash")
    box = hands.main.query_one("#filter", Input)
    hands.app.post_message(events.Paste("is:done\nlimits\x1b[31m"))
    await hands.until(lambda: box.value)
    assert box.value.startswith("is:done limits") and "\x1b" not in box.value
    hands.app.post_message(events.Paste(" word" * 200_000))
    await hands.until(lambda: "word" in box.value)
    assert len(box.value) < 2_000


async def test_a_very_long_paste_is_sent_whole(hands: Hands, api: MessagesApi) -> None:
    from textual import events

    long = "word " * 4_000
    await hands.press("n")
    hands.main.composer.area.post_message(events.Paste(long))
    await hands.until(lambda: hands.main.composer.area.text)
    assert hands.main.composer.area.text == "[pasted text #1 · 20,000 characters]"
    await hands.press("enter")
    await hands.until(lambda: api.requests)
    assert api.requests[0].prompt.strip() == long.strip()
    await hands.idle()


async def test_copying(hands: Hands, place: ClaudePlace) -> None:
    id = await hands.new("One")
    await hands.press("y")
    assert hands.app.clipboard == id
    await hands.press("Y")
    assert hands.app.clipboard == f"cd {place.cwd} && claude --resume {id}"


async def test_renaming_is_kept_and_written_for_claude_code(
    hands: Hands, place: ClaudePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(place.config_dir))
    id = await hands.new("One")
    await hands.press("r")
    assert isinstance(hands.app.screen, LineDialog)
    hands.app.screen.query_one(Input).value = "A better name"
    await hands.pilot.press("enter")
    await hands.until(lambda: hands.forest.label(id) == "A better name")
    (path,) = place.config_dir.glob("projects/*/*.jsonl")
    await hands.until(lambda: '"A better name"' in path.read_text())
    await hands.until(lambda: hands.forest.session(id).title == "A better name")  # as it is there
    await hands.press("r")
    hands.app.screen.query_one(Input).value = ""
    await hands.pilot.press("enter")
    await hands.until(lambda: hands.forest.label(id) == "One")


async def test_putting_away_and_showing_again(hands: Hands) -> None:
    await hands.new("One")
    second = await hands.new("Two")
    await hands.press("x")
    await hands.until(lambda: len(hands.main.tree_view.rows) == 1)
    assert hands.selected[0] != second
    await hands.press("full_stop")
    assert len(hands.main.tree_view.rows) == 2


async def test_filtering_and_coming_back(hands: Hands) -> None:
    await hands.new("Apples")
    second = await hands.new("Pears")
    await hands.press("slash", *"apple")
    await hands.until(lambda: len(hands.main.tree_view.rows) == 1)
    assert hands.aim.startswith("continue ‹Apples›")
    await hands.press("escape")
    assert len(hands.main.tree_view.rows) == 2
    assert hands.selected[0] == second
    assert hands.aim.startswith("continue ‹Pears›")
    assert hands.main.tree_view.has_focus


async def test_the_hint_bar_tells_the_keys_of_what_has_the_focus(hands: Hands) -> None:
    def hints() -> str:
        return hands.main.query_one(HintBar).render().plain

    await hands.new("One")
    assert "n new" in hints() and "/ filter" in hints()
    await hands.press("slash")
    assert hints().split("   ")[:-1] == ["enter to this row", "esc the whole tree"]
    await hands.press("escape", "enter")
    assert "/ search" in hints() and "esc tree" in hints()
    await hands.press("slash", "O")
    assert hints().split("   ")[:-1] == ["enter to the hits", "esc end the search"]
    await hands.press("enter")
    assert "n N next, previous hit" in hints() and "n new" not in hints()
    await hands.press("escape")
    assert "n new" in hints() and "esc tree" in hints()


def test_what_enter_does_is_told_to_its_end_though_the_label_is_long() -> None:
    words = "fork ‹Design a rate limiter for the notes API› at turn 2"
    assert within(words, 60) == words
    assert within(words, 40) == "fork ‹Design a rate limiter…› at turn 2"
    assert within(words, 20) == "fork ‹Desig…› at tu…"


async def test_panes_help_and_options(hands: Hands) -> None:
    await hands.new("One")
    focused = []
    for _ in range(3):
        focused.append(hands.app.focused)
        await hands.press("tab")
    main = hands.main
    assert focused == [main.tree_view, main.stream, main.composer.area]
    assert main.tree_view.has_focus
    await hands.press("question_mark")
    assert isinstance(hands.app.screen, HelpDialog)
    await hands.pilot.press("escape")
    await hands.press("c", "ctrl+o")
    assert isinstance(hands.app.screen, RunOptionsDialog)
    await hands.pilot.press("down", "right", "enter")
    await hands.settled()
    assert main.composer.choice.model == "opus"


async def test_to_what_runs(hands: Hands, api: MessagesApi) -> None:
    first = await hands.new("One")
    api.script = lambda request: say("Half ", Hold(), "whole")
    await hands.press("n")
    await hands.send("Two")
    second = await hands.until(lambda: hands.selected[0] != first and hands.selected[0])
    await hands.until(lambda: api.requests[1:])
    hands.main.tree_view.select(first)
    hands.main.tree_view.focus()
    await hands.settled()
    await hands.press("@")
    assert hands.selected[0] == second
    api.release()
    await hands.idle()


async def test_quitting_with_runs_asks_and_ends_them(hands: Hands, api: MessagesApi) -> None:
    api.script = lambda request: say("Half ", Hold())
    await hands.press("n")
    await hands.send("One")
    await hands.until(lambda: api.requests)
    run = next(iter(hands.engine.pool))
    await hands.press("escape", "q")
    assert isinstance(hands.app.screen, ChoiceDialog)
    await past_the_guard(hands)
    await hands.pilot.press("q")
    await hands.until(lambda: run.outcome is not None)
    assert hands.app._ending is not None
    await hands.app._ending


async def test_quitting_with_a_prompt_that_was_not_sent_asks(hands: Hands) -> None:
    await hands.press("n")
    await hands.type("Half a thought")
    await hands.press("escape", "q")
    await past_the_guard(hands)
    await hands.press("s")
    assert hands.app._ending is None and hands.main.composer.text == "Half a thought"
    hands.main.composer.put("")
    await hands.pilot.press("q")
    await hands.until(lambda: hands.app._ending is not None)


async def test_what_a_key_brought_goes_with_its_aim_unless_it_was_changed(hands: Hands) -> None:
    await hands.new("One")
    await hands.press("e")
    await hands.until(lambda: hands.main.composer.text == "One")
    await hands.press("escape")
    assert hands.main.composer.text == ""
    await hands.press("e")
    await hands.until(lambda: hands.main.composer.text == "One")
    await hands.type(", but better")
    await hands.press("escape")
    assert hands.main.composer.text == "One, but better"
    assert hands.main.unsent == "One, but better"


async def test_a_restart_shows_the_same_tree_and_selection(place: ClaudePlace) -> None:
    async with hands_on(config_of(place)) as hands:
        root = await hands.new("One", "Two")
        await hands.press("l", "j", "f")
        await hands.send("Another way")
        await hands.idle()
        await hands.press("escape")
        hands.main.tree_view.select(root, hands.forest.session(root).line[1].id)  # type: ignore[union-attr]
        await hands.settled()
        before, rows = hands.selected, hands.rows()
        hands.main.remember()
        await hands.until(lambda: hands.engine.view().get("selection", {}).get("turn"))
    async with hands_on(config_of(place)) as hands:
        await hands.until(lambda: hands.selected == before)
        assert sum(1 for _ in hands.forest) == 2
        assert hands.rows() == rows


@pytest.mark.parametrize("size", [(140, 45), (80, 24), (50, 16), (40, 10)])
async def test_every_size_shows_where_one_is_and_what_enter_does(
    place: ClaudePlace, size: tuple[int, int]
) -> None:
    async with hands_on(config_of(place), size) as hands:
        await hands.new("One", "Two")
        assert hands.main.tree_view.size.height >= 3
        assert hands.main.tree_view.size.width >= 28
        assert hands.main.composer.area.size.height >= 1
        await hands.press("enter")
        assert hands.main.stream.has_focus
        assert hands.main.stream.size.width >= 28
        assert hands.stream()[0] == "One"
        await hands.press("tab")
        assert hands.main.composer.area.has_focus
        await hands.press("tab")  # also where only one of the panes is shown
        assert hands.main.tree_view.has_focus
        assert hands.main.tree_view.size.height >= 3
        await hands.press("shift+tab", "escape", "tab", "shift+tab")
        assert hands.main.tree_view.has_focus
