"""Light markdown that keeps lines: each line of the source stays one, with its meaning as a
style. A text that grows is read again only from its last block on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sessiontree.ui.stream.code import colours
from sessiontree.ui.stream.inline import inline
from sessiontree.ui.stream.limits import STREAM, Limits, clipped
from sessiontree.ui.stream.line import MOST_INDENT, Line, Piece, code_line, plain
from sessiontree.ui.stream.table import is_separator, table

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*")
_LIST = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])\s+(?:\[([ xX])\]\s+)?(.*)")
_QUOTE = re.compile(r"\s{0,3}((?:>\s?)+)(.*)")
_RULE = re.compile(r"\s{0,3}([-*_])(?:\s*\1){2,}\s*")
_FENCE = re.compile(r"(\s*)(`{3,}|~{3,})\s*([^`\s]*)[^`]*")


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a block begins: in the source, and in the lines. `blank`: an empty line stands
    before it. `fence`: where the code fence that it lies in begins, -1 outside of one."""

    source: int
    line: int
    blank: bool
    fence: int


class Markdown:
    """The lines of one text at one width. Not for concurrent use."""

    def __init__(self, width: int, *, style: str = "", limits: Limits = STREAM) -> None:
        self.lines: list[Line] = []
        self._width = width
        self._style = style
        self._limits = limits
        self._text = ""
        self._blocks: list[_Block] = []

    def update(self, text: str) -> int:
        """Makes `lines` those of `text`; returns the number of lines that stayed as they were.
        Costs the whole text, or its last block where the new text begins with the old."""
        if not text.startswith(self._text):
            self._blocks.clear()
        start = self._blocks.pop() if self._blocks else _Block(0, 0, False, -1)
        fence = start.fence
        if fence >= 0 and self._closing(text, fence, start.source):
            while start.source > fence:
                start = self._blocks.pop()
        self._text = text
        del self.lines[start.line :]
        self._read(start)
        return start.line

    def _read(self, start: _Block) -> None:
        text, at, blank, fence = self._text, start.source, start.blank, start.fence
        after_bar = False  # a line with bars may be the header of a table: it stays undecided
        while at < len(text):
            end = _end_of_line(text, at)
            source = text[at:end]
            if fence >= 0:
                self._blocks.append(_Block(at, len(self.lines), False, fence))
                self._code([source], self._language(fence))
            elif not source.strip():
                blank = True
                after_bar = False
            else:
                if not after_bar:
                    self._blocks.append(_Block(at, len(self.lines), blank, -1))
                if blank and self.lines:
                    self.lines.append(Line())
                blank = False
                if opening := _FENCE.fullmatch(source):
                    closing = self._closing(text, at, end + 1)
                    if closing:
                        self._code(text[end + 1 : closing.start()].split("\n")[:-1], opening[3])
                        end = _end_of_line(text, closing.end())
                    else:
                        fence = at
                    after_bar = False
                else:
                    end = self._table(at, end) or self._line(source, end)
                    after_bar = "|" in source
            at = end + 1

    def _closing(self, text: str, opening: int, start: int) -> re.Match[str] | None:
        """The line that closes the fence which opens at `opening`, sought from `start` on."""
        fence = _FENCE.fullmatch(text[opening : _end_of_line(text, opening)])
        if not fence:
            return None
        ticks = re.escape(fence[2][0]) + "{" + str(len(fence[2])) + ",}"
        closing = re.compile(rf"^[ \t]*{ticks}[ \t]*$", re.MULTILINE)
        return closing.search(text, start)

    def _language(self, fence: int) -> str:
        opening = _FENCE.fullmatch(self._text[fence : _end_of_line(self._text, fence)])
        return opening[3] if opening else ""

    def _code(self, sources: list[str], language: str) -> None:
        sources = [clipped(source, self._limits.paragraph) for source in sources]
        lead = (Piece(" ", "pad"),)
        for source, spans in zip(sources, colours(sources, language), strict=True):
            self.lines.append(code_line(source, spans, lead))

    def _table(self, at: int, end: int) -> int:
        """Reads a table that begins at `at`; where it ends, 0 if there is none."""
        text = self._text
        if "|" not in text[at:end]:
            return 0
        second = text[end + 1 : _end_of_line(text, end + 1)]
        if not is_separator(second):
            return 0
        sources = [text[at:end]]
        while end < len(text):
            next_end = _end_of_line(text, end + 1)
            source = text[end + 1 : next_end]
            if "|" not in source:
                break
            sources.append(source)
            end = next_end
        lines = table(sources, self._width)
        if lines is None:
            for source in sources:
                self._line(source, end)
        else:
            self.lines += lines
        return end

    def _line(self, source: str, end: int) -> int:
        self.lines.append(_line(clipped(source, self._limits.paragraph), self._style))
        return end


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _line(source: str, style: str) -> Line:
    """One line outside of code and tables."""
    if heading := _HEADING.fullmatch(source):
        text, spans = inline(heading[2])
        return Line(text, spans, style="title" if len(heading[1]) <= 2 else "heading")
    if _RULE.fullmatch(source):
        return Line(rule="─", style="guide")
    if item := _LIST.fullmatch(source):
        indent, bullet, ticked, rest = item.groups()
        if ticked:
            bullet = "☐" if ticked == " " else "☑"
        elif len(bullet) == 1:
            bullet = "•"
        lead = " " * min(len(plain(indent)), MOST_INDENT) + bullet + " "
        text, spans = inline(rest)
        hang = (Piece(" " * len(lead)),)
        return Line(text, spans, lead=(Piece(lead, "bullet"),), hang=hang, style=style)
    if quote := _QUOTE.fullmatch(source):
        text, spans = inline(quote[2])
        bar = (Piece("▌ " * min(quote[1].count(">"), MOST_INDENT // 2), "guide"),)
        return Line(text, spans, lead=bar, hang=bar, style="quote")
    text, spans = inline(source)
    body = text.lstrip(" ")
    indent = len(text) - len(body)
    if not indent:
        return Line(text, spans, style=style)
    space = (Piece(" " * min(indent, MOST_INDENT)),)
    spans = tuple((max(0, s - indent), max(0, e - indent), name) for s, e, name in spans)
    return Line(body, spans, lead=space, hang=space, style=style)
