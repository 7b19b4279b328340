"""Two instances, one file, and any order of changes, crashes, compactions and restarts."""

from __future__ import annotations

import copy
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessiontree.store.format import Tables
from sessiontree.store.journal import Journal
from tests.store_faults import Fast

TABLES = st.sampled_from(["links", "notes"])
KEYS = st.sampled_from(["a", "b", "c", "d"])
WHO = st.sampled_from([0, 1])
VALUES = st.one_of(
    st.integers(), st.text(max_size=5), st.none(), st.lists(st.booleans(), max_size=3)
)


class Crash(Exception):
    pass


class TwoInstances(RuleBasedStateMachine):
    """The model is a dict of dicts. What an instance shows after `refresh` is the model."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "store.jsonl"
        self.model: Tables = {}
        self.torn: list[bytes] = []
        self.journals = [self.open(), self.open()]

    def open(self) -> Journal:
        return Journal(self.path, files=Fast())

    def teardown(self) -> None:
        for journal in self.journals:
            journal.close()
        shutil.rmtree(self.folder)

    @rule(who=WHO, table=TABLES, key=KEYS, field=st.sampled_from("xy"), value=VALUES)
    def set_field(self, who: int, table: str, key: str, field: str, value: object) -> None:
        with self.journals[who].transaction() as draft:
            draft[table].setdefault(key, {})[field] = value
        self.model.setdefault(table, {}).setdefault(key, {})[field] = copy.deepcopy(value)

    @rule(who=WHO, table=TABLES, key=KEYS)
    def remove(self, who: int, table: str, key: str) -> None:
        with self.journals[who].transaction() as draft:
            draft[table].pop(key, None)
        self.model.get(table, {}).pop(key, None)
        if not self.model.get(table, True):
            del self.model[table]

    @rule(who=WHO, key=KEYS, other=KEYS)
    def move(self, who: int, key: str, other: str) -> None:
        """One transaction over both tables."""
        with self.journals[who].transaction() as draft:
            draft["links"][key] = {"n": 1}
            draft["notes"][other] = {"n": 2}
        self.model.setdefault("links", {})[key] = {"n": 1}
        self.model.setdefault("notes", {})[other] = {"n": 2}

    @rule(who=WHO, key=KEYS)
    def fail_half_way(self, who: int, key: str) -> None:
        try:
            with self.journals[who].transaction() as draft:
                draft["links"].setdefault(key, {})["x"] = "never"
                draft["notes"].clear()
                raise Crash
        except Crash:
            pass

    @rule(who=WHO)
    def refresh(self, who: int) -> None:
        self.journals[who].refresh()
        assert self.journals[who].tables == self.model
        assert not self.journals[who].refresh()

    @rule(who=WHO)
    def compact(self, who: int) -> None:
        self.journals[who].compact()

    @rule(who=WHO)
    def restart(self, who: int) -> None:
        self.journals[who].close()
        self.journals[who] = self.open()
        assert self.journals[who].tables == self.model

    @precondition(lambda self: len(self.torn) < 5)
    @rule(data=st.binary(min_size=1, max_size=40).filter(lambda data: b"\n" not in data))
    def crash_while_writing(self, data: bytes) -> None:
        """A third instance leaves half a line. Whoever writes or starts next sets it aside."""
        before = self.path.stat().st_size
        with self.path.open("ab") as file:
            file.write(data)
        assert self.path.stat().st_size == before + len(data)
        self.torn.append(data)
        self.journals[0].refresh()

    @invariant()
    def nothing_is_lost(self) -> None:
        kept = [file.read_bytes() for file in self.folder.glob("*.torn-*")]
        assert all(data in kept for data in self.torn)
        assert not any(journal.read_only for journal in self.journals)


TwoInstances.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)
TestTwoInstances = TwoInstances.TestCase
