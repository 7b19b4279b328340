"""How much of a text is shown: no text, however long, costs more than its share of the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sessiontree.ui.stream import words
from sessiontree.ui.stream.line import Line, plain


@dataclass(frozen=True, slots=True)
class Limits:
    """`lines`: of one event when it is unfolded. In characters, `line`: one line of what a tool
    says; `paragraph`: one line of what a person or the model says; `text`: a whole reply."""

    lines: int
    line: int
    paragraph: int
    text: int


STREAM = Limits(lines=1_000, line=2_000, paragraph=20_000, text=200_000)
PAGER = Limits(lines=100_000, line=100_000, paragraph=100_000, text=4_000_000)

_ENCODED = re.compile(r"(?:data:([\w.+-]+/[\w.+-]+);base64,)?([A-Za-z0-9+/_-]{256,}={0,2})")
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])")


def without_encoded(text: str) -> str:
    """`text` with what is base64 in it replaced by its type and size."""
    return _ENCODED.sub(_named, text) if len(text) > 256 else text


def _named(found: re.Match[str]) -> str:
    kind, data = found.groups()
    if not kind and not _MIXED.match(data[:400]):
        return found[0]
    return f"‹{kind or 'base64'}, {words.size(len(data) * 3 // 4)}›"


def clipped(line: str, most: int) -> str:
    """A line as it can be shown: encoded data named, and what is beyond `most` characters cut,
    with its size."""
    line = without_encoded(line)
    if len(line) > most:
        line = line[:most] + f" … {words.size(len(line) - most)} more"
    return plain(line)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of a text: the first, then `hidden` that are not shown, then the last."""

    first: list[str]
    hidden: int
    last: list[str]

    @classmethod
    def of(cls, text: str, first: int, last: int = 0) -> Excerpt:
        """At most `first + last` lines, or one more than that rather than '1 more line'. Costs
        one pass over the text, whatever its number of lines."""
        text = text.strip("\n")
        if not text:
            return cls([], 0, [])
        total = text.count("\n") + 1
        if total <= first + last + (first + last > 0):
            return cls(text.split("\n"), 0, [])
        head = text.split("\n", first)[:first]
        tail = text.rsplit("\n", last)[-last:] if last else []
        return cls(head, total - first - last, tail)

    def lines(self, most: int, style: str = "") -> Iterator[Line]:
        """The excerpt as plain lines of at most so many characters, with a word on what is
        hidden."""
        for line in self.first:
            yield Line(clipped(line, most), style=style)
        if self.hidden:
            yield more(self.hidden)
        for line in self.last:
            yield Line(clipped(line, most), style=style)


def more(count: int) -> Line:
    return Line(f"… {words.counted(count, 'more line')}", style="more")


def more_text(count: int) -> Line:
    return Line(f"… {words.size(count)} more", style="more")
