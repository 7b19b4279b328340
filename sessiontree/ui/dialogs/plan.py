"""The agent has a plan: read it, then let it go on, or send it back with words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from sessiontree.model.run import Ask
from sessiontree.ui.dialogs.answering import ConsentDialog
from sessiontree.ui.dialogs.base import Option

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MOST = 60_000
"""Characters of a plan that are laid out."""


class PlanDialog(ConsentDialog):
    no = Option("k", "keep planning")
    but = Option("m", "keep planning, and say what to change …")
    yes = Option("a", "go on with this plan; tools are asked for as before")
    always = "go on, and {}"
    told = "Keep planning."
    placeholder = "what to change; Enter sends it"

    def title_content(self) -> Content:
        return self.title_of("has a plan")

    def body(self) -> ComposeResult:
        from textual.widgets import Markdown  # 0.1 s, and not every person meets a plan

        plan = plan_text(self.ask)
        if plan:
            yield Markdown(plan[:MOST], parser_factory=_parser, open_links=False)
        else:
            yield Static(Content("The plan came without a text. It may stand in the stream."))
        if len(plan) > MOST:
            yield Static(Content(f"… {len(plan) - MOST:,} more characters"), classes="note")


def _parser() -> MarkdownIt:
    """Without links and images: nothing can be clicked, and each shows its real address."""
    from markdown_it import MarkdownIt

    return MarkdownIt("gfm-like").disable(["link", "image", "autolink", "linkify"])


def plan_text(ask: Ask) -> str:
    """The plan, clean; "" where none came along."""
    plan = ask.input.get("plan")
    return plan if isinstance(plan, str) else ""
