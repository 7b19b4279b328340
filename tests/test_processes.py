"""However the app ends, no Claude Code process outlives it, nor what that started, and the terminal
is as it was. Real processes, real signals, a real terminal."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Reply, ToolUse, say
from sessiontree.demo.request import Request
from tests import stand_in
from tests.api import ClaudePlace
from tests.processes import descendants, gone, needs_proc
from tests.terminal import Terminal

pytestmark = needs_proc

ENDS = {
    "": ["quit", "SIGHUP", "crash", "kill -9"],
    "stubborn_family": ["ctrl+c", "SIGTERM", "closed terminal", "kill -9"],
}
"""How the app ends, with the real Claude Code and with the stand-in that hears nothing."""

CRASHES = """
from sessiontree.cli import main
from sessiontree.ui.main.screen import MainScreen

def broken(self):
    raise RuntimeError

MainScreen.action_help = broken
raise SystemExit(main())
"""
SWITCHED_OFF = {1000, 1003, 1004, 1006, 1049, 2004}
"""The modes of a terminal that may not stay on: the mouse, the focus, the screen, the pastes."""


def words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def left_on(raw: bytes) -> set[int]:
    """The modes that were switched on, and not off again."""
    on: set[int] = set()
    for part in raw.split(b"\x1b[?")[1:]:
        number = part[:-1].split(b"h")[0].split(b"l")[0]
        if number.isdigit():
            (on.add if part[len(number) :].startswith(b"h") else on.discard)(int(number))
    return on & SWITCHED_OFF


class Ended:
    """One app that was ended while its run had a tool and a hook under way."""

    def __init__(self, how: str, place: ClaudePlace, fault: str) -> None:
        self.home = place.cwd.parent / "home"
        self.home.mkdir(mode=0o700)
        self.env = {**os.environ, **place.env, "SESSIONTREE_HOME": str(self.home)}
        if fault:
            (self.home / "config.toml").write_text(f'model = "{fault}"\n')
            self.pids = self.home / "pids"
            self.env |= {"SESSIONTREE_CLI": stand_in.__file__, "STAND_IN_PIDS": str(self.pids)}
        self.place = place
        self.how = how
        self.fault = fault

    def start(self) -> Terminal:
        return Terminal(["-c", CRASHES], self.env, self.place.cwd, (80, 24))

    def watch(self) -> list[str]:
        """What is not as it should be."""
        terminal = self.start()
        try:
            terminal.shows("No sessions here yet")
            terminal.type("nHello\r")
            terminal.shows("Half an")
            started: set[int] = set()

            def all_there() -> bool:
                started.update(descendants(terminal.process.pid))
                if self.fault:
                    return len(self.pids.read_text().split()) == 2
                said = " ".join(map(words, started))
                return "tail -n 611" in said and "tail -n 622" in said

            terminal.until(all_there)
            if self.fault:
                started.update(map(int, self.pids.read_text().split()))
            assert terminal.modes != terminal.modes_before
            self.end(terminal)
            faults = [f"{words(pid)} is left" for pid in started if not gone(pid, 15)]
            if self.how != "closed terminal":
                while terminal.drain():
                    pass
                if terminal.modes != terminal.modes_before:
                    faults.append("the terminal has other modes")
                faults += [f"mode {mode} is left on" for mode in left_on(bytes(terminal.raw))]
        finally:
            terminal.close()
        if self.how == "kill -9":
            faults += self.next_time()
        return faults

    def end(self, terminal: Terminal) -> None:
        process = terminal.process
        match self.how:
            case "quit" | "ctrl+c":
                key = "\x11" if self.how == "quit" else "\x03"
                terminal.type(key)
                terminal.shows("end them and quit")
                while process.poll() is None:  # a key in the first moment decides nothing
                    terminal.type(key)
                    terminal.drain()
            case "closed terminal":
                terminal.vanish()
            case "crash":
                terminal.type("\x1b")
                terminal.shows("esc interrupt")
                terminal.type("?")
            case "kill -9":
                process.kill()
            case name:
                process.send_signal(getattr(signal, name))
        if self.how != "closed terminal":
            terminal.ends()
        process.wait(30)

    def next_time(self) -> list[str]:
        terminal = self.start()
        try:
            terminal.shows("Hello", "interrupted")
            terminal.type("\x11")
            terminal.ends()
        except AssertionError as error:
            return [f"it is not shown as interrupted:\n{error}"]
        finally:
            terminal.close()
        return []


def ended(how: str, place: ClaudePlace, fault: str) -> str:
    cwd = place.cwd.parent / how.replace(" ", "-") / "workspace"
    config_dir = cwd.parent / "claude"
    cwd.mkdir(parents=True)
    config_dir.mkdir()
    hook = {"type": "command", "command": "tail -n 622 -f /dev/null", "async": True}
    settings = {
        "permissions": {"allow": ["Bash"]},
        "hooks": {"SessionStart": [{"matcher": "", "hooks": [hook]}]},
    }
    (config_dir / "settings.json").write_text(json.dumps(settings))
    env = {**place.env, "CLAUDE_CONFIG_DIR": str(config_dir)}
    faults = Ended(how, replace(place, cwd=cwd, config_dir=config_dir, env=env), fault).watch()
    return "".join(f"{how}: {fault}\n" for fault in faults)


@pytest.mark.parametrize("fault", ENDS)
def test_nothing_outlives_the_app(api: MessagesApi, place: ClaudePlace, fault: str) -> None:
    def script(request: Request) -> Reply:
        return say("Half an answer ", ToolUse("Bash", {"command": "tail -n 611 -f /dev/null"}))

    api.script = script
    with ThreadPoolExecutor(4) as pool:
        faults = list(pool.map(lambda how: ended(how, place, fault), ENDS[fault]))
    assert not any(faults), "".join(faults)
