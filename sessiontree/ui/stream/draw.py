"""Each kind of event as lines: what it says, how it is set, and what is folded away.

The columns: a turn's number and `❯`, then the prompt; everything that answers it stands under
the `❯`, and a subagent's events further in, along a guide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from sessiontree.model.edits import Change
from sessiontree.model.event import (
    CallState,
    Event,
    Mark,
    Notice,
    Prompt,
    Result,
    Text,
    Thinking,
    ToolCall,
)
from sessiontree.model.message import Level
from sessiontree.model.text import clean_line
from sessiontree.ui.stream import tools, words
from sessiontree.ui.stream.body import Body, changes, code, markdown
from sessiontree.ui.stream.limits import STREAM, Excerpt, Limits, clipped
from sessiontree.ui.stream.line import Line, Piece, Pieces, cells, cut

CARET = "▌"
"""Stands at the end of a text that is still being typed."""

_INDENT = 3  # cells before the `❯`
_MOST_GUIDES = 4  # agents nested deeper stand where the fourth does: the text needs its room
_PROMPT_LINES = 12
_NOTICE_LINES = 6
_CHANGED_LINES = 40
_NAME_SHARE, _LEAST_NAME = 4, 12  # of the width, and in cells


@dataclass(frozen=True, slots=True)
class Frame:
    """What the lines depend on beside the event. `width`: cells; `cwd`: the folder that paths
    are shown from; `today`: times of another day get their date; `unfolded`: show all of it."""

    width: int
    cwd: str = ""
    today: date | None = None
    limits: Limits = STREAM
    unfolded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Event):
    """Not of a session: data or code to be shown as it is."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines(Event):
    """Not of a session: what is drawn already."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Event):
    """Not of a session: what was done to a file. Stands close below what is before it."""

    changes: tuple[Change, ...]


@dataclass(slots=True)
class Drawn:
    """The lines of an event. `folds`: there is more or less to see of it."""

    lines: list[Line] = field(default_factory=list)
    folds: bool = False


def draw(event: Event, frame: Frame) -> Drawn:
    """The lines of one event, without the space before it. Costs what is shown, not what is
    folded away. A `Text` is not drawn here: it grows (see `layout`)."""
    match event:
        case Prompt():
            return _prompt(event, frame)
        case Thinking():
            return _thinking(event, frame)
        case ToolCall():
            return _call(event, frame)
        case Notice():
            return _notice(event, frame)
        case Mark():
            text = event.text if event.text.startswith(("⑂ ", "⇢ ")) else f"⑂ {event.text}"
            text = f" {clipped(text, frame.limits.line)} "
            return Drawn(
                [Line(text, lead=(Piece("──", "mark"),), style="mark", rule="─", wrap=False)]
            )
        case Result():
            return _result(event, frame)
        case Source():
            source = code(event.text, event.language)
            return Drawn(source.draw(frame.limits.lines, frame.limits, frame.width))
        case Lines():
            return Drawn(list(event.lines))
        case Changed():
            most = frame.limits.lines if frame.unfolded else _CHANGED_LINES
            changed = changes(list(event.changes))
            lines = changed.draw(most, frame.limits, frame.width)
            return Drawn(lines, folds=changed.total > _CHANGED_LINES + 1)
    return Drawn()


def margin(event: Event) -> Pieces:
    """What stands left of everything that an event shows; a prompt and a mark begin at the edge."""
    if isinstance(event, Prompt | Mark) and not event.depth:
        return ()
    guide = (Piece("│ ", "guide"),) * min(event.depth, _MOST_GUIDES)
    return (Piece(" " * _INDENT), *guide)


def gap(before: Event | None, event: Event) -> Line | None:
    """The empty line that sets an event apart from the one before it, if there is one."""
    if before is None or _is_empty(event):
        return None
    close = ToolCall | Thinking
    if isinstance(before, close) and isinstance(event, close):
        return None
    if event.depth > before.depth or isinstance(event, Changed):
        return None
    if isinstance(before, Prompt) and not isinstance(event, Text | Prompt | Lines):
        return None
    if isinstance(before, Notice) and isinstance(event, Notice):
        return None
    outer = min((before, event), key=lambda one: one.depth)
    return Line(margin=margin(outer))


def _is_empty(event: Event) -> bool:
    return isinstance(event, Text) and event.done and not event.text.strip()


def _prompt(event: Prompt, frame: Frame) -> Drawn:
    label = f"{event.number:>{_INDENT - 1}} " if event.number else ""
    lead = (Piece(label, "number"), Piece("❯ ", "sign"))
    hang = (Piece(" " * (len(label) + 2)),)
    fill = "prompt" if event.number else ""
    is_turn = event.number and event.at is not None
    tail = (Piece(words.clock(event.at or 0, frame.today), "muted"),) if is_turn else ()
    folds = event.text.count("\n") >= _PROMPT_LINES + 1
    most = frame.limits.lines if frame.unfolded else _PROMPT_LINES
    lines = list(
        Excerpt.of(event.text, most).lines(
            frame.limits.line, "prompt-text" if event.number else "what"
        )
    )
    lines += [Line(f"▣ {image}", style="muted") for image in event.images]
    drawn = Drawn(folds=folds)
    for line in lines or [Line("(an empty prompt)", style="muted")]:
        first = not drawn.lines
        drawn.lines.append(
            Line(
                line.text,
                line.spans,
                margin=() if event.number else margin(event),
                lead=lead if first else hang,
                hang=hang,
                tail=tail if first else (),
                style=line.style,
                fill=fill,
            )
        )
    return drawn


def _thinking(event: Thinking, frame: Frame) -> Drawn:
    before = margin(event)
    text = event.text.strip()
    bar = Piece("┊ ", "guide")
    took = (Piece(words.duration(event.seconds), "muted"),) if event.seconds else ()
    if not text or not frame.unfolded:
        head = (bar, Piece("thinking", "thinking-label"))
        shown = _glimpse(event, text, frame)
        gap = (Piece("  "),) if shown else ()
        line = Line(shown, (), before, (*head, *gap), tail=took, style="thinking", wrap=False)
        return Drawn([line], folds=bool(text))
    body = markdown(text).draw(frame.limits.lines, frame.limits, frame.width - 2 * len(before) - 4)
    lines = [
        Line(line.text, line.spans, before, (bar, *line.lead), (bar, *line.hang), style="thinking")
        for line in body
    ]
    first = Line("thinking", (), before, (bar,), tail=took, style="thinking-label", wrap=False)
    return Drawn([first, *lines], folds=True)


def _glimpse(event: Thinking, text: str, frame: Frame) -> str:
    """A line of a thought: how it begins, or where it is while it goes on."""
    if event.done:
        return clipped(text.split("\n", 1)[0], frame.limits.line)
    last = clipped(text[-4 * frame.width :].rsplit("\n", 1)[-1], frame.limits.line)
    return words.ellipsis_in_front(last, max(8, frame.width - 24)) + CARET


def _call(call: ToolCall, frame: Frame) -> Drawn:
    seen = tools.shown(call, frame.cwd)
    before = margin(call)
    total = seen.body.total
    folds = total > seen.folded + (seen.folded > 0) or seen.full.total > 0
    what = clean_line(seen.what[: 2 * frame.limits.line])
    sign = "▾ " if folds and frame.unfolded else "▸ " if folds else "• "
    # A server calls its tools as it likes, and a project its agents.
    most = max(frame.width // _NAME_SHARE, _LEAST_NAME)
    title = (Piece(sign, "sign-tool"), Piece(f"{cut(tools.name(call), most):<5} ", "tool"))
    width = cells(title)
    note = [Piece(cut(piece.text, most), piece.style) for piece in seen.note]
    tail = [*note, *([Piece("  ")] if note else []), *_state(call)]
    head = Line(
        clipped(what, frame.limits.line),
        (),
        before,
        title,
        (Piece(" " * width),),
        tuple(tail),
        style="what",
        wrap=frame.unfolded,
    )
    inner = (*before, Piece("  "))
    room = frame.width - sum(len(piece.text) for piece in inner)
    bodies = [(seen.body, seen.folded)]
    if frame.unfolded:
        bodies = [(seen.full, frame.limits.lines), (seen.body, frame.limits.lines)]
    below = [line for body, most in bodies for line in _drawn(body, most, frame, room)]
    below += [Line(f"▣ {image}", style="muted") for image in call.images]
    return Drawn([head, *(line.within(inner) for line in below)], folds)


def _drawn(body: Body, most: int, frame: Frame, room: int) -> list[Line]:
    return body.draw(most, frame.limits, room) if body.total and most else []


def _state(call: ToolCall) -> Iterator[Piece]:
    took = ""
    if call.ended is not None and call.at is not None and call.ended >= call.at:
        took = words.duration(call.ended - call.at)
    match call.state:
        case CallState.TYPED:
            yield Piece("… typing", "running")
        case CallState.RUNNING:
            yield Piece("● running", "running")
        case CallState.OK:
            yield Piece("✓", "ok")
            yield Piece(f" {took}" if took else "", "muted")
        case CallState.FAILED:
            cut_off = not call.output and call.ended is None
            yield Piece("✗ cut off" if cut_off else "✗ failed", "error")
            yield Piece(f" {took}" if took else "", "muted")


_NOTICES = {Level.INFO: "notice", Level.WARNING: "warning", Level.ERROR: "error"}
_NOTICE_SIGNS = {Level.INFO: "○ ", Level.WARNING: "! ", Level.ERROR: "✗ "}
_TYPED_BY_A_PERSON = ("queued", "command")


def _notice(notice: Notice, frame: Frame) -> Drawn:
    sign = "❯ " if notice.what in _TYPED_BY_A_PERSON else _NOTICE_SIGNS[notice.level]
    style = _NOTICES[notice.level]
    text = notice.text.strip("\n") or notice.what
    most = frame.limits.lines if frame.unfolded else _NOTICE_LINES
    lines = Excerpt.of(text, most).lines(frame.limits.line, style)
    return Drawn(
        [
            Line(line.text, (), margin(notice), (lead,), (Piece("  "),), style=line.style)
            for line, lead in zip(lines, _first_then(Piece(sign, style), Piece("  ")), strict=False)
        ],
        folds=text.count("\n") > _NOTICE_LINES,
    )


def _first_then(first: Piece, then: Piece) -> Iterator[Piece]:
    yield first
    while True:
        yield then


def _result(result: Result, frame: Frame) -> Drawn:
    facts = []
    if result.tokens is not None:
        facts.append(words.tokens(result.tokens))
    if result.cost_usd is not None:
        facts.append(words.money(result.cost_usd))
    if result.seconds is not None:
        facts.append(words.duration(result.seconds))
    before = margin(result)
    if result.ok:
        text = " · ".join(["done", *facts])
        return Drawn([Line(text, (), before, (Piece("✓ ", "ok"),), style="muted")])
    if result.interrupted:
        text = " · ".join(["interrupted", *facts])
        return Drawn([Line(text, (), before, (Piece("◌ ", "warning"),), style="muted")])
    lead, hang = (Piece("✗ ", "error"),), (Piece("  "),)
    text = "" if result.told else result.text.strip("\n")
    if not text or "\n" in text:
        head = Line(" · ".join(["failed", *facts]), (), before, lead, style="error")
        most = frame.limits.lines if frame.unfolded else _NOTICE_LINES
        rest = [
            Line(line.text, (), before, hang, hang, style=line.style)
            for line in Excerpt.of(text, most).lines(frame.limits.line, "output")
        ]
        return Drawn([head, *rest], folds=text.count("\n") > _NOTICE_LINES)
    text = f"failed: {clipped(text, frame.limits.line)}" + "".join(f" · {fact}" for fact in facts)
    return Drawn([Line(text, ((0, 7, "error"),), before, lead, hang, style="output")])
