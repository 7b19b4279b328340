"""The first line of the screen: what is shown, and how much of it runs or waits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from sessiontree.model.run_words import Mode
from sessiontree.model.text import clean_line


@dataclass(frozen=True, slots=True)
class Summary:
    """What the top bar says. `progress` is a word on work behind the screen, "" when none."""

    place: str = ""
    sessions: int | None = 0  # None: not counted yet
    running: int = 0
    waiting: int = 0
    queued: int = 0
    unasked: int = 0  # runs whose tools are not asked for
    cost_today: float = 0.0
    progress: str = ""
    demo: bool = False
    put_away: int = 0  # of the sessions, what hangs below them not counted


class TopBar(Widget):
    DEFAULT_CSS = """
    TopBar { height: 1; width: 1fr; padding: 0 1; background: $surface; }
    """

    summary: reactive[Summary] = reactive(Summary())

    def render(self) -> Content:
        facts, width = self.summary, max(self.size.width - 2, 10)
        left = Content.assemble(("sessiontree", "bold $accent"))
        if facts.demo:
            left += Content(" demo").stylize("$warning")
        counts = []
        if facts.sessions is not None:
            counts.append((f"{facts.sessions:,} session{'s' * (facts.sessions != 1)}", "$text"))
        if facts.running:
            counts.append((f"● {facts.running} running", "$success"))
        if facts.unasked:
            counts.append((f"! {facts.unasked} {Mode.BYPASS.words}", "bold $text-error"))
        if facts.waiting:
            counts.append((f"? {facts.waiting} waiting for you", "bold $warning"))
        if facts.queued:
            counts.append((f"… {facts.queued} queued", "$text-muted"))
        if facts.progress:
            counts.append((facts.progress, "$text-muted"))
        right = Content(f"${facts.cost_today:.2f} today" if facts.cost_today else "")
        tail = Content("")
        for text, style in counts:
            tail += Content("   ") + Content(text).stylize(style)
        room = width - left.cell_length - tail.cell_length - right.cell_length - 6
        away = Content(f"   {facts.put_away:,} put away" if facts.put_away else "")
        if cell_len(facts.place) <= room - away.cell_length:  # where one is says more
            tail += away.stylize("$text-muted")
            room -= away.cell_length
        if room >= 8:
            left += Content("   ") + Content(facts.place).truncate(room, ellipsis=True)
        line = left + tail
        gap = width - line.cell_length - right.cell_length
        if gap < 2:
            return line.truncate(width, ellipsis=True)
        return line + Content(" " * gap) + right


def shown_folder(folder: Path) -> str:
    """A folder as a person writes it, clean: anyone can make a folder of any name."""
    try:
        shown = f"~/{folder.relative_to(Path.home())}".removesuffix("/.")
    except ValueError:
        shown = str(folder)
    return clean_line(shown)
