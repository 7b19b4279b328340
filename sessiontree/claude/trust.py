"""What a project folder carries that could run something or change how the agent behaves.

Which files those are was seen on Claude Code 2.1.330, started with project and local settings:

| read from | files |
| --- | --- |
| the folder | `.claude/settings.json`, `settings.local.json`, `scheduled_tasks.json` |
| its repository's root, and the main checkout of a worktree | `.claude/settings.local.json` |
| the folder up to its repository's root (up to the home folder where there is none) | \
`.claude/` `agents`, `commands`, `skills`, `output-styles`, `workflows` |
| every folder up to `/` | `.mcp.json`, `CLAUDE.md` and its kin, `.claude/rules` |

Hooks, helpers and MCP servers of these files run without a question, and links are followed.
Skills and CLAUDE.md files of folders below are found only while the agent works there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sessiontree.claude import project_settings
from sessiontree.claude.project_settings import Act
from sessiontree.claude.worktrees import repository
from sessiontree.model.text import clean_line
from sessiontree.model.trust import Does, Survey, Thing

MOST_BYTES = 4 * 1024 * 1024
"""Of one file. What is larger is not read, and such a project is not trusted."""

MOST_FILES = 2000
MOST_THINGS = 500
MOST_TEXT = 600
"""Characters that are shown of one command or value; what is beyond is counted in words."""

MOST_PROGRAM_BYTES = 64 * 1024 * 1024
"""A program that is larger is known by its size and time."""

_SCRIPTS = {".sh", ".bash", ".zsh", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".php"}
_TREES = {
    "agents": ("agent", (".md",)),
    "commands": ("command", (".md",)),
    "skills": ("skill", ("SKILL.md", ".json")),  # .json: what a plugin is made of
    "output-styles": ("output style", (".md",)),
    "workflows": ("workflow", (".js", ".mjs", ".ts", ".md", ".json")),
}
"""What each folder holds, and how the names of the files end that Claude Code reads itself."""


class _Fault(Exception):
    """Why a file cannot be trusted."""


def survey(folder: Path, own: Path, granted: Collection[str] = ()) -> Survey:
    """What `folder` carries. `own` is the person's own Claude Code folder, which is theirs and
    not a project's; `granted` are rules and folders that the person allowed for good from here,
    and that Claude Code therefore wrote into the settings.

    Reads every file that matters, at most `MOST_FILES` of `MOST_BYTES`: call it in a thread.
    Of instructions (CLAUDE.md, rules) only the names count, not the text: what it says is told
    to the agent and to nobody else, and it is edited every day. Raises nothing: what cannot be
    read is a fault in the result."""
    real = Path(os.path.realpath(folder))
    look = _Look(real, Path(os.path.realpath(own)), frozenset(granted))
    try:
        look.at_all()
    except _Fault as fault:
        look.faults.append(str(fault))
        look.files["."] = "too much"
    order = list(Does)
    things = sorted(look.things, key=lambda thing: order.index(thing.does))
    return Survey(str(real), tuple(things), tuple(look.faults), look.files)


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder on the way up, and the folder that links in it may not lead out of."""

    folder: Path
    bound: Path

    @property
    def dot(self) -> Path:
        return self.folder / ".claude"


class _Look:
    """One survey under way."""

    def __init__(self, folder: Path, own: Path, granted: frozenset[str]) -> None:
        self.folder = folder
        self.own = own
        self.granted = granted
        self.repository = repository(folder)
        self.things: list[Thing] = []
        self.faults: list[str] = []
        self.files: dict[str, str] = {}

    def at_all(self) -> None:
        home = Path("~").expanduser()
        inside = True  # still in the repository, or below the home folder
        for place in (self.folder, *self.folder.parents):
            if self.repository is None and place == home and place != self.folder:
                inside = False
            bound = self.repository if inside and self.repository else place
            level = _Level(place, bound)
            if level.dot != self.own:
                if place == self.folder:
                    self.settings(level, "settings.json")
                    self.settings(level, "settings.local.json")
                    self.tasks(level)
                elif place == self.repository:
                    self.settings(level, "settings.local.json")
                for name in _TREES if inside else ():
                    self.definitions(level, name)
            self.servers(level)
            self.instructions(level)
            if place == self.repository:
                inside = False
        main = _main_checkout(self.repository) if self.repository else None
        if main is not None and main / ".claude" != self.own:
            self.settings(_Level(main, main), "settings.local.json")

    # The kinds of files

    def settings(self, level: _Level, name: str) -> None:
        path = level.dot / name
        data = self._json(path, level)
        if data is None:
            return
        data = project_settings.without(data, self.granted)
        if not data:
            return
        self._note(path, json.dumps(data, sort_keys=True).encode())
        for act in project_settings.settings(data):
            self._thing(path, act, level)

    def tasks(self, level: _Level) -> None:
        path = level.dot / "scheduled_tasks.json"
        data = self._json(path, level)
        if data:
            self._note(path, json.dumps(data, sort_keys=True).encode())
            self._thing(path, (Does.SETS, "scheduled prompts", json.dumps(data)), level)

    def servers(self, level: _Level) -> None:
        path = level.folder / ".mcp.json"
        data = self._json(path, level)
        if not data:
            return
        self._note(path, json.dumps(data, sort_keys=True).encode())
        for act in project_settings.servers(data):
            self._thing(path, act, level)

    def definitions(self, level: _Level, tree: str) -> None:
        word, endings = _TREES[tree]
        for path in self._below(level.dot / tree, level, endings):
            content = self._bytes(path, level)
            if content is None:
                continue
            self._note(path, content)
            name = path.parent.name if path.name == "SKILL.md" else path.stem
            text = content.decode("utf-8-sig", "replace")
            for does, words in project_settings.definition(text, path.suffix):
                self._thing(path, (does, f"{word} {name}", words), level)

    def instructions(self, level: _Level) -> None:
        names = ["CLAUDE.md", "CLAUDE.local.md"]
        if not os.path.lexists(level.folder / "CLAUDE.md"):
            names.append("AGENTS.md")  # read in its place
        paths = [level.folder / name for name in names]
        if level.dot != self.own:
            paths.append(level.dot / "CLAUDE.md")
            paths += self._below(level.dot / "rules", level, (".md",))
        for path in paths:
            if self._is_there(path, level):
                self._note(path, b"")
                self._thing(path, (Does.TELLS, path.name, ""), level)

    # Files

    def _json(self, path: Path, level: _Level) -> dict[str, Any] | None:
        """The object in a file; None where there is no file or no such object in it."""
        content = self._bytes(path, level)
        if content is None or not content.strip():
            return None
        try:
            data = json.loads(content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            return data
        self._fault(path, "is not valid JSON")
        return None

    def _bytes(self, path: Path, level: _Level) -> bytes | None:
        """A file's content; None where there is none, or with a fault noted."""
        if not self._is_there(path, level):
            return None
        try:
            # Not blocking: a named pipe is no file, and would wait for a writer for ever.
            number = os.open(os.path.realpath(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(number, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OSError("it is no file")
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            self._fault(path, f"cannot be read ({error.strerror or error})")
            return None
        if len(content) > MOST_BYTES:
            self._fault(path, f"is larger than {MOST_BYTES // 1024 // 1024} MB")
            return None
        return content

    def _is_there(self, path: Path, level: _Level) -> bool:
        """Whether there is something at `path`; notes a link that leads out of the project."""
        if not os.path.lexists(path):
            return False
        if Path(os.path.realpath(path)).is_relative_to(level.bound):
            return True
        self._fault(path, "leads out of the project")
        return False

    def _below(self, folder: Path, level: _Level, endings: tuple[str, ...]) -> list[Path]:
        """The files below `folder` whose names end so, links followed, each folder once."""
        found: list[Path] = []
        seen: set[str] = set()
        waiting = [folder]
        while waiting:
            at = waiting.pop()
            if not self._is_there(at, level) or (real := os.path.realpath(at)) in seen:
                continue
            seen.add(real)
            try:
                for path in sorted(at.iterdir()) if at.is_dir() else []:
                    if path.is_dir():
                        waiting.append(path)
                    elif path.name.endswith(endings):
                        found.append(path)
            except OSError as error:
                self._fault(at, f"cannot be read ({error.strerror})")
            if len(found) + len(seen) > MOST_FILES:
                raise _Fault(f"{self._shown(folder)} has more than {MOST_FILES:,} files.")
        return sorted(found)

    # Notes

    def _key(self, path: Path) -> str:
        """The path from the folder, whatever bytes it has, as text that is one with it."""
        name = os.fsencode(os.path.relpath(path, self.folder))
        return name.decode("utf-8", "backslashreplace")

    def _shown(self, path: Path) -> str:
        return clean_line(self._key(path))

    def _note(self, path: Path, content: bytes) -> None:
        if len(self.files) >= MOST_FILES:
            raise _Fault(f"It carries more than {MOST_FILES:,} files.")
        self.files[self._key(path)] = hashlib.sha256(content).hexdigest()

    def _fault(self, path: Path, why: str) -> None:
        self.files[self._key(path)] = why
        self.faults.append(f"{self._shown(path)} {why}.")

    def _thing(self, path: Path, act: Act, level: _Level) -> None:
        does, name, text = act
        if len(self.things) >= MOST_THINGS:
            raise _Fault(f"It carries more than {MOST_THINGS} things.")
        if does is Does.RUNS:
            for program in _programs(text, self.folder, level.bound):
                self.files[self._key(program)] = _digest(program)
        self.things.append(Thing(does, self._shown(path), clean_line(name), _cut(text)))


def _programs(command: str, folder: Path, bound: Path) -> list[Path]:
    """The programs of the project that a command names: they are as much part of it as its
    words. A file that it only writes or reads is none."""
    for name in ("${CLAUDE_PROJECT_DIR}", "$CLAUDE_PROJECT_DIR"):
        command = command.replace(name, str(folder))
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    named = [Path(os.path.realpath(folder / word)) for word in words if "\0" not in word]
    return [path for path in named if bound in path.parents and _is_program(path)]


def _is_program(path: Path) -> bool:
    try:
        is_file = path.is_file()
    except OSError:  # a name that is too long is none
        return False
    return is_file and (path.suffix in _SCRIPTS or os.access(path, os.X_OK))


def _digest(program: Path) -> str:
    try:
        with program.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > MOST_PROGRAM_BYTES:
                return f"{status.st_size} {status.st_mtime_ns}"
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _main_checkout(repository: Path) -> Path | None:
    """The checkout that a linked worktree belongs to: its `.git` is a file that names
    `MAIN/.git/worktrees/NAME`. None for any other repository."""
    try:
        with (repository / ".git").open(encoding="utf-8", errors="replace") as file:
            line = file.read(4096).strip()
    except OSError:
        return None
    named = Path(os.path.realpath(repository / line.removeprefix("gitdir:").strip()))
    is_linked = line.startswith("gitdir:") and named.parent.name == "worktrees"
    return named.parent.parent.parent if is_linked else None


def _cut(text: str) -> str:
    line = clean_line(text)
    more = len(line) - MOST_TEXT
    return line if more <= 0 else f"{line[:MOST_TEXT]} … {more:,} more characters"
