"""A long run of the real Claude Code, as it is heard live and as its transcript is read later."""

from __future__ import annotations

from collections import Counter

import pytest

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Reply, Thinking, ToolUse, say
from sessiontree.demo.request import Request
from sessiontree.model.event import CallState, Event, Prompt, Result, Text, ToolCall
from sessiontree.model.event import Thinking as Thought
from sessiontree.model.run import Allow
from tests.api import ClaudePlace
from tests.app import Hands, config_of, hands_on

pytestmark = pytest.mark.anyio

STEPS = 48
WORDS = "The bucket gains a token a second, **never** more than `size` of them; 漢字 and 🪣 too.\n"


def work(request: Request) -> Reply:
    """Thinks, says and does something of each kind, again and again."""
    step = len(request.asked.steps)
    if step == STEPS:
        return say(f"All {STEPS} steps are done.\n\n" + WORDS * 30)
    file = f"step{step // 4}.py"
    before = f'LIMIT = {step - 2}\nNAME = "a step"\n'
    calls = (
        ToolUse("Write", {"file_path": file, "content": f'LIMIT = {step}\nNAME = "a step"\n'}),
        ToolUse("Read", {"file_path": file}),
        ToolUse("Edit", {"file_path": file, "old_string": before, "new_string": "LIMIT = 0\n"}),
        ToolUse("Bash", {"command": f"seq {step * 40}; echo bad >&2; exit {step % 8 // 4}"}),
    )
    said = [f"Step {step}.\n\n" + WORDS * (step % 7)] if step % 3 else []
    return say(Thinking(f"What is step {step}? " * (step % 5 + 1)), *said, calls[step % 4])


def told(events: list[Event]) -> list[tuple[object, ...]]:
    """What a person reads, without what only one side knows: times, and that a run is over."""
    found: list[tuple[object, ...]] = []
    for event in events:
        match event:
            case Prompt() | Text() | Thought():
                found.append((type(event).__name__, event.text))
            case ToolCall():
                found.append((event.tool, event.input, event.state, event.output))
            case Result():
                pass
            case _:
                found.append((type(event).__name__, getattr(event, "text", "")))
    return found


async def allow_all(hands: Hands, session: str) -> None:
    """Answer what is asked until the run is over."""

    def over() -> bool:
        for run, ask in hands.engine.asks():
            hands.engine.answer(run, ask, Allow())
        return hands.engine.run_of(session) is None

    await hands.until(over, seconds=120)


async def test_what_was_heard_live_is_what_is_read_later(
    place: ClaudePlace, api: MessagesApi
) -> None:
    api.script = work
    async with hands_on(config_of(place)) as hands:
        await hands.press("n", "shift+tab")  # accepts edits
        await hands.send("Do all steps")
        session = str(await hands.until(lambda: hands.selected[0]))
        await allow_all(hands, session)
        await hands.idle()
        opened = hands.engine.streams.opened
        assert opened is not None
        live = list(opened.feed.events)
        assert isinstance(live[-1], Result) and live[-1].ok
        assert hands.main.stream.follow and hands.main.stream.page.events == live

        again = hands.engine.streams.open(session)
        await hands.until(lambda: again.whole)
        again.feed.take()
        assert told(again.feed.events) == told(live)
        states = Counter(event.state for event in live if isinstance(event, ToolCall))
        assert states == {CallState.OK: STEPS - STEPS // 8, CallState.FAILED: STEPS // 8}
        texts = [event.text for event in live if isinstance(event, Text)]
        assert texts[-1].count(WORDS.strip()) == 30
