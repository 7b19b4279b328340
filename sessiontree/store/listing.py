"""The listing cache: what was read of each transcript, so that it is not read again.

One file a project, in a folder beside the store, so that the current project's sessions are
there at once. Each is a list of checksummed lines that are only ever added to: the last one for
a path counts, and a damaged one is a session that is read again. So it needs neither a lock nor
fsync; what is lost comes back with the next scan.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from sessiontree.model.session import Presence, Session, Turn, Usage
from sessiontree.store.files import FILE_MODE, FOLDER_MODE
from sessiontree.store.format import decode, encode

_SUFFIX = ".v1.jsonl"  # lines of another form get another suffix
_SLACK = 64  # superseded lines that are no reason to write a file anew
_PLAIN = tuple(
    field.name for field in fields(Session) if field.name not in ("turns", "damage", "presence")
)
_TURN = tuple(field.name for field in fields(Turn))
_USAGE = _TURN.index("usage")


class Listing:
    """Sessions by the path of their transcript. Costs: `read` grows with the projects asked for,
    `put` and `drop` with what they are given. A folder that cannot be written caches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, project: str | None = None) -> dict[str, Session]:
        """The sessions of one project, or of all. Files that cannot be read hold none."""
        if project is not None:
            return self._read(self._file(project))
        found: dict[str, Session] = {}
        for file in sorted(self.folder.glob("*" + _SUFFIX)):
            found.update(self._read(file))
        return found

    def put(self, sessions: Iterable[Session]) -> None:
        """Keeps these sessions, those without a transcript excepted."""
        added: dict[str, list[bytes]] = {}
        for session in sessions:
            if session.path:
                added.setdefault(session.project, []).append(encode(_record(session)))
        self._add(added)

    def drop(self, paths: Iterable[str]) -> None:
        added: dict[str, list[bytes]] = {}
        for path in paths:
            project = Path(path).parent.name
            added.setdefault(project, []).append(encode({"path": path, "drop": True}))
        self._add(added)

    def _file(self, project: str) -> Path:
        # A digest: project names can be longer than a file name may be.
        name = hashlib.blake2b(os.fsencode(project), digest_size=12).hexdigest()
        return self.folder / (name + _SUFFIX)

    def _add(self, added: dict[str, list[bytes]]) -> None:
        if not added:
            return
        with contextlib.suppress(OSError):  # no cache is slower and nothing else
            self.folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            for project, encoded in added.items():
                _append(self._file(project), b"".join(encoded))

    def _read(self, file: Path) -> dict[str, Session]:
        try:
            data = file.read_bytes()
        except OSError:
            return {}
        count = 0
        latest: dict[str, bytes] = {}
        found: dict[str, Session] = {}
        for line in data.split(b"\n"):
            count += 1
            record = decode(line)
            path = record.get("path") if record else None
            if record is None or not isinstance(path, str):
                continue
            found.pop(path, None)
            latest.pop(path, None)
            session = None if "drop" in record else _session(record)
            if session is not None:
                found[path], latest[path] = session, line
        if count > 2 * len(latest) + _SLACK:
            self._write_anew(file, latest.values())
        return found

    def _write_anew(self, file: Path, latest: Iterable[bytes]) -> None:
        temporary = file.with_name(f"{uuid.uuid4().hex}.tmp")
        try:
            _append(temporary, b"".join(line + b"\n" for line in latest))
            temporary.replace(file)
        except OSError:
            temporary.unlink(missing_ok=True)


def _append(file: Path, data: bytes) -> None:
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
    try:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":  # someone died while writing
            data = b"\n" + data
        os.write(fd, data)
    finally:
        os.close(fd)


def _record(session: Session) -> dict[str, Any]:
    record = {name: getattr(session, name) for name in _PLAIN}
    record["presence"] = session.presence.value
    record["damage"] = session.damage
    record["turns"] = [list(_row(turn)) for turn in session.turns]
    return record


def _row(turn: Turn) -> Iterator[Any]:
    for name in _TURN:
        value = getattr(turn, name)
        if name == "usage":
            value = [value.input, value.output, value.cache_read, value.cache_write]
        yield value


def _session(record: dict[str, Any]) -> Session | None:
    """None for a line that another version wrote in another form."""
    try:
        return Session(
            **{name: record[name] for name in _PLAIN},
            turns=tuple([_turn(row) for row in record["turns"]]),
            presence=Presence(record["presence"]),
            damage=tuple(record["damage"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _turn(row: list[Any]) -> Turn:
    row[_USAGE] = Usage(*row[_USAGE])
    return Turn(*row)
