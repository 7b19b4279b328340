"""A title as Claude Code keeps it: one more line in the transcript."""

from __future__ import annotations

from pathlib import Path

from sessiontree.model.session import Session


def rename(session: Session, title: str) -> str:
    """Writes a title through the SDK, so that Claude Code shows it too. Blocks; returns a
    sentence where it could not, "" where it could."""
    import claude_agent_sdk as sdk  # 0.7 s: only when it is needed

    if not Path(session.path).is_file() or Path(session.path).is_symlink():
        return "The title is kept here; there is no transcript to write it to."
    try:
        sdk.rename_session(session.id, title, directory=session.cwd or None)
    except (OSError, ValueError) as error:
        return f"The title is kept here; Claude Code's transcript could not take it: {error}"
    return ""
