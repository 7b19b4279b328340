"""The widget: a cursor over the rows of a forest, by keys and by mouse.

It says by messages what a person did; the forest comes from above, and `refresh_rows` shows what
changed in it. A key repaints two lines; nothing happens while nothing changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from sessiontree.model.rows import LIVE, Key, Kind, Row
from sessiontree.ui.tree.canvas import RowCanvas

SLICE_SECONDS = 0.01
"""How long getting ready to filter may keep keys waiting."""


class TreeView(RowCanvas, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("left,h", "fold", "Fold, or to the row above", show=False),
        Binding("right,l", "unfold", "Unfold, or to the first row below", show=False),
        Binding("shift+right,asterisk", "unfold_below", "Unfold all below", show=False),
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
        None on a session's own row and on a turn that the transcript does not have yet."""

        session: str
        turn: str | None

    @dataclass
    class Marked(Message):
        """What is marked now, in the order of marking. `dropped`: how many marks went with
        their sessions."""

        marked: list[tuple[str, str | None]]
        dropped: int = 0

    _row: Row | None = None  # the row with the cursor, also when it has gone
    _told: Key | None = None  # the row that was said to be selected last
    _drawn: list[Row] | None = None  # the rows as they were drawn last
    _before_filter: tuple[Row | None, float] | None = None
    _wanted_query: str = ""
    _getting_ready: bool = False
    _fitted: int = 0  # rows that fit on screen so far

    def on_mount(self) -> None:
        self._rows_changed()

    def on_resize(self) -> None:
        """A cursor that was on screen stays there, also one that was put on its row before it
        was known how many rows fit."""
        before, self._fitted = self._fitted, self._height
        if not before or self.cursor - self.scroll_offset.y in range(before):
            self._bring_on_screen(self.cursor)

    # what others ask -------------------------------------------------------------------------

    @property
    def current(self) -> Row | None:
        """The row with the cursor."""
        return self.rows.list[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def selected(self) -> tuple[str, str | None]:
        """Session and turn under the cursor; the session is "" where there is none."""
        return self._target(self.current)

    def refresh_rows(self) -> None:
        """Show what changed in the forest. The row with the cursor keeps its line on screen, or
        the first row on screen does while the cursor is elsewhere."""
        if not self.rows.sync() and self.rows.list is self._drawn:
            self.draw_looks()
            return
        top, drawn = self.scroll_offset.y, self._drawn or []
        line = self.cursor - top
        first = drawn[top] if top < len(drawn) else None
        self._drop_marks()
        self._rows_changed(follow=False)
        if 0 <= line < self._height:
            self._scroll(self.cursor - line)
        elif first is not None:
            self._scroll(self.rows.stand_in(first, top))

    def select(self, session: str, turn: str | None = None) -> bool:
        """Put the cursor on a session or a turn, whatever has to be unfolded, unfiltered or
        brought back into view for it. False where it is out of scope, or not known at all."""
        index = self.rows.reveal(session, turn or "")
        if index is None and self.rows.query:
            self._before_filter = None
            self.filter("")
            index = self.rows.reveal(session, turn or "")
        if index is None and not self.rows.show_all and session in self.rows.forest:
            self.rows.show_all = True
            index = self.rows.reveal(session, turn or "")
            self.rows.show_all = index is not None
        self._rows_changed(index)
        return index is not None

    def select_group(self, member: str) -> bool:
        """Put the cursor on the row of the fan-out that a session was begun in; on the session's
        own where there is none."""
        if not self.select(member):
            return False
        row = self.current
        if row is not None and row.parent is not None and row.parent.kind is Kind.GROUP:
            self._rows_changed(self.rows.index(row.parent.key))
            self._bring_all_on_screen()
        return True

    def filter(self, query: str) -> None:
        """Show only what matches; "" brings back the view as it was before, cursor included.

        Getting ready for the first letter takes long where there are thousands of sessions: then
        it is done in slices, and what was typed last is shown at the end."""
        self._wanted_query = query
        self.rows.widen(query)
        if not query.split():
            self._apply_filter()
        elif not self._getting_ready:
            steps = self.rows.warm_up()
            if _work(steps):
                self._apply_filter()
            else:
                self._getting_ready = True
                self.run_worker(self._filter_later(steps), group="filter")

    async def _filter_later(self, steps: Iterator[None]) -> None:
        for _ in steps:
            if not _work(steps):
                await asyncio.sleep(0)  # let keys and paints through
        self._getting_ready = False
        self._apply_filter()

    def _apply_filter(self) -> None:
        query = self._wanted_query
        if query.split() and self._before_filter is None:
            self._before_filter = (self._row, self.scroll_y)
        self.rows.filter(query)
        if self.rows.query:
            self._rows_changed(self._hit())
        elif self._before_filter is not None:
            (self._row, scroll), self._before_filter = self._before_filter, None
            self._rows_changed()
            self._scroll(round(scroll))

    def _hit(self) -> int | None:
        """The row with the cursor if it matches, else the first that does."""
        rows = self.rows
        if self._row is not None and rows.is_hit(self._row):
            return rows.index(self._row.key)
        return next((index for index, row in enumerate(rows.list) if rows.is_hit(row)), None)

    def keep_filtered(self) -> None:
        """End filtering with the cursor where it is now."""
        target = self.selected
        self._before_filter = None
        self.filter("")
        self.select(*target)

    def clear_marks(self) -> None:
        self.marked.clear()
        self._marks_changed()

    # keys ------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys typed ahead of a focus that has moved on are not for this view."""
        return self.screen.focused is self

    def action_cursor_up(self) -> None:
        self._go(self.cursor - 1)

    def action_cursor_down(self) -> None:
        self._go(self.cursor + 1)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self.rows) - 1)

    def action_page_up(self) -> None:
        self._go(self.cursor - max(self._height - 1, 1))

    def action_page_down(self) -> None:
        self._go(self.cursor + max(self._height - 1, 1))

    def action_fold(self) -> None:
        """Fold the row; where there is nothing to fold go to the row that it hangs below."""
        row = self.current
        if row is None:
            return
        if self.rows.can_fold(row) and self.rows.is_open(row):
            self._toggle(row)
        elif row.parent is not None:
            self._go(self.rows.stand_in(row.parent, self.cursor))

    def action_unfold(self) -> None:
        """Unfold the row; where it is unfolded go to the first row below it."""
        row = self.current
        if row is None:
            return
        if self.rows.can_fold(row) and not self.rows.is_open(row):
            self._toggle(row)
        elif self.rows.end(self.cursor) > self.cursor + 1:
            self._go(self.cursor + 1)

    def action_unfold_below(self) -> None:
        """Unfold the session and all that descend from it."""
        session, _ = self.selected
        if session:
            self.rows.unfold(self.rows.forest.descendants(session))
            self._rows_changed()

    def action_open(self) -> None:
        row = self.current
        if row is not None and row.kind in (Kind.PROJECT, Kind.GROUP):
            self._toggle(row)
        elif row is not None:
            self._opened(self._target(row)[0])

    def action_mark(self) -> None:
        """Mark the row, or take its mark away."""
        row = self.current
        if row is None or row.kind in (Kind.PROJECT, Kind.GROUP):
            return
        if self.marked.pop(row.key, None) is None:
            self.marked[row.key] = self._target(row)
        self._marks_changed()

    def action_parent(self) -> None:
        """To the turn at which the session left its parent."""
        place = self.rows.forest.place(self.selected[0])
        if place is not None:
            self.select(place.host, place.turn)

    def action_next_active(self) -> None:
        """To the next session with a run, those that wait for a person first."""
        session = self.rows.forest.next_active(self.selected[0])
        if session is not None:
            self.select(session)

    def on_click(self, event: events.Click) -> None:
        index = self.index_at(event.y)
        if index is None:
            return
        self._go(index)
        if self.is_arrow_at(event.x, index):
            self._toggle(self.rows.list[index])
        elif event.chain == 2:
            self.action_open()

    # moving ----------------------------------------------------------------------------------

    def _go(self, index: int) -> None:
        """Put the cursor on a row, or on the last before or behind it that there is."""
        index = max(0, min(index, len(self.rows) - 1))
        if index != self.cursor and self.rows.list:
            self.refresh_line(self.cursor)
            self.cursor = index
            self.refresh_line(index)
            self._bring_on_screen(index)
            self._say_selected()

    def _toggle(self, row: Row) -> None:
        self.rows.toggle(row)
        self._rows_changed()
        self._bring_all_on_screen()

    def _rows_changed(self, index: int | None = None, *, follow: bool = True) -> None:
        """Draw the rows with the cursor at `index`, by default on the row where it was."""
        if index is None:
            index = self.rows.stand_in(self._row, self.cursor) if self._row else 0
        self.cursor = index
        self._drawn = self.rows.list
        self.draw_rows()
        if follow:
            self._bring_on_screen(index)
        self._say_selected()

    @property
    def _height(self) -> int:
        return self.scrollable_content_region.height

    def _bring_on_screen(self, index: int) -> None:
        """Scroll to a row: by as little as possible, or from afar to the middle."""
        top, height = self.scroll_offset.y, self._height
        if index < top - height or index >= top + 2 * height:
            self._scroll(index - height // 2)
        elif index < top:
            self._scroll(index)
        elif index >= top + height:
            self._scroll(index - height + 1)

    def _bring_all_on_screen(self) -> None:
        """As much as fits of what is below the row with the cursor."""
        self._bring_on_screen(min(self.rows.end(self.cursor), self.cursor + self._height) - 1)

    def _scroll(self, y: int) -> None:
        if y != self.scroll_offset.y and self._height:
            self.scroll_to(y=y, animate=False, force=True, immediate=True)

    def _say_selected(self) -> None:
        self._row = self.current
        if self._row is not None and self._row.key != self._told:
            self._told = self._row.key
            self.post_message(self.Selected(*self._target(self._row)))

    def _drop_marks(self) -> None:
        """Forget the marks of sessions that are no longer there."""
        gone = [key for key in self.marked if key.session not in self.rows.forest]
        for key in gone:
            del self.marked[key]
        if gone:
            self._marks_changed(len(gone))

    def _marks_changed(self, dropped: int = 0) -> None:
        self.refresh()
        self.post_message(self.Marked(list(self.marked.values()), dropped))

    def _target(self, row: Row | None) -> tuple[str, str | None]:
        """The session and the turn that a row stands for."""
        if row is None or row.kind is Kind.PROJECT:
            return "", None
        if row.kind is Kind.GROUP:
            return self._target(row.parent)
        if row.kind is Kind.ARM:
            return row.session, self.rows.forest.arms(row.session).lines[row.turn][-1].id
        return row.session, None if row.turn == LIVE else row.turn or None


def _work(steps: Iterator[None]) -> bool:
    """Go on for a while; whether all is done."""
    until = time.perf_counter() + SLICE_SECONDS
    return all(time.perf_counter() < until for _ in steps)
