"""What `ls` says of each session, kept so that the next `ls` only looks whether files changed.

Where some did, what follows from them is worked out anew for their folders and for those that have
a message, or a session's id, in common with these: of others nothing can be other than it was. It
is only a cache: whatever is wrong with it, everything is worked out anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct, msgpack

from sessiontree import __version__
from sessiontree.claude import cache
from sessiontree.claude.cache import Stamp
from sessiontree.claude.projects import folders, of_project, project_key, transcripts
from sessiontree.config import Config

if TYPE_CHECKING:
    from sessiontree.claude.scanned import Scanned
    from sessiontree.commands.forest import Sessions, Stored
    from sessiontree.model.session import Session

_FORMAT = 7
"""Raise it when a row says something else, or a scan finds something else."""


class Row(Struct, frozen=True, gc=False, array_like=True):
    """A session in the list. `data`: all that is said of it, as JSON; `name`: its title or label;
    `link`: how it hangs on its parent; `after`: turns in front of the place where it left that;
    `said`: of its state."""

    id: str
    project: str
    cwd: str
    data: str
    name: str
    parent: str | None
    link: str
    after: int
    turns: int
    created: float | None
    updated: float | None
    said: str


class Folder(Struct, gc=False, array_like=True):
    """A project's. `stamps`: its transcripts as they were when they were read; `names`: what its
    sessions can have in common with others, a list of strings."""

    stamps: dict[str, Stamp]
    rows: list[Row]
    names: Raw


class Listing(Struct, gc=False, array_like=True):
    """`basis`: what else the rows depend on; `index`: its files, as the rows agree with them."""

    basis: list[object]
    folders: dict[str, Folder]
    index: dict[str, Stamp]


Seen = dict[str, dict[str, Stamp]]
"""Project → its transcripts as they are on disk, by name."""

_listing = msgpack.Decoder(Listing)
_names = msgpack.Decoder(set[str])


def rows(config: Config, *, everything: bool) -> list[Row]:
    """A row for every session of the project in `config.cwd`, or of all. Words on what could not
    be read go to stderr.

    Costs a stat for each transcript, the reading of those that changed, and what follows from
    these; 15 µs for each other session."""
    file = config.index / f"listing.{_FORMAT}"
    basis = _basis(config.store)
    listing = cache.load(file, _listing)
    if listing is None or listing.basis != basis:
        listing = Listing(basis, {}, {})
    scope, seen = _look(config, listing, everything)
    index = cache.stamps(config.index, ".index")
    known = {name: folder.stamps for name, folder in listing.folders.items()}
    stale = {name for name, there in seen.items() if known.get(name) != there}
    if (stale or listing.index != index) and _renew(config, listing, seen, stale, index):
        cache.save(file, listing)
    found = [one for name in scope for one in listing.folders[name].rows]
    return [one for one in found if everything or of_project(one, config.project)]


def _look(config: Config, listing: Listing, everything: bool) -> tuple[list[str], Seen]:
    """The folders that are asked for, and what is in those of them that can be read."""
    there = set(listing.folders)
    if not everything:
        key = project_key(config.project)
        there = {name for name in there if name.startswith(key)}
    try:
        on_disk = folders(config.projects, None if everything else config.project)
    except OSError as error:
        _say(f"{config.projects} cannot be read: {error.strerror}.")
        on_disk = []
    scope, seen = [], {}
    for name in sorted(there | {folder.rpartition("/")[2] for folder in on_disk}):
        folder = f"{config.projects}/{name}"
        known = listing.folders.get(name)
        try:
            seen[name] = transcripts(folder, known.stamps if known else {})
        except FileNotFoundError:
            seen[name] = {}
        except OSError as error:
            _say(f"{folder} cannot be read: {error.strerror}.")
            if known is None:
                continue
        scope.append(name)
    return scope, seen


def _say(words: str) -> None:
    print(f"sessiontree: {words}", file=sys.stderr)


def _basis(store: Path) -> list[object]:
    """The program, and the store as it is: links and titles are in it."""
    try:
        info = store.stat()
    except OSError:
        return [__version__]
    return [__version__, info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns]


def _renew(
    config: Config, listing: Listing, seen: Seen, stale: set[str], indexed: dict[str, Stamp]
) -> bool:
    """Works out anew what follows from the `stale` folders, in which something changed, and from
    what the app has found out since. Whether it may be kept."""
    # All that reads and links: where nothing changed it is not needed.
    from sessiontree.claude.index import Index
    from sessiontree.claude.library import Library
    from sessiontree.claude.lineage import Lineage
    from sessiontree.commands import forest

    index, library = Index(config.index), Library(config.projects)
    stored = forest.stored(config.store)
    links, titles = stored or ({}, {})
    lineage = Lineage(links)
    listed = listing.folders
    loaded: set[str] = set()

    def load(projects: Iterable[str]) -> None:
        """Brings folders to what is on disk; of those that nobody asked for to what is known."""
        projects = set(projects) - loaded
        loaded.update(projects)
        for project in projects:
            lineage.update(library.remember(index.load_project(project)))
        forest.link(
            lineage, library.scan(seen={name: seen[name] for name in projects & seen.keys()})
        )

    news = {name for name, stamp in indexed.items() if listing.index.get(name) != stamp}
    told = [scanned.session.project for name in news for scanned in index.load_file(name)[:1]]
    others = {name: _names.decode(folder.names) for name, folder in listed.items()}
    load(stale.union(told))
    touched: set[str] = set()
    if others:
        touched.update(*(_in_common(library.of(project), stored) for project in loaded))
    found = loaded
    while found:
        touched.update(*(others.pop(project, ()) for project in found))
        found = {project for project, names in others.items() if not names.isdisjoint(touched)}
        load(found)
    library.save(index)
    sessions = forest.Sessions(lineage.links, lineage.sessions, titles)
    rows: dict[str, list[Row]] = {project: [] for project in loaded}
    for session in sessions.known.values():
        rows[session.project].append(row(sessions, session))
    for project in loaded:
        names = Raw(msgpack.encode(_in_common(library.of(project), stored)))
        listed[project] = Folder(library.stamps(project), rows[project], names)
    listing.index = indexed | index.saved
    return stored is not None


def _in_common(found: Iterable[Scanned], stored: Stored | None) -> set[str]:
    """Ids of sessions and uuids of messages by which sessions can depend on one another."""
    names: set[str] = set()
    for scanned in found:
        id = scanned.session.id
        names.add(id)
        link = stored.links.get(id) if stored else None
        if link and link.parent:
            names.add(link.parent)
        for step in scanned.steps:
            names.add(step.uuid)
            if step.source:
                names.update(step.source)
            if step.writer:
                names.add(step.writer)
    return names


def _json(told: dict[str, Any]) -> str:
    """ASCII, so that nothing in it does something to a terminal."""
    data = msgspec.json.encode(told)
    return data.decode() if data.isascii() else json.dumps(told, separators=(",", ":"))


def row(sessions: Sessions, session: Session) -> Row:
    """A session among those that it is linked with."""
    from sessiontree.commands.forest import fields, said
    from sessiontree.model.arms import path

    link = sessions.link(session.id)
    holder = sessions.known.get(link.parent or "") or session
    told = fields(sessions, session)
    return Row(
        session.id,
        session.project,
        session.cwd,
        _json(told),
        told["title"] or " · ".join(filter(None, (link.way, told["label"]))),
        link.parent,
        told["link"],
        len(path(holder.turns, link.turn)) if link.parent and link.turn else 0,
        told["turns"],
        session.created,
        session.updated,
        said(session),
    )
