"""Every widget with any text: it draws, in its width, with nothing to click, and no byte of it
makes the terminal do anything. Text is cleaned where it comes in; each widget is also given some
that was not, which the last filter has to catch."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk.types import PermissionRuleValue, PermissionUpdate, ToolPermissionContext
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import ControlType, Segment
from textual import events
from textual.color import Color
from textual.screen import Screen
from textual.widgets import Input

from sessiontree.claude import asks
from sessiontree.config import Config
from sessiontree.engine.aim import Aim
from sessiontree.model.event import (
    CallState,
    Event,
    Mark,
    Notice,
    Prompt,
    Result,
    Text,
    Thinking,
    ToolCall,
)
from sessiontree.model.fanout import Way
from sessiontree.model.feed import Feed
from sessiontree.model.message import (
    Answered,
    CallBlock,
    Delta,
    DeltaKind,
    Ended,
    Noted,
    Prompted,
    Said,
    Started,
    TextBlock,
    ThinkingBlock,
)
from sessiontree.model.overlay import Overlay, Status
from sessiontree.model.run import Ask, AskKind, Choice, Grants, Suggestion, Verb
from sessiontree.model.text import clean, label
from sessiontree.model.trust import Does, Standing, Survey, Thing, Trust
from sessiontree.ui.composer.composer import AimLine
from sessiontree.ui.dialogs.base import Option
from sessiontree.ui.dialogs.fanout import FanOutDialog
from sessiontree.ui.dialogs.finder import Candidate, Finder
from sessiontree.ui.dialogs.note import NoteDialog
from sessiontree.ui.dialogs.permission import PermissionDialog
from sessiontree.ui.dialogs.plan import PlanDialog
from sessiontree.ui.dialogs.question import QuestionDialog
from sessiontree.ui.dialogs.small import ChoiceDialog, HelpDialog, LineDialog, RunOptionsDialog
from sessiontree.ui.dialogs.trust import TrustDialog
from sessiontree.ui.main.bars import QuestionBar, StreamTitle
from sessiontree.ui.main.top_bar import Summary, TopBar
from sessiontree.ui.safety import CleanLines
from sessiontree.ui.stream import EventPager
from tests.app import Hands, hands_on
from tests.hostile import PIECES, faults, hostile
from tests.tree_scene import NOW, fork, session, turn

pytestmark = pytest.mark.anyio

PHASES = (Phase.explicit, Phase.generate)  # each example is an app: one that fails says enough
SIZES = st.sampled_from([(140, 45), (80, 24), (50, 16), (30, 12)])
THIRDS = [" ".join(PIECES[start::3]) for start in range(3)]


@asynccontextmanager
async def app(size: tuple[int, int]) -> AsyncIterator[Hands]:
    """The app, with nothing in it and nobody to talk to."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "cwd").mkdir()
        config = Config(root / "home", root / "claude", root / "cwd")
        async with hands_on(config, size, now=lambda: NOW) as hands:
            yield hands


async def check(hands: Hands, text: str) -> None:
    await hands.pilot.pause()
    assert faults(hands.app) == [], repr(text)


def both(*texts: str) -> list[str]:
    """As the model hands it on; then as it came, whose lines another text must not inherit."""
    return [*map(clean, texts), *texts]


@given(texts=st.lists(hostile, min_size=1, max_size=4))
@example(texts=list(PIECES))
def test_the_filter_takes_out_what_is_unsafe_and_keeps_the_width(texts: list[str]) -> None:
    before = [Segment(text) for text in texts]
    after = CleanLines().apply(before, Color(0, 0, 0))
    assert [cell_len(one.text) for one in after] == [cell_len(text) for text in texts]
    for segment in after:
        assert clean(segment.text) == segment.text
        assert segment.text.isprintable() or not segment.text.isascii()
    control = Segment("\x1b[2J", None, [(ControlType.CLEAR,)])
    assert CleanLines().apply([control], Color(0, 0, 0)) == [control]


@given(text=hostile)
@example(text="\n".join(PIECES))
@settings(max_examples=30)
def test_what_comes_in_is_clean(text: str) -> None:
    feed = Feed(mark_text=text)
    call = CallBlock(text or "id", text, {text: [{text: text}]})
    for message in (
        Prompted(turn="p", text=text, images=(text,)),
        Started(message_id="m", index=0, kind=DeltaKind.TEXT, name=text, call_id=""),
        Delta(message_id="m", index=0, kind=DeltaKind.TEXT, text=text),
        Said(message_id="n", blocks=(TextBlock(text), ThinkingBlock(text), call)),
        Answered(call_id=call.id, text=text, images=(text,), details={text: {text: [text]}}),
        Started(message_id="o", index=0, kind=DeltaKind.INPUT, name=text, call_id="o"),
        Delta(message_id="o", index=0, kind=DeltaKind.INPUT, text=json.dumps({text: text})),
        Noted(key="n", what=text, text=text),
        Ended(key="e", ok=False, text=text),
    ):
        feed.push(message)
        feed.take()
    shown = [replace(event, key="") for event in feed.events]
    rules = [PermissionRuleValue(tool_name=text, rule_content=text)]
    suggestion = PermissionUpdate(type="addRules", rules=rules, behavior="allow")
    context = ToolPermissionContext(
        title=text, description=text, agent_id=text, suggestions=[suggestion]
    )
    asked = asks.ask("s", text, {text: [text]}, context)
    for value in (*shown, replace(asked, suggestions=()), *(s.words for s in asked.suggestions)):
        assert [one for one in strings(value) if clean(one) != one] == []
    assert label(text) == clean(label(text))


def strings(value: object) -> Iterator[str]:
    """Every string in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from strings([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings(one)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from strings([getattr(value, field.name) for field in fields(value)])


def test_of_joined_emoji_the_parts_are_shown() -> None:
    family, wide = "\U0001f469\u200d\U0001f467", "\u2764\ufe0f\u200d\U0001f525"
    assert [clean(family), clean(wide)] == ["\U0001f469\U0001f467", "\u2764\U0001f525"]
    assert clean("a\u200db") == "a·b"
    assert clean("\U0001f469\u200d\U0001f3fd") == "\U0001f469·\U0001f3fd"  # it would join


async def test_what_is_pasted_and_what_is_copied_is_clean() -> None:
    text = "".join(PIECES)
    async with app((80, 24)) as hands:
        main = hands.main
        main.composer.area.focus()
        hands.app.post_message(events.Paste(text))
        await hands.until(lambda: main.composer.text)
        assert main.composer.text == clean(text)
        main.composer.area.select_all()
        await hands.press("ctrl+c")
        assert hands.app.clipboard == clean(text)
        hands.app.copy_to_clipboard(text)
        assert hands.app.clipboard == clean(text)
        await check(hands, text)
        main.query_one("#filter").add_class("-on")
        main.query_one("#filter").focus()
        await hands.pilot.pause()
        hands.app.post_message(events.Paste(f"a{text}"))
        await hands.until(lambda: main.query_one("#filter", Input).value)
        assert main.query_one("#filter", Input).value == clean(
            main.query_one("#filter", Input).value
        )


# The main screen


@given(texts=st.lists(hostile, min_size=2, max_size=2), size=SIZES)
@example(texts=THIRDS, size=(80, 24))
@settings(max_examples=2, phases=PHASES)
async def test_the_lines_around_and_the_inputs(texts: list[str], size: tuple[int, int]) -> None:
    async with app(size) as hands:
        main = hands.main
        for text in both(*texts):
            main.query_one(TopBar).summary = Summary(text, 1, 2, 3, 4, 1, 0.5, text, True)
            title = main.query_one(StreamTitle)
            title.label, title.state, title.note, title.search = text, (text, "bold"), text, text
            main.query_one(QuestionBar).text = text
            line = main.query_one(AimLine)
            line.aim, line.project = Aim(Verb.FORK, text, text), text
            line.choice = Choice(model=text, effort=text)
            main.composer.area.suggest(text, text)
            main.composer.put("")
            await check(hands, text)
            line.aim = Aim(Verb.NEW, text, text, refusal=text)
            main.composer.put(text)
            main.composer.area.focus()
            for name in ("#filter", "#search"):
                box = main.query_one(name, Input)
                box.add_class("-on")
                box.value = text
            hands.app.say(text, trouble=True)
            hands.app.say(text)
            await check(hands, text)
            hands.app.clear_notifications()


@given(texts=st.lists(hostile, min_size=2, max_size=2), size=SIZES)
@example(texts=THIRDS, size=(80, 24))
@settings(max_examples=2, phases=PHASES)
async def test_the_tree(texts: list[str], size: tuple[int, int]) -> None:
    async with app(size) as hands:
        tree, forest = hands.main.tree_view, hands.forest
        tree.rows.scope = None
        for text in both(*texts):
            first = turn("t1", text, 100)
            forest.put(session("a", (first, turn("t2", text, 50, "t1")), 5, cwd=f"/{text}"))
            own = turn("b1", text, 20, "t1")
            gone = turn("b2", text, 20, "t1", live=False)
            forest.put(session("b", (first, own, gone), 2, title=text, origin=text, damage=(text,)))
            forest.put_link(fork("b", "a", "t1", way=text, group=text or "g"))
            forest.overlay("b", Overlay(status=Status.RUNNING, prompt=text, number=3, title=text))
            forest.overlay("c", Overlay(label=text, status=Status.GONE))
            forest.set_notes({"a": text})
            tree.rows.unfold(["a", "b"])
            tree.refresh_rows()
            await check(hands, text)
            tree.filter(text)
            await check(hands, text)
            tree.filter("")


# The stream and its pager


def event_kinds(text: str) -> list[Event]:
    """One of each, with `text` in every field that can hold one."""
    data = {text or "key": text, "command": text, "file_path": text, "old_string": text}
    details = {text or "key": [text], "structuredPatch": [{"lines": [text], "oldStart": 1}]}
    calls = [
        ToolCall(key=f"c{number}", tool=tool, input=data, state=state, told=text, details=details)
        for number, (tool, state) in enumerate(
            [
                (text, CallState.OK),
                ("Bash", CallState.FAILED),
                ("Edit", CallState.OK),
                ("Write", CallState.RUNNING),
                ("Read", CallState.OK),
                ("Grep", CallState.OK),
                ("Task", CallState.RUNNING),
                ("WebFetch", CallState.OK),
            ]
        )
    ]
    return [
        Prompt(key="p", text=text, number=1, images=(text,)),
        Thinking(key="t", text=text),
        Text(key="x", text=text),
        Text(
            key="code",
            text=f"```{text}\n{text}\n```\n> {text}\n- {text}\n\n|{text}|\n|-|\n|{text}|",
        ),
        *calls,
        ToolCall(key="typed", tool="Bash", partial=text, state=CallState.TYPED),
        Notice(key="n", what=text, text=text),
        Mark(key="m", text=text),
        Result(key="r", ok=False, text=text),
    ]


@given(texts=st.lists(hostile, min_size=2, max_size=2), size=SIZES)
@example(texts=THIRDS, size=(80, 24))
@settings(max_examples=2, phases=PHASES)
async def test_the_stream(texts: list[str], size: tuple[int, int]) -> None:
    async with app(size) as hands:
        stream = hands.main.stream
        stream.focus()
        for number, text in enumerate(both(*texts)):
            events = event_kinds(text)
            stream.show(events, key=number, cwd=text, empty=text)
            await check(hands, text)
            stream.find(text)
            stream.action_scroll_home()
            await check(hands, text)
            stream.show([], key=-1, empty=text)
            await check(hands, text)


PAGED = {"p", "code", "c0", "c2", "n"}
"""One of each kind that a page draws in a way of its own; the rest is as in the stream."""


@given(text=hostile, size=SIZES)
@example(text="\n".join(PIECES), size=(80, 24))
@settings(max_examples=1, phases=PHASES)
async def test_the_pager(text: str, size: tuple[int, int]) -> None:
    async with app(size) as hands:
        for one in both(text):
            for event in event_kinds(one):
                if event.key not in PAGED:
                    continue
                pager = EventPager(event, cwd=one)
                await hands.app.push_screen(pager)
                await check(hands, one)
                if event.key == "c0":
                    pager.action_raw()
                    await check(hands, one)
                await pager.dismiss()


# The dialogs


def ask(kind: AskKind, tool: str, data: dict[str, Any], text: str) -> Ask:
    suggestions = (Suggestion(text, Grants((text,))),)
    return Ask(
        "t", "s", kind, tool, data, title=text, reason=text, agent=text, suggestions=suggestions
    )


def permission(text: str) -> Screen[Any]:
    data = {text or "key": text, "deep": {"list": [text]}}
    dialog = PermissionDialog(ask(AskKind.PERMISSION, text, data, text), text)
    dialog.put_behind([text, text])
    return dialog


def question(text: str) -> Screen[Any]:
    options = [{"label": text or "x", "description": text}, {"label": "Other"}]
    asked = {"question": text or "x", "header": text, "options": options}
    data = {"questions": [asked]}
    return QuestionDialog(ask(AskKind.QUESTION, "AskUserQuestion", data, text), text)


def several(text: str) -> Screen[Any]:
    options = [{"label": text or "x", "description": text}, {"label": "Other"}]
    asked = {"question": text or "x", "options": options, "multiSelect": True}
    data = {"questions": [asked, asked]}
    return QuestionDialog(ask(AskKind.QUESTION, "AskUserQuestion", data, text), text)


def plan(text: str) -> Screen[Any]:
    words = (
        f"# {text}\n\n- {text}\n\n> {text}\n\n```{text}\n{text}\n```\n\n|{text}|\n|-|\n|{text}|\n"
    )
    return PlanDialog(ask(AskKind.PLAN, "ExitPlanMode", {"plan": words + text}, text), text)


def trust(text: str) -> Screen[Any]:
    things = tuple(Thing(does, text, text, text) for does in Does)
    survey = Survey(text, things, (text,), {text: "1"})
    return TrustDialog(Trust(survey, Standing.CHANGED, (text,)), text)


def fan_out(text: str) -> Screen[Any]:
    choice = Choice(model=text, effort=text, append=text)
    return FanOutDialog(
        Way(text, choice),
        [Way(text, choice), Way("", choice)],
        named=lambda count: text,
        cost=lambda ways: text,
        folder=text,
    )


def finder(text: str) -> Screen[Any]:
    candidates = [Candidate("a", text, text), Candidate("b", text)]
    return Finder(text, candidates, at="b", does=text)


DIALOGS: tuple[Callable[[str], Screen[Any]], ...] = (
    permission,
    question,
    several,
    plan,
    trust,
    fan_out,
    finder,
    lambda text: NoteDialog(text, text),
    lambda text: ChoiceDialog(text, text, [Option("a", text), Option("b", text, True)]),
    lambda text: LineDialog(text, text, text),
    lambda text: LineDialog(text, "", text),
    lambda text: RunOptionsDialog(Choice(model=text, effort=text), Standing.OWN),
    lambda text: HelpDialog(),
)


@given(text=hostile, size=SIZES)
@example(text="\n".join(PIECES), size=(80, 24))
@settings(max_examples=1, phases=PHASES)
async def test_the_dialogs(text: str, size: tuple[int, int]) -> None:
    async with app(size) as hands:
        for one in both(text):
            for make in DIALOGS:
                dialog = make(one)
                await hands.app.push_screen(dialog)
                await check(hands, one)
                await dialog.dismiss()
