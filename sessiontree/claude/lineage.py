"""Many transcripts → who was forked from whom, and where. Pure: no I/O.

How each way of branching is written decides how a link can be known (seen on Claude Code 2.1.330
and claude-agent-sdk 0.2.187):

* A fork by the CLI (`--fork-session`) copies the lines that it keeps with their uuids and times
  and names no parent; only copied answers carry `requestSessionId`, who wrote them.
* `/branch` does the same and adds `forkedFrom`, which names the parent.
* An offline fork (the SDK's `fork_session`) writes new uuids; `forkedFrom` names the parent and
  its uuids. A fork by the CLI of such a session copies these too, though by then they name its
  grandparent.

So every line has a *founder*, the session that wrote it first: of all that hold its uuid the one
that is not younger than the line. A session's parent is the founder of the last of its leading
lines that it did not write itself. Where that cannot be told there is no link.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sessiontree.claude import cost
from sessiontree.claude.counters import Counters, taken_over
from sessiontree.claude.scanned import Scanned, Step
from sessiontree.model.session import Evidence, Link, Session, Turn

_KEPT = (Evidence.MADE, Evidence.MANUAL)


@dataclass(slots=True)
class Changes:
    """What is other than before: sessions as they are now (canonical ids and costs filled in),
    links as they are now, ids of transcripts that are gone."""

    sessions: dict[str, Session] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


def link_all(scanned: Iterable[Scanned], stored: Mapping[str, Link]) -> dict[str, Link]:
    """A link for every session, and those stored for sessions that have no transcript. Linear in
    the number of turns in the transcripts."""
    lineage = Lineage(stored)
    lineage.update(scanned)
    return lineage.links


class Lineage:
    """All sessions and their links, kept up to date.

    `links`: child id → link, stored ones of sessions without a transcript included. `stored`:
    those that the store has; one that was made here or set by a person is never worked out
    again. `sessions`: those that have a transcript."""

    def __init__(self, stored: Mapping[str, Link] | None = None) -> None:
        self.links: dict[str, Link] = dict(stored or {})
        self.sessions: dict[str, Session] = {}
        self.stored: dict[str, Link] = dict(stored or {})
        self._scanned: dict[str, Scanned] = {}
        self._parents: dict[str, str | None] = {}  # → the session that it was made of
        self._forks: dict[str, set[str]] = {}  # and the other way round
        self._holders: dict[str, list[str]] = {}  # uuid of a step → who has it
        self._founders: dict[str, list[str]] = {}  # → who of them may have written it first
        self._writers: dict[str, tuple[str, ...]] = {}  # → who is said to have written it
        self._counters = Counters()
        self._copies: dict[str, str] = {}  # uuid → the uuid that it is a copy of
        self._copiers: dict[str, set[str]] = {}  # uuid at the end of such a way → sessions

    def update(
        self,
        changed: Iterable[Scanned] = (),
        removed: Iterable[str] = (),
        stored: Mapping[str, Link | None] | None = None,
    ) -> Changes:
        """Take sessions as they are on disk now, ids that are no longer there, and links as they
        are stored now (None: no longer).

        Costs the steps of what changed and of the sessions whose links change with it, however
        many others there are."""
        dirty: set[str] = set()
        moved: set[str] = set()  # uuids whose founder may be another now
        gone: set[str] = set()
        for id in removed:
            if id in self._scanned:
                self._replace(id, None, moved, dirty)
                gone.add(id)
        for scanned in changed:
            id = scanned.session.id
            self._replace(id, scanned, moved, dirty)
            gone.discard(id)
            dirty.add(id)
        for child, link in (stored or {}).items():
            if link is None:
                self.stored.pop(child, None)
            else:
                self.stored[child] = link
            dirty.add(child)
        for uuid in moved:
            dirty.update(self._holders.get(uuid, ()))
        changes = Changes(gone=gone)
        for id in dirty | gone:
            self._settle(id, changes)
        return changes

    def counted(self, id: str) -> float | None:
        """What the counter of costs in a session's transcript stands at, in US dollars: a run
        that resumes the session counts on from there. None where it does not say."""
        scanned = self._scanned.get(id)
        return scanned.spent[-1].total if scanned and scanned.spent else None

    # What is known of each line

    def _replace(self, id: str, scanned: Scanned | None, moved: set[str], dirty: set[str]) -> None:
        old = self._scanned.pop(id, None)
        before = _holds(old) if old else {}
        after = _holds(scanned) if scanned else {}
        for uuid, founds in before.items():
            if after.get(uuid) is not founds:
                self._drop(uuid, id)
                moved.add(uuid)
        holders, founders = self._holders, self._founders
        for uuid, founds in after.items():
            if before.get(uuid) is founds:
                continue
            holders.setdefault(uuid, []).append(id)
            if founds:
                founders.setdefault(uuid, []).append(id)
                moved.add(uuid)
            elif len(founders.get(uuid, ())) != 1:
                moved.add(uuid)
        if scanned:
            self._scanned[id] = scanned
            for step in scanned.steps:
                if step.source is not None or step.writer:
                    self._learn(id, step, moved, dirty)

        dirty.update(self._told_otherwise(id, old, scanned))
        dirty.update(self._counters.replace(id, old, scanned))

    def _told_otherwise(self, id: str, old: Scanned | None, new: Scanned | None) -> Iterator[str]:
        """Forks of a session for which something follows from what is now known of it."""
        forks = self._forks.get(id, ())
        if old is None or new is None:
            yield from forks
        elif old.spent != new.spent:
            for fork in map(self._scanned.get, forks):
                if fork and taken_over(old, fork) != taken_over(new, fork):
                    yield fork.session.id

    def _drop(self, uuid: str, id: str) -> None:
        for index in (self._holders, self._founders):
            ids = index.get(uuid)
            if ids and id in ids:
                ids.remove(id)
                if not ids:
                    del index[uuid]

    def _learn(self, id: str, step: Step, moved: set[str], dirty: set[str]) -> None:
        """What a line says of its origin stays true when the file is gone that said it."""
        if step.writer and step.writer not in self._writers.get(step.uuid, ()):
            self._writers[step.uuid] = (*self._writers.get(step.uuid, ()), step.writer)
            moved.add(step.uuid)
        if step.source is None:
            return
        waiting = {id}
        if step.source[1] != step.uuid and step.uuid not in self._copies:
            self._copies[step.uuid] = step.source[1]
            copiers = self._copiers.pop(step.uuid, set())
            dirty.update(copiers)
            waiting |= copiers  # what they wait for now is the end of the longer way
        self._copiers.setdefault(self._canonical(step.source[1]), set()).update(waiting)

    def _canonical(self, uuid: str) -> str:
        """The uuid under which a message was first written, as far as is known."""
        if uuid not in self._copies:
            return uuid
        end = uuid
        seen = {uuid}
        while (following := self._copies.get(end)) is not None and following not in seen:
            seen.add(following)
            end = following
        while (following := self._copies.get(uuid)) is not None and following != end != uuid:
            self._copies[uuid] = end
            uuid = following
        return end

    def _founder(self, uuid: str) -> str | None:
        founders = self._founders.get(uuid, ())
        if len(founders) == 1:
            return founders[0]
        if not (writers := self._writers.get(uuid)):
            return None
        holders = self._holders.get(uuid, ())
        named = [writer for writer in writers if writer in holders]
        return named[0] if len(named) == 1 else None

    # What follows for each session

    def _settle(self, id: str, changes: Changes) -> None:
        stored = self.stored.get(id)
        scanned = self._scanned.get(id)
        if scanned is None:
            self.sessions.pop(id, None)
            link = stored
        elif stored is not None and stored.evidence in _KEPT:
            link = stored
        else:
            link = self._link(scanned)
        if link is None:
            self.links.pop(id, None)
        elif self.links.get(id) != link or id in changes.gone:
            self.links[id] = changes.links[id] = link
        if scanned is not None and link is not None:
            # What a person says of it changes nothing about what was spent.
            made = self._link(scanned) if link.evidence is Evidence.MANUAL else link
            self._made_of(id, made.parent)
            session = self._session(scanned)
            if self.sessions.get(id) != session:
                self.sessions[id] = changes.sessions[id] = session

    def _made_of(self, id: str, parent: str | None) -> None:
        before = self._parents.get(id)
        if before is not None and before != parent:
            self._forks[before].discard(id)
        if parent is not None:
            self._forks.setdefault(parent, set()).add(id)
        self._parents[id] = parent

    def _link(self, scanned: Scanned) -> Link:
        child = scanned.session.id
        parent, evidence = "", Evidence.NONE
        known = copied = -1  # index of the last shared step, of the last that is copied at all
        for index, step in enumerate(scanned.steps):
            origin = self._origin(scanned, step)
            if origin is not None:
                parent, evidence = origin
                known = index
            elif not scanned.is_copied(step):
                break
            copied = index
        if not parent:
            return Link(child, None)
        if parent not in self._scanned:
            known = copied
        return Link(child, parent, self._turn(scanned, parent, known), scanned.kept, evidence)

    def _origin(self, scanned: Scanned, step: Step) -> tuple[str, Evidence] | None:
        """Who wrote a line that this session has, and how that is known. None: the session did
        itself, or nobody can tell."""
        id = scanned.session.id
        if step.source and step.source[1] == step.uuid and step.source[0] != id:
            return step.source[0], Evidence.POINTER
        founder = self._founder(step.uuid)
        if founder is not None and founder != id:
            return founder, Evidence.PREFIX
        if step.source and step.source[0] != id:
            return step.source[0], Evidence.POINTER
        if founder is None and scanned.is_copied(step):
            holders = self._holders.get(step.uuid, ())
            for writer in self._writers.get(step.uuid, ()):
                if writer not in holders:  # its transcript is gone
                    return writer, Evidence.POINTER
        return None

    def _turn(self, scanned: Scanned, parent: str, index: int) -> str | None:
        """Canonical id of the last turn that is shared when the step `index` is the last one."""
        step = scanned.steps[index]
        if other := self._scanned.get(parent):
            # It knows the turn in front of a compaction, which a fork may not have.
            names = (step.uuid, step.source[1] if step.source else "")
            for held in other.steps:
                if held.uuid in names:
                    return self._turn_id(other, held.turn)
        return self._turn_id(scanned, step.turn)

    def _turn_id(self, scanned: Scanned, turn: int) -> str | None:
        return self._canonical(scanned.session.turns[turn].id) if turn >= 0 else None

    def _session(self, scanned: Scanned) -> Session:
        session = scanned.session
        copied = self._copied(scanned)
        costs = self._costs(scanned, copied)
        if not costs and not copied and not any(step.source for step in scanned.steps):
            return session
        copies = self._copies
        turns = list(session.turns)
        for index, turn in enumerate(turns):
            cost_usd = costs.get(index)
            if turn.id in copies or turn.parent in copies or turn.cost_usd != cost_usd:
                turns[index] = self._turn_now(turn, cost_usd)
        if not copied and all(map(operator.is_, turns, session.turns)):
            return session
        return _with_turns(session, tuple(turns), copied)

    def _copied(self, scanned: Scanned) -> int:
        """How many turns in front were written by another session first. Of several that may have
        been the first, one counts as that: no turn counts twice."""
        id = scanned.session.id
        copied = 0
        for step in scanned.steps:
            if step.source is None and not scanned.is_copied(step):
                first = self._founder(step.uuid) or min(self._founders.get(step.uuid, (id,)))
                if first == id:
                    break
            copied = step.turn + 1
        return copied

    def _costs(self, scanned: Scanned, copied: int) -> dict[int, float]:
        """US dollars of each turn, by index, that is known of those behind the `copied` ones."""
        inherited = [state for state in scanned.spent if state.turn < copied] if copied else []
        spent = scanned.spent[len(inherited) :]
        if inherited and spent:  # the file was copied with what its counter said
            went_on = inherited[-1].begun == spent[0].begun
            before: float | None = inherited[-1].total if went_on else 0.0
        else:
            parent = self._scanned.get(self._parents[scanned.session.id] or "")
            before = self._counters.taken_over(scanned, parent)
        return cost.turn_costs(scanned.session.turns, spent, copied, before)

    def _turn_now(self, turn: Turn, cost_usd: float | None) -> Turn:
        return Turn(
            self._canonical(turn.id),
            self._canonical(turn.parent) if turn.parent else None,
            turn.uuid,
            turn.last,
            turn.label,
            turn.started,
            turn.live,
            turn.usage,
            cost_usd,
            turn.hidden,
        )


def _with_turns(session: Session, turns: tuple[Turn, ...], copied: int) -> Session:
    """Like `dataclasses.replace`, which takes five times as long."""
    return Session(
        session.id,
        session.project,
        session.cwd,
        session.path,
        session.title,
        turns,
        session.created,
        session.updated,
        session.presence,
        session.damage,
        session.origin,
        session.sidechains,
        session.size,
        session.mtime_ns,
        copied,
    )


def _holds(scanned: Scanned) -> dict[str, bool]:
    """The uuids that a session has, each with whether it may have written it first."""
    if scanned.minted:
        return {
            step.uuid: step.source is not None or not scanned.is_copied(step)
            for step in scanned.steps
        }
    return {step.uuid: not scanned.is_copied(step) for step in scanned.steps}
