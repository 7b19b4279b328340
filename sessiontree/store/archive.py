"""Copies of transcripts, which Claude Code deletes after some weeks, for as long as one likes.

<folder>/<project>/<session>/main.gz
<folder>/<project>/<session>/sub-<name>.gz      a subagent's
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import threading
import uuid
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from filelock import Timeout

from sessiontree.config import make_private
from sessiontree.store import words
from sessiontree.store.files import Files
from sessiontree.store.packed import ArchiveError, Packer
from sessiontree.store.storefile import discard, move_in, write_all

_MAIN = "main.gz"
_LONGEST = 200  # characters of a part of a path
_META = "agent_metadata"
"""The type of the line that stands for a subagent's `.meta.json`, as the SDK's stores have it
(claude-agent-sdk 0.2.187)."""


@dataclass(frozen=True, slots=True)
class Copy:
    """An archived session: `size` in bytes as compressed, `changed` in nanoseconds since the
    epoch as the transcript's file had it."""

    project: str
    session: str
    size: int
    changed: int


class Archive:
    """The copies in one folder, at most `limit` bytes of them. Safe to use from several threads
    and instances; everything reads or writes files. Methods raise `ArchiveError`.

    `notices` are sentences for a person: what was dropped to stay within the limit."""

    def __init__(
        self, folder: Path, *, limit: int, deadline: float = 30.0, files: Files | None = None
    ) -> None:
        self.folder = folder
        self.limit = limit
        self.notices: list[str] = []
        self._deadline = deadline
        self._files = files or Files()
        self._thread = threading.RLock()
        self._lock = self._files.lock(folder / ".lock")
        self._packer = Packer(self._files)

    # What is there

    def copies(self, project: str | None = None) -> list[Copy]:
        """The archived sessions of a project, or of all, the oldest first. Costs a look at each."""
        pattern = "*" if project is None else _part(project)
        found = [_copy(place) for place in self.folder.glob(f"{pattern}/*") if place.is_dir()]
        return sorted((copy for copy in found if copy), key=lambda copy: copy.changed)

    def size(self) -> int:
        """Bytes that all copies take."""
        return sum(copy.size for copy in self.copies())

    def parts(self, project: str, session: str) -> list[str]:
        """The names of a session's subagent transcripts, such as `subagents/agent-1`."""
        files = sorted(self._place(project, session).glob("sub-*.gz"))
        return [_name(file.name.removeprefix("sub-").removesuffix(".gz")) for file in files]

    def read(self, project: str, session: str, part: str = "") -> bytes | None:
        """The lines of an archived transcript, None where there is none. Raises `ArchiveError`
        for a damaged one."""
        file = self._file(project, session, part)
        try:
            return self._packer.read(file)
        except OSError as error:
            raise ArchiveError(f"{file} cannot be read: {words.why(error)}.") from error

    # What is added

    def add(self, project: str, session: str, part: str, lines: bytes) -> None:
        """Adds whole lines to a copy, which begins with them if there is none."""
        with self._writing():
            file = self._file(project, session, part)
            self._make_folder(file.parent)
            self._packer.append(file, lines)

    def keep(self, transcript: Path, marked: Collection[str] = ()) -> bool:
        """Brings the copy of a transcript and of its subagents' up to date; whether there was
        anything new. Costs the reading of what changed. A transcript with fewer lines than its
        copy changes nothing. `marked` sessions are not dropped to make room."""
        project, session = transcript.parent.name, transcript.stem
        inner = transcript.with_suffix("")
        with self._writing():
            changed = self._follow(transcript, self._file(project, session, ""))
            agents = inner / "subagents"
            linked = inner.is_symlink() or agents.is_symlink()
            for agent in sorted(agents.glob("**/*.jsonl")) if not linked else ():
                part = agent.relative_to(inner).with_suffix("").as_posix()
                changed |= self._follow(agent, self._file(project, session, part))
            if changed:
                self._make_room({session, *marked})
        return changed

    def remove(self, project: str, session: str, part: str | None = None) -> None:
        """Removes one part of a copy ("" is its main transcript), or all of it."""
        with self._writing():
            if part is not None:
                discard(self._files, self._file(project, session, part))
            else:
                shutil.rmtree(self._place(project, session), ignore_errors=True)

    # What is brought back

    def extract(self, project: str, session: str, root: Path, *, over: bool = False) -> Path:
        """Writes an archived session as transcripts under `root`, as Claude Code lays them out;
        the main one. There it can be read, or, under Claude Code's own folder `projects`,
        continued and forked. Nothing that is there is written over, but with `over`: what an
        earlier call left then."""
        if not _is_plain(project, session):
            raise ArchiveError(f"{session!r} in {project!r} is not a session that can be written.")
        main = self.read(project, session)
        if main is None:
            raise ArchiveError(f"There is no copy of session {session} in the archive.")
        target = root / project / f"{session}.jsonl"
        try:
            for part in self.parts(project, session):
                data = self.read(project, session, part)
                self._extract_part(root, target.with_suffix(""), part, data, over)
            self._bring_back(root, target, main, over)
        except FileExistsError:
            raise ArchiveError(f"{target} is there already.") from None
        except OSError as error:
            raise ArchiveError(f"{target} cannot be written: {words.why(error)}.") from error
        return target

    def _extract_part(
        self, root: Path, folder: Path, part: str, data: bytes | None, over: bool
    ) -> None:
        place = folder / f"{part}.jsonl"
        if ".." in place.parts or not place.is_relative_to(folder):
            raise ArchiveError(f"{part!r} is not the name of a subagent's transcript.")
        lines = (data or b"").splitlines(keepends=True)
        notes = [note for line in lines if (note := _metadata(line)) is not None]
        with contextlib.suppress(FileExistsError):
            said = b"".join(line for line in lines if _metadata(line) is None)
            self._bring_back(root, place, said, over)
        if notes:
            note = {name: value for name, value in notes[-1].items() if name != "type"}
            with contextlib.suppress(FileExistsError):
                text = json.dumps(note).encode("ascii")
                self._bring_back(root, place.with_suffix(".meta.json"), text, over)

    def _bring_back(self, root: Path, target: Path, data: bytes, over: bool) -> None:
        """A file that appears whole, under `root` itself and, but with `over`, only where there is
        none."""
        for folder in target.relative_to(root).parents[:-1]:
            if (root / folder).is_symlink():
                raise ArchiveError(
                    f"{root / folder} is a link, and nothing is written through one."
                )
        make_private(target.parent)
        draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        fd = self._files.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            write_all(self._files, fd, data)
            self._files.fsync(fd)
            if over:
                self._files.replace(draft, target)
            else:
                move_in(self._files, draft, target)
        finally:
            os.close(fd)
            discard(self._files, draft)

    # How it is written

    def _place(self, project: str, session: str) -> Path:
        return self.folder / _part(project) / _part(session)

    def _file(self, project: str, session: str, part: str) -> Path:
        name = f"sub-{_part(part)}.gz" if part else _MAIN
        return self._place(project, session) / name

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._thread:
            try:
                make_private(self.folder)
                with self._lock.acquire(timeout=self._deadline):
                    yield
            except Timeout:
                raise ArchiveError(words.busy(self.folder / ".lock", self._deadline)) from None
            except OSError as error:
                raise ArchiveError(
                    f"The archive {self.folder} cannot be written: {words.why(error)}."
                ) from error

    def _make_folder(self, place: Path) -> None:
        for folder in (place, place.parent):
            if folder.is_symlink():
                raise ArchiveError(f"{folder} is a link, and nothing is written through one.")
        if not place.is_dir():
            make_private(place)
            self._files.sync_folder(place.parent)
            self._files.sync_folder(self.folder)

    def _follow(self, source: Path, file: Path) -> bool:
        """Makes the copy of one transcript hold what that holds now."""
        try:
            changed = self._files.stat(source).st_mtime_ns
            if self._is_current(file, changed):
                return False
            data = _content(self._files, source)
        except OSError as error:
            raise ArchiveError(f"{source} cannot be read: {words.why(error)}.") from error
        data = data[: data.rfind(b"\n") + 1]  # the last line may still be written
        if file.name != _MAIN:
            data += _metadata_line(self._files, source.with_suffix(".meta.json"))
        if not data:
            return False
        self._make_folder(file.parent)
        try:
            held = self._packer.held(file)
        except ArchiveError:
            self._files.replace(file, file.with_suffix(".damaged"))
            held = None
        if held and zlib.crc32(data[: held.length]) == held.checksum:
            self._packer.append(file, data[held.length :])
        elif held is None or data.count(b"\n") >= held.lines:
            self._packer.write(file, data)
        else:
            return False
        self._packer.stamp(file, changed)
        return True

    def _is_current(self, file: Path, changed: int) -> bool:
        try:
            return self._files.stat(file).st_mtime_ns == changed
        except FileNotFoundError:
            return False

    def _make_room(self, marked: Collection[str]) -> None:
        """Drops the oldest copies until the rest is within the limit, never a marked one."""
        copies = self.copies()
        size = sum(copy.size for copy in copies)
        for copy in copies:
            if size <= self.limit:
                return
            if copy.session not in marked:
                shutil.rmtree(self._place(copy.project, copy.session), ignore_errors=True)
                size -= copy.size
                self.notices.append(
                    f"The archive was full: the copy of session {copy.session} was dropped."
                )
        if size > self.limit:
            self.notices.append(
                f"The archive takes {size / 1e6:,.0f} MB, more than its limit of "
                f"{self.limit / 1e6:,.0f} MB: all that is left in it is marked to be kept."
            )


def _content(files: Files, source: Path) -> bytes:
    """Raises `ArchiveError` for what is not a plain file: reading a pipe would wait forever."""
    fd = files.open(source, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as opened:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ArchiveError(f"{source} is not a plain file.")
        return opened.read()


def _is_plain(project: str, session: str) -> bool:
    """Whether these can be parts of a path as they are."""
    try:
        is_id = str(uuid.UUID(session)) == session.lower()
    except ValueError:
        return False
    return is_id and project != ".." and Path("x", project).name == project


def _copy(place: Path) -> Copy | None:
    """None for a folder that holds no main transcript."""
    try:
        files = [(file.name, file.stat()) for file in place.glob("*.gz")]
        changed = next(info.st_mtime_ns for name, info in files if name == _MAIN)
    except (OSError, StopIteration):
        return None
    size = sum(info.st_size for _, info in files)
    return Copy(_name(place.parent.name), _name(place.name), size, changed)


def _part(name: str) -> str:
    """A name as one part of a path, whatever it holds. Raises `ArchiveError` where it cannot."""
    part = quote(name, safe="", errors="surrogateescape")
    if part.startswith("."):
        part = "%2E" + part[1:]
    if not 0 < len(part) <= _LONGEST:
        raise ArchiveError(f"{name[:40]!r} is not a name that can be archived.")
    return part


def _name(part: str) -> str:
    return unquote(part, errors="surrogateescape")


def _metadata(line: bytes) -> dict[str, object] | None:
    if _META.encode() not in line:
        return None
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict) and entry.get("type") == _META:
            return entry
    return None


def _metadata_line(files: Files, note: Path) -> bytes:
    with contextlib.suppress(OSError, ValueError, ArchiveError):
        entry = json.loads(_content(files, note))
        if isinstance(entry, dict):
            return json.dumps({**entry, "type": _META}).encode("ascii") + b"\n"
    return b""


__all__ = ["Archive", "ArchiveError", "Copy"]
