"""What the store keeps, as records, and how each becomes a document and comes back.

Documents are flat: such a dict costs the garbage collector nothing, and 100,000 nested ones stop
all threads for 50 ms at a time (CPython 3.11). A document may hold fields that this version does
not know: they stay in the store and are left out of the record. Text is cleaned on the way out:
anyone can write the file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from sessiontree.model.overlay import Verdict
from sessiontree.model.run_words import Ending, Mode, Verb
from sessiontree.model.session import Evidence, Link, LinkKind
from sessiontree.model.text import NOTE_CHARS, clean, clean_line, label
from sessiontree.store.owner import Owner, this_process

Document = Mapping[str, Any]
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a person set on a session or a turn."""

    title: str = ""
    hidden: bool = False
    keep: bool = False  # its transcript is archived
    chosen: Verdict = Verdict.NONE
    note: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """A run that was begun and not ended. `label` is the prompt's first line, cut short."""

    session: str
    kind: Verb
    cwd: str
    parent: str | None = None
    at: str | None = None  # uuid of the last entry of `parent` that is kept; None keeps all
    mode: str = ""
    model: str = ""
    label: str = ""
    started: float = field(default_factory=time.time)  # seconds since the epoch; only shown
    owner: Owner = field(default_factory=this_process)


@dataclass(frozen=True, slots=True)
class Finish:
    """How the last run on a session ended; `reason` is a short sentence, "" when it was done."""

    ending: Ending
    reason: str = ""
    at: float | None = None  # seconds since the epoch; only shown


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a folder's own settings: whether they are loaded, while the
    files are those of the fingerprint. `granted`: what they allowed there for good from here."""

    fingerprint: str = ""
    load: bool = False
    files: Mapping[str, str] = field(default_factory=dict)  # digests by path, to say what changed
    granted: tuple[str, ...] = ()


_LOAD, _OWN = "project", "own"


def link_document(link: Link) -> dict[str, Any]:
    return {
        "parent": link.parent,
        "turn": link.turn,
        "point": link.point,
        "evidence": link.evidence.value,
        "kind": link.kind.value,
        "group": link.group,
        "way": label(link.way),
    }


def link_record(child: str, doc: Document) -> Link:
    return Link(
        child,
        _optional(doc, "parent"),
        _optional(doc, "turn"),
        _optional(doc, "point"),
        _one_of(Evidence, doc.get("evidence"), Evidence.NONE),
        _one_of(LinkKind, doc.get("kind"), LinkKind.FORK),
        _text(doc, "group"),
        label(_text(doc, "way")),
    )


def annotation_record(doc: Document) -> Annotation:
    return Annotation(
        title=clean_line(_text(doc, "title")),
        hidden=doc.get("hidden") is True,
        keep=doc.get("keep") is True,
        chosen=_one_of(Verdict, doc.get("chosen"), Verdict.NONE),
        note=clean(_text(doc, "note")[:NOTE_CHARS]),
    )


def intent_document(intent: Intent) -> dict[str, Any]:
    return {
        "kind": intent.kind.value,
        "cwd": intent.cwd,
        "parent": intent.parent,
        "at": intent.at,
        # That every tool may run unasked is chosen for one run and kept nowhere.
        "mode": "" if intent.mode == Mode.BYPASS else intent.mode,
        "model": intent.model,
        "label": label(intent.label),
        "started": intent.started,
        "host": intent.owner.host,
        "pid": intent.owner.pid,
        "process": intent.owner.started,
    }


def intent_record(session: str, doc: Document) -> Intent:
    pid = doc.get("pid")
    return Intent(
        session,
        _one_of(Verb, doc.get("kind"), Verb.CONTINUE),
        _text(doc, "cwd"),
        _optional(doc, "parent"),
        _optional(doc, "at"),
        _text(doc, "mode"),
        _text(doc, "model"),
        label(_text(doc, "label")),
        _number(doc, "started") or 0.0,
        Owner(_text(doc, "host"), pid if isinstance(pid, int) else 0, _text(doc, "process")),
    )


def finish_document(finish: Finish) -> dict[str, Any]:
    return {"ending": finish.ending.value, "reason": label(finish.reason), "at": finish.at}


def finish_record(doc: Document) -> Finish:
    ending = _one_of(Ending, doc.get("ending"), Ending.DONE)
    return Finish(ending, label(_text(doc, "reason")), _number(doc, "at"))


def decision_document(decision: Decision) -> dict[str, Any]:
    return {
        "fingerprint": decision.fingerprint,
        "decision": _LOAD if decision.load else _OWN,
        "files": json.dumps(dict(decision.files)),
        "granted": json.dumps(decision.granted),
    }


def decision_record(doc: Document) -> Decision:
    files, granted = _json(doc, "files"), _json(doc, "granted")
    return Decision(
        _text(doc, "fingerprint"),
        doc.get("decision") == _LOAD,  # anything else loads nothing
        {str(k): str(v) for k, v in files.items()} if isinstance(files, dict) else {},
        tuple(str(one) for one in granted) if isinstance(granted, list) else (),
    )


def _json(doc: Document, name: str) -> Any:
    try:
        return json.loads(_text(doc, name))
    except (ValueError, RecursionError):
        return None


def _text(doc: Document, name: str) -> str:
    value = doc.get(name)
    return value if isinstance(value, str) else ""


def _optional(doc: Document, name: str) -> str | None:
    value = doc.get(name)
    return value if isinstance(value, str) else None


def _number(doc: Document, name: str) -> float | None:
    value = doc.get(name)
    return float(value) if isinstance(value, int | float) else None


def _one_of(kind: type[Choice], value: Any, other: Choice) -> Choice:
    """The member of `kind` with this value; `other` for one that a newer version wrote."""
    try:
        return kind(value)
    except ValueError:
        return other
