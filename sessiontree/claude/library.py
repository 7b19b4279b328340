"""The projects folder of Claude Code: which transcripts there are, and what is in them.

Read-only. Each project is a folder named after its path, each session a file `<uuid>.jsonl` in
it. Only files that changed (size or time of last change) are read again.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from sessiontree.claude.index import Index
from sessiontree.claude.transcript.scan import Scanned, read_session
from sessiontree.model.session import Presence, Session

_TRANSCRIPT = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.jsonl\Z", re.IGNORECASE
)
_NOT_PLAIN = re.compile(r"[^a-zA-Z0-9]")
_LONGEST = 200
"""Characters of a project folder's name; a longer one is cut and gets a hash behind it, which
differs between the SDK and the CLI (seen on claude-agent-sdk 0.2.187)."""

BATCH = 200
"""Transcripts between two signs of progress."""


@dataclass(slots=True)
class Progress:
    """A step of a scan. `changed`: sessions that were read, or whose transcript is gone now
    (`removed` has their ids); `problems`: a sentence for each folder that could not be listed."""

    done: int
    total: int
    changed: list[Scanned] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def project_key(cwd: str | Path) -> str:
    """The name of a project's folder. Different folders can have the same (`/a/b-c`, `/a/b/c`);
    one of more than 200 characters is given without its hash."""
    real = unicodedata.normalize("NFC", os.path.realpath(cwd))
    return _NOT_PLAIN.sub("-", real)[:_LONGEST]


def of_project(session: Session, cwd: str | Path) -> bool:
    """Whether a session belongs to the project in the folder `cwd`. Its own folder decides where
    several share a name; one that was copied there from elsewhere belongs to it."""
    key = project_key(cwd)
    if session.project[:_LONGEST] != key:
        return False
    if not session.cwd or project_key(session.cwd) != key:
        return True
    return os.path.realpath(session.cwd) == os.path.realpath(cwd)


class Library:
    """What was read, by path. `cached`: what an earlier run of the app had read. A session whose
    transcript is gone stays known as that: its forks are told by it.

    Not thread-safe: one thread scans at a time."""

    def __init__(self, root: Path, cached: Iterable[Scanned] = ()) -> None:
        self.root = root
        self.reads = 0
        """Transcripts that were read so far."""
        self._known: dict[str, Scanned] = {}
        self._paths: dict[str, set[str]] = {}  # session id → its transcripts
        self._gone: dict[str, Scanned] = {}
        self._unsaved: set[str] = set()  # projects
        self.remember(cached)

    def remember(self, cached: Iterable[Scanned]) -> list[Scanned]:
        """More of what an earlier run of the app had read. Returns what of it is now the one to
        go by for its session."""
        counts = []
        for scanned in cached:
            id = scanned.session.id
            if scanned.session.presence is Presence.GONE:
                self._gone[id] = scanned
            else:
                self._keep(scanned)
            if self._current(id) in (None, scanned):
                counts.append(scanned)
        return counts

    def known(self) -> Iterator[Scanned]:
        """What is known now, one for each session id, gone ones included."""
        for id in self._paths:
            if (scanned := self._current(id)) is not None:
                yield scanned
        yield from self._gone.values()

    def save(self, index: Index) -> None:
        """Keep what is known of the projects in which something changed since the last time."""
        unsaved: dict[str, list[Scanned]] = {project: [] for project in self._unsaved}
        self._unsaved = set()
        if unsaved:
            for scanned in [*self._known.values(), *self._gone.values()]:
                if scanned.session.project in unsaved:
                    unsaved[scanned.session.project].append(scanned)
        for project, sessions in unsaved.items():
            index.save(project, sessions)

    def find(self, id: str) -> Path | None:
        """The transcript of a session, in whatever project's folder. Costs a look into each."""
        if not _TRANSCRIPT.match(f"{id}.jsonl"):
            return None
        folders, _ = self._folders(None)
        for folder in folders:
            path = Path(folder) / f"{id}.jsonl"
            if path.is_file() and not path.is_symlink():
                return path
        return None

    def scan(self, cwd: Path | None = None) -> Iterator[Progress]:
        """Bring what is known up to date: of one project's folder, or of all.

        Costs a stat for each transcript and the reading of those that changed. Survives whatever
        it finds; a folder that cannot be listed is said, and its sessions stay known."""
        folders, problems = self._folders(cwd)
        found: list[tuple[int, str, os.stat_result, str, int]] = []
        complete: set[str] = set()
        for folder in folders:
            try:
                found += _transcripts(folder)
                complete.add(folder)
            except FileNotFoundError:
                complete.add(folder)
            except OSError as error:
                problems.append(f"{folder} cannot be read: {error.strerror}.")
        there = {path for _, path, _, _, _ in found}
        lost = [
            path for path in self._known if path not in there and self._is_gone(path, complete, cwd)
        ]
        found.sort(reverse=True)
        changed_files = [item for item in found if not self._same(item[1], item[2])]
        done = len(found) - len(changed_files)
        progress = Progress(done, len(found), problems=problems)
        for path in lost:
            self._forget(path, progress)
        for _, path, _, project, sidechains in changed_files:
            self._read(path, project, sidechains, progress)
            progress.done += 1
            if len(progress.changed) >= BATCH:
                yield progress
                progress = Progress(progress.done, progress.total)
        yield progress

    def scan_file(self, path: Path) -> Progress:
        """The same for one transcript that is there, changed or gone."""
        progress = Progress(0, 1)
        if _TRANSCRIPT.match(path.name) and path.parent.parent == self.root:
            agents = _sidechains(path.with_suffix(""))
            self._read(str(path), path.parent.name, agents, progress)
        progress.done = 1
        return progress

    def _folders(self, cwd: Path | None) -> tuple[list[str], list[str]]:
        key = None if cwd is None else project_key(cwd)
        try:
            with os.scandir(self.root) as entries:
                return [
                    entry.path
                    for entry in entries
                    if (key is None or entry.name[:_LONGEST] == key)
                    and entry.is_dir(follow_symlinks=False)
                ], []
        except FileNotFoundError:
            return [], []  # Claude Code was never used here
        except OSError as error:
            return [], [f"{self.root} cannot be read: {error.strerror}."]

    def _is_gone(self, path: str, complete: set[str], cwd: Path | None) -> bool:
        folder = Path(path).parent
        return str(folder) in complete or (cwd is None and not folder.is_dir())

    def _same(self, path: str, stat: os.stat_result) -> bool:
        known = self._known.get(path)
        return (
            known is not None
            and known.session.size == stat.st_size
            and known.session.mtime_ns == stat.st_mtime_ns
        )

    def _read(self, path: str, project: str, sidechains: int, progress: Progress) -> None:
        self.reads += 1
        try:
            scanned = read_session(path, project, sidechains=sidechains)
        except FileNotFoundError:
            self._forget(path, progress)
            return
        except (OSError, MemoryError) as error:
            scanned = Scanned(_unreadable(path, project, error))
        self._keep(scanned)
        self._unsaved.add(project)
        self._gone.pop(scanned.session.id, None)
        if self._current(scanned.session.id) is scanned:
            progress.changed.append(scanned)

    def _keep(self, scanned: Scanned) -> None:
        self._known[scanned.session.path] = scanned
        self._paths.setdefault(scanned.session.id, set()).add(scanned.session.path)

    def _current(self, id: str) -> Scanned | None:
        """Of several transcripts with one id, in several folders, the one that changed last."""
        paths = self._paths.get(id)
        if not paths:
            return None
        if len(paths) == 1:
            return self._known[next(iter(paths))]
        return max(
            (self._known[path] for path in paths),
            key=lambda scanned: (scanned.session.mtime_ns, scanned.session.path),
        )

    def _forget(self, path: str, progress: Progress) -> None:
        scanned = self._known.pop(path, None)
        if scanned is None:
            return
        id = scanned.session.id
        self._unsaved.add(scanned.session.project)
        self._paths[id].discard(path)
        other = self._current(id)
        if other is None:
            del self._paths[id]
            session = replace(scanned.session, presence=Presence.GONE, path="")
            other = self._gone[id] = structs.replace(scanned, session=session)
            progress.removed.append(id)
        progress.changed.append(other)


def _transcripts(folder: str) -> list[tuple[int, str, os.stat_result, str, int]]:
    """Time of last change, path, stat, project and number of subagents of each transcript. A
    link or a folder with such a name is none."""
    found = []
    folders: set[str] = set()
    project = Path(folder).name
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if _TRANSCRIPT.match(entry.name):
                    if entry.is_file(follow_symlinks=False):
                        found.append((entry.name, entry.path, entry.stat(follow_symlinks=False)))
                elif len(entry.name) == 36 and entry.is_dir(follow_symlinks=False):
                    folders.add(entry.name)
            except OSError:
                continue  # gone meanwhile
    return [
        (
            stat.st_mtime_ns,
            path,
            stat,
            project,
            _sidechains(Path(path[:-6])) if name[:-6] in folders else 0,
        )
        for name, path, stat in found
    ]


def _sidechains(folder: Path) -> int:
    try:
        with os.scandir(folder / "subagents") as entries:
            return sum(
                entry.name.startswith("agent-") and entry.name.endswith(".jsonl")
                for entry in entries
            )
    except OSError:
        return 0


def _unreadable(path: str, project: str, error: OSError | MemoryError) -> Session:
    """Has no size, so that it is tried again at the next scan."""
    if isinstance(error, PermissionError):
        why = "There is no permission to read it."
    elif isinstance(error, MemoryError):
        why = "It is too large for the memory of this machine."
    else:
        why = f"It cannot be read: {error.strerror}."
    return Session(
        id=Path(path).stem,
        project=project,
        cwd="",
        path=path,
        presence=Presence.DAMAGED,
        damage=(why,),
        size=-1,
    )
