"""Opens the dialog for a question that waits, one at a time, and brings the answer back."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App

from sessiontree.engine.engine import Engine
from sessiontree.engine.runs import Run
from sessiontree.model.run import Answer, Ask, AskKind
from sessiontree.ui.dialogs.answering import AskDialog
from sessiontree.ui.dialogs.permission import PermissionDialog
from sessiontree.ui.dialogs.plan import PlanDialog
from sessiontree.ui.dialogs.question import QuestionDialog


class Asking:
    """A question opens by itself unless the person is busy (typing, or in another dialog) or
    put it aside; then the tree and a bar say that it waits, and `@` brings it."""

    def __init__(
        self,
        app: App[None],
        engine: Engine,
        changed: Callable[[], None],
        look_around: Callable[[], object],
    ) -> None:
        self._app = app
        self._engine = engine
        self._changed = changed  # other questions than before are off the screen now
        self._look_around = look_around  # a question was put aside: keys are for the panes
        self._aside: set[str] = set()
        self._open: tuple[Ask, AskDialog] | None = None

    @property
    def waiting(self) -> list[tuple[Run, Ask]]:
        """The questions that are not on screen."""
        shown = self._open[0].id if self._open else None
        return [(run, ask) for run, ask in self._engine.asks() if ask.id != shown]

    def _behind(self) -> list[str]:
        """The questions that are not on screen, by session and tool."""
        return [f"‹{self._engine.label(run.plan.session)}› {ask.tool}" for run, ask in self.waiting]

    def look(self, *, busy: bool) -> None:
        """Questions came or went: close the dialog of one that is gone, open the next."""
        asks = {ask.id for _, ask in self._engine.asks()}
        self._aside &= asks
        if self._open and self._open[0].id not in asks:
            dialog = self._open[1]
            self._open = None
            dialog.dismiss(None)
        if self._open:
            self._open[1].put_behind(self._behind())
        if busy or self._open:
            return
        for run, ask in self._engine.asks():
            if ask.id not in self._aside:
                self.open(run, ask)
                return

    def open_for(self, session: str) -> bool:
        """Open the question of this session, also when it was put aside."""
        for run, ask in self._engine.asks():
            if run.plan.session == session and not self._open:
                self.open(run, ask)
                return True
        return False

    def open(self, run: Run, ask: Ask) -> None:
        label = self._engine.label(run.plan.session)
        dialog: AskDialog
        if ask.kind is AskKind.QUESTION:
            dialog = QuestionDialog(ask, label)
        elif ask.kind is AskKind.PLAN:
            dialog = PlanDialog(ask, label)
        else:
            dialog = PermissionDialog(ask, label)
        self._open = (ask, dialog)
        dialog.put_behind(self._behind())

        def answered(answer: Answer | None) -> None:
            if self._open is None or self._open[0].id != ask.id:
                return  # the run took its question back
            self._open = None
            if answer is None:
                self._aside.add(ask.id)
                self._look_around()
            else:
                self._engine.answer(run, ask, answer)
            self.look(busy=answer is None)
            self._changed()

        self._app.push_screen(dialog, answered)
