"""Opens transcripts. Whatever has the name of one may be something else."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path

_LINK = "it is a link, and links are not followed"
_FOLDER = "it is a folder"
_NO_FILE = "it is no file"


def open_file(path: str | Path) -> FileIO:
    """A transcript, to be read. Raises `OSError`, with words for a person as its `strerror`, for a
    link, a folder, and whatever would keep a reader waiting, as a pipe does."""
    try:
        file = FileIO(path, opener=_opener)
    except IsADirectoryError as error:
        raise OSError(errno.EISDIR, _FOLDER) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, _LINK) from error
        if error.errno in (errno.ENXIO, errno.ENODEV):  # a socket
            raise OSError(error.errno, _NO_FILE) from error
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, _NO_FILE)
    return file


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
