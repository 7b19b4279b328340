"""What is known from before, to be seen while the rest of the app is loaded.

It is only looked at: the engine reads all of it again, and more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sessiontree.config import Config
from sessiontree.engine.catalog import Catalog
from sessiontree.engine.status import overlay
from sessiontree.model.forest import Forest
from sessiontree.model.run_words import Ending
from sessiontree.model.session import Session
from sessiontree.model.text import clean_line
from sessiontree.store.database import Store
from sessiontree.store.records import Annotation, Finish

MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Preview:
    forest: Forest
    catalog: Catalog
    view: Mapping[str, Any]
    """The screen as it was left."""
    counts: Mapping[str, int]
    """Folders of projects of which only that is known, how many trees they have, and of which
    the forest has one session that stands for all."""


async def preview(config: Config, store: Store, *, everything: bool) -> Preview:
    """The project in `config.cwd`. With `everything` also the one that was looked at last, and
    of the others what was seen of them then: a line each, for they are folded. Where that was
    not kept they are read like the first.

    Reads no transcript, changes nothing. Costs about 20 µs a session that is read."""
    forest, view = Forest(), store.view()
    catalog = Catalog(config, store, forest, lambda _: None)
    intents, finishes, annotations = store.intents(), store.finishes(), store.annotations()
    for session, intent in intents.items():
        if intent.owner.here and intent.owner.gone:
            finishes[session] = Finish(Ending.INTERRUPTED)
        catalog.begun(intent)
    await catalog.load(everything)
    counts: dict[str, int] = {}
    if everything and not (others := list(_projects(view))):
        await catalog.load_rest(lambda: None)
    elif everything:
        if isinstance(project := view.get("project"), str) and project:
            await catalog.load_project(project)
        counts = _stand_in(forest, others)
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
    return Preview(forest, catalog, view, counts)


def _projects(view: Mapping[str, Any]) -> Iterator[tuple[str, int, float]]:
    """Folder, number of trees and time of the last change of each project that was seen last.
    Anyone can write the file."""
    kept = view.get("projects")
    for entry in kept if isinstance(kept, list) else ():
        match entry:
            case [str(folder), int(count), int() | float() as last] if count > 0:
                yield clean_line(folder), min(count, MOST_COUNTED), float(last)


def _stand_in(forest: Forest, projects: list[tuple[str, int, float]]) -> dict[str, int]:
    there = {forest.project(root) for root in forest.roots()}
    counts = {}
    for number, (folder, count, last) in enumerate(projects):
        if folder not in there:
            id = f"{number:06} stands for all"  # of the same time they are in order of this
            forest.put(Session(id=id, project="", cwd=folder, path="", updated=last))
            counts[folder] = count
    return counts
