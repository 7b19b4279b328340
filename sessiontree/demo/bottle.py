"""Transcripts made independent of the machine and the day they were recorded on (`bottle`), and
made at home on another (`pour`).

In a bottle paths are placeholders, ids follow from their order, and times count from `NOW`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

NOW = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
"""Stands for the time at which a bottle is poured."""

WORKSPACE, CLAUDE, PROJECT = "{{workspace}}", "{{claude}}", "{{project}}"

KEPT = {"user", "assistant", "system", "custom-title", "cost-state"}
"""Kinds of lines that the CLI needs to continue and fork a session, or to show it. Left out are
nine tenths of a transcript: attachments and what was sent to the API, which the CLI makes again
(tried on Claude Code 2.1.330)."""

_TIME = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d*Z"')
_IDS = re.compile(
    r"\b(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b"
    r"|\b(?P<prefix>msg_|toolu_|a)(?P<hex>[0-9a-f]{16,24})\b"
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of the recording's clock and the span of the told time that it becomes; all in
    seconds, the recording's since the epoch, the told ones before `NOW`."""

    begin: float
    end: float
    ago: float
    lasts: float

    def tell(self, moment: float) -> float:
        share = (moment - self.begin) / (self.end - self.begin)
        return NOW - self.ago + min(1.0, max(0.0, share)) * self.lasts


def strip(text: str) -> list[dict[str, Any]]:
    """The lines of a transcript that are kept, linked to one another past those that are not."""
    entries = [json.loads(line) for line in text.splitlines()]
    parents: dict[str, str | None] = {
        entry["uuid"]: entry.get("parentUuid") for entry in entries if "uuid" in entry
    }
    kept = [entry for entry in entries if entry["type"] in KEPT]
    there = {entry.get("uuid") for entry in kept}
    for entry in kept:
        if "parentUuid" in entry:
            parent = entry["parentUuid"]
            while parent is not None and parent not in there:
                parent = parents.get(parent)
            entry["parentUuid"] = parent
        entry.pop("requestRef", None)  # names a line that is not kept
        if "startTime" in entry:
            entry["startTime"] = 0  # the costs so far are only read where there is one
    return kept


def bottle(text: str, paths: Mapping[str, str], ids: Ids, stretches: Iterable[Stretch]) -> str:
    """`text` (JSON lines) with `paths` replaced by their placeholders, the longest first."""
    stretches = list(stretches)
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(_inside_json(path), paths[path])
    return _TIME.sub(lambda match: _told(match, stretches), ids.rename(text))


def pour(text: str, paths: Mapping[str, str], now: float) -> str:
    """`text` out of a bottle, with real paths in place of placeholders, as if told at `now`
    (seconds since the epoch). Linear; about 10 ms a megabyte."""
    for placeholder, path in paths.items():
        text = text.replace(placeholder, _inside_json(path))
    return _TIME.sub(lambda match: _iso(_seconds(match) - NOW + now), text)


def last_time(text: str) -> float | None:
    """The time of the last line that has one, in seconds since the epoch."""
    times = _TIME.findall(text)
    return datetime.fromisoformat(times[-1] + "+00:00").timestamp() if times else None


class Ids:
    """New ids for old: those of the sessions by name, all others by the order they come in."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._new = {old: named_uuid(name) for old, name in names.items()}

    def rename(self, text: str) -> str:
        return _IDS.sub(self._rename, text)

    def _rename(self, match: re.Match[str]) -> str:
        old = match.group()
        if old not in self._new:
            new = named_uuid(f"id {len(self._new)}")
            if prefix := match["prefix"]:
                new = prefix + new.replace("-", "")[: len(match["hex"])]
            self._new[old] = new
        return self._new[old]


def named_uuid(name: str) -> str:
    """A version 4 UUID that is always the same for the same name."""
    return str(uuid.UUID(int=Random(name).getrandbits(128), version=4))


def _inside_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _told(match: re.Match[str], stretches: list[Stretch]) -> str:
    moment = _seconds(match)
    last = [stretch for stretch in stretches if stretch.begin <= moment][-1]
    return _iso(last.tell(moment))


def _seconds(match: re.Match[str]) -> float:
    return datetime.fromisoformat(match[1] + "+00:00").timestamp()


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f'"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"'
