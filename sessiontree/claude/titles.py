"""A title as Claude Code keeps it: one more line in the transcript.

The SDK's `rename_session` looks for the transcript itself: where the process's own environment
says, through links, and with git in the session's folder (0.2.187). Here it is known."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from sessiontree.claude.projects import is_through_link
from sessiontree.model.session import Session


def rename(session: Session, title: str) -> str:
    """Writes a title into a session's transcript, so that Claude Code shows it too; an empty one
    takes it back (seen on 2.1.330). Blocks; returns a sentence where it could not, "" where it
    could."""
    line = {"type": "custom-title", "customTitle": title.strip(), "sessionId": session.id}
    try:
        if is_through_link(Path(session.path)):
            return "The title is kept here; the transcript is a link and is not written through."
        _append(Path(session.path), json.dumps(line, separators=(",", ":")).encode())
    except FileNotFoundError:
        return "The title is kept here; there is no transcript to write it to."
    except OSError as error:
        return f"The title is kept here; the transcript could not take it: {error.strerror}."
    return ""


def _append(path: Path, line: bytes) -> None:
    """Adds a line to a plain file, in one piece, also where the last one was cut off."""
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(fd, "r+b", buffering=0) as file:
        size = os.fstat(fd).st_size
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise FileNotFoundError
        whole = not size or os.pread(fd, 1, size - 1) == b"\n"
        file.write((b"" if whole else b"\n") + line + b"\n")
