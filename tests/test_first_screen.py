"""What is seen first is what was seen last, and what will be seen a moment later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sessiontree.config import Config
from sessiontree.engine.preview import preview
from sessiontree.model.overlay import Status
from sessiontree.model.run import Verb
from sessiontree.store.database import Store
from sessiontree.store.owner import Owner, this_process
from sessiontree.store.records import Intent
from sessiontree.ui.app import SessionTree
from sessiontree.ui.main.bars import DamageBar
from sessiontree.ui.main.first import FirstScreen
from sessiontree.ui.tree.face import Face, face
from sessiontree.ui.tree.view import TreeView
from tests.app import hands_on
from tests.forest_maker import Maker

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000.0


class FirstAlone(SessionTree):
    """The app as it is before the rest of it is loaded."""

    def _begin(self) -> None:
        pass


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Three projects with a few sessions each, one of them here."""
    projects = tmp_path / "claude" / "projects"
    for name, many in (("here", 2), ("other", 3), ("third", 1)):
        (tmp_path / name).mkdir()
        maker = Maker(projects, str(tmp_path / name), seed=many)
        for number in range(many):
            root = maker.new()
            first = maker.turn(root, f"Prompt {number} in {name}")
            maker.turn(root, "Go on")
            maker.turn(maker.fork(root, first), "Another way")
        maker.write()
    return Config(tmp_path / "home", tmp_path / "claude", tmp_path / "here")


def seen(tree: TreeView) -> tuple[int, list[Face]]:
    return tree.cursor, [face(tree.rows, row, NOW) for row in tree.rows.list]


async def first_sight(config: Config, *, everything: bool) -> tuple[int, list[Face]]:
    app = FirstAlone(config, everything=everything)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert isinstance(app.screen, FirstScreen)
        return seen(app.screen.tree_view)


async def test_all_that_is_counted_has_a_row(config: Config, tmp_path: Path) -> None:
    """Also what does not say where it belongs, and where the project's folder is a link."""
    (tmp_path / "link").symlink_to(config.project, target_is_directory=True)
    (folder,) = {path.parent for path in config.projects.glob("*-here/*.jsonl")}
    (folder / "11111111-1111-4111-8111-111111111111.jsonl").touch()
    (folder / "22222222-2222-4222-8222-222222222222.jsonl").symlink_to("nowhere")
    async with hands_on(replace(config, cwd=tmp_path / "link")) as hands:
        catalog, tree = hands.engine.catalog, hands.main.tree_view
        assert {row.session for row in tree.rows.list} == hands.forest.root_ids
        assert catalog.count == 4 + 2
        assert tree.select("22222222-2222-4222-8222-222222222222")
        said = hands.main.query_one(DamageBar)
        await hands.until(lambda: "links are not followed" in str(said.render()))


@pytest.mark.parametrize("everything", [False, True])
async def test_it_is_the_tree_that_comes(config: Config, everything: bool) -> None:
    async with hands_on(config, everything=everything) as hands:
        roots = [id for id in hands.forest if hands.forest.parent(id) is None]
        for root in roots:
            if hands.main.tree_view.select(root):
                break
        await hands.press("l", "j")
        await hands.engine.marks.set(hands.selected[0], title="A title", note="A note")
        await hands.settled()
        hands.main.remember()
        await hands.until(lambda: hands.engine.view().get("selection", {}).get("turn"))
    cursor, faces = await first_sight(config, everything=everything)
    assert cursor > 0
    assert {"A title", "✎"} <= {word for one in faces for word in (one.label, *dict(one.marks))}
    async with hands_on(config, everything=everything) as hands:
        assert seen(hands.main.tree_view) == (cursor, faces)


async def test_all_projects_are_seen_though_none_was_yet(config: Config) -> None:
    async with hands_on(config) as hands:
        hands.engine.catalog.everything = True
        await hands.engine.catalog.scan(lambda: None)
    _, faces = await first_sight(config, everything=True)
    assert sorted(one.turns for one in faces if one.part == "project") == ["1", "2", "3"]


@pytest.mark.parametrize(
    "projects",
    [None, "all", [["folder"]], [["folder", 0, 1.0]], [[1, 2, 3]], [["\x1b[31m", 10**12, 1]]],
)
async def test_what_anyone_wrote_in_the_store_does_no_harm(
    config: Config, projects: object
) -> None:
    with Store.open(config.store) as store:
        store.set_view(projects=projects, project=["x"], selection={"session": ["x"]}, unfolded=1)
        known = await preview(config, store, everything=True)
    assert all("\x1b" not in folder and count <= 10**5 for folder, count in known.counts.items())
    await first_sight(config, everything=True)


async def test_a_run_that_was_cut_off_is_told_also_where_nothing_can_be_stored(
    config: Config,
) -> None:
    async with hands_on(config) as hands:
        session = hands.selected[0]
    with Store.open(config.store) as store:
        gone = Owner(this_process().host, pid=2**22 + 1)
        store.begin(Intent(session, Verb.CONTINUE, str(config.cwd), owner=gone))
    lock = config.store.with_name(config.store.name + ".lock")
    lock.unlink()
    lock.mkdir()  # it cannot be had
    async with hands_on(config) as hands:
        assert hands.forest.status(session) is Status.INTERRUPTED
        assert any("its lock cannot be had" in words for words in hands.said)
