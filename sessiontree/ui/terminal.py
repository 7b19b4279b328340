"""Sees to it that the app ends with its terminal.

A terminal's end is not always signalled; Textual's input thread then spins, and its writer dies
with a full queue, on which the event loop blocks for good (8.2.8). So this watches from a thread
of its own, and ends the process when nothing else can."""

from __future__ import annotations

import os
import sys
import termios
import threading
from collections.abc import Callable
from typing import Any

LOOK_SECONDS = 1.0

GONE_SECONDS = 5.0
"""How long the app gets to leave by itself once its terminal is gone."""

LEAVE_SECONDS = 5.0
"""How long leaving may take once all is stored and every run has ended."""


class TerminalWatch:
    """`gone` is called, in the watching thread, when the terminal is there no more."""

    def __init__(self, gone: Callable[[], object]) -> None:
        self._gone = gone
        self._left = threading.Event()
        threading.Thread(target=self._watch, name="terminal watch", daemon=True).start()

    def leave(self) -> None:
        """All is stored: the process ends now, at the latest in `LEAVE_SECONDS`."""
        timer = threading.Timer(LEAVE_SECONDS, os._exit, args=(1,))
        timer.daemon = True  # it matters only while leaving hangs
        timer.start()

    def stop(self) -> None:
        self._left.set()

    def _watch(self) -> None:
        while not self._left.wait(LOOK_SECONDS):
            if modes() is None:
                self._gone()
                if not self._left.wait(GONE_SECONDS):
                    os._exit(1)  # the loop is blocked; a helper ends the runs' processes
                return


def modes() -> list[Any] | None:
    """How the terminal is set; None where it is there no more."""
    try:
        return termios.tcgetattr(sys.__stdin__.fileno() if sys.__stdin__ else 0)
    except (termios.error, OSError, ValueError):
        return None
