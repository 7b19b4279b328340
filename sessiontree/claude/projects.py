"""The projects folder of Claude Code, from outside: its folders, the transcripts in them.

Read-only. Each project is a folder named after its path, each session a file `<uuid>.jsonl` in it.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sessiontree.model.session import WORKTREES, project_folder

if TYPE_CHECKING:
    from sessiontree.claude.cache import Stamp

TRANSCRIPT = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.jsonl\Z", re.IGNORECASE
)
"""The name of a session's file."""
_NONE: Mapping[str, Stamp] = {}
_NOT_PLAIN = re.compile(r"[^a-zA-Z0-9]")
_LONGEST = 200
"""Characters of a project folder's name; a longer one is cut and gets a hash behind it, which
differs between the SDK and the CLI (seen on claude-agent-sdk 0.2.187)."""


class Somewhere(Protocol):
    """A session, as far as it takes to tell its project."""

    @property
    def project(self) -> str: ...
    @property
    def cwd(self) -> str: ...


class Item(NamedTuple):
    """A transcript to read. `size` is only for judging how long that takes."""

    path: str
    size: int


def project_key(cwd: str | Path) -> str:
    """The name of a project's folder. Different folders can have the same (`/a/b-c`, `/a/b/c`);
    one of more than 200 characters is given without its hash."""
    real = unicodedata.normalize("NFC", real_path(cwd))
    return _NOT_PLAIN.sub("-", real)[:_LONGEST]


def of_project(session: Somewhere, cwd: str | Path) -> bool:
    """Whether a session belongs to the project in the folder `cwd`, or to a worktree that Claude
    Code made there. Its own folder decides where several share a name; one that was copied there
    from elsewhere belongs to it."""
    key = project_key(cwd)
    if not _is_folder_of(key, session.project):
        return False
    at = project_folder(session.cwd)
    if not at or project_key(at) != key:
        return True
    return real_path(at) == real_path(cwd)


def _is_folder_of(key: str, name: str) -> bool:
    """Whether the project that has this key has a folder with this name: its own, or that of one
    of its worktrees."""
    return name[:_LONGEST] == key or name.startswith(key + _NOT_PLAIN.sub("-", WORKTREES))


def real_path(folder: str | Path) -> str:
    """A folder as the system knows it; unchanged where it cannot be one, as with a NUL in it: a
    transcript may say anything."""
    try:
        return os.path.realpath(folder)
    except ValueError:
        return str(folder)


def subagents_folder(transcript: str) -> str:
    """Where the transcripts of a session's subagents are, by the path of its own."""
    return transcript.removesuffix(".jsonl") + "/subagents"


def is_through_link(transcript: Path) -> bool:
    """Whether a transcript, or the folder of its project, is a link to somewhere else. The folder
    of Claude Code may well be one: its owner has put it there."""
    return transcript.is_symlink() or transcript.parent.is_symlink()


def folders(root: Path, cwd: str | Path | None = None) -> list[str]:
    """Paths of the projects' folders: of all, or of those that can be of the one in `cwd`.

    Raises `OSError` where `root` cannot be listed; one that does not exist has none."""
    key = None if cwd is None else project_key(cwd)
    try:
        with os.scandir(root) as entries:
            return [
                entry.path
                for entry in entries
                if (key is None or _is_folder_of(key, entry.name))
                and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []  # Claude Code was never used here


def has_project(root: Path, cwd: Path) -> bool:
    """Whether there is a folder of sessions for the project in `cwd`."""
    try:
        return bool(folders(root, cwd))
    except OSError:
        return False


def transcripts(folder: str, known: Mapping[str, Stamp] = _NONE) -> dict[str, Stamp]:
    """The transcripts in a project's folder, by name, and whatever else is called like one.

    Raises `OSError` where it cannot be listed. Costs a stat for each, and little beside that for
    those that are as they were `known`."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            before = known.get(name)
            if before is None and not TRANSCRIPT.match(name):
                continue
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile
            found[name] = (info.st_size, info.st_mtime_ns)
    return found
