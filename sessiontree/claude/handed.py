"""What a run is given in files rather than as arguments, which everyone on the machine can read.

What a person adds to the system prompt is text of theirs, and a rule that 'always' allows a
command quotes it. Claude Code reads both before it says that it is there (seen on 2.1.330)."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from sessiontree.model.run import Plan


class Handed:
    """Files for one run, in a folder of their own that only their owner can read. Raises `OSError`
    where they cannot be written. `arguments` name them to the CLI."""

    def __init__(self, plan: Plan) -> None:
        self.arguments: dict[str, str | None] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if plan.choice.append:
            self._put("append-system-prompt-file", plan.choice.append)
        if plan.grants.rules:
            rules = {"permissions": {"allow": list(plan.grants.rules)}}
            self._put("settings", json.dumps(rules))

    def remove(self) -> None:
        """Once the CLI has read them. Safe to call again."""
        if self._folder is not None:
            self._folder.cleanup()

    def _put(self, argument: str, text: str) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="sessiontree-")  # mode 0700
        file = Path(self._folder.name, argument)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(text.encode("utf-8", "replace"))
        self.arguments[argument] = str(file)
