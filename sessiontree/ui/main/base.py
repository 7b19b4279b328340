"""What the parts of the main screen share: its widgets, and how they are drawn from the engine.

Drawing happens at most once a frame, whatever changed and however often."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.timer import Timer

from sessiontree.engine.engine import Engine
from sessiontree.engine.opened import Opened
from sessiontree.model.feed import Feed
from sessiontree.model.overlay import Status
from sessiontree.model.plan import Kind
from sessiontree.model.run import Choice, Mode, RunState
from sessiontree.ui.composer import Composer
from sessiontree.ui.hints import HintBar, Where
from sessiontree.ui.keys import Need
from sessiontree.ui.main.aiming import Aiming, Selection
from sessiontree.ui.main.asking import Asking
from sessiontree.ui.main.bars import DamageBar, NoteBar, QuestionBar, StreamTitle
from sessiontree.ui.main.panes import PaneScreen
from sessiontree.ui.main.top_bar import Summary, TopBar, shown_folder
from sessiontree.ui.stream import StreamView
from sessiontree.ui.tree import TreeView
from sessiontree.ui.tree.words import money

if TYPE_CHECKING:
    from sessiontree.ui.app import SessionTree

FRAME_SECONDS = 1 / 20
"""How often what changed behind the screen is drawn at most."""

TICK_SECONDS = 1.0
"""How often times on screen ('12 s') are renewed while something runs."""

EMPTY_STREAM = "Nothing was said in this session yet."
NO_STREAM = "What is said in a session is shown here while it is said."
"""Where no session is selected, which is only so where there is none."""

STATES = {
    Status.WAITING: ("?", "waits for you", "bold $text-warning"),
    Status.RUNNING: ("●", "running", "$text-success"),
    Status.QUEUED: ("…", "queued", "$text-muted"),
    Status.FAILED: ("✗", "failed: t tries again", "$text-error"),
    Status.INTERRUPTED: ("■", "interrupted: c continues", "$text-warning"),
    Status.ELSEWHERE: ("⇄", "open in another process", "$text-warning"),
    Status.GONE: ("∅", "its transcript is gone", "$text-muted"),
    Status.DAMAGED: ("!", "damaged", "$text-warning"),
}


class MainBase(PaneScreen):
    app: SessionTree

    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        super().__init__()
        self.engine = engine
        self.now = now
        self.aiming = Aiming(engine, self._selection)
        self.asking = Asking(self.app, engine, self.draw, lambda: self.set_focus(self.stream))
        self._stale: set[str] = set()
        self._frame: Timer | None = None
        self._drawn = 0.0  # when the last frame was, by the monotonic clock
        self._ticking: Timer | None = None
        self._shown: Feed | None = None
        self._wanted_turn: str | None = None

    @property
    def stream(self) -> StreamView:
        return self.query_one(StreamView)

    @property
    def composer(self) -> Composer:
        return self.query_one(Composer)

    def _selection(self) -> Selection:
        tree = self.query_one_optional(TreeView)  # none while the app closes
        return Selection() if tree is None else Selection(*tree.selected)

    @property
    def selected_group(self) -> str:
        """The fan-out on whose row the cursor is, "" where it is elsewhere."""
        row = self.tree_view.current
        return row.turn if row is not None and row.kind is Kind.GROUP else ""

    def _marked(self) -> dict[str, str]:
        """The sessions that are marked in the tree, in the order of marking, with that word."""
        return {id: "marked" for id, _ in self.tree_view.marked.values()}

    def draw(self, *parts: str) -> None:
        """Draw `tree` or `stream` in the next frame; the lines around them always are."""
        self._stale.update(parts)
        if self._frame is None:
            wait = self._drawn + FRAME_SECONDS - time.monotonic()
            self._frame = self.set_timer(max(0.001, wait), self._draw_frame)

    def _draw_frame(self) -> None:
        self._frame = None
        # While the app closes, its widgets are gone before their screen is.
        if self.is_attached and self.query_one_optional(TreeView) is not None:
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        stale, self._stale = self._stale, set()
        if "tree" in stale:
            self.tree_view.reading = not self.engine.catalog.scanned
            self.tree_view.refresh_rows()
        if "stream" in stale or self.engine.streams.opened is None:
            self._draw_stream()
        self.query_one(TopBar).summary = self._summary()
        self._draw_title()
        self._draw_questions()
        self.composer.aim = self.aiming.aim()
        self.composer.choice = self._choice()
        hints = self.query_one(HintBar)
        hints.needs = self._needs()
        hints.where = self._where()
        self._keep_ticking()

    def _draw_stream(self) -> None:
        opened = self.engine.streams.opened
        if opened is None:
            self.stream.say_empty(NO_STREAM if self.engine.catalog.scanned else "")
            return
        if opened.loading:
            return
        change = opened.feed.take()
        if self._shown is not opened.feed:
            self._shown = opened.feed
            self.stream.show(
                opened.feed.events,
                key=(opened.session, opened.turn),
                cwd=self.shown_cwd,
                empty=opened.note or EMPTY_STREAM,
            )
        elif change is not None:
            self.stream.put_in_front(opened.feed.events[: change.front])
            if change.start is not None:
                self.stream.changed(change.start, opened.feed.events)
        self.stream.grow(opened.filling)
        if self._wanted_turn is not None:
            self.stream.go_to_turn(self._wanted_turn)
            self._wanted_turn = None

    @property
    def shown_cwd(self) -> str:
        """The folder of the session whose stream is shown: its paths are told from there."""
        opened = self.engine.streams.opened
        session = self.engine.forest.session(opened.session) if opened else None
        return session.cwd if session else ""

    def _draw_title(self) -> None:
        title, opened = self.query_one(StreamTitle), self.engine.streams.opened
        if opened is None:
            title.label, title.state, title.note, title.spent = "", ("", ""), "", ""
            self.query_one(NoteBar).text = self.query_one(DamageBar).text = ""
            return
        title.label = self.engine.forest.label(opened.session)
        title.state = self._state_words(opened.session)
        title.spent = self._spent_words(opened.session)
        title.note = opened.note if opened.filling else ""
        self.query_one(DamageBar).text = self._damage(opened)
        self.query_one(NoteBar).text = self._note()

    def _spent_words(self, session: str) -> str:
        """What a session's own turns cost, and those of all that hang together with it."""
        forest = self.engine.forest
        if session not in forest:
            return ""
        own, count = money(forest.cost(session)), forest.family_size(session)
        whole = money(forest.family_cost(session))
        family = f"family of {count}: {whole}" if whole and count > 1 else ""
        return " · ".join(filter(None, [own, family]))

    def _damage(self, opened: Opened) -> str:
        """What is wrong with a transcript. Where nothing of it is there, the stream says why."""
        session = self.engine.forest.session(opened.session)
        said = list(session.damage) if session else []
        if opened.note and opened.feed.events and not opened.filling:
            said.append(opened.note)
        return " ".join(said)

    def _note(self) -> str:
        """The note on the selected turn, else on its session."""
        at, forest = self.aiming.selection, self.engine.forest
        return forest.note(at.turn or "") or forest.note(at.session)

    def _draw_questions(self) -> None:
        """Questions that are not on screen are said in a bar of their own."""
        waiting, text = self.asking.waiting, ""
        if waiting:
            label = self.engine.label(waiting[0][0].plan.session)
            more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
            text = f"‹{label}›{more} waits for you: @ answers"
        self.query_one(QuestionBar).text = text

    def _state_words(self, session: str) -> tuple[str, str]:
        """The state of a session in words, with its style."""
        glyph, words, style = STATES.get(self.engine.forest.status(session), ("", "", ""))
        run = self.engine.run_of(session)
        if run is not None and run.since is not None:
            words = f"{words} {_duration(self.now() - run.since)}"
            if run.state is RunState.CLOSING:
                words = "interrupting … esc again hangs up" if run.unwanted else "closing …"
        if run is not None and run.plan.choice.mode is Mode.BYPASS:
            words, style = f"{words}, {Mode.BYPASS.words}", "bold $text-error"
        return f"{glyph} {words}".strip(), style

    def _summary(self) -> Summary:
        states = [run.state for run in self.engine.pool]
        waiting, queued = states.count(RunState.WAITING), states.count(RunState.QUEUED)
        catalog = self.engine.catalog
        return Summary(
            place="all projects" if catalog.everything else shown_folder(catalog.cwd),
            sessions=catalog.count,
            put_away=len(self.engine.forest.put_away & catalog.in_scope),
            running=len(states) - queued - waiting,
            waiting=waiting,
            queued=queued,
            unasked=sum(run.plan.choice.mode is Mode.BYPASS for run in self.engine.pool),
            cost_today=catalog.cost_today(),
            progress=catalog.progress,
            demo=self.engine.config.demo,
        )

    def _choice(self) -> Choice:
        aim = self.aiming.aim()
        return self.engine.settings.choice(aim.child or aim.session)

    def _keep_ticking(self) -> None:
        """Renew the times on screen while something runs, and nothing when nothing does."""
        busy = any(True for _ in self.engine.pool)
        if busy and self._ticking is None:
            self._ticking = self.set_interval(TICK_SECONDS, self.draw)
        elif not busy and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None

    def _where(self) -> Where:
        search = self.query_one("#search")
        places = {self.composer.area: Where.COMPOSER, search: Where.SEARCH}
        places[self.query_one("#filter")] = Where.FILTER
        places[self.stream] = Where.HITS if search.has_class("-on") else Where.STREAM
        return places.get(self.focused, Where.TREE) if self.focused else Where.TREE

    def _needs(self) -> frozenset[Need]:
        """What there is for keys to act on."""
        session, group = self.aiming.session(), self.selected_group
        found = {
            Need.SESSION: session is not None,
            Need.TURN: self.aiming.edited_turn() is not None,
            Need.PARENT: session is not None and self.engine.forest.parent(session.id) is not None,
            Need.FAILED: session is not None and bool(self.engine.unsent(session.id)),
            Need.RUN: bool(session and not group and self.engine.run_of(session.id)),
            Need.GROUP: bool(group and self.engine.runs_in(group)),
            Need.ANY_RUN: bool(self.engine.forest.active),
            Need.PROMPTS: self.stream.has_focus,
            Need.COMPARABLE: bool(self.tree_view.marked or group),
        }
        found[Need.MARKS] = bool(self.tree_view.marked) and not (
            found[Need.RUN] or found[Need.GROUP]
        )
        return frozenset(need for need, there in found.items() if there)


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
