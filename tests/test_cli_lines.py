"""Lines of the CLI's output: each whole whatever the pieces it comes in, and of a long one each
string cut with a word on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiontree.claude import lines
from sessiontree.claude.lines import LEFT_OUT, Lines, message

TEXTS = st.text(st.sampled_from('ab"\\/u0041\n\t\x00é中🚀\ud800'), max_size=40)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


def heard(data: bytes, cuts: list[int]) -> list[bytes | None]:
    """The whole lines of `data`, which comes in pieces."""
    found = Lines()
    at, heard = 0, list[bytes | None]()
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        heard += found.add(data[at:cut])
        at = cut
    assert found.rest() == b""
    return heard


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, dict):
        yield from texts([*value.keys(), *value.values()])


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONG", 20)
    monkeypatch.setattr(lines, "STRING_BYTES", 30)


@pytest.mark.usefixtures("short")
@given(
    said=st.lists(OBJECTS, max_size=3),
    ascii=st.booleans(),
    cuts=st.lists(st.integers(0, 2_000), max_size=12),
)
def test_every_line_comes_whole_and_only_long_strings_are_cut(
    said: list[dict[str, Any]], ascii: bool, cuts: list[int]
) -> None:
    each = [
        json.dumps(one, ensure_ascii=ascii).encode("utf-8", "surrogatepass") + b"\n" for one in said
    ]
    found = heard(b"".join(each), cuts)
    assert len(found) == len(said)
    for line, data in zip(found, each, strict=True):
        assert line is not None
        before = list(texts(json.loads(data.decode("utf-8", "replace"))))
        if all(len(json.dumps(text)) <= 32 for text in before):
            assert line + b"\n" == data
            continue
        parsed = json.loads(line.decode("utf-8", "replace"))
        if len({*before}) < len(before) or len(list(texts(parsed))) < len(before):
            continue  # keys that were cut can be the same
        for text, kept in zip(before, texts(parsed), strict=True):
            begin, mark, _ = kept.partition(" … 0.0 MB more")
            if begin.endswith(("\ufffd", "\ud83d")):  # half a character
                begin = begin[:-1]
            assert kept == text or (mark and text.startswith(begin))


def test_a_line_of_short_strings_that_is_too_long_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "LONG", 20)
    monkeypatch.setattr(lines, "LINE_BYTES", 100)
    many = json.dumps({"many": ["short"] * 20}).encode()
    first, second = heard(many + b'\n{"next": 1}\n', [5, 60, 90])
    assert message(first) == {"type": "system", "subtype": LEFT_OUT, "text": "too long"}
    assert message(second) == {"next": 1}


@pytest.mark.parametrize("escape", ["\\", "\\u", "\\u00", "\\uzzzz", "\\x", '\\"', "\\\\"])
@pytest.mark.usefixtures("short")
def test_what_is_no_json_ends_with_its_line(escape: str) -> None:
    """Half an escape where a piece ends, where a string is cut, and where the line does."""
    for before in range(24, 34):
        line = f'{{"a": "{"x" * before}{escape}'.encode()
        first, second = heard(line + b'\n{"next": 1}\n', [len(line) - 1, len(line)])
        assert (message(first) or {})["subtype"] == LEFT_OUT
        assert message(second) == {"next": 1}
