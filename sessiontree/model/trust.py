"""What a project's own files would do to a run, and what a person decided about it. Plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Does(StrEnum):
    """What a thing does once a project's settings are loaded, the weightiest first."""

    RUNS = "runs"
    CONNECTS = "connects to"
    SETS = "sets"
    ALLOWS = "allows unasked"
    TELLS = "tells the agent"


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that a file brings. Every text is clean and on one line."""

    does: Does
    source: str  # the file, as a path from the project's folder
    name: str  # e.g. "hook SessionStart", "MCP server github"
    text: str = ""  # the command, the address, the value


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a folder carries. `files` has a digest for each file that matters, by its path
    from the folder; `faults` are sentences on why it cannot be trusted as it is."""

    folder: str
    things: tuple[Thing, ...] = ()
    faults: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def carries(self) -> bool:
        return bool(self.files)

    @property
    def only_tells(self) -> bool:
        """Whether nothing in it could run, reach out or allow: CLAUDE.md and the like."""
        return not self.faults and all(thing.does is Does.TELLS for thing in self.things)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the files' paths and digests; "" for a folder that carries nothing."""
        if not self.files:
            return ""
        parts = [part for item in sorted(self.files.items()) for part in item]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


class Standing(StrEnum):
    NOTHING = "nothing"  # the folder carries nothing to ask about
    UNASKED = "unasked"
    CHANGED = "changed"  # the files are others than when a person decided
    OWN = "own"  # decided: the person's own settings only
    TRUSTED = "trusted"  # decided: the project's settings are loaded


@dataclass(frozen=True, slots=True)
class Trust:
    """What a folder carries and how the person stands to it. `changed` are the files that came,
    went or changed since they decided."""

    survey: Survey
    standing: Standing
    changed: tuple[str, ...] = ()

    @property
    def to_ask(self) -> bool:
        return self.standing in (Standing.UNASKED, Standing.CHANGED)

    @property
    def loads(self) -> str:
        """The fingerprint of what a run may load, "" for nothing of the project."""
        return self.survey.fingerprint if self.standing is Standing.TRUSTED else ""
