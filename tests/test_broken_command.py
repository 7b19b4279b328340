"""What a command does when its output, the disk or the program itself breaks: a sentence and an
exit code, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Hold, say
from tests.api import ClaudePlace
from tests.forest_maker import Maker
from tests.processes import children, gone, needs_proc

# Each command with each output, in a process of its own; all of them have loaded the same modules.
EACH = """
import importlib, json, os, resource, sys
import sessiontree.store.database, sessiontree.engine.engine
from sessiontree.cli import COMMANDS, main

for name in COMMANDS:
    importlib.import_module(f"sessiontree.commands.{name}")

def end(words, output):
    read, err = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.dup2(err, 2)
        target = os.open("/dev/full" if output == "full" else os.devnull, os.O_WRONLY)
        if output == "unread":
            nobody, target = os.pipe()
            os.close(nobody)
        elif output == "none":
            sys.stdout = None
        elif output == "disk full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a pipe takes no room
        os.dup2(target, 1)
        sys.exit(main(words))
    os.close(err)
    with open(read) as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text

print(json.dumps([end(*call) for call in json.loads(sys.argv[1])]))
"""


def environ(place: ClaudePlace) -> dict[str, str]:
    return {**os.environ, **place.env, "SESSIONTREE_HOME": str(place.cwd.parent / "home")}


def test_an_output_that_has_no_such_letters_gets_their_numbers(place: ClaudePlace) -> None:
    maker = Maker(place.config_dir / "projects", str(place.cwd))
    maker.turn(maker.new(), "Größe → 漢字")
    maker.write()
    for said in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}):
        done = subprocess.run(
            [sys.executable, "-m", "sessiontree", "ls"],
            cwd=place.cwd,
            env=environ(place) | {"PYTHONUTF8": "0"} | said,
            capture_output=True,
            check=True,
        )
        assert rb"Gr\xf6\xdfe \u2192 \u6f22\u5b57" in done.stdout


def test_whatever_becomes_of_the_output_there_is_no_traceback(place: ClaudePlace) -> None:
    maker = Maker(place.config_dir / "projects", str(place.cwd))
    for _ in range(2):
        maker.turn(maker.new(), "One " + "word " * 4_000)  # more than a buffer holds
    maker.write()
    one, two = (made.id for made in maker.sessions)
    commands = [
        ["ls"],
        ["ls", "--json"],
        ["show", one],
        ["show", "--json", one],
        ["compare", one, two],
        ["compare", "--json", one, two],
        ["doctor"],
        ["doctor", "--repair"],
        ["fork", one],
        ["link", one, "--cut"],
        ["run", "--continue", "nobody", "Hello"],
        ["--help"],
    ]
    outputs = ["disk full", "unread", "full", "none"]
    calls = [(words, output) for output in outputs for words in commands]
    done = subprocess.run(
        [sys.executable, "-c", EACH, json.dumps(calls)],
        cwd=place.cwd,
        env=environ(place),
        capture_output=True,
        text=True,
        check=True,
    )
    ends = dict(
        zip([(*words, output) for words, output in calls], json.loads(done.stdout), strict=True)
    )
    assert not [call for call, (_, said) in ends.items() if "Traceback" in said], ends
    assert not [call for call, (_, said) in ends.items() if "Exception ignored" in said], ends
    assert {code for code, _ in ends.values()} == {0, 1}
    for words in commands[:8]:
        assert ends[*words, "unread"] == [0, ""]
        assert ends[*words, "none"][0] == 0
        code, said = ends[*words, "full"]
        assert code == 1
        assert said.startswith(f"sessiontree {words[0]}: No space left on device. Where it broke")
        assert said.count("\n") == 1
    for words in (["fork", one], ["link", one, "--cut"]):
        code, said = ends[*words, "disk full"]
        assert (code, "File too large" in said) == (1, True)
    for words in commands[:6]:  # what only looks needs no room
        assert ends[*words, "disk full"] == [0, ""]


BROKEN = """
import sessiontree.commands.ls as ls
from sessiontree.cli import main

def broken(config, args):
    local = "in a variable: sk-secret"
    raise RuntimeError("in its words: sk-secret")

ls.run = broken
raise SystemExit(main())
"""


@needs_proc
def test_a_command_that_breaks_says_so_in_a_line(place: ClaudePlace) -> None:
    home = place.cwd.parent / "home"

    def broken(**more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", BROKEN, "ls"],
            cwd=place.cwd,
            env=environ(place) | more,
            capture_output=True,
            text=True,
            umask=0,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("sessiontree ls broke (RuntimeError")
        assert done.stderr.count("\n") == 1
        assert "sk-secret" not in done.stderr
        return done.stderr

    page, elsewhere = home / "crash.txt", place.cwd / "elsewhere"
    home.mkdir(mode=0o700)
    page.symlink_to(elsewhere)  # is replaced, not followed
    assert str(page) in broken()
    assert not elsewhere.exists()
    assert "in broken" in page.read_text()
    assert "sk-secret" not in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert " at <string>:7)" in broken(SESSIONTREE_HOME="/proc/home")  # which takes no page


def started(place: ClaudePlace) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sessiontree", "run", "Hello"],
        cwd=place.cwd,
        env=environ(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@needs_proc
@pytest.mark.parametrize("how", ["ctrl+c", "SIGTERM", "unread"])
def test_a_run_that_is_ended_leaves_nothing_running(
    place: ClaudePlace, api: MessagesApi, how: str
) -> None:
    api.script = lambda request: say("Half an answer ", Hold(), "whole")
    with started(place) as process:
        assert process.stdout and process.stderr
        first = process.stdout.readline()  # the prompt
        assert "Hello" in first.decode()
        while not api.requests:
            signal.sigtimedwait([], 0.02)
        clis = children(process.pid)
        assert clis
        if how == "unread":
            process.stdout.close()
            api.release()
            process.stdout = None
        else:
            process.send_signal(signal.SIGINT if how == "ctrl+c" else signal.SIGTERM)
        said = process.stderr.read().decode()
        code = process.wait(30)
    assert code == {"ctrl+c": 130, "SIGTERM": -signal.SIGTERM, "unread": 1}[how]
    assert "Traceback" not in said and "Exception" not in said, said
    assert all(gone(pid, 15) for pid in clis)
