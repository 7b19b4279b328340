"""What is said when the program itself breaks: what kind of fault and where the rest stands,
without a single variable's value and without the exception's own words, which can quote a message
or a key."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

from sessiontree import __version__
from sessiontree.config import make_private
from sessiontree.model.text import clean_line


def report(home: Path, error: BaseException | None) -> str:
    """The page that the app leaves on the terminal: a few lines, or all where `home` takes none."""
    path = _note(home, error)
    return (
        f"sessiontree broke ({_kind(error)}). Nothing that was stored is lost; the runs were ended "
        f"and can be continued.\n{_where(path) if path else _page(error)}\n"
    )


def sentence(home: Path | None, command: str, error: BaseException) -> str:
    """What a command says in its place. What the system said of a file or an output is told:
    a person can mend that."""
    path = _note(home, error) if home else None
    if isinstance(error, OSError) and error.strerror:
        file = f"{error.filename}: " if isinstance(error.filename, str) else ""
        what = f"{command}: {file}{error.strerror}"
    else:
        what = f"{command} broke ({_kind(error)}{'' if path else _place(error)})"
    return f"{what}. {_where(path)}" if path else f"{what}."


def _note(home: Path, error: BaseException | None) -> Path | None:
    """Writes the page, for its owner's eyes only, over the one of before. None where it cannot."""
    path = home / "crash.txt"
    try:
        make_private(home)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(_page(error))
    except OSError:
        return None
    return path


def _page(error: BaseException | None) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__)) if error else ""
    return (
        f"sessiontree {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n"
        f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {_kind(error)}\n\n{frames}"
    )


def _where(path: Path) -> str:
    return f"Where it broke stands in {clean_line(str(path))}; it holds no text of yours."


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return "".join(f" at {frame.filename}:{frame.lineno}" for frame in last)


def _kind(error: BaseException | None) -> str:
    return type(error).__name__ if error else "unknown fault"
