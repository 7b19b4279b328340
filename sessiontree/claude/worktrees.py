"""Git worktrees, which Claude Code makes for a run that asks for one (`--worktree`, 2.1.330): below
the repository's `.claude/worktrees`, on a branch of its own that begins at the last commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

SECONDS = 10.0
"""How long git may take to compare a few files."""

_KNOWN = (".mcp.json", "CLAUDE*.md", ".claude/**")
_NO_PROGRAMS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def repository(folder: Path) -> Path | None:
    """The checkout of a git repository that a folder is in."""
    return next((at for at in (folder, *folder.parents) if os.path.lexists(at / ".git")), None)


def are_as_committed(folder: Path, files: Iterable[str]) -> bool:
    """Whether a new worktree would carry the same settings as `folder`, and nothing that a person
    has not seen there: its `files` (paths from it), and whatever else Claude Code reads by name,
    are as in the last commit. Runs git: call it in a thread. Where git cannot tell they are not."""
    root = repository(folder)
    if root is None:
        return False
    known = [f":(top,glob)**/{name}" for name in _KNOWN]
    places = (Path(os.path.normpath(folder / file)) for file in files)
    inside = [f":(top,literal){at.relative_to(root)}" for at in places if at.is_relative_to(root)]
    compare = ("diff", "--quiet", "--no-ext-diff", "--no-textconv", "HEAD", "--")
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *_NO_PROGRAMS, *compare, *known, *inside],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
