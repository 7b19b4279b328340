"""A long page of rows on the screen: how long it is, which part shows, and in what colours."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.timer import Timer
from textual.widget import Widget

from sessiontree.ui.stream import paint

_IDLE = 1 / 50  # seconds between two steps of what is done in the background


class Window(Protocol):
    """The part of a page that is on the screen, in rows."""

    @property
    def top(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def total(self) -> int:
        """Of the whole page."""

    def scroll(self, top: int) -> None: ...


class Scroller(ScrollView):
    """What stands on the page, and how it is drawn, is its heirs' business."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "scroll_home", "Start", show=False),
        Binding("end,G", "scroll_end", "End", show=False),
    ]
    DEFAULT_CSS = paint.DEFAULT_CSS
    COMPONENT_CLASSES: ClassVar[set[str]] = {paint.PREFIX + name for name in paint.STYLES}

    viewport: Window
    _palette: paint.Palette | None = None
    _idle: Timer | None = None
    _thumb = (0, 0, False)  # of the scrollbar, as drawn

    # For heirs

    def show_viewport(self) -> None:
        """Draw what the viewport shows."""
        raise NotImplementedError

    def idle(self) -> bool:
        """Do a step of what can wait; whether there is more to do."""
        return False

    def start_idle(self) -> None:
        """Have `idle` called, a few times a second, until there is nothing more to do."""
        if self._idle is None:
            self._idle = self.set_interval(_IDLE, self._idle_step, pause=True)
        self._idle.resume()

    def _idle_step(self) -> None:
        if not self.idle() and self._idle:
            self._idle.pause()

    # Where we are on the page

    def set_extent(self) -> bool:
        """Tells Textual how long the page is and where we are on it; whether that is elsewhere
        than before. Not by assignment, which would lay the whole screen out anew."""
        total, top = self.viewport.total, self.viewport.top
        moves = round(self.scroll_y) != top
        self.set_reactive(Widget.virtual_size, Size(self.inner_width, total))
        self.set_reactive(Widget.scroll_y, float(top))
        self.set_reactive(Widget.scroll_target_y, float(top))
        self._set_scrollbar(total, top)
        return moves

    def _set_scrollbar(self, total: int, top: int) -> None:
        """Drawing the bar costs as much as drawing the page: only where it looks different."""
        bar, height = self.vertical_scrollbar, self.viewport.height
        bar.set_reactive(ScrollBar.window_virtual_size, total)
        bar.set_reactive(ScrollBar.position, float(top))
        cell = max(1, total) / height / 8  # the ends of the thumb are drawn to an eighth
        thumb = (int(top / cell), int((top + height) / cell), total > height)
        if thumb != self._thumb:
            self._thumb = thumb
            bar.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Textual scrolled: the wheel, the scrollbar, a selection that is drawn past the edge."""
        super().watch_scroll_y(old_value, new_value)
        if self.scrollable_content_region.height != self.viewport.height:
            return  # nobody scrolled: it has another height, and its resize places it anew
        if round(new_value) != self.viewport.top:
            self.viewport.scroll(round(new_value))
            self.show_viewport()

    @property
    def inner_width(self) -> int:
        """Cells beside the scrollbar."""
        return self.scrollable_content_region.width

    # Colours

    @property
    def palette(self) -> paint.Palette:
        self._palette = self._palette or paint.Palette.of(self)
        return self._palette

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._palette = None

    # Keys

    def action_scroll(self, rows: int) -> None:
        self.viewport.scroll(self.viewport.top + rows)
        self.show_viewport()

    def action_page(self, pages: int) -> None:
        self.action_scroll(pages * max(1, self.viewport.height - 2))

    def action_scroll_home(self) -> None:
        self.viewport.scroll(0)
        self.show_viewport()

    def action_scroll_end(self) -> None:
        self.viewport.scroll(self.viewport.total)
        self.show_viewport()
