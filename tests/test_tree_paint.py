"""A row of the tree as a line of cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from sessiontree.model.overlay import Status
from sessiontree.model.rows import Rows
from sessiontree.model.text import clean_line
from sessiontree.ui.tree.face import Face, face
from sessiontree.ui.tree.paint import cut, guides, paint
from sessiontree.ui.tree.words import age, folder, money
from tests.test_forest import chain
from tests.tree_scene import DAY, HOUR, MINUTE, NOW, scene


def text(says: Face, width: int, before: str = "", **more: object) -> str:
    painted = paint(says, before, width, lambda _: Style(), **more)  # type: ignore[arg-type]
    return painted.strip.text


FULL = Face(
    "Try a sliding window instead",
    "session",
    glyph="⑂",
    arrow="▸",
    status=Status.FAILED,
    marks=(("★", "chosen"), ("sdk", "dim")),
    turns="12",
    age="2h",
    cost="$0.12",
)


def test_columns_and_words_go_one_by_one_as_the_pane_narrows() -> None:
    lines = """
 ▸ ⑂ Try a sliding window instead ★ sdk      ✗ failed  12  2h   $0.12
 ▸ ⑂ Try a sliding window i… ★ sdk ✗ failed  12  2h   $0.12
 ▸ ⑂ Try a sliding win… ★ ✗  12  2h   $0.12
 ▸ ⑂ Try a sliding w… ★ ✗  12  2h
 ▸ ⑂ Try a sliding… ★ ✗  2h
 ▸ ⑂ Try a sli… ✗  2h
 ▸ ⑂ Try a sli… ✗
 ▸ ⑂ Try… ✗
""".strip("\n").splitlines()
    widths = (70, 60, 44, 34, 28, 22, 18, 12)
    assert [text(FULL, width).rstrip() for width in widths] == lines


def test_a_short_label_leaves_its_room_to_the_rest() -> None:
    says = Face("Do", "session", status=Status.WAITING, turns="1", age="now")
    assert text(says, 34).rstrip() == "   Do        ? permission   1 now"


def test_wide_characters_take_two_cells_and_are_never_halved() -> None:
    assert [cut("这个算法", cells) for cells in (8, 7, 6, 5, 2, 1, 0)] == [
        "这个算法",
        "这个算…",
        "这个…",
        "这个…",
        "…",
        "…",
        "",
    ]


def test_of_a_folder_the_end_is_kept_with_what_matched_there() -> None:
    project = Face("~/work/notes/server-个", "project", ends=True, arrow="▸")
    marked = [
        (segment.text, bool(segment.style and segment.style.bold))
        for segment in paint(
            project, "", 16, lambda part: Style(bold=part == "match"), spans=[(13, 19)]
        ).strip
    ]
    assert ("server", True) in marked
    assert text(project, 16).rstrip() == " ▸ …s/server-个"
    assert text(project, 40).rstrip() == " ▸ ~/work/notes/server-个"


def test_what_matched_is_marked_in_the_label_and_nothing_beyond_it() -> None:
    painted = paint(
        Face("a rate limiter", "session"),
        "",
        14,
        lambda part: Style(bold=part == "match"),
        spans=[(2, 6), (7, 14)],
    )
    bold = [segment.text for segment in painted.strip if segment.style and segment.style.bold]
    assert bold == ["rate", "li…"]


def test_the_spinner_and_the_arrow_are_where_they_are_said_to_be() -> None:
    says = Face("Run", "session", arrow="▾", status=Status.RUNNING, turns="3", age="now")
    painted = paint(says, "  └ ", 50, lambda _: Style(), frame=1)
    assert painted.spinner is not None and painted.arrow is not None
    assert painted.strip.text[painted.spinner] == "⠙"
    assert painted.strip.text[painted.arrow] == "▾"
    assert paint(says, "", 50, lambda _: Style(), frame=2).spinner == painted.spinner


faces = st.builds(
    Face,
    st.text().map(clean_line),
    st.just("session"),
    glyph=st.sampled_from(["", "⑂"]),
    number=st.sampled_from(["", "7", "12345"]),
    arrow=st.sampled_from(["", "▸"]),
    status=st.sampled_from(Status),
    worded=st.booleans(),
    marks=st.lists(st.tuples(st.sampled_from(["★", "put away"]), st.just("dim"))).map(tuple),
    turns=st.sampled_from(["", "3", "9999"]),
    age=st.sampled_from(["", "now", "99y"]),
    cost=st.sampled_from(["", "$0.12", "$9,999", "$9,999k"]),
)


@given(faces, st.integers(1, 120), st.integers(0, 20), st.booleans())
def test_any_row_fills_its_line_and_no_more(
    says: Face, width: int, deep: int, marked: bool
) -> None:
    painted = paint(says, "│ " * deep, width, lambda _: Style(), marked=marked)
    assert painted.strip.cell_length == width
    assert sum(cell_len(segment.text) for segment in painted.strip) == width
    assert "\n" not in painted.strip.text


@given(st.integers(30, 120), st.integers(0, 4999))
def test_however_deep_a_row_is_its_label_can_be_read(width: int, number: int) -> None:
    forest = LONG.forest
    row = LONG.list[number]
    before = guides(LONG, row, width)
    assert cell_len(before) <= width * 2 // 5
    says = face(LONG, row, NOW)
    label = forest.label(row.session) if row.turn == "" else ""
    assert label[:8] in text(says, width, before)


LONG = Rows(chain(2000))
LONG.unfold(LONG.forest)


def test_guides_show_which_fork_hangs_where() -> None:
    rows = Rows(scene())
    rows.unfold(rows.forest)
    drawn = [
        guides(rows, row, 100) + (rows.forest.label(row.session) if not row.turn else row.turn)[:9]
        for row in rows.list
    ]
    assert drawn[:12] == [
        "Design a ",
        "  d1",
        "  └ d2x",
        "  d2",
        "  ├ What abou",
        "  │   g1",
        "  │   └ Prove tha",
        "  │       p1",
        "  └ Try a sli",
        "      w1",
        "      w2",
        "      live",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),
        (59, "now"),
        (MINUTE, "1m"),
        (HOUR - 1, "59m"),
        (HOUR, "1h"),
        (DAY, "1d"),
        (13 * DAY, "13d"),
        (14 * DAY, "2w"),
        (364 * DAY, "52w"),
        (400 * DAY, "1y"),
        (1e12, "99y"),
    ],
)
def test_ages(seconds: float, words: str) -> None:
    assert age(seconds) == words


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (None, ""),
        (0, "$0.00"),
        (0.124, "$0.12"),
        (99.99, "$99.99"),
        (100.4, "$100"),
        (1234.5, "$1,234"),
        (9999.4, "$9,999"),
        (9999.6, "$10k"),
        (123_456, "$123k"),
    ],
)
def test_costs(usd: float | None, words: str) -> None:
    assert money(usd) == words


def test_folders() -> None:
    assert folder("/home/ann", "/home/ann") == "~"
    assert folder("/home/ann/limiter", "/home/ann") == "~/limiter"
    assert folder("/home/anna/limiter", "/home/ann") == "/home/anna/limiter"
