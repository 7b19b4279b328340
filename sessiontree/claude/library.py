"""What is in the transcripts of Claude Code's projects folder, all of them together.

Only files that changed (size or time of last change) are read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from sessiontree.claude.cache import Stamp
from sessiontree.claude.index import Index
from sessiontree.claude.projects import TRANSCRIPT, Item, folders, transcripts
from sessiontree.claude.scanned import Scanned
from sessiontree.model.session import Presence

BATCH = 200
"""Transcripts between two signs of progress."""


@dataclass(slots=True)
class Progress:
    """A step of a scan. `size`: bytes that are still to be read; `changed`: sessions that were
    read, or whose transcript is gone now (`removed` has their ids); `problems`: a sentence for
    each folder that could not be listed."""

    done: int
    total: int
    size: int = 0
    changed: list[Scanned] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Look:
    """`changed`: transcripts that are to be read, the latest first; `lost`: paths of those that
    are gone; `total`: how many there are."""

    total: int = 0
    changed: list[Item] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Library:
    """What was read, by path. `cached`: what an earlier run of the app had read. A session whose
    transcript is gone stays known as that: its forks are told by it.

    Not thread-safe: one thread scans at a time."""

    def __init__(self, root: Path, cached: Iterable[Scanned] = ()) -> None:
        self.root = root
        self.reads = 0
        """Transcripts that were read so far."""
        self._known: dict[str, Scanned] = {}
        self._stamps: dict[str, dict[str, Stamp]] = {}  # folder → name → the stamp it had then
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
        yield from (scanned for id, scanned in self._gone.items() if id not in self._paths)

    def of(self, project: str) -> list[Scanned]:
        """What is known of the transcripts of one project (the name of its folder)."""
        folder = str(self.root / project)
        there = [self._known[f"{folder}/{name}"] for name in self._stamps.get(folder, ())]
        return there + [one for one in self._gone.values() if one.session.project == project]

    def save(self, index: Index) -> None:
        """Keep what is known of the projects in which something changed since the last time."""
        unsaved, self._unsaved = self._unsaved, set()
        for project in unsaved:
            index.save(project, self.of(project))

    def find(self, id: str) -> Path | None:
        """The transcript of a session, in whatever project's folder. Costs a look into each."""
        if not TRANSCRIPT.match(f"{id}.jsonl"):
            return None
        try:
            there = folders(self.root)
        except OSError:
            return None
        for folder in there:
            path = Path(folder) / f"{id}.jsonl"
            if path.is_file() and not path.is_symlink():
                return path
        return None

    def stamps(self, project: str) -> dict[str, Stamp]:
        """The transcripts of a project (the name of its folder) as they were when they were read;
        one that could not be read never has the stamp that it has on disk."""
        return dict(self._stamps.get(str(self.root / project), {}))

    def scan(
        self, cwd: Path | None = None, *, seen: Mapping[str, Mapping[str, Stamp]] | None = None
    ) -> Iterator[Progress]:
        """Bring what is known up to date: of one project's folder, of all, or of some (by name) of
        which the caller has just `seen` what transcripts there are.

        Costs a stat for each transcript and the reading of those that changed. Survives whatever
        it finds; a folder that cannot be listed is said, and its sessions stay known."""
        from sessiontree.claude import readers  # 20 ms, not before the first paint

        look = self._look(cwd, seen)
        size = sum(item.size for item in look.changed)
        done = look.total - len(look.changed)
        progress = Progress(done, look.total, size, problems=look.problems)
        for path in look.lost:
            self._forget(path, progress)
        if size > readers.ENOUGH:  # a while goes by until the first is read
            yield progress
            progress = Progress(done, look.total, size)
        for item, scanned in readers.read_all(look.changed):
            self._take(item, scanned, progress)
            progress.done += 1
            progress.size -= item.size
            if len(progress.changed) >= BATCH:
                yield progress
                progress = Progress(progress.done, progress.total, progress.size)
        yield progress

    def scan_file(self, path: Path) -> Progress:
        """The same for one transcript that is there, changed or gone."""
        from sessiontree.claude import readers

        progress = Progress(0, 1)
        ours = TRANSCRIPT.match(path.name) and path.parent.parent == self.root
        if ours and not path.parent.is_symlink():
            try:
                size = path.lstat().st_size
            except OSError:
                size = 0  # it is gone, or reading it says what is wrong
            for item, scanned in readers.read_all([Item(str(path), size)]):
                self._take(item, scanned, progress)
        progress.done = 1
        return progress

    def _look(self, cwd: Path | None, seen: Mapping[str, Mapping[str, Stamp]] | None) -> _Look:
        """What is other than it is known, without reading it."""
        look = _Look()
        changed: list[tuple[int, Item]] = []
        for folder, there in self._listed(cwd, look) if seen is None else self._seen(seen):
            before = self._stamps.get(folder, {})
            look.total += len(there)
            if there == before:
                continue
            for name, stamp in there.items():
                if before.get(name) != stamp:
                    changed.append((stamp[1], Item(f"{folder}/{name}", stamp[0])))
            look.lost += [f"{folder}/{name}" for name in before.keys() - there.keys()]
        changed.sort(reverse=True)
        look.changed = [item for _, item in changed]
        return look

    def _seen(
        self, seen: Mapping[str, Mapping[str, Stamp]]
    ) -> Iterator[tuple[str, Mapping[str, Stamp]]]:
        for name, there in seen.items():
            yield str(self.root / name), there

    def _listed(self, cwd: Path | None, look: _Look) -> Iterator[tuple[str, Mapping[str, Stamp]]]:
        """The projects' folders as they are now, those that are gone as empty."""
        try:
            on_disk = folders(self.root, cwd)
        except OSError as error:
            look.problems.append(f"{self.root} cannot be read: {error.strerror}.")
            return
        lost = self._stamps.keys() - on_disk if cwd is None else ()
        for folder in (*on_disk, *lost):
            try:
                there = transcripts(folder, self._stamps.get(folder, {}))
            except FileNotFoundError:
                there = {}
            except OSError as error:
                look.problems.append(f"{folder} cannot be read: {error.strerror}.")
                continue
            yield folder, there

    def _take(self, item: Item, scanned: Scanned | None, progress: Progress) -> None:
        self.reads += 1
        if scanned is None:
            self._forget(item.path, progress)
            return
        self._keep(scanned)
        self._unsaved.add(scanned.session.project)
        self._gone.pop(scanned.session.id, None)
        if self._current(scanned.session.id) is scanned:
            progress.changed.append(scanned)

    def _keep(self, scanned: Scanned) -> None:
        session = scanned.session
        self._known[session.path] = scanned
        folder, _, name = session.path.rpartition("/")
        self._stamps.setdefault(folder, {})[name] = (session.size, session.mtime_ns)
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
        folder, _, name = path.rpartition("/")
        del self._stamps[folder][name]
        other = self._current(id)
        if other is None:
            del self._paths[id]
            session = replace(scanned.session, presence=Presence.GONE, path="")
            other = self._gone[id] = structs.replace(scanned, session=session)
            progress.removed.append(id)
        progress.changed.append(other)
