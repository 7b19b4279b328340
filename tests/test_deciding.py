"""What a person decides in the app: hand over, carry back, verdicts, notes, links by hand."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from textual import events
from textual.widgets import Input

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, Reply, ToolUse, say
from sessiontree.demo.request import Request
from sessiontree.model.event import Mark
from sessiontree.model.overlay import Status, Verdict
from sessiontree.model.session import Evidence, LinkKind
from sessiontree.model.text import NOTE_CHARS
from sessiontree.ui.dialogs.finder import Finder
from sessiontree.ui.dialogs.note import NoteArea, NoteDialog
from sessiontree.ui.dialogs.small import ChoiceDialog
from sessiontree.ui.main.bars import NoteBar
from sessiontree.ui.main.top_bar import TopBar
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on
from tests.forest_maker import Maker, three_sessions

pytestmark = pytest.mark.anyio


@pytest.fixture
def maker(place: ClaudePlace) -> Maker:
    return three_sessions(place.config_dir / "projects", str(place.cwd))


async def select(hands: Hands, session: str, turn: str | None = None) -> None:
    hands.main.tree_view.select(session, turn)
    hands.main.tree_view.focus()
    await hands.until(lambda: (at := hands.engine.streams.opened) and at.session == session)
    await hands.settled()


async def dialog(hands: Hands, kind: type[Finder] | type[ChoiceDialog]) -> None:
    """Until a dialog is there and takes keys."""
    await hands.until(lambda: isinstance(hands.app.screen, kind))
    await hands.until(lambda: not hands.app.screen.too_early)  # type: ignore[attr-defined]


# Hand over


async def test_a_session_is_handed_over(place: ClaudePlace, api: MessagesApi) -> None:
    written = str(place.cwd / "limiter.py")

    def design(request: Request) -> Reply:
        steps = [
            say(
                ToolUse("Write", {"file_path": written, "content": "limit = 1\n"}),
                ToolUse("TaskCreate", {"subject": "Write it down", "description": "README"}),
                ToolUse("TaskCreate", {"subject": "Add metrics", "description": "Counters"}),
            ),
            say(ToolUse("TaskUpdate", {"taskId": "1", "status": "completed"})),
            say(Hold(), "A token bucket it is."),
        ]
        return steps[len(request.asked.steps)]

    env = {**place.env, "CLAUDE_CODE_ENABLE_TODO_TOOLS": "1"}
    async with hands_on(config_of(replace(place, env=env))) as hands:
        api.script = design
        await hands.press("n", "shift+tab")  # accepts edits
        await hands.send("Design it")
        parent = await hands.until(lambda: hands.selected[0])
        await hands.press("escape", "H")
        assert "still runs" in hands.said[-1]
        api.release()
        await hands.idle()
        api.script = lambda request: say("Going on.")
        await hands.press("H")
        await hands.until(lambda: hands.main.composer.text)
        assert hands.aim == "new session handed over from ‹Design it›"
        assert len(api.requests) == 3, "nothing is sent before Enter"
        await hands.press(*"Test")
        asked = hands.main.composer.text
        assert asked == (
            "Test\n\nThis goes on from the session ‹Design it›, which ended with:\n\n"
            "A token bucket it is.\n\nIt changed these files:\n- limiter.py\n\n"
            "Still open:\n- Add metrics"
        )
        await hands.press("enter")
        child = await hands.until(lambda: hands.selected[0] != parent and hands.selected[0])
        link = hands.engine._store.links()[child]
        assert (link.parent, link.kind, link.evidence) == (
            parent,
            LinkKind.HANDOFF,
            Evidence.MADE,
        )
        await hands.idle()
        assert api.requests[-1].prompt == asked
        assert api.requests[-1].asked.earlier == ()
        assert hands.forest.label(child) == "Test"
    async with hands_on(config_of(place)) as hands:
        assert hands.forest.link(child) == link
        assert hands.forest.place(child) == (parent, "end")
        await select(hands, child)
        await hands.until(lambda: hands.stream()[-1:] == ["Going on."])
        marks = [e.text for e in hands.engine.streams.opened.feed.events if isinstance(e, Mark)]  # type: ignore[union-attr]
        assert marks == ["⇢ handed over from ‹Design it›"]


async def test_of_a_session_without_an_outcome_nothing_is_carried_on(
    place: ClaudePlace, maker: Maker
) -> None:
    empty = maker.new()
    maker.turn(empty, "Say nothing")
    empty.lines = [line for line in empty.lines if line["type"] != "assistant"]
    copy = maker.fork_offline(maker.sessions[0])  # it has nothing of its own
    maker.write()
    async with hands_on(config_of(place)) as hands:
        await select(hands, empty.id)
        await hands.press("H")
        await hands.until(lambda: hands.said)
        assert hands.said[-1].startswith("Nothing came of this session yet")
        hands.app.clear_notifications()
        await select(hands, copy.id)
        await hands.press("m")
        await dialog(hands, Finder)
        await hands.pilot.press("enter")
        await hands.until(lambda: hands.said)
        assert hands.said[-1].startswith("Nothing came of this session yet")
        assert hands.main.composer.text == ""
        # What is brought from elsewhere, and not touched, does not pile up.
        for id in (maker.sessions[0].id, maker.sessions[2].id):
            await select(hands, id)
            await hands.press("H")
            await hands.until(lambda: hands.main.composer.area.has_focus)
            await hands.press("tab")
        assert hands.main.composer.text.count("This goes on") == 1
        assert "Answer to: On its own" in hands.main.composer.text


# Carry back


async def test_what_came_of_a_branch_is_carried_back(
    place: ClaudePlace, api: MessagesApi, maker: Maker
) -> None:
    root, child, other = maker.sessions
    async with hands_on(config_of(place)) as hands:
        await select(hands, child.id)
        await hands.press("m")
        await dialog(hands, Finder)
        await hands.pilot.press("enter")  # the parent is what is proposed
        await hands.until(lambda: hands.main.composer.text)
        assert hands.aim == "continue ‹Design it› with turn 3"
        await hands.press(*"Ok")
        asked = "From the branch ‹Another way›: Ok\n\nIt ended with:\n\nAnswer to: Another way"
        assert hands.main.composer.text == asked
        await hands.press("enter")
        await hands.until(lambda: len(hands.forest.session(root.id).line) == 3)  # type: ignore[union-attr]
        await hands.idle()
        assert api.requests[-1].prompt == asked
        assert api.requests[-1].asked.earlier == ("Design it", "Add tests")
        assert hands.forest.session(root.id).line[-1].label == "From the branch ‹Another way›: Ok"  # type: ignore[union-attr]

        # To another session, found by a part of its name, while that is at work.
        api.script = lambda request: say("Half ", Hold()) if request.prompt == "Go" else say("ok")
        await select(hands, other.id)
        await hands.press("c")
        await hands.send("Go")
        await hands.until(lambda: hands.forest.status(other.id) is Status.RUNNING)
        await hands.press("escape")
        await select(hands, child.id)
        await hands.press("m")
        await dialog(hands, Finder)
        hands.app.screen.query_one(Input).value = "own"
        await hands.pilot.press("enter")
        await hands.until(lambda: hands.main.composer.text)
        assert hands.aim == "continue ‹On its own› with turn 3 when its run is over"
        await hands.press("enter")
        api.release()
        await hands.idle()
        assert api.requests[-1].asked.earlier == ("On its own", "Go")
        assert api.requests[-1].prompt.startswith("From the branch ‹Another way›:")


async def test_a_target_that_is_open_elsewhere_is_asked_about(
    place: ClaudePlace, api: MessagesApi, maker: Maker
) -> None:
    root, child, _ = maker.sessions
    notes = place.config_dir / "sessions"
    notes.mkdir()
    (notes / "1.json").write_text(json.dumps({"sessionId": root.id, "pid": os.getppid()}))
    async with hands_on(config_of(place)) as hands:
        assert hands.forest.status(root.id) is Status.ELSEWHERE
        await select(hands, child.id)
        await hands.press("m")
        await dialog(hands, Finder)
        await hands.pilot.press("enter")
        await hands.until(lambda: hands.main.composer.text)
        assert hands.aim.endswith(", open in another process")
        await hands.press("enter")
        await dialog(hands, ChoiceDialog)
        await hands.pilot.press("f")
        made = await hands.until(lambda: hands.selected[0] != child.id and hands.selected[0])
        assert hands.forest.parent(made) == root.id, "the target is forked, not what is selected"
        await hands.idle()
        assert api.requests[-1].asked.earlier == ("Design it", "Add tests")


# Verdicts, notes, links


async def test_verdicts_are_marked_filtered_and_taken_back(
    place: ClaudePlace, maker: Maker
) -> None:
    root, child, other = maker.sessions
    async with hands_on(config_of(place)) as hands:
        rows = hands.main.tree_view.rows
        await select(hands, child.id)
        await hands.press("plus")
        await hands.until(lambda: hands.forest.overlaid(child.id).verdict is Verdict.CHOSEN)
        assert "is chosen" in hands.said[-1]
        await select(hands, root.id)
        await hands.press("slash", *"is:chosen")
        assert [row.session for row in rows.list if rows.is_hit(row)] == [child.id]
        await hands.press("escape")
        await select(hands, root.id)
        await hands.press("minus")
        await hands.until(lambda: hands.forest.overlaid(root.id).put_away)
        assert "with 1 session below it" in hands.said[-1]
        await hands.until(lambda: [row.session for row in rows.list] == [other.id])
        await hands.press("slash", *"is:disc", "enter")
        assert hands.selected == (root.id, None)
        await hands.press("minus")
        await hands.until(lambda: not hands.forest.overlaid(root.id).put_away)
        assert "neither" in hands.said[-1]
        await hands.press("x")
        await hands.until(lambda: hands.main.query_one(TopBar).summary.put_away == 1)
        assert hands.said[-1] == "Put away with 1 session below it; . shows what was put away"
        assert "1 put away" in hands.main.query_one(TopBar).render().plain
        await select(hands, root.id)
        await hands.press("x")
        await hands.until(lambda: hands.main.query_one(TopBar).summary.put_away == 0)
        assert hands.said[-1] == "Brought back with 1 session below it"
        assert hands.forest.overlaid(child.id).verdict is Verdict.CHOSEN


async def test_notes_are_written_shown_and_taken_away(place: ClaudePlace, maker: Maker) -> None:
    root = maker.sessions[0]
    turn = root.turns[1].id
    async with hands_on(config_of(place)) as hands:
        bar = hands.main.query_one(NoteBar)
        await select(hands, root.id)
        await hands.press("w")
        await hands.pilot.press(*"too", "ctrl+j", *"slow", "enter")
        await hands.until(lambda: bar.text == "too\nslow")
        await select(hands, root.id, turn)
        assert bar.text == "too\nslow", "a turn without a note shows that of its session"
        await hands.press("w")
        await hands.pilot.press(*"half", "escape")
        assert isinstance(hands.app.screen, NoteDialog), "what is typed is not dropped at once"
        await hands.pilot.press("enter")
        await hands.until(lambda: bar.text == "half")
        await hands.press("w")
        area = hands.app.screen.query_one(NoteArea)
        area.post_message(events.Paste("x" * (NOTE_CHARS + 1)))
        await hands.pilot.pause()
        assert area.text == "half"
        area.insert("x" * NOTE_CHARS)
        await hands.pilot.press("enter")
        assert isinstance(hands.app.screen, NoteDialog), "it is too long to be kept"
        area.clear()
        await hands.pilot.press("enter")
        await hands.until(lambda: bar.text == "too\nslow")
        assert hands.forest.note(turn) == ""


async def test_a_parent_is_picked_refused_and_taken_back(place: ClaudePlace, maker: Maker) -> None:
    root, child, other = maker.sessions
    async with hands_on(config_of(place)) as hands:
        await select(hands, other.id)
        await hands.press("L")  # a root: there is only a parent to set
        await dialog(hands, Finder)
        hands.app.screen.query_one(Input).value = child.id[:8]
        await hands.pilot.press("enter")
        await dialog(hands, Finder)
        await hands.pilot.press("up", "enter")  # not the last turn, which is proposed
        await hands.until(lambda: hands.forest.parent(other.id) == child.id)
        assert hands.forest.place(other.id) == (root.id, root.turns[0].id)
        await select(hands, root.id)
        await hands.press("L")
        await dialog(hands, Finder)
        hands.app.screen.query_one(Input).value = "own"
        await hands.pilot.press("enter")
        await hands.until(lambda: hands.said)
        assert "would make a circle" in hands.said[-1]
        await select(hands, other.id)
        await hands.press("L")
        await dialog(hands, ChoiceDialog)
        await hands.pilot.press("c")
        await hands.until(lambda: hands.forest.parent(other.id) is None)
        await select(hands, child.id)
        await hands.press("L")
        await dialog(hands, ChoiceDialog)
        await hands.pilot.press("p")
        await dialog(hands, Finder)
        hands.app.screen.query_one(Input).value = "own"
        await hands.pilot.press("enter")
        await dialog(hands, Finder)
        await hands.pilot.press("enter")
        await hands.until(lambda: hands.forest.parent(child.id) == other.id)
        await hands.press("L")
        await dialog(hands, ChoiceDialog)
        await hands.pilot.press("f")
        await hands.until(lambda: hands.forest.parent(child.id) == root.id)
