"""Where a prompt is typed, with what Enter will do written above it."""

from sessiontree.ui.composer.composer import Composer

__all__ = ["Composer"]
