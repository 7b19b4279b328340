"""One page for a crash: what broke and where the rest stands, without a single variable's value."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

from sessiontree import __version__
from sessiontree.config import make_private


def report(home: Path, error: BaseException | None) -> str:
    """Writes where it broke to a file of mode 0600 and returns a few lines for the terminal.

    Neither has the exception's own words: they can quote a message or a key."""
    kind = type(error).__name__ if error else "unknown fault"
    frames = "".join(traceback.format_tb(error.__traceback__)) if error else ""
    page = (
        f"sessiontree {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n"
        f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {kind}\n\n{frames}"
    )
    path = home / "crash.txt"
    try:
        make_private(home)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(page)
        where = f"Where it broke stands in {path}; it holds no text of yours."
    except OSError:
        where = page
    return (
        f"sessiontree broke ({kind}). Nothing that was stored is lost; the runs were ended and "
        f"can be continued.\n{where}\n"
    )
