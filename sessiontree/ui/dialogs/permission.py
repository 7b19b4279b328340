"""May this tool be used? The whole input, the CLI's own 'always' choices, deny in focus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from sessiontree.ui.dialogs.answering import ConsentDialog
from sessiontree.ui.stream.line import cut

MOST_NAME, MOST_TITLE = 40, 80  # cells
MOST = 200_000
"""Characters of one input field that are laid out (0.3 s); what is beyond is counted, in words."""


class PermissionDialog(ConsentDialog):
    def title_content(self) -> Content:
        """Names the tool, whatever title came along: a server may call its tools as it likes, and
        at any length."""
        tool, title = cut(self.ask.tool, MOST_NAME), cut(self.ask.title, MOST_TITLE)
        words = f"wants to use {tool}"
        if title:
            words = title if tool in title else f"{title} ({tool})"
        return self.title_of(words, " (a subagent)" if self.ask.agent else "")

    def body(self) -> ComposeResult:
        yield Static(input_content(self.ask.input))
        if self.ask.reason and not any(self.ask.reason in str(v) for v in self.ask.input.values()):
            yield Static(Content(self.ask.reason), classes="note")


def input_content(data: Mapping[str, Any]) -> Content:
    """Every field of a tool's input, named; nothing is left out without a word."""
    parts: list[Content] = []
    for name, value in data.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        shown, hidden = Content(text[:MOST]), len(text) - MOST
        if hidden > 0:
            words = f"\n… {hidden:,} more characters cannot be shown here: allow only what you know"
            shown += Content(words).stylize("$text-error")
        gap = "\n" if "\n" in text else "  "
        parts.append(Content(name).stylize("$text-muted") + Content(gap) + shown)
    return Content("\n").join(parts)
