"""Sessions, their turns and the links between them: plain data, as read or as stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the API counts them; each API message counted once."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


@dataclass(frozen=True, slots=True)
class Turn:
    """A typed prompt with everything up to the next.

    Two copies of one turn in two transcripts have the same `id` but may have other `uuid`s:
    an offline fork writes new ones. `last` is what `resume_session_at` takes to keep the whole
    turn. `live` is False on an arm that was left by a rewind.
    """

    id: str  # canonical id of the prompt
    parent: str | None  # canonical id of the turn before it on its line, None at a root
    uuid: str  # uuid of the prompt's line in this transcript
    last: str  # uuid in this transcript of the turn's last entry
    label: str  # the prompt's first line, clean and cut short
    started: float | None  # seconds since the epoch
    live: bool = True
    usage: Usage = Usage()
    cost_usd: float | None = None  # None where unknown
    hidden: bool = False


class Presence(StrEnum):
    """What there is on disk."""

    OK = "ok"
    DAMAGED = "damaged"  # readable, but something in it could not be read
    GONE = "gone"  # known from the store, the transcript is no longer there
    NEW = "new"  # started here, nothing written yet


@dataclass(frozen=True, slots=True)
class Session:
    """One id, one transcript, one tip. `turns` is in file order, arms included; those with
    `live` are the line from the root to the tip."""

    id: str
    project: str  # name of its folder under `projects`
    cwd: str  # where its first line says it was started; "" where unknown
    path: str  # the transcript; "" for a session that has none (yet, or any more)
    title: str = ""  # given by a person or by Claude Code, "" where there is none
    turns: tuple[Turn, ...] = ()
    created: float | None = None
    updated: float | None = None
    presence: Presence = Presence.OK
    damage: tuple[str, ...] = ()  # a sentence each
    origin: str = ""  # the transcript's entrypoint: cli, sdk-py, …; "" where unknown
    sidechains: int = 0  # subagents' transcripts
    size: int = 0  # bytes
    mtime_ns: int = 0
    copied: int = 0  # turns in front that count as another session's, which wrote them first

    @property
    def line(self) -> tuple[Turn, ...]:
        """The turns from the root to the tip."""
        return tuple(turn for turn in self.turns if turn.live)


WORKTREES = "/.claude/worktrees/"
"""Where, in a repository, Claude Code makes worktrees (`claude --worktree`, seen on 2.1.330)."""


def project_folder(cwd: str) -> str:
    """The folder whose project the sessions in `cwd` belong to: of a worktree that Claude Code
    made the repository that it is in, whether or not it is still there."""
    return cwd.partition(WORKTREES)[0] or cwd


def worktree(cwd: str) -> str:
    """The name of the worktree that Claude Code made and `cwd` is in, "" for any other folder."""
    return cwd.partition(WORKTREES)[2].partition("/")[0]


class Evidence(StrEnum):
    """How a link is known, the surest first."""

    MANUAL = "manual"  # a person set it (or cut it)
    MADE = "made"  # this app made the fork and stored the link before
    POINTER = "pointer"  # the transcript's `forkedFrom`
    PREFIX = "prefix"  # it repeats the parent's message uuids
    NONE = "none"  # a root


class LinkKind(StrEnum):
    FORK = "fork"
    HANDOFF = "handoff"


@dataclass(frozen=True, slots=True)
class Link:
    """Child session → parent session. `turn` is the canonical id of the last turn they share,
    None where they share none; `point` the uuid, in the parent's transcript, of the last entry
    that the child kept, None where unknown. A link with `parent` None says 'this is a root'.
    `group` is the fan-out that the child was begun in, `way` what tells it from the others of
    that, in a few words. Their ids are in the order in which they were asked for."""

    child: str
    parent: str | None
    turn: str | None = None
    point: str | None = None
    evidence: Evidence = Evidence.NONE
    kind: LinkKind = LinkKind.FORK
    group: str = ""
    way: str = ""
