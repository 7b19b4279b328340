"""The frame of a line, read without parsing it: whose child it is, its uuid, its time, its kind.

Most bytes of a transcript are attachments, answers and tool results, of which a scan needs no
more. Their lines are recognised as Claude Code 2.1.330 writes them; any other is parsed. What is
looked for begins with a quote, so it is never found inside of a JSON string, where quotes are
escaped. Written for speed: it runs for every line of every transcript.
"""

from __future__ import annotations

import re

from sessiontree.claude.transcript.entries import Entry
from sessiontree.claude.transcript.prompts import Kind

FIRST = b'{"parentUuid":'
_AFTER_UUID, _AFTER_NULL = 52, 18
"""Where a line goes on behind its parent."""
_SIDE = b',"isSidechain":false,"'
_ATTACHED = _SIDE + b'attachment":{'
_ANSWERED = _SIDE + b'message":{"id":"'
_API = len(_ANSWERED)
_USER = b'"type":"user","message":{"role":"user","content":'
_RESULTS = (b'[{"tool_use_id":"', b'[{"type":"tool_result"')
_ATTACHMENT = b'"type":"attachment","uuid":"'
_ASSISTANT = b'"type":"assistant","uuid":"'
_WRITTEN = b'},"uuid":"'
_TYPED = b'"},"uuid":"'
_TIME = b'","timestamp":"'
_FORKED, _REQUESTED = b'"forkedFrom":{"sessionId":"', b'"requestSessionId":"'
_UUID = 36  # its length
_OTHER, _ASSISTED, _RESULT = Kind.OTHER, Kind.ASSISTANT, Kind.ANSWER  # looked up once

_OTHERWISE = re.compile(rb'"(?:is\w+":true|origin":|promptSource":"system")').search
"""What says that nobody typed a prompt."""
_ORIGIN = re.compile(rb'"entrypoint":"([^"\\]*)","cwd":"([ -!#-\[\]-~]*)"').search


def frame(line: bytes, start: int, copied: bool, all_of_it: bool) -> Entry | None:
    """An attachment, an answer or tool results; None for another line, or one that looks other.

    `start`: its offset in the file. `copied`: some lines of the file are another session's; of
    attachments it is read which only with `all_of_it`."""
    behind = _AFTER_UUID if line.startswith(_SIDE, _AFTER_UUID) else _AFTER_NULL
    whole = 14  # from here on no other record begins
    if line.startswith(_ATTACHED, behind):
        kind = _OTHER
        at = whole = line.find(_ATTACHMENT, behind) + 28
    elif line.startswith(_ANSWERED, behind):
        kind = _ASSISTED
        at = line.rfind(_ASSISTANT) + 27
    else:
        content = line.find(_USER, behind, 200) + 49
        if not line.startswith(_RESULTS, content) or content < behind:
            return None
        kind = _RESULT
        at = line.find(_WRITTEN, content) + 10
    if not line.startswith(_TIME, at + _UUID) or line[-1] != 125 or line.find(FIRST, whole) >= 0:
        return None
    parent = line[15:51].decode("latin-1") if behind == _AFTER_UUID else None
    time = line[at + 51 : line.find(b'"', at + 51)].decode("latin-1")
    uuid = line[at : at + _UUID].decode("latin-1")
    entry = Entry(uuid, parent, kind, time, start, start + len(line) + 1)
    if kind is _ASSISTED:
        behind += _API
        entry.api = line[behind : line.find(b'"', behind)].decode("latin-1")
    if copied and (all_of_it or kind is not _OTHER):
        _copied(entry, line, at)
    return entry


def typed(line: bytes, start: int, copied: bool) -> tuple[Entry, bytes, bytes] | None:
    """A line that was typed by a person, as far as its frame tells; its text as JSON, and what
    stands behind it. None where the line has to be parsed to know."""
    behind = _AFTER_UUID if line.startswith(_SIDE, _AFTER_UUID) else _AFTER_NULL
    begin = line.find(_USER, behind, 200) + 49
    end = line.find(_TYPED, begin) + 1
    at = end + 10
    if (
        not line.startswith(_SIDE, behind)
        or begin < behind
        or not line.startswith(b'"', begin)
        or not end
        or not line.startswith(_TIME, at + _UUID)
        or line[-1] != 125
        or line.find(FIRST, 14) >= 0
        or _OTHERWISE(line, at)
    ):
        return None
    parent = line[15:51].decode("latin-1") if behind == _AFTER_UUID else None
    time = line[at + 51 : line.find(b'"', at + 51)].decode("latin-1")
    uuid = line[at : at + _UUID].decode("latin-1")
    entry = Entry(uuid, parent, Kind.META, time, start, start + len(line) + 1)
    if copied:
        _copied(entry, line, at)
    return entry, line[begin:end], line[at:]


def _copied(entry: Entry, line: bytes, at: int) -> None:
    forked = line.find(_FORKED, at) + 27
    if forked > 27:
        session = line[forked : line.find(b'"', forked)]
        message = line.find(b'"messageUuid":"', forked) + 15
        if message > 15:
            uuid = line[message : line.find(b'"', message)]
            entry.source = (session.decode("latin-1"), uuid.decode("latin-1"))
    written = line.find(_REQUESTED, at) + 20
    if written > 20 and entry.kind is _ASSISTED:
        entry.writer = line[written : line.find(b'"', written)].decode("latin-1")


def origin(rest: bytes) -> tuple[str, str] | None:
    """Entrypoint and folder that a line names, where both are plain."""
    found = _ORIGIN(rest)
    return (found[1].decode(), found[2].decode()) if found else None
