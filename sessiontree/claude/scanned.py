"""What a scan finds in a transcript, as data: it is kept in the index and read back from there,
without what it takes to read a transcript."""

from __future__ import annotations

from msgspec import Struct

from sessiontree.model.session import Session


class Step(Struct, frozen=True, gc=False, array_like=True):
    """A line that a fork copies and by which it is known: a turn's prompt, or the boundary of a
    compaction (a fork of a compacted session begins with that, seen on Claude Code 2.1.330).

    `source` is its `forkedFrom`; `writer` the session that its answer was copied from, ""
    where the transcript does not say."""

    uuid: str
    turn: int  # its turn, as an index of the session's turns; for a boundary the one before it
    time: float | None
    source: tuple[str, str] | None = None
    writer: str = ""


class Spent(Struct, frozen=True, gc=False, array_like=True):
    """What a session's counter of costs said. The counter goes on in a fork (seen on 2.1.330)."""

    turn: int
    time: float | None
    total: float  # US dollars
    begun: int  # when the count began, milliseconds since the epoch: the same in a whole family
    tokens: int = 0  # of all models together


class Scanned(Struct, frozen=True, gc=False, array_like=True):
    """A session and what links and costs are worked out from. `kept` is the uuid, in the parent's
    transcript, of the last message that was copied."""

    session: Session
    steps: tuple[Step, ...] = ()
    spent: tuple[Spent, ...] = ()
    kept: str | None = None
    minted: bool = False  # an offline fork: its lines were copied under uuids of their own

    def is_copied(self, step: Step) -> bool:
        """Whether a line is older than the session that has it."""
        created = self.session.created
        return created is not None and step.time is not None and step.time < created

    def first_own(self) -> int:
        """Index of the first turn that is no copy, 0 where there is none."""
        return max(next((one.turn for one in self.steps if not self.is_copied(one)), 0), 0)
