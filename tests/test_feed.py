"""Messages in, events out: the same from a file and from a live run, whatever the order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontree.model.calls import DETAIL_CHARS
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
    fields,
)
from sessiontree.model.feed import Feed
from sessiontree.model.message import (
    Answered,
    CallBlock,
    Delta,
    DeltaKind,
    Ended,
    Level,
    Message,
    Noted,
    Prompted,
    Said,
    Started,
    TextBlock,
    ThinkingBlock,
)
from sessiontree.model.packed import Packed
from sessiontree.model.partial import parse_partial
from sessiontree.model.text import clean


def fed(*messages: Message, **settings: object) -> Feed:
    feed = Feed(**settings)  # type: ignore[arg-type]
    for message in messages:
        feed.push(message)
    feed.take()
    return feed


def said(message_id: str, *texts: str, agent: str = "") -> Said:
    return Said(message_id=message_id, blocks=tuple(map(TextBlock, texts)), agent=agent)


def call(
    message_id: str, call_id: str, tool: str = "Bash", agent: str = "", **given: object
) -> Said:
    return Said(message_id=message_id, blocks=(CallBlock(call_id, tool, given),), agent=agent)


def prompt(turn: str, text: str = "Go on") -> Prompted:
    return Prompted(turn=turn, text=text)


def keys(feed: Feed) -> list[str]:
    return [event.key for event in feed.events]


def test_a_turn_reads_as_prompt_thinking_text_call_with_its_result_and_outcome() -> None:
    feed = fed(
        Prompted(turn="p1", text="Run the tests", at=100.0),
        Said(message_id="m", blocks=(ThinkingBlock("Which ones?"),), at=103.0),
        Said(message_id="m", blocks=(TextBlock("All of them."),), at=104.0),
        Said(message_id="m", blocks=(CallBlock("c1", "Bash", {"command": "pytest"}),), at=105.0),
        Answered(call_id="c1", text="3 passed", at=107.5, details={"stdout": "3 passed"}),
        Ended(key="e", ok=True, cost_usd=0.01, tokens=40, seconds=7.0, at=108.0),
    )
    assert feed.events == [
        Prompt(key="p1", at=100.0, text="Run the tests", number=1),
        Thinking(key="m:0", at=103.0, text="Which ones?", seconds=3.0),
        Text(key="m:1", at=104.0, text="All of them."),
        ToolCall(
            key="c1",
            at=105.0,
            tool="Bash",
            input={"command": "pytest"},
            state=CallState.OK,
            told="3 passed",
            details={"stdout": "3 passed"},
            ended=107.5,
        ),
        Result(key="e", at=108.0, ok=True, cost_usd=0.01, tokens=40, seconds=7.0),
    ]


def test_take_says_where_the_events_changed_and_keeps_the_list() -> None:
    feed = Feed()
    events = feed.events
    assert feed.take() is None
    feed.push(prompt("p1"))
    feed.push(said("m", "One"))
    assert feed.take() == (0, 0)
    assert feed.take() is None
    feed.push(said("m", "Two"))
    assert feed.take() == (0, 2)
    feed.push(call("m2", "c"))
    assert feed.take() == (0, 3)
    feed.push(said("m3", "Meanwhile"))
    feed.push(Answered(call_id="c", text="done"))
    assert feed.take() == (0, 3)
    assert feed.events is events and len(events) == 5


def test_a_call_runs_until_its_answer() -> None:
    feed = fed(prompt("p"), call("m", "c", command="sleep 9"))
    assert feed.events[1].state is CallState.RUNNING
    feed.push(Answered(call_id="c", text="No such file", is_error=True, at=2.0))
    feed.take()
    assert feed.events[1].state is CallState.FAILED
    assert (feed.events[1].output, feed.events[1].ended) == ("No such file", 2.0)


# Typed as it comes


TYPED_CALL = '{"command": "pytest -q \\u001b[31m", "timeout": 20}'


def live(message_id: str, *blocks: tuple[DeltaKind, str]) -> list[Message]:
    messages: list[Message] = []
    for index, (kind, text) in enumerate(blocks):
        call_id = f"c{index}" if kind is DeltaKind.INPUT else ""
        name = "Bash" if call_id else ""
        messages.append(
            Started(message_id=message_id, index=index, kind=kind, name=name, call_id=call_id)
        )
        messages.append(Delta(message_id=message_id, index=index, kind=kind, text=text))
    return messages


def cut(message: Message, pieces: list[str]) -> list[Message]:
    assert isinstance(message, Delta)
    return [replace(message, text=piece) for piece in pieces]


def test_text_grows_as_it_is_typed_and_the_whole_replaces_it() -> None:
    feed = fed(prompt("p"), *live("m", (DeltaKind.TEXT, "A token buc")))
    assert feed.events[1] == Text(key="m:0", text="A token buc", done=False)
    feed.push(said("m", "A token bucket."))
    assert feed.take() == (0, 1)
    assert feed.events[1] == Text(key="m:0", text="A token bucket.")
    late = Delta(message_id="m", index=0, kind=DeltaKind.TEXT, text="ket.")
    feed.push(late)
    assert feed.take() is None


def test_a_calls_input_is_read_while_it_is_typed() -> None:
    feed = fed(prompt("p"), *live("m", (DeltaKind.INPUT, '{"file_path": "a.py", "content": "x =')))
    typed = feed.events[1]
    assert typed.state is CallState.TYPED and typed.key == "c0" and typed.tool == "Bash"
    assert typed.input == {"file_path": "a.py", "content": "x ="}
    feed.close()
    feed.take()
    assert feed.events[1].state is CallState.FAILED
    assert feed.events[1].input == {"file_path": "a.py", "content": "x ="}


@settings(deadline=None)
@given(st.data(), st.text(max_size=60) | st.text(alphabet="a\r\n\x1b[31;m\x9b\t*`", max_size=60))
def test_any_way_of_cutting_a_message_into_deltas_gives_the_events_of_the_whole(
    data: st.DataObject, text: str
) -> None:
    blocks = ((DeltaKind.THINKING, text), (DeltaKind.TEXT, text), (DeltaKind.INPUT, TYPED_CALL))
    whole = Said(
        message_id="m",
        blocks=(
            ThinkingBlock(text),
            TextBlock(text),
            CallBlock("c2", "Bash", {"command": "pytest -q \x1b[31m", "timeout": 20}),
        ),
    )
    expected = fed(prompt("p"), whole).events
    feed = fed(prompt("p"))
    typed = live("m", *blocks)
    for message in typed:
        if isinstance(message, Delta):
            places = data.draw(st.lists(st.integers(0, len(message.text)), max_size=6))
            for start, end in zip([0, *sorted(places)], [*sorted(places), None], strict=True):
                feed.push(replace(message, text=message.text[start:end]))
                if data.draw(st.booleans()):
                    feed.take()
        else:
            feed.push(message)
    feed.take()
    # What was typed is what the whole says, before the whole has come …
    feed.close()
    feed.take()
    assert [event.text for event in feed.events[1:3]] == [clean(text), clean(text)]
    assert feed.events[3].input == expected[3].input
    # … and once it has, nothing tells how it arrived.
    again = fed(prompt("p"), *typed, whole)
    assert again.events == expected


def test_an_attempt_that_was_given_up_stays_and_is_no_longer_typed() -> None:
    feed = fed(
        prompt("p"),
        *live("m1", (DeltaKind.TEXT, "Half an ans")),
        *live("m2", (DeltaKind.TEXT, "A whole")),
        said("m2", "A whole answer"),
    )
    assert [(event.text, event.done) for event in feed.events[1:]] == [
        ("Half an ans", True),
        ("A whole answer", True),
    ]


def test_why_a_run_failed_is_told_once() -> None:
    feed = fed(
        prompt("p"),
        Noted(key="n", what="api error", text="Not logged in", level=Level.ERROR),
        Ended(key="e", ok=False, text="Not logged in"),
        prompt("p2"),
        Ended(key="e2", ok=False, text="Not logged in"),
    )
    results = [event for event in feed.events if isinstance(event, Result)]
    assert [(result.text, result.told) for result in results] == [
        ("Not logged in", True),
        ("Not logged in", False),
    ]


def test_whatever_is_open_is_closed_when_the_run_ends() -> None:
    for end in (
        Ended(key="e", ok=False, text="killed"),
        Noted(key="n", what="interrupted", text="Interrupted", level=Level.WARNING),
        prompt("p2"),
    ):
        feed = fed(
            prompt("p"),
            *live("m", (DeltaKind.TEXT, "Let me"), (DeltaKind.INPUT, '{"command": "ls')),
            call("m", "c9"),
            end,
        )
        text, typed, running, _ = feed.events[1:]
        assert text.done
        assert (typed.state, running.state) == (CallState.FAILED, CallState.FAILED)
        assert running.output == "" and running.ended is None
        feed.push(Answered(call_id="c9", text="came after all", at=1.0))
        feed.take()
        assert feed.events[3].state is CallState.OK


# The same again


def turn(n: int) -> list[Message]:
    return [
        Prompted(turn=f"p{n}", text=f"Prompt {n}", at=n * 10.0),
        said(f"m{n}", "First", "Second"),
        call(f"m{n}", f"c{n}", command="ls"),
        said(f"a{n}", "From the agent", agent=f"c{n}"),
        Answered(call_id=f"c{n}", text="a.py", at=n * 10.0 + 2),
        Noted(key=f"n{n}", what="retry", text="Trying again"),
        said(f"z{n}", "Done"),
        Ended(key=f"e{n}", ok=True),
    ]


def test_a_transcript_read_again_behind_a_live_run_changes_nothing() -> None:
    messages = [*turn(1), *turn(2)]
    feed = fed(*messages)
    expected = list(feed.events)
    for message in messages:
        feed.push(message)
    assert feed.take() is None
    assert feed.events == expected


def test_the_whole_of_a_text_that_was_cut_live_is_no_other_text() -> None:
    long = "word " * 300_000
    feed = fed(prompt("p1"), said("m", f"{long} … 9.0 MB more"), said("m", long * 7))
    assert keys(feed) == ["p1", "m:0"]


def test_reading_again_in_mid_run_does_not_stop_what_runs() -> None:
    feed = fed(*turn(1), prompt("p2"), call("m2", "c2"))
    for message in turn(1):
        feed.push(message)
    assert feed.take() is None
    assert feed.events[-1].state is CallState.RUNNING


def test_a_notice_with_a_known_key_takes_the_place_of_the_old() -> None:
    feed = fed(prompt("p"), Noted(key="r", what="retry", text="1 of 10"), said("m", "Hello"))
    feed.push(Noted(key="r", what="retry", text="2 of 10"))
    assert feed.take() == (0, 1)
    assert isinstance(feed.events[1], Notice) and feed.events[1].text == "2 of 10"


# Subagents


def test_what_a_subagent_says_stands_behind_the_call_that_started_it() -> None:
    feed = fed(
        prompt("p"),
        call("m", "task1", tool="Task"),
        call("m", "task2", tool="Task"),
        Prompted(turn="a-p", text="Look around", agent="task1"),
        said("b", "Second agent", agent="task2"),
        call("a", "inner", tool="Task", agent="task1"),
        said("i", "Deep", agent="inner"),
        said("a2", "First agent", agent="task1"),
    )
    assert [(event.key, event.depth) for event in feed.events] == [
        ("p", 0),
        ("task1", 0),
        ("a-p", 1),
        ("inner", 1),
        ("i:0", 2),
        ("a2:0", 1),
        ("task2", 0),
        ("b:0", 1),
    ]
    assert feed.events[2].number == 0
    feed.push(said("b2", "More", agent="task2"))
    assert feed.take() == (0, 8)
    feed.push(said("a3", "More", agent="task1"))
    assert feed.take() == (0, 6)


def test_an_agents_words_before_its_call_find_their_place_when_it_comes() -> None:
    feed = fed(prompt("p"), said("a", "Early", agent="task"), said("m", "Meanwhile"))
    assert [event.depth for event in feed.events] == [0, 0, 1, 0]
    feed.push(call("m", "task", tool="Task", description="Look"))
    feed.take()
    assert feed.events[1].tool == "Task" and feed.events[1].input == {"description": "Look"}


def test_agents_nested_very_deep_are_laid_out() -> None:
    feed = Feed()
    for n in range(3_000):
        feed.push(call(f"m{n}", f"c{n}", agent=f"c{n - 1}" if n else ""))
    feed.take()
    assert feed.events[-1].depth == 2_999


# The mark of a fork, numbers, and a tail that is filled in from behind


def kinds(feed: Feed) -> list[str]:
    return [
        f"{event.number}" if isinstance(event, Prompt) else type(event).__name__
        for event in feed.events
        if not event.depth
    ]


def test_the_mark_stands_between_the_last_shared_turn_and_the_first_own() -> None:
    feed = fed(*turn(1), *turn(2), *turn(3), mark_after="p2", mark_text="forked from ‹A› turn 2")
    at = next(i for i, event in enumerate(feed.events) if isinstance(event, Mark))
    assert feed.events[at - 1].key == "e2" and feed.events[at + 1].key == "p3"


def test_a_fork_without_own_turns_ends_with_the_mark() -> None:
    feed = fed(*turn(1), mark_after="p1", mark_text="forked")
    assert isinstance(feed.events[-1], Mark)
    feed.push(Noted(key="late", what="compacted", text="Compacted"))
    assert feed.take() == (0, len(feed.events) - 2)
    assert isinstance(feed.events[-1], Mark)


def test_a_mark_with_no_shared_turn_stands_in_front() -> None:
    assert kinds(fed(*turn(1), mark_text="handed over"))[:2] == ["Mark", "1"]


@settings(deadline=None)
@given(
    st.integers(0, 24), st.integers(0, 24), st.sampled_from(["p1", "p2", "p3", None]), st.booleans()
)
def test_a_tail_filled_in_from_behind_is_the_same_as_the_whole(
    one: int, other: int, mark_after: str | None, knows_number: bool
) -> None:
    messages = [*turn(1), *turn(2), *turn(3)]
    first_cut, second_cut = sorted((one, other))
    mark = {"mark_after": mark_after, "mark_text": "forked"}
    whole = fed(*messages, **mark)
    turns_before = sum(
        isinstance(message, Prompted) and not message.agent for message in messages[:second_cut]
    )
    feed = fed(*messages[second_cut:], **mark, first_turn=turns_before + 1 if knows_number else 1)
    feed.put_in_front(feed.head(messages[first_cut:second_cut]))
    feed.take()
    feed.put_in_front(feed.head(messages[:first_cut]))
    feed.take()
    assert feed.events == whole.events
    feed.push(prompt("p4"))
    feed.take()
    assert feed.events[-1].number == 4


def test_filling_in_from_behind_while_a_run_goes_on() -> None:
    feed = fed(*turn(2), prompt("p3"), *live("m3", (DeltaKind.TEXT, "Typing")))
    feed.put_in_front(feed.head(turn(1)))
    feed.push(Delta(message_id="m3", index=0, kind=DeltaKind.TEXT, text=" on"))
    change = feed.take()
    assert change and change.front and change.start == change.front  # p2 has another number
    assert feed.events[-1] == Text(key="m3:0", text="Typing on", done=False)
    assert [event.number for event in feed.events if isinstance(event, Prompt)] == [1, 2, 3]


# Untrusted and unexpected

HOSTILE = "a\x1b]52;c;ZXZpbA==\x07b\u202ec\x00d\x1b[31me"


def test_everything_shown_is_clean() -> None:
    feed = fed(
        Prompted(turn="p", text=HOSTILE, images=(HOSTILE,)),
        Said(
            message_id="m",
            blocks=(
                TextBlock(HOSTILE),
                ThinkingBlock(HOSTILE),
                CallBlock("c", HOSTILE, {HOSTILE: [HOSTILE, {"x": HOSTILE}]}),
            ),
        ),
        Answered(call_id="c", text=HOSTILE, images=(HOSTILE,), details={HOSTILE: HOSTILE}),
        Noted(key="n", what=HOSTILE, text=HOSTILE),
        Ended(key="e", ok=False, text=HOSTILE),
        Started(message_id="t", index=0, kind=DeltaKind.INPUT, name=HOSTILE, call_id="d"),
        Delta(message_id="t", index=0, kind=DeltaKind.INPUT, text='{"a": "\\u001b]52;\\u202e'),
        mark_text=HOSTILE,
    )
    # The JSON text as it came spells the characters out: it holds none.
    assert feed.events[-1].partial.isprintable() and feed.events[-1].input == {"a": "·]52;·"}
    shown = repr(feed.events[:-1])
    assert (
        clean(shown) == shown
        and "\\x00" not in shown
        and "\\x1b" not in shown
        and "\\u202e" not in shown
    )


def test_long_strings_beside_a_result_are_not_kept() -> None:
    long = "x" * (DETAIL_CHARS + 1)
    details = {"stdout": long, "file": {"content": long, "numLines": 1}, "structuredPatch": [1]}
    feed = fed(call("m", "c"), Answered(call_id="c", text=long, details=details))
    assert feed.events[0].output == long
    assert feed.events[0].details == {"file": {"numLines": 1}, "structuredPatch": [1]}


def test_a_long_output_is_kept_whole_in_a_fraction_of_its_room() -> None:
    printed = "".join(f"src/limiter_{n}.py:{n * 7 % 90}: tokens = {n} ⑂\n" for n in range(2_000))
    call_before, *_ = fed(call("m", "c"), Answered(call_id="c", text=printed)).events
    assert isinstance(call_before, ToolCall)
    assert isinstance(call_before.told, Packed)
    assert len(call_before.told.data) < len(printed) / 2
    assert call_before.output == printed
    assert fields(call_before)["output"] == printed


IDS = st.sampled_from(["", "a", "b", "c", "m:0", "mark"])
TEXTS = st.sampled_from(["", "x", '{"k": "', "\x1b[3", "\r"])
MESSAGES = st.one_of(
    st.builds(Prompted, turn=IDS, text=TEXTS, agent=IDS),
    st.builds(
        Said,
        message_id=IDS,
        agent=IDS,
        blocks=st.tuples(
            st.builds(TextBlock, TEXTS)
            | st.builds(ThinkingBlock, TEXTS)
            | st.builds(CallBlock, IDS, TEXTS, st.just({"k": 1}))
        ),
    ),
    st.builds(
        Started,
        message_id=IDS,
        index=st.integers(-1, 3),
        kind=st.sampled_from(DeltaKind),
        name=TEXTS,
        call_id=IDS,
        agent=IDS,
    ),
    st.builds(
        Delta, message_id=IDS, index=st.integers(-1, 3), kind=st.sampled_from(DeltaKind), text=TEXTS
    ),
    st.builds(Answered, call_id=IDS, text=TEXTS, agent=IDS),
    st.builds(Noted, key=IDS, what=st.sampled_from(["interrupted", "x"]), text=TEXTS, agent=IDS),
    st.builds(Ended, key=IDS, ok=st.booleans(), agent=IDS),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(MESSAGES, max_size=8), max_size=4), st.sampled_from([None, "a"]))
def test_nothing_that_comes_in_any_order_raises_and_take_is_right(
    batches: list[list[Message]], mark_after: str | None
) -> None:
    feed = Feed(mark_after=mark_after, mark_text="forked")
    seen: list[Event] = []
    for number, batch in enumerate(batches):
        if number == 2:
            feed.put_in_front(feed.head(batch))
        else:
            for message in batch:
                feed.push(message)
        front, changed = feed.take() or (0, None)
        if changed is None:
            assert feed.events[front:] == seen
        else:
            assert feed.events[front:changed] == seen[: changed - front]
            first = [*feed.events, None][changed], [*seen, None][changed - front]
            assert first[0] is not first[1]
        seen = list(feed.events)


# JSON that has not arrived in full


def test_partial_json_reads_what_is_whole_and_the_string_being_typed() -> None:
    for text, value in (
        ("", {}),
        ("{", {}),
        ('{"a', {}),
        ('{"a": ', {}),
        ('{"a": "b', {"a": "b"}),
        ('{"a": "b\\', {"a": "b"}),
        ('{"a": "b\\\\', {"a": "b\\"}),
        ('{"a": "b\\u00', {"a": "b"}),
        ('{"a": 1', {}),
        ('{"a": 1,', {"a": 1}),
        ('{"a": 1, "b": [{"c": "d"}, {"e": tr', {"a": 1, "b": [{"c": "d"}, {}]}),
        ('{"a": 1, "b": [{"c": "d"}, 2, ', {"a": 1, "b": [{"c": "d"}, 2]}),
        ("[1, 2", {}),
        ('{"a": ' + "[" * 5_000, {"a": None}),
        ("nonsense", {}),
    ):
        read = parse_partial(text)
        if text.endswith("[["):
            assert set(read) == {"a"}
        else:
            assert read == value, text


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=12,
    ),
    st.data(),
)
def test_partial_json_never_raises_and_reads_the_whole(value: object, data: st.DataObject) -> None:
    import json

    text = json.dumps({"v": value, "w": 1}, ensure_ascii=data.draw(st.booleans()))
    assert parse_partial(text) == {"v": value, "w": 1}
    part = parse_partial(text[: data.draw(st.integers(0, len(text)))])
    assert set(part) <= {"v", "w"}


def test_a_long_text_is_cleaned_once() -> None:
    """Counting: the characters that are cleaned grow with the text, not with its square."""
    from sessiontree.model import partial

    counted = 0
    original = partial.clean

    def counting(text: str) -> str:
        nonlocal counted
        counted += len(text)
        return original(text)

    partial.clean = counting
    try:
        feed = fed(prompt("p"))
        for _ in range(2_000):
            feed.push(Delta(message_id="m", index=0, kind=DeltaKind.TEXT, text="x" * 50))
            feed.take()
    finally:
        partial.clean = original
    assert len(feed.events[1].text) == 100_000
    assert counted == 100_000
