"""How many rows each event takes, and on which row it begins: a list of blocks with their sums."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain

BLOCK = 256
"""Heights in a block at most."""


class Heights:
    """Whole numbers ≥ 0 in order. Reading one costs nothing to speak of; the sum before one, and
    finding what lies at a sum, cost a block and, after a change, a look at each block's sum (400
    for 100,000 heights). More in front or behind cost their own number."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._blocks: list[list[int]] = []
        self._sums: list[int] = []  # of each block
        self._firsts: list[int] = []  # the index each block begins with
        self._starts: list[int] | None = None  # the rows each begins on, and all; None: not known
        self._count = 0
        self.replace_from(0, list(heights))

    @classmethod
    def same(cls, count: int, height: int) -> Heights:
        """So many, all of one height."""
        heights = cls()
        sizes = [BLOCK] * (count // BLOCK) + ([count % BLOCK] if count % BLOCK else [])
        heights._blocks = [[height] * size for size in sizes]
        heights._sums = [height * size for size in sizes]
        heights._count_blocks()
        return heights

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._blocks)

    def __getitem__(self, index: int) -> int:
        block = bisect_right(self._firsts, index) - 1
        return self._blocks[block][index - self._firsts[block]]

    def __setitem__(self, index: int, height: int) -> None:
        number = bisect_right(self._firsts, index) - 1
        block, at = self._blocks[number], index - self._firsts[number]
        if block[at] != height:
            self._sums[number] += height - block[at]
            block[at] = height
            self._starts = None

    @property
    def total(self) -> int:
        return self._begins()[-1]

    def start(self, index: int) -> int:
        """The sum of the heights before `index`."""
        if index >= self._count:
            return self.total
        block = bisect_right(self._firsts, index) - 1
        within = self._blocks[block][: index - self._firsts[block]]
        return self._begins()[block] + sum(within)

    def find(self, row: int) -> tuple[int, int]:
        """The index that lies at `row`, and the row within it. (length, rows past the end) where
        there is none; never an index of height 0."""
        starts = self._begins()
        if row >= starts[-1]:
            return self._count, row - starts[-1]
        block = bisect_right(starts, row) - 1
        ends = list(accumulate(self._blocks[block], initial=starts[block]))
        within = bisect_right(ends, row) - 1
        return self._firsts[block] + within, row - ends[within]

    def replace_from(self, index: int, heights: Sequence[int]) -> None:
        """Puts `heights` in the place of all from `index` on. Costs their number."""
        kept = bisect_right(self._firsts, max(0, index - 1)) if index else 0
        del self._blocks[kept:], self._sums[kept:]
        last: list[int] = []
        if kept:
            last = self._blocks.pop()[: index - self._firsts[kept - 1]]
            self._sums.pop()
        room = BLOCK - len(last)
        self._add([last + list(heights[:room])], len(self._blocks))
        self._add(_cut(heights[room:]), len(self._blocks))
        self._count_blocks()

    def put_in_front(self, heights: Sequence[int]) -> None:
        """Puts more in front of all. Costs their number."""
        if self._blocks and len(heights) + len(self._blocks[0]) <= BLOCK:
            heights = [*heights, *self._blocks.pop(0)]
            self._sums.pop(0)
        self._add(_cut(heights), 0)
        self._count_blocks()

    def _add(self, blocks: list[list[int]], at: int) -> None:
        blocks = [block for block in blocks if block]
        self._blocks[at:at] = blocks
        self._sums[at:at] = map(sum, blocks)

    def _count_blocks(self) -> None:
        *self._firsts, self._count = accumulate(map(len, self._blocks), initial=0)
        self._starts = None

    def _begins(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate(self._sums, initial=0))
        return self._starts


def _cut(heights: Sequence[int]) -> list[list[int]]:
    return [list(heights[at : at + BLOCK]) for at in range(0, len(heights), BLOCK)]
