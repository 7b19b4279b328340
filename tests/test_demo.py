"""The demo, against the real Claude Code CLI: its Messages API, its scenes, its forest."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    PermissionResultAllow,
    PermissionResultDeny,
    ResultMessage,
    StreamEvent,
)

from sessiontree.demo.api import MessagesApi, demo_env
from sessiontree.demo.bottle import named_uuid
from sessiontree.demo.place import FOREST, DemoPlace, prepare
from sessiontree.demo.record import FOREST as LINES
from sessiontree.demo.reply import Drop, Failure, Hold, Reply, Text, Thinking, ToolUse, say
from sessiontree.demo.request import Request, prompt_of
from sessiontree.demo.scenes import SUGGESTIONS, arms, at_length, limiter, next_steps, script, ways
from tests.api import ClaudePlace

pytestmark = pytest.mark.anyio

Decide = Callable[[str, dict[str, Any]], PermissionResultAllow | PermissionResultDeny]


def allow(tool: str, given: dict[str, Any]) -> PermissionResultAllow:
    if tool != "AskUserQuestion":
        return PermissionResultAllow()
    answers = {asked["question"]: asked["options"][0]["label"] for asked in given["questions"]}
    return PermissionResultAllow(updated_input={**given, "answers": answers})


def options(place: ClaudePlace, decide: Decide = allow, **more: Any) -> ClaudeAgentOptions:
    async def can_use_tool(tool: str, given: dict[str, Any], context: object) -> Any:
        return decide(tool, given)

    return ClaudeAgentOptions(
        cwd=place.cwd,
        env=dict(place.env),
        system_prompt={"type": "preset", "preset": "claude_code"},
        setting_sources=["user"],
        permission_mode="default",
        can_use_tool=can_use_tool,
        **more,
    )


async def ask(
    place: ClaudePlace, prompt: str, decide: Decide = allow, **more: Any
) -> ResultMessage:
    """One turn of the real CLI."""
    async with ClaudeSDKClient(options(place, decide, **more)) as client:
        await client.query(prompt)
        messages = [message async for message in client.receive_response()]
    result = messages[-1]
    assert isinstance(result, ResultMessage)
    return result


# The Messages API


async def test_the_cli_is_answered_by_the_script(api: MessagesApi, place: ClaudePlace) -> None:
    result = await ask(place, "Hello there")
    assert result.result == "Answer to: Hello there"
    assert [request.prompt for request in api.requests] == ["Hello there"]
    assert list(place.config_dir.glob("projects/*/*.jsonl"))


async def test_a_tool_is_called_and_its_result_comes_back(
    api: MessagesApi, place: ClaudePlace
) -> None:
    asked: list[str] = []

    def tool_first(request: Request) -> Reply:
        if request.asked.steps:
            return say("Done.")
        target = str(place.cwd / "note.txt")
        return say(
            Thinking("It has to be written down."),
            "I write it down.",
            ToolUse("Write", {"file_path": target, "content": "Buy milk\n"}),
            ToolUse("Bash", {"command": "cat missing", "description": "Look for it"}),
        )

    def decide(tool: str, given: dict[str, Any]) -> PermissionResultAllow:
        asked.append(tool)
        return PermissionResultAllow()

    api.script = tool_first
    result = await ask(place, "Remember the milk", decide)

    assert result.result == "Done."
    assert (place.cwd / "note.txt").read_text() == "Buy milk\n"
    assert asked == ["Write"]  # reading needs no leave
    written, missing = api.requests[-1].asked.results
    assert (written.name, written.is_error) == ("Write", False)
    assert (missing.name, missing.is_error, missing.denied) == ("Bash", True, False)
    lines = next(place.config_dir.glob("projects/*/*.jsonl")).read_text()
    assert '"thinking":"It has to be written down."' in lines


FAILURES = (
    (Failure(401, "invalid x-api-key"), "Invalid API key"),
    (Failure(429, "Too many", headers={"retry-after": "1"}), "429"),
    (Failure(529, "Overloaded"), "529 Overloaded"),
    (say(Drop()), "Connection dropped"),
    (say("Half of", Drop()), "API Error"),
    (say("Half of", Failure(529, "Overloaded")), "Overloaded"),
)


async def test_failures_reach_the_cli_as_what_they_are(
    api: MessagesApi, place: ClaudePlace
) -> None:
    api.script = lambda request: FAILURES[int(request.prompt)][0]
    async with ClaudeSDKClient(options(place)) as client:
        for number, (_, told) in enumerate(FAILURES):
            await client.query(str(number))
            *_, result = [message async for message in client.receive_response()]
            assert isinstance(result, ResultMessage)
            assert result.is_error
            assert told in str(result.result)


async def test_a_held_reply_can_be_interrupted_and_another_released(
    api: MessagesApi, place: ClaudePlace
) -> None:
    api.script = lambda request: say("Half of it", Hold(), "and the rest")
    async with ClaudeSDKClient(options(place, include_partial_messages=True)) as client:
        for prompt, act in (("First", client.interrupt), ("Second", release(api))):
            await client.query(prompt)
            async for message in client.receive_response():
                if isinstance(message, StreamEvent) and "of" in str(message.event.get("delta")):
                    await act()
            assert isinstance(message, ResultMessage)
            assert message.is_error == (prompt == "First")
    assert [request.prompt for request in api.requests] == ["First", "Second"]
    assert message.result == "and the rest"


def release(api: MessagesApi) -> Callable[[], Any]:
    async def act() -> None:
        api.release()

    return act


async def test_compacting_is_not_a_scene(api: MessagesApi, place: ClaudePlace) -> None:
    async with ClaudeSDKClient(options(place)) as client:
        for prompt in ("Remember the milk", "/compact", "And now?"):
            await client.query(prompt)
            results = [message async for message in client.receive_response()]
            assert not results[-1].is_error
    assert [request.prompt for request in api.requests] == ["Remember the milk", "And now?"]
    assert "one after the other:\\n- Remember the milk" in json.dumps(api.requests[-1].body)


async def test_the_persons_own_shell_does_not_lead_it_away(
    api: MessagesApi, place: ClaudePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CLAUDE_CODE_USE_BEDROCK", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    led = replace(place, env=demo_env(api.url, place.config_dir, retries=0))
    assert (await ask(led, "Hello")).result == "Answer to: Hello"


def test_the_typed_prompt_is_found_among_what_the_cli_adds() -> None:
    reminder = "<system-reminder>\nBe nice.\n</system-reminder>"
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "ok"}
    body = {
        "messages": [
            {"role": "user", "content": [text(reminder), text("First")]},
            {"role": "system", "content": "You are in a folder."},
            {"role": "assistant", "content": [text("Half")]},
            {"role": "user", "content": [text("[Request interrupted by user]"), text("Second")]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result, text(reminder)]},
            {"role": "system", "content": "Take your time."},
        ]
    }
    prompt = prompt_of(body)
    assert (prompt.text, prompt.earlier) == ("Second", ("First",))
    assert [(found.name, found.text) for found in prompt.results] == [("Bash", "ok")]


def text(content: str) -> dict[str, str]:
    return {"type": "text", "text": content}


def call(api: MessagesApi, method: str, path: str, body: bytes = b"") -> http.client.HTTPResponse:
    caller = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
    caller.request(method, path, body)
    return caller.getresponse()


def test_other_requests_are_answered_sensibly(api: MessagesApi) -> None:
    assert call(api, "HEAD", "/").status == 200
    assert call(api, "GET", "/v1/models").status == 404
    assert call(api, "POST", "/v1/messages", b"{").status == 400
    assert call(api, "POST", "/v1/messages", b"[]").status == 400
    counted = call(api, "POST", "/v1/messages/count_tokens", b'{"messages": []}')
    assert json.loads(counted.read())["input_tokens"] > 0
    title = b'{"messages": [{"role": "user", "content": "A title, please"}]}'
    said = json.loads(call(api, "POST", "/v1/messages", title).read())
    assert said["content"][0]["text"] == "A title, please"
    assert api.requests == []


def test_stopping_waits_for_nobody() -> None:
    body = b'{"stream": true, "tools": [{}], "messages": [{"role": "user", "content": "Hi"}]}'
    with MessagesApi(lambda request: say("Half", Hold())) as api:
        response = call(api, "POST", "/v1/messages", body)
        assert response.readline() == b"event: message_start\n"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()


def test_it_can_be_stopped_before_it_has_begun() -> None:
    with MessagesApi(lambda request: say("Never asked")) as api:
        assert api.url.startswith("http://127.0.0.1:")


def test_what_a_script_raises_fails_its_test() -> None:
    def broken(request: Request) -> Reply:
        raise LookupError("no scene")

    with pytest.raises(LookupError, match="no scene"), MessagesApi(broken) as api:
        assert call(api, "POST", "/v1/messages", b'{"tools": [{}]}').status == 500


# The place


@pytest.fixture
def demo(tmp_path: Path) -> DemoPlace:
    return prepare(tmp_path / "demo", time.time())


def of(demo: DemoPlace, api: MessagesApi) -> ClaudePlace:
    return ClaudePlace(demo.claude, demo.workspace, demo.env(api.url))


def transcripts(demo: DemoPlace) -> dict[str, list[dict[str, Any]]]:
    """The entries of each session, by its id."""
    return {
        path.stem: [json.loads(line) for line in path.read_text().splitlines()]
        for path in demo.claude.glob("projects/*/*.jsonl")
    }


def typed(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        entry
        for entry in entries
        if entry["type"] == "user" and isinstance(entry["message"]["content"], str)
    ]


def test_the_forest_is_laid_out_as_if_it_had_just_grown(tmp_path: Path) -> None:
    now = 1_900_000_000.0
    demo = prepare(tmp_path / "demo", now)
    sessions = transcripts(demo)
    assert set(sessions) == {named_uuid(line.name) for line in LINES}
    for line in LINES:
        entries = sessions[named_uuid(line.name)]
        own = [entry["message"]["content"] for entry in typed(entries)][line.after :]
        assert own == [take.prompt for take in line.takes]
        assert {entry["cwd"] for entry in entries if "cwd" in entry} == {str(demo.workspace)}
    times = re.findall(r'"timestamp": "(.{19})', json.dumps(sessions))
    assert time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - 3600)) < max(times)
    assert max(times) < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    assert "from limiter import Limiter" in (demo.workspace / "notes.py").read_text()


def test_a_demo_that_was_kept_is_left_as_it_is(demo: DemoPlace) -> None:
    (demo.workspace / "notes.py").write_text("mine\n")
    assert prepare(demo.folder, time.time()) == demo
    assert (demo.workspace / "notes.py").read_text() == "mine\n"


def test_a_folder_of_somebody_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "claude").mkdir()
    with pytest.raises(FileExistsError, match="not empty"):
        prepare(tmp_path, time.time())
    assert [path.name for path in tmp_path.iterdir()] == ["claude"]


def test_nothing_in_the_forest_tells_of_the_machine_it_grew_on() -> None:
    for path in FOREST.rglob("*.json*"):
        content = path.read_text()
        assert not re.findall(r"/(?:home|root|Users|tmp|private|var|opt|work)\b[^\"\s]*", content)
        dates = set(re.findall(r'"(\d{4})-\d\d-\d\dT', content))
        assert dates <= {"1999"}, "times count backwards from the year 2000"


# The forest and the scenes


async def test_every_recorded_session_can_be_continued_and_forked(demo: DemoPlace) -> None:
    before = transcripts(demo)
    limit = anyio.CapacityLimiter(2)
    with MessagesApi(script(demo.workspace)) as api:

        async def try_out(session: str) -> None:
            entries = before[session]
            prompts = [entry["message"]["content"] for entry in typed(entries)]
            async with limit:
                fork = await ask(
                    of(demo, api),
                    f"Fork of {session}",
                    resume=session,
                    fork_session=True,
                    resume_session_at=last_of_first_turn(entries),
                )
                assert not fork.is_error
                assert fork.session_id != session
                further = await ask(of(demo, api), f"More of {session}", resume=session)
                assert not further.is_error
                assert further.session_id == session
            earlier = {request.prompt: list(request.asked.earlier) for request in api.requests}
            assert earlier[f"Fork of {session}"] == prompts[:1]
            assert earlier[f"More of {session}"] == prompts

        async with anyio.create_task_group() as group:
            for session in before:
                group.start_soon(try_out, session)
    after = transcripts(demo)
    assert len(after) == 2 * len(before)
    for session, entries in before.items():
        assert after[session][: len(entries)] == entries


def last_of_first_turn(entries: list[dict[str, Any]]) -> str:
    """The uuid of the last line before the second prompt."""
    chain = [entry for entry in entries if entry["type"] in ("user", "assistant")]
    second = typed(entries)[1:2]
    return str(chain[chain.index(second[0]) - 1 if second else -1]["uuid"])


WRITES = {
    next_steps.RETRY_AFTER: "retry.py",
    "Try a leaky bucket instead": "leaky_bucket.py",
    next_steps.PLAN: "limits.py",
    arms.LIMITS: "limits.toml",
    "Try a sliding window instead": "sliding_window.py",
    arms.THREADS: "test_threads.py",
}


@pytest.mark.parametrize(
    "prompt", list(dict.fromkeys([*(each.prompt for each in SUGGESTIONS), *WRITES]))
)
async def test_a_scene_does_what_it_says(demo: DemoPlace, prompt: str) -> None:
    files = {path.name for path in demo.workspace.iterdir()}
    with MessagesApi(script(demo.workspace)) as api:
        place = replace(of(demo, api), env=demo_env(api.url, demo.claude, retries=0))
        result = await ask(place, prompt, resume=named_uuid("limiter"))
        if prompt == arms.SQLITE:
            assert "529 Overloaded" in str(result.result)
            result = await ask(place, "Try again", resume=named_uuid("limiter"))
    assert not result.is_error
    assert "15 let through" in str(result.result) or prompt != arms.SQLITE
    for sorry in ("I stop here rather", "I stop here; the output", "could not do", "no scene"):
        assert sorry not in str(result.result)
    written = {path.name for path in demo.workspace.iterdir()} - files - {"__pycache__"}
    assert WRITES.get(prompt) is None or WRITES[prompt] in written


async def test_what_is_denied_is_not_done(demo: DemoPlace) -> None:
    def refuse(tool: str, given: dict[str, Any]) -> PermissionResultDeny:
        return PermissionResultDeny(message="Not in this project.")

    with MessagesApi(script(demo.workspace)) as api:
        result = await ask(of(demo, api), next_steps.RETRY_AFTER, refuse)
    assert "Not in this project." in str(result.result)
    assert not (demo.workspace / "retry.py").exists()


async def test_what_is_done_already_is_not_done_again(demo: DemoPlace) -> None:
    before = (demo.workspace / "notes.py").read_text()
    with MessagesApi(script(demo.workspace)) as api:
        used = await ask(of(demo, api), limiter.USE)
        rewritten = await ask(of(demo, api), limiter.WRITE)
    assert "takes a limiter already" in str(used.result)
    assert (demo.workspace / "notes.py").read_text() == before
    assert "all passing" in str(rewritten.result)
    assert (demo.workspace / "limiter.py").read_text() == limiter.LIMITER


def test_several_models_suggest_several_names(demo: DemoPlace) -> None:
    names = set()
    for model in ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"):
        body = {"model": model, "messages": [{"role": "user", "content": next_steps.NAME}]}
        reply = script(demo.workspace)(Request(body, {"x-claude-code-session-id": model}))
        assert isinstance(reply, Reply)
        (text,) = reply.blocks
        assert isinstance(text, Text) and model in text.text
        names.add(text.text.split("**")[1])
    assert len(names) == 3


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (
            f"{ways.WRITE_IT}\n\nThis goes on from the session ‹opus · Drop them›, which ended "
            "with:\n\nLike this:\n\n```python\nprint(1)\n```",
            "`sweep.py` is there",
        ),
        ("\n\nThis goes on from the session ‹Draw it›, which ended with:\n\nA chart.", "‹Draw it›"),
        ("From the branch ‹Draw it›: \n\nIt ended with:\n\nA chart.", "branch ‹Draw it› came to"),
        (ways.WRITE_IT, "nothing came along"),
    ],
)
async def test_what_is_brought_from_another_session_is_seen(
    demo: DemoPlace, prompt: str, said: str
) -> None:
    with MessagesApi(script(demo.workspace)) as api:
        result = await ask(of(demo, api), prompt)
    assert said in str(result.result)
    written = demo.workspace / "sweep.py"
    assert written.exists() is ("```" in prompt)
    assert "```" not in prompt or written.read_text() == "print(1)\n"


def test_several_models_drop_them_in_several_ways(demo: DemoPlace) -> None:
    written = set()
    for model in ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"):
        body = {"model": model, "messages": [{"role": "user", "content": ways.DROP}]}
        reply = script(demo.workspace)(Request(body, {}))
        assert isinstance(reply, Reply)
        (text,) = (block.text for block in reply.blocks if isinstance(block, Text))
        code = text.split("```python\n")[1].split("```")[0]
        compile(code, "sweep.py", "exec")
        written.add(code)
    assert len(written) == 3


async def test_a_prompt_without_a_scene_gets_an_honest_answer(demo: DemoPlace) -> None:
    with MessagesApi(script(demo.workspace)) as api:
        result = await ask(of(demo, api), "Translate it into Rust", resume=named_uuid("login"))
    answer = str(result.result)
    assert "2 earlier prompts, the first of them “Fix the flaky login test”" in answer
    assert sum(f"- {each.prompt}" in answer for each in SUGGESTIONS) >= 2


def test_every_reply_reads_as_one_paragraph_a_line() -> None:
    for prompt in (at_length.LONG, limiter.DESIGN):
        request = Request({"messages": [{"role": "user", "content": prompt}]}, {})
        reply = script(Path("/"))(request)
        assert isinstance(reply, Reply)
        for block in reply.blocks:
            if isinstance(block, Text):
                assert "    " not in block.text.split("```")[0]
