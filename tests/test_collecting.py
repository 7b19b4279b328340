"""Python's look for garbage comes when nobody is at the keys."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from sessiontree.ui.collecting import QUIET, Collecting


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def full() -> Iterator[list[int]]:
    """The full looks so far."""
    seen: list[int] = []

    def look(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            seen.append(1)

    gc.callbacks.append(look)
    yield seen
    gc.callbacks.remove(look)


def churn() -> None:
    """What reading a long session makes: many objects that stay. Half more than a full look is
    worth, whatever the tests before this one left in Python's counters."""
    kept = [[number] for number in range(1_800_000)]
    assert kept


def test_a_full_look_waits_until_it_is_quiet(full: list[int]) -> None:
    clock = Clock()
    collecting = Collecting(clock)
    before = gc.get_threshold()
    collecting.begin()
    try:
        churn()
        assert not full
        clock.now = QUIET + 1
        collecting.touched()
        collecting.ask()
        assert not full, "somebody is at the keys"
        clock.now += QUIET
        collecting.ask()
        assert full == [1]
        clock.now += 100
        collecting.ask()
        assert full == [1], "nothing is new"
    finally:
        collecting.end()
    assert gc.get_threshold() == before


def test_what_the_imports_made_is_not_looked_through() -> None:
    collecting = Collecting()
    gc.disable()
    try:
        collecting.begin()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
        gc.enable()
        collecting.end()
