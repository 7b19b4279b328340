"""A comparison as text for a terminal, or as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sessiontree.model.amounts import counted
from sessiontree.model.comparison import Column, Comparison
from sessiontree.model.facts import Touched
from sessiontree.model.text import label
from sessiontree.model.word_diff import Grain, WordDiff

_MARKS = {" ": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
_HEADS = ("", "session", "state", "turns", "tools", "files", "tokens", "cost", "time")


def document(found: Comparison, *, md: bool) -> Iterator[str]:
    """Lines, each with its newline."""
    page = Markdown() if md else Page()
    yield from page.summary(found)
    yield from page.heading(shared_words(found))
    before = found.shared if found.alone else found.longest.before
    for place, shared in enumerate(before, 1):
        yield f"{place}. {label(found.longest.prompt(shared))}\n"
    yield from page.heading("The turns")
    for row in found.rows:
        for turn in dict.fromkeys(turn for turn in row if turn is not None):
            yield page.item(_told(found, turn, [n for n, one in enumerate(row) if one == turn]))
    yield from page.heading("The final answers")
    yield from _answers(found, page)
    if found.files:
        yield from page.heading("Files that more than one changed")
    for name, sides in found.files.items():
        for number, touched in enumerate(sides, 1):
            if touched is not None:
                yield from page.block(f"{number}, {name} {touched.words}", _diff(touched))


def _told(found: Comparison, turn: str, sides: list[int]) -> str:
    """A turn in a line, with the sides that have it: two of four may share more than all do."""
    column = found.columns[sides[0]]
    names = " and ".join(str(side + 1) for side in sides)
    return f"{names}, turn {column.number + column.own.index(turn)}: {label(column.prompt(turn))}"


class Page:
    """How the parts are set off from each other in a terminal."""

    def summary(self, found: Comparison) -> Iterator[str]:
        for number, column in enumerate(found.columns, 1):
            names = dict(zip(_HEADS, _cells(number, column), strict=True))
            yield f"{number}  {names.pop('session')}\n"
            yield from (f"   {head}: {words}\n" for head, words in names.items() if head)
            if column.source.note:
                yield f"   {column.source.note}\n"

    def heading(self, text: str) -> Iterator[str]:
        yield f"\n{text}\n\n"

    def item(self, text: str) -> str:
        return f"{text}\n"

    def block(self, title: str, lines: Iterable[str]) -> Iterator[str]:
        yield f"{title}\n"
        yield from (f"   {line}\n" for line in lines)


class Markdown(Page):
    def summary(self, found: Comparison) -> Iterator[str]:
        yield f"| {' | '.join(_HEADS)} |\n"
        yield f"|{' --- |' * len(_HEADS)}\n"
        for number, column in enumerate(found.columns, 1):
            cells = (cell.replace("|", "\\|") for cell in _cells(number, column))
            yield f"| {' | '.join(cells)} |\n"
        for number, column in enumerate(found.columns, 1):
            if column.source.note:
                yield f"\n{number}: {column.source.note}\n"

    def heading(self, text: str) -> Iterator[str]:
        yield f"\n## {text}\n\n"

    def item(self, text: str) -> str:
        return f"- {text}\n"

    def block(self, title: str, lines: Iterable[str]) -> Iterator[str]:
        told = list(lines)
        runs = (len(run) for line in told for run in re.findall("`+", line))
        fence = "`" * max(3, *(size + 1 for size in runs), 3)
        yield f"### {title}\n\n{fence}\n"
        yield from (f"{line}\n" for line in told)
        yield f"{fence}\n\n"


def shared_words(found: Comparison) -> str:
    """What the sides have in common, in a line."""
    if found.alone:
        return f"Turns of one session, each by itself; {counted(len(found.shared), 'turn')} before"
    if not found.shared:
        return "They share no turn"
    return f"{counted(len(found.shared), 'shared turn')}"


def _cells(number: int, column: Column) -> Iterator[str]:
    facts = column.facts
    yield str(number)
    yield f"{column.source.label} ({column.source.side.session[:8]})"
    yield facts.state.value + (f": {label(facts.reason)}" if facts.reason else "")
    yield str(len(column.own))
    yield ", ".join(f"{tool} {count}" for tool, count in facts.tools.items()) or "none"
    yield ", ".join(f"{n} {t.words}".rstrip() for n, t in facts.files.items()) or "none"
    yield facts.tokens_words
    yield facts.cost_words
    yield facts.time_words


def _diff(touched: Touched) -> Iterator[str]:
    return (f"{change.sign} {change.text}".rstrip() for change in touched.changes)


def _answers(found: Comparison, page: Page) -> Iterator[str]:
    first, *others = found.columns
    for number, (column, answer) in enumerate(zip(others, found.answers(), strict=True), 2):
        if answer is None:
            lacking = " and ".join(
                str(n) for n, c in ((1, first), (number, column)) if not c.facts.answer
            )
            words = f"{lacking} has no answer" if lacking else "one of them is not done yet"
            yield page.item(f"{number} is not compared with 1: {words}.")
        elif answer.same:
            yield page.item(f"{number} says the same as 1, word for word.")
        else:
            title = f"{number} against 1: [-only in 1-] {{+only in {number}+}}{_by(answer)}"
            yield from page.block(title, _marked(answer).splitlines())


def _by(answer: WordDiff) -> str:
    words = {Grain.LINES: " (too long for words: lines are compared)"}
    return words.get(answer.grain, " (too long to be compared)" * (answer.grain is Grain.WHOLE))


def _marked(answer: WordDiff) -> str:
    """The differences as `wdiff` marks them; the white space behind stays outside."""
    told = []
    for part in answer.parts:
        text = part.new or part.old
        inner = text.rstrip() if part.sign != " " else text
        told.append(_MARKS[part.sign].format(inner) + text[len(inner) :] if inner else text)
    return "".join(told)
