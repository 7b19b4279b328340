"""What one changed transcript costs, from its file to its rows, where the system told which: the
same whatever the number of sessions. Counted in calls, C functions included."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from sessiontree.claude.library import Library
from sessiontree.claude.lineage import Changes, Lineage
from sessiontree.claude.transcript import scan
from sessiontree.model.forest import Forest
from sessiontree.model.rows import Kind, Rows
from tests.forest_maker import Maker


class Chain:
    """All that stands between a folder of transcripts and rows."""

    def __init__(self, folder: Path) -> None:
        self.library, self.lineage, self.forest = Library(folder), Lineage(), Forest()
        for step in self.library.scan():
            self._take(self.lineage.update(step.changed, step.removed))
        self.rows = Rows(self.forest)
        self.rows.unfold(self.forest)

    def change(self, path: Path) -> None:
        step = self.library.scan_file(path)
        self._take(self.lineage.update(step.changed, step.removed))
        self.rows.sync()

    def _take(self, changes: Changes) -> None:
        for link in changes.links.values():
            self.forest.put_link(link)
        for session in changes.sessions.values():
            self.forest.put(session)


def calls(chain: Chain, path: Path) -> Counter[str]:
    """The calls that taking in one changed transcript makes, by name."""
    scan.label.cache_clear()  # what other sessions left in these is chance
    scan.seconds.cache_clear()
    made: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            made[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            made[argument.__qualname__] += 1

    gc.disable()  # others ask to be told of each collection
    sys.setprofile(note)
    try:
        chain.change(path)
    finally:
        sys.setprofile(None)
        gc.enable()
    return made


def made_of(folder: Path, sessions: int) -> tuple[Maker, Chain]:
    """Families of a root with two forks, of which the second is a fork of the first."""
    maker = Maker(folder / str(sessions))
    for number in range(sessions // 3):
        root = maker.new()
        maker.turn(root, f"prompt {number}")
        fork = maker.fork(root)
        maker.turn(fork, "fork")
        maker.turn(maker.fork(fork), "fork of the fork")
        maker.turn(root, f"went on {number}")
    maker.write()
    return maker, Chain(maker.projects)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_change_costs_the_same_among_few_and_among_many(tmp_path: Path, at: int) -> None:
    """A turn more in a root, in its fork, in the fork of that."""
    costs = []
    for sessions in (30, 300):
        maker, chain = made_of(tmp_path, sessions)
        session = maker.sessions[15 + at]
        for prompt in ("first", "counted"):  # what is worked out once is worked out by the first
            before = len(chain.rows)
            maker.turn(session, prompt)
            maker.write_one(session)
            cost = calls(chain, maker.path(session))
        assert len(chain.rows) == before + 1
        shown = [row.session for row in chain.rows.list if row.kind is Kind.TURN]
        assert len(chain.forest.own_turns(session.id)) == shown.count(session.id)
        costs.append(cost)
    few, many = costs
    assert few["Library._take"] == few["read_session"] == 1
    assert few == many
