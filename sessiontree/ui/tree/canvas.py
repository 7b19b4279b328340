"""Draws rows: only the lines that are on screen, and of a spinner only its cell."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from sessiontree.model.filter import spans
from sessiontree.model.forest import Forest
from sessiontree.model.rows import Key, Kind, Rows
from sessiontree.ui.tree.empty import help_lines
from sessiontree.ui.tree.face import face
from sessiontree.ui.tree.paint import Painted, guides, paint

SPIN_SECONDS = 1 / 8
AGE_SECONDS = 30.0
"""How often the ages on screen are renewed."""

PARTS = (
    *("base", "cursor", "hover", "session", "turn", "gone", "project", "dim", "guide", "fork"),
    *("running", "live", "waiting", "failed", "chosen", "note", "marked", "match"),
)


class RowCanvas(ScrollView):
    """`now` gives seconds since the epoch; `home` is the folder shown as `~`; `opened` is called
    with the session of a row at Enter or a double click, before the next key is looked at."""

    DEFAULT_CSS = Path(__file__).with_name("tree.tcss").read_text()
    reading: reactive[bool] = reactive(False)
    """Whether more sessions are still being looked for; said while there are none."""
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tree--{part}" for part in PARTS}

    def __init__(
        self,
        forest: Forest,
        *,
        now: Callable[[], float] = time.time,
        home: str | None = None,
        opened: Callable[[str], object] = lambda session: None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.rows = Rows(forest)
        self.cursor = 0
        """Index of the row with the cursor."""
        self.marked: dict[Key, tuple[str, str | None]] = {}
        self._now = now
        self._opened = opened
        self._home = home if home is not None else str(Path.home())
        self._styles: dict[tuple[str, str], Style] = {}
        self._hover = -1
        self._frame = 0
        self._spinners: dict[int, int] = {}  # line on screen → cell of its spinner
        self._spinning: Timer | None = None

    def on_mount(self) -> None:
        self._spinning = self.set_interval(SPIN_SECONDS, self._turn_spinners, pause=True)
        self.set_interval(AGE_SECONDS, self.refresh)

    def on_resize(self) -> None:
        self._set_extent()

    def draw_rows(self) -> None:
        """Draw again what is on screen, after rows came or went."""
        self._set_extent()
        self.refresh()
        self._spin()

    def _set_extent(self) -> None:
        """Tell Textual how many rows there are. Not by assignment, which would lay the whole
        screen out anew; the scrollbar always has its cell, so nothing else has to move."""
        self.set_reactive(Widget.virtual_size, Size(self._width, len(self.rows)))
        if self.is_attached:
            self.vertical_scrollbar.window_virtual_size = len(self.rows)
            self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def draw_looks(self) -> None:
        """Draw again the rows on screen that look different, or may hide one that does."""
        looks, top = self.rows.looks, self.scroll_offset.y
        if not looks:
            return
        for index, row in enumerate(self.rows.list[top : top + self.size.height], top):
            if row.session in looks or row.kind is Kind.GROUP or not self.rows.is_open(row):
                self.refresh_line(index)
        self._spin()

    def _spin(self) -> None:
        """Let the spinners turn while something runs."""
        if self._spinning is not None:
            runs = self.rows.forest.active and self.app.animation_level != "none"
            (self._spinning.resume if runs else self._spinning.pause)()

    def _turn_spinners(self) -> None:
        if self._spinners:
            self._frame += 1
            self.refresh(*(Region(x, y, 1, 1) for y, x in self._spinners.items()))

    # lines -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        self._spinners.pop(y, None)
        if index >= len(self.rows):
            return self._empty_line(y)
        painted = self._paint(index)
        if painted.spinner is not None:
            self._spinners[y] = painted.spinner
        return painted.strip

    def _paint(self, index: int) -> Painted:
        rows, row, width = self.rows, self.rows.list[index], self._width
        says = face(rows, row, self._now(), self._home)
        return paint(
            says,
            guides(rows, row, width),
            width,
            self._styles_on(index),
            marked=row.key in self.marked,
            frame=self._frame,
            spans=spans(rows.query, says.label) if rows.query and rows.is_hit(row) else (),
        )

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _empty_line(self, y: int) -> Strip:
        lines = [] if self.rows.list else help_lines(self.rows, self.reading, self._width - 2)
        text = f" {lines[y]}" if y < len(lines) else ""
        style = self._style("base", "dim")
        return Strip([Segment(text, style)]).adjust_cell_length(self._width, style)

    # styles ----------------------------------------------------------------------------------

    def _styles_on(self, index: int) -> Callable[[str], Style]:
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

    # the mouse over rows ---------------------------------------------------------------------

    def on_mouse_move(self, event: events.MouseMove) -> None:
        index = self.index_at(event.y)
        self._set_hover(-1 if index is None else index)

    def on_leave(self) -> None:
        self._set_hover(-1)

    def index_at(self, y: int) -> int | None:
        """The index of the row on a line of the screen."""
        index = y + self.scroll_offset.y
        return index if 0 <= index < len(self.rows) else None

    def is_arrow_at(self, x: int, index: int) -> bool:
        """Whether a cell is that of a row's arrow, or next to it."""
        arrow = self._paint(index).arrow
        return arrow is not None and abs(x - arrow) <= 1

    def _set_hover(self, index: int) -> None:
        old, self._hover = self._hover, index
        if old != index:
            self.refresh_line(old)
            self.refresh_line(index)
