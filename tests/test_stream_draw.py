"""How each kind of event reads, and that no text can break the screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

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
from sessiontree.model.text import clean, clean_data
from sessiontree.ui.stream.draw import Frame
from sessiontree.ui.stream.layout import Page
from sessiontree.ui.stream.limits import PAGER
from sessiontree.ui.stream.line import Piece
from sessiontree.ui.stream.paint import Palette, paint
from sessiontree.ui.stream.tools import _TOOLS

PLAIN = Palette(Style(), {})
FRAME = Frame(80, cwd="/home/ada/limiter", today=date(2031, 5, 14))


def page_of(*events: Event, frame: Frame = FRAME, unfolded: bool = False) -> Page:
    page = Page(frame, unfolded=unfolded)
    page.load(events)
    return page


def rows(page: Page) -> list[str]:
    """What is on the screen, without the gutter and the space at the end of each row."""
    painted = []
    for index in range(len(page.events)):
        layout = page.layout(index)
        for row in layout.rows:
            line = layout.lines[row.line]
            strip = paint(line, row, page.frame.width + 2, PLAIN, gutter=Piece(" "))
            painted.append(strip.text[1:].rstrip())
    return painted


def read(*events: Event, **options: object) -> list[str]:
    return rows(page_of(*events, **options))  # type: ignore[arg-type]


def call(tool: str, output: str = "", state: CallState = CallState.OK, **given: object) -> ToolCall:
    details = given.pop("details", {})
    return ToolCall(
        key="c",
        at=10.0,
        ended=10.8,
        tool=tool,
        input=given,
        told=output,
        state=state,
        details=details,  # type: ignore[arg-type]
    )


def ended(left: str, right: str, width: int = 80) -> str:
    return left + " " * (width - cell_len(left) - cell_len(right)) + right


# Each kind of event


def test_a_prompt_has_its_number_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = 1_936_958_400.0
    prompt = Prompt(
        key="p", at=noon, text="Design it\nfor the API", number=3, images=("image/png 1 kB",)
    )
    first, *rest = read(prompt)
    assert first.startswith(" 3 ❯ Design it") and first[-3] == ":"
    assert rest == ["     for the API", "     ▣ image/png 1 kB"]


def test_the_time_of_another_day_has_its_date() -> None:
    prompt = Prompt(key="p", at=1_936_958_400.0, text="Hi", number=1)
    assert "19 May" in read(prompt)[0] and "2031" not in read(prompt)[0]
    later = replace(FRAME, today=date(2032, 1, 1))
    assert "19 May 2031" in read(prompt, frame=later)[0]


def test_a_pasted_prompt_is_folded() -> None:
    prompt = Prompt(key="p", text="\n".join(map(str, range(100))), number=1)
    page = page_of(prompt)
    assert page.layout(0).folds and rows(page)[-1] == "     … 88 more lines"
    page.toggle(0)
    assert len(rows(page)) == 100


def test_thinking_is_one_line_with_how_long_it_took() -> None:
    thinking = Thinking(key="t", text="The window\nneeds **two** counters", seconds=8.0)
    page = page_of(thinking)
    assert rows(page) == [ended("   ┊ thinking  The window", "8.0 s", 80)]
    page.toggle(0)
    assert rows(page) == [
        ended("   ┊ thinking", "8.0 s"),
        "   ┊ The window",
        "   ┊ needs two counters",
    ]


def test_thinking_that_goes_on_shows_where_it_is() -> None:
    open_thought = Thinking(key="t", text="First " * 40 + "last words", done=False)
    (line,) = read(open_thought)
    assert line.startswith("   ┊ thinking  …") and line.endswith("last words▌")


def test_thinking_that_was_not_kept_is_still_told() -> None:
    page = page_of(Thinking(key="t", text="", seconds=3.0))
    assert rows(page) == [ended("   ┊ thinking", "3.0 s")]
    assert not page.layout(0).folds


def test_a_text_that_is_typed_has_a_caret() -> None:
    assert read(Text(key="a", text="A sliding", done=False)) == ["   A sliding▌"]
    assert read(Text(key="a", text="", done=False)) == ["   ▌"]
    assert read(Text(key="a", text="")) == []


def test_results_and_marks() -> None:
    good = Result(key="r", ok=True, tokens=1_234, cost_usd=0.0123, seconds=8.44)
    assert read(good) == ["   ✓ done · 1.2 k tokens · $0.012 · 8.4 s"]
    bad = Result(key="r", ok=False, text="API error 529", seconds=2.0)
    assert read(bad) == ["   ✗ failed: API error 529 · 2.0 s"]
    stopped = Result(key="r", ok=False, interrupted=True, text="Interrupted", seconds=2.0)
    assert read(stopped) == ["   ◌ interrupted · 2.0 s"]
    long = Result(key="r", ok=False, text="one\ntwo")
    assert read(long) == ["   ✗ failed", "     one", "     two"]
    (mark,) = read(Mark(key="m", text="forked from ‹A› turn 2"))
    assert mark.startswith("── ⑂ forked from ‹A› turn 2 ───") and cell_len(mark) == 80


def test_a_mark_too_long_for_the_screen_is_cut() -> None:
    (mark,) = read(Mark(key="m", text="⇢ handed over from ‹A›"))
    assert mark.startswith("── ⇢ handed over from ‹A› ───")
    (mark,) = read(Mark(key="m", text="forked from ‹" + "A" * 200 + "›"))
    assert cell_len(mark) <= 80 and "…" in mark


@pytest.mark.parametrize(
    ("what", "level", "start"),
    [
        ("compacted", Level.INFO, "   ○ "),
        ("retry", Level.WARNING, "   ! "),
        ("error", Level.ERROR, "   ✗ "),
        ("queued", Level.INFO, "   ❯ "),
    ],
)
def test_notices_have_a_sign_for_their_level(what: str, level: Level, start: str) -> None:
    assert read(Notice(key="n", what=what, text="Said so", level=level)) == [start + "Said so"]


# Tools


def test_bash_is_a_command_and_its_output_from_both_ends() -> None:
    output = "\n".join(f"line {n}" for n in range(100))
    page = page_of(call("Bash", output, command="pytest -q"))
    assert rows(page) == [
        ended("   ▸ Bash  pytest -q", "✓ 0.8 s"),
        "     line 0",
        "     line 1",
        "     … 95 more lines",
        "     line 97",
        "     line 98",
        "     line 99",
    ]
    page.toggle(0)
    assert len(rows(page)) == 101 and rows(page)[0].startswith("   ▾ Bash")


def test_a_command_of_several_lines_unfolds() -> None:
    page = page_of(call("Bash", "ok", command="make && \\\n  make test"))
    assert rows(page)[0].startswith("   ▸ Bash  make && …")
    page.toggle(0)
    assert rows(page)[1:] == ["     make && \\", "       make test", "     ok"]


def test_read_is_a_path_and_the_lines_that_were_read() -> None:
    read_call = call("Read", "1→a\n2→b", file_path="/home/ada/limiter/src/a.py", offset=10, limit=2)
    assert read(read_call) == [ended("   ▸ Read  src/a.py:10-11", "2 lines  ✓ 0.8 s")]


def test_write_shows_what_was_written() -> None:
    lines = read(call("Write", "ok", file_path="/home/ada/limiter/a.py", content="x = 1\ny = 2\n"))
    assert lines == [ended("   • Write a.py", "+2  ✓ 0.8 s"), "     x = 1", "     y = 2"]


def test_write_shows_the_end_of_what_is_being_typed() -> None:
    content = "\n".join(f"line {n}" for n in range(50))
    typed = replace(
        call("Write", file_path="a.py", content=content), state=CallState.TYPED, ended=None
    )
    lines = read(typed)
    assert lines[0] == ended("   ▸ Write a.py", "+50  … typing")
    assert lines[1] == "     … 42 more lines" and lines[-1] == "     line 49"


def test_edit_shows_a_diff() -> None:
    lines = read(call("Edit", "ok", file_path="a.py", old_string="x = 1\nz", new_string="x = 2\nz"))
    assert lines == [
        ended("   • Edit  a.py", "+1 −1  ✓ 0.8 s"),
        "     − x = 1",
        "     + x = 2",
        "       z",
    ]


def test_a_reported_patch_comes_before_the_input() -> None:
    patch = {"structuredPatch": [{"oldStart": 7, "newStart": 7, "lines": ["-a", "+b"]}]}
    lines = read(
        call("Edit", "ok", file_path="a.py", old_string="?", new_string="!", details=patch)
    )
    assert lines[1:] == ["     7 − a", "     7 + b"]


def test_several_edits_of_one_call() -> None:
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": ""}]
    lines = read(call("MultiEdit", "ok", file_path="a.py", edits=edits))
    assert lines[1:] == ["     − a", "     + b", "     …", "     − c"]


def test_searches_count_what_they_found() -> None:
    found = call("Grep", "a.py\nb.py", pattern="TODO", path="/home/ada/limiter/src", glob="*.py")
    assert read(found) == [ended("   ▸ Grep  TODO in src *.py", "2 lines  ✓ 0.8 s")]
    counted = call("Glob", "a\nb", pattern="**/*.py", details={"numFiles": 12})
    assert "12 files" in read(counted)[0]
    assert "nothing" in read(call("Grep", "No matches found", pattern="x"))[0]


def test_todos_are_a_checklist() -> None:
    todos = [
        {"content": "Survey", "status": "completed", "activeForm": "Surveying"},
        {"content": "Compare", "status": "in_progress", "activeForm": "Comparing"},
        {"content": "Write up", "status": "pending", "activeForm": "Writing up"},
        "nonsense",
    ]
    lines = read(call("TodoWrite", "ok", todos=todos))
    assert lines == [
        ended("   • TodoWrite 1 of 3 done", "✓ 0.8 s"),
        "     ☑ Survey",
        "     ▶ Comparing",
        "     ☐ Write up",
    ]


def test_a_tool_that_is_not_known_shows_its_input() -> None:
    lines = read(call("mcp__github__create_issue", "#12", title="Compare", labels=["perf"]))
    assert lines[0].startswith('   • github create_issue title=Compare labels=["perf"]')
    assert lines[1] == "     #12"


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (ToolCall(key="c", tool="Bash", state=CallState.TYPED), "… typing"),
        (ToolCall(key="c", tool="Bash", state=CallState.RUNNING), "● running"),
        (ToolCall(key="c", tool="Bash", state=CallState.FAILED), "✗ cut off"),
        (ToolCall(key="c", tool="Bash", state=CallState.FAILED, told="No"), "✗ failed"),
        (ToolCall(key="c", tool="Bash", state=CallState.OK), "✓"),
    ],
)
def test_a_calls_state_is_a_sign_and_a_word(event: ToolCall, state: str) -> None:
    assert read(event)[0].endswith(state)


def test_an_error_is_shown_whatever_the_tool() -> None:
    failed = call("Read", "<tool_use_error>File does not exist.</tool_use_error>", file_path="a")
    lines = read(replace(failed, state=CallState.FAILED))
    assert lines == [ended("   • Read  a", "✗ failed 0.8 s"), "     File does not exist."]


def test_what_does_not_fit_is_cut_with_an_ellipsis_and_whole_when_unfolded() -> None:
    page = page_of(call("Bash", "a\nb\nc\nd\ne\nf\ng\nh", command="echo " + "long " * 40))
    assert "…" in rows(page)[0] and cell_len(rows(page)[0]) <= 80
    page.toggle(0)
    assert "…" not in "".join(rows(page)) and rows(page)[1].startswith(" " * 11 + "long")


def test_a_subagents_events_stand_along_a_guide() -> None:
    nested = [
        call("Task", "Done", description="Survey"),
        Prompt(key="p", depth=1, text="Look", number=0),
        Text(key="a", depth=1, text="I see."),
        replace(call("Bash", "", command="ls"), key="b", depth=2),
    ]
    assert read(*nested) == [
        ended("   ▸ Task  Survey", "✓ 0.8 s"),
        "   │ ❯ Look",
        "   │",
        "   │ I see.",
        ended("   │ │ • Bash  ls", "✓ 0.8 s"),
    ]


def test_the_pager_shows_what_the_stream_folds_and_cuts() -> None:
    output = "\n".join("x" * 5_000 for _ in range(1_200))
    frame = replace(FRAME, limits=PAGER)
    page = page_of(call("Bash", output, command="ls"), frame=frame, unfolded=True)
    assert "more" not in "".join(rows(page))
    assert len(rows(page)) > 1_200 * 5_000 // 80


# Whatever the text

TEXTS = st.text(max_size=120) | st.text(
    alphabet="a \n\t|`*_[]#>-1.~中🚀é\u0301\x1b\u202e\x00[/]", max_size=200
)
TOOLS = st.sampled_from([*_TOOLS, "mcp__a__b", "", "New"])
NAMES = st.sampled_from(
    ["command", "file_path", "content", "old_string", "new_string", "pattern", "path", "todos",
     "description", "prompt", "url", "questions", "plan", "edits", "offset", "limit", "skill"]
)  # fmt: skip
JSON = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=3),
    max_leaves=6,
)
TIMES = st.none() | st.floats(-1e18, 1e18)
DEPTHS = st.integers(0, 30)
PATCHES = st.lists(TEXTS, max_size=4).map(
    lambda lines: {"structuredPatch": [{"oldStart": 1, "newStart": 1, "lines": lines}]}
)
LEVELS = st.sampled_from(Level)
COSTS = st.none() | st.floats(0, 9)
EVENTS = st.one_of(
    st.builds(Prompt, key=TEXTS, at=TIMES, depth=DEPTHS, text=TEXTS, number=st.integers(0, 12_000)),
    st.builds(Text, key=TEXTS, depth=DEPTHS, text=TEXTS, done=st.booleans()),
    st.builds(Thinking, key=TEXTS, depth=DEPTHS, text=TEXTS, done=st.booleans()),
    st.builds(
        ToolCall,
        key=TEXTS,
        at=TIMES,
        ended=TIMES,
        depth=DEPTHS,
        tool=TOOLS,
        input=st.dictionaries(NAMES, JSON, max_size=4),
        told=TEXTS,
        state=st.sampled_from(CallState),
        details=st.just({}) | PATCHES,
    ),
    st.builds(Notice, key=TEXTS, depth=DEPTHS, what=TEXTS, text=TEXTS, level=LEVELS),
    st.builds(Mark, key=TEXTS, text=TEXTS),
    st.builds(Result, key=TEXTS, ok=st.booleans(), text=TEXTS, cost_usd=COSTS),
)


def cleaned(event: Event) -> Event:
    """The event as a feed gives it."""
    names = ("text", "what", "tool", *(["told"] if isinstance(event, ToolCall) else []))
    return replace(
        event,
        **{name: clean(getattr(event, name)) for name in names if hasattr(event, name)},
        **{n: clean_data(getattr(event, n)) for n in ("input", "details") if hasattr(event, n)},
    )


@settings(max_examples=400, deadline=None)
@given(st.lists(EVENTS, max_size=4), st.integers(20, 120), st.booleans())
def test_any_events_give_rows_of_the_right_width_with_nothing_a_terminal_acts_on(
    events: list[Event], width: int, unfolded: bool
) -> None:
    page = page_of(*map(cleaned, events), frame=replace(FRAME, width=width), unfolded=unfolded)
    for index in range(len(page.events)):
        layout = page.layout(index)
        assert page.heights[index] == len(layout.rows)
        for row in layout.rows:
            line = layout.lines[row.line]
            strip = paint(line, row, width + 2, PLAIN, gutter=Piece(" "))
            assert strip.cell_length == cell_len(strip.text) == width + 2
            assert clean(strip.text) == strip.text and "\n" not in strip.text
            assert "\t" not in strip.text
