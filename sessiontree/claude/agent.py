"""One live run of the agent: one prompt, one CLI process, one owner task.

The SDK's client must be connected and closed by the same task, and a bare task cancel while it
closes leaves the CLI running (seen on claude-agent-sdk 0.2.187). So `AgentRun.run` is awaited by
one task that nobody cancels: others only set what they want (`interrupt`, `stop`), and what waits
for the CLI is ended by hanging up on it. `kill` ends a process that does not end by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import claude_agent_sdk as sdk
from claude_agent_sdk import CanUseToolShadowedWarning
from claude_agent_sdk._errors import MessageParseError  # it has no public name (0.2.187)

from sessiontree.claude import asks, faults
from sessiontree.claude.handed import Handed
from sessiontree.claude.heard import Ear
from sessiontree.claude.lines import LEFT_OUT
from sessiontree.claude.process import Cli
from sessiontree.claude.reaper import REAPER
from sessiontree.config import Config
from sessiontree.model import message as m
from sessiontree.model.run import Answer, Ask, Ending, Mode, Outcome, Plan, Reason, Verb

# It would be written across the screen. That a rule or a mode answers before the person is asked
# is what they chose, and always in sight.
warnings.filterwarnings("ignore", category=CanUseToolShadowedWarning)
# Its words on faults would go to stderr as well; the run says them in its own.
logging.getLogger("claude_agent_sdk").addHandler(logging.NullHandler())

STOP_SECONDS = 2.0
"""How long a run that is stopped, and not only interrupted, has to report its result."""

PLAN_CHARACTERS = 1_000_000

ODD = (MessageParseError, TypeError, AttributeError, LookupError, ValueError)
"""What the SDK's parser, and ours behind it, raise for a message of a shape they do not know."""

OWN_SETTINGS_ONLY = {"CLAUDE_CODE_DISABLE_CRON": "1"}
"""Prompts that a project's `scheduled_tasks.json` schedules are sent whatever the setting sources
(seen on Claude Code 2.1.330)."""


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
        self._connected = asyncio.Event()
        self._unwanted = asyncio.Event()
        self._wait_seconds = config.patience.interrupt  # for the result, once it is unwanted
        self._result: sdk.ResultMessage | None = None
        self._reason: Reason | None = None
        self._heard = False
        self._left_out = 0
        self._cli: Cli | None = None
        self._plan_file: Path | None = None
        self.started_pid: int | None = None
        """The CLI's process id, also when it has ended; None before it was there."""

    def interrupt(self) -> None:
        """Ask the agent to stop what it does; the session can be continued."""
        self._unwanted.set()
        if self._cli is not None and not self._connected.is_set():
            self._cli.hang_up()  # there is nothing yet that could be asked

    def stop(self) -> None:
        """The same with little patience, and with none for a run that was asked already."""
        if self._unwanted.is_set() and self._cli is not None:
            self._cli.hang_up()
        self._wait_seconds = min(self._wait_seconds, STOP_SECONDS)
        self.interrupt()

    def kill(self) -> None:
        """End a CLI process that does not go by itself. Safe at any time."""
        if self._cli is not None:
            self._cli.hang_up()
            self._cli.kill()

    @property
    def pid(self) -> int | None:
        """The CLI's process id while it lives."""
        return self._cli.pid if self._cli is not None else None

    async def run(self) -> Outcome:
        """The whole run, from start to the CLI's end. Never raises for what a run can meet."""
        started = time.time()
        self._on_message(m.Prompted(turn=self.plan.turn, text=self.plan.prompt, at=started))
        if self._unwanted.is_set():
            return self._ended(started)
        try:
            handed = await asyncio.to_thread(Handed, self.plan)
        except OSError as error:
            self._reason = Reason(f"The run's files could not be written: {error.strerror}.")
            return self._ended(started)
        options = self._options(handed.arguments)
        self._cli = cli = Cli(options, self._config.patience, self._watch)
        client = sdk.ClaudeSDKClient(options, transport=cli)
        guard = asyncio.create_task(self._guard(client, cli), name=f"guard {self.plan.session}")
        try:
            await client.connect()
            self._connected.set()
            cli.begun = True
            await asyncio.to_thread(handed.remove)
            if not self._unwanted.is_set():
                await client.query(self._prompt())
                await self._listen(client)
        except Exception as error:  # noqa: BLE001 - of any kind: the SDK raises bare ones as well
            self._reason = self._reason or faults.of(error, self.plan, cli.stderr)
        try:
            return self._ended(started)
        finally:
            guard.cancel()
            await asyncio.wait([guard])
            await self._close(client, cli)
            await asyncio.to_thread(handed.remove)

    def _watch(self, pid: int) -> None:
        self.started_pid = pid
        REAPER.watch(pid)

    async def _close(self, client: sdk.ClaudeSDKClient, cli: Cli) -> None:
        try:
            await client.disconnect()
        finally:
            await cli.close()  # the client does not close what it could not connect to
            if self.started_pid is not None:
                REAPER.release(self.started_pid)

    async def _guard(self, client: sdk.ClaudeSDKClient, cli: Cli) -> None:
        """Hangs up on a CLI that does not answer: at its start, or when it is interrupted."""
        patience = self._config.patience.start
        try:
            async with asyncio.timeout(patience):
                await self._connected.wait()
        except TimeoutError:
            self._reason = faults.no_start(patience, cli.stderr)
            cli.hang_up()
            return
        await self._unwanted.wait()
        try:
            async with asyncio.timeout(self._wait_seconds):
                await client.interrupt()
                await asyncio.Event().wait()  # the result comes, and ends this
        except TimeoutError:
            self._note("silent", "Claude Code does not answer the interruption: it is ended")
        except Exception:  # noqa: BLE001 - it cannot be asked, which is an answer as well
            self._note("silent", "Claude Code cannot be interrupted any more: it is ended")
        cli.hang_up()

    def _ended(self, started: float) -> Outcome:
        outcome = self._outcome()
        self._on_message(
            m.Ended(
                key=f"end:{self.plan.turn}",
                ok=outcome.ending is Ending.DONE,
                interrupted=outcome.ending is Ending.INTERRUPTED,
                text=outcome.reason.words,
                cost_usd=outcome.cost_usd,
                tokens=_output_tokens(self._result),
                seconds=time.time() - started,
                at=time.time(),
            )
        )
        return outcome

    def _options(self, arguments: dict[str, str | None]) -> sdk.ClaudeAgentOptions:
        plan, choice = self.plan, self.plan.choice
        if choice.mode is Mode.BYPASS:
            arguments = {**arguments, "allow-dangerously-skip-permissions": None}
        if plan.worktree:
            # Also with a fork: it goes on in the worktree, and so does who continues it (2.1.330).
            arguments = {**arguments, "worktree": plan.worktree}
        preset: Any = {"type": "preset", "preset": "claude_code"}
        if choice.append:
            # Else a session that is resumed or forked goes on with the system prompt that it
            # began with, and what is added is left out (seen on 2.1.330).
            preset["snapshot"] = False
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
            add_dirs=list(plan.grants.folders),
            # A project's own settings can run commands; they are not read unasked.
            setting_sources=["user", "project", "local"] if plan.project else ["user"],
            strict_mcp_config=not plan.project,
            can_use_tool=self._may_use,
            include_partial_messages=True,
            forward_subagent_text=True,
            extra_args=arguments,
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
        """Until the result, or the CLI's end. Drains messages at all times: with some hundred
        unread, an interrupt hangs."""
        messages = client.receive_messages()
        while True:
            try:
                heard = await anext(messages, None)
            except ODD:
                self._leave_out()  # only that message is lost; the stream behind it goes on
                messages = client.receive_messages()
                continue
            if isinstance(heard, sdk.ResultMessage):
                self._result = heard
            if heard is None or self._result is not None:
                return
            self._take(heard)

    def _take(self, heard: sdk.Message) -> None:
        if isinstance(heard, sdk.SystemMessage) and heard.subtype == LEFT_OUT:
            self._leave_out()
            return
        try:
            messages = self._understand(heard)
        except ODD:
            self._leave_out()
            return
        for message in messages:
            self._on_message(message)

    def _understand(self, heard: sdk.Message) -> list[m.Message]:
        if isinstance(heard, sdk.AssistantMessage):
            self._heard = True
            self._note_plan_file(heard)
            if heard.error:
                self._reason = faults.of_api(heard)
        elif isinstance(heard, sdk.StreamEvent):
            self._heard = True
            self._reason = None
        return list(self._ear.hear(heard, time.time()))

    def _leave_out(self) -> None:
        """Says that what could not be understood was left out: once, with their number."""
        self._left_out += 1
        count = "A message" if self._left_out == 1 else f"{self._left_out} messages"
        self._note("unknown", f"{count} of Claude Code could not be understood: left out")

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
        except (OSError, ValueError):  # a name that cannot be one, as with a NUL in it
            return ""

    def _note(self, what: str, text: str) -> None:
        key = f"{what}:{self.plan.turn}"
        self._on_message(
            m.Noted(key=key, what=what, text=text, level=m.Level.WARNING, at=time.time())
        )

    def _outcome(self) -> Outcome:
        result = self._result
        cost = None
        if (
            result
            and isinstance(result.total_cost_usd, int | float)
            and self.plan.spent is not None
        ):
            cost = max(result.total_cost_usd - self.plan.spent, 0.0)
        ending, reason = self._how(result)
        return Outcome(ending, reason, cost, self._heard)

    def _how(self, result: sdk.ResultMessage | None) -> tuple[Ending, Reason]:
        if result is not None and not result.is_error:
            return Ending.DONE, Reason()
        if self._unwanted.is_set():
            return Ending.INTERRUPTED, Reason("Interrupted")
        if self._reason is not None:
            return Ending.FAILED, self._reason
        if result is not None:
            return Ending.FAILED, faults.of_result(result)
        return Ending.FAILED, faults.no_result(self._cli.stderr if self._cli else ())


def _output_tokens(result: sdk.ResultMessage | None) -> int | None:
    usage = result.usage if result else None
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) else None


def bundled_cli() -> Path | None:
    """The Claude Code executable that the SDK's wheel brings, None where it has none."""
    path = Path(sdk.__file__).parent / "_bundled" / "claude"
    return path if path.is_file() else None
