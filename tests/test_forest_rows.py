"""Rows kept through any changes are the rows that a forest made from scratch has."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontree.model.filter import STATES
from sessiontree.model.forest import Forest
from sessiontree.model.overlay import Overlay, Status, Verdict
from sessiontree.model.rows import Key, Kind, Rows
from sessiontree.model.session import Evidence, Link, LinkKind, Session, Turn

IDS = [f"s{n}" for n in range(7)]
TURNS = [f"t{n}" for n in range(9)]


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """Turns of any order, parents (loops, turns that are not there), dead or alive."""
    ids = draw(st.lists(st.sampled_from(TURNS), unique=True, max_size=5))
    turns = tuple(
        Turn(
            id,
            draw(st.sampled_from([None, *TURNS])),
            id,
            id,
            f"prompt {id}",
            draw(st.sampled_from([None, 1.0, 2.0, 3.0])),
            live=draw(st.booleans()),
            cost_usd=draw(st.sampled_from([None, 0.5, 1.0])),
        )
        for id in ids
    )
    id = draw(st.sampled_from(IDS))
    return Session(
        id,
        "p",
        draw(st.sampled_from(["/a", "/b"])),
        "",
        turns=turns,
        created=draw(st.sampled_from([None, 1.0, 2.0])),
        updated=draw(st.sampled_from([1.0, 5.0, 9.0])),
    )


links = st.builds(
    Link,
    st.sampled_from(IDS),
    st.sampled_from([None, *IDS]),
    st.sampled_from([None, *TURNS]),
    evidence=st.sampled_from(Evidence),
    kind=st.sampled_from(LinkKind),
    group=st.sampled_from(["", "", "fan"]),
)
overlays = st.builds(
    Overlay,
    status=st.sampled_from(Status),
    prompt=st.sampled_from(["", "being run"]),
    number=st.integers(0, 3),
    hidden=st.booleans(),
    verdict=st.sampled_from(Verdict),
    cost_usd=st.sampled_from([None, 0.25]),
)
notes = st.dictionaries(st.sampled_from([*IDS, *TURNS]), st.just("A note"), max_size=2)
steps = st.one_of(
    st.tuples(st.just("put"), sessions()),
    st.tuples(st.just("remove"), st.sampled_from(IDS)),
    st.tuples(st.just("link"), links),
    st.tuples(st.just("overlay"), st.tuples(st.sampled_from(IDS), overlays)),
    st.tuples(st.just("notes"), notes),
    st.tuples(st.just("toggle"), st.integers(0, 40)),
    st.tuples(st.just("toggle"), st.integers(0, 3)),
    st.tuples(st.just("reveal"), st.tuples(st.sampled_from(IDS), st.sampled_from(["", *TURNS]))),
    st.tuples(
        st.just("filter"),
        st.sampled_from(
            [*["", "", "t1", "pt 3 prom", "s2", "nothing"], *STATES, "t1 is:run", "a note has:"]
        ),
    ),
    st.tuples(st.just("show_all"), st.booleans()),
    st.tuples(st.just("scope"), st.sampled_from(["all", "in /a"])),
    st.tuples(st.just("sync"), st.none()),
)


def _in_a(session: Session) -> bool:
    return session.cwd == "/a"


class World:
    def __init__(self) -> None:
        self.forest = Forest()
        self.rows = Rows(self.forest)
        self.sessions: dict[str, Session] = {}
        self.links: dict[str, Link] = {}
        self.overlays: dict[str, Overlay] = {}
        self.notes: dict[str, str] = {}

    def take(self, what: str, value: object) -> None:
        forest, rows = self.forest, self.rows
        match what, value:
            case "put", Session() as session:
                self.sessions[session.id] = session
                forest.put(session)
            case "remove", str(id):
                self.sessions.pop(id, None)
                forest.remove(id)
            case "link", Link() as link:
                self.links[link.child] = link
                forest.put_link(link)
            case "overlay", (str(id), Overlay() as overlay):
                self.overlays[id] = overlay
                forest.overlay(id, overlay)
            case "notes", dict() as notes:
                self.notes = notes
                forest.set_notes(notes)
            case "toggle", int(index):
                rows.sync()
                if index < len(rows):
                    rows.toggle(rows.list[index])
            case "reveal", (str(id), str(turn)):
                rows.sync()
                index = rows.reveal(id, turn)
                if index is not None:
                    row = rows.list[index]
                    assert row.session == id or turn
                elif not rows.query and rows.show_all and not rows.scope:
                    assert id not in forest
            case "filter", str(query):
                rows.filter(query)
            case "show_all", bool(on):
                rows.show_all = on
            case "scope", scope:
                rows.scope = None if scope == "all" else _in_a
            case _:
                rows.sync()

    def rebuilt(self) -> Rows:
        """The rows of a new forest, filled in another order, with the same folds and order."""
        forest = Forest()
        forest.set_notes(self.notes)
        for link in self.links.values():
            forest.put_link(link)
        for id, overlay in self.overlays.items():
            forest.overlay(id, overlay)
        for session in reversed(self.sessions.values()):
            forest.put(session)
        rows = Rows(forest, self.rows.scope)
        assert set(rows.order._project_of) == set(self.rows.order._project_of)
        rows.order.roots = self.rows.order.roots
        rows.order._project_of = self.rows.order._project_of
        rows._folds.__dict__.update(self.rows._folds.__dict__)
        rows.show_all = self.rows.show_all
        rows._layout.forget_all()
        rows.filter(self.rows.query)
        return rows


def drawn(rows: Rows) -> list[tuple[Key, int, Key | None, bool, list[str]]]:
    return [
        (
            row.key,
            row.depth,
            row.parent and row.parent.key,
            rows.is_last(row),
            rows.members(row) if row.kind is Kind.GROUP else [],
        )
        for row in rows.list
    ]


def spent(forest: Forest) -> dict[str, float | None]:
    return {id: forest.family_cost(id) for id in forest}


@settings(max_examples=400, deadline=None)
@given(st.lists(steps, max_size=30))
def test_kept_rows_equal_rebuilt_rows(changes: list[tuple[str, object]]) -> None:
    world = World()
    for what, value in changes:
        world.take(what, value)
        if what == "sync":
            again = world.rebuilt()
            assert drawn(world.rows) == drawn(again)
            assert spent(world.forest) == spent(again.forest)
    world.rows.sync()
    assert drawn(world.rows) == drawn(world.rebuilt())
    keys = [row.key for row in world.rows.list]
    assert len(keys) == len(set(keys))
    for index, row in enumerate(world.rows.list):
        assert world.rows.index(row.key) == index
        if row.kind is Kind.GROUP:
            assert {world.forest.group(id) for id in world.rows.members(row)} == {row.turn}
    for root in world.forest.roots():
        at = world.rows.index(Key(Kind.SESSION, root))
        group = world.forest.group(root)
        if at is not None and group and not world.rows.query:
            above = world.rows.list[at].parent
            assert above is not None and above.turn == group
