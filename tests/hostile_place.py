"""A place in which everything lies: transcripts, project, store and Claude Code, with text in each
field that a terminal would act on. Each field has a mark of its own, so that a byte that comes
through names the field it came from."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessiontree.claude.projects import project_key
from sessiontree.config import Config
from sessiontree.store.database import Store
from sessiontree.store.table import Document
from tests import stand_in

SHOWN = "◆"
"""In front of each mark."""

IN_A_NAME = (
    "\x1b]52;c;aGFja2Vk\x07\x1b]8;;x:y\x1b\\go\x1b]8;;\x1b\\\x1b[2J\x1b[9;9H\x1b[31m\x9b31m\x9d0;t\x9c"
    "\x1bPq\x1b\\\x1bc\x7f\x85\x08\r\u202e\u2066\u200b\u200d\ufeff\u2028\u3164\U000e0041"
    "[@click=app.quit]x[red]\N{WARNING SIGN}\ufe0f中👨\u200d👩e\u0301"
)
"""As much of it as a file's name takes."""

EVIL = f"{IN_A_NAME}\x00[/] [/foo] \x1b]8;;http://x\x1b\\L\x1b]8;;\x1b\\\t\ufffa"


MARKS: set[str] = set()
"""Those of every field that was laid out."""


def evil(name: str) -> str:
    MARKS.add(name)
    return f"{SHOWN}{name}. {EVIL}"


def evil_name(name: str) -> str:
    MARKS.add(name)
    return f"{SHOWN}{name}.{IN_A_NAME}"


def lone(name: str) -> str:
    """The same with half an emoji, which JSON can hold and UTF-8 cannot."""
    return evil(name) + "\ud83d"


MAIN = "11111111-2222-4333-8444-555555555555"
FORK = "22222222-2222-4333-8444-555555555555"
DAMAGED = "33333333-2222-4333-8444-555555555555"
STRANGE = "44444444-2222-4333-8444-555555555555"
AWAY = "66666666-2222-4333-8444-555555555555"
TITLED = "77777777-2222-4333-8444-555555555555"
FAR = "55555555-2222-4333-8444-555555555555"


def calls() -> list[tuple[str, Any, Any, Any]]:
    """Every kind of call that is drawn in a way of its own: tool, input, result, details."""
    path = f"/{evil_name('file')}"
    patch = [{"oldStart": 1, "newStart": 1, "lines": [f"-{evil('old')}", f"+{evil('new')}"]}]
    todos = [{"content": evil("todo"), "status": one} for one in ("completed", "pending")]
    doing = {"content": "x", "activeForm": evil("doing"), "status": "in_progress"}
    asked = {"question": evil("asked"), "options": [{"label": evil("label")}]}
    return [
        ("Bash", {"command": evil("command")}, evil("output"), {"stdout": evil("stdout")}),
        ("Bash", {"command": f"{evil('line')}\n{evil('two')}"}, evil("trace"), None),
        ("Edit", {"file_path": path}, evil("edited"), {"structuredPatch": patch}),
        (
            "Edit",
            {"file_path": path, "old_string": evil("was"), "new_string": evil("is")},
            evil("edited"),
            None,
        ),
        ("Write", {"file_path": f"/{evil_name('made')}", "content": evil("content")}, "ok", None),
        ("NotebookEdit", {"notebook_path": path, "new_source": evil("cell")}, "ok", None),
        ("Read", {"file_path": path, "offset": evil("offset")}, evil("text"), {"file": path}),
        (
            "Grep",
            {"pattern": evil("pattern"), "path": path, "glob": evil("glob")},
            evil("found"),
            {"mode": evil("mode"), "numFiles": evil("number")},
        ),
        (
            "Task",
            {
                "description": evil("task"),
                "prompt": evil("told"),
                "subagent_type": evil("kind"),
            },
            evil("answer"),
            {"agentId": evil("agent")},
        ),
        ("TodoWrite", {"todos": [*todos, doing]}, "ok", None),
        ("WebFetch", {"url": f"http://{evil_name('url')}", "prompt": evil("ask")}, "x", None),
        ("AskUserQuestion", {"questions": [asked]}, evil("chosen"), None),
        ("ExitPlanMode", {"plan": f"# {evil('plan')}\n"}, "ok", None),
        ("Skill", {"skill": evil("skill"), "args": evil("args")}, evil("did"), None),
        (f"mcp__{evil('server')}__{evil('tool')}", {evil("key"): evil("value")}, "x", None),
        (f"{evil('unknown')}", {"deep": [{evil("deepkey"): [lone("deep")]}]}, lone("odd"), "x"),
    ]


@dataclass
class Transcript:
    """One session's file, written line by line."""

    session: str
    cwd: str
    lines: list[Mapping[str, Any]] = field(default_factory=list)
    _last: str | None = None

    def say(self, type: str, **more: Any) -> str:
        """A line of the conversation, below the one before; its uuid."""
        number = len(self.lines)
        id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.session[:1]} {number}"))
        base = {
            "sessionId": self.session,
            "cwd": self.cwd,
            "timestamp": f"2026-01-01T10:{number // 60:02}:{number % 60:02}.000Z",
            "gitBranch": evil("branch"),
            "version": evil("version"),
            "entrypoint": evil("entry"),
            "slug": evil("slug"),
            "requestId": evil("request"),
            "uuid": id,
            "parentUuid": self._last,
            "type": type,
        }
        line = {**base, **more}
        self.lines.append(line)
        self._last = str(line["uuid"])
        return id

    def note(self, type: str, **more: Any) -> None:
        """A line beside the conversation."""
        self.lines.append({"type": type, "sessionId": self.session, **more})

    def prompt(self, content: Any, **more: Any) -> str:
        return self.say("user", message={"role": "user", "content": content}, **more)

    def answer(self, *blocks: Any, model: str = "", **more: Any) -> None:
        usage = {"input_tokens": evil("tokens"), "output_tokens": -1, evil("used"): evil("usage")}
        for block in blocks:
            message = {"role": "assistant", "id": f"m{len(self.lines)}", "usage": usage}
            message |= {"model": model or evil("model"), "content": [block]}
            self.say("assistant", message=message, **more)

    def call(self, tool: str, data: Any, said: Any, details: Any, *, failed: bool = False) -> None:
        id = f"t{len(self.lines)}{evil('call')}"
        self.answer({"type": "tool_use", "id": id, "name": tool, "input": data})
        result = {"type": "tool_result", "tool_use_id": id, "content": said, "is_error": failed}
        content = {"role": "user", "content": [result]}
        self.say("user", message=content, toolUseResult=details)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(line) for line in self.lines)
        (folder / f"{self.session}.jsonl").write_text("\n".join(lines) + "\n")


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def main_session(cwd: str) -> Transcript:
    """Three turns, with a line of every kind that is shown."""
    one = Transcript(MAIN, cwd)
    one.note("custom-title", customTitle=evil("title"))
    image = {"type": "image", "source": {"media_type": evil("media"), "data": "aaaa"}}
    one.prompt([text(f"One {evil('prompt')}"), image])
    one.answer({"type": "thinking", "thinking": evil("thought"), "signature": evil("sign")})
    table = f"| {evil('th')} | b |\n|-|-|\n| {evil('td')} | c |"
    quoted = f"> {evil('quote')}\n\n- {evil('item')}\n\n```{evil('lang')}\n{evil('code')}\n```\n"
    one.answer(text(f"# {evil('head')}\n\n**{evil('bold')}** `{evil('tick')}`\n\n{quoted}{table}"))
    for tool, data, said, details in calls():
        one.call(tool, data, said, details)
    one.call("Bash", {"command": "x"}, evil("failure"), None, failed=True)
    search = {"type": "server_tool_use", "id": "s1", "name": evil("websearch"), "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [evil("hit")]}
    one.answer(search, found)
    one.prompt(f"Two {evil('second')}")
    one.answer(text("Well"), model=evil("another"))
    one.say("system", subtype=evil("subtype"), content=evil("system"), level="error")
    one.prompt(f"<command-name>/{evil('slash')}</command-name><command-args>x</command-args>")
    one.prompt(f"<local-command-stdout>{evil('local')}</local-command-stdout>")
    one.prompt(f"<task-notification><summary>{evil('summary')}</summary></task-notification>")
    one.say("attachment", attachment={"type": "queued_command", "prompt": evil("queued")})
    one.answer(text(evil("apierror")), isApiErrorMessage=True)
    facts = {"preTokens": evil("pre"), "trigger": evil("trigger")}
    one.say("system", subtype="compact_boundary", content="x", compactMetadata=facts)
    one.prompt(evil("compacted"), isCompactSummary=True)
    one.prompt(f"Three {evil('third')}")
    one.answer(text(f"Done {evil('final')}"))
    one.note(evil("newkind"), **{evil("field"): evil("fact")})
    return one


def forked(cwd: str, parent: Transcript) -> Transcript:
    """A fork from the first turn of `parent`, made elsewhere: its lines are copied."""
    at = next(i for i, line in enumerate(parent.lines) if "Two" in str(line.get("message")))
    fork = Transcript(FORK, cwd)
    copied = {"sessionId": FORK, "requestSessionId": MAIN}
    fork.lines = [{**line, **copied} for line in parent.lines[1:at]]
    fork._last = str(fork.lines[-1]["uuid"])
    for _ in range(60):  # its own lines are later
        fork.note("mode", mode=evil("modes"))
    fork.prompt(f"Two otherwise {evil('otherwise')}")
    path = f"/{evil_name('file')}"
    fork.call("Edit", {"file_path": path, "old_string": "a", "new_string": "b"}, "ok", None)
    fork.answer(text(f"Done otherwise {lone('other')}"))
    return fork


def damaged(cwd: str, folder: Path) -> None:
    """Half lines, lines of other things, and a prompt that stays."""
    one = Transcript(DAMAGED, cwd)
    one.prompt(f"Torn {lone('torn')}")
    one.answer(text(evil("left")))
    one.write(folder)
    with (folder / f"{DAMAGED}.jsonl").open("ab") as file:
        file.write(b'{"type":"user","uuid":"\xff\xfe\x1b]52;c;aGFja2Vk\x07"\n[1]\n\x1b[2J\x00\n')


def strange(cwd: str) -> Transcript:
    """Ids, times and names that are none."""
    one = Transcript(STRANGE, cwd)
    away = {"sessionId": evil("source"), "messageUuid": evil("message")}
    one.prompt(
        f"Odd {evil('odd')}",
        uuid=evil("uuid"),
        timestamp=evil("time"),
        forkedFrom=away,
        parentUuid=evil("parent"),
    )
    one.answer(text("Hm"), uuid=evil("uuid2"), requestSessionId=evil("writer"))
    one.call("Task", {"description": "x", "prompt": evil("chain")}, "x", None)
    one.prompt(evil("chain"), isSidechain=True, parentUuid=None)
    return one


def subagent(folder: Path, call: str) -> None:
    """What the subagent of a call said."""
    one = Transcript(FAR, "/")
    one.prompt(evil("subprompt"), isSidechain=True)
    one.answer(text(evil("subtext")), isSidechain=True)
    below = folder / MAIN / "subagents"
    below.mkdir(parents=True)
    lines = (json.dumps(line) for line in one.lines)
    (below / "agent-a1.jsonl").write_text("\n".join(lines) + "\n")
    (below / "agent-a1.meta.json").write_text(json.dumps({"toolUseId": call}))


def carries(folder: Path) -> None:
    """The settings, servers and instructions of a project, each of which it names."""
    dot = folder / ".claude"
    (dot / "agents").mkdir(parents=True)
    (dot / "rules").mkdir()
    hook = [{"matcher": "", "hooks": [{"type": "command", "command": evil("hook")}]}]
    settings = {
        "hooks": {"SessionStart": hook, evil("event"): hook},
        "env": {evil("variable"): evil("setto")},
        "permissions": {"allow": [evil("allowed")], "defaultMode": evil("defaultmode")},
        "statusLine": {"type": "command", "command": evil("status")},
        evil("setting"): evil("setting2"),
    }
    (dot / "settings.json").write_text(json.dumps(settings))
    (dot / "settings.local.json").write_text("{" + EVIL.replace("\x00", ""))
    servers = {evil("mcp"): {"command": evil("serve"), "args": [evil("arg")]}}
    more = {"far": {"type": "http", "url": f"http://{evil('address')}"}}
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": servers | more}))
    (folder / "CLAUDE.md").write_text(evil("instructions"))
    front = f"---\nhooks: {evil('front')}\n---\n!`{evil('tickrun')}`\n"
    (dot / "agents" / f"{evil_name('helper')}.md").write_text(front)
    (dot / "rules" / f"{evil_name('rule')}.md").write_text(evil("ruletext"))


def remember(config: Config, turn: str) -> None:
    """What the store holds, past what cleans it on the way in."""
    with Store.open(config.store) as store:
        fill = {
            "annotations": {
                FORK: {"title": lone("given").replace("\ud83d", ""), "note": evil("note")},
                turn: {"note": evil("turnnote")},
                DAMAGED: {"chosen": evil("verdict")},
            },
            "links": {
                TITLED: {
                    "parent": AWAY,
                    "turn": None,
                    "evidence": "made",
                    "way": evil("way"),
                    "group": evil("group"),
                },
                STRANGE: {
                    "parent": FORK,
                    "turn": None,
                    "evidence": evil("evidence"),
                },
            },
            "finishes": {MAIN: {"ending": "failed", "reason": evil("reason")}},
            "intents": {
                FAR: {
                    "kind": "new",
                    "cwd": str(config.cwd),
                    "label": evil("cutoff"),
                    "model": evil("oldmodel"),
                    "host": evil("host"),
                    "pid": 1,
                    "process": evil("process"),
                }
            },
            "view": {"view": {"selection": {"session": evil("selected")}, evil("seen"): 1}},
        }
        for table, documents in fill.items():
            for id, fields in documents.items():
                store.db.table(table).upsert(Document(fields, id))  # type: ignore[arg-type]


@dataclass(frozen=True)
class HostilePlace:
    config: Config

    @property
    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "SESSIONTREE_HOME": str(self.config.home),
            "CLAUDE_CONFIG_DIR": str(self.config.claude),
            "SESSIONTREE_CLI": str(self.config.cli),
            **self.config.env,
        }


def hostile_place(root: Path) -> HostilePlace:
    """Lay it out below `root`."""
    cwd = root / evil_name("cwd")
    cwd.mkdir()
    (cwd / ".git").mkdir()
    (cwd / ".git" / "HEAD").write_text(f"ref: refs/heads/{evil('head')}\n")
    model = f"hostile:{evil('ownmodel')}".replace("\x00", "")
    config = Config(
        root / evil_name("home"),
        root / "claude",
        cwd,
        env={"STAND_IN_PIDS": str(root / "pids")},
        cli=Path(stand_in.__file__),
        model=model,
    )
    config.home.mkdir(mode=0o700)
    toml = json.dumps(model, ensure_ascii=False).replace("\x7f", "\\u007f")
    (config.home / "config.toml").write_text(f"model = {toml}\n")
    folder = config.projects / project_key(cwd)
    main = main_session(str(cwd))
    main.write(folder)
    forked(str(cwd), main).write(folder)
    damaged(str(cwd), folder)
    strange(str(cwd)).write(folder)
    (folder / f"{evil_name('other')}.jsonl").write_text("{}\n")
    for session, prompt in ((AWAY, "elsewhere"), (TITLED, "titled")):
        away = Transcript(session, "relative")
        away.prompt(evil(prompt))
        if session == TITLED:
            away.note("ai-title", aiTitle=lone("aititle"))
        away.write(config.projects / evil_name("project"))
    task = next(line for line in main.lines if "◆task." in str(line.get("message")))
    subagent(folder, task["message"]["content"][0]["id"])
    carries(cwd)
    remember(config, next(str(one["uuid"]) for one in main.lines if one["type"] == "user"))
    sessions = config.claude / "sessions"
    sessions.mkdir()
    for number, said in enumerate((DAMAGED, evil("pid"))):
        note = {"sessionId": said, "pid": os.getpid(), "procStart": None, "cwd": evil("pidcwd")}
        (sessions / f"{number}.json").write_text(json.dumps(note))
    return HostilePlace(config)
