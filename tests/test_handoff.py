"""What came of a session, and the texts that carry it on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sessiontree.model.conclusion import Conclusion, conclusion
from sessiontree.model.event import CallState, Event, Prompt, Text, ToolCall
from sessiontree.model.handoff import TEXT_CHARS, carried, handed_over, shortened
from sessiontree.ui.composer.draft import LONG_PASTE

OK, FAILED = CallState.OK, CallState.FAILED


def call(tool: str, state: CallState = OK, output: str = "", depth: int = 0, **given: object):  # type: ignore[no-untyped-def]
    return ToolCall(key="k", tool=tool, input=given, state=state, told=output, depth=depth)


def asked(turn: str, text: str = "Do it") -> Prompt:
    return Prompt(key=turn, text=text, number=1)


def said(text: str, depth: int = 0) -> Text:
    return Text(key="m:0", text=text, depth=depth)


def test_the_last_answer_and_the_files_that_were_changed() -> None:
    events: list[Event] = [
        asked("1"),
        said("First."),
        call("Write", file_path="/w/a.py"),
        call("Edit", depth=1, file_path="/w/b.py"),
        call("Edit", FAILED, file_path="/w/denied.py"),
        call("Read", file_path="/w/read.py"),
        call("NotebookEdit", notebook_path="/w/n.ipynb"),
        call("Write", file_path=["no", "path"]),
        call("Edit", file_path="/w/a.py"),
        said("  Done:\n"),
        call("Read", depth=1, file_path="/w/read.py"),
        said("all of it."),
        said("", 0),
        said("what a subagent said", 1),
    ]
    found = conclusion(events)
    assert found == Conclusion("Done:\n\nall of it.", ("/w/a.py", "/w/b.py", "/w/n.ipynb"))


def test_from_a_worktree_it_is_said_where_the_files_are() -> None:
    cwd = "/w/.claude/worktrees/opus-1"
    done = Conclusion("Done.", (f"{cwd}/a.py",))
    text = carried("Try it", done, cwd)
    assert "- a.py" in text
    assert "in the git worktree .claude/worktrees/opus-1, branch worktree-opus-1." in text
    assert "worktree" not in carried("Try it", Conclusion("Only said."), cwd)
    assert "worktree" not in carried("Try it", Conclusion("Done.", ("/w/a.py",)), "/w")


def test_what_is_left_open() -> None:
    todos = [
        {"content": "written", "status": "completed"},
        {"content": "half\nwritten", "status": "in_progress"},
        {"content": "to write", "status": "pending"},
        "nonsense",
    ]
    question = {"questions": [{"question": "Which?"}, {"question": "When?"}, 3]}
    found = conclusion(
        [
            asked("1"),
            call("TodoWrite", todos=[{"content": "given up", "status": "pending"}]),
            call("TodoWrite", todos=todos),
            call("TodoWrite", depth=1, todos=[{"content": "a subagent's", "status": "pending"}]),
            call("TodoWrite", FAILED, todos=[]),
            call(
                "TaskCreate", output="Task #1 created successfully: Add tests", subject="Add tests"
            ),
            call("TaskCreate", output="Task #2 created successfully: Plot", subject="Plot"),
            call("TaskUpdate", taskId="1", status="completed"),
            call("TaskUpdate", taskId="2", subject="Plot it"),
            call("TaskUpdate", taskId="9", status="pending"),
            call("AskUserQuestion", FAILED, **question),
            call("AskUserQuestion", questions=[{"question": "When?"}]),
            said("So far."),
            asked("2", "And the docs?\nAll of them"),
        ]
    )
    assert found.open == (
        "half",
        "to write",
        "Plot it",
        "a question that nobody answered: Which?",
        "not answered: And the docs?",
    )
    assert found.answer == "So far."


def test_of_a_branch_only_its_own_turns_count() -> None:
    events = [
        asked("1"),
        call("Write", file_path="/w/shared.py"),
        said("Shared."),
        asked("2"),
        call("Write", file_path="/w/own.py"),
        said("Own."),
    ]
    assert conclusion(events, "2") == Conclusion("Own.", ("/w/own.py",))
    assert conclusion(events, "not there").empty
    assert conclusion([asked("1")]).empty


def test_the_texts() -> None:
    found = Conclusion("It works.", ("/w/a.py", "/else/b.py"), ("Add tests",))
    assert handed_over("Design it", found, "/w") == (
        "\n\nThis goes on from the session ‹Design it›, which ended with:\n\nIt works.\n\n"
        "It changed these files:\n- a.py\n- /else/b.py\n\nStill open:\n- Add tests"
    )
    assert carried("Design it", found, "/w") == (
        "From the branch ‹Design it›: \n\nIt ended with:\n\nIt works.\n\n"
        "It changed these files:\n- a.py\n- /else/b.py"
    )
    assert carried("Design it", Conclusion("Yes."), "") == (
        "From the branch ‹Design it›: \n\nIt ended with:\n\nYes."
    )
    assert handed_over("x" * 90, Conclusion(files=("a",)), "") == (
        f"\n\nThis goes on from the session ‹{'x' * 49}…›.\n\nIt changed these files:\n- a"
    )


def test_a_long_answer_is_cut_between_paragraphs_and_says_so() -> None:
    text = "\n\n".join(["One paragraph of some words."] * 10)
    short = shortened(text, 100)
    assert short.startswith("One paragraph of some words.\n\nOne")
    assert short.endswith("words.\n\n[210 more characters were left out here]")
    assert shortened("```\n" + "x" * 90, 50).count("```") == 2
    assert shortened("short", 5) == "short"


@given(
    st.text(max_size=80),
    st.text(alphabet="ab \n`", max_size=30).map(lambda text: text * 1_000),
    st.lists(st.text(max_size=20).map(lambda name: f"/w/{name * 30}"), max_size=40),
    st.lists(st.text(max_size=120), max_size=40),
)
def test_the_longest_text_can_be_edited(
    label: str, answer: str, files: list[str], points: list[str]
) -> None:
    found = Conclusion(answer, tuple(files), tuple(points))
    for text in (handed_over(label, found, "/w"), carried(label, found, "/w")):
        assert len(text) <= TEXT_CHARS + 80 < LONG_PASTE
        assert text.count("\n- ") <= 42
