"""Text as lines, and lines as rows: markdown, tables, diffs, wrapping, limits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from sessiontree.model import edits
from sessiontree.model.text import path_from
from sessiontree.ui.stream import diff, words
from sessiontree.ui.stream.code import MOST_CHARACTERS, colours
from sessiontree.ui.stream.heights import Heights
from sessiontree.ui.stream.inline import inline
from sessiontree.ui.stream.limits import STREAM, Excerpt, clipped, without_encoded
from sessiontree.ui.stream.line import Line, Piece, cells, cut, plain, rows_of, wrap
from sessiontree.ui.stream.markdown import Markdown

MIXED = st.text(alphabet="ab c-x中🚀é\u0301Ж", max_size=80)


def markdown(text: str, width: int = 60) -> list[Line]:
    lines = Markdown(width)
    lines.update(text)
    return lines.lines


def shown(lines: list[Line]) -> list[str]:
    """What a person reads, first rows only."""
    return ["".join(p.text for p in line.lead) + (line.text or line.rule * 3) for line in lines]


def styles(line: Line) -> dict[str, str]:
    return {line.text[start:end]: style for start, end, style in line.spans}


# Rows


@settings(max_examples=400, deadline=None)
@given(MIXED, st.integers(2, 20), st.integers(2, 20))
def test_rows_fit_and_lose_nothing_but_spaces(text: str, first: int, width: int) -> None:
    rows = wrap(text, first, width)
    at = 0
    for number, (start, end) in enumerate(rows):
        assert text[at:start].strip(" ") == ""
        assert cell_len(text[start:end]) <= (width if number else first)
        at = end
    assert text[at:].strip(" ") == ""


def test_rows_break_between_words_and_within_one_only_if_they_must() -> None:
    text = "a bucket per key, unquestionably"
    assert [text[s:e] for s, e in wrap(text, 10, 10)] == [
        "a bucket",
        "per key,",
        "unquestion",
        "ably",
    ]
    wide = "中文字符 ok"
    assert [wide[s:e] for s, e in wrap(wide, 5, 5)] == ["中文", "字符", "ok"]


@settings(deadline=None)
@given(MIXED, st.integers(1, 20))
def test_a_cut_text_fits_and_says_that_it_is_cut(text: str, width: int) -> None:
    short = cut(text, width)
    assert cell_len(short) <= width
    assert short == text or short.endswith("…")


def test_tabs_become_spaces() -> None:
    assert plain("a\tb") == "a   b"


def test_a_line_keeps_room_for_its_margin_and_its_tail() -> None:
    line = Line("x" * 60, margin=(Piece("  "),), lead=(Piece("▸ "),), hang=(Piece("    "),))
    line_with_tail = Line(line.text, (), line.margin, line.lead, line.hang, (Piece("✓ 1 s"),))
    first, second, *_ = rows_of([line_with_tail], 30)
    assert (first.end, second.end - second.start) == (30 - 2 - 2 - 5 - 2, 30 - 2 - 4)
    assert cells(line.margin) == 2


# Markdown


def test_markdown_keeps_lines_and_turns_marks_into_styles() -> None:
    text = "# A **title**\n\nSome *stress*, `code`, ~~gone~~ and\n- one\n  2. two\n> said\n---\n"
    lines = markdown(text + "- [x] done")
    assert shown(lines) == [
        "A title",
        "",
        "Some stress, code, gone and",
        "• one",
        "  2. two",
        "▌ said",
        "───",
        "☑ done",
    ]
    assert lines[0].style == "title" and styles(lines[0]) == {"title": "strong"}
    assert styles(lines[2]) == {"stress": "emphasis", "code": "code", "gone": "strike"}


def test_a_list_hangs_under_its_text() -> None:
    (item,) = markdown("  10. " + "word " * 30)
    assert cells(item.hang) == cells(item.lead) == len("  10. ")


def test_a_link_shows_its_address() -> None:
    assert inline("see [it](http://a.b)")[0] == "see it (http://a.b)"
    text, spans = inline("http://a.b/c.")
    assert text == "http://a.b/c." and spans == ((0, len(text) - 1, "link"),)


@pytest.mark.parametrize(
    "text",
    ["2 * 3 * 4", "snake_case_name", "a ** b", "*.py", "`open", "[x]", "x = a[i]; y[/path]", "[/]"],
)
def test_what_is_no_mark_stays_as_it_is(text: str) -> None:
    assert inline(text)[0] == text


def test_marks_within_marks() -> None:
    text, spans = inline("**bold `code` and *more***")
    assert text == "bold code and more"
    assert {text[s:e]: style for s, e, style in spans} == {
        "bold code and more": "strong",
        "code": "code",
        "more": "emphasis",
    }


def test_code_is_coloured_and_not_read_as_markdown() -> None:
    lines = markdown("```python\ndef f(): return '# *x*'\n```\nafter")
    assert shown(lines) == [" def f(): return '# *x*'", "after"]
    assert lines[0].fill == "block" and styles(lines[0])["def"] == "keyword"


def test_code_in_an_unknown_language_or_too_long_has_no_colours() -> None:
    assert colours(["x = 1"], "no-such") == [()]
    assert colours(["x = 1  " * MOST_CHARACTERS], "python") == [()]


def test_a_table_is_set_in_columns() -> None:
    lines = markdown("| a | long 中文 |\n|--:|:-:|\n| 1 | **x** |\n| 22 | `y\\|` |")
    assert [line.text for line in lines][:3] == [
        " a │ long 中文",
        "───┼──────────",
        " 1 │     x    ",
    ]
    assert len({cell_len(line.text) for line in lines[:3]}) == 1


def test_a_wide_table_is_narrowed_and_its_cells_wrap() -> None:
    source = "| a | b |\n|---|---|\n| 1 | " + "word " * 20 + "|"
    lines = markdown(source, width=30)
    assert all(cell_len(line.text) <= 30 for line in lines)
    assert (
        " ".join(" ".join(line.text.split("│")[-1] for line in lines[2:]).split())
        == ("word " * 20).strip()
    )


def test_a_table_that_cannot_fit_stays_as_it_was_written() -> None:
    row = "|" + "long words |" * 12
    lines = markdown(f"{row}\n{'|---' * 12}|\n{row}", width=20)
    assert lines[0].text == row


FRAGMENTS = st.sampled_from(
    [
        "a",
        "b c ",
        "\n",
        "\n\n",
        "```",
        "```py\n",
        "~~~\n",
        "|",
        "|--|",
        "| x | y |\n",
        "|---|:-:|\n",
        "- ",
        "1. ",
        "> ",
        "# ",
        "**",
        "*",
        "`",
        "x = 1\n",
        "  ",
        "[a](http://b)",
        "---\n",
        "中文",
        "_",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(FRAGMENTS, max_size=30), st.data())
def test_a_text_that_grows_reads_as_if_it_had_come_at_once(
    fragments: list[str], data: st.DataObject
) -> None:
    text = "".join(fragments)
    growing = Markdown(30)
    for end in [*sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5))), len(text)]:
        before = list(growing.lines)
        kept = growing.update(text[:end])
        assert growing.lines == markdown(text[:end], 30)
        assert growing.lines[:kept] == before[:kept]


def test_a_piece_more_of_a_long_text_reads_only_its_last_lines(monkeypatch) -> None:
    from sessiontree.ui.stream import markdown as module

    read: list[str] = []
    original = module.clipped
    monkeypatch.setattr(
        module, "clipped", lambda line, most: read.append(line) or original(line, most)
    )
    lines = Markdown(60)
    text = "A line of text.\n" * 1_000 + "```python\n" + "x = 1\n" * 1_000
    lines.update(text)
    read.clear()
    for piece in ("y", " = ", "2\n", "z"):
        text += piece
        lines.update(text)
    assert len(read) <= 8


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(4, 40))
def test_any_text_gives_lines_that_fit(text: str, width: int) -> None:
    for line in markdown(text, width):
        assert "\n" not in line.text and "\t" not in line.text
        for start, end, _ in line.spans:
            assert 0 <= start <= end <= len(line.text)


# Diffs


def signs(changes: list[edits.Change]) -> str:
    return "".join(change.sign for change in changes)


def test_a_diff_shows_what_changed_and_three_lines_around() -> None:
    old = "\n".join(f"line {n}" for n in range(30))
    new = old.replace("line 10", "line ten").replace("line 20", "line twenty")
    changes = edits.compared(old, new)
    assert signs(changes) == "   -+   …   -+   "
    assert edits.counts(changes) == (2, 2)
    lines = list(diff.lines_of(changes))
    assert styles(lines[3]) == {"10": "removed-word"} and styles(lines[4]) == {"ten": "added-word"}
    assert (lines[3].fill, lines[4].fill, lines[0].style) == ("removed-line", "added-line", "muted")


def test_a_reported_patch_has_line_numbers() -> None:
    hunk = {"oldStart": 9, "newStart": 9, "lines": [" a", "-b", "+c", "+d", " e"]}
    changes = edits.patched({"structuredPatch": [hunk]})
    assert changes and [(c.sign, c.number) for c in changes] == [
        (" ", 9),
        ("-", 10),
        ("+", 10),
        ("+", 11),
        (" ", 12),
    ]


@pytest.mark.parametrize("bad", [None, [], [1], [{"lines": 3}], [{"oldStart": "1", "lines": []}]])
def test_a_patch_that_reads_otherwise_is_none(bad: object) -> None:
    assert edits.patched({"structuredPatch": bad}) is None


def test_texts_too_long_to_compare_are_shown_one_after_the_other() -> None:
    changes = edits.compared("a\n" * edits.MOST_COMPARED, "b\n")
    assert signs(changes) == "-" * edits.MOST_COMPARED + "+"


# Limits


def test_an_excerpt_says_how_much_it_hides() -> None:
    text = "\n".join(str(n) for n in range(100))
    lines = [line.text for line in Excerpt.of(text, 2, 3).lines(99)]
    assert lines == ["0", "1", "… 95 more lines", "97", "98", "99"]


def test_one_line_more_is_shown_rather_than_counted() -> None:
    assert [line.text for line in Excerpt.of("a\nb\nc", 2).lines(99)] == ["a", "b", "c"]


def test_a_line_of_a_megabyte_is_cut_with_its_size() -> None:
    line = clipped("x" * 1_000_000, STREAM.line)
    assert len(line) < 2_100 and line.endswith(" … 998 kB more")


def test_encoded_data_is_named_with_its_size() -> None:
    data = "iVBORw0KGgo" * 100
    assert without_encoded(f"see data:image/png;base64,{data}") == "see ‹image/png, 825 B›"
    assert without_encoded(f"see {data}") == "see ‹base64, 825 B›"
    assert without_encoded("x" * 500) == "x" * 500


# Heights


Step = tuple[str, int, int]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 9), max_size=40),
    st.lists(
        st.tuples(
            st.sampled_from(["set", "replace", "in front"]), st.integers(0, 60), st.integers(0, 9)
        ),
        max_size=20,
    ),
)
def test_heights_are_those_of_a_list(start: list[int], steps: list[Step]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sessiontree.ui.stream.heights.BLOCK", 4)
        _compare_heights(start, steps)


def _compare_heights(start: list[int], steps: list[Step]) -> None:
    heights, model = Heights(start), list(start)
    for what, place, value in steps:
        if what == "replace":
            place = min(place, len(model))
            model[place:] = [value] * value
            heights.replace_from(place, [value] * value)
        elif what == "in front":
            model[:0] = [value] * value
            heights.put_in_front([value] * value)
        elif place < len(model):
            heights[place] = model[place] = value
    assert [Heights.same(9, 3).start(n) for n in range(10)] == [3 * n for n in range(10)]
    assert heights.total == sum(model) and len(heights) == len(model)
    row = 0
    for index, height in enumerate(model):
        assert heights.start(index) == row and heights[index] == height
        for within in range(height):
            assert heights.find(row + within) == (index, within)
        row += height
    assert heights.find(row + 3) == (len(model), 3)


# Quantities


def test_quantities_read_as_a_person_writes_them() -> None:
    assert [words.tokens(n) for n in (1, 999, 1_234, 2_500_000)] == [
        "1 token",
        "999 tokens",
        "1.2 k tokens",
        "2.5 M tokens",
    ]
    assert [words.money(n) for n in (0.0123, 0.42, 1_234.5)] == ["$0.012", "$0.42", "$1,234.50"]
    assert [words.duration(n) for n in (0.04, 8.44, 9.96, 59.7, 125, 3_725)] == [
        "0.0 s",
        "8.4 s",
        "10 s",
        "1 min 00 s",
        "2 min 05 s",
        "1 h 02 min",
    ]
    assert [words.size(n) for n in (12, 1_500, 120_000, 3_000_000, 2 * 10**9)] == [
        "12 B",
        "1.5 kB",
        "120 kB",
        "3.0 MB",
        "2.0 GB",
    ]


def test_paths_are_seen_from_the_working_folder() -> None:
    assert path_from("/a/b/c.py", "/a") == "b/c.py"
    assert path_from("/ab/c.py", "/a") == "/ab/c.py"
    assert path_from("c.py", "/a") == "c.py"
