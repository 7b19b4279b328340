"""The event stream of a session: what a person reads all day.

`StreamView` shows events, `EventPager` one of them in full. How an event reads is in `draw` and,
for tool calls, in `tools`; colours are in `paint`."""

from sessiontree.ui.stream.pager import EventPager
from sessiontree.ui.stream.view import StreamView

__all__ = ["EventPager", "StreamView"]
