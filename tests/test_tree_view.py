"""The tree on a screen: keys, the mouse, what it says, and how often it draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES
from textual.widgets import Static

from sessiontree.model.forest import Forest
from sessiontree.model.overlay import Overlay, Status
from sessiontree.model.rows import Key, Kind
from sessiontree.ui.tree import TreeView
from tests.test_forest import chain
from tests.tree_scene import DAY, HOUR, NOW, fork, line, scene, session

pytestmark = pytest.mark.anyio


class TreeApp(App[None]):
    """A tree beside something else, `width` cells wide."""

    CSS = "Static { width: 1fr; padding: 0 1; }"

    def __init__(
        self,
        forest: Forest | None = None,
        *,
        width: int = 48,
        theme: str = "textual-dark",
        unfolded: bool = False,
    ) -> None:
        super().__init__()
        self.view = TreeView(
            scene() if forest is None else forest,
            now=lambda: NOW,
            home="/home/ann",
            opened=lambda session: self.opened.append(session),
        )
        self.view.styles.width = width
        self.theme = theme
        self.unfolded = unfolded
        self.seen: list[tuple[str, str | None]] = []
        self.opened: list[str] = []
        self.marked: list[tuple[str, str | None]] = []
        self.animation_level = "none"

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.view
            yield Static("The stream of what is selected")

    def on_mount(self) -> None:
        if self.unfolded:
            self.view.rows.unfold(self.view.rows.forest)
            self.view.refresh_rows()
        self.view.focus()

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without what is at the right of each label."""
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]

    @property
    def keys(self) -> list[tuple[str, str]]:
        return [(row.session, row.turn) for row in self.view.rows.list]

    def on_tree_view_selected(self, message: TreeView.Selected) -> None:
        self.seen.append((message.session, message.turn))

    def on_tree_view_marked(self, message: TreeView.Marked) -> None:
        self.marked = message.marked


ROOTS = [("design", ""), ("login", ""), ("lost", ""), ("broken", "")]
DESIGN = [
    ("d1", False),
    ("d2x", False),
    ("d2", False),
    ("gcra", True),
    ("window", True),
    ("d3", False),
    ("fan", False),
]


# keys -----------------------------------------------------------------------------------------


async def test_keys_move_fold_and_say_what_is_selected() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.keys == ROOTS
        await pilot.press("j", "down", "k", "up", "up")
        assert app.seen == [
            ("design", None),
            ("login", None),
            ("lost", None),
            ("login", None),
            ("design", None),
        ]
        await pilot.press("l", "l")
        assert app.view.selected == ("design", "d1")
        await pilot.press("h", "h")
        assert app.keys == ROOTS
        await pilot.press("G")
        assert app.view.selected == ("broken", None)
        await pilot.press("g")
        assert app.view.selected == ("design", None)


async def test_left_on_a_fork_goes_to_the_turn_that_it_left() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.view.select("proof")
        await pilot.press("h")
        assert app.view.selected == ("gcra", "g1")
        await pilot.press("h", "h")
        assert app.view.selected == ("gcra", None)
        await pilot.press("h")
        assert app.view.selected == ("design", "d2")


async def test_enter_opens_and_unfolds_what_has_nothing_to_open() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("l", "j", "enter")
        assert app.opened == ["design"]
        app.view.select("way1")
        app.view.action_fold()
        assert app.view.current is not None and app.view.current.turn == "fan"
        rows = len(app.view.rows)
        await pilot.press("enter")
        assert len(app.view.rows) == rows - 3
        assert len(app.opened) == 1


async def test_an_arm_stands_for_its_last_turn() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)):
        app.view.select("design", "d2x")
        assert app.view.selected == ("design", "d2x")
        app.view.action_fold()
        assert app.view.current is not None and app.view.current.kind == "arm"
        assert app.view.selected == ("design", "d2x")


async def test_pages_and_ends_keep_the_cursor_on_screen() -> None:
    app = TreeApp(chain(200), unfolded=True)
    async with app.run_test(size=(100, 20)) as pilot:
        for key, index in (("pagedown", 19), ("pagedown", 38), ("pageup", 19), ("end", 599)):
            await pilot.press(key)
            assert app.view.cursor == index
            assert 0 <= index - app.view.scroll_offset.y < 20
        await pilot.press("home")
        assert app.view.scroll_offset.y == 0


async def test_unfolding_brings_what_is_below_on_screen() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 6)) as pilot:
        await pilot.press("j", "l")
        assert app.keys[1:7] == [("login", ""), *(("login", f"l{n}") for n in range(1, 6))]
        assert app.view.scroll_offset.y == 1


async def test_a_fan_out_that_is_gone_to_shows_its_ways() -> None:
    app = TreeApp()
    async with app.run_test(size=(80, 4)) as pilot:
        app.view.select("way1")
        assert app.view.current is not None
        group = app.view.current.parent
        assert group is not None and group.kind is Kind.GROUP
        await pilot.press("g")
        while app.view.rows.list[app.view.cursor + 1] is not group:
            await pilot.press("j")
        assert app.view.select_group("way1")
        await pilot.pause()
        at = [app.view.rows.index(Key(Kind.SESSION, id)) for id in app.view.rows.members(group)]
        top = app.view.scroll_offset.y
        assert [top, *at] == list(range(app.view.cursor, app.view.cursor + 4))


async def test_everything_below_a_session_unfolds_with_one_key() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("shift+right")
        assert {"gcra", "proof", "window", "way3", "after"} <= {id for id, _ in app.keys}
        assert ("login", "l1") not in app.keys


async def test_marks_come_in_order_and_go_with_their_session() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("j", "space", "k", "space")
        assert app.marked == [("login", None), ("design", None)]
        assert app.lines[0].startswith("◆")
        await pilot.press("space")
        assert app.marked == [("login", None)]
        app.view.rows.forest.remove("login")
        app.view.refresh_rows()
        await pilot.pause()
        assert app.marked == []


async def test_to_the_parent_and_to_what_runs() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)):
        view = app.view
        view.select("proof")
        view.action_parent()
        assert view.selected == ("gcra", "g1")
        view.action_parent()
        assert view.selected == ("design", "d2")
        view.action_parent()
        assert view.selected == ("design", "d2")
        view.action_next_active()
        assert view.selected == ("proof", None)
        view.action_next_active()
        assert view.selected == ("way1", None)


async def test_a_shared_turn_is_selected_where_it_belongs() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)):
        assert app.view.select("proof", "d1")
        assert app.view.selected == ("design", "d1")
        assert not app.view.select("nobody")
        assert app.view.selected == ("design", "d1")


# the mouse ------------------------------------------------------------------------------------


async def test_clicks_select_fold_and_open() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.click(app.view, offset=(10, 2))
        assert app.view.selected == ("lost", None)
        await pilot.click(app.view, offset=(1, 0))
        assert app.view.selected == ("design", None)
        assert ("design", "d1") in app.keys
        await pilot.click(app.view, offset=(1, 0))
        assert app.keys == ROOTS
        await pilot.click(app.view, offset=(10, 1), times=2)
        assert app.opened == ["login"]
        await pilot.click(app.view, offset=(10, 20))
        assert app.view.selected == ("login", None)


async def test_the_row_under_the_mouse_lights_up() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        plain = app.view.render_line(2)
        await pilot.hover(app.view, offset=(10, 3))
        await settle(pilot)
        with counting(app.view) as drawn:
            await pilot.hover(app.view, offset=(10, 2))
            await settle(pilot)
        assert sorted(drawn) == [2, 3]
        assert app.view.render_line(2) != plain
        await pilot.hover(Static, offset=(5, 5))
        assert app.view.render_line(2) == plain


# changes --------------------------------------------------------------------------------------


async def test_the_row_with_the_cursor_stays_where_it_is_while_others_come() -> None:
    app = TreeApp(chain(100), unfolded=True)
    async with app.run_test(size=(100, 20)) as pilot:
        app.view.select("s00050")
        await pilot.pause()
        line_before = app.view.cursor - app.view.scroll_offset.y
        forest = app.view.rows.forest
        for number in range(3):
            forest.put(session(f"n{number}", line(f"n{number}-", ["New"], 0), -HOUR))
            forest.put(session(f"f{number}", line(f"f{number}-", ["Fork"], 0), 0))
            forest.put_link(
                fork(f"f{number}", *(("s00010", "10-1"), ("s00049", "49-1"))[number % 2])
            )
        app.view.refresh_rows()
        await pilot.pause()
        assert app.view.selected == ("s00050", None)
        assert app.view.cursor - app.view.scroll_offset.y == line_before
        app.view.scroll_to(y=40, animate=False)
        top = app.view.rows.list[40].key
        forest.put(session("n9", line("n9", ["New"], 0), -2 * HOUR))
        app.view.refresh_rows()
        await pilot.pause()
        assert app.view.rows.list[app.view.scroll_offset.y].key == top


async def test_the_cursor_goes_up_when_its_row_is_folded_or_gone() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)):
        view = app.view
        view.select("proof", "p1")
        view.rows.toggle(view.rows.list[0])
        view.refresh_rows()
        assert view.selected == ("design", None)
        view.select("proof", "p1")
        view.rows.forest.remove("proof")
        view.refresh_rows()
        assert view.selected == ("gcra", "g1")


async def test_the_cursor_follows_a_running_turn_into_the_transcript() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)):
        view, forest = app.view, app.view.rows.forest
        view.select("window")
        view.action_unfold()
        for _ in range(3):
            view.action_cursor_down()
        assert view.current is not None and view.current.turn == "live"
        assert view.selected == ("window", None)
        was = forest.session("window")
        assert was is not None
        forest.put(session("window", (*was.turns, *line("w9", ["Plot the difference"], 0)), 0))
        view.refresh_rows()
        assert view.selected == ("window", "w91")


async def test_what_was_put_away_comes_back_when_it_is_asked_for() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)):
        assert "idea" not in dict(app.keys)
        assert app.view.select("idea")
        assert app.view.selected == ("idea", None)
        assert app.view.rows.show_all
        assert "put away" in app.lines[4]


async def test_several_projects_have_a_row_each() -> None:
    forest = scene()
    for number in range(3):
        folder = "/home/ann/site"
        forest.put(session(f"x{number}", line(f"x{number}", ["Task"], DAY), DAY, folder))
    forest.overlay("x1", Overlay(status=Status.RUNNING, since=NOW))
    app = TreeApp(forest)
    async with app.run_test(size=(100, 30)) as pilot:
        assert [line.split()[1] for line in app.lines[:2]] == ["~/limiter", "~/site"]
        assert "running" in app.lines[1]
        assert app.view.selected == ("", None)
        await pilot.press("enter", "j")
        assert app.view.selected == ("design", None)
        app.view.rows.scope = lambda session: session.cwd == "/home/ann/site"
        app.view.refresh_rows()
        assert [id for id, _ in app.keys] == ["x0", "x1", "x2"]


# filter ---------------------------------------------------------------------------------------


async def test_filtering_goes_to_the_first_hit_and_back_to_where_one_was() -> None:
    app = TreeApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.view.select("rust")
        before = app.keys
        app.view.filter("bench")
        assert app.view.selected == ("window", "w2")
        app.view.filter("benchmark bo")
        assert app.view.selected == ("window", "w2")
        assert [id for id, _ in app.keys] == ["design", "design", "window", "window"]
        app.view.filter("nothing like it")
        await pilot.pause()
        said = " ".join(" ".join(app.lines).split())
        assert "Nothing matches ‹nothing like it›." in said
        assert "What was put away is not looked through: esc brings the tree back" in said
        app.view.filter("")
        assert app.keys == before
        assert app.view.selected == ("rust", None)
        app.view.filter("bench")
        app.view.keep_filtered()
        assert app.view.selected == ("window", "w2")
        assert not app.view.rows.query


async def test_after_filtering_the_same_part_is_on_screen() -> None:
    app = TreeApp(chain(100), unfolded=True)
    async with app.run_test(size=(100, 20)):
        app.view.select("s00050")
        app.view.scroll_to(y=app.view.cursor - 3, animate=False)
        before = app.view.scroll_offset
        app.view.filter("step 9")
        assert app.view.scroll_offset != before
        app.view.filter("")
        assert app.view.scroll_offset == before


async def test_filtering_thousands_gets_ready_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiontree.ui.tree.view.SLICE_SECONDS", 0.0)
    app = TreeApp(chain(300))
    async with app.run_test(size=(100, 30)) as pilot:
        app.view.filter("s")
        app.view.filter("step 299")
        assert not app.view.rows.query
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.view.rows.query == "step 299"
        assert app.view.selected == ("s00299", None)
        app.view.rows.forest.put(session("new", line("n", ["Stop"], 0), 0))
        app.view.refresh_rows()
        app.view.filter("stop")
        app.view.filter("")
        await app.workers.wait_for_complete()
        assert not app.view.rows.query


# nothing there --------------------------------------------------------------------------------


async def test_an_empty_tree_says_what_to_do() -> None:
    app = TreeApp(Forest())
    app.view.reading = True
    async with app.run_test(size=(60, 10)) as pilot:
        assert "Looking for sessions" in app.lines[1]
        app.view.reading = False
        assert "No sessions here yet." in app.lines[1]
        await pilot.press("j", "k", "l", "h", "g", "G", "enter", "space", "pagedown")
        await pilot.click(app.view, offset=(5, 5))
        app.view.action_parent()
        app.view.action_next_active()
        assert app.view.selected == ("", None)
        app.view.rows.forest.put(session("s", line("s", ["One"], 0), 0))
        app.view.refresh_rows()
        await pilot.pause()
        assert app.seen == [("s", None)]
        app.view.rows.forest.overlay("s", Overlay(hidden=True))
        app.view.refresh_rows()
        assert "put away" in app.lines[1]


# how often it draws ---------------------------------------------------------------------------


@contextmanager
def counting(view: TreeView) -> Iterator[list[int]]:
    """The lines of the screen that are drawn."""
    drawn: list[int] = []
    real = view.render_line

    def render_line(y: int):  # type: ignore[no-untyped-def]
        drawn.append(y)
        return real(y)

    view.render_line = render_line  # type: ignore[method-assign]
    yield drawn
    del view.render_line  # type: ignore[method-assign]


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.pause()


async def test_a_key_draws_two_lines_however_many_rows_there_are() -> None:
    app = TreeApp(chain(3000), unfolded=True)
    async with app.run_test(size=(100, 40)) as pilot:
        app.view.select("s01500")
        await settle(pilot)
        with counting(app.view) as drawn:
            app.view.action_cursor_down()
            await settle(pilot)
        assert len(drawn) == 2


async def test_a_change_elsewhere_draws_no_more_than_the_screen() -> None:
    app = TreeApp(chain(1000), unfolded=True)
    async with app.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        with counting(app.view) as drawn:
            app.view.rows.forest.put(session("new", line("n", ["New"], 0), 0))
            app.view.rows.forest.put_link(fork("new", "s00900", "900-1"))
            app.view.refresh_rows()
            await settle(pilot)
        assert len(drawn) <= 20


async def test_a_session_that_looks_different_draws_its_own_rows() -> None:
    app = TreeApp(chain(100), unfolded=True)
    async with app.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        with counting(app.view) as drawn:
            app.view.rows.forest.overlay("s00002", Overlay(status=Status.FAILED))
            app.view.refresh_rows()
            await settle(pilot)
            app.view.refresh_rows()
            await settle(pilot)
        assert sorted(drawn) == [6, 7, 8]
        assert "failed" in app.lines[6]


async def test_a_spinner_draws_its_lines_and_stops_when_nothing_runs() -> None:
    app = TreeApp()
    app.animation_level = "full"
    async with app.run_test(size=(100, 30)) as pilot:
        view = app.view
        view.select("window")
        await settle(pilot)
        spinners = sorted(view._spinners)
        assert len(spinners) == 3  # the fork, the fan-out, its first way
        with counting(view) as drawn:
            view._turn_spinners()
            await settle(pilot)
        assert set(drawn) >= set(spinners) and len(set(drawn) - set(spinners)) == 0
        assert view._spinning is not None and view._spinning._active.is_set()
        for id in list(view.rows.forest.active):
            view.rows.forest.overlay(id, Overlay())
        view.refresh_rows()
        await settle(pilot)
        assert not view._spinners and not view._spinning._active.is_set()


# how it looks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", sorted(BUILTIN_THEMES))
async def test_every_theme_tells_the_cursor_and_the_hits_apart(theme: str) -> None:
    app = TreeApp(theme=theme)
    async with app.run_test(size=(80, 24)):
        app.view.filter("login")
        cursor, other = app.view.render_line(0), app.view.render_line(1)
        grounds = [{segment.style.bgcolor for segment in strip} for strip in (cursor, other)]
        assert grounds[0] != grounds[1]
        assert any(segment.style.underline for segment in cursor)


@pytest.mark.parametrize(
    ("size", "width", "theme"),
    [
        ((140, 45), 53, "textual-dark"),
        ((140, 45), 53, "textual-light"),
        ((80, 24), 30, "textual-dark"),
        ((80, 24), 30, "textual-light"),
        ((50, 16), 50, "textual-dark"),
    ],
)
def test_a_rich_tree_looks_as_it_did(snap_compare, size, width, theme) -> None:  # type: ignore[no-untyped-def]
    app = TreeApp(width=width, theme=theme, unfolded=True)
    assert snap_compare(app, terminal_size=size, press=["j", "space", "j", "j"])


def test_a_deep_tree_looks_as_it_did(snap_compare) -> None:  # type: ignore[no-untyped-def]
    app = TreeApp(chain(40), width=44, unfolded=True)
    assert snap_compare(app, terminal_size=(80, 24), press=["pagedown", "pagedown"])


def test_a_filtered_tree_looks_as_it_did(snap_compare) -> None:  # type: ignore[no-untyped-def]
    app = TreeApp()

    async def typed(pilot: Pilot[None]) -> None:
        app.view.filter("gcra")

    assert snap_compare(app, terminal_size=(80, 12), run_before=typed)
