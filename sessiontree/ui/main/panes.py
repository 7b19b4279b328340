"""Where things are on the main screen, and the tree in it as it was left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.screen import Screen

from sessiontree.model.order import Scope
from sessiontree.ui.tree import TreeView


class PaneScreen(Screen[None]):
    DEFAULT_CSS = Path(__file__).with_name("panes.tcss").read_text()

    @property
    def tree_view(self) -> TreeView:
        return self.query_one(TreeView)

    def restore_tree(
        self, scope: Scope | None, view: Mapping[str, Any]
    ) -> tuple[str, str | None] | None:
        """Unfold and select what was when the app was last closed. Returns the session and turn
        that could not be selected because they are not known yet."""
        tree = self.tree_view
        tree.rows.scope = scope
        if isinstance(unfolded := view.get("unfolded"), list):
            tree.rows.unfold(id for id in unfolded if isinstance(id, str))
        tree.refresh_rows()
        at = view.get("selection")
        session, turn = (at.get("session"), at.get("turn")) if isinstance(at, dict) else ("", None)
        if not session or not isinstance(session, str) or not isinstance(turn, str | None):
            return None
        tree.select(session, turn)
        return None if tree.selected == (session, turn) else (session, turn)
