"""The versions of the store, and how the documents of one become those of the next.

A new version that only adds fields or tables needs no step and no new number: fields that a
version does not know are kept, and those that are missing have a default. A version whose
documents an older program would misread gets the next number and a step; `READER` follows only
when the older program could not even show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sessiontree.store.format import Doc, Tables

VERSION = 1
"""Written into each store. Version 1 came with sessiontree 0.1."""

READER = 1
"""The oldest version that can show what this one writes."""

Step = Mapping[str, Callable[[Doc], Doc]]
"""By table, a pure function from a document to what it becomes."""

STEPS: Mapping[int, Step] = {}
"""By version, the step to the next one."""


def migrate(
    tables: Tables, version: int, target: int = VERSION, steps: Mapping[int, Step] = STEPS
) -> Tables:
    """The tables of a store of an older `version`, as `target` has them; a table without a
    function in a step stays as it is. Raises `KeyError` when a step is missing."""
    for number in range(version, target):
        step = steps[number]
        tables = {
            name: {key: step[name](doc) for key, doc in table.items()} if name in step else table
            for name, table in tables.items()
        }
    return tables
