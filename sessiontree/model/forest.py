"""Many sessions as one forest: who hangs where, what each is called, how each fares.

Every change costs what it touches, whatever the number of sessions; what follows from changes is
worked out when it is asked for. Nothing here is recursive: a chain of 10,000 forks is normal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from math import inf

from sessiontree.model.arms import TOP, Arms, arms, path
from sessiontree.model.changes import Changes
from sessiontree.model.families import Families
from sessiontree.model.overlay import ACTIVE, NO_OVERLAY, Overlay, Status
from sessiontree.model.places import Place, Places
from sessiontree.model.session import Link, Presence, Session, Turn, project_folder

ROOTS = ""
"""Stands, where a session id would stand, for the place of the roots."""


class Forest:
    """`looks` has the sessions whose own row or turns look different, `shapes` those (or
    `ROOTS`) under which rows came, went or moved. Read `shapes` after `settle`."""

    def __init__(self) -> None:
        self.looks = Changes()
        self.shapes = Changes()
        self.active: set[str] = set()
        self.put_away: set[str] = set()
        self._sessions: dict[str, Session] = {}
        self._overlays: dict[str, Overlay] = {}
        self._notes: Mapping[str, str] = {}  # session or turn → what a person wrote on it
        self._links: dict[str, Link] = {}  # also those of sessions that are not there
        self._families = Families()
        self._arms: dict[str, Arms] = {}
        self._places = Places(self._families, self.arms, self.shapes)
        self._roots: set[str] = set()

    # what is known ---------------------------------------------------------------------------

    def put(self, session: Session) -> None:
        """Add a session or replace what is known of it. Linear in its turns."""
        id = session.id
        came = self._came(id) if id in self._arms else None  # else nobody has sorted by it
        self._sessions[id] = session
        self.looks.mark(id)
        self._join(id)
        self._renew_arms(id)
        self._lend(self._families.parent.get(id))
        if came is not None and self._came(id) != came:
            self._mark_host(id)

    def remove(self, id: str) -> None:
        """Forget a session. Where forks of it are known it stays as a ghost."""
        if self._sessions.pop(id, None) is None:
            return
        self.looks.mark(id)
        self._join(id)
        self._renew_arms(id)
        self._lend(self._families.parent.get(id))

    def put_link(self, link: Link) -> None:
        """Set a session's parent; the sessions that it names may come later, or never."""
        child = link.child
        old = self._links.get(child)
        if old == link:
            return
        self._places.note_link(old, link)
        self._links[child] = link
        if (old.group if old else "") != link.group:
            self._mark_host(child)
        self._families.moved.setdefault(child, self._families.parent.get(child))
        self._join(child)

    def overlay(self, id: str, overlay: Overlay) -> None:
        """Set what is known of a session beside its transcript; constant time."""
        old = self.overlaid(id)
        if old == overlay:
            return
        self._overlays[id] = overlay
        if overlay.status.active:
            self.active.add(id)
        else:
            self.active.discard(id)
        self.looks.mark(id)
        if old.cost_usd != overlay.cost_usd:
            self._recount(id)
        if (old.prompt, old.number) != (overlay.prompt, overlay.number):
            self.shapes.mark(id)
        if old.put_away != overlay.put_away:
            (self.put_away.add if overlay.put_away else self.put_away.discard)(id)
            self._mark_host(id)

    def set_notes(self, notes: Mapping[str, str]) -> None:
        """Set all notes, by the id of the session or turn that each is on. Linear in them and,
        when one on a turn has changed, in all turns: several sessions may show a turn."""
        before, self._notes = self._notes, notes
        changed = {id for id in before.keys() | notes.keys() if before.get(id) != notes.get(id)}
        turns = changed - self._sessions.keys()
        for id, session in self._sessions.items():
            if id in changed or (turns and any(turn.id in turns for turn in session.turns)):
                self.looks.mark(id)

    # what follows from it --------------------------------------------------------------------

    def __contains__(self, id: str) -> bool:
        return id in self._families

    def __iter__(self) -> Iterator[str]:
        """The ids of all sessions, ghosts included."""
        return iter(self._families)

    def session(self, id: str) -> Session | None:
        """None for a ghost."""
        return self._sessions.get(id)

    def overlaid(self, id: str) -> Overlay:
        return self._overlays.get(id, NO_OVERLAY)

    def note(self, id: str) -> str:
        """What a person wrote on a session or a turn, "" where nothing."""
        return self._notes.get(id, "")

    def has_note(self, id: str) -> bool:
        """Whether there is a note on a session or on a turn of its own."""
        notes = self._notes.keys()
        return bool(notes) and (id in notes or not notes.isdisjoint(self.arms(id).turns))

    def link(self, id: str) -> Link | None:
        return self._links.get(id)

    def group(self, id: str) -> str:
        """The fan-out that a session was begun in, "" where there is none."""
        link = self._links.get(id)
        return link.group if link else ""

    def parent(self, id: str) -> str | None:
        return self._families.parent.get(id)

    def ancestors(self, id: str) -> Iterator[str]:
        """The nearest first."""
        return self._families.above(id)

    def descendants(self, id: str) -> Iterator[str]:
        """`id` itself and all that descends from it."""
        return self._families.below(id)

    def family(self, id: str) -> frozenset[str]:
        return frozenset(self._families.of(id).members)

    def family_size(self, id: str) -> int:
        return len(self._families.of(id).members)

    def root(self, id: str) -> str:
        return self._families.of(id).root

    def roots(self) -> list[str]:
        """Those whose family was at work last come first. Linear in all sessions."""
        self.settle()
        return sorted(self._roots, key=lambda id: (-self.activity(id), id))

    @property
    def root_ids(self) -> AbstractSet[str]:
        """In no order; read it, do not keep it."""
        self.settle()
        return self._roots

    def activity(self, root: str) -> float:
        """When anything in the family happened last; seconds since the epoch, 0 if unknown."""
        return max(map(self._updated, self._families.of(root).members))

    def place(self, id: str) -> Place | None:
        """Where a session hangs; None for a root."""
        self.settle()
        return self._places.of.get(id)

    def children(self, host: str, turn: str = TOP) -> list[str]:
        """The sessions that hang under a turn, the first to leave it first."""
        self.settle()
        return sorted(self._places.hosted.get(host, {}).get(turn, ()), key=self._came)

    def hosted(self, id: str) -> Mapping[str, AbstractSet[str]]:
        """Turn → the sessions that hang under it."""
        self.settle()
        return self._places.hosted.get(id, {})

    def fork_count(self, id: str) -> int:
        """How many sessions hang under its turns; for a root all that descend from it."""
        family = self._families.of(id)
        if family.root == id:
            return len(family.members) - 1
        return sum(map(len, self.hosted(id).values()))

    def owner(self, id: str, turn: str) -> str | None:
        """Among a session and what it hangs under, the one that has `turn` as its own."""
        at: str | None = id
        while at is not None and turn not in self.arms(at).turns:
            place = self.place(at)
            at = place.host if place else None
        return at

    def turns(self, id: str) -> tuple[Turn, ...]:
        """A session's turns; where it has none (any more) those that its forks still show."""
        session = self._sessions.get(id)
        if session and session.turns:
            return session.turns
        shared = (self._shared(child) for child in sorted(self._families.children.get(id, ())))
        return max(shared, key=len, default=())

    def arms(self, id: str) -> Arms:
        """The turns that a session does not share with its parent."""
        if id not in self._arms:
            link = self._links.get(id)
            shared = link.turn if link and id in self._families.parent else None
            self._arms[id] = arms(self.turns(id), shared)
        return self._arms[id]

    def own_turns(self, id: str) -> tuple[Turn, ...]:
        """Arms included, in the order of the file."""
        return tuple(self.arms(id).turns.values())

    def path(self, id: str, turn: str) -> tuple[Turn, ...]:
        """The turns from the root to `turn` in a session."""
        return path(self.turns(id), turn)

    def under_way(self, id: str) -> bool:
        """Whether a turn runs that the transcript does not have yet."""
        overlay = self.overlaid(id)
        if not overlay.prompt:
            return False
        own = self.arms(id)
        return not overlay.number or not own.line or own.number[own.line[-1].id] < overlay.number

    def status(self, id: str) -> Status:
        overlay = self.overlaid(id)
        if overlay.status is not Status.IDLE:
            return overlay.status
        session = self._sessions.get(id)
        return _PRESENCE[session.presence if session else Presence.GONE]

    def title(self, id: str) -> str:
        """The name that a person or Claude Code gave it, "" where there is none."""
        session = self._sessions.get(id)
        return self.overlaid(id).title or (session.title if session else "")

    def label(self, id: str) -> str:
        """What a session is called: its title, or the first prompt that is its own. A fork
        without one yet is called by the prompt being run, or after what it left."""
        if name := self.name(id):
            return name
        for ancestor in self.ancestors(id):
            if name := self.name(ancestor):
                return f"fork of ‹{name}›"
        session = self._sessions.get(id)
        return "new session" if session and session.presence is Presence.NEW else id[:8]

    def name(self, id: str) -> str:
        """`label` without what it would take from an ancestor. One of a fan-out is first of all
        called by what tells it from the others: they may have one prompt."""
        if title := self.title(id):
            return title
        overlay, first, link = self.overlaid(id), self.arms(id).first, self._links.get(id)
        words = (first.label if first else "") or overlay.prompt or overlay.label
        return f"{link.way} · {words}" if words and link and link.way else words

    def cost(self, id: str) -> float | None:
        """What the session's own turns and its run under way cost, USD; None if unknown."""
        costs = [turn.cost_usd for turn in self.arms(id).turns.values()]
        costs.append(self.overlaid(id).cost_usd)
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None

    def cost_of(self, ids: Iterable[str]) -> float | None:
        """What several sessions cost together, USD; None if nothing is known of any."""
        known = [cost for cost in map(self.cost, ids) if cost is not None]
        return sum(known) if known else None

    def family_cost(self, id: str) -> float | None:
        """What the whole family cost; nothing in it counts twice. Linear in the family after
        one of it spent something, else free."""
        family = self._families.of(id)
        if not family.counted:
            family.spent, family.counted = self.cost_of(family.members), True
        return family.spent

    def first_known(self, id: str) -> Session | None:
        """The root of a family; for a ghost its oldest fork, None where there is none."""
        root = self.root(id)
        if session := self._sessions.get(root):
            return session
        members = (self._sessions.get(one) for one in self._families.of(root).members)
        there = (one for one in members if one is not None)
        return min(there, key=lambda one: (one.created or inf, one.id), default=None)

    def project(self, id: str) -> str:
        """The folder of a family's project, its name under `projects` where that is unknown."""
        session = self.first_known(id)
        return project_folder(session.cwd or session.project) if session else ""

    def next_active(self, after: str | None = None) -> str | None:
        """The session with a run that follows `after`: those that wait for a person first."""
        ranks = {status: rank for rank, status in enumerate(ACTIVE)}
        order = sorted(
            (id for id in self.active if id in self._families),
            key=lambda id: (ranks[self.status(id)], self.overlaid(id).since or inf, id),
        )
        if after in order:
            return order[(order.index(after) + 1) % len(order)]
        return order[0] if order else None

    # keeping it true -------------------------------------------------------------------------

    def settle(self) -> None:
        """Work out what follows from all changes so far."""
        while moved := self._families.moved:
            self._families.moved = {}
            for id, former in moved.items():
                self._settle_root(id)
                self._renew_arms(id)
                self._lend(former)
                self._lend(self._families.parent.get(id))
            self._places.settle(moved)

    def _settle_root(self, id: str) -> None:
        is_root = id in self._families and id not in self._families.parent
        if is_root != (id in self._roots):
            (self._roots.add if is_root else self._roots.discard)(id)
            self.shapes.mark(ROOTS)

    def _join(self, id: str) -> None:
        """Bring a session's place in its family up to date. The link of one that is not there
        waits for it, so a ghost is always a root; it goes with its last fork."""
        former = self._families.parent.get(id)
        link = self._links.get(id)
        if id not in self._sessions:
            self._families.unlink(id)
            self._families.discard(id)
        else:
            self._families.add(id)
            if link is not None and self._families.links.get(id) != link:
                self._families.link(link)
        if former is not None and former not in self._sessions:
            self._families.discard(former)

    def _recount(self, id: str) -> None:
        """What a session cost may have changed, and with it the sum of its family."""
        if id in self._families:
            self._families.of(id).counted = False

    def _renew_arms(self, id: str) -> None:
        """Arrange a session's turns again, if anybody has seen them: rows may have come or
        gone, and forks that left at those turns may hang elsewhere now."""
        self._recount(id)
        before = self._arms.pop(id, None)
        if before is None:
            return
        now = self.arms(id)
        if (before.line, before.at) == (now.line, now.at):
            return
        self.looks.mark(id)
        if list(before.turns) == list(now.turns) and before.at == now.at:
            return
        self.shapes.mark(id)
        for child in self._places.left_at(before.turns.keys() ^ now.turns.keys()):
            self._families.moved.setdefault(child, None)

    def _lend(self, parent: str | None) -> None:
        """A parent without turns of its own shows those of its forks."""
        if parent is None or parent not in self._arms:
            return
        session = self._sessions.get(parent)
        if session is None or not session.turns:
            self._renew_arms(parent)

    def _shared(self, child: str) -> tuple[Turn, ...]:
        """The turns of a child that its parent has as well."""
        session, link = self._sessions.get(child), self._links[child]
        for index, turn in enumerate(session.turns if session else ()):
            if turn.id == link.turn and session:
                return session.turns[: index + 1]
        return ()

    def _mark_host(self, id: str) -> None:
        place = self._places.of.get(id)
        self.shapes.mark(place.host if place else ROOTS)

    def _came(self, id: str) -> tuple[float, float, str]:
        """Sorts siblings: the first own prompt counts, as a fork copies times with the rest."""
        session, first = self._sessions.get(id), self.arms(id).first
        started = first.started if first else None
        created = session.created if session else None
        return (started or inf, created or inf, id)

    def _updated(self, id: str) -> float:
        session = self._sessions.get(id)
        return (session.updated or session.created or 0.0) if session else 0.0


_PRESENCE = {
    Presence.OK: Status.IDLE,
    Presence.DAMAGED: Status.DAMAGED,
    Presence.GONE: Status.GONE,
    Presence.NEW: Status.NEW,
}
