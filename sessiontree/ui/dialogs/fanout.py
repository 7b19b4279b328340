"""Several ways at once from one place: what each is asked and how it is set, before it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from sessiontree.model.fanout import LEAST, MOST, PRESETS, Way, apart
from sessiontree.model.run import Mode
from sessiontree.model.text import clean_line, label
from sessiontree.ui.composer.area import DraftArea
from sessiontree.ui.dialogs.base import Dialog
from sessiontree.ui.dialogs.pick import Pick
from sessiontree.ui.dialogs.small import EFFORTS, MODELS
from sessiontree.ui.hints import fitting

OWN = "as you set them"
"""Said of ways that are no preset's, or no longer."""

TOGETHER, APART = "the same for all", "a git worktree for each"
_PLACES = {
    TOGETHER: "All of them work in {}, on the same files.",
    APART: "Each works on a branch of its own below {}/.claude/worktrees, as of the last commit: "
    "what is not committed is not there.",
}

HOW = (("enter", "start"), ("esc", "leave"), ("tab", "next"))
HOW_HERE = {
    "ways": (("↑ ↓", "way"), ("+ -", "more, fewer")),
    "prompt": (("ctrl+j", "new line"),),
    "model": (("← →", "change"), ("a-z", "type")),
    "append": (("kept", "until you quit"),),
}
HOW_PICKED = (("← →", "change"),)


@dataclass(frozen=True, slots=True)
class FanOut:
    """The ways as they were left; `start` says whether they are to be run, `worktrees` whether
    each gets a git worktree of its own."""

    ways: tuple[Way, ...]
    start: bool
    worktrees: bool = False


class WayList(Widget, can_focus=True):
    """One line for each way: what tells it apart, and its prompt. Below them, which way it is
    that the fields show."""

    DEFAULT_CSS = """
    WayList { height: auto; width: 1fr; color: $text-muted; }
    WayList:focus { background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", show=False),
        Binding("down,j", "go(1)", show=False),
        Binding("plus,a", "screen.add", show=False),
        Binding("minus,delete,x", "screen.remove", show=False),
    ]

    @dataclass
    class Went(Message):
        """A person wants another way: the one `by` places further on."""

        by: int

    ways: reactive[tuple[Way, ...]] = reactive((), layout=True)
    at: reactive[int] = reactive(0)

    def get_content_height(self, *_: object) -> int:
        return len(self.ways) + 1

    def render(self) -> Content:
        told = apart(self.ways)
        width = max(self.size.width, 8)
        column = min(max(map(len, told), default=0), width // 2 - 5)
        lines = []
        for index, (way, words) in enumerate(zip(self.ways, told, strict=True)):
            on = index == self.at
            own = label(way.prompt)
            line = Content.assemble(
                ("❯ " if on else "  ", "bold $accent"),
                f"{index + 1}  ",
                Content(words).stylize("bold $text").truncate(column, ellipsis=True, pad=True)
                + Content("  " if column else ""),
            )
            prompt = own or ("no prompt yet" if not index else "the same prompt")
            line += Content(prompt).stylize("$text" if own else "")
            lines.append(line.truncate(width, ellipsis=True))
        rule = f"── way {self.at + 1} "
        lines.append(Content(rule.ljust(width, "─")))
        return Content("\n").join(lines)

    def action_go(self, by: int) -> None:
        self.post_message(self.Went(by))

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self.ways):
            self.post_message(self.Went(event.y - self.at))


class FanOutDialog(Dialog[FanOut]):
    """`first` is where presets begin; `draft` are the ways of before, if there are any. `named`
    says what so many ways are, `cost` what they cost to begin with. `worktrees`: what was
    chosen before, None where the folder can have none. Nothing is lost with Esc: what was typed
    and chosen comes back in `FanOut`."""

    guarded = True  # Enter costs money
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("enter", "start", show=False),
    ]

    def __init__(
        self,
        first: Way,
        draft: Sequence[Way] = (),
        *,
        named: Callable[[int], str],
        cost: Callable[[Sequence[Way]], str],
        folder: str = "",
        worktrees: bool | None = None,
    ) -> None:
        super().__init__()
        self._first = first
        self._named = named
        self._cost = cost
        self._folder = folder
        self._places = (TOGETHER, APART) if worktrees is not None else ()
        self._place = APART if worktrees else TOGETHER
        self._preset = "" if draft else PRESETS[0].name
        self._ways = list(draft) or PRESETS[0].ways(first)
        self._at = 0

    # What it shows

    def body(self) -> ComposeResult:
        way, names = self._ways[0], [preset.name for preset in PRESETS]
        yield Pick("preset", names, self._preset, words=lambda name: name or OWN, id="preset")
        yield WayList(id="ways")
        with Horizontal(classes="field"):
            yield Static(Content("prompt"), classes="name")
            yield DraftArea(id="prompt")
        yield Pick("model", MODELS, way.choice.model, words=_own_choice, free=True, id="model")
        yield Pick("effort", EFFORTS, way.choice.effort, words=_own_choice, id="effort")
        with Horizontal(classes="field"):
            yield Static(Content("system"), classes="name")
            yield Input(placeholder="added to the system prompt", id="append")
        yield Pick("mode", list(Mode), way.choice.mode, words=_in_all, style=_danger, id="mode")
        yield Static(id="danger")
        if self._places:
            yield Pick("files", self._places, self._place, id="files")
        if self._folder:
            yield Static(id="place", classes="note")

    def foot(self) -> ComposeResult:
        yield Static(id="cost")
        yield Static(id="how", classes="note")

    def on_mount(self) -> None:
        self.query_one("#body").can_focus = False
        self._go_to(0)
        self.query_one("#ways" if self._ways[0].prompt else "#prompt").focus()

    def on_descendant_focus(self) -> None:
        """Say what keys do in the line that has the focus."""
        if not self.query("#how"):
            return  # it was closed meanwhile
        here = HOW_HERE.get((self.focused and self.focused.id) or "", HOW_PICKED)
        hints = fitting([*HOW, *here], self.query_one("#frame").content_size.width)
        words = "   ".join(f"{key} {what}" for key, what in hints)
        self.query_one("#how", Static).update(Content(words))

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.on_descendant_focus)

    def _draw(self) -> None:
        """All that follows from the ways."""
        rows = self.query_one(WayList)
        rows.ways, rows.at = tuple(self._ways), self._at
        self.query_one("#preset", Pick).value = self._preset
        count, unasked = len(self._ways), self._ways[0].choice.mode is Mode.BYPASS
        self.query_one("#title", Static).update(
            Content(f"Fan out: {clean_line(self._named(count))}")
        )
        self.query_one("#cost", Static).update(Content(self._cost(self._ways)))
        danger = f"In all {count} every tool runs unasked: commands, edits, the network."
        self.query_one("#danger", Static).update(Content(danger).stylize("$text-error"))
        self.query_one("#danger").display = unasked
        for note in self.query("#place").results(Static):
            note.update(Content(_PLACES[self._place].format(clean_line(self._folder))))
        self.fit()

    # One way

    def _go_to(self, at: int) -> None:
        """Show the fields of a way."""
        self._at = at = max(0, min(at, len(self._ways) - 1))
        way = self._ways[at]
        area = self.query_one("#prompt", DraftArea)
        area.put(way.prompt)
        area.placeholder = "the same as the first" if at else "what is to be done"
        self.query_one("#append", Input).value = way.choice.append
        for field in ("model", "effort", "mode"):
            self.query_one(f"#{field}", Pick).value = getattr(way.choice, field)
        self._draw()

    def _set(self, **fields: str) -> None:
        way = self._ways[self._at]
        choice = replace(way.choice, **fields)  # type: ignore[arg-type]
        if choice != way.choice:
            self._ways[self._at] = replace(way, choice=choice)
            self._preset = ""
            self._draw()

    @on(TextArea.Changed, "#prompt")
    def _prompt_changed(self) -> None:
        prompt = self.query_one("#prompt", DraftArea).whole
        if prompt != self._ways[self._at].prompt:
            self._ways[self._at] = replace(self._ways[self._at], prompt=prompt)
            self._draw()

    @on(DraftArea.Entered)
    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_start()

    @on(Input.Changed, "#append")
    def _append_changed(self, message: Input.Changed) -> None:
        self._set(append=message.value)

    @on(Pick.Changed, "#model")
    def _model_changed(self, message: Pick.Changed) -> None:
        self._set(model=message.value)

    @on(Pick.Changed, "#effort")
    def _effort_changed(self, message: Pick.Changed) -> None:
        self._set(effort=message.value)

    # All of them

    @on(Pick.Changed, "#mode")
    def _mode_changed(self, message: Pick.Changed) -> None:
        mode = Mode(message.value)
        self._first = _in_mode(self._first, mode)
        self._ways = [_in_mode(way, mode) for way in self._ways]
        self._draw()

    @on(Pick.Changed, "#files")
    def _files_changed(self, message: Pick.Changed) -> None:
        self._place = message.value
        self._draw()

    @on(Pick.Changed, "#preset")
    def _preset_changed(self, message: Pick.Changed) -> None:
        preset = next(one for one in PRESETS if one.name == message.value)
        self._preset = preset.name
        self._ways = preset.ways(replace(self._first, prompt=self._ways[0].prompt))
        self._go_to(len(self._ways) - 1 if preset.then else 0)

    @on(WayList.Went)
    def _went(self, message: WayList.Went) -> None:
        self._go_to(self._at + message.by)

    def action_add(self) -> None:
        if len(self._ways) == MOST:
            self.notify(f"{MOST} ways are the most", markup=False)
            return
        self._ways.insert(self._at + 1, replace(self._ways[self._at], prompt=""))
        self._preset = ""
        self._go_to(self._at + 1)

    def action_remove(self) -> None:
        if len(self._ways) == LEAST:
            self.notify(f"A fan-out has {LEAST} ways at least", markup=False)
            return
        removed = self._ways.pop(self._at)
        if self._at == 0 and not self._ways[0].prompt.strip():
            self._ways[0] = replace(self._ways[0], prompt=removed.prompt)
        self._preset = ""
        self._go_to(self._at)

    # The end

    def action_start(self) -> None:
        if self.too_early:
            return
        if not self._ways[0].prompt.strip():
            self._go_to(0)
            self.query_one("#prompt").focus()
            self.notify("The first way has no prompt yet", severity="warning", markup=False)
            return
        self._leave(start=True)

    def action_leave(self) -> None:
        self._leave(start=False)

    def _leave(self, *, start: bool) -> None:
        self.dismiss(FanOut(tuple(self._ways), start, worktrees=self._place == APART))


def _in_mode(way: Way, mode: Mode) -> Way:
    return replace(way, choice=replace(way.choice, mode=mode))


def _own_choice(value: str) -> str:
    return clean_line(value) or "Claude Code's own choice"


def _in_all(mode: str) -> str:
    return f"{Mode(mode).words}, in all of them"


def _danger(mode: str) -> str:
    return "bold $text-error" if mode == Mode.BYPASS else "bold $text"
