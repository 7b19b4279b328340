"""Git worktrees of Claude Code: their sessions are the repository's, and what they would load."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sessiontree.claude.worktrees import are_as_committed
from sessiontree.commands import listing
from sessiontree.config import Config
from tests.forest_maker import Maker


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With settings that name a script, all of it committed."""
    root = tmp_path / "work"
    files = {
        "sub/a.py": "1",
        "CLAUDE.md": "Be brief.",
        ".mcp.json": "{}",
        ".claude/settings.json": "{}",
        "scripts/setup.sh": "true",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    return root


def git(root: Path, *words: str) -> None:
    command = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@x", *words]
    subprocess.run(command, check=True)


def same(folder: Path) -> bool:
    top = "../" if folder.name == "sub" else ""
    return are_as_committed(folder, [f"{top}.claude/settings.json", f"{top}scripts/setup.sh"])


@pytest.mark.parametrize("folder", ["", "sub"])
def test_what_a_worktree_would_load_is_what_was_seen(repository: Path, folder: str) -> None:
    (repository / "sub/a.py").write_text("2")
    (repository / ".claude/settings.local.json").write_text("{}")  # it would not be there at all
    assert same(repository / folder)


@pytest.mark.parametrize("name", ["CLAUDE.md", ".claude/settings.json", "scripts/setup.sh"])
def test_what_was_changed_since_the_last_commit(repository: Path, name: str) -> None:
    (repository / name).write_text("other")
    assert not same(repository)
    assert not same(repository / "sub")


def test_what_was_removed_since_the_last_commit(repository: Path) -> None:
    (repository / ".mcp.json").unlink()
    assert not same(repository)


def test_where_git_cannot_tell(tmp_path: Path) -> None:
    assert not same(tmp_path)
    git(tmp_path, "init", "-q")
    assert not same(tmp_path)
    assert not are_as_committed(tmp_path, ["a\0b"])


def test_their_sessions_are_listed_with_those_of_the_repository(tmp_path: Path) -> None:
    work = str(tmp_path / "work")
    inside = f"{work}/.claude/worktrees/try-this"
    maker = Maker(tmp_path / "claude/projects", work)
    for cwd in (work, inside, f"{work}-2", f"{work}/.claude"):
        maker.turn(maker.new(cwd=cwd), "Go")
    maker.write()
    first, second, *others = (session.id for session in maker.sessions)
    for cwd, shown in (
        (work, {first, second}),
        (inside, {first, second}),
        (f"{work}-2", set(others[:1])),
    ):
        config = Config(tmp_path / "home", tmp_path / "claude", Path(cwd))
        assert {row.id for row in listing.rows(config, everything=False)} == shown
