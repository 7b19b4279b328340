"""What is wrong with a store, in words, and its repair.

A repair puts together every line that can be read, on top of the backup that the file was made
from where part of that is lost. The damaged file stays beside the new one."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from sessiontree.store import words
from sessiontree.store.backups import back_up, backups
from sessiontree.store.errors import StoreBusy, StoreError
from sessiontree.store.files import Files
from sessiontree.store.format import Header
from sessiontree.store.migrations import SCHEMA
from sessiontree.store.salvage import Salvage, salvage
from sessiontree.store.storefile import StoreFile, discard

_SHOWN = 10  # places of damage that are listed


@dataclass(frozen=True, slots=True)
class Report:
    """`lines` are for a person; `ill` says whether the store needs a repair or cannot be used."""

    lines: tuple[str, ...]
    ill: bool


def examine(path: Path, files: Files | None = None) -> Report:
    """Reads a store and what lies beside it, and changes nothing. Raises `StoreError` for a file
    that cannot be read at all."""
    files = files or Files()
    found = _salvage(files, path)
    kept = [_salvage(files, backup) for backup in backups(path)]
    lines: list[str] = []
    if found is None and not kept:
        lines.append(f"There is no store at {path} yet.")
    elif found is None:
        lines.append(words.missing(path, backups(path)))
    else:
        lines.extend(_account(found))
    lines.extend(_backup_line(backup) for backup in kept if backup is not None)
    lines.extend(f"Set aside earlier: {file.name}." for file in _set_aside(path))
    lines.extend(_others_may_read(path))
    usable = found is not None and found.whole and not _too_new(found)
    return Report(tuple(lines), ill=not usable and bool(found or kept))


def repair(path: Path, *, deadline: float = 5.0, files: Files | None = None) -> list[str]:
    """Puts a new store in the place of a damaged or missing one; what was done, in words.

    Other instances may be running: they go on with the new one. Raises `StoreError` when that
    cannot be done; the damaged file is as it was then."""
    files = files or Files()
    if not path.parent.is_dir():
        return [f"There is no store at {path}: nothing to repair."]
    lock = files.lock(path.with_name(path.name + ".lock"))
    try:
        with lock.acquire(timeout=deadline):
            return list(_repair(files, path))
    except Timeout:
        raise StoreBusy(words.busy(Path(lock.lock_file), deadline)) from None
    except OSError as error:
        raise StoreError(f"{path} was not repaired: {words.why(error)}.") from error


def _repair(files: Files, path: Path) -> Iterator[str]:
    found = _salvage(files, path)
    if found is not None and _too_new(found):
        raise StoreError(_too_new_words(found))
    if found is not None and found.whole:
        yield f"{path} is whole: there is nothing to repair."
        return
    base = _base(files, path, found)
    if found is None:
        if base is None:
            yield f"There is no store at {path} and no backup of one: nothing to repair."
            return
        best = base
        yield f"Brought back from {base.path.name}: {base.documents} documents."
    elif base is not None and found.base_lost:
        best = salvage(files, path, base.tables)
        yield f"Put together from what can be read and {base.path.name}."
        if not _is_former(base, found):
            yield "That backup is an older one: what was removed since may be back."
    else:
        best = found
    yield from _losses(best)
    header = _next_header(path, [one for one in (best, found, base) if one is not None])
    temporary = path.with_name(path.name + ".new")
    StoreFile.write(files, temporary, header, best.tables).close()
    try:
        if found is not None:
            damaged = _free_name(path)
            back_up(files, path, damaged)
            yield f"The damaged file is kept as {damaged.name}."
        files.replace(temporary, path)
        files.sync_folder(path.parent)
    except BaseException:
        discard(files, temporary)
        raise
    yield f"{path} is whole again: {best.documents} documents."


def _salvage(files: Files, path: Path) -> Salvage | None:
    try:
        return salvage(files, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {words.why(error)}.") from error


def _base(files: Files, path: Path, found: Salvage | None) -> Salvage | None:
    """The backup to build on: the one that the file was made from, else the newest whole one of
    the same store, else for a missing store the newest there is."""
    kept = [backup for file in reversed(backups(path)) if (backup := _salvage(files, file))]
    whole = [backup for backup in kept if backup.whole]
    if found is None:
        return next(iter(whole or kept), None)
    former = next((backup for backup in whole if _is_former(backup, found)), None)
    return former or next((backup for backup in whole if _same_store(backup, found)), None)


def _is_former(backup: Salvage, found: Salvage) -> bool:
    """Whether the file began with exactly what the backup holds."""
    if backup.header is None or found.header is None or not _same_store(backup, found):
        return False
    return (
        backup.header.generation == found.header.generation - 1
        and backup.seq == found.header.former
    )


def _same_store(backup: Salvage, found: Salvage) -> bool:
    if backup.header is None or found.header is None:
        return found.header is None
    return backup.header.store == found.header.store


def _next_header(path: Path, sources: list[Salvage]) -> Header:
    """One that every instance takes for what became of the store that it has open."""
    headers = [source.header for source in sources if source.header is not None]
    named = [int(number) for file in backups(path) for number in re.findall(r"\d+$", file.name)]
    generation = max([0, *named, *(header.generation for header in headers)]) + 1
    store = headers[0].store if headers else uuid.uuid4().hex
    version = headers[0].version if headers else SCHEMA.version  # its documents are as they were
    return Header(version, SCHEMA.reader, store, generation)


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return name


def _too_new(found: Salvage) -> bool:
    return found.header is not None and found.header.reader > SCHEMA.version


def _too_new_words(found: Salvage) -> str:
    version = found.header.version if found.header else 0
    return words.too_new(found.path, version, SCHEMA.version)


def _account(found: Salvage) -> Iterator[str]:
    path, header = found.path, found.header
    if header is not None and _too_new(found):
        yield _too_new_words(found)
        return
    state = "whole" if found.whole else "damaged"
    version = f"version {header.version}" if header else "of an unknown version"
    yield f"{path} is {state}: {version}, {found.seq} changes, {_size(found.size)}."
    for name, table in sorted(found.tables.items()):
        yield f"  {name}: {len(table)}"
    if found.torn and found.whole:
        yield (
            f"It ends in half a change ({found.torn} bytes), as a crash leaves it. That was never "
            "acknowledged; the next start sets it aside."
        )
    yield from _losses(found)
    if not found.whole:
        yield "`sessiontree doctor --repair` keeps all that can be read, and the damaged file."


def _losses(found: Salvage) -> Iterator[str]:
    for offset, what in found.damage[:_SHOWN]:
        yield f"Byte {offset}: {what}."
    if len(found.damage) > _SHOWN:
        yield f"… and {len(found.damage) - _SHOWN} more places."
    if found.lost:
        numbers = ", ".join(map(str, found.lost[:_SHOWN]))
        more = " …" if len(found.lost) > _SHOWN else ""
        yield f"Changes that cannot be read: {len(found.lost)} (number {numbers}{more})."
    if found.cut_short and found.header is not None:
        missing = found.header.snapshot - found.seq
        yield f"It was cut short: {missing} lines of what it was made with are missing."


def _backup_line(backup: Salvage) -> str:
    state = "whole" if backup.whole else "damaged"
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(backup.path.stat().st_mtime))
    return f"Backup {backup.path.name}: {state}, {backup.documents} documents, {when}."


def _set_aside(path: Path) -> list[Path]:
    return sorted([*path.parent.glob(f"{path.name}.torn-*"), *path.parent.glob("*.damaged-*")])


def _others_may_read(path: Path) -> Iterator[str]:
    files = [path.parent, path, *backups(path)]
    open_ones = [file for file in files if file.exists() and file.stat().st_mode & 0o077]
    if open_ones:
        yield f"Others on this machine may look into {words.names(open_ones)}: chmod go= them."


def _size(size: int) -> str:
    return f"{size} bytes" if size < 10_000 else f"{size / 1000:,.0f} kB"
