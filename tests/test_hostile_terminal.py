"""Every screen and every command in a real terminal, in a place in which everything lies (see
`hostile_place`): what reaches the terminal is text, and the sequences that the app draws with."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from inspect import getsource
from pathlib import Path

from tests import stand_in
from tests.hostile_place import DAMAGED, EVIL, FORK, IN_A_NAME, MAIN, MARKS, STRANGE, hostile_place
from tests.terminal import Terminal
from tests.terminal_bytes import faults

SIZES = [(140, 45), (50, 16)]
"""Both panes, and one of them in a low terminal: what lies between has no screens of its own."""

AT_ONCE = f"""
from pathlib import Path
import sessiontree.ui.dialogs.base as base
from sessiontree.cli import main
from sessiontree.ui.main.screen import MainScreen

help = MainScreen.action_help

def help_or_break(self):
    if Path("break").exists():
        local = {EVIL!r}
        raise RuntimeError(local)
    help(self)

MainScreen.action_help = help_or_break
base.GUARD_SECONDS = 0
raise SystemExit(main())
"""
"""The program, with dialogs that take keys as soon as they are there, and a key that breaks it."""

TOLD = {
    *("args", "ask", "chain", "deep", "did", "edited", "found", "glob", "label", "livevalue"),
    *("message", "offset", "project", "source", "text", "tool", "value"),
}
"""Fields that only a command has to show."""

HIDDEN = {
    # of a line: which program wrote it, for whom, in what way, what it used
    *("branch", "version", "slug", "request", "mode", "modes", "sign", "subtype", "time"),
    *("tokens", "used", "usage", "pre", "trigger", "number", "agent"),
    # ids are no UUIDs and lead nowhere; a link whose evidence is no known word is not drawn
    *("uuid", "uuid2", "parent", "writer", "evidence", "group"),
    # what nobody knows: kinds of lines and their fields, a verdict that is none
    *("newkind", "field", "fact", "verdict", "seen", "selected"),
    # what instructions say is for the agent; a summary of what was compacted as well
    *("instructions", "ruletext", "compacted"),
    # of other programs' runs, and of those before: that they are there is said, not what they are
    *("pid", "pidcwd", "host", "process", "oldmodel", "reason"),
    # something else is said in its place: a title, a reason, that it is a subagent
    *("way", "livedescription", "liveagent"),
}
"""Fields that are shown nowhere."""

LIVE = {
    f"live{name}" for name in re.findall(r'mark\.format\("(\w+)"\)', getsource(stand_in.hostile))
}

MARK = re.compile(r"◆([a-z0-9]+)\.")


@dataclass
class Walk:
    """Goes through the app, and notes where in the bytes each screen begins."""

    terminal: Terminal
    width: int
    steps: list[tuple[int, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def point(self, button: int, column: int, row: int, *, up: bool = False) -> None:
        """What the mouse does in a place, counted from 1: 0 presses, 32 drags, 35 hovers."""
        self.go(f"\x1b[<{button};{column};{row}{'m' if up else 'M'}")

    def copied(self) -> list[str]:
        """What was put in the terminal's clipboard."""
        found = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", bytes(self.terminal.raw))
        return [base64.b64decode(text).decode() for text in found]

    def go(self, keys: str, *words: str, gone: str = "") -> None:
        """Press keys, then wait for words, or for one to go away."""
        self.steps.append((len(self.terminal.raw), f"{keys!r} → {words}"))
        self.terminal.type(keys)
        self.look(*words, gone=gone)

    def pages(self, most: int = 40) -> None:
        """Page by page down to where nothing else comes."""
        for _ in range(most):
            before = self.terminal.text
            self.go("\x1b[6~")
            try:
                self.terminal.until(lambda before=before: self.terminal.text != before, 2)  # type: ignore[misc]
            except AssertionError:
                return
            self.look()

    def look(self, *words: str, gone: str = "") -> None:
        def shown() -> bool:
            text = self.terminal.text
            return all(word in text for word in words) and not (gone and gone in text)

        try:
            self.terminal.until(shown)
            while self.terminal.drain():  # to the end of the frame
                self.terminal.until(shown)
        except AssertionError as error:
            raise AssertionError(f"{self.steps[-1:]} did not show:\n{error}") from None
        self.seen |= set(MARK.findall(self.terminal.text))

    def drawn(self) -> set[str]:
        """The marks that were on a screen, also on one that was gone before it was looked at."""
        return self.seen | set(MARK.findall(bytes(self.terminal.raw).decode("utf-8", "replace")))

    def faults(self) -> list[str]:
        """What came through, each with the screen on which it did and the mark before it."""
        raw = bytes(self.terminal.raw)
        text = raw.decode("utf-8", "surrogateescape")
        found = []
        for fault in faults(text, self.width):
            offset = len(text[: fault.at].encode("utf-8", "surrogateescape"))
            screen = [words for at, words in self.steps if at <= offset][-1:]
            marks = MARK.findall(text[: fault.at])[-1:]
            found.append(f"{fault.says}, behind {marks}, on {screen}")
        return found


def through_all_screens(folder: Path, size: tuple[int, int]) -> Walk:
    """From the first screen to the end; in a place of its own."""
    folder.mkdir()
    hostile = hostile_place(folder)
    terminal = Terminal(["-c", AT_ONCE], hostile.environ, hostile.config.cwd, size)
    walk = Walk(terminal, size[0])
    try:
        walk.look("◆title.")
        walk.go("gj*", "1 One ◆")
        compare(walk)
        stream(walk)
        mouse(walk)
        dialogs(walk)
        live(walk)
        crash(walk, hostile.config.cwd)
    finally:
        terminal.close()
    return walk


def test_nothing_comes_through_on_any_screen(tmp_path: Path) -> None:
    places = [tmp_path / f"{columns}x{rows}" for columns, rows in SIZES]
    with ThreadPoolExecutor(len(SIZES)) as pool:  # they wait most of the time
        walks = list(pool.map(through_all_screens, places, SIZES))
    found = [fault for walk in walks for fault in walk.faults()]
    assert not found, "\n".join(found)
    seen = set().union(*(walk.drawn() for walk in walks))
    assert (MARKS | LIVE) - TOLD - HIDDEN - seen == set()
    assert seen & HIDDEN == set()


def compare(walk: Walk) -> None:
    walk.go("gj jj =", "2 sessions, 1 shared turn")
    walk.go("s", "◆thought." if walk.width > 100 else "◆prompt.")
    walk.go("  n", "difference")
    walk.go("\t\t]G", "esc back")
    walk.go("?", "Every turn is a place")
    walk.go("\x1b", gone="Every turn is a place")
    walk.go("q", gone="esc back")
    walk.go("   gj   jj  ", "◆given.")


def stream(walk: Walk) -> None:
    """The stream of a session from its end to its beginning, and its events one by one."""
    walk.go("gj\t", "◆final.")
    walk.go("/", "search in this stream")
    walk.go("thought\r", "1 of")
    walk.go("g", "◆prompt.")
    for _ in range(4):
        walk.go("j \r", "esc close")
        walk.go("r", "r rendered")
        walk.go("q", gone="esc close")
    walk.go("\x1b[5~", "◆")
    walk.go("\x1b[5~", "◆")

    if walk.width > 100:
        walk.go("g" + " j" * 50)  # unfolds what is folded, and the other way round
        walk.go("g", "◆prompt.")
        walk.pages()


def mouse(walk: Walk) -> None:
    """Over everything on the screen, a click, and a drag whose text is copied. (At the edge a drag
    scrolls on and on: that is not waited for.)"""
    width, rows = walk.width, walk.terminal.screen.lines
    for row in range(1, rows + 1, 3):
        for column in (4, width - 6):
            walk.point(35, column, row)
    walk.point(0, 6, 3)
    walk.point(0, 6, 3, up=True)
    walk.look("◆")
    count = len(walk.copied())
    walk.point(0, width // 2 + 6, 4)
    drag = "".join(f"\x1b[<32;{width - 4};{row}M" for row in range(5, rows - 6, 2))
    walk.terminal.type(f"{drag}\x1b[<0;{width - 4};{rows - 6}m")
    walk.terminal.type("\x03")
    walk.terminal.until(lambda: len(walk.copied()) > count)
    assert "◆" in walk.copied()[-1]


def crash(walk: Walk, cwd: Path) -> None:
    """The page that is left on the terminal when the app breaks, with a run under way."""
    (cwd / "break").touch()
    if walk.width < 100:
        walk.go("\x1b")  # from the composer
    walk.steps.append((len(walk.terminal.raw), "crash"))
    walk.terminal.type("?")
    assert walk.terminal.ends() == 1
    assert "sessiontree broke (RuntimeError)" in walk.terminal.text
    walk.look("◆home.")


def dialogs(walk: Walk) -> None:
    """What is asked about a session, from the row of the fork on."""
    walk.go("\x1b[Zgjj", "1 One")
    walk.go("w", "A note on", "◆turnnote.")
    walk.go("\x1b", gone="A note on")
    walk.go("j", "continue ‹◆given.")
    for keys, words in (
        ("r", "A title for this session"),
        ("w", "A note on"),
        ("F", "way 1"),
        ("?", "Every turn is a place"),
        ("c\x0f", "How the next run is set"),
    ):
        for key in keys:
            walk.go(key, words if key == keys[-1] else "enter send")
        walk.go("\x1b", *["enter send"] * keys.startswith("c"), gone=words)
    walk.go("\x1b", gone="enter send")
    walk.go("L", "Where does")
    walk.go("p", "The parent of")
    walk.go("odd", "Odd ◆odd.")
    walk.go("\x1b", gone="The parent")
    walk.go("m", "Bring what came of")
    walk.go("\x1b", gone="Bring what")
    walk.go("H", "handed over fr", "enter send")
    walk.go("\x1b", gone="enter send")
    for key in "yY.+--":  # each says a passing word, which need not fit a small screen
        walk.go(key)
    walk.go("/", "words, is:")
    walk.go("torn\ro", "Two processes that go on")  # in one go: `o` is for the row that was found
    walk.go("\x1b", gone="Two processes")
    walk.go("a", "all projects   7 sessions")
    walk.go("Gl", "◆elsewhere.")
    walk.go("j*", *["◆aititle.", "◆titled."] * (walk.width > 100))
    walk.go("a", gone="◆elsewhere.")


def live(walk: Walk) -> None:
    """Runs that say and ask the worst, two at once."""
    walk.go("n", "new session in")
    walk.go("Hello\r", "This project brings")
    walk.pages()
    walk.go("m", "◆livetitle.")
    walk.go("l", "◆livetool.", gone="deny, and say why")
    walk.go("n", "new session in")
    walk.go("Again\r", "◆livetitle.", "also waiting")
    walk.go("d", "◆livequestion.", "1/2")
    walk.go("\x1b", "has a plan")
    walk.go("k", "✗ failed", gone="has a plan")
    walk.go("\x1b", gone="enter send")
    walk.go("@", "◆livetitle.")
    for _ in range(5):  # by the wheel: a key that comes late would be for the next dialog
        walk.point(65, walk.width // 2, walk.terminal.screen.lines // 2)
    walk.go("d", "◆livequestion.", "1/2")
    walk.go("\r", "2/2")
    told = ("has a plan", "Nothing is marked")
    while "has a plan" not in walk.terminal.text:  # a key can come before the second page
        walk.go(" ")
        walk.go("\x13")
        walk.terminal.until(lambda: any(words in walk.terminal.text for words in told))
    walk.look("has a plan")
    walk.go("a", gone="has a plan")
    walk.go("n", "new session in")
    walk.go("Third\r", "◆livetitle.")
    walk.go("l", gone="deny, and say why")


COMMANDS = """
import sys
from sessiontree.cli import main

for words in {commands!r}:
    print("$", *map(ascii, words), flush=True)
    try:
        main(words)
    except SystemExit:
        pass
"""


def commands() -> list[list[str]]:
    """Each command as it is meant, and with words that a shell may have completed."""
    plain = [["ls"], ["ls", "--all"], ["ls", "--json"], ["doctor"], ["run", "Hello"]]
    plain += [["run", "--json", "Hello"], ["run", "--trust-project", "Hello"]]
    for session in (MAIN, DAMAGED, STRANGE, "66666666"):
        plain += [["show", session], ["show", "--json", session]]
    plain += [["compare", *form, MAIN, FORK] for form in ([], ["--md"], ["--json"])]
    evil = IN_A_NAME
    said = [["show", evil], ["link", MAIN, evil], ["link", FORK, MAIN, "--at", evil]]
    said += [
        ["fork", MAIN, "--at", evil],
        ["run", "--in", evil, "Hello"],
        ["--project", evil, "ls"],
    ]
    return [*plain, *said, [evil], ["compare", evil, evil]]


def acts(text: str) -> list[str]:
    return [fault.says for fault in faults(text.replace("\t", " "), 10**6)]


def test_nothing_comes_through_from_a_command(tmp_path: Path) -> None:
    hostile = hostile_place(tmp_path)
    code = COMMANDS.format(commands=commands())
    terminal = Terminal(["-c", code], hostile.environ, hostile.config.cwd, (80, 24))
    try:
        assert terminal.ends() == 0
    finally:
        terminal.close()
    text = bytes(terminal.raw).decode("utf-8", "surrogateescape")
    assert acts(text) == []
    assert len(re.findall(r"^\$ ", text, re.MULTILINE)) == len(commands())
    told = set(MARK.findall(text))
    assert TOLD - told == set()
    assert told & HIDDEN == set()


def test_what_a_command_says_can_go_through_a_pipe(tmp_path: Path) -> None:
    """To a pager, which may show what it is given as it is."""
    hostile = hostile_place(tmp_path)
    code = COMMANDS.format(commands=commands())
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=hostile.environ,
        cwd=hostile.config.cwd,
        capture_output=True,
        check=True,
    )
    for said in (done.stdout, done.stderr):
        assert acts(said.decode()) == []
    assert b"Traceback" not in done.stderr
