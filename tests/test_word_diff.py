"""The words in which two texts differ."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessiontree.model import word_diff
from sessiontree.model.word_diff import Grain, differences

WORDS = st.lists(st.sampled_from(["a", "the ", "rate", " limiter", ".", "\n", "限流", "`x`", "  "]))
TEXTS = WORDS.map("".join) | st.text(max_size=60)


@given(TEXTS, TEXTS)
def test_the_parts_make_both_texts(old: str, new: str) -> None:
    found = differences(old, new)
    assert "".join(part.old for part in found.parts) == old
    assert "".join(part.new for part in found.parts) == new
    for sign, one, other in found.parts:
        match sign:
            case "-":
                assert one and not other
            case "+":
                assert other and not one
            case _:
                assert sign == " " and one.split() == other.split()


@given(TEXTS, TEXTS)
@example("  ", "a")
def test_what_lies_outside_of_the_spans_is_the_same(old: str, new: str) -> None:
    left = []
    for text, spans in zip((old, new), differences(old, new).spans(), strict=True):
        for start, end in reversed(spans):
            assert text[start:end].strip()
            text = text[:start] + text[end:]
        left.append("".join(text.split()))
    assert left[0] == left[1]


def marked(old: str, new: str) -> str:
    signs = {" ": "{}", "-": "[{}]", "+": "<{}>"}
    return "".join(signs[p.sign].format(p.new or p.old) for p in differences(old, new).parts)


def test_words_are_told_apart_and_white_space_is_not() -> None:
    old, new = "All 6 tests pass.", "All 9 tests\npass, at last."
    assert marked(old, new) == "All [6 ]<9 >tests\npass<, at last>."
    assert differences("one two\n\nthree", "one\ntwo three").same
    assert marked("限流器很好", "限流器不好") == "限流器[很]<不>好"


def test_a_sentence_that_is_quite_another_is_not_stitched_together() -> None:
    old = "It would fit into the memory of a small machine without any effort."
    new = "Nobody understands it at first sight, so the bucket stays where it is now."
    assert marked(old, new).count("<") == 1


@pytest.mark.parametrize(
    ("unit", "grain"), [("word ", Grain.LINES), ("line\n", Grain.WHOLE)], ids=["words", "lines"]
)
def test_texts_too_long_to_compare_say_so(
    unit: str, grain: Grain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_diff, "MOST_TOKENS", 50)
    found = differences("first " + unit * 100 + "last", "1st " + unit * 101 + "end")
    assert found.grain is grain
    assert not found.same
    assert differences("first " + unit * 100, "first " + unit * 100).same
