"""The keys that carry the outcome of one session into another: hand over, carry back."""

from __future__ import annotations

from collections.abc import Callable

from sessiontree.model.conclusion import Conclusion
from sessiontree.model.handoff import carried, handed_over
from sessiontree.model.session import Session
from sessiontree.ui.dialogs.finder import Finder
from sessiontree.ui.main.aiming import Selection, Wish
from sessiontree.ui.main.candidates import session_candidates
from sessiontree.ui.main.start_keys import StartKeys

NOTHING_YET = "Nothing came of this session yet: no answer and no changed file"
STILL_RUNS = "It still runs: wait for its answer, or esc interrupts it"


class HandingKeys(StartKeys):
    def action_hand_over(self) -> None:
        """Compose a new session's first prompt from the outcome of the selected one."""
        if session := self._finished():
            self.engine.spawn(self._hand_over(session))

    def action_carry_back(self) -> None:
        """Compose a prompt to another session from what came of the selected branch."""
        session = self._finished()
        if session is None:
            return
        parent = self.engine.forest.parent(session.id)
        first = {parent: "parent"} if parent else {}
        candidates = session_candidates(
            self.engine, session.id, first | self._marked() | first, self.now()
        )
        if not candidates:
            self.app.say("There is no other session to bring it to")
            return

        def picked(target: str | None) -> None:
            if target is not None:
                self.engine.spawn(self._carry(session, target))

        title = f"Bring what came of ‹{self.engine.label(session.id)}› to …"
        dialog = Finder(title, candidates, does="composes the prompt, not sent yet")
        self.app.push_screen(dialog, picked)

    def _finished(self) -> Session | None:
        """The selected session, if it is one and does not run; else says why not."""
        session = self.aiming.session()
        if session is None:
            self.app.say("No session is selected")
        elif self.engine.run_of(session.id) is not None:
            self.app.say(STILL_RUNS)
            return None
        return session

    async def _hand_over(self, session: Session) -> None:
        at = Selection(session.id)
        await self._propose(session, at, Wish.HAND_OVER, handed_over, own=False)

    async def _carry(self, session: Session, target: str) -> None:
        await self._propose(session, Selection(target), Wish.CONTINUE, carried, own=True)

    async def _propose(
        self,
        source: Session,
        at: Selection,
        wish: Wish,
        words: Callable[[str, Conclusion, str], str],
        *,
        own: bool,
    ) -> None:
        """Put the text in the composer, with the cursor where one's own words go."""
        found = await self.engine.conclusion(source.id, own=own)
        if found.empty:
            self.app.say(NOTHING_YET)
            return
        text = words(self.engine.label(source.id), found, source.cwd)
        if text not in self.composer.text:
            self.put_in_composer(text)
        area = self.composer.area
        if (before := area.text.find(text)) >= 0:  # else it is held aside with a long draft
            line = area.text.count("\n", 0, before)
            area.move_cursor((line, text.index("\n")))
        self.aim_at(wish, at)
