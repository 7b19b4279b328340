"""The store's file: opened, followed and written so that an acknowledged change is never lost.

A change takes the lock, reads on to what others wrote, is written as one line, reaches the disk,
and only then is in memory and acknowledged. What a crash leaves half-written at the end is set
aside by the next one who holds the lock. Order comes from the lines' numbers, never from a clock.

`tables` may be read by any thread that holds `state`, which is only ever held for moments. One
thread at a time changes it, through `transaction`, which may wait for the lock and the disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from filelock import Timeout

from sessiontree.store import rewrite
from sessiontree.store.contents import Contents, Damage
from sessiontree.store.draft import Draft
from sessiontree.store.errors import StoreBusy, StoreDamaged, StoreError, StoreReadOnly
from sessiontree.store.files import FOLDER_MODE, Files
from sessiontree.store.format import Changes, Header, Line, Tables, decode, encode_changes
from sessiontree.store.migrations import READER, VERSION, migrate

_SLACK = 32 * 1024
"""Bytes of replaced documents that a file may hold, however small it is, before it is written
anew; a larger one may hold as many as it has live ones. So the cost of that, spread over the
changes, stays the same at any size."""

_NEW = Header(VERSION, READER, store="", generation=0)


class Journal:
    """A store's file and, in `tables`, what it holds.

    Opening raises `StoreError` where there is nothing that could be shown. Where it can only be
    read, `read_only` says why. `notices` are sentences for a person about what was found."""

    def __init__(self, path: Path, *, deadline: float = 5.0, files: Files | None = None) -> None:
        self.path = path
        self.lock_path = path.with_name(path.name + ".lock")
        self.deadline = deadline
        self.read_only = ""
        self.notices: list[str] = []
        self.state = threading.Lock()
        self._writer = threading.RLock()
        self._files = files or Files()
        self._draft: Draft | None = None
        self._draft_thread = 0
        self._fd = -1
        self._identity: tuple[int, int] | None = None  # device and inode of the file of `_fd`
        self._contents = Contents(_NEW, 0)
        self._patience = _SLACK  # dead bytes from which it is worth being written anew
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @property
    def tables(self) -> Tables:
        return self._contents.tables

    @property
    def header(self) -> Header:
        return self._contents.header

    @property
    def seq(self) -> int:
        return self._contents.seq

    @property
    def draft(self) -> Draft | None:
        """The transaction that the calling thread has open."""
        return self._draft if self._draft_thread == threading.get_ident() else None

    def close(self) -> None:
        with self._writer:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            self.read_only = self.read_only or f"{self.path} was closed."

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Draft]:
        """A draft to change. It is stored whole when the block ends, not at all when it raises;
        a transaction within one becomes part of it. Cost: with what is changed, not with what
        is there, one fsync, and at times a file written anew.

        Raises `StoreError` when nothing was stored, `TypeError` or `ValueError` for a document
        that JSON cannot hold."""
        with self._writer:
            if self._draft is not None:
                yield self._draft
                return
            self._refuse_if_read_only()
            with self._locked():
                self._catch_up()
                self._refuse_if_read_only()
                self._draft, self._draft_thread = Draft(self.tables), threading.get_ident()
                try:
                    yield self._draft
                    changes = self._draft.changes()
                finally:
                    self._draft, self._draft_thread = None, 0
                if changes:
                    self._commit(changes)
                    self._compact_if_worth_it()

    def refresh(self) -> bool:
        """Reads on to what others wrote; whether that was anything. One `stat` when nothing was.

        Raises `StoreError` when the file is gone, was replaced by another, or is damaged."""
        if self._is_current():
            return False
        with self._writer:
            before = self.header.generation, self.seq
            if self.read_only:
                self._load(locked=False)
            else:
                with self._locked():
                    self._catch_up()
            return (self.header.generation, self.seq) != before

    def compact(self) -> None:
        """Writes the file anew, without what was replaced; the former one becomes a backup."""
        with self._writer:
            self._refuse_if_read_only()
            with self._locked():
                self._catch_up()
                self._refuse_if_read_only()
                self._rewrite(self.tables)

    # The lock

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            lock = self._files.lock(self.lock_path, self.deadline)
        except Timeout:
            raise StoreBusy(
                f"Another program has held the lock {self.lock_path} for {self.deadline:g} s: "
                "another sessiontree, or one that hangs."
            ) from None
        except (OSError, NotImplementedError) as error:
            raise StoreReadOnly(
                f"{self.path} can only be read: no lock can be had in its folder ({_why(error)})."
            ) from error
        with lock:
            yield

    def _refuse_if_read_only(self) -> None:
        if self.read_only:
            raise StoreReadOnly(self.read_only)

    def _turn_read_only(self, reason: str) -> None:
        self.read_only = reason
        self.notices.append(reason)

    # Opening and following

    def _open(self) -> None:
        try:
            self._make_folder()
            with self._locked():
                self._load_or_create()
        except StoreBusy as busy:
            if not self._exists():
                raise
            self.notices.append(f"{busy} Until it lets go, nothing can be changed.")
            self._load(locked=False)
        except StoreReadOnly as reason:
            self._open_read_only(str(reason))
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise StoreError(f"{self.path} cannot be opened: {_why(error)}.") from error
            self._open_read_only(f"{self.path} can only be read: {_why(error)}.")

    def _open_read_only(self, reason: str) -> None:
        self._turn_read_only(reason)
        if self._exists():
            self._load(locked=False)

    def _exists(self) -> bool:
        try:
            self._files.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {_why(error)}.") from error
        return True

    def _make_folder(self) -> None:
        folder = self.path.parent
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(FOLDER_MODE, exist_ok=True)
            self._files.sync_folder(folder.parent)

    def _load_or_create(self) -> None:
        if self._exists():
            self._load(locked=True)
        elif backups := rewrite.backups(self.path):
            raise StoreError(
                f"{self.path} is missing, but backups of it are there: {_names(backups)}. "
                "`sessiontree doctor --repair` brings the newest back. "
                "Once they are moved away, a new store begins."
            )
        else:
            self._create()

    def _create(self) -> None:
        self._contents = Contents(replace(_NEW, store=uuid.uuid4().hex), 0)
        self._rewrite({})

    def _load(self, *, locked: bool) -> None:
        """Reads the whole file and takes it for the present one. Without the lock a writer may
        be at work on its end, so what is half there is not damage then."""
        try:
            fd = self._files.open(self.path, os.O_RDWR | os.O_APPEND if locked else os.O_RDONLY)
        except OSError as error:
            if locked:
                raise
            raise StoreError(f"{self.path} cannot be read: {_why(error)}.") from error
        try:
            info = self._files.stat(fd)
            contents = self._read_header(fd, info.st_size)
            torn = contents is not None and self._read_on(contents, fd, info.st_size)
        except BaseException:
            os.close(fd)
            raise
        if contents is None and locked and not rewrite.backups(self.path):
            self._replace_empty(fd, info.st_size)
            return
        if contents is None:
            contents = Contents(self.header, 0)
            self._turn_read_only(self._cut_short_words())
        self._adopt(fd, contents, (info.st_dev, info.st_ino) if locked else None)
        self._settle(torn, info.st_size, locked=locked)

    def _read_header(self, fd: int, size: int) -> Contents | None:
        try:
            contents = Contents.begin(lambda n, at: self._files.read(fd, n, at), size)
        except Damage as damage:
            raise self._damaged(damage) from None
        if contents is None:
            return None
        header, now = contents.header, self.header
        if header.reader > VERSION:
            raise StoreError(
                f"{self.path} was written by a newer sessiontree (store version {header.version}); "
                f"this one knows versions up to {VERSION}. Nothing was changed: update sessiontree."
            )
        if now.store and (header.store != now.store or header.generation < now.generation):
            other = "another store" if header.store != now.store else "an older copy"
            raise StoreError(
                f"{self.path} was replaced by {other} while it was open. "
                "Nothing more is written to it: start sessiontree again to use it."
            )
        return contents

    def _read_on(self, contents: Contents, fd: int, size: int) -> bool:
        guard = self.state if contents is self._contents else None
        try:
            return contents.read_on(lambda n, at: self._files.read(fd, n, at), size, guard)
        except Damage as damage:
            raise self._damaged(damage) from None

    def _damaged(self, damage: Damage) -> StoreDamaged:
        return StoreDamaged(self.path, damage.offset, damage.what, rewrite.backups(self.path))

    def _adopt(self, fd: int, contents: Contents, identity: tuple[int, int] | None) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._identity = fd, identity
        with self.state:
            self._contents = contents
        self._patience = max(_SLACK, contents.end // 2)

    def _settle(self, torn: bool, size: int, *, locked: bool) -> None:
        """Does what a file that was just read asks for."""
        contents = self._contents
        version = contents.header.version
        if contents.cut_short and not self.read_only:
            self._turn_read_only(self._cut_short_words())
        if version > VERSION and not self.read_only:
            self._turn_read_only(
                f"{self.path} was written by a newer sessiontree (store version {version}, this "
                f"one writes {VERSION}): it is shown and not changed. Update sessiontree."
            )
        writable = locked and not self.read_only
        if torn and writable:
            self._set_aside(size)
        if version < VERSION:
            tables = migrate(contents.tables, version)
            if writable:
                self._rewrite(tables)
            else:
                with self.state:
                    contents.tables = tables

    def _cut_short_words(self) -> str:
        return (
            f"{self.path} was cut short: part of what it was made with is missing. What is left "
            f"is shown and not changed. Backups beside it: {_names(rewrite.backups(self.path))}. "
            "`sessiontree doctor --repair` puts together all that can be read."
        )

    def _is_current(self) -> bool:
        try:
            info = self._files.stat(self.path)
        except OSError:
            return False
        return (info.st_dev, info.st_ino) == self._identity and info.st_size == self._contents.end

    def _catch_up(self) -> None:
        """Under the lock: reads on to the end of the file, or a whole file that took its place."""
        try:
            info = self._files.stat(self.path)
        except FileNotFoundError:
            raise StoreError(self._rescue()) from None
        if (info.st_dev, info.st_ino) != self._identity:
            self._load(locked=True)
        elif info.st_size < self._contents.end:
            raise StoreError(
                f"{self.path} became shorter while it was open: something else writes to it. "
                "Nothing more is written to it: start sessiontree again."
            )
        elif info.st_size > self._contents.end:
            torn = self._read_on(self._contents, self._fd, info.st_size)
            self._settle(torn, info.st_size, locked=True)

    def _rescue(self) -> str:
        """The file was removed while it was open: what it held becomes a backup."""
        target = rewrite.backup_path(self.path, self.header.generation + 1)
        words = f"{self.path} was removed while it was open. "
        if not target.exists():
            try:
                fd, _ = rewrite.write(self._files, target, self.header, self.tables)
                os.close(fd)
            except OSError:
                return words + "What it held is in memory only: nothing more can be stored."
        return words + (
            f"What it held is in {target}; `sessiontree doctor --repair` brings it back. "
            "Nothing more is stored until then."
        )

    # Writing

    def _commit(self, changes: Changes) -> None:
        contents, fd = self._contents, self._fd
        line = encode_changes(contents.seq + 1, changes)
        rest = memoryview(line)
        try:
            while rest:  # the second write of a short one says why it was short
                rest = rest[self._files.write(fd, rest) :]
        except BaseException as error:
            self._cut_back()
            if isinstance(error, OSError):
                raise StoreError(f"{self.path}: nothing was stored ({_why(error)}).") from error
            raise
        try:
            self._files.fsync(fd)
        except OSError as error:
            # The kernel may have dropped the pages and report success the next time.
            self._cut_back()
            self._turn_read_only(
                f"{self.path} can no longer be written: the disk refused a change ({_why(error)}). "
                "That change was not stored, the earlier ones were."
            )
            raise StoreReadOnly(self.read_only) from error
        with self.state:
            contents.take(Line(contents.end, contents.end + len(line), decode(line[:-1])))

    def _cut_back(self) -> None:
        """Takes half a line off again; if that fails the next transaction sets it aside."""
        with contextlib.suppress(OSError):
            self._files.truncate(self._fd, self._contents.end)

    def _set_aside(self, size: int) -> None:
        contents = self._contents
        data = self._files.read(self._fd, size - contents.end, contents.end)
        kept = rewrite.set_aside(
            self._files, self.path, data, contents.header.generation, contents.end
        )
        self._files.truncate(self._fd, contents.end)
        self._files.fsync(self._fd)
        self.notices.append(
            f"{self.path} ended in half a change, as a crash leaves it: that was set aside in "
            f"{kept.name}. All changes before it are there."
        )

    def _replace_empty(self, fd: int, size: int) -> None:
        """A file without even a whole first line holds nothing: a new one takes its place."""
        data = self._files.read(fd, size, 0)
        os.close(fd)
        if data:
            kept = rewrite.set_aside(self._files, self.path, data, 0, 0)
            self.notices.append(
                f"{self.path} held nothing but part of its first line: that was set aside in "
                f"{kept.name}, and a new store was begun."
            )
        self._create()

    def _compact_if_worth_it(self) -> None:
        if self._contents.dead <= self._patience:
            return
        try:
            self._rewrite(self.tables)
        except OSError as error:
            self._patience = 2 * self._contents.dead
            self.notices.append(f"{self.path} could not be written anew: {_why(error)}.")

    def _rewrite(self, tables: Tables) -> None:
        """Under the lock: a new file of `tables` takes the place of the present one."""
        former = self.header
        header = replace(
            former,
            version=VERSION,
            reader=READER,
            generation=former.generation + 1,
            former=self.seq,
        )
        temporary = self.path.with_name(self.path.name + ".new")
        fd, contents = rewrite.write(self._files, temporary, header, tables)
        try:
            if self._exists() and self.seq:
                backup = rewrite.backup_path(self.path, former.generation)
                rewrite.back_up(self._files, self.path, backup)
            self._files.replace(temporary, self.path)
        except BaseException:
            os.close(fd)
            rewrite.discard(self._files, temporary)
            raise
        info = self._files.stat(fd)
        self._adopt(fd, contents, (info.st_dev, info.st_ino))
        try:
            self._files.sync_folder(self.path.parent)
        except OSError as error:
            # After a power cut the former file could be back, without what follows.
            self._turn_read_only(
                f"{self.path} can no longer be written: its folder refused a sync ({_why(error)})."
            )
        rewrite.prune(self._files, self.path)


def _why(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths) or "none"
