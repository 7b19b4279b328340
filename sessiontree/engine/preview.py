"""What is known from before, to be seen while the rest of the app is loaded.

It is only looked at: the engine reads all of it again, and more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sessiontree.config import Config
from sessiontree.engine.catalog import Catalog
from sessiontree.engine.status import overlay
from sessiontree.model.forest import Forest
from sessiontree.model.run import Ending
from sessiontree.store.database import Store
from sessiontree.store.records import Annotation, Finish

ENOUGH = 500
"""Sessions of all projects that are looked at: more than fit on a screen."""


@dataclass(frozen=True, slots=True)
class Preview:
    forest: Forest
    catalog: Catalog
    view: Mapping[str, Any]
    """The screen as it was left."""


async def preview(config: Config, store: Store, *, everything: bool) -> Preview:
    """The project in `config.cwd`; with `everything` also those that were at work last. Reads no
    transcript, changes nothing. Costs about 20 µs a session."""
    forest = Forest()
    catalog = Catalog(config, store, forest, lambda _: None)
    intents, finishes, annotations = store.intents(), store.finishes(), store.annotations()
    for session, intent in intents.items():
        if intent.owner.here and intent.owner.gone:
            finishes[session] = Finish(Ending.INTERRUPTED)
        catalog.begun(intent)
    await catalog.load(everything)
    if everything:
        await catalog.load_rest(lambda: None, most=ENOUGH)
    forest.set_notes({id: one.note for id, one in annotations.items() if one.note})
    for session in {*intents, *finishes, *annotations}:
        forest.overlay(
            session,
            overlay(
                None,
                finishes.get(session),
                annotations.get(session, Annotation()),
                number=0,
                unseen=False,
                elsewhere=False,
                begun=intents[session].label if session in intents else "",
            ),
        )
    return Preview(forest, catalog, store.view())
