"""Sessions side by side: what they share, what each came to. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sessiontree.model.comparison import Side, Source, compare, end
from sessiontree.model.event import CallState, Event, Notice, Prompt, Result, Text, ToolCall
from sessiontree.model.facts import State
from sessiontree.model.message import Level
from sessiontree.model.overlay import Status
from sessiontree.model.session import Turn, Usage

CWD = "/home/ada/limiter"


def turns(*ids: str, cost: float | None = 0.5, live: bool = True) -> list[Turn]:
    before = [None, *ids]
    return [
        Turn(id, parent, id, id, f"Label of {id}", 0.0, live, Usage(10, 5), cost)
        for id, parent in zip(ids, before, strict=False)
    ]


def told(id: str, *more: Event, at: float = 100.0, answer: str | None = "") -> list[Event]:
    """The events of a turn that took 10 seconds and says `answer` in the end."""
    found: list[Event] = [Prompt(key=id, text=f"Do {id}", number=1, at=at), *more]
    if answer is not None:
        found.append(Text(key=f"{id}:0", text=answer or f"Answer to {id}", at=at + 10))
    return found


def source(session: str, line: Sequence[Turn], *answered: str, turn: str | None = None, **more):
    events = [event for one in line for event in told(one.id)] if not answered else []
    for id in answered:
        events += told(id)
    return Source(Side(session, turn), f"‹{session}›", line, more.pop("events", events), **more)


def edit(key: str, file: str, old: str, new: str, **more) -> ToolCall:
    given = {"file_path": f"{CWD}/{file}", "old_string": old, "new_string": new}
    return ToolCall(key=key, tool="Edit", input=given, **({"state": CallState.OK} | more))


# the split


IDS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(st.lists(IDS, min_size=2, max_size=4))
def test_no_turn_is_lost_wherever_lines_part(lines: list[list[str]]) -> None:
    sources = [source(str(n), turns(*line)) for n, line in enumerate(lines)]
    found = compare(sources)
    for column, line in zip(found.columns, lines, strict=True):
        assert [*column.before, *column.own] == line
        assert set(found.shared) <= set(column.before)
    assert set(found.shared) == set(lines[0]).intersection(*lines[1:])
    assert not found.shared or set(found.columns[0].own).isdisjoint(found.shared)
    rows = list(found.rows)
    for place, column in enumerate(found.columns):
        assert [row[place] for row in rows if row[place] is not None] == list(column.own)


def test_a_fork_parts_from_its_parent_behind_the_last_shared_turn() -> None:
    found = compare([source("a", turns("1", "2", "3", "4")), source("b", turns("1", "2", "x"))])
    assert found.shared == ("1", "2")
    assert list(found.rows) == [("3", "x"), ("4", None)]
    assert [column.number for column in found.columns] == [3, 3]


def test_a_fork_of_a_compacted_session_lacks_what_was_before() -> None:
    found = compare([source("a", turns("1", "2", "3", "4")), source("b", turns("3", "x"))])
    assert found.shared == ("3",)
    assert [column.own for column in found.columns] == [("4",), ("x",)]
    assert found.longest.before == ("1", "2", "3")


def test_nothing_in_common() -> None:
    found = compare([source("a", turns("1")), source("b", turns("x", "y"))])
    assert found.shared == ()
    assert list(found.rows) == [("1", "x"), (None, "y")]


def test_arms_of_one_session_part_where_the_rewind_was() -> None:
    line = turns("1", "2")
    arm = [Turn("x", "1", "x", "x", "Other", 0.0, live=False)]
    both = [line[0], *arm, line[1]]
    sides = [source("a", both, "1", "x", turn="x"), source("a", both, "1", "2", turn="2")]
    found = compare(sides)
    assert not found.alone and found.shared == ("1",) and list(found.rows) == [("x", "2")]


def test_two_turns_of_one_line_are_compared_each_by_itself() -> None:
    line = turns("1", "2", "3", "4")
    found = compare([source("a", line, turn="2"), source("a", line, turn="4")])
    assert found.alone and list(found.rows) == [("2", "4")] and found.shared == ("1",)
    assert [c.facts.answer for c in found.columns] == ["Answer to 2", "Answer to 4"]
    assert compare([source("a", line, turn="2"), source("a", line)]).alone is False


def test_a_turn_under_way_is_only_told_yet() -> None:
    live = source("b", turns("1"), "1", "new", status=Status.RUNNING)
    found = compare([source("a", turns("1", "2")), live])
    assert list(found.rows) == [("2", "new")]
    assert found.columns[1].prompt("new") == "Do new"
    assert found.columns[1].facts.state is State.RUNNING and found.answers() == [None]


def test_sides_with_one_end_are_the_same() -> None:
    line = turns("1", "2")
    assert end(Side("a"), line) == end(Side("a", "2"), line) != end(Side("a", "1"), line)


# what each came to


def test_facts_are_those_behind_the_split() -> None:
    calls = [edit("e", "a.py", "x = 1\n", "x = 2\ny = 3\n"), ToolCall(key="b", tool="Bash")]
    events = told("1", edit("e0", "z.py", "", "1\n")) + told("2", *calls, at=500)
    one = source("a", turns("1", "2"), events=events, cwd=CWD)
    facts = compare([one, source("b", turns("1", "x"))]).columns[0].facts
    assert facts.tools == {"Edit": 1, "Bash": 1}
    assert {name: touched.counts for name, touched in facts.files.items()} == {"a.py": (2, 1)}
    assert facts.files["a.py"].words == "+2 −1"
    assert facts.usage == Usage(10, 5) and facts.seconds == 10.0
    assert facts.state is State.DONE and facts.answer == "Answer to 2"


def test_what_is_unknown_is_not_nothing() -> None:
    def cost(*costs: float | None) -> str:
        line = [turns("1")[0], *(turns(f"c{n}", cost=c)[0] for n, c in enumerate(costs))]
        return compare([source("a", line), source("b", turns("1"))]).columns[0].facts.cost_words

    assert cost(0.25, 0.5) == "$0.75"
    assert cost(0.25, None) == "at least $0.25"
    assert cost(None) == "unknown"
    assert cost() == "$0"
    unread = source("a", turns("1", "2"), events=[], note="It is gone", whole=False)
    facts = compare([unread, source("b", turns("1", "x"))]).columns[0].facts
    assert facts.state is State.UNREAD and facts.time_words == "unknown"
    assert facts.usage == Usage(10, 5)  # the tree knows it


def test_an_offline_fork_does_not_make_a_turn_longer() -> None:
    """It stamps the last line that it copies with its own time."""
    late = [*told("2"), Text(key="2:1", text="Answer", at=9_999.0)]
    forked = source("b", turns("1", "2"), events=told("1") + late)
    parent = source("a", turns("1", "2", "3"))
    found = compare([source("c", turns("1")), parent, forked])
    assert [column.facts.seconds for column in found.columns] == [0.0, 20.0, 10.0]


def test_how_it_came_out() -> None:
    def state(*events: Event, answer: str | None = None, status: Status = Status.IDLE) -> State:
        side = source("a", turns("1"), events=told("1", *events, answer=answer), status=status)
        return compare([side, source("b", turns("x"))]).columns[0].facts.state

    error = Notice(key="n", what="error", text="529 Overloaded", level=Level.ERROR)
    stopped = Notice(key="i", what="interrupted", text="Interrupted", level=Level.WARNING)
    said = Text(key="t", text="Half an answer")
    below = Text(key="s", text="Of a subagent", depth=1)
    assert state(answer="Done") is State.DONE
    assert state(said, error) is State.FAILED
    assert state(error, said) is State.DONE  # it was tried again
    assert state(said, stopped) is State.INTERRUPTED
    assert state(said, Result(key="r", ok=False, text="No")) is State.FAILED
    assert state(said, ToolCall(key="c", tool="Bash"), below) is State.UNANSWERED
    assert state(status=Status.RUNNING) is State.RUNNING
    assert state(said, status=Status.FAILED) is State.FAILED
    empty = compare([source("a", []), source("b", [])])
    assert [column.facts.state for column in empty.columns] == [State.EMPTY, State.EMPTY]


def test_a_call_that_failed_has_touched_nothing() -> None:
    failed = edit("e", "a.py", "x", "y", state=CallState.FAILED)
    side = source("a", turns("1"), events=told("1", failed))
    facts = compare([side, source("b", turns("x"))]).columns[0].facts
    assert facts.tools == {"Edit": 1} and facts.files == {}


# between them


def test_answers_are_compared_with_the_first() -> None:
    def side(name: str, answer: str | None) -> Source:
        return source(name, turns(name), events=told(name, answer=answer))

    first, same, other = "The limit is 10.", "The limit\nis 10.", "The limit is 20."
    found = compare([side("1", first), side("2", same), side("3", other), side("4", None)])
    answers = found.answers()
    assert answers[0] and answers[0].same
    assert answers[1] and not answers[1].same
    assert answers[2] is None
    assert compare([side("1", None), side("2", same)]).answers() == [None]


def test_an_answer_is_what_is_said_behind_the_last_call() -> None:
    call = ToolCall(key="c", tool="Bash", state=CallState.OK)
    more = [Text(key="a", text="I'll look"), call, Text(key="b", text="First,")]
    side = source("a", turns("1"), events=told("1", *more, answer="second."))
    found = compare([side, source("b", turns("x"))])
    assert found.columns[0].facts.answer == "First,\n\nsecond."


def test_files_that_several_changed() -> None:
    def side(name: str, *files: str, cwd: str = CWD) -> Source:
        calls = [edit(f"{name}{file}", file, "", f"{name}\n") for file in files]
        return source(name, turns(name), events=told(name, *calls), cwd=cwd)

    found = compare([side("1", "a.py", "b.py"), side("2", "b.py"), side("3", "c.py", "b.py")])
    assert list(found.files) == ["b.py"]
    assert [touched and touched.counts for touched in found.files["b.py"]] == [(1, 0)] * 3
    two = compare([side("1", "a.py"), side("2", "a.py"), side("3")])
    assert [touched is None for touched in two.files["a.py"]] == [False, False, True]
