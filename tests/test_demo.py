"""The demo's Messages API, its scenes and its forest, against the real Claude Code CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    PermissionResultAllow,
    ResultMessage,
)

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Drop, Failure, Hold, Reply, say
from tests.api import ClaudePlace

pytestmark = pytest.mark.anyio


async def ask(place: ClaudePlace, prompt: str, **more: Any) -> ResultMessage:
    """One turn of the real CLI; every tool call is allowed unless `more` says otherwise."""

    async def allow(tool: str, given: dict[str, Any], context: object) -> PermissionResultAllow:
        return PermissionResultAllow()

    options = ClaudeAgentOptions(
        cwd=place.cwd,
        env=dict(place.env),
        system_prompt={"type": "preset", "preset": "claude_code"},
        setting_sources=["user"],
        **{"can_use_tool": allow, **more},
    )
    async with ClaudeSDKClient(options) as client:
        await client.query(prompt)
        messages = [message async for message in client.receive_response()]
    result = messages[-1]
    assert isinstance(result, ResultMessage)
    return result


async def test_the_cli_is_answered_by_the_script(api: MessagesApi, place: ClaudePlace) -> None:
    result = await ask(place, "Hello there")
    assert result.result == "Answer to: Hello there"
    assert [request.prompt for request in api.requests] == ["Hello there"]
    assert list(place.config_dir.glob("projects/*/*.jsonl"))


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Failure(401, "invalid x-api-key"), "Invalid API key"),
        (Failure(429, "Too many", headers={"retry-after": "1"}), "429"),
        (Failure(529, "Overloaded"), "529 Overloaded"),
        (say(Drop()), "Connection dropped"),
        (say("Half of", Drop()), "API Error"),
        (say("Half of", Failure(529, "Overloaded")), "Overloaded"),
    ],
)
async def test_a_failure_reaches_the_cli_as_one(
    api: MessagesApi, place: ClaudePlace, reply: Reply | Failure, told: str
) -> None:
    api.script = lambda request: reply
    result = await ask(place, "Hello")
    assert result.is_error
    assert told in str(result.result)


def test_stopping_waits_for_nobody(tmp_path: Path) -> None:
    import http.client

    body = b'{"stream": true, "tools": [{}], "messages": [{"role": "user", "content": "Hi"}]}'
    with MessagesApi(lambda request: say("Half", Hold())) as api:
        caller = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
        caller.request("POST", "/v1/messages", body)
        response = caller.getresponse()
        assert response.readline() == b"event: message_start\n"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    caller.close()


def test_what_a_script_raises_fails_its_test() -> None:
    import http.client

    def script(request: object) -> Reply:
        raise LookupError("no scene")

    with pytest.raises(LookupError, match="no scene"), MessagesApi(script) as api:
        caller = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
        caller.request("POST", "/v1/messages", b'{"tools": [{}]}')
        assert caller.getresponse().status == 500
        caller.close()
