"""What the composer aims at: the verb a person chose, or what the selected row suggests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sessiontree.engine.aim import Aim
from sessiontree.engine.engine import Engine
from sessiontree.model.run import Verb
from sessiontree.model.session import Presence, Session, Turn


class Wish(StrEnum):
    FOLLOW = "follow"  # what the selected row suggests
    NEW = "new"
    CONTINUE = "continue"
    FORK = "fork"
    EDIT = "edit"
    HAND_OVER = "hand over"


@dataclass(frozen=True, slots=True)
class Selection:
    """A row of the tree: a session, or one of its turns. "" where nothing is selected."""

    session: str = ""
    turn: str | None = None

    def at(self, turn: str) -> Selection:
        return Selection(self.session, turn)


Held = tuple[Wish, Selection | None]


class Aiming:
    """A wish other than FOLLOW stays with its row until it is sent or given up, so that looking
    elsewhere does not change what Enter will do."""

    def __init__(self, engine: Engine, selected: Callable[[], Selection]) -> None:
        self._engine = engine
        self._selected = selected
        self.wish = Wish.FOLLOW
        self._pinned: Selection | None = None

    @property
    def selection(self) -> Selection:
        """The row with the cursor now: a key may come in one go with the one that moved it."""
        return self._selected()

    def pin(self, wish: Wish, at: Selection | None = None) -> Aim:
        """Fix a wish to a row, by default to the selected one."""
        self.wish, self._pinned = wish, at or self.selection
        return self.aim()

    def release(self) -> Held:
        """Give the wish up; returns it for `take_back`."""
        held = (self.wish, self._pinned)
        self.wish, self._pinned = Wish.FOLLOW, None
        return held

    def take_back(self, held: Held) -> None:
        """Nothing came of what it was given up for."""
        self.wish, self._pinned = held

    def session(self) -> Session | None:
        return self._engine.forest.session(self.selection.session)

    def turn(self) -> Turn | None:
        return _turn(self.session(), self.selection.turn)

    def aim(self) -> Aim:
        """What Enter does now. A session of which nothing is left can only be looked at."""
        at = self._pinned or self.selection
        session = self._engine.forest.session(at.session)
        if session is None or self.wish is Wish.NEW:
            return self._engine.aims.new()
        turn = _turn(session, at.turn)
        match self.wish:
            case Wish.CONTINUE:
                return self._engine.aims.go_on(session)
            case Wish.FORK:
                return self._engine.aims.fork(session, turn.id if turn else None)
            case Wish.HAND_OVER:
                return self._engine.aims.hand_over(session)
            case Wish.EDIT if turn is not None:
                return self._engine.aims.fork_before(session, turn)
        if turn is None or (session.line and turn.id == session.line[-1].id):
            return self._engine.aims.go_on(session)
        return self._engine.aims.fork(session, turn.id)

    def fan_out(self) -> Aim:
        """Where several ways begin: where Enter would, but never on in the same session."""
        aim = self.aim()
        session = self._engine.forest.session(aim.child or aim.session or "")
        if session is not None and (aim.verb is Verb.CONTINUE or aim.child):
            return self._engine.aims.fork(session, None)
        return aim

    def edited_turn(self) -> Turn | None:
        """The turn whose prompt 'edit' takes back: the selected one, else the session's last."""
        session = self.session()
        if session is None or session.presence is Presence.GONE:
            return None
        return self.turn() or (session.line[-1] if session.line else None)


def _turn(session: Session | None, turn: str | None) -> Turn | None:
    if session is None or turn is None:
        return None
    return next((one for one in session.turns if one.id == turn), None)
