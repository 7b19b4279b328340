"""The keys that start something from the selected turn, and what Enter in the composer does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from textual import on

from sessiontree.engine.aim import Aim
from sessiontree.engine.engine import Engine
from sessiontree.engine.fanout import estimate, title
from sessiontree.engine.runs import Run
from sessiontree.model.amounts import counted
from sessiontree.model.fanout import Way
from sessiontree.model.overlay import Status
from sessiontree.model.run import Choice, Ending, Verb
from sessiontree.model.text import label
from sessiontree.model.trust import Standing
from sessiontree.ui.composer import Composer
from sessiontree.ui.dialogs.base import Option
from sessiontree.ui.dialogs.fanout import FanOut, FanOutDialog
from sessiontree.ui.dialogs.small import ChoiceDialog, RunOptions, RunOptionsDialog
from sessiontree.ui.main.aiming import Held, Selection, Wish
from sessiontree.ui.main.top_bar import shown_folder
from sessiontree.ui.main.trusting import Trusting


class StartKeys(Trusting):
    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        super().__init__(engine, now)
        self._suggestions = list(engine.config.suggestions)
        self._ways: tuple[Way, ...] = ()  # of a fan-out that was not begun
        self._worktrees = False  # as they were wanted the last time
        self._brought = ""  # what was put in the composer last

    def action_new(self) -> None:
        self.aim_at(Wish.NEW)

    def action_continue(self) -> None:
        self.aim_at(Wish.CONTINUE)

    def action_fork(self) -> None:
        self.aim_at(Wish.FORK)

    def action_edit(self) -> None:
        self.engine.spawn(self._edit())

    def action_try_again(self) -> None:
        session = self.aiming.session()
        if session is None or not self.engine.unsent(session.id):
            self.app.say("No run of this session came to nothing")
            return
        self._bring_back(session.id)
        self.aim_at(Wish.CONTINUE)

    def aim_at(self, wish: Wish, at: Selection | None = None) -> None:
        """Fix the aim, by default to the selected row, and go to the composer; what is typed
        there stays."""
        aim = self.aiming.pin(wish, at)
        self.look_again()
        if aim.refusal:
            self.aiming.release()
            self.app.say(aim.refusal)
        else:
            self.set_focus(self.composer.area)
        self.draw()

    async def _edit(self) -> None:
        session, turn = self.aiming.session(), self.aiming.edited_turn()
        if session is None or turn is None:
            self.app.say("Select a turn: its prompt comes back to be edited")
            return
        at = self.aiming.selection.at(turn.id)
        text = await self.engine.prompt_text(session, turn)
        self.put_in_composer(text)
        self.aim_at(Wish.EDIT, at)

    def _bring_back(self, session: str) -> None:
        """A prompt that came to nothing goes back to where it was typed."""
        text = self.engine.unsent(session)
        if text and text not in self.composer.text:
            self.put_in_composer(text)
            self._brought = ""  # it was typed

    def put_in_composer(self, text: str) -> None:
        """Put a text in the composer, below what is being typed there. What was put there before
        and not touched gives way."""
        kept = self.composer.text.strip()
        for before in (self._brought, text):
            kept = kept.removesuffix(before.strip()).rstrip()
        self.composer.put(f"{kept}\n\n{text}" if kept else text)
        self._brought = text

    @property
    def unsent(self) -> str:
        """What a person typed and nobody got, as a label: in the composer, else in a fan-out that
        was not begun. What was only brought there can be brought again."""
        typed = self.composer.text.strip()
        if typed and not self.only_brought:
            return label(typed)
        return next((label(way.prompt) for way in self._ways if way.prompt.strip()), "")

    @property
    def only_brought(self) -> bool:
        """Whether the composer has nothing but what a key put there and can put there again."""
        return self.composer.text.strip() == self._brought.strip() != ""

    def suggest_next(self, sent: str = "") -> None:
        """Propose the first suggestion that was not sent yet."""
        begins = sent.strip().startswith
        self._suggestions = [one for one in self._suggestions if not begins(one[0])]
        self.composer.area.suggest(*(self._suggestions[0] if self._suggestions else ("", "")))

    # Sending

    def prompt_entered(self, prompt: str) -> None:
        aim = self.aiming.aim()
        if not prompt.strip():
            self.app.say("Nothing is typed yet")
        elif aim.refusal:
            self.app.say(aim.refusal)
        elif aim.verb is Verb.CONTINUE and aim.session and self.engine.elsewhere(aim.session):
            self._ask_before_two(aim, prompt.strip("\n"))
        else:
            self._send(aim, prompt.strip("\n"))

    def _ask_before_two(self, aim: Aim, prompt: str) -> None:
        session = self.engine.forest.session(aim.session or "")

        def chosen(key: str | None) -> None:
            if key == "f" and session is not None:
                self._send(self.engine.aims.fork(session, None), prompt)
            elif key == "c":
                self._send(aim, prompt)

        pid = self.engine.elsewhere(aim.session or "")
        text = f"Process {pid} has it open. Two that go on with it write into one file."
        options = [
            Option("l", "leave it"),
            Option("f", "fork it instead"),
            Option("c", "continue it all the same", danger=True),
        ]
        title = "This session is open in another process"
        self.app.push_screen(ChoiceDialog(title, text, options), chosen)

    def _send(self, aim: Aim, prompt: str) -> None:
        self.composer.put("")
        self.suggest_next(prompt)
        self.engine.spawn(self._begin(aim, prompt, self.aiming.release()))

    async def _begin(self, aim: Aim, prompt: str, held: Held) -> None:
        decided = await self.is_decided(aim.cwd)
        session = await self.engine.send(aim, prompt) if decided else None
        if session is None:
            self.put_in_composer(prompt)
            self._brought = ""  # it was typed
            self.aiming.take_back(held)
            self.draw()
            return
        self.tree_view.refresh_rows()
        self.tree_view.select(session)
        self.add_class("-stream")  # on a narrow terminal: the answer rather than the tree
        self.draw("tree", "stream")

    # Several ways at once

    @on(Composer.FanOutWanted)
    def action_fan_out(self) -> None:
        aim = self.aiming.fan_out()
        if aim.refusal:
            self.app.say(aim.refusal)
        else:
            self.engine.spawn(self._fan_out(aim))

    async def _fan_out(self, aim: Aim) -> None:
        context = await self.engine.context(aim)
        if not self.is_current:
            return  # another dialog came meanwhile
        typed = self.composer.text.strip()
        draft = self._ways
        if draft and typed:
            draft = (replace(draft[0], prompt=typed), *draft[1:])

        def left(fan: FanOut | None) -> None:
            if fan is not None:
                self._ways, self._worktrees = fan.ways, fan.worktrees
                if fan.start:
                    self.engine.spawn(self._begin_several(aim, fan))

        dialog = FanOutDialog(
            Way(typed, self.engine.settings.for_several(aim.session)),
            draft,
            named=partial(title, aim),
            cost=lambda ways: estimate(context, ways).words,
            folder=shown_folder(Path(aim.cwd)),
            worktrees=self._worktrees if self.engine.can_have_worktrees(aim) else None,
        )
        self.app.push_screen(dialog, left)

    async def _begin_several(self, aim: Aim, fan: FanOut) -> None:
        ways = fan.ways
        if not await self.is_decided(aim.cwd):
            return
        sessions = await self.engine.fan_out(aim, ways, worktrees=fan.worktrees)
        if not sessions:
            return  # why was told; F brings the ways back
        self._ways = ()
        if self.composer.text.strip() == ways[0].prompt.strip():
            self.composer.put("")
        self.suggest_next(ways[0].prompt)
        self.aiming.release()
        self.set_focus(self.tree_view)
        self.tree_view.refresh_rows()
        self.tree_view.select_group(sessions[0])
        self.draw("tree", "stream")

    @on(Composer.Chosen)
    def _chosen(self, message: Composer.Chosen) -> None:
        self._choose(message.choice)

    def action_run_options(self) -> None:
        cwd = self.aiming.aim().cwd
        trust = self.engine.trust.known(cwd)

        def taken(options: RunOptions | None) -> None:
            if options is None:
                return
            self._choose(options.choice)
            if options.load is not None:
                self.engine.spawn(self.review(cwd, load=options.load))

        standing = trust.standing if trust else Standing.NOTHING
        self.app.push_screen(RunOptionsDialog(self._choice(), standing), taken)

    def _choose(self, choice: Choice) -> None:
        aim = self.aiming.aim()
        self.engine.settings.choose(aim.child or aim.session, choice)
        self.draw()

    # Stopping

    def action_escape(self) -> None:
        """The nearest thing to leave: a search, the composer, then the run of this session, or
        all those of a fan-out, then the marks."""
        if self.leave_inputs():
            return
        group, session = self.selected_group, self.aiming.selection.session
        if group and self.engine.runs_in(group):
            self.engine.interrupt_group(group)
        elif not group and self.engine.run_of(session):
            self.engine.interrupt(session)
        elif self.tree_view.marked:
            self.tree_view.clear_marks()
        else:
            self.set_focus(self.tree_view)

    def leave_inputs(self) -> bool:
        """Leave the composer, the filter or the search; whether there was one to leave."""
        raise NotImplementedError

    def run_ended(self, run: Run) -> None:
        """A run is over; say so when it failed."""
        self.look_again()  # it may have changed the project's settings
        self._tell_if_all_ended(self.engine.forest.group(run.plan.session))
        outcome = run.outcome
        if outcome is None or outcome.ending is not Ending.FAILED:
            return
        label = self.engine.label(run.plan.session)
        selected = self.aiming.selection.session == run.plan.session
        # What was said about it stands in the stream, where that is in sight.
        words = outcome.reason.text if selected else outcome.reason.words
        self.app.say(f"‹{label}›: {words}", trouble=True)
        if selected and not outcome.heard and not self.composer.text.strip():
            self._bring_back(run.plan.session)

    def _tell_if_all_ended(self, group: str) -> None:
        """The last of a fan-out's ways is over: say what there is to do with them."""
        if not group or self.engine.runs_in(group):
            return
        forest = self.engine.forest
        ways = [id for id in forest if forest.group(id) == group]
        failed = sum(1 for id in ways if forest.status(id) is Status.FAILED)
        but = f", {failed} of them failed" if failed else ""
        self.app.say(f"{counted(len(ways), 'way')} ended{but}: = on their row compares them")
