"""The texts with which one session's outcome goes on in another: visible, and to be edited before
they are sent. The first line of each is for one's own words; it is what the turn is called by.
Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sessiontree.model.conclusion import Conclusion
from sessiontree.model.session import WORKTREES, worktree
from sessiontree.model.text import path_from

TEXT_CHARS = 7_500
"""How long such a text gets. A composer keeps much longer ones aside, where nobody edits them."""

MOST_LINES = 20
"""Files, or open points, that are named."""

_LINE_CHARS, _NAME_CHARS = 110, 50


def handed_over(label: str, found: Conclusion, cwd: str) -> str:
    """The first prompt of a session that goes on from the outcome of another. Its first line is
    empty: what is to be done now goes there."""
    lead = f"This goes on from the session ‹{_cut(label, _NAME_CHARS)}›"
    rest = [_files(found, cwd), _listed("Still open:", map(_cut, found.open))]
    lead += ", which ended with:" if found.answer else "."
    return _text("", lead, found.answer, rest)


def carried(label: str, found: Conclusion, cwd: str) -> str:
    """The prompt that brings a branch's conclusion into another session; its first line says so,
    with room behind it."""
    first = f"From the branch ‹{_cut(label, _NAME_CHARS)}›: "
    lead = "It ended with:" if found.answer else ""
    place = _worktree(cwd) if found.files else ""
    return _text(first, lead, found.answer, [_files(found, cwd), place])


def _text(first: str, lead: str, answer: str, rest: Iterable[str]) -> str:
    after = [part for part in rest if part]
    room = TEXT_CHARS - sum(len(part) + 2 for part in (first, lead, *after))
    answers = [shortened(answer, room)] if answer else []
    return "\n\n".join([first, *filter(None, [lead]), *answers, *after])


def shortened(text: str, most: int) -> str:
    """`text` in at most about `most` characters: cut between paragraphs, lines or words, and
    said to be cut."""
    if len(text) <= most:
        return text
    head = text[:most]
    for between in ("\n\n", "\n", " "):
        at = head.rfind(between)
        if at > most // 2:
            head = head[:at]
            break
    head = head.rstrip()
    fence = "\n```" if head.count("```") % 2 else ""
    return f"{head}{fence}\n\n[{len(text) - len(head):,} more characters were left out here]"


def _files(found: Conclusion, cwd: str) -> str:
    paths = (path_from(file, cwd) for file in found.files)
    return _listed("It changed these files:", map(_cut_in_front, paths))


def _worktree(cwd: str) -> str:
    if not (name := worktree(cwd)):
        return ""
    return f"They are in the git worktree {WORKTREES[1:]}{name}, branch worktree-{name}."


def _listed(title: str, items: Iterable[str]) -> str:
    """A title and a line for each item, "" where there is none."""
    lines = [f"- {item}" for item in items]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"- and {len(lines) - MOST_LINES} more"]
    return "\n".join([title, *lines]) if lines else ""


def _cut(text: str, most: int = _LINE_CHARS) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _cut_in_front(path: str) -> str:
    return path if len(path) <= _LINE_CHARS else "…" + path[1 - _LINE_CHARS :]
