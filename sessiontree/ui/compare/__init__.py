"""Sessions beside each other, from where they part.

`CompareScreen` shows them. What stands where is made by `content`, out of events that the stream
knows how to draw; `sheet` has them laid out, as wide as a side or as the screen."""

from sessiontree.ui.compare.screen import Chosen, CompareScreen

__all__ = ["Chosen", "CompareScreen"]
