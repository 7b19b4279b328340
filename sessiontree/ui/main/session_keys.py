"""The keys that act on the selected session as a whole: name it, put it away, copy, open."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from textual.app import SuspendNotSupported

from sessiontree.model.session import Presence, Session
from sessiontree.ui.dialogs.base import Option
from sessiontree.ui.dialogs.small import ChoiceDialog, LineDialog
from sessiontree.ui.main.base import MainBase


class SessionKeys(MainBase):
    def _selected(self) -> Session | None:
        """The selected session; says so when there is none. The row of a fan-out stands for none:
        what runs start from there, its parent, is not what one sees selected."""
        if self.selected_group:
            self.app.say("This row stands for all ways of a fan-out: select one of them")
            return None
        session = self.aiming.session()
        if session is None:
            self.app.say("No session is selected")
        return session

    def action_rename(self) -> None:
        session = self._selected()
        if session is None:
            return
        title = self.engine.forest.title(session.id)

        def named(value: str | None) -> None:
            if value is not None:
                self.engine.spawn(self.engine.marks.rename(session, value.strip()), "write")

        dialog = LineDialog("A title for this session", title, "empty: no title of yours")
        self.app.push_screen(dialog, named)

    def action_hide(self) -> None:
        session = self._selected()
        if session is None:
            return
        hidden = not self.engine.marks.of(session.id).hidden
        self.engine.spawn(self.engine.marks.set(session.id, hidden=hidden), "write")
        below = self._with_those_below(session.id)
        away = f"Put away{below}; . shows what was put away"
        self.app.say(away if hidden else f"Brought back{below}")

    def _with_those_below(self, session: str) -> str:
        """Words on the sessions that go with one, "" where there are none."""
        below = sum(1 for _ in self.engine.forest.descendants(session)) - 1
        return f" with {below} session{'s' * (below != 1)} below it" if below else ""

    def action_keep(self) -> None:
        session = self._selected()
        if session is None:
            return
        keep = not self.engine.marks.of(session.id).keep
        self.engine.spawn(self.engine.keep(session.id, keep), "write")
        self.app.say("A copy of it is kept for good" if keep else "Its copy may give way now")

    def action_copy_id(self) -> None:
        if session := self._selected():
            self._copy(session.id, "The session's id")

    def action_copy_command(self) -> None:
        if session := self._selected():
            self._copy(resume_command(session), "The command")

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        self.app.say(f"{what} was sent to the clipboard: {text}")

    def action_open_claude(self) -> None:
        session = self._selected()
        if session is None:
            return
        if session.presence in (Presence.GONE, Presence.NEW):
            self.app.say("There is no transcript that Claude Code could open", trouble=True)
        elif not Path(session.cwd or ".").is_dir():
            self.app.say(f"The folder {session.cwd} is gone", trouble=True)
        elif any(True for _ in self.engine.pool):
            # Stepping aside stops the app's loop, and a run that nobody listens to hangs.
            words = "Runs are under way here, and the app cannot step aside. Y copies the command."
            self.app.say(words, trouble=True)
        elif self.engine.elsewhere(session.id):
            self._ask_before_opening(session)
        else:
            self._step_aside(session)

    def _ask_before_opening(self, session: Session) -> None:
        def chosen(key: str | None) -> None:
            if key == "o":
                self._step_aside(session)

        options = [Option("l", "leave it"), Option("o", "open it all the same", danger=True)]
        text = "Two processes that go on with one session write into one file, turn by turn."
        self.app.push_screen(
            ChoiceDialog("This session is open in another process", text, options), chosen
        )

    def _step_aside(self, session: Session) -> None:
        """Give the terminal to Claude Code; the app comes back when that ends."""
        cli = self.engine.config.cli or _bundled_cli() or "claude"
        env = {**self.app.environ, **self.engine.config.env}
        try:
            with self.app.suspend():
                subprocess.run(
                    [str(cli), "--resume", session.id],
                    cwd=session.cwd or None,
                    env=env,
                    check=False,
                )
        except SuspendNotSupported:
            self.app.say("This terminal cannot be handed over; Y copies the command", trouble=True)
        except OSError as error:
            self.app.say(f"Claude Code could not be started: {error}", trouble=True)
        self.engine.spawn(self.engine.catalog.refresh(session.id))


def _bundled_cli() -> Path | None:
    try:
        from sessiontree.claude.agent import bundled_cli
    except ImportError:
        return None  # without the SDK there may be one on the PATH
    return bundled_cli()


def resume_command(session: Session) -> str:
    """What resumes a session in a shell, from its own folder."""
    command = f"claude --resume {session.id}"
    # What is pasted from the clipboard acts on a terminal: such a folder is left to the person.
    can_go = session.cwd and session.cwd.isprintable()
    return f"cd {shlex.quote(session.cwd)} && {command}" if can_go else command
