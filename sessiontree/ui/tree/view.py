"""The widget: a cursor over the rows of a forest, by keys and by mouse.

It asks `Rows` what there is, draws only the lines that are on screen, and says by messages what a
person did. A key repaints two lines; nothing happens while nothing changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from sessiontree.model.filter import spans
from sessiontree.model.forest import Forest
from sessiontree.model.rows import Key, Kind, Row, Rows
from sessiontree.ui.tree.empty import help_lines
from sessiontree.ui.tree.face import face
from sessiontree.ui.tree.paint import guides, paint

SPIN_SECONDS = 1 / 8
AGE_SECONDS = 30.0
"""How often the ages on screen are renewed."""


class TreeView(ScrollView, can_focus=True):
    """`now` gives seconds since the epoch; `home` is the folder shown as `~`."""

    DEFAULT_CSS = Path(__file__).with_name("tree.tcss").read_text()
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"tree--{part}"
        for part in (
            *("base", "session", "turn", "gone", "project", "dim", "guide", "fork", "running"),
            *("live", "waiting", "failed", "chosen", "note", "marked", "match", "hover", "cursor"),
        )
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("left,h", "fold", "Fold, or to the row above", show=False),
        Binding("right,l", "unfold", "Unfold, or to the row below", show=False),
        Binding("g,home", "first", "First", show=False),
        Binding("G,end", "last", "Last", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("enter", "open", "Open", show=False),
        Binding("space", "mark", "Mark for comparing", show=False),
    ]

    @dataclass
    class Selected(Message):
        """The cursor came to another row. `session` is "" on the row of a project; `turn` is
        None on a session's own row and on a turn that has only begun."""

        session: str
        turn: str | None

    @dataclass
    class Opened(Message):
        """Enter, or a double click."""

        session: str
        turn: str | None

    @dataclass
    class Marked(Message):
        """What is marked now, in the order of marking."""

        marked: list[tuple[str, str | None]]

    def __init__(
        self,
        forest: Forest,
        *,
        now: Callable[[], float] = time.time,
        home: str | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.rows = Rows(forest)
        self.cursor = 0
        """Index of the row with the cursor."""
        self.marked: dict[Key, tuple[str, str | None]] = {}
        self._now = now
        self._home = home
        self._row: Row | None = None  # the row with the cursor, also when it has gone
        self._said: Key | None = None  # the row that was last told of
        self._before_filter: tuple[Row | None, float] | None = None
        self._styles: dict[tuple[str, str], Style] = {}
        self._hover = -1
        self._frame = 0
        self._spinners: dict[int, int] = {}  # line on screen → cell of its spinner
        self._spinning: Timer | None = None

    # what others ask -------------------------------------------------------------------------

    def refresh_rows(self) -> None:
        """Show what changed in the forest. The cursor keeps its row, and the row its place on
        screen."""
        self._keeping_place(self.rows.sync)

    @property
    def selected(self) -> tuple[str, str | None]:
        """Session and turn under the cursor; the session is "" where there is none."""
        row = self.current
        return self._target(row) if row else ("", None)

    @property
    def current(self) -> Row | None:
        return self.rows.list[self.cursor] if self.cursor < len(self.rows.list) else None

    def select(self, session: str, turn: str | None = None) -> bool:
        """Put the cursor on a session or a turn, whatever has to be unfolded, unfiltered or
        brought back into view for it. False where it is not in scope, or not known at all."""
        index = self.rows.reveal(session, turn or "")
        if index is None and self.rows.query:
            self.filter("")
            index = self.rows.reveal(session, turn or "")
        if index is None and not self.rows.show_all and session in self.rows.forest:
            self.rows.show_all = True
            index = self.rows.reveal(session, turn or "")
        if index is None:
            self._rows_changed()
            return False
        self._row = self.rows.list[index]
        self._rows_changed()
        return True

    def filter(self, query: str) -> None:
        """Show only what matches; "" brings the view back as it was before."""
        if query.split() and self._before_filter is None:
            self._before_filter = (self._row, self.scroll_y)
        self.rows.filter(query)
        if self.rows.query:
            hits = (row for row in self.rows.list if self.rows.is_hit(row))
            if self._row is None or self.rows.index(self._row.key) is None:
                self._row = next(hits, self._row)
            self._rows_changed()
        elif self._before_filter is not None:
            (self._row, scroll), self._before_filter = self._before_filter, None
            self._rows_changed()
            self.scroll_to(y=scroll, animate=False)

    def keep_filtered(self) -> None:
        """End filtering with the cursor where it is now."""
        row = self._row
        self._before_filter = None
        self.rows.filter("")
        if row is None or not self.select(*self._target(row)):
            self._rows_changed()

    def set_scope(self, scope: str) -> None:
        """Show one project (its folder) or, with "", all."""
        self.rows.scope = scope
        if self._row is not None:
            session, turn = self._target(self._row)
            self.rows.reveal(session, turn or "")
        self._rows_changed()

    def show_all(self, show_all: bool) -> None:
        """Show or hide what was put away or discarded."""

        def change() -> None:
            self.rows.show_all = show_all

        self._keeping_place(change)

    def resort(self) -> None:
        """Put the families that were at work last on top."""
        self._keeping_place(self.rows.resort)

    # keys ------------------------------------------------------------------------------------

    def action_cursor_up(self) -> None:
        self._go(self.cursor - 1)

    def action_cursor_down(self) -> None:
        self._go(self.cursor + 1)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self.rows) - 1)

    def action_page_up(self) -> None:
        self._go(self.cursor - max(self.size.height - 1, 1))

    def action_page_down(self) -> None:
        self._go(self.cursor + max(self.size.height - 1, 1))

    def action_fold(self) -> None:
        """Fold the row; where there is nothing to fold go to the row that it hangs below."""
        row = self.current
        if row is None:
            return
        if row.kind is not Kind.TURN and self.rows.is_open(row) and self.rows.can_fold(row):
            self._toggle(self.cursor)
        elif row.parent is not None:
            self._go(self.rows.index(row.parent.key) or 0)

    def action_unfold(self) -> None:
        """Unfold the row; where it is unfolded go to the first row below it."""
        row = self.current
        if row is None or not self.rows.can_fold(row):
            return
        if self.rows.is_open(row):
            self._go(self.cursor + 1)
        else:
            self._toggle(self.cursor)

    def action_open(self) -> None:
        row = self.current
        if row is None:
            return
        if row.kind in (Kind.PROJECT, Kind.GROUP):
            self._toggle(self.cursor)
        else:
            self.post_message(self.Opened(*self._target(row)))

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go on to the next."""
        row = self.current
        if row is None or row.kind in (Kind.PROJECT, Kind.GROUP):
            return
        if self.marked.pop(row.key, None) is None:
            self.marked[row.key] = self._target(row)
        self.refresh_line(self.cursor)
        self.post_message(self.Marked(list(self.marked.values())))

    def clear_marks(self) -> None:
        self.marked.clear()
        self.refresh()
        self.post_message(self.Marked([]))

    def action_parent(self) -> None:
        """To the turn at which the session left its parent."""
        session, _ = self.selected
        forest = self.rows.forest
        parent = forest.parent(session)
        if parent is not None:
            link = forest.link(session)
            self.select(parent, link.turn if link else None)

    def action_next_active(self) -> None:
        """To the next session with a run."""
        session = self.rows.forest.next_active(self.selected[0])
        if session is not None:
            self.select(session)

    # mouse -----------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        index = self._index_at(event.y)
        if index is None:
            return
        row = self.rows.list[index]
        place = guides(self.rows, row, self.size.width)
        on_arrow = event.x in (len(place.text) + 1, len(place.text) + 2)
        self._go(index)
        if on_arrow and self.rows.can_fold(row) and row.kind is not Kind.TURN:
            self._toggle(index)
        elif event.chain == 2:
            self.action_open()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        index = self._index_at(event.y)
        self._set_hover(-1 if index is None else index)

    def on_leave(self) -> None:
        self._set_hover(-1)

    def _index_at(self, y: int) -> int | None:
        index = y + self.scroll_offset.y
        return index if 0 <= index < len(self.rows) else None

    def _set_hover(self, index: int) -> None:
        old, self._hover = self._hover, index
        if old != index:
            self.refresh_line(old)
            self.refresh_line(index)

    # moving ----------------------------------------------------------------------------------

    def _go(self, index: int) -> None:
        """Put the cursor on a row, or on the last before or behind it that there is."""
        index = max(0, min(index, len(self.rows) - 1))
        if index == self.cursor or not self.rows.list:
            return
        self.refresh_line(self.cursor)
        self.cursor = index
        self.refresh_line(index)
        self._scroll_to_cursor()
        self._say_selected()

    def _toggle(self, index: int) -> None:
        self.rows.toggle(self.rows.list[index])
        self._rows_changed()

    def _keeping_place(self, change: Callable[[], object]) -> None:
        """Change the rows; the row with the cursor stays on its line of the screen, or the top
        row does while the cursor is off screen."""
        top = self.scroll_offset.y
        line = self.cursor - top
        on_screen = 0 <= line < self.size.height
        anchor = self.current if on_screen else self._row_at(top)
        change()
        self._rows_changed(follow=False)
        if anchor is not None:
            index = self.rows.stand_in(anchor, top + line if on_screen else top)
            moved = index - (line if on_screen else 0)
            if moved != self.scroll_offset.y:
                self.scroll_to(y=moved, animate=False)

    def _row_at(self, index: int) -> Row | None:
        return self.rows.list[index] if index < len(self.rows) else None

    def _rows_changed(self, *, follow: bool = True) -> None:
        """Find the cursor's row again and draw what is on screen."""
        self.virtual_size = Size(self.size.width, len(self.rows))
        if self._row is not None:
            self.cursor = self.rows.stand_in(self._row, self.cursor)
        else:
            self.cursor = 0
        self.refresh()
        if follow:
            self._scroll_to_cursor()
        self._say_selected()
        self._spin()

    def _scroll_to_cursor(self) -> None:
        if self.size.height:
            region = Region(0, self.cursor, 1, 1)
            self.scroll_to_region(region, animate=False, force=True)

    def _say_selected(self) -> None:
        self._row = row = self.current
        if row is not None and row.key != self._said:
            self._said = row.key
            self.post_message(self.Selected(*self._target(row)))

    # drawing ---------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._spinning = self.set_interval(SPIN_SECONDS, self._turn_spinners, pause=True)
        self.set_interval(AGE_SECONDS, self.refresh)
        self._rows_changed()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows))
        self._scroll_to_cursor()

    def _spin(self) -> None:
        if self._spinning is not None:
            active = self.rows.forest.active and self.app.animation_level != "none"
            (self._spinning.resume if active else self._spinning.pause)()

    def _turn_spinners(self) -> None:
        """One cell for each spinner on screen."""
        if self._spinners:
            self._frame += 1
            self.refresh(*(Region(x, y, 1, 1) for y, x in self._spinners.items()))

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.size.width
        self._spinners.pop(y, None)
        if index >= len(self.rows):
            return self._empty_line(y, width)
        row = self.rows.list[index]
        says = face(self.rows, row, self._now(), self._home)
        painted = paint(
            says,
            guides(self.rows, row, width),
            width,
            self._style_on(index),
            marked=row.key in self.marked,
            frame=self._frame,
            spans=spans(self.rows.query, says.label) if self.rows.is_hit(row) else (),
        )
        if painted.spinner is not None:
            self._spinners[y] = painted.spinner
        return painted.strip

    def _style_on(self, index: int) -> Callable[[str], Style]:
        """The styles of the parts of a row, on the ground that it has."""
        ground = "base"
        if index == self.cursor:
            ground = "cursor"
        elif index == self._hover:
            ground = "hover"
        return partial(self._style, ground)

    def _style(self, ground: str, part: str) -> Style:
        """Textual blends a component's colour with the widget's ground, not with another
        component's: so this does it."""
        style = self._styles.get((ground, part))
        if style is None:
            under = self.get_component_rich_style(f"tree--{ground}")
            over = self.get_component_styles(f"tree--{part}")
            color = over.color if over.has_rule("color") else self.styles.color
            back = Color.from_rich_color(under.bgcolor)
            style = under + over.text_style + Style(color=(back + color).rich_color)
            self._styles[ground, part] = style
        return style

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def _empty_line(self, y: int, width: int) -> Strip:
        lines = [] if self.rows.list else help_lines(self.rows, width - 2)
        text = f" {lines[y]}" if y < len(lines) else ""
        style = self._style("base", "dim")
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _target(self, row: Row) -> tuple[str, str | None]:
        """The session and the turn that a row stands for."""
        match row.kind:
            case Kind.PROJECT:
                return "", None
            case Kind.GROUP:
                return self._target(row.parent) if row.parent else ("", None)
            case Kind.ARM:
                return row.session, self.rows.forest.arms(row.session).lines[row.turn][-1].id
        return row.session, row.turn or None
