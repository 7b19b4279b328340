"""What Enter would do with a session as it is now: the aims of `aim`, from all that is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sessiontree.config import Config
from sessiontree.engine import aim
from sessiontree.engine.aim import Aim
from sessiontree.engine.keeping import Keeping
from sessiontree.engine.runs import RunPool
from sessiontree.model.forest import Forest
from sessiontree.model.overlay import Status
from sessiontree.model.session import Presence, Session, Turn, project_folder, worktree
from sessiontree.model.text import label


class Aiming:
    """An aim with a `refusal` is one that cannot be sent."""

    def __init__(self, config: Config, forest: Forest, pool: RunPool, keeping: Keeping) -> None:
        self._config = config
        self._forest = forest
        self._pool = pool
        self._keeping = keeping

    def new(self) -> Aim:
        return aim.new(self._cwd, self._config.cwd.name or "/")

    def go_on(self, session: Session) -> Aim:
        session = self._as_kept(session)
        busy = self._is_busy(session)
        if session.presence is Presence.NEW and not busy:
            link = self._forest.link(session.id)
            return aim.begin_again(session, self._label(session), link, self._cwd)
        number = aim.next_number(session, self._pool.coming(session.id))
        found = aim.go_on(session, self._label(session), number, busy=busy, cwd=self._cwd)
        if self._forest.status(session.id) is Status.ELSEWHERE:
            return replace(found, words=f"{found.words}, open in another process")
        return found

    def fork(self, session: Session, turn: str | None) -> Aim:
        """At the end of a turn, None for that of the session."""
        coming = self._pool.coming(session.id)
        session = self._as_kept(session)
        return aim.fork(session, self._label(session), turn, coming, self._cwd)

    def fork_before(self, session: Session, turn: Turn) -> Aim:
        """To ask again what the turn asked."""
        session = self._as_kept(session)
        return aim.fork_before(session, self._label(session), turn, self._cwd)

    def hand_over(self, session: Session) -> Aim:
        return aim.hand_over(session, self._label(session), self._is_busy(session), self._cwd)

    @property
    def _cwd(self) -> str:
        return str(self._config.cwd)

    def _is_busy(self, session: Session) -> bool:
        return self._pool.of(session.id) is not None

    def _label(self, session: Session) -> str:
        return label(self._forest.label(session.id))

    def _as_kept(self, session: Session) -> Session:
        """A gone session that the archive has is as good as there. One whose worktree is gone
        goes on in the repository."""
        if worktree(session.cwd) and not Path(session.cwd).is_dir():
            session = replace(session, cwd=project_folder(session.cwd))
        gone = session.presence is Presence.GONE
        kept = gone and self._keeping.has(session.id)
        return replace(session, presence=Presence.OK) if kept else session
