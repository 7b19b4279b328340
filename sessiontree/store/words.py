"""What the store says to a person: what happened to which file, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

_AGAIN = "Nothing was written to it. Start sessiontree again to use it."


def why(error: BaseException) -> str:
    """The system's words for an error."""
    if isinstance(error, OSError):
        if error.errno == errno.ELOOP:
            return "it is a symbolic link"
        return error.strerror or str(error)
    return str(error)


def names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths) or "none"


def busy(lock: Path, deadline: float) -> str:
    return (
        f"Another program has held the lock {lock} for {deadline:g} s: another sessiontree, or "
        "one that hangs."
    )


def busy_at_start(busy: object) -> str:
    return f"{busy} Until it lets go, nothing can be changed."


def no_lock(path: Path, error: BaseException) -> str:
    return f"Nothing can be stored in {path}: its lock cannot be had ({why(error)})."


def not_writable(path: Path, error: BaseException) -> str:
    return f"Nothing can be stored in {path}: {why(error)}."


def nothing_stored(path: Path, error: BaseException) -> str:
    return f"{path}: nothing was stored ({why(error)})."


def disk_refused(path: Path, error: BaseException) -> str:
    return (
        f"{path} can no longer be written: the disk refused a change ({why(error)}). That change "
        "was not stored, the earlier ones were."
    )


def folder_refused(path: Path, error: BaseException) -> str:
    return f"{path} can no longer be written: its folder refused a sync ({why(error)})."


def not_compacted(path: Path, error: BaseException) -> str:
    return f"{path} could not be written anew: {why(error)}. Nothing is lost by that."


def closed(path: Path) -> str:
    return f"{path} was closed."


def missing(path: Path, backups: Sequence[Path]) -> str:
    return (
        f"{path} is missing, but backups of it are there: {names(backups)}. "
        "`sessiontree doctor --repair` brings the newest back. "
        "Once they are moved away, a new store begins."
    )


def damaged(path: Path, offset: int, what: str, backups: Sequence[Path]) -> str:
    return (
        f"{path} is damaged at byte {offset}: {what}. Nothing was changed. Backups beside it: "
        f"{names(backups)}. `sessiontree doctor` explains, `sessiontree doctor --repair` keeps "
        "all that can be read."
    )


def cut_short(path: Path, backups: Sequence[Path]) -> str:
    return (
        f"{path} was cut short: part of what it was made with is missing. What is left is shown, "
        f"not changed. Backups beside it: {names(backups)}. `sessiontree doctor --repair` puts "
        "together all that can be read."
    )


def too_new(path: Path, version: int, known: int) -> str:
    return (
        f"{path} was written by a newer sessiontree (store version {version}); this one knows "
        f"versions up to {known}. Nothing was changed: update sessiontree."
    )


def newer(path: Path, version: int, known: int) -> str:
    return (
        f"{path} was written by a newer sessiontree (store version {version}, this one writes "
        f"{known}): it is shown, not changed. Update sessiontree."
    )


def replaced(path: Path, same: bool) -> str:
    other = "an older copy of itself" if same else "another store"
    return f"{path} was replaced by {other} while it was open. {_AGAIN}"


def shortened(path: Path) -> str:
    return f"{path} became shorter while it was open: something else writes to it. {_AGAIN}"


def removed(path: Path, rescued: Path | None) -> str:
    words = f"{path} was removed while it was open. "
    if rescued is None:
        return words + "What it held is in memory only. Nothing more can be stored."
    return words + (
        f"What it held is in {rescued}: `sessiontree doctor --repair` brings it back. "
        "Nothing more is stored until then."
    )


def torn(path: Path, kept: Path) -> str:
    return (
        f"{path} ended in half a change, as a crash leaves it: that was set aside in {kept.name}. "
        "All changes before it are there."
    )


def torn_stays(path: Path, error: BaseException) -> str:
    return (
        f"{path} ends in half a change, as a crash leaves it, and that could not be set aside: "
        f"{why(error)}. All changes before it are there."
    )


def begun_again(path: Path, kept: Path) -> str:
    return (
        f"{path} held nothing but part of its first line. That was set aside in {kept.name} and a "
        "new store begun."
    )
