"""The main screen: widgets post what a person did, the engine is asked, data goes down again."""

from __future__ import annotations

from datetime import date
from itertools import islice
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Input

from sessiontree.engine.runs import Run
from sessiontree.model.event import Event
from sessiontree.model.plan import Kind
from sessiontree.model.run import RunState
from sessiontree.ui.composer import Composer
from sessiontree.ui.dialogs.base import Option
from sessiontree.ui.dialogs.small import ChoiceDialog, HelpDialog
from sessiontree.ui.hints import HintBar
from sessiontree.ui.keys import KEYS, bindings
from sessiontree.ui.main.bars import DamageBar, NoteBar, QuestionBar, SearchBox, StreamTitle
from sessiontree.ui.main.compare_keys import CompareKeys
from sessiontree.ui.main.deciding_keys import DecidingKeys
from sessiontree.ui.main.handing_keys import HandingKeys
from sessiontree.ui.main.top_bar import TopBar
from sessiontree.ui.modal import type_into
from sessiontree.ui.stream import EventPager, StreamView
from sessiontree.ui.tree import TreeView

LETTER_ACTIONS = {key.action for key in KEYS if key.key not in ("escape", "tab")}

MOST_UNFOLDED = 1_000
"""Sessions that are unfolded again at the next start."""

MOST_PROJECTS = 1_000
"""Projects of which a line is kept to be seen at the next start."""

REST_SECONDS = 0.08
"""How long the cursor rests on a row before its stream is opened: holding a key down in the
tree reads no transcripts."""


class MainScreen(CompareKeys, HandingKeys, DecidingKeys):
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(),
        Binding("shift+tab", "previous_pane", show=False),
    ]

    _opening: Timer | None = None
    _to_restore: tuple[str, str | None] | None = None  # a session and turn not known yet
    _asks_to_leave = False

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Horizontal(id="panes"):
            with Vertical(id="tree-pane"):
                yield TreeView(self.engine.forest, now=self.now, opened=self._opened_row, id="tree")
                yield SearchBox("words, is:chosen, has:note", id="filter", enter=self._filtered)
            with Vertical(id="stream-pane"):
                yield StreamTitle()
                yield DamageBar()
                yield NoteBar()
                yield StreamView(today=self._today, opened=self._opened_event, id="stream")
                yield SearchBox("search in this stream", id="search", enter=self._searched)
        yield QuestionBar()
        yield Composer(sent=self.prompt_entered)
        yield HintBar()

    def _today(self) -> date:
        return date.fromtimestamp(self.now())

    def on_mount(self) -> None:
        self.set_focus(self.tree_view)
        self.tree_view.reading = not self.engine.catalog.scanned
        self.suggest_next()
        self._to_restore = self.restore_tree(self.engine.catalog.scope, self.engine.view())
        self.draw("tree")

    # What the engine says

    def forest_changed(self) -> None:
        self.draw("tree")

    def asked(self) -> None:
        """A question came or went."""
        typing = self.focused is self.composer.area and bool(self.composer.area.text)
        self.asking.look(busy=typing or not self.is_current)
        self.draw("tree")

    # Where one was

    def _draw(self) -> None:
        super()._draw()
        if (at := self._to_restore) is not None:
            self.tree_view.select(*at)
            if self.tree_view.selected == at or self.engine.catalog.scanned:
                self._to_restore = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are for what is typed in while that has the focus, also those that were typed
        ahead and went to the pane that had it before."""
        typing = self.focused is self.composer.area or isinstance(self.focused, Input)
        return not (typing and action in LETTER_ACTIONS)

    def on_key(self) -> None:
        self._to_restore = None  # the person has gone elsewhere meanwhile

    def take_typed_ahead(self, event: events.Key) -> bool:
        """Whether a key was meant for what is typed in now, though it was typed before that had
        the focus."""
        return type_into(self.focused, event)

    def remember(self) -> None:
        at, unfolded = self.aiming.selection, sorted(self.tree_view.rows.unfolded)
        selection = {"session": at.session, "turn": at.turn}
        session = self.engine.forest.session(at.session)
        view: dict[str, object] = {
            "selection": selection,
            "project": session.project if session else "",
            "unfolded": unfolded[:MOST_UNFOLDED],
        }
        if self.engine.catalog.everything and not self.tree_view.rows.query:
            view["projects"] = self._projects()
        self.engine.keep_view(**view)

    def _projects(self) -> list[tuple[str, int, float]]:
        """What the rows of projects tell: folder, number of trees, time of the last change."""
        rows, activity = self.tree_view.rows, self.engine.forest.activity
        shown = (row.session for row in rows.list if row.kind is Kind.PROJECT)
        roots = ((name, rows.order.roots[name]) for name in islice(shown, MOST_PROJECTS))
        return [(name, len(ids), activity(ids[0])) for name, ids in roots]

    # Selecting and opening

    @on(TreeView.Selected)
    def _selected_row(self) -> None:
        if self._opening is not None:
            self._opening.stop()
        self._opening = self.set_timer(REST_SECONDS, self._open_selected)
        self.draw()

    def _open_selected(self) -> None:
        self._opening = None
        self.read_ahead()
        at, opened, turn = self.aiming.selection, self.engine.streams.opened, self.aiming.turn()
        if not at.session:
            return
        on_arm = turn.id if turn is not None and not turn.live else None
        if opened is None or (opened.session, opened.turn) != (at.session, on_arm):
            self.engine.streams.open(at.session, on_arm)
        self._wanted_turn = turn.id if turn else None
        self.draw("stream")

    def _opened_row(self, session: str) -> None:
        if not self.asking.open_for(session):
            self.set_focus(self.stream)

    def _opened_event(self, event: Event) -> None:
        self.app.push_screen(EventPager(event, cwd=self.shown_cwd))

    # Panes

    def action_next_pane(self) -> None:
        self._go_to_pane(1)

    def action_previous_pane(self) -> None:
        self._go_to_pane(-1)

    def _go_to_pane(self, by: int) -> None:
        panes = [self.tree_view, self.stream, self.composer.area]
        at = next((i for i, pane in enumerate(panes) if self.focused is pane), 0)
        self.set_focus(panes[(at + by) % len(panes)])

    def on_descendant_focus(self) -> None:
        """On a narrow terminal the pane in focus is the one that shows."""
        if self.stream.has_focus or self.tree_view.has_focus:
            self.set_class(self.stream.has_focus, "-stream")
        self.draw()

    def on_descendant_blur(self) -> None:
        self.draw()

    # Looking around

    def action_previous_prompt(self) -> None:
        self.stream.action_prompt(-1)

    def action_next_prompt(self) -> None:
        self.stream.action_prompt(1)

    def action_parent(self) -> None:
        """To the turn at which the selected session left its parent."""
        place = self.engine.forest.place(self.aiming.selection.session)
        if place is None:
            self.app.say("This session has no parent")
        else:
            self.tree_view.select(place.host, place.turn or None)

    def action_running(self) -> None:
        """To the next session that runs, those that wait for a person first, and its question."""
        at = self.aiming.selection.session
        if self.asking.open_for(at):
            return
        session = self.engine.forest.next_active(at)
        if session is None:
            self.app.say("Nothing runs")
            return
        self.tree_view.select(session)
        self.asking.open_for(session)

    @on(QuestionBar.Pressed)
    def _question_pressed(self) -> None:
        self.action_running()

    def action_scope(self) -> None:
        catalog = self.engine.catalog
        self.engine.show(everything=not catalog.everything)
        self.tree_view.rows.scope = catalog.scope
        self.draw("tree")

    def action_show_hidden(self) -> None:
        self.tree_view.rows.show_all = everything = not self.tree_view.rows.show_all
        self.draw("tree")
        self.app.say("Shown: what was put away too" if everything else "Put away again")

    def action_help(self) -> None:
        self.app.push_screen(HelpDialog())

    def action_quit(self) -> None:
        """End the app; where runs would end with it, or what was typed, ask before. Asked for
        twice, it ends."""
        runs = [run for run in self.engine.pool if run.state is not RunState.CLOSING]
        unsent = self.unsent
        if not (runs or unsent) or self._asks_to_leave:
            self.app.close_down()
            return

        def chosen(key: str | None) -> None:
            self._asks_to_leave = False
            if key == "q":
                self.app.close_down()

        lines = [f"  ‹{self.engine.label(run.plan.session)}›" for run in runs[:8]]
        if runs:
            lines.append("What has arrived is kept; each can be continued later.")
        if unsent:
            lines.append(f"Typed, not sent, and lost with the app: ‹{unsent}›")
        under_way = f"{len(runs)} run{'s are' if len(runs) > 1 else ' is'} under way"
        words = "end them and quit" if runs else "quit without it"
        options = [Option("s", "stay"), Option("q", words, danger=True)]
        self._asks_to_leave = True
        title = under_way if runs else "A prompt was not sent"
        self.app.push_screen(ChoiceDialog(title, "\n".join(lines), options), chosen)

    # Filter and search

    def action_search(self) -> None:
        box = self.query_one("#search" if self.focused is self.stream else "#filter", Input)
        box.add_class("-on")
        self.set_focus(box)

    @on(Input.Changed, "#filter")
    def _filter(self, message: Input.Changed) -> None:
        if message.input.has_class("-on"):  # else Enter came before it, and has seen to it
            self.tree_view.filter(message.value)

    def _filtered(self) -> None:
        """Keep the row that was found; the whole tree comes back around it."""
        box = self.query_one("#filter", Input)
        box.remove_class("-on")
        self.tree_view.filter(box.value)
        self.tree_view.keep_filtered()
        with self.prevent(Input.Changed):
            box.value = ""
        self.set_focus(self.tree_view)

    @on(Input.Changed, "#search")
    def _search(self, message: Input.Changed) -> None:
        self.stream.find(message.value)

    @on(StreamView.SearchChanged)
    def _search_changed(self, message: StreamView.SearchChanged) -> None:
        found = message.found
        words = ""
        if found is not None:
            more = "" if found.counted else "+"
            words = f"{found.position} of {found.total}{more}: n next, N previous"
            words = words if found.total else "not found"
        self.query_one(StreamTitle).search = words

    def _searched(self) -> None:
        self.set_focus(self.stream)

    def leave_inputs(self) -> bool:
        box = self.query_one("#filter", Input)
        if box.has_class("-on"):
            box.remove_class("-on")
            box.value = ""
            self.tree_view.filter("")
            self.set_focus(self.tree_view)
            return True
        box = self.query_one("#search", Input)
        if box.has_class("-on"):
            box.remove_class("-on")
            box.value = ""
            self.set_focus(self.stream)
            self.draw()
            return True
        if self.focused is self.composer.area:
            self.aiming.release()
            if self.only_brought:  # for the aim that is given up with it
                self.composer.put("")
            self.set_focus(self.tree_view)
            self.draw()
            return True
        return False

    @on(Composer.OptionsWanted)
    def _options_wanted(self) -> None:
        self.action_run_options()

    def ended(self, run: Run) -> None:
        self.run_ended(run)
