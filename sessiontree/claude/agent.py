"""One live run of the agent: one prompt, one CLI process, one owner task.

The SDK's client must be connected and closed by the same task, and a bare task cancel while it
closes leaves the CLI running (seen on claude-agent-sdk 0.2.187). So `AgentRun.run` is awaited by
one task that nobody cancels: others only set what they want (`interrupt`, `stop`), and `kill`
ends a process that does not end by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import claude_agent_sdk as sdk
from claude_agent_sdk import CanUseToolShadowedWarning
from claude_agent_sdk._errors import MessageParseError  # it has no public name (0.2.187)

from sessiontree.claude import asks, faults
from sessiontree.claude.heard import Ear
from sessiontree.claude.reaper import Reaper
from sessiontree.config import Config
from sessiontree.model import message as m
from sessiontree.model.run import Answer, Ask, Ending, Mode, Outcome, Plan, Verb
from sessiontree.model.text import clean

# It would be written across the screen. That a rule or a mode answers before the person is asked
# is what they chose, and always in sight.
warnings.filterwarnings("ignore", category=CanUseToolShadowedWarning)

BUFFER_BYTES = 256 * 1024 * 1024
"""The longest line taken from the CLI. At the SDK's default of 1 MiB a tool result of 2 MB ends
the reader and the next turn is silently empty."""

INTERRUPT_SECONDS = 10.0
"""How long an interrupted CLI has to report its result before the connection is closed."""

STDERR_LINES = 40
PLAN_CHARACTERS = 1_000_000


OWN_SETTINGS_ONLY = {"CLAUDE_CODE_DISABLE_CRON": "1"}
"""Prompts that a project's `scheduled_tasks.json` schedules are sent whatever the setting sources
(seen on Claude Code 2.1.330)."""

REAPER = Reaper()
"""One for the whole process."""


class AgentRun:
    """`on_message` gets what is said, in order; `on_ask` is awaited for each permission call.
    Both are called in the owner's event loop."""

    def __init__(
        self,
        plan: Plan,
        config: Config,
        on_message: Callable[[m.Message], None],
        on_ask: Callable[[Ask], Awaitable[Answer]],
    ) -> None:
        self.plan = plan
        self._config = config
        self._on_message = on_message
        self._on_ask = on_ask
        self._ear = Ear(plan.turn)
        self._stderr: list[str] = []
        self._wanted = asyncio.Event()
        self._interrupt = False
        self._stop = False
        self._result: sdk.ResultMessage | None = None
        self._error = ""
        self._heard = False
        self._client: sdk.ClaudeSDKClient | None = None
        self._plan_file: Path | None = None
        self.started_pid: int | None = None
        """The CLI's process id, also when it has ended; None before it was there."""

    def interrupt(self) -> None:
        """Ask the agent to stop what it does; the session can be continued."""
        self._interrupt = True
        self._wanted.set()

    def stop(self) -> None:
        """Close the connection without waiting for a result."""
        self._stop = True
        self._wanted.set()

    def kill(self) -> None:
        """End a CLI process that does not go by itself. Safe at any time."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def pid(self) -> int | None:
        """The CLI's process id while it lives. The SDK has no public name for it."""
        transport = getattr(self._client, "_transport", None)
        process = getattr(transport, "_process", None)
        if process is None or process.returncode is not None:
            return None
        return int(process.pid)

    async def run(self) -> Outcome:
        """The whole run, from start to the CLI's end. Never raises for what a run can meet."""
        started = time.time()
        self._on_message(m.Prompted(turn=self.plan.turn, text=self.plan.prompt, at=started))
        self._client = client = sdk.ClaudeSDKClient(self._options())
        try:
            await client.connect()
            self.started_pid = self.pid
            if self.started_pid is not None:
                REAPER.watch(self.started_pid)
            if not (self._stop or self._interrupt):
                await client.query(self._prompt())
                await self._listen(client)
        except (sdk.ClaudeSDKError, OSError, ValueError) as error:
            self._error = self._error or faults.words(error, self.plan, self._stderr)
        finally:
            await client.disconnect()
            self._client = None
            if self.started_pid is not None:
                REAPER.release(self.started_pid)
        outcome = self._outcome()
        self._on_message(
            m.Ended(
                key=f"end:{self.plan.turn}",
                ok=outcome.ending is Ending.DONE,
                text=outcome.text,
                cost_usd=outcome.cost_usd,
                tokens=_output_tokens(self._result),
                seconds=time.time() - started,
                at=time.time(),
            )
        )
        return outcome

    def _options(self) -> sdk.ClaudeAgentOptions:
        plan, choice = self.plan, self.plan.choice
        preset: Any = {"type": "preset", "preset": "claude_code"}
        if choice.append:
            # Without the second, a session that is resumed or forked goes on with the system
            # prompt that it began with, and what is added is left out (seen on 2.1.330).
            preset |= {"append": choice.append, "snapshot": False}
        resume = None if plan.verb is Verb.NEW else plan.parent
        return sdk.ClaudeAgentOptions(
            cwd=plan.cwd,
            cli_path=self._config.cli,
            env={**self._config.env, **({} if plan.project else OWN_SETTINGS_ONLY)},
            resume=resume,
            session_id=None if plan.verb is Verb.CONTINUE else plan.session,
            fork_session=plan.verb is Verb.FORK,
            resume_session_at=plan.at if plan.verb is Verb.FORK else None,
            permission_mode=choice.mode.value,
            model=choice.model or None,
            effort=choice.effort or None,  # type: ignore[arg-type]  # the CLI checks it
            system_prompt=preset,
            allowed_tools=list(plan.grants.rules),
            add_dirs=list(plan.grants.folders),
            # A project's own settings can run commands; they are not read unasked.
            setting_sources=["user", "project", "local"] if plan.project else ["user"],
            strict_mcp_config=not plan.project,
            can_use_tool=self._may_use,
            include_partial_messages=True,
            forward_subagent_text=True,
            max_buffer_size=BUFFER_BYTES,
            stderr=self._hear_stderr,
            extra_args=(
                {"allow-dangerously-skip-permissions": None} if choice.mode is Mode.BYPASS else {}
            ),
        )

    async def _prompt(self) -> AsyncIterator[dict[str, Any]]:
        """The prompt under the uuid that the app chose: the turn's id in the transcript."""
        yield {
            "type": "user",
            "uuid": self.plan.turn,
            "message": {"role": "user", "content": self.plan.prompt},
            "parent_tool_use_id": None,
        }

    async def _listen(self, client: sdk.ClaudeSDKClient) -> None:
        """Until the result, the CLI's end, or a wish to stop. Drains messages at all times:
        with some hundred unread, an interrupt hangs."""
        reader = asyncio.create_task(self._read(client), name=f"read {self.plan.session}")
        interrupted = False
        try:
            while not reader.done() and not self._stop:
                wish = asyncio.create_task(self._wanted.wait())
                timeout = INTERRUPT_SECONDS if interrupted else None
                await asyncio.wait({reader, wish}, timeout=timeout, return_when="FIRST_COMPLETED")
                wish.cancel()
                if interrupted and not self._wanted.is_set():
                    break  # it was asked and did not answer in time: it ends, or was heard
                if self._wanted.is_set() and not reader.done():
                    self._wanted.clear()
                    if self._interrupt and not interrupted and not self._stop:
                        interrupted = True
                        await self._send_interrupt(client)
        finally:
            if not reader.done():
                reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    async def _send_interrupt(self, client: sdk.ClaudeSDKClient) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(client.interrupt(), INTERRUPT_SECONDS)

    async def _read(self, client: sdk.ClaudeSDKClient) -> None:
        while True:
            try:
                async for heard in client.receive_messages():
                    if isinstance(heard, sdk.ResultMessage):
                        self._result = heard
                        return
                    self._take(heard)
            except MessageParseError:
                # Only that message is lost; the stream behind it goes on.
                self._note("unknown", "A message of a kind that is not known was left out")
            else:
                return

    def _take(self, heard: sdk.Message) -> None:
        if isinstance(heard, sdk.AssistantMessage):
            self._heard = True
            self._note_plan_file(heard)
            if heard.error:
                self._error = faults.api_words(heard)
        elif isinstance(heard, sdk.StreamEvent):
            self._heard = True
            self._error = ""
        for message in self._ear.hear(heard, time.time()):
            self._on_message(message)

    def _note_plan_file(self, heard: sdk.AssistantMessage) -> None:
        plans = self._config.claude / "plans"
        for block in heard.content:
            if isinstance(block, sdk.ToolUseBlock) and block.name in ("Write", "Edit"):
                path = Path(str(block.input.get("file_path", "")))
                if path.parent == plans:
                    self._plan_file = path

    async def _may_use(
        self, tool: str, data: dict[str, Any], context: sdk.ToolPermissionContext
    ) -> sdk.PermissionResultAllow | sdk.PermissionResultDeny:
        shown = data
        if tool == "ExitPlanMode" and not data.get("plan"):
            shown = {**data, "plan": await asyncio.to_thread(self._written_plan)}
        answer = await self._on_ask(asks.ask(self.plan.session, tool, shown, context))
        return asks.permission(answer, tool, data, context)

    def _written_plan(self) -> str:
        """The plan that this run wrote. Claude Code 2.1.330 keeps it in a file of its own and
        does not send it along: the file of the last Write or Edit below `plans/`."""
        if self._plan_file is None:
            return ""
        try:
            with self._plan_file.open(encoding="utf-8", errors="replace") as file:
                return file.read(PLAN_CHARACTERS)
        except OSError:
            return ""

    def _hear_stderr(self, line: str) -> None:
        self._stderr = [*self._stderr, clean(line)][-STDERR_LINES:]

    def _note(self, what: str, text: str) -> None:
        now = time.time()
        self._on_message(
            m.Noted(key=f"{what}:{now}", what=what, text=text, level=m.Level.WARNING, at=now)
        )

    def _outcome(self) -> Outcome:
        result = self._result
        cost = None
        if result and result.total_cost_usd is not None and self.plan.spent is not None:
            cost = max(result.total_cost_usd - self.plan.spent, 0.0)
        if self._interrupt or self._stop:
            return Outcome(Ending.INTERRUPTED, "Interrupted", cost, self._heard)
        if result is None:
            text = self._error or faults.no_result(self._stderr)
            return Outcome(Ending.FAILED, text, cost, self._heard)
        if result.is_error:
            text = self._error or faults.result_words(result)
            return Outcome(Ending.FAILED, text, cost, self._heard)
        return Outcome(Ending.DONE, "", cost, self._heard)


def _output_tokens(result: sdk.ResultMessage | None) -> int | None:
    tokens = (result.usage or {}).get("output_tokens") if result else None
    return tokens if isinstance(tokens, int) else None


def bundled_cli() -> Path | None:
    """The Claude Code executable that the SDK's wheel brings, None where it has none."""
    path = Path(sdk.__file__).parent / "_bundled" / "claude"
    return path if path.is_file() else None
