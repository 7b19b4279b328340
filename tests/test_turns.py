"""Turns that are told when someone looks: what they come to is what their events come to, and
opening a comparison makes no more events than it shows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontree.claude.transcript import turns as written
from sessiontree.claude.transcript.reading import Reader, messages
from sessiontree.claude.transcript.scan import read_session
from sessiontree.model.comparison import Comparison, Side, Source, compare
from sessiontree.model.facts import deeds
from sessiontree.model.feed import Feed
from sessiontree.ui.compare.content import Content, Later, content
from sessiontree.ui.compare.sheet import Sheet
from tests.forest_maker import Made, Maker
from tests.test_compare_view import walked
from tests.test_transcript import SCREEN, _line, _says, _user

DEMO = Path(__file__).parents[1] / "sessiontree" / "demo" / "forest" / "transcripts"
REAL = sorted([*DEMO.glob("*.jsonl"), *SCREEN.rglob("*.jsonl")])


def side(path: Path, *, divided: bool, turn: str | None = None) -> Source:
    """A side as it is read for a comparison, or with all of its events."""
    session = read_session(path, "project").session
    reader = Reader(path, turn=turn, turns=session.turns)
    turns, end = reader.turns() if divided else ({}, reader.last(None))
    feed = Feed(first_turn=len(turns) + 1)
    for message in end:
        feed.push(message)
    feed.close()
    feed.take()
    line = Side(session.id, turn)
    return Source(line, "", session.turns, feed.events, session.cwd, unmade=turns)


def is_the_same(path: Path) -> int:
    """Holds what is told turn by turn against all told at once; how many turns were divided."""
    divided, whole = side(path, divided=True), side(path, divided=False)
    found = compare([divided, divided]).columns[0].told
    expected = compare([whole, whole]).columns[0].told
    assert list(found) == list(expected)
    for turn, events in expected.items():
        known, said = deeds(found[turn]), deeds(events)
        assert dict(known.tools) == dict(said.tools)
        assert list(known.edits) == list(said.edits)
        assert known.seconds == said.seconds
        assert list(found[turn]) == list(events)
    return len(divided.unmade)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem[:8])
def test_real_turns_come_to_the_same(path: Path) -> None:
    is_the_same(path)


def edited(row: dict[str, Any], number: int) -> None:
    """Makes calls of a shell calls that write files."""
    message = row.get("message")
    for block in message["content"] if message and isinstance(message["content"], list) else ():
        if block["type"] == "tool_use":
            block |= {"name": "Write", "input": {"file_path": f"f{number}", "content": "a\nb"}}


FAULTS = ["lost", "twice", "later", "failed", "joined", "error"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_turns_come_to_the_same_whatever_is_among_their_lines(data: st.DataObject) -> None:
    """Lines that are lost, said twice, said later, of another kind, of another message."""
    with tempfile.TemporaryDirectory() as folder:
        maker = Maker(Path(folder))
        session = maker.new()
        for number in range(4):
            maker.turn(session, f"Do {number}", tools=data.draw(st.integers(0, 3)))
        rows = session.lines
        for number, row in enumerate(rows):
            if data.draw(st.booleans()):
                edited(row, number)
        talk = [row for row in rows if row["type"] in ("user", "assistant")]
        for _ in range(data.draw(st.integers(0, 3))):
            row, other = data.draw(st.sampled_from(talk)), data.draw(st.sampled_from(talk))
            match data.draw(st.sampled_from(FAULTS)):
                case "lost":
                    rows[:] = [one for one in rows if one is not row]
                case "twice":
                    before = rows[-1].get("uuid")
                    rows.append(row | {"uuid": f"again-{len(rows)}", "parentUuid": before})
                case "later":
                    rows.sort(key=lambda one: one is row)
                case "failed" if isinstance(row["message"]["content"], list):
                    for block in row["message"]["content"]:
                        block["is_error"] = True
                case "joined" if "id" in row["message"] and "id" in other["message"]:
                    row["message"]["id"] = other["message"]["id"]
                case "error" if row["type"] == "assistant":
                    row["isApiErrorMessage"] = True
        maker.write()
        is_the_same(maker.path(session))


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "projects")


def test_what_goes_on_in_a_later_turn_is_told_with_it(maker: Maker) -> None:
    """A subagent's lines are told as they come, also behind the next prompt."""
    session = maker.new()
    for number in range(4):
        maker.turn(session, f"Do {number}", tools=1)
    maker.write()
    path = maker.path(session)
    assert is_the_same(path) == 3
    calls = [said.call_id for said in messages(path) if hasattr(said, "call_id")]
    agents = path.with_suffix("") / "subagents"
    agents.mkdir(parents=True)
    (agents / "agent-a1.meta.json").write_text(json.dumps({"toolUseId": calls[2]}))
    task = _line(_user("s1", "The task") | {"isSidechain": True})
    (agents / "agent-a1.jsonl").write_text(task)
    assert is_the_same(path) == 2
    reader = Reader(path)
    reader.turns()
    with (agents / "agent-a1.jsonl").open("a") as file:
        file.write(_line(_says("s2", "Found it") | {"isSidechain": True}))
    assert [said.agent for said in reader.later() or ()] == [calls[2]]


def test_a_line_to_a_turn_ends_with_that(maker: Maker) -> None:
    session = maker.new()
    first, second, _ = (maker.turn(session, f"Do {n}") for n in range(3))
    maker.write()
    found = side(maker.path(session), divided=True, turn=second.id)
    assert list(found.unmade) == [first.id]
    assert [event.key for event in found.events[:1]] == [second.id]
    assert found.events[0].number == 2  # type: ignore[attr-defined]


# what is made of them


def pair(maker: Maker, turns: int, calls: int) -> list[Path]:
    root = maker.new()
    first = maker.turn(root, "Begin", tools=2)
    fork = maker.fork(root, first)
    for session in (root, fork):
        for number in range(turns):
            maker.turn(session, f"Step {number}", tools=calls + number % 2)
    maker.write()
    return [maker.path(root), maker.path(fork)]


def shown(found: Comparison, *, opened: bool = False) -> Content:
    return content(found, wide=120, column=60, opened=opened)


def sheet(height: int = 30) -> Sheet:
    made = Sheet(["", ""])
    made.resize(height, [120, 60, 60], frozenset(range(3)))
    return made


def made(sources: Sequence[Source]) -> int:
    return sum(turn.is_made for source in sources for turn in source.unmade.values())


@pytest.mark.parametrize("turns", [20, 200])
def test_opening_makes_the_events_of_what_is_on_the_screen(
    maker: Maker, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = 0
    push: Callable[..., None] = Feed.push

    def counting(feed: Feed, message: object) -> None:
        nonlocal pushed
        pushed += 1
        push(feed, message)

    monkeypatch.setattr(Feed, "push", counting)
    sources = [side(path, divided=True) for path in pair(maker, turns, 3)]
    found = compare(sources)
    assert made(sources) == 0
    assert [sum(column.facts.tools.values()) for column in found.columns] == [turns * 7 // 2] * 2
    assert all(column.facts.seconds and column.answered for column in found.columns)
    view = sheet()
    view.show(shown(found))
    assert 4 <= made(sources) <= 12
    assert pushed < 150
    view.show(shown(found, opened=True))
    assert made(sources) <= 14  # the shared one too


def _texts(view: Sheet) -> list[list[str]]:
    """What is on the screen."""
    rows = []
    for y in range(view.height):
        block, row = view.row(y)
        spots = [(cell.page, view.spot(cell, row)) for cell in block]
        rows.append(
            [view.pages[page].events[spot.event].key for page, spot in spots if spot is not None]
        )
    return rows


@pytest.mark.parametrize("opened", [False, True])
def test_it_reads_the_same_however_one_gets_there(maker: Maker, opened: bool) -> None:
    paths = pair(maker, 40, 2)
    later, at_once = sheet(), sheet()
    later.show(shown(compare([side(path, divided=True) for path in paths]), opened=opened))
    at_once.show(shown(compare([side(path, divided=False) for path in paths]), opened=opened))
    for view in (later, at_once):
        view.scroll_end()
    assert _texts(later) == _texts(at_once)
    for block in (30, 12, 40):
        for view in (later, at_once):
            view.go(block)
        assert _texts(later) == _texts(at_once)
    before = _texts(later)
    for view in (later, at_once):
        for _ in view.measure():
            assert _texts(view) == before
    assert not any(isinstance(e, Later) for page in later.pages for e in page.events)
    assert walked(later) == walked(at_once)


def test_what_was_made_stays_where_more_comes_in(maker: Maker) -> None:
    sources = [side(path, divided=True) for path in pair(maker, 40, 2)]
    view = sheet()
    view.show(shown(compare(sources)))
    view.go(20)
    before, count = _texts(view), made(sources)
    view.show(shown(compare(sources)))
    assert (_texts(view), made(sources)) == (before, count)


def test_a_long_turn_is_made_while_nobody_waits(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "MOST_LINES", 20)
    session: Made = maker.new()
    for calls in (2, 12, 2):
        maker.turn(session, "Do it", tools=calls)
    maker.write()
    turns = side(maker.path(session), divided=True).unmade.values()
    assert [turn.is_made for turn in turns] == [False, True]
