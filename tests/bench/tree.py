"""The tree at 10,000 and 50,000 rows, beside Textual's own `Tree`.

    python -m tests.bench.tree

CPU time of this process, the median of several; GC is out of the way, as the app has it."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.text import Text
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from sessiontree.model.forest import Forest
from sessiontree.model.rows import Row, Rows
from sessiontree.model.session import Evidence, Link, Session, Turn
from sessiontree.ui.tree import TreeView

SIZE = (120, 45)
TURNS = 4  # own turns of each session: with its own row, five rows
WORDS = ("rate", "limiter", "sliding", "window", "benchmark", "flaky", "login", "parser", "proof")

Act = Callable[[], object]


# forests -------------------------------------------------------------------------------------


def label(number: int) -> str:
    return " ".join(WORDS[number * step % len(WORDS)] for step in (1, 3, 7)) + f" {number}"


def own_turns(name: str, after: str | None, at: float) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for number in range(TURNS):
        id = f"{name}-{number}"
        turns.append(Turn(id, after, id, id, label(hash(id) % 1000), at + number))
        after = id
    return tuple(turns)


def session(name: str, turns: tuple[Turn, ...], at: float) -> Session:
    return Session(name, "p", "/home/ann/p", "", turns=turns, created=at, updated=at)


def chain(sessions: int) -> Forest:
    """Each forks from the end of the one before."""
    forest, last = Forest(), None
    for number in range(sessions):
        name, at = f"s{number}", number * 10.0
        shared = () if last is None else (Turn(last, None, last, last, "shared", at),)
        turns = own_turns(name, last, at)
        forest.put(session(name, (*shared, *turns), at))
        if last is not None:
            parent = f"s{number - 1}"
            forest.put_link(Link(name, parent, last, evidence=Evidence.PREFIX))
        last = turns[-1].id
    return forest


def bushes(sessions: int) -> Forest:
    """Families of ten: three forks at each of three places."""
    forest = Forest()
    for number in range(0, sessions, 10):
        root, at = f"s{number}", number * 10.0
        turns = own_turns(root, None, at)
        forest.put(session(root, turns, at))
        for fork in range(1, 10):
            name, left = f"s{number + fork}", turns[fork % 3]
            own = own_turns(name, left.id, at + fork)
            forest.put(session(name, (*turns[: fork % 3 + 1], *own), at + fork))
            forest.put_link(Link(name, root, left.id, evidence=Evidence.PREFIX))
    return forest


# measuring -----------------------------------------------------------------------------------


@contextmanager
def without_gc() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def cost(pilot: Pilot[None], acts: list[Act]) -> float:
    """Median milliseconds of CPU from an act to the repainted screen."""
    times = []
    with without_gc():
        for act in acts:
            await pilot.pause()
            start = time.process_time()
            act()
            await pilot.pause()
            times.append((time.process_time() - start) * 1000)
    return statistics.median(times)


class Ours(App[None]):
    def __init__(self, forest: Forest) -> None:
        super().__init__()
        self.view = TreeView(forest, now=lambda: 1e6)

    def compose(self) -> ComposeResult:
        yield self.view


async def ours(forest: Forest) -> dict[str, float]:
    app = Ours(forest)
    async with app.run_test(size=SIZE) as pilot:
        view, rows = app.view, app.view.rows
        rows.unfold(forest)
        view.refresh_rows()
        middle = rows.list[len(rows) // 2]
        found = {"rows": float(len(rows))}
        view.select(middle.session)
        found["key"] = await cost(pilot, [view.action_cursor_down] * 20)
        view.action_first()
        found["fold"] = await cost(pilot, [view.action_fold, view.action_unfold] * 5)
        left = forest.own_turns(middle.session)[0].id

        def insert(number: int) -> None:
            name = f"new{number}"
            forest.put(session(name, own_turns(name, None, 1e6), 1e6))
            forest.put_link(Link(name, middle.session, left, evidence=Evidence.MADE))
            view.refresh_rows()

        found["insert"] = await cost(pilot, [partial(insert, number) for number in range(9)])
        for _ in rows.warm_up():
            pass
        typed = "rate limiter"
        letters = [partial(view.filter, typed[:end]) for end in range(1, len(typed) + 1)]
        found["filter"] = await cost(pilot, letters)
        found["one letter"] = await cost(pilot, [partial(view.filter, letter) for letter in "rel"])
        return found


class Stock(App[None]):
    def compose(self) -> ComposeResult:
        yield Tree("sessions")


async def stock(forest: Forest) -> dict[str, float]:
    """The same rows in Textual's `Tree`, all unfolded."""
    app = Stock()
    async with app.run_test(size=SIZE) as pilot:
        tree = app.query_one(Tree)
        tree.show_root = False
        nodes: list[TreeNode[None]] = []
        for row in all_rows(forest):
            parent = nodes[row.depth - 1] if row.depth else tree.root
            node = parent.add(Text(row.turn or row.session), expand=True)
            nodes[row.depth :] = [node]
        tree.root.expand()
        await pilot.pause()
        found = {"rows": float(len(tree._tree_lines))}
        tree.cursor_line = len(tree._tree_lines) // 2
        found["key"] = await cost(pilot, [tree.action_cursor_down] * 20)
        first = tree.root.children[0]
        found["fold"] = await cost(pilot, [first.collapse, first.expand] * 2)
        found["insert"] = await cost(pilot, [partial(first.add, Text("new"))] * 3)
        return found


def all_rows(forest: Forest) -> list[Row]:
    rows = Rows(forest)
    rows.unfold(forest)
    return rows.list


# the table -----------------------------------------------------------------------------------


def table() -> list[str]:
    """Markdown lines."""
    small, large = asyncio.run(ours(bushes(20))), asyncio.run(ours(bushes(2_000)))
    huge, deep = asyncio.run(ours(bushes(10_000))), asyncio.run(ours(chain(10_000)))
    stock_large, stock_huge = asyncio.run(stock(bushes(2_000))), asyncio.run(stock(bushes(10_000)))
    ratio = large["key"] / small["key"]
    return [
        "| tree, ms of CPU to the repainted screen | goal | sessiontree | Textual's `Tree` |",
        "| --- | --- | --- | --- |",
        _line("10,000 rows: a key", "10", large["key"], stock_large["key"]),
        f"| the same, times that of {small['rows']:,.0f} rows | 2 | {ratio:.1f} | |",
        *(
            _line(f"50,000 rows: {what}", "30", huge[what], stock_huge.get(what))
            for what in ("fold", "insert", "filter", "one letter")
        ),
        *(
            _line(f"the same, a chain of 10,000 forks: {what}", "30", deep[what], None)
            for what in ("fold", "insert", "filter", "one letter")
        ),
        "",
        "`Tree` cannot show such a chain: it builds its lines recursively and raises "
        "`RecursionError` at a depth of about 1,000.",
    ]


def _line(what: str, goal: str, ours: float, stock: float | None) -> str:
    return f"| {what} | {goal} | {ours:.1f} | {'' if stock is None else f'{stock:,.1f}'} |"


if __name__ == "__main__":
    print("\n".join(table()))
