"""What the commands share that show sessions: all of them, read and linked; one as plain data."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiontree.claude.index import Index
from sessiontree.claude.library import Library, Progress
from sessiontree.claude.lineage import Lineage
from sessiontree.claude.projects import of_project
from sessiontree.config import Config
from sessiontree.model.arms import own_turns
from sessiontree.model.session import Link, Presence, Session, Turn

if TYPE_CHECKING:
    from sessiontree.engine.keeping import Keeping

NO_LINK = Link("", None)
MOST_TOLD = 6
"""Ids that are listed where several begin as the one that was asked for."""


class NotOne(Exception):
    """No session, or several, have an id that begins so; the text says which."""


@dataclass(slots=True)
class Sessions:
    """`titles`: those that a person gave here; `only`: the folder of the project whose sessions
    can be named, None for any."""

    links: Mapping[str, Link]
    known: Mapping[str, Session]
    titles: Mapping[str, str] = field(default_factory=dict)
    only: Path | None = None

    def link(self, id: str) -> Link:
        return self.links.get(id, NO_LINK)

    def title(self, session: Session) -> str:
        return self.titles.get(session.id) or session.title

    def forked_from(self, session: Session) -> list[Path]:
        """The transcripts of those that it was forked from, as far as they had subagents."""
        found: dict[str, Session] = {}
        parent = self.known.get(self.link(session.id).parent or "")
        while parent is not None and parent.id not in found:
            found[parent.id] = parent
            parent = self.known.get(self.link(parent.id).parent or "")
        return [Path(one.path) for one in found.values() if one.path and one.sidechains]

    def own(self, session: Session) -> tuple[Turn, ...]:
        """The turns that it does not share with its parent, arms included."""
        link = self.link(session.id)
        return tuple(own_turns(session.turns, link.turn if link.parent else None).values())

    def one(self, start: str) -> Session:
        """The session whose id begins so. Raises `NotOne`."""
        if not start:
            raise NotOne("No session was named: its id is empty.")
        found = (
            [start] if start in self.known else [id for id in self.known if id.startswith(start)]
        )
        if self.only is not None:
            found = [id for id in found if of_project(self.known[id], self.only)]
        of = f" of {self.only}" if self.only is not None else ""
        if len(found) > 1:
            told = _told(found, start)
            raise NotOne(f"{len(found)} sessions{of} have an id that begins with {start}: {told}.")
        if not found:
            raise NotOne(
                f"No session{of} has an id that begins with {start}. "
                "`sessiontree ls --all` lists all there are."
            )
        return self.known[found[0]]


def one_turn(session: Session, start: str | None) -> Turn:
    """The turn whose id begins so, the live tip's for None. Raises `NotOne`."""
    if start is None:
        if not session.line:
            raise NotOne("There is no turn in this session yet.")
        return session.line[-1]
    if not start:
        raise NotOne("No turn was named: its id is empty.")
    found = [turn for turn in session.turns if turn.id.startswith(start)]
    if len(found) > 1:
        told = _told([turn.id for turn in found], start)
        raise NotOne(f"{len(found)} turns of it have an id that begins with {start}: {told}.")
    if not found:
        raise NotOne(
            f"No turn of this session has an id that begins with {start}. "
            f"`sessiontree show {session.id[:8]}` tells them."
        )
    return found[0]


def _told(ids: Sequence[str], start: str) -> str:
    """Some ids that begin alike, as far as it takes to tell most of them apart."""
    shown = [id[: max(8, len(start) + 4)] for id in sorted(ids)[:MOST_TOLD]]
    return ", ".join(shown) + (", …" if len(ids) > MOST_TOLD else "")


def read(config: Config, *, only: bool = False) -> Sessions:
    """Every session; with `only` those of the project in `config.cwd` are the ones that can be
    named. What changed is read, the rest comes from the index. Words on what could not be read go
    to stderr."""
    index, library = Index(config.index), Library(config.projects)
    known = stored(config.store) or Stored({}, {})
    lineage = Lineage(known.links)
    lineage.update(library.remember(index.load()))
    link(lineage, library.scan())
    library.save(index)
    within = config.project if only else None
    return Sessions(lineage.links, lineage.sessions, known.titles, within)


def say(words: str) -> None:
    print(f"sessiontree: {words}", file=sys.stderr)


class Stored(NamedTuple):
    """What was set here: the links by their child, the titles by their session."""

    links: Mapping[str, Link]
    titles: Mapping[str, str]


def stored(path: Path) -> Stored | None:
    """Nothing is set where there is no store; None where it cannot be read, which is said."""
    if not path.exists():
        return Stored({}, {})
    from sessiontree.store.database import Store
    from sessiontree.store.errors import StoreError

    try:
        with Store.open(path) as store:
            titles = {id: note.title for id, note in store.annotations().items() if note.title}
            return Stored(store.links(), titles)
    except StoreError as error:
        say(f"{error} Titles and links that were set are missing.")
        return None


def link(lineage: Lineage, steps: Iterable[Progress]) -> None:
    """Takes in what a scan finds, while that goes on: where there is much, other processes read."""
    for step in steps:
        lineage.update(step.changed, step.removed)
        for problem in step.problems:
            say(problem)


def kept(config: Config, session: Session) -> Keeping | None:
    """The archive, where a session's transcript is gone and it has a copy. Raises `StoreError`."""
    if session.presence is not Presence.GONE or not config.archive.is_dir():
        return None
    from sessiontree.engine.keeping import Keeping

    keeping = Keeping(config)
    keeping.load()
    return keeping if keeping.has(session.id) else None


def fields(sessions: Sessions, session: Session) -> dict[str, Any]:
    """A session as one JSON object. Times are ISO 8601 in UTC; `fork_point` is the uuid, in the
    parent's transcript, of the last message that was kept; costs are null where unknown, and have
    those of subagents, which tokens have not. `group` is the same for the sessions of one fan-out,
    `way` tells them apart; `damage` has a sentence for each kind."""
    link = sessions.link(session.id)
    own = sessions.own(session)
    costs = [turn.cost_usd for turn in own if turn.cost_usd is not None]
    line = session.line
    return {
        "id": session.id,
        "parent": link.parent,
        "fork_point": link.point,
        "link": link.kind.value if link.parent else "root",
        "evidence": link.evidence.value,
        "group": link.group or None,
        "way": link.way,
        "label": label(own),
        "title": sessions.title(session),
        "project": session.project,
        "cwd": session.cwd,
        "created": iso(session.created),
        "updated": iso(session.updated),
        "turns": len(line),
        "own_turns": len({turn.id for turn in own} & {turn.id for turn in line}),
        "state": session.presence.value,
        "damage": list(session.damage),
        "origin": session.origin,
        "tokens_own": tokens(session, own),
        "cost_own_usd": round(sum(costs), 6) if costs else None,
        "file": session.path or None,
    }


def tokens(session: Session, own: Iterable[Turn]) -> int:
    """What a session used itself. A link by hand may say that copied turns are its own: they count
    where they were written, as their costs do."""
    copied = {turn.id for turn in session.turns[: session.copied]}
    return sum(turn.usage.total for turn in own if turn.id not in copied)


def label(own: Iterable[Turn]) -> str:
    """The first prompt of a session's own line, else of an arm; "" where it has none."""
    first = ""
    for turn in own:
        if turn.live:
            return turn.label
        first = first or turn.label
    return first


def iso(time: float | None) -> str | None:
    if time is None:
        return None
    at = datetime.fromtimestamp(time, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def said(session: Session) -> str:
    """What there is to say about the state of a session, "" where it is as it should be."""
    if session.presence is Presence.GONE:
        return "its transcript is gone"
    return " ".join(session.damage)
