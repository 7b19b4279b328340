"""The demo's folder: a Claude Code of its own, a small project, and room for the app's store."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from sessiontree.demo import bottle
from sessiontree.demo.api import DEMO_KEY, demo_env

FOREST = Path(__file__).parent / "forest"
MARK = "sessiontree-demo"
"""The file by which a demo's folder is known; written last, so it vouches for the rest."""

LONGEST_KEY = 200
"""Claude Code shortens longer names of project folders in a way of its own."""


@dataclass(frozen=True, slots=True)
class DemoPlace:
    folder: Path

    @property
    def claude(self) -> Path:
        """Claude Code's folder: transcripts, settings, state."""
        return self.folder / "claude"

    @property
    def workspace(self) -> Path:
        """The project that the sessions work on."""
        return self.folder / "workspace"

    @property
    def home(self) -> Path:
        """The app's own folder."""
        return self.folder / "home"

    def endings(self) -> dict[str, str]:
        """How the last run of each session ended: session id → done, failed or interrupted."""
        found = {}
        for path in self.claude.glob("projects/*/*.jsonl"):
            end = path.read_bytes()[-4_000:]
            failed, interrupted = b'"isApiErrorMessage": true' in end, b"interrupted by user" in end
            found[path.stem] = "failed" if failed else "interrupted" if interrupted else "done"
        return found

    def env(self, api_url: str) -> dict[str, str]:
        """The variables with which Claude Code lives here and talks to the demo's API."""
        return demo_env(api_url, self.claude)


def prepare(folder: Path, now: float) -> DemoPlace:
    """Lays the demo out in `folder`, as if its last turn was some minutes before `now` (seconds
    since the epoch). A demo that is there already is left as it is.

    Costs about 20 ms: it reads and writes some 300 kB. Raises `OSError` where the folder cannot
    be written, holds something else, or has too long a path."""
    place = DemoPlace(folder.resolve())  # Claude Code names a project after its real path
    mark = place.folder / MARK
    if mark.exists():
        return place
    if place.folder.exists() and any(place.folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty, and what it holds is not a demo")
    key = project_key(place.workspace)
    if len(key) > LONGEST_KEY:
        raise OSError(f"{folder} is too long a path for a demo")
    for directory in (place.claude, place.workspace, place.home):
        directory.mkdir(parents=True, mode=0o700)
    for name, text in json.loads((FOREST / "workspace.json").read_text("utf-8")).items():
        (place.workspace / name).write_text(text, "utf-8")
    write_settings(place.claude, place.workspace)
    _pour_transcripts(place, place.claude / "projects" / key, now)
    mark.write_text("A sessiontree demo lives here. The folder can be deleted.\n", "utf-8")
    return place


def project_key(cwd: Path) -> str:
    """The name of the folder below `projects` where Claude Code keeps the transcripts of `cwd`."""
    return re.sub("[^a-zA-Z0-9]", "-", str(cwd))


def write_settings(claude: Path, workspace: Path) -> None:
    """Leaves Claude Code nothing to ask when it is started by hand in the workspace: no welcome,
    no key to approve, no folder to trust, no mode to choose (seen on 2.1.330)."""
    state = {
        "hasCompletedOnboarding": True,
        "hasSeenAutoDefaultNudge": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [DEMO_KEY], "rejected": []},
        "projects": {
            str(workspace): {
                "hasTrustDialogAccepted": True,
                "hasCompletedProjectOnboarding": True,
            }
        },
    }
    settings = {"permissions": {"defaultMode": "default"}, "cleanupPeriodDays": 3650}
    (claude / ".claude.json").write_text(json.dumps(state), "utf-8")
    (claude / "settings.json").write_text(json.dumps(settings), "utf-8")


def _pour_transcripts(place: DemoPlace, project: Path, now: float) -> None:
    paths = {
        bottle.WORKSPACE: str(place.workspace),
        bottle.CLAUDE: str(place.claude),
        bottle.PROJECT: project.name,
    }
    source = FOREST / "transcripts"
    for bottled in sorted(path for path in source.rglob("*") if path.is_file()):
        poured = project / bottled.relative_to(source)
        poured.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        text = bottle.pour(bottled.read_text("utf-8"), paths, now)
        poured.touch(mode=0o600)
        poured.write_text(text, "utf-8")
        if (written := bottle.last_time(text)) is not None:
            os.utime(poured, (written, written))
