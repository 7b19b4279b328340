"""Reading one transcript: its turns and arms, what is said in it, its end first, what is added."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from sessiontree.claude.transcript import lines, records
from sessiontree.claude.transcript.entries import Entry, entry_of
from sessiontree.claude.transcript.reading import Reader, messages
from sessiontree.claude.transcript.scan import read_session
from sessiontree.model.message import Answered, CallBlock, Message, Noted, Prompted, Said, TextBlock
from sessiontree.model.session import Presence, Session
from tests.forest_maker import Made, Maker

SCREEN = Path(__file__).parent / "transcripts" / "screen"
"""Transcripts that Claude Code 2.1.330 wrote in a terminal, attachments emptied."""
DAMAGE = Path(__file__).parent / "transcripts" / "damage"
"""One transcript spoilt in each way that was thought of, and beside them what is read of each."""
EXPECTED = json.loads((DAMAGE / "expected.json").read_text())


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "projects")


def read(maker: Maker, session: Made) -> Session:
    maker.write()
    path = maker.path(session)
    return read_session(path, path.parent.name).session


def said(maker: Maker, session: Made, **options: Any) -> list[Message]:
    maker.write()
    return list(messages(maker.path(session), **options))


def texts(line: list[Message]) -> list[str]:
    """Prompts and texts of a line, in order."""
    found = []
    for message in line:
        if isinstance(message, Prompted):
            found.append(message.text)
        elif isinstance(message, Said):
            found += [block.text for block in message.blocks if isinstance(block, TextBlock)]
    return found


# Turns and arms


def test_a_rewind_makes_an_arm_and_the_last_written_one_is_live(maker: Maker) -> None:
    session = maker.new()
    first = maker.turn(session, "one")
    maker.turn(session, "two")
    maker.turn(session, "three")
    maker.rewind(session, first)
    maker.turn(session, "two again")
    turns = read(maker, session).turns
    assert [(t.label, t.live) for t in turns] == [
        ("one", True),
        ("two", False),
        ("three", False),
        ("two again", True),
    ]
    assert [t.parent for t in turns] == [None, turns[0].id, turns[1].id, turns[0].id]


def test_parallel_calls_attachments_and_state_lines_make_no_arm(maker: Maker) -> None:
    session = maker.new()
    for number in range(4):
        maker.turn(session, f"prompt {number}", tools=3, attachments=4)
    assert [t.live for t in read(maker, session).turns] == [True] * 4


def test_prompts_of_a_person_are_turns_and_nothing_else_is(tmp_path: Path) -> None:
    told = {
        "plain": "Do it",
        "list": [
            {"type": "text", "text": "<system-reminder>x</system-reminder>"},
            {"type": "text", "text": "In a list"},
        ],
        "image": [{"type": "image", "source": {"media_type": "image/png", "data": "A" * 4000}}],
        "command": "<command-message>foo</command-message>\n<command-name>/foo</command-name>\n"
        "<command-args>bar baz</command-args>",
        "bash": "<bash-input>ls -l</bash-input>",
    }
    untold: dict[str, dict[str, Any]] = {
        "local": {"content": "<command-name>/compact</command-name>"},
        "output": {"content": "<local-command-stdout>done</local-command-stdout>"},
        "bash output": {"content": "<bash-stdout>x</bash-stdout><bash-stderr></bash-stderr>"},
        "interrupted": {"content": [{"type": "text", "text": "[Request interrupted by user]"}]},
        "notice": {"content": "<task-notification>…</task-notification>"},
        "other": {"content": "From another agent", "origin": {"kind": "peer"}},
        "meta": {"content": "Caveat: …", "isMeta": True},
        "summary": {"content": "Summary", "isCompactSummary": True},
        "result": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
        "side": {"content": "A task", "isSidechain": True},
        "empty": {"content": ""},
    }
    written = [_user(f"{name:x<8}", content) for name, content in told.items()]
    for name, fields in untold.items():
        content = fields.pop("content")
        written.append(_user(name, content) | fields)
    path = _file(tmp_path, written)
    session = read_session(path, "p").session
    assert [t.uuid for t in session.turns] == [f"{name:x<8}" for name in told]
    assert [t.label for t in session.turns] == ["Do it", "In a list", "", "/foo bar baz", "!ls -l"]


def test_the_last_turn_ends_before_a_call_that_was_never_answered(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one", tools=2)
    whole = maker.turn(session, "two", tools=2)
    calls = [n for n, line in enumerate(session.lines) if line["type"] == "assistant"]
    cut = session.lines[: calls[-2] + 1]  # the second call of turn two, before any result
    prompt = next(line for line in cut if line.get("uuid") == whole.uuid)
    path = _file(maker.projects, cut)
    turns = read_session(path, "p").session.turns
    before_calls = session.lines[calls[-3]]["parentUuid"]
    assert (turns[1].uuid, turns[1].last) == (prompt["uuid"], before_calls)


def test_tokens_count_once_for_each_api_message(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one", tools=3)  # three lines of one API message, and the answer
    usage = read(maker, session).turns[0].usage
    assert (usage.input, usage.output, usage.cache_read, usage.cache_write) == (200, 100, 40, 20)


def test_requests_count_each_where_all_messages_have_one_id(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one", tools=3)
    for line in session.lines:
        if line["type"] == "assistant":
            line["message"]["id"] = "msg_1"
    usage = read(maker, session).turns[0].usage
    assert (usage.input, usage.output) == (200, 100)


def test_what_a_compaction_hid_is_still_on_the_line(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one")
    maker.turn(session, "two")
    maker.compact(session)
    maker.turn(session, "three")
    read_back = read(maker, session)
    assert [(t.label, t.live, t.hidden) for t in read_back.turns] == [
        ("one", True, True),
        ("two", True, True),
        ("three", True, False),
    ]
    line = said(maker, session)
    assert [t for t in texts(line) if t in ("one", "two", "three")] == ["one", "two", "three"]
    assert [m.what for m in line if isinstance(m, Noted)] == ["compacted"]


# What is said


def test_a_line_has_every_parallel_call_and_its_result(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one", tools=4)
    maker.turn(session, "two")
    line = said(maker, session)
    called = [
        b.id for m in line if isinstance(m, Said) for b in m.blocks if isinstance(b, CallBlock)
    ]
    answered = [m.call_id for m in line if isinstance(m, Answered)]
    assert len(called) == 4
    assert sorted(answered) == sorted(called)


def test_an_arm_that_was_left_can_be_read(maker: Maker) -> None:
    session = maker.new()
    first = maker.turn(session, "one")
    left = maker.turn(session, "two", tools=2)
    maker.rewind(session, first)
    maker.turn(session, "two again")
    arm = texts(said(maker, session, turn=left.id))
    assert arm == ["one", "Answer to: one", "two", "Answer to: two"]
    with pytest.raises(LookupError):
        said(maker, session, turn="nothing")


def test_images_are_told_by_type_and_size(tmp_path: Path) -> None:
    image = {"type": "image", "source": {"media_type": "image/png", "data": "A" * 400_000}}
    path = _file(tmp_path, [_user("u1", [image, {"type": "text", "text": "Look"}])])
    (prompt,) = messages(path)
    assert isinstance(prompt, Prompted)
    assert (prompt.text, prompt.images) == ("Look", ("image/png 300 kB",))


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(window=st.integers(200, 20_000), seed=st.integers(0, 10**6))
def test_the_end_first_and_then_the_rest_is_the_whole(
    window: int, seed: int, tmp_path: Path
) -> None:
    maker = Maker(tmp_path, seed=seed)
    session = maker.new()
    for number in range(8):
        turn = maker.turn(session, f"prompt {number}", tools=(seed + number) % 4)
        if seed % 3 == number:
            maker.compact(session)
        if seed % 5 == number:
            maker.rewind(session, turn)
            maker.turn(session, "left")
            maker.rewind(session, turn)
    maker.write()
    path = maker.path(session)
    reader = Reader(path)
    line = reader.last(window)
    starts = [reader.start]
    while not reader.whole:
        line = reader.earlier(window) + line
        starts.append(reader.start)
    assert line == list(messages(path))
    assert starts == sorted(starts, reverse=True)


def test_the_end_of_a_large_file_takes_a_small_read(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = maker.new()
    maker.bulk = 400_000
    for number in range(40):
        maker.turn(session, f"prompt {number}")
    maker.write()
    read_bytes = 0
    pread: Callable[[int, int, int], bytes] = os.pread

    def counting(fd: int, size: int, offset: int) -> bytes:
        nonlocal read_bytes
        read_bytes += size
        return pread(fd, size, offset)

    monkeypatch.setattr(os, "pread", counting)
    line = Reader(maker.path(session)).last()
    assert texts(line)[-1] == "Answer to: prompt 39"
    assert read_bytes <= 1 << 20 < maker.path(session).stat().st_size // 20


def test_what_is_added_is_read_on(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one")
    maker.write()
    path = maker.path(session)
    reader = Reader(path)
    line = reader.last()
    whole = len(session.lines)
    maker.turn(session, "two", tools=3)
    maker.turn(session, "three")
    for row in session.lines[whole:]:
        data = json.dumps(row).encode() + b"\n"
        for piece in (data[:50], data[50:]):  # half a line is there for a while
            with path.open("ab") as file:
                file.write(piece)
            more = reader.later()
            assert more is not None
            line += more
    assert sorted(map(str, line)) == sorted(map(str, messages(path)))
    assert texts(line) == texts(list(messages(path)))


def test_another_file_in_its_place_is_read_anew_also_where_it_is_longer(maker: Maker) -> None:
    session, other = maker.new(), maker.new()
    maker.turn(session, "one")
    for prompt in ("another", "and more"):
        maker.turn(other, prompt, tools=2)
    maker.write()
    reader = Reader(maker.path(session))
    reader.last()
    assert reader.later() == []
    maker.path(other).replace(maker.path(session))
    assert maker.path(session).stat().st_size > reader.end
    assert reader.later() is None


def test_a_rewind_seen_while_following_says_read_anew(maker: Maker) -> None:
    session = maker.new()
    first = maker.turn(session, "one")
    maker.turn(session, "two")
    maker.write()
    reader = Reader(maker.path(session))
    reader.last()
    maker.rewind(session, first)
    maker.turn(session, "two again")
    maker.write()
    assert reader.later() is None


def test_subagents_stand_in_their_call(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one", tools=1)
    maker.write()
    path = maker.path(session)
    call = next(m.call_id for m in messages(path) if isinstance(m, Answered))
    folder = path.with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    side = {"isSidechain": True}
    (folder / "agent-a1.meta.json").write_text(json.dumps({"toolUseId": call}))
    agent = folder / "agent-a1.jsonl"
    agent.write_text(_line(_user("s1", "The task") | side) + _line(_says("s2", "Found it") | side))
    line = list(messages(path))
    nested = [m for m in line if m.agent]
    assert [type(m) for m in nested] == [Prompted, Said]
    assert {m.agent for m in nested} == {call}
    at = line.index(nested[0])
    assert isinstance(line[at - 1], Said)
    reader = Reader(path)
    reader.last()
    with agent.open("a") as file:
        file.write(_line(_says("s3", "And more") | side))
    assert [m.agent for m in reader.later() or ()] == [call]


def test_a_subagent_that_begins_later_is_followed(maker: Maker) -> None:
    """Its files come behind the call, one after the other."""
    session = maker.new()
    maker.turn(session, "one", tools=1)
    maker.write()
    path = maker.path(session)
    call = next(m.call_id for m in messages(path) if isinstance(m, Answered))
    rows = path.read_text().splitlines(keepends=True)
    answered = next(number for number, row in enumerate(rows) if "tool_result" in row)
    path.write_text("".join(rows[:answered]))
    reader = Reader(path)
    assert call in str(reader.last())
    assert reader.later() == []
    folder = path.with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    side = {"isSidechain": True}
    agent, note = folder / "agent-a1.jsonl", folder / "agent-a1.meta.json"
    steps = [
        (note, '{"toolUse', []),  # half written
        (note, f'Id": {json.dumps(call)}}}', []),
        (agent, _line(_user("s1", "The task") | side), ["The task"]),
        (agent, _line(_says("s2", "Found it") | side), ["Found it"]),
    ]
    for file, text, told in steps:
        with file.open("a") as opened:
            opened.write(text)
        more = reader.later() or []
        assert _nested(more) == ({call: told} if told else {})
    with path.open("a") as file_:
        file_.write("".join(rows[answered:]))
    assert texts(reader.later() or []) == texts(list(messages(path)))[-1:]


def test_subagents_of_copied_turns_stand_in_their_calls(maker: Maker) -> None:
    """What they wrote stays beside the transcript of the session that they worked for."""
    root = maker.new()
    maker.turn(root, "one", tools=2)
    parent = maker.fork(root)
    maker.turn(parent, "two", tools=1)
    child = maker.fork_offline(parent)
    maker.turn(child, "three")
    maker.write()
    calls = [m.call_id for m in messages(maker.path(child)) if isinstance(m, Answered)]
    side = {"isSidechain": True}
    for number, (call, made) in enumerate(zip(calls, (root, root, parent), strict=True)):
        folder = maker.path(made).with_suffix("") / "subagents"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"agent-a{number}.meta.json").write_text(json.dumps({"toolUseId": call}))
        said = _line(_says(f"s{number}", f"Found {number}") | side)
        (folder / f"agent-a{number}.jsonl").write_text(said)
    forked_from = [maker.path(parent), maker.path(root)]
    line = messages(maker.path(child), forked_from=forked_from)
    assert {m.agent: texts([m]) for m in line if m.agent} == {
        call: [f"Found {number}"] for number, call in enumerate(calls)
    }


SIDE_CHAINS = {
    "toolu_c1": ["Look here", "Something here"],
    "toolu_c2": ["Look there", "Nothing there"],
}
"""What the subagents of `_with_side_chains` said."""


def _with_side_chains() -> list[dict[str, Any]]:
    """As releases wrote them that had no files for subagents."""

    def calls(uuid: str, prompt: str, parent: str) -> dict[str, Any]:
        said = _says(uuid, "") | {"parentUuid": parent}
        given = {"description": "look", "prompt": prompt, "subagent_type": "Explore"}
        block = {"type": "tool_use", "id": f"toolu_{uuid}", "name": "Task", "input": given}
        said["message"]["content"] = [block]
        return said

    def answers(uuid: str, call: str, parent: str) -> dict[str, Any]:
        result = {"type": "tool_result", "tool_use_id": f"toolu_{call}", "content": "done"}
        return _user(uuid, [result]) | {"parentUuid": parent}

    side = {"isSidechain": True}
    return [
        _user("warm", "Warmup") | side,
        _says("warm2", "Ready") | side | {"parentUuid": "warm"},
        _user("p1", "one"),
        calls("c1", "Look here", "p1"),
        calls("c2", "Look there", "c1"),
        _user("s1", "Look here") | side,
        _user("t1", "Look there") | side,
        _says("t2", "Nothing there") | side | {"parentUuid": "t1"},
        _says("s2", "Something here") | side | {"parentUuid": "s1"},
        answers("r2", "c2", "c2"),
        answers("r1", "c1", "r2"),
        _says("a1", "So that is it") | {"parentUuid": "r1"},
        _user("p2", "two") | {"parentUuid": "a1"},
        _says("a2", "Yes") | {"parentUuid": "p2"},
    ]


def _nested(line: list[Message]) -> dict[str, list[str]]:
    agents = {m.agent for m in line if m.agent}
    return {agent: texts([m for m in line if m.agent == agent]) for agent in sorted(agents)}


@pytest.mark.parametrize("window", [None, 700])
def test_side_chains_in_the_file_itself_stand_in_their_calls(
    tmp_path: Path, window: int | None
) -> None:
    path = _file(tmp_path, _with_side_chains())
    reader = Reader(path)
    line = reader.last(window)
    while not reader.whole:
        line = reader.earlier(700) + line
    assert _nested(line) == SIDE_CHAINS
    assert texts([m for m in line if not m.agent]) == ["one", "So that is it", "two", "Yes"]
    assert [turn.label for turn in read_session(path, "p").session.turns] == ["one", "two"]


@pytest.mark.parametrize("there", range(3, 13))
def test_subagents_in_the_sessions_own_file_are_followed(tmp_path: Path, there: int) -> None:
    """Line by line, after so many of them were there when the reading began."""
    *rows, last = _with_side_chains()
    path = _file(tmp_path, rows[:there])
    reader = Reader(path)
    line = reader.last()
    for row in (*rows[there:], last):
        with path.open("a") as file:
            file.write(_line(row))
        more = reader.later()
        assert more is not None
        line += more
    assert _nested(line) == SIDE_CHAINS
    assert texts([m for m in line if not m.agent]) == ["one", "So that is it", "two", "Yes"]


# Lines of the usual form, and odd ones


@pytest.mark.parametrize("path", sorted(SCREEN.glob("*.jsonl")), ids=lambda path: path.stem[:8])
def test_real_lines_are_of_the_usual_form_and_read_the_same_as_odd_ones(path: Path) -> None:
    data = path.read_bytes()
    assert records.decode_lines(data)
    usual = lines.read(data).entries
    odd = lines.read(b"\n" + data).entries  # one by one
    assert [_told(entry) for entry in odd] == [_told(entry) for entry in usual]
    assert [(e.start - 1, e.end - 1) for e in odd] == [(e.start, e.end) for e in usual]
    parsed = [entry_of(records.lenient(record), 0, 0) for record in lines.parsed(data)]
    assert [_told(entry) for entry in parsed if entry] == [_told(entry) for entry in usual]


@pytest.mark.parametrize("piece", [7, 1_000, 60_000])
def test_a_large_file_is_read_in_pieces_as_it_is_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """With lines that are cut by a piece's end, longer than a piece, odd, and half."""
    path = tmp_path / "00000000-0000-4000-8000-000000000000.jsonl"
    usual = b"".join(one.read_bytes() for one in sorted(SCREEN.glob("*.jsonl")))
    path.write_bytes(usual[:200_000] + b'\nnot a record\r\n{"type":"us')
    whole = read_session(path, "p", now=0)
    assert whole.session.turns and whole.session.damage
    monkeypatch.setattr(lines, "PIECE", piece)
    assert read_session(path, "p", now=0) == whole


def test_what_is_of_another_type_than_it_should_be_is_not_there(tmp_path: Path) -> None:
    said = _says("a2", "Yes") | {"parentUuid": "p1"}
    said["message"] |= {"usage": {"input_tokens": 7, "output_tokens": "many"}, "model": 5}
    said |= {"requestSessionId": None, "forkedFrom": {"sessionId": "s"}, "isSidechain": "no"}
    read = read_session(_file(tmp_path, [_user("p1", "One") | {"cwd": [1]}, said]), "p").session
    assert read.damage == ()
    assert [(t.label, t.last, t.usage.input, t.usage.output) for t in read.turns] == [
        ("One", "a2", 7, 0)
    ]


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_damage_anywhere_leaves_whole_lines_as_they_are(data: st.DataObject) -> None:
    """Lines cut, run together, overwritten: nothing raises, and a whole line is read as what it
    is, however it is read."""
    original = next(SCREEN.glob("680e*.jsonl")).read_bytes()
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(("cut", "newline", "noise", "join"))):
            case "cut":
                del content[at : at + data.draw(st.integers(1, 3000))]
            case "newline":
                content[at:at] = b"\n"
            case "noise":
                content[at : at + 3] = data.draw(st.binary(min_size=3, max_size=3))
            case "join":
                end = content.find(b"\n", at)
                if end >= 0:
                    del content[end]
        if not content:
            return
    whole = {original[e.start : e.end].rstrip(b"\n"): e for e in lines.read(original).entries}
    read = lines.read(bytes(content))
    found = {bytes(content[e.start : e.end]).rstrip(b"\n"): e for e in read.entries}
    for line in content.split(b"\n"):
        if entry := whole.get(bytes(line)):
            assert _told(found[bytes(line)]) == _told(entry)


def _told(entry: Entry) -> tuple[Any, ...]:
    said = (entry.kind, entry.text, entry.answers, entry.calls, entry.counts)
    return (entry.uuid, entry.parent, entry.time, entry.source, entry.writer, entry.api, *said)


# Damage


@pytest.mark.parametrize(
    "line",
    [
        *(f'{{"type":"cost-state","totalCostUSD":1,"startTime":{n}}}' for n in ("NaN", "1e300")),
        '{"type":"cost-state","totalCostUSD":1,"startTime":Infinity}',
        '{"type":"assistant","uuid":"@","parentUuid":"lost","message":{"usage":'
        '{"input_tokens":9223372036854775807}}}',
    ],
)
def test_numbers_that_nobody_counts_to_are_not_there(line: str, maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one")
    maker.write()
    with maker.path(session).open("a") as file:
        file.writelines(line.replace("@", str(number)) + "\n" for number in range(3))
    scanned = read_session(maker.path(session), "p")
    assert [turn.label for turn in scanned.session.turns] == ["one"]
    assert msgpack.decode(msgpack.encode(scanned), type=type(scanned)) == scanned


def test_half_a_line_at_the_end_of_a_file_in_use_is_no_damage(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one")
    maker.write()
    path = maker.path(session)
    with path.open("ab") as file:
        file.write(b'{"parentUuid":"1')
    now = path.stat().st_mtime
    assert read_session(path, "p", now=now + 1).session.damage == ()
    later = read_session(path, "p", now=now + 3600).session
    assert (later.presence, later.damage) == (
        Presence.DAMAGED,
        ("The last line is half written.",),
    )


@pytest.mark.parametrize("kind", EXPECTED)
def test_damage_is_counted_and_said_and_loses_no_neighbour(kind: str) -> None:
    path, expected = DAMAGE / f"{kind}.jsonl", EXPECTED[kind]
    session = read_session(path, "p", now=path.stat().st_mtime + 3600).session
    assert [turn.label for turn in session.turns] == expected["turns"]
    assert all(turn.live for turn in session.turns)
    assert list(session.damage) == expected["damage"]
    assert session.presence is (Presence.DAMAGED if expected["damage"] else Presence.OK)
    assert texts(list(messages(path))) == expected["said"]


def test_each_damaged_transcript_is_looked_at() -> None:
    assert {path.stem for path in DAMAGE.glob("*.jsonl")} == set(EXPECTED)


def test_a_line_that_makes_no_sense_is_not_read_over_and_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    read = json.JSONDecoder.raw_decode

    def counted(self: json.JSONDecoder, text: str, idx: int = 0) -> Any:
        tries.append(idx)
        return read(self, text, idx)

    monkeypatch.setattr(json.JSONDecoder, "raw_decode", counted)
    path = tmp_path / "x.jsonl"
    for line in (b'{"type":"{"type":"', b'{"type":["'):
        path.write_bytes(line * 1_000 + b"\n")
        tries.clear()
        assert read_session(path, "p").session.damage == ("1 line could not be read.",)
        assert len(tries) < 100


def test_a_line_of_20_mb_is_read(maker: Maker) -> None:
    session = maker.new()
    maker.turn(session, "one", tools=1)
    result = next(line for line in session.lines if "toolUseResult" in line)
    result["message"]["content"][0]["content"] = "x" * 20_000_000
    maker.turn(session, "two")
    assert [turn.label for turn in read(maker, session).turns] == ["one", "two"]
    assert texts(said(maker, session))[-1] == "Answer to: two"


# Helpers


def _user(uuid: str, content: object) -> dict[str, Any]:
    return {
        "parentUuid": None,
        "type": "user",
        "message": {"role": "user", "content": content},
        "uuid": uuid,
        "timestamp": f"2026-09-21T14:13:{len(uuid):02}.{abs(hash(uuid)) % 1000:03}Z",
    }


def _says(uuid: str, text: str) -> dict[str, Any]:
    message = {
        "id": f"msg_{uuid}",
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
    }
    return {"parentUuid": None, "type": "assistant", "message": message, "uuid": uuid}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record) + "\n"


def _file(folder: Path, records: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "11111111-1111-4111-8111-111111111111.jsonl"
    path.write_text("".join(map(_line, records)))
    return path
