"""The stream on a screen: keys, the mouse, following, search, selection; and how often it draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import ClassVar

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES

from sessiontree.model.event import Event, Prompt, Text
from sessiontree.model.feed import Feed
from sessiontree.model.message import Delta, DeltaKind, Prompted
from sessiontree.ui.stream import EventPager, StreamView
from sessiontree.ui.stream.search import Found
from tests.stream_samples import CWD, sample

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


class StreamApp(App[None]):
    def __init__(self, shown: list[Event] | None = None) -> None:
        super().__init__()
        self.shown = sample().events if shown is None else shown
        self.seen: list[object] = []

    def compose(self) -> ComposeResult:
        yield StreamView(opened=self.opened, today=lambda: date(2031, 5, 14))

    def on_mount(self) -> None:
        self.theme = "textual-dark"
        self.view.show(self.shown, key="session", cwd=CWD)
        self.view.focus()

    @property
    def view(self) -> StreamView:
        return self.query_one(StreamView)

    @property
    def rows(self) -> list[str]:
        """What is on the screen."""
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]

    def on_stream_view_follow_changed(self, message: StreamView.FollowChanged) -> None:
        self.seen.append((message.follow, message.new_below))

    def on_stream_view_search_changed(self, message: StreamView.SearchChanged) -> None:
        self.seen.append(message.found)

    def opened(self, event: Event) -> None:
        self.push_screen(EventPager(event, cwd=CWD))


def texts(count: int, start: int = 0) -> list[Event]:
    return [Text(key=str(n), text=f"Text {n}") for n in range(start, count)]


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def settle(app: StreamApp, pilot: Pilot[None]) -> None:
    """Until nothing is left to do in the background."""
    while app.view._measuring or app.view._stepping or app.view._counting:
        app.view._idle_step()
    await pilot.pause()


# Where we are


async def test_a_session_opens_at_its_end() -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.rows[-1] == "    A sliding window smooths the burst at the▌"
        assert app.view.follow and app.view.turn and app.view.turn.number == 3


async def test_nothing_to_show_is_a_sentence() -> None:
    app = StreamApp([])
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.pause()
        assert "Nothing here yet" in " ".join(app.rows)
        app.view.show([], key="x", empty="This session has no turn yet. " * 4)
        await press(pilot, "j", "k", "space", "enter", "left_square_bracket", "home", "end")
        assert sum("turn yet" in row for row in app.rows) >= 2  # wrapped, not cut


async def test_it_lets_go_of_the_end_and_takes_hold_of_it_again() -> None:
    app = StreamApp(texts(50))
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "up", "up")
        before = app.rows[:-1]
        assert not app.view.follow
        app.view.changed(50, texts(53))
        await pilot.pause()
        assert app.rows[:-1] == before and app.rows[-1].endswith("3 new below ↓")
        assert app.seen[-1] == (False, 3)
        await press(pilot, "G")
        assert app.view.follow and app.rows[-1] == "    Text 52" and app.seen[-1] == (True, 0)


async def test_the_wheel_scrolls_and_lets_go() -> None:
    app = StreamApp(texts(50))
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.pause()
        await pilot._post_mouse_events([events.MouseScrollUp], StreamView)
        await pilot.pause()
        assert not app.view.follow and app.rows[-1] != "    Text 49"


async def test_a_click_on_the_mark_goes_to_what_is_new() -> None:
    app = StreamApp(texts(50))
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "pageup")
        app.view.changed(50, texts(51))
        await pilot.pause()
        await pilot.click(StreamView, offset=(50, 9))
        assert app.view.follow


async def test_pages_up_and_down_come_back_to_the_same_place() -> None:
    app = StreamApp(texts(500))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        seen = [app.rows]
        for _ in range(6):
            await press(pilot, "pageup")
            seen.append(app.rows)
        for expected in reversed(seen[:-1]):
            await press(pilot, "pagedown")
            assert app.rows == expected
        await press(pilot, "home")
        assert app.rows[0] == "    Text 0"


async def test_earlier_events_come_in_without_moving_what_is_read() -> None:
    app = StreamApp(texts(400, 300))
    async with app.run_test(size=(60, 12)) as pilot:
        await press(pilot, "pageup", "pageup", "k")
        before, current = app.rows, app.view.current
        app.view.changed(0, texts(400))
        await pilot.pause()
        await settle(app, pilot)
        assert app.rows == before and app.view.current == current
        await press(pilot, "home")
        assert app.rows[0] == "    Text 0"


async def test_a_resize_keeps_hold_of_the_end() -> None:
    """As when the composer below it grows with its text, and shrinks when that is sent."""
    app = StreamApp(texts(50))
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(app, pilot)
        for height in (26, 12, 30, 20):
            await pilot.resize_terminal(60, height)
            await settle(app, pilot)
            assert app.view.follow and app.rows[-1] == "    Text 49"
        assert (False, 0) not in app.seen


async def test_a_resize_keeps_what_is_at_the_top() -> None:
    app = StreamApp([Text(key=str(n), text=f"Text {n} " + "words " * 60) for n in range(200)])
    async with app.run_test(size=(100, 20)) as pilot:
        await press(pilot, "pageup", "pageup", "pageup")
        event = app.view.page.events[app.view.viewport.first]
        await pilot.resize_terminal(50, 30)
        await pilot.pause()
        assert app.view.page.events[app.view.viewport.first] is event
        assert all(len(row) <= 49 for row in app.rows)


async def test_another_session_begins_at_its_own_end() -> None:
    app = StreamApp(texts(100))
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "home", "space")
        app.view.show([Text(key="x", text="Other")], key="other")
        await pilot.pause()
        assert app.rows[0] == "    Other" and app.view.current is None and app.view.key == "other"


# Turns and events


async def test_brackets_go_from_prompt_to_prompt() -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 12)) as pilot:
        tops = []
        for _ in range(4):
            await press(pilot, "left_square_bracket")
            tops.append(app.view.turn.number if app.view.turn else 0)
        assert tops == [3, 2, 1, 1]
        assert app.rows[0].startswith("▎ 1 ❯ Design a rate limiter")
        await press(pilot, "right_square_bracket")
        assert app.rows[0].startswith("▎ 2 ❯ Look how others")
        await press(pilot, "right_square_bracket", "right_square_bracket")
        assert app.view.follow


async def test_a_turn_is_found_by_number_and_by_key() -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        assert app.view.go_to_turn(2) and app.view.turn and app.view.turn.key == "p2"
        assert app.view.go_to_turn("p1") and app.view.turn.number == 1
        assert not app.view.go_to_turn("gone") and app.view.turn.number == 1


async def test_space_folds_what_the_cursor_is_on() -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 30)) as pilot:
        await press(pilot, "left_square_bracket", "j")
        assert app.rows[-3].startswith("▎   ┊ thinking  The window needs")
        await press(pilot, "space")
        assert app.rows[-3].startswith("▎   ┊ thinking") and "two counters" in app.rows[-2]
        await press(pilot, "space")
        assert app.rows[-3].startswith("▎   ┊ thinking  The window needs")


async def test_a_click_on_a_folded_head_unfolds_it() -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 30)) as pilot:
        await press(pilot, "home")
        y = next(y for y, row in enumerate(app.rows) if "┊ thinking" in row)
        await pilot.click(StreamView, offset=(8, y))
        assert "fixed window would cut" in app.rows[y + 2]
        await pilot.click(StreamView, offset=(8, y))
        assert "fixed window would cut" not in app.rows[y + 2]


async def test_the_cursor_shows_only_where_keys_go() -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 30)) as pilot:
        await press(pilot, "k")
        assert any(row.startswith("▎") for row in app.rows)
        app.screen.set_focus(None)
        await pilot.pause()
        assert not any(row.startswith("▎") for row in app.rows)


# Search


async def test_search_goes_to_hits_and_counts_them() -> None:
    app = StreamApp(
        [Text(key=str(n), text=f"Text {n}" + " bucket" * (n % 10 == 3)) for n in range(300)]
    )
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.pause()
        app.view.find("bucket")
        await settle(app, pilot)
        assert any("Text 293 bucket" in row for row in app.rows)
        assert app.seen[-1] == Found(30, 30, True)
        await press(pilot, "N", "N")
        assert any("Text 273 bucket" in row for row in app.rows)
        await press(pilot, "n")
        assert app.seen[-1] == Found(29, 30, True)
        app.view.find("")
        await pilot.pause()
        assert app.seen[-1] is None


async def test_hits_are_marked() -> None:
    app = StreamApp([Text(key="a", text="a bucket, and another bucket")])
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        app.view.find("bucket")
        await pilot.pause()
        marked = [s for s in app.view.render_line(0) if s.text == "bucket"]
        assert len(marked) == 2 and marked[0].style.bgcolor != marked[1].style.bgcolor
        app.view.end_search()
        assert not [s for s in app.view.render_line(0) if s.text == "bucket"]


async def test_without_a_search_its_keys_are_left_to_the_screen() -> None:
    class Screened(StreamApp):
        BINDINGS: ClassVar = [("n", "new", "New")]
        made = 0

        def action_new(self) -> None:
            self.made += 1

    app = Screened()
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "n")
        assert app.made == 1
        app.view.find("limiter")
        await press(pilot, "n")
        assert app.made == 1


# Selection


async def select(pilot: Pilot[None], start: tuple[int, int], end: tuple[int, int]) -> str:
    await pilot.mouse_down(StreamView, offset=start)
    await pilot.hover(StreamView, offset=end)
    await pilot.mouse_up(StreamView, offset=end)
    await pilot.pause()
    return pilot.app.screen.get_selected_text() or ""


async def test_selected_text_is_copied_as_it_was_before_it_was_wrapped() -> None:
    words = " ".join(f"word{n}" for n in range(30))
    listed = f"- {words}\n    indented\n```\n{words}\n```"
    app = StreamApp([Text(key="a", text=words), Text(key="b", text=listed)])
    async with app.run_test(size=(40, 40)) as pilot:
        await pilot.pause()
        last = max(y for y, row in enumerate(app.rows) if row)
        assert await select(pilot, (0, 0), (38, last)) == (
            f"{words}\n\n• {words}\n    indented\n{words}"
        )
        selected = app.view.render_line(0)
        plain = {segment.style.bgcolor for segment in selected if "word" in segment.text}
        assert plain == {app.screen.get_component_rich_style("screen--selection").bgcolor}


async def test_a_selection_stays_on_its_text_when_events_come_in_before_it() -> None:
    app = StreamApp(texts(60, 50))
    async with app.run_test(size=(40, 30)) as pilot:
        await pilot.pause()
        y = next(y for y, row in enumerate(app.rows) if "Text 55" in row)
        assert await select(pilot, (4, y), (10, y)) == "Text 55"
        app.view.changed(0, texts(60))
        await pilot.pause()
        assert app.screen.get_selected_text() == "Text 55"


async def test_a_second_click_selects_a_word_and_a_third_the_event() -> None:
    app = StreamApp([Text(key="a", text="中文 see src/limiter.py here")])
    async with app.run_test(size=(50, 5)) as pilot:
        await pilot.pause()
        await pilot.click(StreamView, offset=(16, 0), times=2)
        assert app.screen.get_selected_text() == "src/limiter.py"
        await pilot.click(StreamView, offset=(16, 0), times=3)
        assert app.screen.get_selected_text() == "中文 see src/limiter.py here"


# The pager


async def test_enter_shows_an_event_in_full_and_raw() -> None:
    app = StreamApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "home")
        app.view.viewport.cursor = next(
            i for i, e in enumerate(app.view.page.events) if e.key == "b"
        )
        await press(pilot, "enter")
        assert isinstance(app.screen, EventPager)
        view = app.screen.query_one(StreamView)
        shown = [view.render_line(y).text for y in range(view.size.height)]
        assert "pytest -q" in shown[0] and "tests/test_20.py" in "".join(shown)
        await press(pilot, "r")
        shown = [view.render_line(y).text.strip() for y in range(view.size.height)]
        assert shown[0] == "{" and shown[1] == '"event": "ToolCall",'
        await press(pilot, "r", "y")
        assert app.clipboard.startswith("Bash\n") and app.clipboard.endswith("41 passed")
        await press(pilot, "enter")
        assert not isinstance(app.screen, EventPager)


async def test_the_pager_takes_a_megabyte_on_one_line() -> None:
    app = StreamApp([Text(key="a", text="word " * 200_000)])
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "enter", "end")
        view = app.screen.query_one(StreamView)
        shown = "".join(view.render_line(y).text for y in range(view.size.height))
        assert "900 kB more" in shown


# How often it draws


@contextmanager
def drawn(view: StreamView) -> Iterator[list[int]]:
    """The rows that are drawn meanwhile."""
    rows: list[int] = []
    original = view.render_line
    view.render_line = lambda y: rows.append(y) or original(y)  # type: ignore[method-assign]
    yield rows
    view.render_line = original  # type: ignore[method-assign]


async def test_a_key_draws_each_row_of_the_screen_once() -> None:
    app = StreamApp(texts(1_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        for key in ("up", "pageup", "k", "home", "end"):
            with drawn(app.view) as rows:
                await press(pilot, key)
            assert len(rows) <= 24, key


async def test_a_thousand_deltas_between_two_frames_are_laid_out_once() -> None:
    feed = Feed()
    feed.push(Prompted(turn="p", text="Go"))
    feed.take()
    app = StreamApp(feed.events)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        with drawn(app.view) as rows:
            for number in range(1_000):
                feed.push(Delta(message_id="m", index=0, kind=DeltaKind.TEXT, text=f"w{number} "))
                changed = feed.take()
                assert changed is not None and changed.start is not None
                app.view.changed(changed.start, feed.events)
            await pilot.pause()
            await pilot.pause()
        assert len(rows) <= 3 * 24  # a frame, and one for the screen that scrolls
        assert "w999" in " ".join(app.rows)


async def test_what_changes_below_the_screen_is_not_drawn() -> None:
    app = StreamApp(texts(200))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "home")
        app.view.changed(200, texts(201))
        await pilot.pause()
        await settle(app, pilot)
        with drawn(app.view) as rows:
            app.view.changed(201, texts(202))
            await pilot.pause()
        assert set(rows) <= {23}  # the mark, which counts


async def test_nothing_is_drawn_or_timed_when_nothing_happens() -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        app.view._idle_step()
        with drawn(app.view) as rows:
            for _ in range(5):
                await pilot.pause()
        assert rows == []
        assert app.view._idle is None or not app.view._idle._active.is_set()


async def test_more_coming_in_does_not_lay_the_screen_out_anew() -> None:
    app = StreamApp(texts(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        layouts = 0
        original = app.screen._refresh_layout

        def counting(*arguments: object, **more: object) -> None:
            nonlocal layouts
            layouts += 1
            original(*arguments, **more)  # type: ignore[arg-type]

        app.screen._refresh_layout = counting  # type: ignore[method-assign]
        for count in range(101, 130):
            app.view.changed(count - 1, texts(count))
            await pilot.pause()
        assert layouts == 0 and app.rows[-1] == "    Text 128"


# How it looks


@pytest.mark.parametrize("theme", sorted(BUILTIN_THEMES))
async def test_every_theme_has_all_colours(theme: str) -> None:
    app = StreamApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = theme
        await press(pilot, "home")
        assert "Design a rate limiter" in app.rows[0]
        palette = app.view._palette
        assert palette
        for name in (
            "muted",
            "guide",
            "tool",
            "code",
            "ok",
            "error",
            "added-line",
            "match",
            "badge",
        ):
            assert palette[name], name  # it can be told from plain text


@pytest.mark.parametrize(("size", "keys"), [((110, 120), []), ((80, 24), ["left_square_bracket"])])
def test_a_rich_stream_looks_as_it_did(snap_compare, size, keys) -> None:
    assert snap_compare(StreamApp(), terminal_size=size, press=keys)


def test_the_pager_looks_as_it_did(snap_compare) -> None:
    app = StreamApp(
        [event for event in sample().events if isinstance(event, Prompt) or event.key == "e"]
    )
    assert snap_compare(app, terminal_size=(100, 24), press=["k", "k", "k", "k", "enter"])
