"""What lies over the main screen leaves once, however often it is told to."""

from __future__ import annotations

import pytest
from textual.app import App

from sessiontree.model.event import Text
from sessiontree.model.run import Ask, AskKind, Choice
from sessiontree.model.trust import Standing
from sessiontree.ui.dialogs.base import Option
from sessiontree.ui.dialogs.finder import Candidate, Finder
from sessiontree.ui.dialogs.note import NoteDialog
from sessiontree.ui.dialogs.permission import PermissionDialog
from sessiontree.ui.dialogs.small import ChoiceDialog, HelpDialog, LineDialog, RunOptionsDialog
from sessiontree.ui.stream import EventPager

pytestmark = pytest.mark.anyio


async def test_keys_typed_twice_answer_once() -> None:
    app: App[None] = App()
    answers: list[object] = []
    async with app.run_test() as pilot:
        main = app.screen
        for dialog, keys in (
            (PermissionDialog(Ask("t", "s", AskKind.PERMISSION, "Bash", {}), "One"), "aad"),
            (ChoiceDialog("Sure?", "It is gone then", [Option("y", "yes")]), "yy"),
            (EventPager(Text(key="t", text="Hello")), "qq"),
        ):
            dialog.guarded = False  # type: ignore[union-attr]
            await app.push_screen(dialog, answers.append)  # type: ignore[arg-type]
            await pilot.pause()
            for key in keys:
                app.simulate_key(key)  # without a pause: they come in one go
            await pilot.pause()
            assert app.screen is main
            assert len(answers) == 1
            answers.clear()


async def test_one_that_lies_below_leaves_when_it_comes_up() -> None:
    app: App[None] = App()
    answers: list[object] = []
    async with app.run_test() as pilot:
        main = app.screen
        below, above = (ChoiceDialog(one, "", [Option("y", "yes")]) for one in ("below", "above"))
        await app.push_screen(below, answers.append)
        await app.push_screen(above, answers.append)
        below.dismiss("taken back")
        await pilot.pause()
        assert app.screen is above
        assert answers == []
        above.dismiss("y")
        await pilot.pause()
        assert app.screen is main
        assert answers == ["y", "taken back"]


async def test_one_that_is_left_at_once_leaves_nothing_behind() -> None:
    """The second of two keys in one go comes before a dialog has its parts."""
    app: App[None] = App()
    answers: list[object] = []
    async with app.run_test() as pilot:
        main = app.screen
        for dialog in (
            EventPager(Text(key="t", text="Hello")),
            HelpDialog(),
            LineDialog("A title", ""),
            NoteDialog("it", ""),
            Finder("Which?", [Candidate("a", "One")], does="takes it"),
            PermissionDialog(Ask("t", "s", AskKind.PERMISSION, "Bash", {}), "One"),
            RunOptionsDialog(Choice(), Standing.NOTHING),
        ):
            app.push_screen(dialog, answers.append)  # type: ignore[arg-type]
            dialog.dismiss(None)
            await pilot.pause()
            await pilot.pause()
            assert app.screen is main
            assert answers == [None]
            answers.clear()
