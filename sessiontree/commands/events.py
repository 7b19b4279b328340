"""An event as plain data: the same words for a run that is under way and for a transcript."""

from __future__ import annotations

from typing import Any

from sessiontree.commands.forest import iso
from sessiontree.model.event import Event, fields

_KINDS = {"toolcall": "tool"}


def as_data(event: Event) -> dict[str, Any]:
    """All that an event says; `kind` is what it is, times are ISO 8601 in UTC."""
    kind = type(event).__name__.lower()
    found = {"kind": _KINDS.get(kind, kind), **fields(event)}
    return found | {name: iso(found[name]) for name in ("at", "ended") if name in found}
