"""A comparison laid out: what begins on one row, what is marked, what keys do, what is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from sessiontree.model.comparison import Side, Source, compare
from sessiontree.model.event import Event, Prompt, Text
from sessiontree.model.facts import answer_events
from sessiontree.model.overlay import Status
from sessiontree.model.session import Turn
from sessiontree.model.word_diff import Grain
from sessiontree.ui.compare import answers
from sessiontree.ui.compare.content import SHARED, WIDE, content
from sessiontree.ui.compare.sheet import Sheet
from sessiontree.ui.compare.view import CompareView
from tests.compare_samples import ANSWER, long, three
from tests.stream_samples import CWD

pytestmark = pytest.mark.anyio


class CompareApp(App[None]):
    def __init__(self, sources: Sequence[Source], *, opened: bool = False) -> None:
        super().__init__()
        self.sources = sources
        self.opened = opened
        self.moved: list[tuple[int, int]] = []
        self.pressed = 0

    def compose(self) -> ComposeResult:
        yield CompareView([CWD] * len(self.sources), today=lambda: date(2031, 5, 14))

    def on_mount(self) -> None:
        self.theme = "textual-dark"
        self.view.focus()

    @property
    def view(self) -> CompareView:
        return self.query_one(CompareView)

    def on_compare_view_resized(self) -> None:
        self.compare()

    def compare(self) -> None:
        wide, column = self.view.widths
        found = compare(self.sources)
        self.view.show(content(found, wide=wide, column=column, opened=self.opened))

    def on_compare_view_moved(self, message: CompareView.Moved) -> None:
        self.moved.append((message.number, message.count))

    def on_compare_view_shared_pressed(self) -> None:
        self.pressed += 1

    @property
    def rows(self) -> list[str]:
        """What is on the screen."""
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)


async def settle(app: CompareApp, pilot: Pilot[None]) -> None:
    """Until nothing is left to do in the background."""
    await pilot.pause()
    while not app.view.viewport.is_measured:
        app.view._idle_step()
    app.view._idle_step()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


# what stands where


def walked(sheet: Sheet) -> dict[int, list[tuple[int, int]]]:
    """The rows of events on each page, as one sees them from the top of all to the end."""
    seen: dict[int, list[tuple[int, int]]] = {page: [] for page in sheet.shown}
    sheet.scroll(0)
    for y in range(sheet.total):
        block, row = sheet.row(y)
        for cell in block:
            if cell.page in sheet.shown and (spot := sheet.spot(cell, row)):
                seen[cell.page].append((spot.event, spot.row))
    return seen


def laid_out(sources: Sequence[Source], width: int = 60, *, opened: bool = True) -> Sheet:
    sheet = Sheet([CWD] * len(sources))
    everything = frozenset(range(len(sources) + 1))
    sheet.resize(20, [2 * width, *[width] * len(sources)], everything)
    sheet.show(content(compare(sources), wide=2 * width, column=width, opened=opened))
    for _ in sheet.measure():
        pass
    return sheet


TEXT = st.text(alphabet="ab \n", max_size=200)
TURNS = st.lists(st.lists(TEXT, max_size=3), max_size=4)


@settings(max_examples=40)
@given(st.lists(TURNS, min_size=2, max_size=4), st.integers(30, 90))
def test_every_row_of_every_event_has_its_place(sides: list[list[list[str]]], width: int) -> None:
    sources = []
    for side, turns in enumerate(sides):
        line, told = [], list[Event]()
        for number, texts in enumerate(turns):
            id = f"{side}.{number}"
            line.append(Turn(id, line[-1].id if line else None, id, id, id, None))
            told.append(Prompt(key=id, text=f"Do {id}", number=number + 1))
            told += (Text(key=f"{id}:{n}", text=text) for n, text in enumerate(texts))
        sources.append(Source(Side(str(side)), f"side {side}", line, told))
    sheet = laid_out(sources, width)
    for number, rows in walked(sheet).items():
        page = sheet.pages[number]
        expected = [
            (event, row)
            for event in range(len(page.events))
            for row in range(len(page.layout(event).rows))
        ]
        assert rows == expected
    shown = {event.key for page in sheet.pages for event in page.events}
    for column in compare(sources).columns:
        answer = answer_events(column.told[column.own[-1]]) if column.own else []
        keys = {event.key for event in column.source.events}
        assert keys <= shown | {event.key for event in answer}


def test_turns_begin_on_one_row() -> None:
    sheet = laid_out(three())
    sheet.scroll(0)
    beside = 0
    for y in range(sheet.total):
        block, row = sheet.row(y)
        spots = [spot for cell in block if (spot := sheet.spot(cell, row))]
        starts = [
            isinstance(sheet.pages[s.page].events[s.event], Prompt)
            and s.row == sheet.pages[s.page].layout(s.event).top
            for s in spots
            if s.page != WIDE
        ]
        if any(starts):
            beside += 1
            assert all(starts) or (len(starts) > 1 and row == 1)  # a side without a further turn
    assert beside == 2


async def test_the_parts_in_their_order() -> None:
    app = CompareApp(three()[:2])
    async with app.run_test(size=(120, 90)) as pilot:
        await settle(app, pilot)
        text = app.text
        parts = [
            "2 shared turns  Design a rate limiter for the API · Write it",
            "state   turns  tools  files",
            "1 Make it safe for threads",
            "tools  Edit 1, Bash 1",
            "3 ❯ Make it safe for threads",
            "4 ❯ Now measure it",
            "Final answers: − not in 2  + not in 1",
            "Changed by both: limiter.py",
        ]
        places = [text.find(part) for part in parts]
        assert -1 not in places and places == sorted(places)
        assert "no further turn" in text
        facts = next(row for row in app.rows if row.startswith(" 2 Make it safe"))
        told = " ".join(facts.split("lock")[1].split())
        assert told == "✓ done 2 3 2 +20 −1 20.4 k ≥ $0.020 50 s"
        answer = [row for row in app.rows if "tests pass" in row or "one token" in row]
        assert [row[1] for row in answer] == ["−", "−"] and all("│ + " in row for row in answer)


async def test_differing_words_are_underlined_so_that_colour_is_not_needed() -> None:
    app = CompareApp(three()[:2])
    async with app.run_test(size=(120, 90)) as pilot:
        await settle(app, pilot)
        row = next(y for y, text in enumerate(app.rows) if "tests pass" in text)
        lined = [s.text for s in app.view.render_line(row) if s.style and s.style.underline]
        assert " ".join(lined).startswith("6 9 without a")


async def test_a_side_that_failed_says_why_and_is_not_compared() -> None:
    app = CompareApp([three()[0], three()[2]])
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(app, pilot)
        assert "✗ failed" in app.text and "API Error: 529 Overloaded" in app.text
        assert "no answer: failed" not in app.text  # it said something before
        app.sources = [app.sources[0], replace(app.sources[1], events=app.sources[1].events[:8])]


async def test_shared_turns_are_shown_when_they_are_asked_for() -> None:
    app = CompareApp(three()[:2])
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        assert "A token bucket per API key" not in app.text
        await pilot.click(CompareView, offset=(5, 0))
        assert app.pressed == 1
        app.opened = True
        app.compare()
        await settle(app, pilot)
        assert app.rows[0].startswith(" ▾ 2 shared turns")
        assert "A token bucket per API key" in app.text
        assert app.view.viewport.pages[WIDE].events[0].key == SHARED


async def test_nothing_in_common_is_said() -> None:
    app = CompareApp([replace(long("a", 2, 1), turns=()), three()[1]])
    app.sources = [replace(app.sources[0], events=app.sources[0].events[2:]), app.sources[1]]
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        assert "no turn in common" in app.rows[0]


async def test_what_could_not_be_read_is_a_sentence_in_its_column() -> None:
    gone = replace(three()[1], events=(), note="The transcript is gone", whole=True)
    app = CompareApp([three()[0], gone])
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(app, pilot)
        assert app.text.count("The transcript is gone") == 3  # above, and in place of two turns
        assert "∅ not read" in app.text and "❯ Now measure it" in app.text


async def test_reading_and_running_sides_say_so() -> None:
    reading = replace(three()[1], events=(), note="reading what is before: 40 %", whole=False)
    running = replace(three()[0], status=Status.RUNNING)
    app = CompareApp([running, reading])
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(app, pilot)
        assert "… reading" in app.text and "reading what is before: 40 %" in app.text
        assert "● running" in app.text and "not done yet" in app.text


# what keys do


async def test_columns_scroll_together_and_home_and_end_are_where_they_are() -> None:
    app = CompareApp([long("one", 12, 4), long("three", 9, 4)])
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(app, pilot)
        first = app.rows
        await press(pilot, "down", "down")
        assert app.rows[:-2] == first[2:]
        await press(pilot, "end")
        assert "Done with 11 in one." in app.text and "Done with 8 in three." in app.text
        await press(pilot, "home")
        assert app.rows == first


async def test_brackets_go_from_turn_to_turn() -> None:
    app = CompareApp([long("one", 12, 4), long("three", 12, 4)])
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(app, pilot)
        for number in range(3):
            await press(pilot, "right_square_bracket")
            assert app.rows[0].count(f"❯ Go on with one{number}") == 1
            assert app.rows[0].count(f"❯ Go on with three{number}") == 1
        await press(pilot, "left_square_bracket")
        assert "❯ Go on with one1" in app.rows[0]


async def test_n_goes_from_difference_to_difference() -> None:
    app = CompareApp(three()[:2])
    async with app.run_test(size=(120, 24)) as pilot:
        await settle(app, pilot)
        await press(pilot, "N")
        await press(pilot, "n", "n", "n", "n")
        assert app.moved == [(1, 3), (2, 3), (3, 3), (3, 3), (3, 3)]
        assert "Changed by both: limiter.py" in app.text
        await press(pilot, "N")
        assert app.moved[-1] == (2, 3) and "tests pass" in app.text


async def test_without_differences_n_says_so() -> None:
    same = three()[0]
    app = CompareApp([same, replace(same, side=Side("copy"))])
    async with app.run_test(size=(120, 24)) as pilot:
        await settle(app, pilot)
        await press(pilot, "n")
        assert app.moved == [(0, 0)]


async def test_details_unfold_and_fold() -> None:
    app = CompareApp(three()[:2])
    async with app.run_test(size=(120, 90)) as pilot:
        await settle(app, pilot)
        assert "One lock is enough." in app.text and "… " in app.text
        await press(pilot, "space")
        await settle(app, pilot)
        assert "more line" not in app.text
        await press(pilot, "space")
        await settle(app, pilot)
        row = next(y for y, text in enumerate(app.rows) if "▸ Write atomic.py" in text)
        await pilot.click(CompareView, offset=(70, row))
        await pilot.pause()
        assert "▾ Write atomic.py" in app.text


# room


@pytest.mark.parametrize(
    ("sides", "width", "together"),
    [
        (2, 120, True),
        (2, 92, True),
        (2, 91, False),
        (2, 80, False),
        (3, 140, True),
        (3, 120, False),
    ],
)
async def test_columns_where_there_is_room_else_one_side(
    sides: int, width: int, together: bool
) -> None:
    app = CompareApp(three()[:sides])
    async with app.run_test(size=(width, 40)) as pilot:
        await settle(app, pilot)
        assert app.view.together is together
        assert any("│" in row for row in app.rows[7:]) is together
        assert "❯ Make it safe for threads" in app.text
        app.view.choose(1)
        await settle(app, pilot)
        assert "Write atomic.py" in app.text
        assert all(len(row) <= width for row in app.rows)


async def test_another_side_shows_the_same_turn() -> None:
    app = CompareApp([long("one", 12, 4), long("three", 12, 4)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(pilot, *["right_square_bracket"] * 5)
        assert "❯ Go on with one4" in app.rows[0]
        app.view.choose(1)
        await settle(app, pilot)
        assert "❯ Go on with three4" in "\n".join(app.rows[:2])


async def test_another_width_keeps_the_turn_at_the_top() -> None:
    app = CompareApp([long("one", 12, 4), long("three", 12, 4)])
    async with app.run_test(size=(160, 30)) as pilot:
        await settle(app, pilot)
        await press(pilot, *["right_square_bracket"] * 6)
        for width in (120, 80, 60, 160):
            await pilot.resize_terminal(width, 30)
            await settle(app, pilot)
            assert "❯ Go on with one5" in app.rows[0]


# more comes in


async def test_what_comes_in_below_leaves_the_screen_as_it_is() -> None:
    one, other = long("one", 12, 4), long("three", 12, 4)
    app = CompareApp([replace(one, status=Status.RUNNING), other])
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(app, pilot)
        await press(pilot, *["right_square_bracket"] * 4)
        before = app.rows
        more = Text(key="new", text="And more\n" * 20)
        app.sources = [replace(one, events=(*one.events, more), status=Status.RUNNING), other]
        app.compare()
        await settle(app, pilot)
        assert app.rows == before
        await press(pilot, "end")
        assert "And more" in app.text


# answers


def test_answers_of_which_little_is_the_same_are_not_marked() -> None:
    found = answers.mark(["One two three four five", "Quite another sentence is here"], 60)
    assert found.differ and not found.marks
    assert answers.heading(found, 2) == ("Final answers: too different to mark what differs",)
    same = answers.mark(["One **two**", "One two"], 60)
    assert not same.differ
    assert answers.heading(same, 2) == ("Final answers: the same, word for word",)


def test_the_first_answer_marks_what_any_other_lacks() -> None:
    first, second = "The limit is 10 a second.", "The limit is 20 a second."
    found = answers.mark([first, second, None, first.replace("second", "minute")], 60)
    marked = [
        [line.text[a:b] for line in lines for a, b, style in line.spans if "only" in style]
        for lines in found.lines
    ]
    assert marked == [["10", "second"], ["20"], [], ["minute"]]


def test_huge_answers_are_not_compared_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiontree.model.word_diff.MOST_TOKENS", 40)
    one = "\n".join(f"word {n}" for n in range(100))
    found = answers.mark([one, one.replace("word", "line")], 60)
    assert found.grain is Grain.WHOLE and not found.marks
    assert answers.heading(found, 2) == ("Final answers: too long to be compared",)
    few = answers.mark([ANSWER * 3, ANSWER.replace("tests", "checks") * 3], 2_000)
    assert few.grain is Grain.LINES and few.marks
    assert "by lines" in answers.heading(few, 2)[0]


# how often it draws


@contextmanager
def drawn(view: CompareView) -> Iterator[list[int]]:
    """The rows that are drawn meanwhile."""
    rows: list[int] = []
    original = view.render_line
    view.render_line = lambda y: rows.append(y) or original(y)  # type: ignore[method-assign]
    yield rows
    view.render_line = original  # type: ignore[method-assign]


async def test_a_key_draws_each_row_of_the_screen_once() -> None:
    app = CompareApp([long("one", 60, 8), long("three", 60, 8)])
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(app, pilot)
        for key in ("down", "pagedown", "right_square_bracket", "n", "end", "up", "home"):
            with drawn(app.view) as rows:
                await press(pilot, key)
            assert len(rows) <= 30, key


async def test_opening_lays_out_what_is_seen_and_not_the_rest() -> None:
    app = CompareApp([long("one", 100, 24), long("three", 100, 24)])
    async with app.run_test(size=(120, 30)):
        sheet = app.view.viewport
        assert sum(len(page.events) for page in sheet.pages) > 5_000
        assert sum(map(len, (page._layouts for page in sheet.pages))) < 400


async def test_nothing_is_drawn_or_timed_when_nothing_happens() -> None:
    app = CompareApp(three()[:2])
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(app, pilot)
        with drawn(app.view) as rows:
            for _ in range(5):
                await pilot.pause()
        assert rows == []
        assert app.view._idle is None or not app.view._idle._active.is_set()
