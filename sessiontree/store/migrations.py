"""The versions of the store, and how the documents of one become those of the next.

A change that only adds fields or tables needs no new version: fields that a program does not
know are kept, and missing ones have a default. Documents that an older program would misread
make a new version, with a step. `reader` follows only when an older program could not even show
them: it opens newer versions read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sessiontree.store.format import Doc, Tables

Step = Mapping[str, Callable[[Doc], Doc]]
"""By table, a pure function from a document to what it becomes."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a program writes: `version`, which needs at least a program of version `reader`.
    `steps` has, by version, the step to the next one."""

    version: int
    reader: int
    steps: Mapping[int, Step] = field(default_factory=dict)

    def migrate(self, tables: Tables, version: int) -> Tables:
        """The tables of a store of an older `version` as this one has them. A table that a step
        does not name stays as it is."""
        for number in range(version, self.version):
            step = self.steps[number]
            tables = {
                name: {key: step[name](doc) for key, doc in table.items()}
                if name in step
                else table
                for name, table in tables.items()
            }
        return tables


SCHEMA = Schema(version=1, reader=1)
"""Version 1 came with sessiontree 0.1."""
