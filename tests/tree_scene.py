"""A small forest with one of everything, for the tests of the tree."""

from __future__ import annotations

from sessiontree.model.forest import Forest
from sessiontree.model.overlay import Overlay, Status, Verdict
from sessiontree.model.session import Evidence, Link, LinkKind, Presence, Session, Turn

NOW = 1_750_000_000.0
MODELS = ("opus", "sonnet", "haiku")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def turn(
    id: str,
    label: str,
    ago: float,
    parent: str | None = None,
    *,
    live: bool = True,
    cost: float | None = None,
) -> Turn:
    return Turn(id, parent, id, id, label, NOW - ago, live, cost_usd=cost)


def line(name: str, labels: list[str], ago: float, cost: float | None = None) -> tuple[Turn, ...]:
    """Turns `<name>1`, `<name>2`, … one after the other, a minute apart."""
    turns: list[Turn] = []
    for number, label in enumerate(labels, 1):
        parent = turns[-1].id if turns else None
        turns.append(turn(f"{name}{number}", label, ago - number * MINUTE, parent, cost=cost))
    return tuple(turns)


def session(
    id: str, turns: tuple[Turn, ...], ago: float, cwd: str = "/home/ann/limiter", **more: object
) -> Session:
    made = {"created": NOW - ago - HOUR, "updated": NOW - ago, **more}
    return Session(id, cwd.replace("/", "-"), cwd, f"{id}.jsonl", turns=turns, **made)  # type: ignore[arg-type]


def fork(child: str, parent: str, turn: str | None, **more: object) -> Link:
    made = {"evidence": Evidence.PREFIX, **more}
    return Link(child, parent, turn, turn, **made)  # type: ignore[arg-type]


def scene() -> Forest:
    """Families: a rate limiter with forks, an arm, a fan-out and a handoff; a failed one; one
    with a ghost for a parent; a damaged one; one from the SDK."""
    forest = Forest()
    root = line(
        "d",
        ["Design a rate limiter for the API", "Make it distributed", "Add tests"],
        2 * HOUR,
        0.11,
    )
    left = turn("d2x", "Make it sharded over regions instead", 1.9 * HOUR, "d1", live=False)
    forest.put(session("design", (root[0], left, *root[1:]), 2 * HOUR))
    window = line("w", ["Try a sliding window instead", "Benchmark both"], 10 * MINUTE, 0.04)
    forest.put(session("window", (*root[:2], *window), 4 * MINUTE))
    forest.put_link(fork("window", "design", "d2"))
    forest.overlay(
        "window",
        Overlay(status=Status.RUNNING, since=NOW - 12, prompt="Plot the difference", number=5),
    )
    gcra = line(
        "g", ["What about GCRA? 这个算法怎么样，请详细说明它的优点和缺点"], 1.5 * HOUR, 0.02
    )
    forest.put(session("gcra", (*root[:2], *gcra), HOUR))
    forest.put_link(fork("gcra", "design", "d2"))
    forest.overlay("gcra", Overlay(verdict=Verdict.CHOSEN))
    forest.set_notes({"gcra": "the best so far"})
    deep = line("p", ["Prove that GCRA never lets a burst of more than the limit through"], HOUR)
    forest.put(session("proof", (*root[:2], *gcra, *deep), HOUR))
    forest.put_link(fork("proof", "gcra", "g1"))
    forest.overlay("proof", Overlay(status=Status.WAITING, since=NOW - 90))
    for number, status in enumerate((Status.RUNNING, Status.FAILED, Status.QUEUED), 1):
        id = f"way{number}"
        own = line(f"y{number}", ["Write the benchmark"], 20 * MINUTE)
        forest.put(session(id, (*root, *own), 20 * MINUTE))
        forest.put_link(
            fork(id, "design", "d3", evidence=Evidence.MADE, group="fan", way=MODELS[number - 1])
        )
        forest.overlay(id, Overlay(status=status, since=NOW - 60))
    forest.put(session("after", line("h", ["Implement what was found"], 90 * MINUTE), 80 * MINUTE))
    forest.put_link(fork("after", "design", None, kind=LinkKind.HANDOFF))

    login = line("l", [f"Step {n} of the flaky login test" for n in range(1, 6)], DAY, 1.31)
    forest.put(session("login", login, DAY, title="Flaky login test"))
    forest.overlay("login", Overlay(status=Status.FAILED))
    lost = line("o", ["Port the parser to Rust", "Keep the old tests"], 9 * DAY)
    own = line("n", ["Use a table instead of a match"], 8 * DAY)
    forest.put(session("rust", (*lost, *own), 8 * DAY, origin="sdk-py"))
    forest.put_link(fork("rust", "lost", "o2"))
    forest.put(
        session(
            "broken",
            line("b", ["Read the logs of last night"], 20 * DAY),
            20 * DAY,
            presence=Presence.DAMAGED,
            origin="sdk-cli",
        )
    )
    forest.put(session("idea", line("i", ["An idea for later"], 400 * DAY), 400 * DAY))
    forest.overlay("idea", Overlay(hidden=True))
    return forest
