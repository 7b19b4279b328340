"""The Claude Code process of one run, started by the SDK's transport and read and ended by ours.

The SDK's own trusts its process. Seen on claude-agent-sdk 0.2.187: half a line of JSON, or a byte
that is not UTF-8, ends its reader; on stderr such a byte lets the pipe fill until the CLI hangs.
A CLI that closes its output and lives on is waited for without end, as is one that died while a
child of its own holds the pipe. One that does not answer its start cannot be left for a minute.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import anyio
import claude_agent_sdk as sdk
from anyio.abc import Process
from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport

from sessiontree.claude.lines import LEFT_OUT, Lines, message
from sessiontree.claude.reaper import below, kill
from sessiontree.config import Patience
from sessiontree.model.text import clean

LOOK_SECONDS = 1.0
"""How often a silent CLI is looked at: one that is dead may have left its output open."""

HUNG_UP_SECONDS = 1.0
"""How long one that was hung up on gets to end, and again after each further step."""

STDERR_BYTES = 16 * 1024
"""What is kept of stderr: its end."""


class HungUp(sdk.CLIConnectionError):
    """The app ended the conversation."""


class Silent(sdk.CLIConnectionError):
    """The CLI closed its output and lives on."""


class Cli(SubprocessCLITransport):
    """`started` is told the process id as soon as there is one. Whoever made it calls `close`."""

    def __init__(
        self, options: sdk.ClaudeAgentOptions, patience: Patience, started: Callable[[int], None]
    ) -> None:
        # The client sets 'stdio' only for a transport that it makes itself; without a callback
        # stderr would be the terminal's.
        options = replace(options, permission_prompt_tool_name="stdio", stderr=lambda line: None)
        super().__init__("", options)
        self._patience = patience
        self._started = started
        self.begun = False
        """Whether there is a conversation: only then has the process something to put away."""
        self._hung_up = False
        self._scopes: set[anyio.CancelScope] = set()  # what waits for the process
        self._stderr_end = b""
        self._started_by_it: dict[int, str] = {}

    @property
    def pid(self) -> int | None:
        """The process id while it lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def stderr(self) -> list[str]:
        """The last lines of stderr, clean."""
        text = self._stderr_end.decode("utf-8", "replace")
        return [line for line in map(clean, text.splitlines()) if line.strip()]

    def hang_up(self) -> None:
        """End the conversation at once, whatever waits for the process: it raises `HungUp`."""
        self._hung_up = True
        for scope in self._scopes:
            scope.cancel()

    def kill(self) -> None:
        """End the process at once. Safe at any time."""
        if self._process is not None and self._process.returncode is None:
            self._started_by_it |= below([self._process.pid])
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def connect(self) -> None:
        await super().connect()
        if self.pid is not None:
            self._started(self.pid)

    async def write(self, data: str) -> None:
        with self._until_hung_up():
            await super().write(data)

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the CLI says, a message a line, to its end. A line that cannot be read is left out
        with a word. Always raises at its end, since nobody else tells those who wait for an
        answer: `HungUp`, `Silent`, `ProcessError` or `CLIConnectionError`."""
        process = self._process
        if process is None:
            raise sdk.CLIConnectionError("Not connected")
        lines = Lines()
        while chunk := await self._receive(process):
            for line in lines.add(chunk):
                if (said := message(line)) is not None:
                    yield said
        if (said := message(lines.rest())) is not None and said.get("subtype") != LEFT_OUT:
            yield said
        if not await _ends(process, HUNG_UP_SECONDS):
            raise Silent("Claude Code closed its output and lives on")
        with anyio.move_on_after(LOOK_SECONDS):  # a child of its own may hold stderr open
            if self._stderr_task is not None:
                await self._stderr_task.wait()
        if process.returncode:
            raise sdk.ProcessError("Claude Code failed", exit_code=process.returncode)
        raise sdk.CLIConnectionError("Claude Code ended")  # wakes those who wait for an answer

    async def close(self) -> None:
        """End the process: close its stdin, ask, insist. Takes some seconds at most."""
        process = self._process
        if process is None:
            return
        with anyio.CancelScope(shield=True):
            patient = self.begun and not self._hung_up
            grace = self._patience.close if patient else HUNG_UP_SECONDS
            with anyio.move_on_after(grace):
                await self.end_input()
            if not await _ends(process, grace):
                self._started_by_it |= await anyio.to_thread.run_sync(below, [process.pid])
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                if not await _ends(process, grace):
                    self.kill()
            # Its tools, servers and hooks, where it had no time to end them or did not use it.
            await anyio.to_thread.run_sync(kill, self._started_by_it)
            await super().close()
            with anyio.move_on_after(HUNG_UP_SECONDS):
                await process.aclose()  # the pipes: a child of its own may hold them open

    @contextlib.contextmanager
    def _until_hung_up(self, seconds: float = math.inf) -> Iterator[None]:
        """Bounds what waits for the process."""
        with anyio.move_on_after(0 if self._hung_up else seconds) as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)
        if self._hung_up:
            raise HungUp("The conversation was ended")

    async def _receive(self, process: Process) -> bytes:
        """The next piece of output; b"" at its end, or when the process is dead and silent."""
        assert process.stdout is not None
        while True:
            with self._until_hung_up(LOOK_SECONDS):
                try:
                    return await process.stdout.receive()
                except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
                    return b""
            if process.returncode is not None:
                return b""

    async def _handle_stderr(self) -> None:
        """Drain stderr, whatever comes: a full pipe would stop the CLI."""
        stderr = self._process.stderr if self._process is not None else None
        if stderr is None:
            return
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for chunk in stderr:
                self._stderr_end = (self._stderr_end + chunk)[-STDERR_BYTES:]


async def _ends(process: Process, seconds: float) -> bool:
    """Whether a process has ended, or does so within this time."""
    with anyio.move_on_after(seconds):
        await process.wait()
    return process.returncode is not None
