"""The last filter between the commands and whoever reads what they say."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import select
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from sessiontree.model.text import clean


class CleanText:
    """A stream that takes out of what is written to it all that a terminal would act on, and what
    no stream can take (lone surrogates). Text is cleaned where it enters the model; this catches
    what came another way: the path of a file, a word of the command line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(clean(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self._stream.writelines(map(clean, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Words(CleanText):
    """stderr: what cannot be written there can be said nowhere else."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)


@contextlib.contextmanager
def clean_output() -> Iterator[None]:
    """Clean all that is printed to a terminal meanwhile, and the words on stderr wherever they go:
    data on its way to a file or a pipe is left alone, for what it costs (5 ns a character). Not
    around the app, which draws with sequences of its own."""
    with contextlib.ExitStack() as stack:
        if sys.stdout.isatty():
            stack.enter_context(contextlib.redirect_stdout(CleanText(sys.stdout)))
        stack.enter_context(contextlib.redirect_stderr(Words(sys.stderr)))
        yield


def complete() -> None:
    """Gives the program the streams that it was started without (`>&-`): they lead nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r+"))  # noqa: SIM115 - for good
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and codecs.lookup(out.encoding).name != "utf-8":
        out.reconfigure(errors="backslashreplace")  # for what its encoding has no letters


def is_unread(stream: TextIO) -> bool:
    """Whether a stream leads into a pipe that nobody reads any more."""
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):  # it is no file
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def silence(stream: TextIO) -> None:
    """Lets what is left in a stream's buffer go nowhere where it can go no further: at the exit it
    could only fail."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
