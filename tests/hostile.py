"""Text as a transcript may hold it, and what must be true of a screen whatever was put on it."""

from __future__ import annotations

from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App
from textual.strip import Strip

from sessiontree.model.text import clean

PIECES = (
    # markup
    *("[red]x[/]", "[/]", "[/foo]", "[/", "[", "]", "\\[", "x = a[i]; y[/path]", "[$text]"),
    *("[@click=app.quit]go[/]", "[@click='app.bell']", "[link=http://x]l[/link]", "[bold"),
    *("# ", "**", "`", "```", "| a | b |", "[l](javascript:x)", "![i](file:///x)", "http://x"),
    # what a terminal acts on
    *("\x1b]52;c;aGFja2Vk\x07", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "\x1b]0;title\x07"),
    *("\x1b[2J", "\x1b[31m", "\x1b[?1049l", "\x1bc", "\x9b31m", "\x9d0;t\x9c", "\x90q\x9c"),
    *("\x00", "\x07", "\x08", "\x0c", "\x0e", "\x7f", "\x85", "\r", "\r\n"),
    # what hides or turns text round
    *("\u202e", "\u2066", "\u061c", "\u200b", "\u200d", "\u2028", "\ufeff", "\xad", "\U000e0041"),
    *("\ud800", "\udfff"),
    # widths
    *("中文", "👨\u200d👩\u200d👧", "❤\ufe0f", "e\u0301", "\u0301" * 4, "🚀", "ﷺ", "\t", "\n", " "),
    *("word", "x" * 90, ""),
)

hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join)


def faults(app: App[object]) -> list[str]:
    """What is wrong with the screen as it would be written to the terminal."""
    strips = app.screen._compositor.render_strips()
    found = [f"line {y}: {fault}" for y, strip in enumerate(strips) for fault in _faults(strip)]
    width = app.size.width
    found += [
        f"line {y} is {cells} cells wide, not {width}"
        for y, strip in enumerate(strips)
        if (cells := sum(cell_len(segment.text) for segment in strip)) != width
    ]
    return found


def _faults(strip: Strip) -> list[str]:
    found = []
    for text, style, _ in strip:
        if clean(text) != text or "\n" in text or "\t" in text:
            found.append(f"{text!r} would reach the terminal")
        if style is not None and style.link:
            found.append(f"{text!r} is a link to {style.link}")
        if style is not None and any(_acts(*item) for item in style.meta.items()):
            found.append(f"{text!r} does something on a click: {style.meta}")
    return found


def _acts(key: str, value: object) -> bool:
    return key.startswith("@") and value not in ("grab", "scroll_up", "scroll_down")  # scroll bars
