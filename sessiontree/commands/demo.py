"""`sessiontree demo`: the app on a folder of its own, with a scripted model on loopback."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sessiontree.config import Config
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.place import DemoPlace, prepare
from sessiontree.demo.scenes import PACE, SUGGESTIONS, script
from sessiontree.store.database import Store

USAGE_ERROR = 2


def run(keep: Path | None, open_app: Callable[[Config], int]) -> int:
    """Lay out the demo's folder, start its API and open the app on it; the app's exit code.

    `keep`: the folder to use and to leave behind; None takes a temporary one."""
    with ExitStack() as stack:
        folder = keep or Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="sessiontree-demo-", ignore_cleanup_errors=True)
            )
        )
        try:
            place = prepare(folder, time.time())
        except OSError as error:
            print(f"sessiontree: the demo cannot use {folder}: {error}", file=sys.stderr)
            return USAGE_ERROR
        recall(place)
        api = stack.enter_context(MessagesApi(script(place.workspace), pace=PACE))
        config = Config(
            home=place.home,
            claude=place.claude,
            cwd=place.workspace,
            env=place.env(api.url),
            demo=True,
            suggestions=tuple((one.prompt, one.shows) for one in SUGGESTIONS),
        )
        # The SDK writes titles where this points to.
        os.environ["CLAUDE_CONFIG_DIR"] = str(place.claude)
        return open_app(config)


def recall(place: DemoPlace) -> None:
    """Make the app remember the runs of a new demo as its own: they were, when it was recorded."""
    path = Config(place.home, place.claude, place.workspace).store
    if not path.exists():
        with Store.open(path) as store:
            for session, ending in place.endings().items():
                reason = "The API was overloaded (529)" if ending == "failed" else ""
                store.finish(session, ending, reason)
            store.set_view(unfolded=sorted(place.endings()))  # the whole, at first sight
