"""The store's file: opened, followed and written so that an acknowledged change is never lost.

A change takes the lock, reads on to what others wrote, is written as one line, reaches the disk,
and only then is in memory and acknowledged. What a crash leaves half-written at the end is set
aside by the next one who holds the lock. Order comes from the lines' numbers, never from a clock.

`tables` may be read by any thread that holds `state`, which is only ever held for moments. One
thread at a time changes it, through `transaction`, which may wait for the lock and the disk.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sessiontree.config import make_private
from sessiontree.store import words
from sessiontree.store.backups import back_up, backup_path, backups, prune
from sessiontree.store.contents import Contents, Damage, NoHeader
from sessiontree.store.draft import Draft
from sessiontree.store.errors import StoreBusy, StoreDamaged, StoreError, StoreReadOnly
from sessiontree.store.files import Files
from sessiontree.store.format import Changes, Header, Tables
from sessiontree.store.lock import Lock
from sessiontree.store.migrations import SCHEMA, Schema
from sessiontree.store.storefile import StoreFile, SyncFailed, discard, set_aside

SLACK = 32 * 1024
"""Bytes of replaced documents that a file may hold, however small it is, before it is written
anew; a larger one may be half of them. So the cost of that, spread over the changes, is the same
at any size."""


class Journal:
    """A store's file and, in `tables`, what it holds.

    Opening raises `StoreError` where there is nothing that could be shown. Where it can only be
    read, `read_only` says why. `notices` are sentences for a person about what was found."""

    def __init__(
        self,
        path: Path,
        *,
        deadline: float = 5.0,
        files: Files | None = None,
        schema: Schema = SCHEMA,
    ) -> None:
        self.path = path
        self._folder = path.parent
        self.schema = schema
        self.read_only = ""
        self.notices: list[str] = []
        self.state = threading.Lock()
        self._files = files or Files()
        self._lock = Lock(self._files, path, deadline)
        self._file: StoreFile | None = None
        self._contents = Contents(Header(schema.version, schema.reader, store="", generation=0), 0)
        self._unsure = False  # read without the lock: to be read again by whoever holds it
        self._compact_from = SLACK
        self._draft: Draft | None = None
        self._draft_thread = 0
        self._open()

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
        with self._lock.threads:
            if self._file is not None:
                self._file.close()
            self._file = None
            self.read_only = self.read_only or words.closed(self.path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Draft]:
        """A draft to change. It is stored whole when the block ends, not at all when it raises;
        a transaction within one is part of it. Cost: with what is changed, not with what is
        there; one fsync; now and then a file written anew.

        Raises `StoreError` when nothing was stored, `TypeError` or `ValueError` for a document
        that JSON cannot hold."""
        with self._lock.alone() as patience:
            if self._draft is not None:
                yield self._draft
                return
            with self._writing(patience) as file:
                self._draft, self._draft_thread = Draft(self.tables), threading.get_ident()
                try:
                    yield self._draft
                    changes = self._draft.changes()
                finally:
                    self._draft, self._draft_thread = None, 0
                if changes:
                    self._commit(file, changes)
                    self._compact_if_worth_it()

    def refresh(self) -> bool:
        """Reads on to what others wrote; whether that was anything. One `stat` when nothing was.

        Raises `StoreError` when the file is gone, was replaced by another, or is damaged; what
        was read before stays."""
        if self._is_current():
            return False
        with self._lock.alone() as patience:
            before = self.header.generation, self.seq
            with self._saying("cannot be read"):
                if self.read_only:
                    self._load(locked=False)
                else:
                    with self._lock.held(patience):
                        self._catch_up()
            return (self.header.generation, self.seq) != before

    def compact(self) -> None:
        """Writes the file anew, without what was replaced; the former one becomes a backup."""
        with (
            self._lock.alone() as patience,
            self._writing(patience),
            self._saying("stays as it is"),
        ):
            self._rewrite(self.tables)

    @contextlib.contextmanager
    def _writing(self, patience: float) -> Iterator[StoreFile]:
        """The lock held and the file as it now is, to be written."""
        self._refuse_if_read_only()
        with self._lock.held(patience):
            with self._saying("cannot be written"):
                self._catch_up()
            self._refuse_if_read_only()
            assert self._file is not None, "a journal without a file is read-only"
            yield self._file

    @contextlib.contextmanager
    def _saying(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"{self.path} {what}: {words.why(error)}.") from error

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
            with self._lock.held(self._lock.deadline):
                self._load_or_create()
        except StoreBusy as busy:
            with self._saying("cannot be read"):
                if not self._exists():
                    raise
                self._load(locked=False)
            self.notices.append(words.busy_at_start(busy))
        except StoreReadOnly as reason:
            self._open_read_only(str(reason))
        except OSError as error:
            self._open_read_only(words.not_writable(self.path, error))

    def _open_read_only(self, reason: str) -> None:
        with self._saying("cannot be read"):
            if self._exists():
                self._load(locked=False)
        self._turn_read_only(reason)

    def _exists(self) -> bool:
        try:
            self._files.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _make_folder(self) -> None:
        folder = self._folder
        if not folder.is_dir():
            make_private(folder)
            self._files.sync_folder(folder.parent)

    def _load_or_create(self) -> None:
        if self._exists():
            self._load(locked=True)
        elif kept := backups(self.path):
            raise StoreError(words.missing(self.path, kept))
        else:
            self._create()

    def _create(self) -> None:
        header = replace(self.header, store=uuid.uuid4().hex)
        self._contents = Contents(header, 0)
        self._rewrite({})

    def _load(self, *, locked: bool) -> None:
        """Reads the whole file and takes it for the present one. Without the lock someone may
        be writing at its end."""
        try:
            file = StoreFile.open(self._files, self.path, writable=locked)
        except NoHeader:
            self._begin_again(locked=locked)
            return
        except Damage as damage:
            raise self._damaged(damage) from None
        try:
            header, known = file.contents.header, self.schema.version
            if header.reader > known:
                raise StoreError(words.too_new(self.path, header.version, known))
            file.read_on()
            self._check_successor(file.contents)
        except Damage as damage:
            file.close()
            raise self._damaged(damage) from None
        except BaseException:
            file.close()
            raise
        self._adopt(file)
        self._unsure = not locked
        self._settle(file, locked=locked)

    def _check_successor(self, contents: Contents) -> None:
        """A file that took the place of the one that was open has to be what became of it."""
        theirs, ours = contents.header, self.header
        same = theirs.store == ours.store
        # What was read without the lock may have been a change that was taken back.
        older = (theirs.generation, contents.seq) < (ours.generation, self.seq) and not self._unsure
        if ours.store and (older or not same):
            raise StoreError(words.replaced(self.path, same))

    def _damaged(self, damage: Damage) -> StoreDamaged:
        return StoreDamaged(self.path, damage.offset, damage.what, backups(self.path))

    def _adopt(self, file: StoreFile) -> None:
        if self._file is not None:
            self._file.close()
        self._file = file
        with self.state:
            self._contents = file.contents
        self._compact_from = SLACK

    def _settle(self, file: StoreFile, *, locked: bool) -> None:
        """Does what a file that was just read asks for."""
        contents = file.contents
        version = contents.header.version
        if not self.read_only:
            if contents.cut_short:
                self._turn_read_only(words.cut_short(self.path, backups(self.path)))
            elif version > self.schema.version:
                self._turn_read_only(words.newer(self.path, version, self.schema.version))
        writable = locked and not self.read_only
        if file.torn and writable:
            try:
                self._set_aside(file)
            except OSError as error:  # it stays where it is; the next transaction tries again
                self.notices.append(words.torn_stays(self.path, error))
        if version < self.schema.version:
            tables = self.schema.migrate(contents.tables, version)
            if writable:
                self._rewrite(tables)
            else:
                with self.state:
                    contents.tables = tables

    def _begin_again(self, *, locked: bool) -> None:
        """A file that ends within its first line tells nothing. Without backups a new one takes
        its place; with them there was something to lose."""
        if backups(self.path) or self.header.store or not locked:
            if not self.read_only:
                self._turn_read_only(words.cut_short(self.path, backups(self.path)))
            return
        if data := self.path.read_bytes():
            kept = set_aside(self._files, self.path, data, "000000-0")
            self.notices.append(words.begun_again(self.path, kept))
        self._create()

    def _is_current(self) -> bool:
        if self._file is None:
            return bool(self.read_only)
        try:
            info = self._files.stat(self.path)
        except OSError:
            return False
        return (info.st_dev, info.st_ino, info.st_size) == self._file.seen

    def _catch_up(self) -> None:
        """Under the lock: reads on to the end of the file, or a whole file that took its place."""
        try:
            info = self._files.stat(self.path)
        except FileNotFoundError:
            raise StoreError(words.removed(self.path, self._rescue())) from None
        file = self._file
        if self._unsure or file is None or (info.st_dev, info.st_ino) != file.identity:
            self._load(locked=True)
        elif info.st_size < file.contents.end:
            raise StoreError(words.shortened(self.path))
        elif info.st_size > file.contents.end:
            try:
                file.read_on(self.state)
            except Damage as damage:
                raise self._damaged(damage) from None
            if file.torn:
                self._set_aside(file)

    def _set_aside(self, file: StoreFile) -> None:
        try:
            kept = file.set_aside_torn()
        except SyncFailed as error:
            self._turn_read_only(words.disk_refused(self.path, error))
            return
        self.notices.append(words.torn(self.path, kept))

    def _rescue(self) -> Path | None:
        """The file was removed while it was open: what it held becomes a backup."""
        target = backup_path(self.path, self.header.generation + 1)
        if target.exists():
            return target
        temporary = self._temporary()
        try:
            StoreFile.write(self._files, temporary, self.header, self.tables).close()
            self._files.replace(temporary, target)
            self._files.sync_folder(target.parent)
        except OSError:
            return None
        return target

    # Writing

    def _commit(self, file: StoreFile, changes: Changes) -> None:
        try:
            file.append(changes, self.state)
        except SyncFailed as error:
            self._turn_read_only(words.disk_refused(self.path, error))
            raise StoreReadOnly(self.read_only) from error
        except OSError as error:
            raise StoreError(words.nothing_stored(self.path, error)) from error

    def _compact_if_worth_it(self) -> None:
        contents = self._contents
        if contents.dead <= max(self._compact_from, contents.end // 2):
            return
        try:
            self._rewrite(self.tables)
        except OSError as error:
            self._compact_from = 2 * contents.dead
            self.notices.append(words.not_compacted(self.path, error))

    def _rewrite(self, tables: Tables) -> None:
        """Under the lock: a new file of `tables` takes the place of the present one."""
        former = self.header
        header = replace(
            former,
            version=self.schema.version,
            reader=self.schema.reader,
            generation=former.generation + 1,
            former=self.seq,
        )
        temporary = self._temporary()
        file = StoreFile.write(self._files, temporary, header, tables)
        try:
            if self.seq:
                back_up(self._files, self.path, backup_path(self.path, former.generation))
            self._files.replace(temporary, self.path)
        except BaseException:
            file.close()
            discard(self._files, temporary)
            raise
        self._adopt(file)
        try:
            self._files.sync_folder(self._folder)
        except OSError as error:
            # After a power cut the former file could be back, without what follows.
            self._turn_read_only(words.folder_refused(self.path, error))
        prune(self._files, self.path)

    def _temporary(self) -> Path:
        """One name is enough, and leaves no litter: only the lock's holder writes to it."""
        return self.path.with_name(self.path.name + ".new")
