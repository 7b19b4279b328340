"""Where things are and what a person set: read once at the start, from the environment and from
`config.toml` in the app's own folder."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessiontree.model.session import project_folder


class ConfigError(Exception):
    """A setting that cannot be used; the text says which, where and why."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run is waited for, in seconds."""

    start: float = 60.0
    """For Claude Code to say that it is there; then the run has failed."""
    interrupt: float = 10.0
    """For an interrupted run to report; then its process is ended."""
    close: float = 5.0
    """For a process to end once its input is closed, and again once it was asked to."""
    answer: float = 720 * 60.0
    """For a person to answer a question; then it is a no. `answer_minutes` in config.toml."""


@dataclass(frozen=True, slots=True)
class Config:
    home: Path
    """The app's own folder: store, archive, logs. `SESSIONTREE_HOME`, else the platform's."""
    claude: Path
    """Claude Code's folder: `CLAUDE_CONFIG_DIR`, else `~/.claude`."""
    cwd: Path
    """Where new sessions start; its project is shown first."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that every run gets on top of the app's own."""
    cli: Path | None = None
    """Another Claude Code executable than the one the SDK bundles: `SESSIONTREE_CLI`."""
    runs: int = 4
    """How many runs may be under way at once; further ones wait."""
    model: str = ""
    """The model of a new run; "" leaves it to Claude Code."""
    archive_mb: int = 2000
    """How much the archive may take; the oldest copies that nobody marked give way."""
    patience: Patience = Patience()
    demo: bool = False
    suggestions: tuple[tuple[str, str], ...] = ()
    """Prompts to propose in the composer, each with what it shows."""

    @property
    def project(self) -> Path:
        """The folder whose sessions are shown: also in a worktree those of its repository."""
        return Path(project_folder(str(self.cwd)))

    @property
    def projects(self) -> Path:
        return self.claude / "projects"

    @property
    def store(self) -> Path:
        return self.home / "store.jsonl"

    @property
    def index(self) -> Path:
        """What is known of the transcripts in `projects`: each such folder has an index."""
        return self.home / "index" / f"{zlib.crc32(os.fsencode(self.projects.absolute())):08x}"

    @property
    def archive(self) -> Path:
        return self.home / "archive"


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The app's own folder. Raises `ConfigError`."""
    setting = environ.get("SESSIONTREE_HOME")
    return expanded(setting) if setting else default_home()


def default_home() -> Path:
    from platformdirs import user_data_path  # 40 ms: only when it is needed

    return user_data_path("sessiontree", appauthor=False)


def make_private(folder: Path) -> None:
    """Makes a folder, and those above it that are missing, for their owner alone. (`Path.mkdir`
    gives its mode to the last one only.) Raises `OSError`."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(0o700, exist_ok=True)


def load(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Config:
    """The configuration from the environment and `config.toml`.

    Raises `ConfigError` for a file that is not TOML, a value that makes no sense, or where the
    folder it was started in is gone."""
    environ = os.environ if environ is None else environ
    home = home_folder(environ)
    claude = expanded(environ.get("CLAUDE_CONFIG_DIR") or "~/.claude")
    settings = _read_toml(home / "config.toml")
    cli = environ.get("SESSIONTREE_CLI") or settings.get("cli")

    def number(name: str, default: int, most: int = 64) -> int:
        value = environ.get(f"SESSIONTREE_{name.upper()}", settings.get(name, default))
        return _whole_number(value, name, home, most)

    return Config(
        home=home,
        claude=claude,
        cwd=(cwd or _here()).absolute(),
        cli=expanded(str(cli)) if cli else None,
        runs=number("runs", 4),
        model=str(settings.get("model", "")),
        archive_mb=number("archive_mb", 2000, most=1_000_000),
        patience=Patience(answer=60 * number("answer_minutes", 720, most=100_000)),
    )


def expanded(path: str) -> Path:
    """A path with `~` in it. Raises `ConfigError`."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # of a user that is not there
        raise ConfigError(f"{path} cannot be used: {error}") from error


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError("The folder you are in is gone. Change to another one.") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}. Mend or remove it.") from error
    import tomllib  # most people have no such file

    try:
        return tomllib.loads(data.decode())
    except ValueError as error:  # no TOML, or no UTF-8
        raise ConfigError(f"{path} cannot be read: {error}. Mend or remove it.") from error


def _whole_number(value: object, name: str, home: Path, most: int) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise ConfigError(
            f"{name} = {value!r}: a whole number from 1 to {most} is needed. "
            f"It is set in {home / 'config.toml'} or in SESSIONTREE_{name.upper()}."
        )
    return number
