"""What `ls` keeps: it says the same as when all is worked out anew, whatever happened since."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from sessiontree.claude import readers
from sessiontree.claude.index import Index
from sessiontree.claude.library import Library
from sessiontree.claude.lineage import Lineage
from sessiontree.claude.projects import of_project
from sessiontree.commands import forest, listing
from sessiontree.config import Config
from sessiontree.model.session import Evidence, Link, Session
from sessiontree.store.database import Store
from tests.forest_maker import Made, Maker

PLACES = ("/srv/one", "/srv/two", "/srv/three")


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    maker = Maker(tmp_path / "claude" / "projects", PLACES[0])
    for place in PLACES:
        for number in range(3):
            maker.turn(maker.new(cwd=place), f"prompt {number}")
    maker.write()
    return maker


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path / "home", claude=tmp_path / "claude", cwd=Path(PLACES[0]))


def rows(config: Config, everything: bool = True) -> list[listing.Row]:
    return sorted(listing.rows(config, everything=everything), key=lambda row: row.id)


def opened_in_the_app(config: Config, cwd: str) -> None:
    """What it finds of one project is in the index."""
    index, library = Index(config.index), Library(config.projects)
    library.remember(index.load())
    for _ in library.scan(Path(cwd)):
        pass
    library.save(index)


def anew(config: Config, everything: bool = True) -> list[listing.Row]:
    """The same from all that the index has, linked at once."""
    library = Library(config.projects, Index(config.index).load())
    for _ in library.scan(None if everything else config.cwd):
        pass
    stored = forest.stored(config.store) or forest.Stored({}, {})
    lineage = Lineage(stored.links)
    lineage.update(library.known())
    sessions = forest.Sessions(lineage.links, lineage.sessions, stored.titles)
    found = [listing.row(sessions, session) for session in sessions.known.values()]
    found = [row for row in found if everything or of_project(row, config.cwd)]
    return sorted(found, key=lambda row: row.id)


def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the transcripts that are read from now on."""
    found: list[str] = []
    reading = readers.read_session

    def noticed(path: str, project: str, **options: int) -> object:
        found.append(Path(path).stem)
        return reading(path, project, **options)

    monkeypatch.setattr(readers, "read_session", noticed)
    return found


def test_where_nothing_changed_nothing_is_worked_out(
    maker: Maker, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rows(config)
    assert first == anew(config)
    monkeypatch.setattr(listing, "_renew", None)
    assert rows(config) == first
    assert rows(config, everything=False) == [row for row in first if row.cwd == PLACES[0]]


def test_one_changed_session_leaves_other_projects_alone(
    maker: Maker, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(config)
    parent = maker.sessions[4]
    child = maker.fork(parent)
    maker.turn(child, "a fork")
    maker.write_one(child)
    reads = read(monkeypatch)
    linked: list[int] = []  # for each row that is worked out, among how many sessions
    work_out = listing.row

    def noticed(sessions: forest.Sessions, session: Session) -> listing.Row:
        linked.append(len(sessions.known))
        return work_out(sessions, session)

    monkeypatch.setattr(listing, "row", noticed)
    (row,) = [row for row in rows(config) if row.id == child.id]
    assert (row.parent, row.after) == (parent.id, 1)
    assert (reads, linked) == ([child.id], [4] * 4)


def test_a_fork_in_another_project_changes_what_is_said_there(maker: Maker, config: Config) -> None:
    """The parent comes to light after its fork, in another project's folder."""
    parent = maker.sessions[0]
    child = maker.fork(parent)
    child.cwd = PLACES[1]
    maker.turn(child, "a fork")
    aside = maker.path(parent)
    kept = aside.read_bytes()
    aside.unlink()
    maker.write_one(child)
    row = next(row for row in rows(config) if row.id == child.id)
    assert json.loads(row.data)["evidence"] == "pointer"  # a copied answer names who wrote it
    aside.write_bytes(kept)
    row = next(row for row in rows(config) if row.id == child.id)
    assert json.loads(row.data)["evidence"] == "prefix"
    assert rows(config) == anew(config)


def test_the_project_of_one_folder_is_linked_with_what_is_known_of_others(
    maker: Maker, config: Config
) -> None:
    parent = maker.sessions[3]
    child = maker.fork(parent)
    child.cwd = PLACES[0]
    maker.turn(child, "a fork")
    opened_in_the_app(config, PLACES[1])
    maker.write_one(child)
    (row,) = [row for row in rows(config, everything=False) if row.id == child.id]
    assert row.parent == parent.id


def test_what_the_app_found_out_meanwhile_is_said(maker: Maker, config: Config) -> None:
    parent = maker.sessions[3]
    child = maker.fork(parent)
    child.cwd = PLACES[0]
    maker.turn(child, "a fork")
    maker.write_one(child)

    def evidence() -> str:
        found = rows(config, everything=False)
        return str(json.loads(next(row for row in found if row.id == child.id).data)["evidence"])

    assert evidence() == "pointer"  # a copied answer names who wrote it
    opened_in_the_app(config, PLACES[1])
    assert evidence() == "prefix"


def test_what_is_set_here_is_said_at_once(maker: Maker, config: Config) -> None:
    child, parent = maker.sessions[0].id, maker.sessions[5].id
    rows(config)
    with Store.open(config.store) as store:
        store.annotate(child, title="Named")
        store.set_link(Link(child, parent, evidence=Evidence.MANUAL))
    row = next(row for row in rows(config) if row.id == child)
    assert (row.name, row.parent) == ("Named", parent)
    assert rows(config) == anew(config)


def test_a_session_that_cannot_be_read_is_tried_again(
    maker: Maker, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as shut:

        def refused(path: str, project: str, **options: int) -> None:
            raise PermissionError(13, "Permission denied")

        shut.setattr(readers, "read_session", refused)
        assert {row.said for row in rows(config)} == {"There is no permission to read it."}
    assert {row.said for row in rows(config)} == {""}


@pytest.mark.parametrize("lost", ["index", "listing", "both", "a byte", "the folder's rights"])
def test_whatever_is_lost_of_it_is_worked_out_anew(maker: Maker, config: Config, lost: str) -> None:
    first = rows(config)
    (kept,) = config.index.glob("listing.*")
    indexes = list(config.index.glob("*.index"))
    if lost == "a byte":
        data = kept.read_bytes()
        kept.write_bytes(data[:99] + bytes([data[99] ^ 1]) + data[100:])
    for file in [*(indexes if lost in ("index", "both") else ()), *[kept] * (lost != "index")]:
        if lost in ("index", "listing", "both"):
            file.unlink()
    if lost == "the folder's rights":
        shutil.rmtree(config.index)
        config.index.write_text("in the way")
    assert rows(config) == first
    maker.turn(maker.sessions[0], "more")
    maker.write_one(maker.sessions[0])
    assert [row.turns for row in rows(config) if row.id == maker.sessions[0].id] == [2]
    assert len(rows(config)) == len(first)


@pytest.mark.parametrize("seed", range(6))
def test_it_says_what_all_of_it_says(maker: Maker, config: Config, seed: int) -> None:
    """Forks within and across projects, copies, rewinds, lost and found files, in any order."""
    chance = random.Random(seed)
    aside: list[tuple[Path, bytes]] = []

    def begun() -> Made:
        return chance.choice([one for one in maker.sessions if one.lines and not one.gone])

    def fork() -> None:
        parent = begun()
        way = chance.choice((maker.fork, maker.fork_offline, maker.branch))
        child = way(parent)
        child.cwd = chance.choice((parent.cwd, parent.cwd, *PLACES))
        if way is not maker.fork_offline:
            maker.turn(child, f"fork {len(maker.sessions)}")
        maker.write_one(child)

    def go_on() -> None:
        session = begun()
        if chance.random() < 0.3:
            maker.rewind(session, chance.choice([None, *maker.turns(session)]))
        maker.turn(session, "more")
        maker.write_one(session)

    def lose() -> None:
        file = chance.choice(sorted(maker.projects.glob("*/*.jsonl")))
        aside.append((file, file.read_bytes()))
        file.unlink()

    def find() -> None:
        if aside:
            file, data = aside.pop(chance.randrange(len(aside)))
            file.write_bytes(data)

    def look() -> None:
        """As the app does: what it finds is in the index."""
        opened_in_the_app(config, chance.choice(PLACES))

    def copy() -> None:
        file = chance.choice(sorted(maker.projects.glob("*/*.jsonl")))
        folder = chance.choice(sorted(maker.projects.iterdir()))
        if folder != file.parent:
            shutil.copy(file, folder / file.name)
            os.utime(folder / file.name, ns=(0, chance.randrange(2**60)))

    for _ in range(12):
        for _ in range(chance.randint(1, 3)):
            chance.choice((fork, fork, go_on, lose, find, copy, look))()
        everything = chance.random() < 0.6
        assert rows(config, everything) == anew(config, everything)
