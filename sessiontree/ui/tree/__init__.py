"""The tree of sessions: a list of rows drawn line by line, whatever their number."""

from sessiontree.ui.tree.view import TreeView

__all__ = ["TreeView"]
