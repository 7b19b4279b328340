"""What stands where in a comparison: events for the pages, and which of them begin on one row.

From the top: what the sides share, the summary, what each did, the turns side by side, the final
answers with their differences, the files that several changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sessiontree.model.amounts import counted
from sessiontree.model.comparison import Column, Comparison
from sessiontree.model.event import Event, Mark, Prompt
from sessiontree.model.facts import Unmade, answer_events
from sessiontree.ui.compare.answers import heading, mark, starts
from sessiontree.ui.compare.summary import details, table
from sessiontree.ui.stream.draw import Changed, Lines
from sessiontree.ui.stream.limits import clipped
from sessiontree.ui.stream.line import Line, Piece, Span

WIDE = 0
"""The page that is as wide as the screen; that of side n (from 1) is page n."""

SHARED = "shared"
"""The key of the line that opens the shared turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later(Event):
    """Stands for the events of a turn until they are to be seen."""

    told: Unmade


class Cell(NamedTuple):
    """The events `start:end` of a page."""

    page: int
    start: int
    end: int


Block = tuple[Cell, ...]
"""Cells that begin on one row: one of the wide page, or one of each side."""


class Stop(NamedTuple):
    """A line of an event where a difference begins."""

    page: int
    key: str
    line: int


@dataclass(frozen=True, slots=True)
class Content:
    """`heads` are the blocks at which a turn or a part begins."""

    pages: tuple[list[Event], ...]
    blocks: tuple[Block, ...]
    heads: tuple[int, ...]
    stops: tuple[Stop, ...]

    def told(self, turns: Mapping[int, Sequence[int]]) -> Content:
        """With their events in the place of some `Later`s: of each page those at these indexes, in
        order. Costs the events of those pages."""
        moves = {page: _Moves(self.pages[page], where) for page, where in turns.items() if where}
        if not moves:
            return self
        pages = [
            moves[page].events if page in moves else events
            for page, events in enumerate(self.pages)
        ]
        blocks = [
            tuple([moves[c.page].cell(c) if c.page in moves else c for c in block])
            for block in self.blocks
        ]
        return replace(self, pages=tuple(pages), blocks=tuple(blocks))


class _Moves:
    """Where the events of a page are once some turns have theirs."""

    def __init__(self, events: Sequence[Event], where: Sequence[int]) -> None:
        self.events: list[Event] = []
        self._where = where
        self._moved = [0]  # by how much what is behind the first, the second, … of `where`
        done = 0
        for at in where:
            turn = events[at]
            assert isinstance(turn, Later)
            self.events += [*events[done:at], *turn.told]
            done = at + 1
            self._moved.append(len(self.events) - done)
        self.events += events[done:]

    def cell(self, cell: Cell) -> Cell:
        return Cell(cell.page, self._place(cell.start), self._place(cell.end))

    def _place(self, index: int) -> int:
        return index + self._moved[bisect_left(self._where, index)]


def content(found: Comparison, *, wide: int, column: int, opened: bool) -> Content:
    """`wide` and `column`: cells that the lines of the pages have. `opened`: the shared turns
    are shown. Costs the events behind the split that are made, and the comparing of the answers."""
    builder = _Builder(found, wide, column)
    builder.shared(opened)
    builder.summary()
    builder.turns()
    builder.answers()
    builder.files()
    return builder.built()


class _Builder:
    def __init__(self, found: Comparison, wide: int, column: int) -> None:
        self._found = found
        self._wide = wide
        self._column = column
        # The first event of a page has no empty row before it; so none of a side's is the first.
        first: list[Event] = [Lines(key="top", lines=())]
        self._pages: list[list[Event]] = [[], *(list(first) for _ in found.columns)]
        self._blocks: list[Block] = []
        self._heads: list[int] = []
        self._stops: list[Stop] = []

    def built(self) -> Content:
        return Content(
            tuple(self._pages), tuple(self._blocks), tuple(self._heads), tuple(self._stops)
        )

    def _put(self, page: int, events: Sequence[Event]) -> Cell:
        start = len(self._pages[page])
        self._pages[page] += events
        return Cell(page, start, start + len(events))

    def _across(self, key: str, *lines: Line, events: Sequence[Event] = ()) -> None:
        """Something as wide as the screen."""
        told: list[Event] = [Lines(key=key, lines=lines), *events]
        self._blocks.append((self._put(WIDE, told),))

    def _beside(self, cells: Sequence[Sequence[Event]]) -> None:
        """Something of each side."""
        self._blocks.append(tuple(self._put(page, told) for page, told in enumerate(cells, 1)))

    def _heading(self, key: str, text: str, *spans: Span) -> None:
        self._heads.append(len(self._blocks))
        lead = (Piece("── ", "mark"),)
        self._across(key, Line(f"{text} ", spans, lead=lead, style="mark", rule="─", wrap=False))

    # The parts

    def shared(self, opened: bool) -> None:
        found = self._found
        column = found.longest
        before = found.shared if found.alone else column.before
        line = shared_line(found, [column.prompt(turn) for turn in before], opened)
        events = [e for turn in before for e in _turn(column, turn)] if opened else []
        self._across(SHARED, line, events=events)

    def summary(self) -> None:
        found = self._found
        self._across("summary", *table(found, self._wide))
        self._beside([[Lines(key="did", lines=tuple(details(one)))] for one in found.columns])

    def turns(self) -> None:
        columns = self._found.columns
        for number, row in enumerate(self._found.rows):
            self._heads.append(len(self._blocks))
            cells: list[Sequence[Event]] = []
            for column, turn in zip(columns, row, strict=True):
                if turn is not None:
                    last = number == len(column.own) - 1
                    cells.append(_turn(column, turn, _answer_keys(column) if last else ()))
                elif number == len(column.own):
                    cells.append([_said("end", _ended(column), inside=True)])
                else:
                    cells.append([])
            self._beside(cells)

    def answers(self) -> None:
        columns = self._found.columns
        marked = mark([column.answered for column in columns], self._column)
        self._heading("answers", *heading(marked, len(columns)))
        if not marked.marks and marked.differ:
            self._stops.append(Stop(WIDE, "answers", 0))
        cells: list[list[Event]] = []
        for page, (column, lines) in enumerate(zip(columns, marked.lines, strict=True), 1):
            event = Lines(key="answer", lines=lines) if lines else _said("answer", _silent(column))
            cells.append([event])
            self._stops += (Stop(page, "answer", n) for n in starts(lines))
        self._beside(cells)

    def files(self) -> None:
        for name, sides in self._found.files.items():
            by = "both" if len(sides) == 2 else "several"
            self._heading(f"file {name}", f"Changed by {by}: {clipped(name, 500)}")
            self._stops.append(Stop(WIDE, f"file {name}", 0))
            cells: list[list[Event]] = []
            for touched in sides:
                if touched is None:
                    cells.append([_said(f"file {name}", "not changed here")])
                    continue
                head = Lines(key=f"head {name}", lines=(Line(touched.words or "no line changed"),))
                cells.append([head, Changed(key=f"file {name}", changes=touched.changes)])
            self._beside(cells)


def _turn(column: Column, turn: str, left_out: Container[str] = ()) -> Sequence[Event]:
    """The events of a turn, but for those with some keys; where they could not be read its prompt,
    as far as it is known."""
    told = column.told.get(turn)
    if isinstance(told, Unmade) and not left_out:
        return [Later(key=turn, told=told)]
    if told is not None:
        return [
            event for event in told if not isinstance(event, Mark) and event.key not in left_out
        ]
    number = [*column.before, *column.own].index(turn) + 1
    prompt = Prompt(key=turn, text=column.prompt(turn), number=number)
    words = column.source.note or "reading …"
    return [prompt, _said(f"{turn} missing", words, inside=True)]


def _answer_keys(column: Column) -> frozenset[str]:
    """What stands among the final answers, not in the turn."""
    if column.answered is None or not column.own:
        return frozenset()
    return frozenset(event.key for event in answer_events(column.told.get(column.own[-1], ())))


def _said(key: str, words: str, *, inside: bool = False) -> Lines:
    """A sentence; `inside`: where the events of a turn stand."""
    line = Line(words, style="muted")
    return Lines(key=key, lines=(line.within((Piece("   "),)) if inside else line,))


def _ended(column: Column) -> str:
    return "no further turn" if column.own else "no turn of its own"


def _silent(column: Column) -> str:
    """Why a side has no answer."""
    if not column.source.whole:
        return "reading …"
    state = column.facts.state
    return "not done yet" if state.under_way else f"no answer: {state.value}"


def shared_line(found: Comparison, prompts: Sequence[str], opened: bool) -> Line:
    """The line on top: what the sides have in common; it opens where there is something."""
    count = counted(len(found.shared), "shared turn")
    if found.alone:
        count = f"turns of one session, each by itself; {counted(len(prompts), 'turn')} before"
    if not prompts:
        words = count if found.alone else "no turn in common: each side from its beginning"
        return Line(words, style="mark", wrap=False)
    labels = "" if opened else "  " + " · ".join(clipped(one[:200], 200) for one in prompts[:9])
    lead = (Piece("▾ " if opened else "▸ ", "sign-tool"),)
    return Line(count + labels, ((0, len(count), "mark"),), lead=lead, style="muted", wrap=False)
