"""The first thing to see: the tree as it was known last, while the rest of the app is loaded.

It takes no keys; what is typed meanwhile waits for the main screen, which takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from sessiontree.engine.preview import Preview
from sessiontree.ui.main.panes import PaneScreen
from sessiontree.ui.main.top_bar import Summary, TopBar, shown_folder
from sessiontree.ui.tree import TreeView

if TYPE_CHECKING:
    from sessiontree.ui.app import SessionTree


class FirstScreen(PaneScreen):
    DEFAULT_CSS = """
    FirstScreen #foot { height: 4; border-top: solid $surface-lighten-2; }
    """

    app: SessionTree

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self._preview = preview

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Horizontal(id="panes"):
            with Vertical(id="tree-pane"):
                yield TreeView(self._preview.forest, now=self.app.now)
            yield Vertical(id="stream-pane")
        yield Vertical(id="foot")

    def on_mount(self) -> None:
        catalog = self._preview.catalog
        place = "all projects" if catalog.everything else shown_folder(catalog.cwd)
        count = None if catalog.everything else catalog.count or None
        demo = self.app.config.demo
        self.query_one(TopBar).summary = Summary(place=place, sessions=count, demo=demo)
        self.tree_view.reading = True
        self.restore_tree(catalog.scope, self._preview.view)
        for folder, count in self._preview.counts.items():
            self.tree_view.rows.order.roots[folder] *= count  # only their number is shown
