#!/usr/bin/env python3
"""A stand-in for the Claude Code CLI that misbehaves on command.

It speaks as much of the SDK's stream-json protocol as one turn needs (claude-agent-sdk 0.2.187):
it answers `initialize`, takes the prompt, says a little, gives a result, and goes when its stdin
is closed. What it does instead is named by `--model`: the name of a function below, some with
the number of a message (`exits:3`). It notes the pid of each process that it is in the file
`STAND_IN_PIDS`, and none of them lives for more than a minute.
"""

import json
import os
import signal
import sys
import time

LIFE_SECONDS = 60
MB = 1_000_000

HOSTILE = "\x1b]52;c;aGFja2Vk\x07\x1b[2J\x1b[?1049l\x9b31m\u202e\u200b\x00[@click=app.quit]x[/] "

TEXT = "Half an answer"


def note_pid() -> None:
    with open(os.environ["STAND_IN_PIDS"], "a") as file:  # noqa: PTH123 - starts fast
        file.write(f"{os.getpid()}\n")
    signal.alarm(LIFE_SECONDS)


class Cli:
    """What the process says and hears. `dies` is called before message number `at`."""

    def __init__(self) -> None:
        self.number = 0
        self.at = -1
        self.dies = lambda: None
        self.asked = 0

    def send(self, message: dict) -> None:
        self.raw(json.dumps(message).encode() + b"\n")

    def raw(self, data: bytes) -> None:
        if self.number == self.at:
            self.dies()
        self.number += 1
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def hear(self, kind: str = "") -> dict:
        """The next message from the app, of this type if one is named; {} when stdin is closed.
        Answers `initialize`, and an interrupt with the result that Claude Code gives."""
        for line in sys.stdin.buffer:
            message = json.loads(line)
            request = message.get("request", {})
            if request.get("subtype") == "interrupt":
                self.answer(message)
                self.result("error_during_execution", is_error=True)
            if not kind or message["type"] == kind:
                return message
        return {}

    def answer(self, message: dict) -> None:
        response = {"subtype": "success", "request_id": message["request_id"], "response": {}}
        self.send({"type": "control_response", "response": response})

    def start(self) -> str:
        """Up to the prompt, which it returns."""
        self.answer(self.hear("control_request"))
        prompt = self.hear("user")
        self.send({"type": "system", "subtype": "init", "session_id": "s", "uuid": "u0"})
        return prompt.get("message", {}).get("content", "")

    def event(self, **event: object) -> None:
        self.send({"type": "stream_event", "uuid": "u", "session_id": "s", "event": event})

    def begin(self, text: str = TEXT, id: str = "m1") -> None:
        """The beginning of a message that is being typed."""
        self.event(type="message_start", message={"id": id})
        self.event(type="content_block_start", index=0, content_block={"type": "text"})
        for word in text.split(" ", 1):
            delta = {"type": "text_delta", "text": f"{word} "}
            self.event(type="content_block_delta", index=0, delta=delta)

    def say(self, *blocks: object, id: str = "m1", **more: object) -> None:
        content = list(blocks) or [{"type": "text", "text": TEXT}]
        message = {"id": id, "model": "stand-in", "content": content}
        self.send({"type": "assistant", "uuid": f"u-{id}", "message": message, **more})

    def result(self, subtype: str = "success", *, is_error: bool = False) -> None:
        times = {"duration_ms": 1, "duration_api_ms": 1, "num_turns": 1}
        facts = {"is_error": is_error, "session_id": "s", "total_cost_usd": 0.01}
        self.send({"type": "result", "subtype": subtype, **times, **facts})

    def ask(self, id: str = "ask-1", **more: object) -> None:
        request = {"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": "ls"}}
        request = {**request, "tool_use_id": "t1", **more}
        self.send({"type": "control_request", "request_id": id, "request": request})

    def finish(self) -> None:
        self.say()
        self.event(type="content_block_stop", index=0)
        self.event(type="message_stop")
        self.result()

    def until_closed(self) -> None:
        while self.hear():
            pass

    def linger(self) -> None:
        while True:
            time.sleep(LIFE_SECONDS)


def good(cli: Cli) -> None:
    cli.start()
    cli.begin()
    cli.finish()
    cli.until_closed()


def waits(cli: Cli) -> None:
    """A healthy run that goes on when its question is answered."""
    cli.start()
    cli.begin()
    cli.ask()
    cli.hear("control_response")
    cli.finish()
    cli.until_closed()


def takes_back(cli: Cli) -> None:
    """Asks, and takes the question back."""
    cli.start()
    cli.ask()
    cli.send({"type": "control_cancel_request", "request_id": "ask-1"})
    cli.begin()
    cli.hear("control_request")


def asks_oddly(cli: Cli) -> None:
    """Two questions under one id, with an input that is no object and no suggestions."""
    cli.start()
    cli.begin()
    for number in range(2):
        cli.ask(f"ask-{number}", input=["ls", HOSTILE], permission_suggestions=None)
    for _ in range(2):
        cli.hear("control_response")
    cli.finish()
    cli.until_closed()


def stubborn(cli: Cli) -> None:
    """Answers, and ignores SIGTERM and the end of its stdin."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    good(cli)
    cli.linger()


def stubborn_early(cli: Cli) -> None:
    """The same in the middle of its answer; it hears no interrupt either."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cli.start()
    cli.begin()
    cli.linger()


def stubborn_family(cli: Cli) -> None:
    """The same, with a tool that is as stubborn, in a session of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        note_pid()
        os.close(1)
        cli.linger()
    stubborn_early(cli)


def flood(cli: Cli) -> None:
    """50 MB of small messages of every kind, then a result."""
    cli.start()
    cli.begin()
    text = "x" * 2_000
    number = sent = 0
    while sent < 50 * MB:
        number += 1
        id = f"m{number}"
        lines = [
            {"type": "assistant", "uuid": f"u{number}", "message": _message(id, text)},
            {"type": "stream_event", "uuid": "u", "session_id": "s", "event": _delta(text)},
            {"type": "system", "subtype": f"new_{number}", "text": text},
            {"type": "brand_new", "text": text},
        ]
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        cli.raw(data + b"a line that is not JSON\n")
        sent += len(data)
    cli.finish()
    cli.until_closed()


def flood_for_ever(cli: Cli) -> None:
    cli.start()
    cli.begin()
    while True:
        cli.event(**_delta("and on and on "))


def flood_of_starts(cli: Cli) -> None:
    """Messages that begin and never end."""
    cli.start()
    for number in range(2_000):
        cli.begin(id=f"m{number}")
    cli.result()
    cli.until_closed()


def _message(id: str, text: str) -> dict:
    return {"id": id, "model": "stand-in", "content": [{"type": "text", "text": text}]}


def _delta(text: str) -> dict:
    return {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    }


def long_line(cli: Cli) -> None:
    """One line of 40 MB."""
    cli.start()
    cli.say({"type": "text", "text": "long " * (8 * MB)})
    cli.result()
    cli.until_closed()


def longer_line(cli: Cli) -> None:
    """One line of 70 MB, then an answer."""
    cli.start()
    cli.say({"type": "text", "text": "long " * (14 * MB)}, id="m0")
    cli.begin()
    cli.finish()
    cli.until_closed()


def too_long_line(cli: Cli) -> None:
    """One line of 20 MB in which no string is long, which is more than is taken, then an answer."""
    cli.start()
    cli.say({"type": "text", "text": "x"}, *["long " * 200] * (20 * MB // 1000), id="m0")
    cli.begin()
    cli.finish()
    cli.until_closed()


def half_and_silent(cli: Cli) -> None:
    cli.start()
    cli.begin()
    cli.raw(b'{"type": "assistant", "message": {"id": "m2", "con')
    cli.linger()


def half_and_gone(cli: Cli) -> None:
    cli.start()
    cli.begin()
    cli.raw(b'{"type": "assistant", "message": {"id": "m2", "con')


def half_line(cli: Cli) -> None:
    """Half a line of JSON, then an answer."""
    cli.start()
    cli.raw(b'{"type": "assistant", "message": {"id": "m2", "con\n')
    cli.raw(b'{"a":' * 200_000 + b"\n")
    cli.begin()
    cli.finish()
    cli.until_closed()


def bad_utf8(cli: Cli) -> None:
    """Bytes that are no text, on both pipes and more than a pipe holds."""
    cli.start()
    sys.stderr.buffer.write(b"\xff\xfe" * 500_000)
    sys.stderr.buffer.flush()
    cli.begin()
    said = {"type": "assistant", "uuid": "u1", "message": _message("m1", "Half an @ answer")}
    cli.raw(json.dumps(said).encode().replace(b"@", b"\xff\xc3\x28\xed\xa0\x80") + b"\n")
    cli.result()
    cli.until_closed()


def unknown(cli: Cli) -> None:
    """Types, blocks and fields that nobody knows, and known ones of a shape that nobody knows."""
    cli.start()
    for message in (
        {"type": "from_the_future", "x": [HOSTILE]},
        {"type": None},
        {"no": "type"},
        {"type": "assistant", "message": "text"},
        {"type": "assistant", "message": {"content": "text", "model": 5}},
        {"type": "assistant", "message": {"content": [5, None], "model": 5}},
        {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": ["a"]}]}},
        {"type": "user", "message": None},
        {"type": "system", "subtype": "task_started", "task_id": ""},
        {"type": "system", "subtype": "compact_boundary", "compact_metadata": [1]},
        {"type": "system", "subtype": "api_retry", "retry_delay_ms": "soon", "attempt": {}},
        {"type": "stream_event", "uuid": 1, "session_id": 2, "event": "text"},
        {"type": "stream_event", "uuid": 1, "session_id": 2, "event": {"type": ["x"]}},
        {"type": "rate_limit_event", "uuid": 1, "session_id": 2, "rate_limit_info": {"status": 7}},
    ):
        cli.send(message)
    call = {"type": "tool_use", "id": {"a": 1}, "name": ["Bash"], "input": "ls"}
    cli.say({"type": "hologram", "x": 1}, {"type": "text", "text": {"a": 1}}, call, id="m0")
    cli.begin()
    cli.finish()
    cli.until_closed()


def mute(cli: Cli) -> None:
    """Takes the prompt and never says a word."""
    cli.start()
    cli.linger()


def no_start(cli: Cli) -> None:
    """Never answers the initialize."""
    cli.linger()


def deaf(cli: Cli) -> None:
    """Answers the initialize and reads nothing after that."""
    cli.answer(cli.hear("control_request"))
    cli.linger()


def closed(cli: Cli) -> None:
    """Closes its output and lives on."""
    cli.start()
    cli.begin()
    os.close(1)
    cli.linger()


def orphan(cli: Cli) -> None:
    """Dies, and leaves its output open in the hands of a child of its own."""
    cli.start()
    cli.begin()
    if os.fork() == 0:
        note_pid()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        while True:  # ends with the pipe, when the app lets go of it
            time.sleep(0.05)
            os.write(2, b".")
    os._exit(3)


def loud(cli: Cli) -> None:
    """1 MB of hostile text on stderr, in one line, then it fails."""
    cli.start()
    cli.begin()
    sys.stderr.write(HOSTILE * (MB // len(HOSTILE)) + "the reason")
    sys.stderr.flush()
    sys.exit(1)


def twice(cli: Cli) -> None:
    """Gives a result and then another one."""
    cli.start()
    cli.begin()
    cli.finish()
    cli.result("error_during_execution", is_error=True)
    cli.until_closed()


def refuses(cli: Cli) -> None:
    """Answers the initialize with an error."""
    message = cli.hear("control_request")
    response = {"subtype": "error", "request_id": message["request_id"], "error": HOSTILE + "no"}
    cli.send({"type": "control_response", "response": response})
    cli.linger()


def hostile(cli: Cli) -> None:
    """Says and asks everything in the worst words, and fails with more of them."""
    mark = "◆live{}. " + HOSTILE
    cli.start()
    cli.begin(mark.format("typed"))
    cli.send({"type": "system", "subtype": "model_fallback", "content": mark.format("fallback")})
    retry = {"attempt": mark.format("try"), "error_status": mark.format("code")}
    cli.send({"type": "system", "subtype": "api_retry", "uuid": "u1", **retry})
    cli.send({"type": "system", "subtype": "permission_denied", "tool_name": mark.format("rule")})
    call = {"type": "tool_use", "id": "t1", "name": mark.format("tool")}
    cli.say({**call, "input": {mark.format("key"): mark.format("value")}}, id="m1")
    rules = [{"toolName": mark.format("ruled"), "ruleContent": mark.format("content")}]
    suggestions = [
        {"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"},
        {"type": "addDirectories", "directories": [mark.format("folder")], "destination": "x"},
    ]
    cli.ask(
        tool_name=mark.format("asking"),
        input={mark.format("given"): [mark.format("deep")], "command": mark.format("command")},
        title=mark.format("title"),
        description=mark.format("description"),
        decision_reason=mark.format("why"),
        agent_id=mark.format("agent"),
        permission_suggestions=suggestions,
    )
    cli.hear("control_response")
    choices = [
        {"label": mark.format("choice"), "description": mark.format("choicesays")},
        {"label": "other"},
    ]
    asked = {"question": mark.format("question"), "header": mark.format("header")}
    questions = [{**asked, "options": choices}, {**asked, "options": choices, "multiSelect": True}]
    cli.ask("ask-2", tool_name="AskUserQuestion", input={"questions": questions})
    cli.hear("control_response")
    text = mark.format("plan")
    link = f"[l](javascript:{text}) ![i](file:///{text}) <http://{text}> http://{text}"
    plan = (
        f"# {text}\n\n- {text}\n\n> {text}\n\n```{text}\n{text}\n```\n\n|{text}|\n|-|\n|x|\n{link}"
    )
    cli.ask("ask-3", tool_name="ExitPlanMode", input={"plan": plan})
    cli.hear("control_response")
    sys.stderr.write(mark.format("stderr") + "\n")
    sys.stderr.flush()
    sys.exit(1)


def exits(cli: Cli) -> None:
    cli.dies = lambda: os._exit(1)
    good(cli)


def leaves(cli: Cli) -> None:
    cli.dies = lambda: os._exit(0)
    good(cli)


def killed(cli: Cli) -> None:
    cli.dies = lambda: os.kill(os.getpid(), signal.SIGKILL)
    good(cli)


MESSAGES = 10
"""How many messages `good` sends: one that dies does so before one of them."""


def main() -> None:
    note_pid()
    if "--model" not in sys.argv:
        name, number = "good", ""
    else:
        name, _, number = sys.argv[sys.argv.index("--model") + 1].partition(":")
    cli = Cli()
    cli.at = int(number) if number.isdigit() else -1
    globals()[name](cli)


if __name__ == "__main__":
    main()
