"""Marking rows of the tree, comparing what is marked, and coming back from a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on

from sessiontree.engine.reader import MOST_DIVIDED
from sessiontree.model.comparison import FEWEST, MOST, Side, end
from sessiontree.model.plan import Kind
from sessiontree.ui.compare import Chosen, CompareScreen
from sessiontree.ui.main.aiming import Selection, Wish
from sessiontree.ui.main.start_keys import StartKeys
from sessiontree.ui.tree import TreeView

HOW = "space marks a row of the tree; = compares two to four that are marked, or one with this"


class CompareKeys(StartKeys):
    comparing: CompareScreen | None = None

    def action_compare(self) -> None:
        """Compare what is marked; one alone with the selected row; on the row of a fan-out, with
        nothing marked, its arms."""
        sides = self._to_compare()
        if len(sides) < FEWEST:
            self.app.say(HOW)
        else:
            self.open_compare(sides)

    def _to_compare(self) -> list[Side]:
        """What `=` is about."""
        sides = [Side(*target) for target in self.tree_view.marked.values()]
        at, row = self.aiming.selection, self.tree_view.current
        if not sides and row is not None and row.kind is Kind.GROUP:
            return [Side(id) for id in self.tree_view.rows.members(row)]
        if len(sides) == 1 and at.session:
            sides.append(Side(at.session, at.turn))
        return sides

    def read_ahead(self) -> None:
        """Read what `=` is about now, so that it is there when that is pressed."""
        sides = self._distinct(self._to_compare())
        at_once = [side for side in sides if self._is_read_at_once(side)]
        self.engine.streams.read_ahead(at_once if len(sides) <= MOST else ())

    def open_compare(self, sides: Sequence[Side]) -> None:
        """Show two to four sides beside each other; a sentence where that cannot be."""
        distinct = self._distinct(sides)
        if len(sides) > MOST:
            words = f"{len(sides)} are too many to compare, {MOST} is the most: space marks which"
            self.app.say(words)
        elif len(distinct) < FEWEST:
            self.app.say("It is the same turn: space marks another row to compare it with")
        else:
            self.app.clear_notifications()  # a passing word would stand on the columns
            self.comparing = CompareScreen(self.engine, distinct, self.now)
            self.app.push_screen(self.comparing, self._compared)

    def _distinct(self, sides: Iterable[Side]) -> list[Side]:
        """The first of those that end alike, e.g. a session and its last turn."""
        ends: dict[tuple[str, str | None], Side] = {}
        for side in sides:
            ends.setdefault(end(side, self.engine.forest.turns(side.session)), side)
        return list(ends.values())

    def _compared(self, chosen: Chosen | None) -> None:
        """Back from the comparison, maybe with a side to go to."""
        self.comparing = None
        if chosen is not None:
            self._go_to(chosen)
        self.asked()

    def _go_to(self, chosen: Chosen) -> None:
        session, turn = chosen.side.session, chosen.side.turn
        if not self.tree_view.select(session, turn):
            self.app.say("It is not in the tree that is shown: a shows all projects")
            return
        self.set_focus(self.tree_view)
        if chosen.go_on:
            self.aim_at(self._going_on(chosen.side), Selection(session, turn))

    def _going_on(self, side: Side) -> Wish:
        """A side that ends before its session does is gone on with by a fork."""
        turns = self.engine.forest.turns(side.session)
        at_tip = end(side, turns) == end(Side(side.session), turns)
        return Wish.CONTINUE if at_tip else Wish.FORK

    @on(TreeView.Marked)
    def _marks_changed(self, message: TreeView.Marked) -> None:
        if message.dropped:
            count = "A mark was" if message.dropped == 1 else f"{message.dropped} marks were"
            self.app.say(f"{count} dropped: the session is no longer there")
        self.read_ahead()
        self.draw()

    def _is_read_at_once(self, side: Side) -> bool:
        """Whether it is no more than a moment's work, that may turn out to be for nothing."""
        session = self.engine.forest.session(side.session)
        return session is not None and session.size <= MOST_DIVIDED

    def _draw(self) -> None:
        super()._draw()
        if self.comparing is not None:
            self.comparing.changed()

    def asked(self) -> None:
        """A question came or went."""
        raise NotImplementedError
