"""One table of keys: the bindings, the hint bar and the help are all made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class Group(StrEnum):
    GO = "Start from here"
    LOOK = "Look around"
    SESSION = "The session"
    APP = "The app"


class Need(StrEnum):
    """What must be there for a key to do something; the hint bar shows only those that can."""

    NOTHING = ""
    SESSION = "session"
    TURN = "turn"
    RUN = "run"
    GROUP = "group"
    ANY_RUN = "any run"
    FAILED = "failed"
    PARENT = "parent"
    PROMPTS = "prompts"
    COMPARABLE = "comparable"
    MARKS = "marks"


@dataclass(frozen=True, slots=True)
class Key:
    key: str  # by Textual's name
    shown: str
    action: str  # of the main screen
    hint: str  # one or two words
    help: str
    group: Group
    need: Need = Need.NOTHING
    rank: int = 5  # the hint bar keeps the lowest ranks when it is narrow


KEYS: tuple[Key, ...] = (
    Key("n", "n", "new", "new", "Start a new session in the current folder", Group.GO, rank=2),
    Key(
        "c",
        "c",
        "continue",
        "continue",
        "Continue the session at its end",
        Group.GO,
        Need.SESSION,
        rank=1,
    ),
    Key(
        "f",
        "f",
        "fork",
        "fork here",
        "Fork: a new session that keeps everything to the end of this turn",
        Group.GO,
        Need.SESSION,
        rank=1,
    ),
    Key(
        "e",
        "e",
        "edit",
        "edit & fork",
        "Take this turn's prompt back to the composer; the fork leaves before it",
        Group.GO,
        Need.TURN,
        rank=2,
    ),
    Key(
        "F",
        "F",
        "fan_out",
        "fan out",
        "Fan out: several prompts, models or efforts at once, each in a fork from this turn",
        Group.GO,
        rank=2,
    ),
    Key(
        "t",
        "t",
        "try_again",
        "try again",
        "Bring the prompt of a failed or interrupted run back to the composer",
        Group.GO,
        Need.FAILED,
        rank=0,
    ),
    Key(
        "H",
        "H",
        "hand_over",
        "hand over",
        "Hand over: compose a new session from what came of this one",
        Group.GO,
        Need.SESSION,
        rank=6,
    ),
    Key(
        "m",
        "m",
        "carry_back",
        "carry back",
        "Carry back: bring what came of it to the parent, or another session, as a prompt",
        Group.GO,
        Need.SESSION,
        rank=6,
    ),
    Key(
        "escape",
        "esc",
        "escape",
        "interrupt",
        "Interrupt the run of this session; in the composer or a search: back",
        Group.GO,
        Need.RUN,
        rank=0,
    ),
    Key(
        "escape",
        "esc",
        "escape",
        "stop all",
        "On the row of a fan-out: interrupt all its runs, those that wait too",
        Group.GO,
        Need.GROUP,
        rank=0,
    ),
    Key(
        "escape",
        "esc",
        "escape",
        "unmark",
        "Where nothing runs: take all marks away",
        Group.GO,
        Need.MARKS,
        rank=3,
    ),
    Key("tab", "tab", "next_pane", "panes", "Tree, stream, composer", Group.LOOK, rank=4),
    Key(
        "left_square_bracket",
        "[",
        "previous_prompt",
        "prompts",
        "Previous prompt in the stream",
        Group.LOOK,
        Need.PROMPTS,
        rank=7,
    ),
    Key(
        "right_square_bracket",
        "]",
        "next_prompt",
        "",
        "Next prompt in the stream",
        Group.LOOK,
        Need.PROMPTS,
        rank=7,
    ),
    Key(
        "p",
        "p",
        "parent",
        "parent",
        "Go to the turn that this session was forked from",
        Group.LOOK,
        Need.PARENT,
        rank=5,
    ),
    Key(
        "equals_sign",
        "=",
        "compare",
        "compare",
        "Compare the marked rows, a marked one with this, or a fan-out's arms: two to four",
        Group.LOOK,
        Need.COMPARABLE,
        rank=0,
    ),
    Key(
        "@,at",
        "@",
        "running",
        "running",
        "Go to the next session that runs, the ones that wait for you first",
        Group.LOOK,
        Need.ANY_RUN,
        rank=1,
    ),
    Key(
        "slash",
        "/",
        "search",
        "filter",
        "Filter the tree as you type; in the stream: search (n next, N previous)",
        Group.LOOK,
        rank=3,
    ),
    Key("a", "a", "scope", "all projects", "This folder's sessions, or all", Group.LOOK, rank=6),
    Key("r", "r", "rename", "rename", "Give the session a title", Group.SESSION, Need.SESSION),
    Key(
        "x",
        "x",
        "hide",
        "put away",
        "Put the session out of the way, or bring it back",
        Group.SESSION,
        Need.SESSION,
        rank=6,
    ),
    Key("full_stop", ".", "show_hidden", "", "Show what was put away", Group.SESSION, rank=9),
    Key(
        "plus",
        "+",
        "choose",
        "choose",
        "Mark it ★ as the one to go on with, or take that back",
        Group.SESSION,
        Need.SESSION,
        rank=7,
    ),
    Key(
        "minus",
        "-",
        "discard",
        "discard",
        "Discard it: it folds away (. shows it), nothing is deleted; or take that back",
        Group.SESSION,
        Need.SESSION,
        rank=7,
    ),
    Key(
        "w",
        "w",
        "note",
        "note",
        "Write a note on this session or turn",
        Group.SESSION,
        Need.SESSION,
        rank=7,
    ),
    Key(
        "L",
        "L",
        "link",
        "",
        "Say by hand which session and turn it comes from, or that it is a root",
        Group.SESSION,
        Need.SESSION,
        rank=8,
    ),
    Key(
        "s",
        "s",
        "keep",
        "",
        "Keep a copy that outlives Claude Code's clean-up, or stop; what is run here is kept",
        Group.SESSION,
        Need.SESSION,
        rank=8,
    ),
    Key("y", "y", "copy_id", "copy id", "Copy the session's id", Group.SESSION, Need.SESSION, 7),
    Key(
        "Y",
        "Y",
        "copy_command",
        "",
        "Copy the command that resumes it in Claude Code",
        Group.SESSION,
        Need.SESSION,
        rank=8,
    ),
    Key(
        "o",
        "o",
        "open_claude",
        "open in Claude",
        "Step aside and open the session in Claude Code itself",
        Group.SESSION,
        Need.SESSION,
        rank=6,
    ),
    Key("question_mark", "?", "help", "help", "This page", Group.APP, rank=0),
    Key("q", "q", "quit", "quit", "End the runs and quit", Group.APP, rank=4),
)

PANE_KEYS: tuple[tuple[str, str], ...] = (
    ("↑ ↓  j k", "Up and down"),
    ("← →  h l", "Fold and unfold; to the parent row, to the first child"),
    ("g G", "First and last"),
    ("enter", "Open: the stream of this row; on an event, all of it"),
    ("space", "In the tree: mark for comparing; in the stream: fold or unfold an event"),
)

COMPARE_KEYS: tuple[tuple[str, str], ...] = (
    ("tab  1 2 3 4", "Choose a side; on a narrow terminal also the one that is shown"),
    ("n N", "Next and previous difference"),
    ("[ ]", "Previous and next turn"),
    ("space", "Fold or unfold all tool calls"),
    ("s", "Show the shared turns"),
    ("enter", "Go to the chosen side in the tree"),
    ("c", "Continue the chosen side; a turn in the middle is forked"),
    ("esc  q", "Back"),
)

FILTER_WORDS: tuple[tuple[str, str], ...] = (
    ("any words", "In labels, titles, folders and notes, in any order"),
    ("is:chosen", "Also is:discarded is:away is:running is:waiting is:failed is:done is:gone …"),
    ("has:note", "What a note was written on"),
)

COMPOSER_KEYS: tuple[tuple[str, str], ...] = (
    ("enter", "Send"),
    ("shift+enter  ctrl+j", "A new line"),
    ("shift+tab", "The next permission mode"),
    ("ctrl+o", "Mode, model and effort of the run; whether it reads the project's settings"),
    ("ctrl+f", "Fan out: what Enter would do, in several ways at once"),
    ("esc", "Back to the tree; what was typed stays, what e, H or m brought goes"),
)


def bindings() -> list[Binding]:
    once = {key.key: key for key in KEYS}
    return [
        Binding(key.key, key.action, key.help, show=False, id=key.action) for key in once.values()
    ]
