"""Several runs that ask at once, and questions that nobody answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.widgets import SelectionList, Static

from sessiontree.config import Config, Patience
from sessiontree.model.event import Notice
from sessiontree.model.overlay import Status
from sessiontree.model.run import Allow, Ask, AskKind
from sessiontree.ui.dialogs.permission import PermissionDialog
from sessiontree.ui.dialogs.question import QuestionDialog
from tests import stand_in
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guard does is tested where a person types ahead."""
    monkeypatch.setattr("sessiontree.ui.dialogs.base.GUARD_SECONDS", 0)


def config(place: ClaudePlace, patience: Patience) -> Config:
    """The app with a stand-in for Claude Code that asks for a tool."""
    config = config_of(place, cli=Path(stand_in.__file__), model="waits", patience=patience)
    return replace(config, env={"STAND_IN_PIDS": str(place.cwd.parent / "pids")})


async def ask(hands: Hands, prompt: str) -> str:
    """Start a run that asks; the session."""
    hands.main.tree_view.focus()
    await hands.until(lambda: hands.main.tree_view.has_focus)
    await hands.press("n")
    await hands.send(prompt)
    runs = hands.engine.pool
    found = await hands.until(lambda: [run for run in runs if run.plan.prompt == prompt])
    return str(found[0].plan.session)


def dialog(hands: Hands) -> PermissionDialog | None:
    screen = hands.app.screen
    return screen if isinstance(screen, PermissionDialog) and screen.is_current else None


def behind(hands: Hands) -> str:
    found = dialog(hands)
    return str(found.query_one("#behind", Static).content) if found else ""


async def test_questions_come_one_by_one_and_each_says_whose_the_others_are(
    place: ClaudePlace,
) -> None:
    async with hands_on(config(place, Patience(close=0.5))) as hands:
        await ask(hands, "First")
        await hands.until(lambda: dialog(hands))
        assert behind(hands) == ""
        await hands.pilot.press("l")
        await hands.until(lambda: hands.main.stream.has_focus)
        await ask(hands, "Second")
        await hands.until(lambda: dialog(hands))
        assert "‹Second›" in str(hands.app.screen.query_one("#title", Static).content)
        assert behind(hands) == "also waiting: ‹First› Bash"
        await hands.pilot.press("l")
        await hands.until(lambda: hands.main.stream.has_focus)
        await hands.press("at")
        await hands.until(lambda: dialog(hands))
        await hands.pilot.press("escape")
        await hands.until(lambda: len(list(hands.engine.pool)) == 1)
        await hands.press("at")
        await hands.until(lambda: dialog(hands))
        assert behind(hands) == ""
        await hands.pilot.press("d")
        await hands.until(lambda: not list(hands.engine.pool))
        assert Status.WAITING not in map(hands.forest.status, hands.forest)


async def test_a_dialog_that_nobody_answers_goes_and_says_so(place: ClaudePlace) -> None:
    async with hands_on(config(place, Patience(close=0.5, answer=1))) as hands:
        session = await ask(hands, "First")
        await hands.until(lambda: dialog(hands))
        await hands.until(lambda: not dialog(hands))
        await hands.until(lambda: not list(hands.engine.pool))
        assert hands.engine.streams.opened and hands.engine.streams.opened.session == session
        notices = [e.text for e in hands.engine.streams.opened.feed.events if isinstance(e, Notice)]
        assert "Bash was denied: nobody answered for 1 s" in notices


async def test_keys_that_come_in_one_go_with_a_question_are_for_it(place: ClaudePlace) -> None:
    options = [{"label": "Red"}, {"label": "Blue"}]
    asked = [
        {"question": "Which?", "options": options, "multiSelect": False},
        {"question": "What else?", "options": options, "multiSelect": True},
    ]
    answers: list[object] = []
    async with hands_on(config(place, Patience(close=0.5))) as hands:
        asking = Ask("1", "it", AskKind.QUESTION, "AskUserQuestion", {"questions": asked})
        question = QuestionDialog(asking, "it")
        show = question._show

        def type_at_once(*keys: str) -> None:
            for key in keys:
                hands.app.post_message(events.Key(key, {"enter": "\r", "space": " "}.get(key)))

        async def show_and_type() -> None:
            """Keys come while the parts are made, as where the machine is slow."""
            hands.app.call_later(type_at_once, "down", "space" if question._at else "enter")
            await show()

        question._show = show_and_type  # type: ignore[method-assign]
        hands.app.call_later(hands.app.push_screen, question, answers.append)
        await hands.until(lambda: question._at == 1)
        chooser = await hands.until(lambda: question.query_one_optional(SelectionList))
        await hands.until(lambda: chooser.selected)
        await hands.pilot.press("ctrl+s")
        await hands.until(lambda: answers)
    assert answers == [Allow(answers={"Which?": "Blue", "What else?": "Blue"})]
