"""Marking, comparing and coming back: what a person does in the app and sees for it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from textual.pilot import Pilot

from sessiontree.commands.demo import recall
from sessiontree.config import Config
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.place import prepare
from sessiontree.demo.reply import Failure, Hold, Reply, ToolUse, say
from sessiontree.demo.request import Request
from sessiontree.engine.opened import Opened
from sessiontree.model.comparison import Side
from sessiontree.ui.app import SessionTree
from sessiontree.ui.compare import CompareScreen
from sessiontree.ui.compare.bars import SideBar, TitleBar
from sessiontree.ui.compare.view import CompareView
from sessiontree.ui.dialogs.small import HelpDialog
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on
from tests.compare_samples import three
from tests.test_compare_view import CompareApp

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
BUCKET, WINDOW, THREADS = "52b34b1d", "22bb0fbe", "31752357"  # sessions of the demo
GCRA, REDIS, README = "6b4c6cca", "d7c403f4", "0416dd4c"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The demo's recorded sessions at a fixed time, with nobody to answer."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    place = prepare(tmp_path / "limiter", NOW)
    recall(place)
    return Config(place.home, place.claude, place.workspace, demo=True)


@pytest.fixture
async def demo(config: Config) -> AsyncIterator[Hands]:
    async with hands_on(config, size=(120, 40), now=lambda: NOW) as hands:
        yield hands


def whole(hands: Hands, start: str) -> str:
    return next(id for id in hands.forest if id.startswith(start))


def comparison(hands: Hands) -> CompareScreen:
    screen = hands.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


async def read(hands: Hands) -> CompareView:
    """Until all sides are read and drawn."""
    await hands.until(lambda: isinstance(hands.app.screen, CompareScreen))
    screen = comparison(hands)
    await hands.until(lambda: screen.is_settled and screen.view.viewport.is_measured)
    return screen.view


async def mark(hands: Hands, *starts: str) -> None:
    for start in starts:
        assert hands.main.tree_view.select(whole(hands, start))
        await hands.press("space")


def rows(view: CompareView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def text(view: CompareView) -> str:
    return "\n".join(rows(view))


# marks


async def test_marked_sessions_are_compared_and_one_can_be_gone_to(demo: Hands) -> None:
    assert demo.main.check_action("compare", ())
    await mark(demo, WINDOW)
    assert "= compare" in demo.main.query_one("HintBar").render().plain
    await mark(demo, THREADS)
    await demo.press("=")
    view = await read(demo)
    screen = comparison(demo)
    assert screen.query_one(TitleBar).title_text == "2 sessions, 1 shared turn"
    assert [name.label for name in screen.query_one(SideBar).names] == [
        "Try a sliding window instead",
        "Make it safe for threads",
    ]
    assert "▸ 1 shared turn  Design a rate limiter for the notes API" in rows(view)[0]
    await demo.pilot.press("2", "enter")
    await demo.until(lambda: demo.app.screen is demo.main)
    assert demo.selected == (whole(demo, THREADS), None)
    assert demo.engine.streams.beside == () and demo.main.comparing is None
    assert len(demo.main.tree_view.marked) == 2  # for the next comparison


async def test_what_is_marked_is_read_before_it_is_asked_for_and_kept_current(
    demo: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Opened] = []
    reader = demo.engine._reader
    load = reader.load

    async def counted(opened: Opened, shown: Callable[[], None]) -> None:
        await load(opened, shown)
        loaded.append(opened)

    monkeypatch.setattr(reader, "load", counted)
    await mark(demo, WINDOW, THREADS)
    await demo.until(lambda: sum(opened.divided for opened in loaded) == 2)
    # Meanwhile one of them goes on, in another terminal.
    session = demo.forest.session(whole(demo, WINDOW))
    assert session is not None
    path = anyio.Path(session.path)
    said = [json.loads(line) for line in (await path.read_text()).splitlines()]
    last = [line for line in said if line["type"] == "assistant"][-1]
    texts = [line for line in said if line["type"] == "user" and line.get("promptId")]
    prompt = texts[-1] | {"uuid": str(uuid.uuid4()), "parentUuid": last["uuid"]}
    prompt["message"] = {"role": "user", "content": "And one thing more"}
    told = {"type": "text", "text": "It was told elsewhere."}
    answer = last | {"uuid": str(uuid.uuid4()), "parentUuid": prompt["uuid"], "requestId": "r"}
    answer["message"] = last["message"] | {"id": "m", "content": [told]}
    async with await path.open("a") as file:
        await file.write(f"{json.dumps(prompt)}\n{json.dumps(answer)}\n")
    await demo.until(lambda: demo.forest.turns(session.id)[-1].label == "And one thing more")
    await demo.press("=")
    assert "2 sessions, 1 shared turn" in comparison(demo).query_one(TitleBar).title_text
    view = await read(demo)
    await demo.pilot.press("end")
    await demo.until(lambda: "It was told elsewhere." in text(view))
    assert [opened.divided for opened in loaded].count(True) == 2
    await demo.pilot.press("escape")
    await demo.until(lambda: demo.app.screen is demo.main)
    await demo.press("escape")
    assert not demo.main.tree_view.marked and not demo.engine.streams.ahead


async def test_one_mark_is_compared_with_the_selected_row(demo: Hands) -> None:
    await mark(demo, WINDOW)
    demo.main.tree_view.select(whole(demo, GCRA))
    # Both are read as soon as the cursor rests there.
    await demo.until(lambda: len(demo.engine.streams.ahead) == 2)
    await demo.press("=")
    assert "2 shared turns" in rows(await read(demo))[0]
    await demo.pilot.press("escape")
    await demo.until(lambda: demo.app.screen is demo.main)


async def test_two_turns_of_one_session(demo: Hands) -> None:
    id = whole(demo, BUCKET)
    parent = demo.forest.parent(id)
    assert parent
    turns = demo.forest.own_turns(parent)
    for turn in (turns[1], turns[2]):
        assert demo.main.tree_view.select(parent, turn.id)
        await demo.press("space")
    await demo.press("=")
    view = await read(demo)
    assert "turns of one session, each by itself; 1 turn before" in rows(view)[0]
    assert "2 ❯ Write the token bucket" in text(view) and "3 ❯ Use it in the API" in text(view)
    await demo.pilot.press("c")
    await demo.until(lambda: demo.app.screen is demo.main)
    await demo.settled()
    assert demo.aim == "fork ‹Design a rate limiter for the notes API› at turn 2"


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ((), "space marks a row of the tree"),
        ((WINDOW,), "It is the same turn"),
        ((WINDOW, GCRA, REDIS, README, THREADS), "5 are too many to compare, 4 is the most"),
    ],
)
async def test_what_cannot_be_compared_is_a_sentence(
    demo: Hands, marks: tuple[str, ...], said: str
) -> None:
    await mark(demo, *marks)
    await demo.press("=")
    assert demo.app.screen is demo.main and said in demo.said[-1]


async def test_marks_of_what_went_away_are_dropped_with_a_word(demo: Hands) -> None:
    await mark(demo, README, WINDOW)
    demo.forest.remove(whole(demo, README))
    demo.main.forest_changed()
    await demo.settled()
    assert "A mark was dropped: the session is no longer there" in demo.said
    assert len(demo.main.tree_view.marked) == 1


async def test_esc_takes_the_marks_away_where_nothing_runs(demo: Hands) -> None:
    await mark(demo, README, WINDOW)
    assert "esc unmark" in demo.main.query_one("HintBar").render().plain
    await demo.press("escape")
    assert not demo.main.tree_view.marked
    assert "esc" not in demo.main.query_one("HintBar").render().plain


# the screen


async def test_continue_goes_to_the_composer(demo: Hands) -> None:
    demo.main.open_compare([Side(whole(demo, WINDOW)), Side(whole(demo, THREADS))])
    await read(demo)
    await demo.pilot.press("tab", "c")
    await demo.until(lambda: demo.app.screen is demo.main)
    await demo.settled()
    assert demo.aim == "continue ‹Make it safe for threads› with turn 4"
    assert demo.main.composer.area.has_focus


async def test_shared_turns_open_and_help_has_the_keys(demo: Hands) -> None:
    demo.main.open_compare([Side(whole(demo, WINDOW)), Side(whole(demo, GCRA))])
    view = await read(demo)
    await demo.pilot.press("s")
    await demo.until(lambda: rows(view)[0].startswith(" ▾ 2 shared turns"))
    assert "1 ❯ Design a rate limiter" in text(view)
    await demo.pilot.press("s")
    await demo.until(lambda: rows(view)[0].startswith(" ▸ 2 shared turns"))
    await demo.pilot.press("question_mark")
    assert isinstance(demo.app.screen, HelpDialog)


async def test_a_transcript_that_is_gone_is_a_sentence_in_its_column(demo: Hands) -> None:
    id = whole(demo, THREADS)
    session = demo.forest.session(id)
    assert session
    Path(session.path).unlink()  # noqa: ASYNC240
    demo.main.open_compare([Side(whole(demo, WINDOW)), Side(id)])
    view = await read(demo)
    assert "The transcript is gone" in text(view) and "∅ not read" in text(view)
    assert "❯ Write the token bucket" in text(view)  # the tree knows as much


# with the real Claude Code


def script(request: Request) -> Reply:
    """Edits a file and says what it did; one way fails, one is slow."""
    if "badly" in request.prompt:
        return say(Failure(400, "invalid_request_error", "No such luck"))
    if "slowly" in request.prompt:
        return say("It takes ", Hold(), "its time.")
    if request.asked.results or "it" not in request.prompt:
        return say(f"The limit is {len(request.prompt)} a second, and all tests pass.")
    word = request.prompt.split()[-1]
    return say(ToolUse("Write", {"file_path": "limit.py", "content": f"WAY = {word!r}\n"}))


async def test_ways_that_were_run_here_one_of_them_still_going(
    place: ClaudePlace, api: MessagesApi
) -> None:
    api.script = script
    async with hands_on(config_of(place), size=(160, 45)) as hands:
        root = await hands.new("Start")
        ids = []
        for prompt in ("Do badly", "Do slowly"):
            hands.main.tree_view.select(root)
            await hands.settled()
            await hands.press("f")
            await hands.send(prompt)
            await hands.until(lambda: hands.selected[0] not in (root, *ids))
            ids.append(hands.selected[0])
            await hands.press("escape")
            if prompt == "Do badly":
                await hands.idle()
        await hands.until(lambda: len(api.requests) > 2)
        hands.main.open_compare([Side(root), *map(Side, ids)])
        view = await read(hands)
        await hands.until(lambda: "It takes" in text(view))
        assert "1 shared turn " in rows(view)[0]
        assert "✗ failed" in text(view) and "API Error: 400" in text(view)
        assert "● running" in text(view) and "not done yet" in text(view)
        api.release()
        await hands.until(lambda: "its time." in text(view))
        await hands.until(lambda: "not done yet" not in text(view))
        await hands.until(lambda: comparison(hands).query_one(SideBar).names[2].state == "✓ done")


# pictures


Steps = Callable[[Pilot[None]], Awaitable[None]]


def compared(*starts: str, keys: tuple[str, ...] = ()) -> Steps:
    async def steps(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, SessionTree)
        hands = Hands(app, pilot)
        await hands.until(lambda: app.main is not None and app.main.is_mounted)
        await hands.until(lambda: hands.engine.catalog.scanned)
        await hands.settled()
        hands.main.open_compare([Side(whole(hands, start)) for start in starts])
        await read(hands)
        await pilot.press(*keys)
        await read(hands)

    return steps


PICTURES = [
    ((80, 24), (WINDOW, THREADS), ("2",)),
    ((120, 40), (WINDOW, THREADS), ()),
    ((160, 45), (GCRA, THREADS, REDIS), ("2",)),
]


@pytest.mark.parametrize(("size", "starts", "keys"), PICTURES, ids=["80x24", "120x40", "160x45"])
def test_a_comparison_looks_as_it_did(
    snap_compare: Callable[..., bool],
    config: Config,
    size: tuple[int, int],
    starts: tuple[str, ...],
    keys: tuple[str, ...],
) -> None:
    app = SessionTree(config, now=lambda: NOW)
    assert snap_compare(app, terminal_size=size, run_before=compared(*starts, keys=keys))


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_differences_look_as_they_did(
    snap_compare: Callable[..., bool], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    async def steps(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, CompareApp)
        while not app.view.viewport.is_measured:
            await pilot.pause(0.02)
        await pilot.press("n", "n")

    assert snap_compare(CompareApp(three()[:2]), terminal_size=size, run_before=steps)
