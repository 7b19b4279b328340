"""Syntax colours of code: which characters of which line have which style."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sessiontree.ui.stream.line import Span

MOST_CHARACTERS = 40_000
"""Longer code is shown without colours: a lexer costs about 1 ms for 1,000 characters."""

_STYLES = {
    "Comment": "comment",
    "Keyword": "keyword",
    "Operator.Word": "keyword",
    "Literal.String": "string",
    "Literal.Number": "figure",
    "Name.Function": "name",
    "Name.Class": "name",
    "Name.Decorator": "name",
    "Name.Tag": "name",
    "Name.Attribute": "name",
    "Generic.Inserted": "added",
    "Generic.Deleted": "removed",
    "Generic.Subheading": "muted",
}


def colours(lines: Sequence[str], language: str) -> list[tuple[Span, ...]]:
    """The spans of each line of a piece of code; none in a language that is not known.
    `language` is a name as behind a code fence, or a file name."""
    if not language or sum(map(len, lines)) > MOST_CHARACTERS:
        return [()] * len(lines)
    lexer = _lexer(language)
    if lexer is None:
        return [()] * len(lines)
    found: list[list[Span]] = [[] for _ in lines]
    row = column = 0
    for token, value in lexer.get_tokens("\n".join(lines)):
        style = _style(token)
        for number, part in enumerate(value.split("\n")):
            if number:
                row, column = row + 1, 0
            if style and part.strip() and row < len(found):
                found[row].append((column, column + len(part), style))
            column += len(part)
    return [tuple(spans) for spans in found]


@lru_cache(64)
def _lexer(language: str) -> Any | None:
    from pygments import lexers, util  # type: ignore[import-untyped]  # 20 ms, only for code

    find = lexers.get_lexer_for_filename if "." in language else lexers.get_lexer_by_name
    try:
        return find(language, stripnl=False)
    except util.ClassNotFound:
        return None


@lru_cache(512)
def _style(token: tuple[str, ...]) -> str:
    kind = ".".join(token)
    for prefix, style in _STYLES.items():
        if kind.startswith(prefix):
            return style
    return ""
