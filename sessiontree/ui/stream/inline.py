"""Markdown within a line: emphasis, code, links. The marks go, their meaning becomes a style."""

from __future__ import annotations

import re

from sessiontree.ui.stream.line import Span, plain

# What stands between two marks is bounded, so that a line full of them stays cheap.
_INLINE = re.compile(
    r"""
      \\(?P<escaped>[\\`*_{}\[\]()\#+\-.!|>~])
    | (?P<ticks>`+)(?!`)(?P<code>.{1,600}?)(?<!`)(?P=ticks)(?!`)
    | \*\*(?=\S)(?P<strong>.{1,600}?)(?<=\S)\*\*(?!\*)
    | (?<!\w)__(?=\S)(?P<strong_>.{1,600}?)(?<=\S)__(?!\w)
    | \*(?=[^\s*])(?P<emphasis>.{1,600}?)(?<=[^\s*])\*(?!\*)
    | (?<!\w)_(?=[^\s_])(?P<emphasis_>.{1,600}?)(?<=[^\s_])_(?!\w)
    | ~~(?=\S)(?P<strike>.{1,600}?)(?<=\S)~~
    | !?\[(?P<label>[^\[\]]{1,600})\]\((?P<address>[^()\s]{1,2000})\)
    | (?P<bare>https?://[^\s<>()\[\]"'`]{1,2000}(?<![.,;:!?]))
    """,
    re.VERBOSE,
)
_SPECIAL = re.compile(r"[\\`*_~\[]|://")
_NESTING = 3


def inline(source: str) -> tuple[str, tuple[Span, ...]]:
    """The text of a line and its spans. A mark that is not closed stays as it is; a link shows
    its address."""
    source = plain(source)
    if not _SPECIAL.search(source):
        return source, ()
    parts: list[str] = []
    spans: list[Span] = []
    _read(source, 0, parts, spans, _NESTING)
    return "".join(parts), tuple(spans)


def _read(source: str, at: int, parts: list[str], spans: list[Span], nesting: int) -> int:
    """Appends what `source` reads as; `at` and the result count the characters of `parts`."""
    end = 0
    for found in _INLINE.finditer(source):
        at = _add(source[end : found.start()], at, parts)
        end = found.end()
        kind = found.lastgroup or ""
        text = found[kind]
        start = at
        if kind in ("escaped", "bare", "code"):
            at = _add(_code(text) if kind == "code" else text, at, parts)
        elif kind == "address":
            at = _add(found["label"], at, parts)
        elif nesting:
            at = _read(text, at, parts, spans, nesting - 1)
        else:
            at = _add(text, at, parts)
        style = _STYLES.get(kind)
        if style:
            spans.append((start, at, style))
        if kind == "address" and text != found["label"]:
            start = at
            at = _add(f" ({text})", at, parts)
            spans.append((start, at, "muted"))
    return _add(source[end:], at, parts)


def _add(text: str, at: int, parts: list[str]) -> int:
    parts.append(text)
    return at + len(text)


def _code(text: str) -> str:
    """Code that begins or ends with a tick is written with a space there."""
    return text[1:-1] if text.startswith(" ") and text.endswith(" ") and text.strip() else text


_STYLES = {
    "code": "code",
    "strong": "strong",
    "strong_": "strong",
    "emphasis": "emphasis",
    "emphasis_": "emphasis",
    "strike": "strike",
    "address": "link",
    "bare": "link",
}
