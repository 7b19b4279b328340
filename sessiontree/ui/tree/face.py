"""What a row says, as plain data: the words before their colours and their places."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sessiontree.model.amounts import counted
from sessiontree.model.forest import Forest
from sessiontree.model.overlay import ACTIVE, Status, Verdict
from sessiontree.model.rows import LIVE, Kind, Row, Rows
from sessiontree.model.session import Evidence, LinkKind, Turn
from sessiontree.ui.tree.words import age, folder, money

NO_TEXT = "(no text)"


@dataclass(frozen=True, slots=True)
class Face:
    """`part` names the style of the label. `marks` are words behind it, each with its part.
    `ends`: the label's end tells more than its beginning, as that of a folder does."""

    label: str
    part: str
    glyph: str = ""
    number: str = ""
    arrow: str = ""
    status: Status = Status.IDLE
    worded: bool = True  # whether the status is said as a word too
    marks: tuple[tuple[str, str], ...] = ()
    turns: str = ""
    age: str = ""
    cost: str = ""
    ends: bool = False


def face(rows: Rows, row: Row, now: float, home: str | None = None) -> Face:
    """`now`: seconds since the epoch. `home`: the folder that is shown as `~`."""
    match row.kind:
        case Kind.PROJECT:
            says = _project(rows, row, now, home)
        case Kind.SESSION:
            says = _session(rows.forest, row, now)
        case Kind.GROUP:
            says = _group(rows, row)
        case Kind.ARM:
            says = _arm(rows.forest, row, now)
        case Kind.TURN:
            says = _turn(rows.forest, row, now)
    if not rows.can_fold(row):
        return says
    if rows.is_open(row):
        return replace(says, arrow="" if row.kind is Kind.TURN else "▾")
    says = replace(says, arrow="▸", marks=says.marks + _folded(rows, row))
    inside = rows.inside(row)
    return replace(says, status=inside) if inside.active and not says.status.active else says


def _folded(rows: Rows, row: Row) -> tuple[tuple[str, str], ...]:
    """How many forks a folded session hides."""
    if row.kind is not Kind.SESSION:
        return ()
    forks = rows.forest.fork_count(row.session)
    return ((f"⑂{forks}", "dim"),) if forks else ()


def _project(rows: Rows, row: Row, now: float, home: str | None) -> Face:
    roots = rows.order.roots[row.session]
    last = rows.forest.activity(roots[0])  # the others had been at work before it
    return Face(
        folder(row.session, home) or "(unknown folder)",
        "project",
        ends=True,
        turns=str(len(roots)),
        age=age(now - last) if last else "",
    )


def _session(forest: Forest, row: Row, now: float) -> Face:
    id = row.session
    session, overlay, link = forest.session(id), forest.overlaid(id), forest.link(id)
    own, status = forest.arms(id), forest.status(id)
    marks: list[tuple[str, str]] = []
    if overlay.verdict is Verdict.CHOSEN:
        marks.append(("★", "chosen"))
    elif overlay.put_away:
        marks.append(("discarded" if overlay.verdict else "put away", "dim"))
    if forest.has_note(id):
        marks.append(("✎", "note"))
    made_here = overlay.here or (link is not None and link.evidence is Evidence.MADE)
    if session and not made_here and _origin(session.origin):
        marks.append((_origin(session.origin), "dim"))
    count = len(own.line) + forest.under_way(id)
    updated = overlay.since if status.active else session and session.updated
    return Face(
        forest.label(id),
        "gone" if overlay.put_away or status is Status.GONE else "session",
        glyph=_glyph(forest, id),
        status=status,
        marks=tuple(marks),
        turns=str(count) if count else "",
        age=age(now - updated) if updated else "",
        cost=money(forest.cost(id)),
    )


def _glyph(forest: Forest, id: str) -> str:
    link = forest.link(id)
    if forest.parent(id) is None or link is None:
        return ""
    return "⇢" if link.kind is LinkKind.HANDOFF else "⑂"


def _origin(entrypoint: str) -> str:
    """A word for where a session comes from, "" for the terminal."""
    if entrypoint in ("", "cli"):
        return ""
    return "sdk" if entrypoint.startswith("sdk") else entrypoint[:12]


def _group(rows: Rows, row: Row) -> Face:
    members = rows.members(row)
    statuses = [rows.forest.status(id) for id in members]
    ended = sum(not status.active for status in statuses)
    status = next((one for one in ACTIVE if one in statuses), Status.IDLE)
    marks = [(f"{ended}/{len(members)} ended", "dim")] if ended < len(members) else []
    if failed := statuses.count(Status.FAILED):
        marks.append((f"{failed} failed", "failed"))
    return Face(
        counted(len(members), "way"),
        "turn",
        "⋔",
        status=status,
        marks=tuple(marks),
        cost=money(rows.forest.cost_of(members)),
    )


def _arm(forest: Forest, row: Row, now: float) -> Face:
    line = forest.arms(row.session).lines[row.turn]
    return Face(
        line[0].label or NO_TEXT,
        "gone",
        "↶",
        marks=(("left", "dim"),),
        turns=str(len(line)),
        age=_age(line[-1], now),
    )


def _turn(forest: Forest, row: Row, now: float) -> Face:
    overlay, own = forest.overlaid(row.session), forest.arms(row.session)
    status = forest.status(row.session)
    if row.turn == LIVE:
        number = overlay.number or (own.number[own.line[-1].id] + 1 if own.line else 0)
        return Face(
            overlay.prompt,
            "turn",
            number=str(number or ""),
            status=status,
            worded=False,
            age=age(now - overlay.since) if overlay.since else "",
        )
    turn = own.turns[row.turn]
    marks = []
    if forest.note(turn.id):
        marks.append(("✎", "note"))
    if turn.live and own.at.get(turn.parent or ""):
        marks.append(("live", "live"))
    runs = status.active and own.line[-1:] == (turn,) and not forest.under_way(row.session)
    return Face(
        turn.label or NO_TEXT,
        "turn" if turn.live else "gone",
        number=str(own.number[turn.id]),
        status=status if runs else Status.IDLE,
        worded=False,
        marks=tuple(marks),
        age=_age(turn, now),
        cost=money(turn.cost_usd),
    )


def _age(turn: Turn, now: float) -> str:
    return age(now - turn.started) if turn.started else ""
