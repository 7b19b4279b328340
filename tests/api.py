"""Fixtures for tests that run the real Claude Code CLI against the Messages API on loopback.

    async def test_something(api: MessagesApi, place: ClaudePlace) -> None:
        api.script = lambda request: say(f"You said {request.prompt}")   # or leave it
        options = ClaudeAgentOptions(cwd=place.cwd, env=place.env, …)
        …
        assert [request.prompt for request in api.requests] == ["Hello"]

An async test carries `@pytest.mark.anyio` (or its module `pytestmark = pytest.mark.anyio`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sessiontree.demo.api import MessagesApi, demo_env
from sessiontree.demo.reply import Reply, say
from sessiontree.demo.request import Request


@dataclass(frozen=True)
class ClaudePlace:
    """A Claude Code of a test's own: its configuration, a project folder and the environment
    that makes it talk to the test's API (without retries)."""

    config_dir: Path
    cwd: Path
    env: Mapping[str, str]


def answer(request: Request) -> Reply:
    return say(f"Answer to: {request.prompt}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    """A Messages API that answers any prompt `X` with `Answer to: X`; set `api.script` for more.

    What a script raises fails the test."""
    with MessagesApi(answer) as api:
        yield api


@pytest.fixture
def place(api: MessagesApi, tmp_path: Path) -> ClaudePlace:
    config_dir, cwd = tmp_path / "claude", tmp_path / "workspace"
    config_dir.mkdir()
    cwd.mkdir()
    return ClaudePlace(config_dir, cwd, demo_env(api.url, config_dir, retries=0))
