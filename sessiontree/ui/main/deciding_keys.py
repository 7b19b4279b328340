"""The keys by which a person says what a session is: a verdict, a note, a parent."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from sessiontree.model.linking import last_shared, refusal
from sessiontree.model.overlay import Verdict
from sessiontree.model.session import Evidence, Link, LinkKind, Session
from sessiontree.ui.dialogs.base import Option
from sessiontree.ui.dialogs.finder import Finder
from sessiontree.ui.dialogs.note import NoteDialog
from sessiontree.ui.dialogs.small import ChoiceDialog
from sessiontree.ui.main.candidates import session_candidates, turn_candidates
from sessiontree.ui.main.session_keys import SessionKeys

KNOWN_BY = {
    Evidence.MANUAL: "set by hand",
    Evidence.MADE: "made here",
    Evidence.POINTER: "its transcript names it",
    Evidence.PREFIX: "it repeats the other's messages",
    Evidence.NONE: "",
}


class DecidingKeys(SessionKeys):
    # Verdicts

    def action_choose(self) -> None:
        self._judge(Verdict.CHOSEN)

    def action_discard(self) -> None:
        self._judge(Verdict.DISCARDED)

    def _judge(self, verdict: Verdict) -> None:
        """Give the selected session this verdict, or take it back where it has it."""
        session = self._selected()
        if session is None:
            return
        has = self.engine.marks.of(session.id).chosen
        given = Verdict.NONE if has is verdict else verdict
        self.engine.spawn(self.engine.marks.set(session.id, chosen=given), "write")
        self.app.say(self._words_on(session.id, given))

    def _words_on(self, session: str, given: Verdict) -> str:
        label = self.engine.label(session)
        if given is Verdict.CHOSEN:
            return f"‹{label}› is chosen ★; is:chosen in the filter finds it"
        if given is Verdict.NONE:
            return f"‹{label}› is neither chosen nor discarded now"
        below = self._with_those_below(session)
        return f"‹{label}› is discarded{below}; . shows it again, - takes it back"

    # Notes

    def action_note(self) -> None:
        session, turn = self._selected(), self.aiming.turn()
        if session is None:
            return
        label = self.engine.label(session.id)
        on, words = session.id, f"‹{label}›"
        if turn is not None:
            on, words = turn.id, f"the turn ‹{turn.label}› of ‹{label}›"

        def written(text: str | None) -> None:
            if text is not None and text != self.engine.forest.note(on):
                self.engine.spawn(self.engine.marks.set(on, note=text), "write")

        self.app.push_screen(NoteDialog(words, self.engine.forest.note(on)), written)

    # Links

    def action_link(self) -> None:
        session = self._selected()
        if session is None:
            return
        link = self.engine.forest.link(session.id)
        options = [Option("p", "set its parent …")]
        if link is not None and link.parent is not None:
            options.append(Option("c", "cut it loose: it is a root"))
        if link is not None and link.evidence is Evidence.MANUAL:
            options.append(Option("f", "as it was found: take back what was set by hand"))
        if len(options) == 1:
            self._pick_parent(session)
            return

        def chosen(key: str | None) -> None:
            if key == "p":
                self._pick_parent(session)
            elif key == "c":
                self._relink(session, self.engine.marks.cut(session.id))
            elif key == "f":
                self._relink(session, self.engine.marks.link_as_found(session.id))

        title = f"Where does ‹{self.engine.label(session.id)}› come from?"
        self.app.push_screen(ChoiceDialog(title, self._said_of(link), options), chosen)

    def _said_of(self, link: Link | None) -> str:
        """What is known of a session's parent, in a sentence."""
        if link is None or link.parent is None:
            cut = link is not None and link.evidence is Evidence.MANUAL
            return "It is a root: it was cut loose by hand." if cut else "It is a root."
        made = "handed over" if link.kind is LinkKind.HANDOFF else "forked"
        how = KNOWN_BY[link.evidence]
        return f"It was {made} from ‹{self.engine.label(link.parent)}›" + (f": {how}." * bool(how))

    def _pick_parent(self, child: Session) -> None:
        link = self.engine.forest.link(child.id)
        now = {link.parent: "now"} if link and link.parent else {}
        candidates = session_candidates(
            self.engine, child.id, now | self._marked() | now, self.now()
        )
        if not candidates:
            self.app.say("There is no other session here that it could come from")
            return

        def picked(id: str | None) -> None:
            parent = self.engine.forest.session(id or "")
            if parent is None:
                return
            above = self.engine.forest.ancestors(parent.id)
            if words := refusal(child.id, parent.id, above):
                self.app.say(words, trouble=True)
            else:
                self._pick_turn(child, parent)

        title = f"The parent of ‹{self.engine.label(child.id)}›"
        self.app.push_screen(Finder(title, candidates, does="takes it"), picked)

    def _pick_turn(self, child: Session, parent: Session) -> None:
        """At which turn the child left. Where both have turns that is no question."""

        def picked(turn: str | None) -> None:
            if turn is not None:
                self._relink(child, self.engine.marks.link(child, parent, turn or None))

        if not parent.line or last_shared(child, parent):
            picked("")
            return
        title = f"It left ‹{self.engine.label(parent.id)}› after turn …"
        at = parent.line[-1].id
        dialog = Finder(title, turn_candidates(parent), at=at, does="sets the link")
        self.app.push_screen(dialog, picked)

    def _relink(self, session: Session, change: Coroutine[Any, Any, bool]) -> None:
        """Set a link, and keep the cursor on the session wherever it hangs then."""

        async def relink() -> None:
            if await change:
                self.tree_view.refresh_rows()
                self.tree_view.select(session.id)

        self.engine.spawn(relink(), "write")
