"""The page and the part of it that is shown, without a screen: what changes, what stays put, and
how much is laid out for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sessiontree
from sessiontree.claude.transcript.reading import messages
from sessiontree.model.event import Event, Prompt, Text, ToolCall
from sessiontree.model.feed import Feed
from sessiontree.model.message import (
    CallBlock,
    Delta,
    DeltaKind,
    Message,
    Said,
    Started,
    TextBlock,
)
from sessiontree.ui.stream import layout as layout_module
from sessiontree.ui.stream.draw import Frame
from sessiontree.ui.stream.layout import Page
from sessiontree.ui.stream.search import Place, Search
from sessiontree.ui.stream.viewport import Viewport
from tests.stream_samples import first_turn, sample, second_turn, third_turn

FRAME = Frame(60)


def page_of(events: list[Event], frame: Frame = FRAME) -> Page:
    page = Page(frame)
    page.load(events)
    return page


def everything(page: Page) -> list[list[object]]:
    """All rows with the text and styles that each shows."""
    return [
        [(page.layout(i).lines[row.line], row.start, row.end) for row in page.layout(i).rows]
        for i in range(len(page.events))
    ]


def viewport_on(events: list[Event], height: int = 10) -> Viewport:
    viewport = Viewport(page_of(events))
    viewport.resize(height)
    return viewport


def screen(viewport: Viewport) -> list[object]:
    """The rows on the screen."""
    shown: list[object] = []
    page = viewport.page
    for y in range(viewport.top, viewport.top + viewport.height):
        index, number = page.heights.find(y)
        if index < len(page.events):
            row = page.layout(index).rows[number]
            shown.append((page.layout(index).lines[row.line], row.start, row.end))
    return shown


def many(count: int) -> list[Event]:
    return [Text(key=str(n), text=f"Text {n}\n" + "words " * (n % 40)) for n in range(count)]


# The page


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_page_that_grew_is_the_same_as_one_laid_out_at_once(data: st.DataObject) -> None:
    said: list[Message] = [*first_turn(), *second_turn(), *third_turn()]
    start = data.draw(st.integers(0, len(said)), label="the tail begins at")
    feed = Feed(mark_after="p1", mark_text="forked")
    page = page_of(feed.events)

    def take() -> None:
        front, changed = feed.take() or (0, None)
        page.put_in_front(feed.events[:front])
        if changed is not None:
            page.change(changed, feed.events)
        if data.draw(st.booleans()):
            everything(page)

    for message in said[start:]:
        feed.push(message)
        if data.draw(st.booleans()):
            take()
    feed.put_in_front(feed.head(said[:start]))
    take()
    take()
    feed.close()
    take()
    assert page.events == feed.events
    assert everything(page) == everything(page_of(list(feed.events)))
    assert page.heights.total == sum(map(len, everything(page)))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="ab \n`*|-#>", max_size=12), max_size=12), st.integers(20, 60))
def test_a_text_that_is_typed_has_the_rows_of_the_whole(pieces: list[str], width: int) -> None:
    frame = replace(FRAME, width=width)
    page = page_of([], frame)
    text = ""
    for piece in pieces:
        text += piece
        page.change(0, [Text(key="a", text=text, done=False)])
        everything(page)
    whole = Text(key="a", text=text)
    page.change(0, [whole])
    assert everything(page) == everything(page_of([whole], frame))


def test_a_delta_wraps_the_last_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "A line of words that is wrapped into some rows of the page. " * 3
    text = "\n".join([text] * 500)
    page = page_of([Text(key="a", text=text, done=False)])
    page.layout(0)
    wrapped = 0
    original = layout_module.rows_of

    def counting(lines, width, first_line=0):
        nonlocal wrapped
        wrapped += len(lines)
        return original(lines, width, first_line)

    monkeypatch.setattr(layout_module, "rows_of", counting)
    for _ in range(1_000):
        text += "more "
        page.change(0, [Text(key="a", text=text, done=False)])
        page.layout(0)
    assert wrapped <= 1_000


def test_loading_lays_out_nothing_and_showing_the_end_only_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    laid_out = 0
    original = Page._lay_out

    def counting(*arguments):
        nonlocal laid_out
        laid_out += 1
        return original(*arguments)

    monkeypatch.setattr(Page, "_lay_out", counting)
    page = page_of(many(5_000))
    assert laid_out == 0
    viewport = Viewport(page)
    viewport.resize(40)
    assert laid_out <= 2 * 40
    viewport.scroll(0)
    assert laid_out <= 6 * 40


def test_what_is_kept_of_layouts_is_bounded() -> None:
    page = page_of([Text(key=str(n), text="x\n" * 500) for n in range(60)])
    everything(page)
    assert len(page._layouts) < 45


def test_measuring_in_the_background_ends_with_every_height_known() -> None:
    page = page_of(many(800))
    steps = sum(1 for _ in page.measure(400))
    assert page.is_measured and steps > 2
    assert page.heights.total == sum(map(len, everything(page)))


def test_folding_is_kept_when_an_event_changes() -> None:
    feed = sample()
    page = page_of(feed.events)
    index = next(i for i, event in enumerate(page.events) if event.key == "b")
    folded = len(page.layout(index).rows)
    page.toggle(index)
    page.change(index, [replace(event) for event in page.events])
    assert page.is_unfolded(index) and len(page.layout(index).rows) > folded


# What is shown of it


def test_the_end_is_shown_and_followed() -> None:
    events = many(100)
    viewport = viewport_on(events)
    before = screen(viewport)
    viewport.changed(100, viewport.page.change(100, many(101)))
    viewport.place()
    assert viewport.top == viewport.bottom and screen(viewport) != before
    assert viewport.new_below == 0


def test_away_from_the_end_nothing_moves_when_more_comes_in() -> None:
    viewport = viewport_on(many(100))
    viewport.scroll(viewport.top - 5)
    before = screen(viewport)
    for known, count in ((100, 101), (101, 103)):
        viewport.changed(known, viewport.page.change(known, many(count)))
        viewport.place()
    assert screen(viewport) == before and viewport.new_below == 3 and not viewport.follow
    viewport.scroll(viewport.bottom)
    assert viewport.follow and viewport.new_below == 0


def test_what_is_put_in_front_does_not_move_what_is_read() -> None:
    tail = [Text(key=f"t{n}", text=f"Tail {n}") for n in range(60)]
    viewport = viewport_on(tail)
    viewport.scroll(viewport.top - 20)
    viewport.move(down=True)
    viewport.move(down=False)
    before, cursor = screen(viewport), viewport.page.events[viewport.cursor or 0]
    viewport.changed(0, viewport.page.change(0, [*many(500), *tail]))
    viewport.place()
    assert screen(viewport) == before and viewport.new_below == 0
    assert viewport.page.events[viewport.cursor or 0] is cursor


def test_a_page_up_over_what_was_never_measured_shows_what_comes_before() -> None:
    viewport = viewport_on(many(400), height=12)
    everything_there = list(chain.from_iterable(everything(page_of(many(400)))))
    at = len(everything_there) - 12
    for _ in range(40):
        assert screen(viewport) == everything_there[at : at + 12]
        viewport.scroll(viewport.top - 10)
        at = max(0, at - 10)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_the_part_that_is_shown_is_always_on_the_page(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 60))
    viewport = viewport_on(many(count), height=data.draw(st.integers(1, 30)))
    page = viewport.page
    steps = st.sampled_from(
        ["scroll", "append", "prepend", "resize", "width", "move", "toggle", "show"]
    )
    for step in data.draw(st.lists(steps, max_size=12)):
        if step == "scroll":
            viewport.scroll(viewport.top + data.draw(st.integers(-50, 50)))
        elif step == "append":
            events = [*page.events, Text(key=f"new{len(page.events)}", text="new\nnew")]
            viewport.changed(len(events) - 1, page.change(len(events) - 1, events))
            viewport.place()
        elif step == "prepend":
            events = [Text(key=f"old{len(page.events)}", text="old"), *page.events]
            viewport.changed(0, page.change(0, events))
            viewport.place()
        elif step == "resize":
            viewport.resize(data.draw(st.integers(1, 40)))
        elif step == "width":
            page.set_frame(replace(page.frame, width=data.draw(st.integers(20, 90))))
            viewport.place()
        elif step == "move":
            viewport.move(down=data.draw(st.booleans()))
        elif page.events:
            index = data.draw(st.integers(0, len(page.events) - 1))
            (viewport.toggle if step == "toggle" else viewport.show)(index)
        assert 0 <= viewport.top == min(viewport.top, viewport.bottom)
        assert not viewport.follow or viewport.top == viewport.bottom
        assert viewport.cursor is None or 0 <= viewport.cursor < len(page.events)
        assert len(screen(viewport)) == min(viewport.height, page.heights.total)


def test_the_cursor_goes_from_event_to_event_and_through_long_ones() -> None:
    events = [
        Text(key="a", text="a"),
        Text(key="b", text="\n".join(f"b{n}" for n in range(40))),
        Text(key="c", text="c"),
    ]
    viewport = viewport_on(events, height=10)
    viewport.scroll(0)
    viewport.cursor = 0
    seen = []
    for _ in range(8):
        viewport.move(down=True)
        seen.append((viewport.cursor, viewport.top))
    assert [cursor for cursor, _ in seen] == [1, 1, 1, 1, 1, 2, 2, 2]
    assert [top for _, top in seen] == sorted(top for _, top in seen)
    for _ in range(8):
        viewport.move(down=False)
    assert (viewport.cursor, viewport.top) == (0, 0)


def test_prompts_are_found_from_the_cursor_or_the_top() -> None:
    viewport = viewport_on(sample().events)
    prompts = [i for i, e in enumerate(viewport.page.events) if isinstance(e, Prompt) and e.number]
    assert viewport.prompt(forward=False) == prompts[-1]
    viewport.show(prompts[-1])
    assert viewport.prompt(forward=False) == prompts[-2]
    viewport.show(prompts[0])
    assert viewport.prompt(forward=True) == prompts[1] and viewport.prompt(forward=False) is None


# Search


def hits_of(search: Search) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while (place := step(search)) and (place.event, place.ordinal) not in found:
        found.append((place.event, place.ordinal))
    return found


def step(search: Search, forward: bool = True) -> Place | None:
    for _ in search.step(forward, 0):
        pass
    return search.place


def test_a_search_goes_round_all_hits_and_counts_them() -> None:
    events = [
        Text(key=str(n), text="no hit" if n % 3 else f"a hit and a HIT {n}") for n in range(30)
    ]
    search = Search(page_of(events), "a hit")
    assert hits_of(search) == [(n, o) for n in range(0, 30, 3) for o in (0, 1)]
    assert not search.found.counted
    assert list(search.count()) == []
    assert (search.found.position, search.found.total, search.found.counted) == (1, 20, True)
    assert step(search, forward=False) and search.found.position == 20


def test_capitals_in_a_query_count() -> None:
    events: list[Event] = [Text(key="a", text="a hit and a HIT")]
    assert len(hits_of(Search(page_of(events), "HIT"))) == 1


def test_a_hit_in_what_is_folded_unfolds_it() -> None:
    output = "\n".join(f"line {n}" for n in range(100))
    page = page_of([ToolCall(key="c", tool="Bash", input={"command": "seq"}, told=output)])
    search = Search(page, "line 50")
    place = step(search)
    assert place and page.is_unfolded(0)
    assert page.layout(0).lines[place.line].text == "line 50"


def test_a_hit_on_what_is_seen_leaves_it_folded() -> None:
    output = "\n".join(f"line {n}" for n in range(100))
    page = page_of([ToolCall(key="c", tool="Bash", input={"command": "seq 100"}, told=output)])
    assert step(Search(page, "seq")) and not page.is_unfolded(0)


def test_a_search_goes_on_while_events_come_in() -> None:
    page = page_of([Text(key="a", text="hit")])
    search = Search(page, "hit")
    step(search)
    list(search.count())
    page.change(1, [*page.events, Text(key="b", text="hit hit")])
    search.changed(1)
    assert not search.found.counted
    list(search.count())
    assert search.found.total == 3 and search.found.position == 1


def test_before_and_after_counting_the_next_hit_is_the_same() -> None:
    events: list[Event] = [Text(key=str(n), text="hit" * (n % 3 == 0)) for n in range(20)]
    for forward in (True, False):
        for start in range(20):
            seeking, knowing = Search(page_of(events), "hit"), Search(page_of(events), "hit")
            list(knowing.count())
            for search in (seeking, knowing):
                list(search.step(forward, start))
            assert seeking.place == knowing.place and seeking.place


def test_a_long_search_lets_others_have_their_turn() -> None:
    events: list[Event] = [Text(key=str(n), text="x" * 1_000_000) for n in range(20)]
    search = Search(page_of(events), "no such")
    assert sum(1 for _ in search.step(True, 0)) >= 6
    assert sum(1 for _ in search.count()) >= 6


def test_nothing_found() -> None:
    search = Search(page_of([]), "x")
    assert step(search) is None and search.found.total == 0


def test_counting_lays_out_only_what_has_a_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    events = many(3_000)
    page = page_of(events)
    laid_out = 0
    original = Page._lay_out

    def counting(*arguments):
        nonlocal laid_out
        laid_out += 1
        return original(*arguments)

    monkeypatch.setattr(Page, "_lay_out", counting)
    search = Search(page, "text 1234")
    list(search.count())
    assert search.found.total == 1 and laid_out == 1


# Recorded runs

TRANSCRIPTS = sorted(
    (Path(sessiontree.__file__).parent / "demo/forest/transcripts").glob("*.jsonl")
)


def as_typed(message: Message, step: int) -> Iterator[Message]:
    """A whole message as a run sends it: each block begins, comes in pieces, and is then whole."""
    if not isinstance(message, Said):
        yield message
        return
    for index, block in enumerate(message.blocks):
        kind, text, name, call_id = DeltaKind.TEXT, "", "", ""
        if isinstance(block, CallBlock):
            kind, name, call_id = DeltaKind.INPUT, block.name, block.id
            text = json.dumps(dict(block.input))
        else:
            kind = DeltaKind.TEXT if isinstance(block, TextBlock) else DeltaKind.THINKING
            text = block.text
        which = {"message_id": message.message_id, "index": index, "agent": message.agent}
        yield Started(**which, kind=kind, name=name, call_id=call_id)
        for start in range(0, len(text), step):
            yield Delta(**which, kind=kind, text=text[start : start + step])
        yield replace(message, blocks=(block,))


def one_message_each(messages: list[Message]) -> list[Message]:
    """A transcript has a line for each block: those of one API message joined again."""
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        is_more = (
            isinstance(message, Said)
            and isinstance(last, Said)
            and (message.message_id, message.agent) == (last.message_id, last.agent)
        )
        if is_more:
            message = replace(last, blocks=last.blocks + message.blocks)
            joined.pop()
        joined.append(message)
    return joined


def timeless(feed: Feed) -> list[Event]:
    """Its events without when they came and how long they took."""
    return [
        replace(event, at=None, **({"seconds": None} if hasattr(event, "seconds") else {}))
        for event in feed.events
    ]


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem[:8])
@pytest.mark.parametrize("step", [11])
def test_a_recorded_run_reads_the_same_typed_and_afterwards(transcript: Path, step: int) -> None:
    recorded = list(messages(transcript))
    afterwards, live = Feed(), Feed()
    for message in recorded:
        afterwards.push(message)
    afterwards.take()
    afterwards.close()
    afterwards.take()
    page = page_of(live.events)
    for message in one_message_each(recorded):
        for piece in as_typed(message, step):
            live.push(piece)
            changed = live.take()
            if changed and changed.start is not None:
                page.change(changed.start, live.events)
                page.layout(len(page.events) - 1)
    live.close()
    changed = live.take()
    if changed and changed.start is not None:
        page.change(changed.start, live.events)

    assert len(afterwards.events) > 3 and timeless(live) == timeless(afterwards)
    assert everything(page) == everything(page_of(list(live.events)))


@pytest.mark.parametrize("transcript", TRANSCRIPTS[:4], ids=lambda path: path.stem[:8])
def test_a_transcript_read_from_its_end_reads_as_from_its_beginning(transcript: Path) -> None:
    """Cut anywhere, also within a message of the API."""
    recorded = list(messages(transcript))
    whole = Feed()
    for message in recorded:
        whole.push(message)
    whole.take()
    for cut in range(1, len(recorded)):
        feed = Feed()
        for message in recorded[cut:]:
            feed.push(message)
        feed.take()
        feed.put_in_front(feed.head(recorded[:cut]))
        feed.take()
        assert timeless(feed) == timeless(whole), cut
