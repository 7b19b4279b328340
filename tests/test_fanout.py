"""A fan-out: what each of its ways is sent, what is stored, what a restart and a fault leave."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import claude_agent_sdk as sdk
import pytest

from sessiontree.claude.offline_fork import ForkError, fork_offline
from sessiontree.claude.prices import reading
from sessiontree.claude.transcript.reading import Context
from sessiontree.commands import listing
from sessiontree.demo.api import MessagesApi
from sessiontree.demo.reply import Failure, Hold, Reply, Text, ToolUse, Usage, say
from sessiontree.demo.request import Request
from sessiontree.engine import sending
from sessiontree.engine.fanout import estimate, title
from sessiontree.model import event
from sessiontree.model.fanout import PRESETS, Way, apart, whole
from sessiontree.model.overlay import Status
from sessiontree.model.plan import Kind
from sessiontree.model.rows import Rows
from sessiontree.model.run import Choice, Mode
from sessiontree.model.session import Evidence, worktree
from sessiontree.store.database import Store
from tests.api import ClaudePlace
from tests.store_faults import FullDisk
from tests.test_engine import Desk, desk_at

MODELS, EFFORTS, TWICE, PROMPTS, ADDITION = PRESETS
FIRST = Way("Name it", Choice(model="opus"))


# Plain data


def test_presets_vary_one_thing_and_keep_the_first_prompt() -> None:
    assert [way.choice.model for way in MODELS.ways(FIRST)] == ["opus", "sonnet", "haiku"]
    assert {way.choice.model for way in EFFORTS.ways(FIRST)} == {"opus"}
    assert [way.choice.effort for way in EFFORTS.ways(FIRST)] == ["low", "medium", "high"]
    for preset in PRESETS:
        ways = preset.ways(FIRST)
        assert ways[0].prompt == "Name it"
        assert {way.prompt for way in whole(ways)} == {"Name it"}


def test_what_tells_ways_apart() -> None:
    assert apart(MODELS.ways(FIRST)) == ["opus", "sonnet", "haiku"]
    assert apart(EFFORTS.ways(FIRST)) == ["low effort", "medium effort", "high effort"]
    assert apart(TWICE.ways(FIRST)) == ["#1", "#2"]
    assert apart([FIRST, Way("Name it well")]) == ["opus", "default model"]
    assert apart([Way("One"), Way("Two")]) == ["", ""]
    assert apart([Way("One"), Way(""), Way("Two"), Way("Two")]) == ["#1", "#2", "#1", "#2"]
    long = Choice(append="Answer as if to somebody\nwho has never seen a computer")
    assert apart([Way("One"), Way("", long)]) == ["nothing added", "+ Answer as if to somebody"]
    mixed = [Way("One", Choice(model="opus", effort="max")), Way("One", Choice(effort="low"))]
    assert apart(mixed) == ["opus, max effort", "low effort"]
    assert apart([*mixed, Way("One")])[2] == "default"


def test_an_estimate_says_what_it_knows_and_never_zero() -> None:
    ways = MODELS.ways(FIRST)
    context = Context(100_000, "claude-sonnet-5-5")
    assert reading("sonnet", 100_000) == pytest.approx(0.25)
    assert estimate(context, ways).usd == pytest.approx(0.5 + 0.25 + 0.0625)
    assert "about $0.81 for" in estimate(context, ways).words.lower()
    assert "100.0 k tokens × 3" in estimate(context, ways).words
    as_before = estimate(context, TWICE.ways(Way("x")))
    assert as_before.usd == pytest.approx(0.5)  # who answered last answers again
    some = estimate(context, [*ways, Way("x", Choice(model="made-up"))])
    assert some.unknown == 1
    assert "unknown for 1 of them" in some.words
    for nothing in (
        estimate(None, ways),
        estimate(Context(100_000, "made-up"), TWICE.ways(Way("x"))),
        estimate(Context(100_000, ""), TWICE.ways(Way("x"))),
    ):
        assert "unknown" in nothing.words
        assert "$" not in nothing.words
    assert "less than $0.01" in estimate(Context(10, "haiku"), TWICE.ways(Way("x"))).words.lower()


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("opus", True),
        ("sonnet[1m]", True),
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4-5-20250929", True),
        ("opus-9", False),
        ("us.anthropic.claude-haiku-5-5", False),
        ("", False),
    ],
)
def test_prices_are_known_by_name(model: str, known: bool) -> None:
    assert (reading(model, 1_000) is not None) is known


# With the real Claude Code


@pytest.fixture
async def desk(place: ClaudePlace, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(place, tmp_path / "home") as desk:
        yield desk


def lines(store: Store) -> int:
    return store.path.read_bytes().count(b"\n")


def group_of(desk: Desk, member: str) -> list[str]:
    """What stands below the row of a fan-out, as the tree has it."""
    rows = Rows(desk.forest)
    rows.reveal(member)
    (row,) = (row for row in rows.list if row.kind is Kind.GROUP)
    return rows.members(row)


@pytest.mark.anyio
async def test_four_ways_of_which_one_fails(
    place: ClaudePlace, api: MessagesApi, tmp_path: Path
) -> None:
    def script(request: Request) -> Reply | Failure:
        if request.prompt == "Something else":
            return Failure(529, "Overloaded")
        usage = Usage(0, 0, 0, 1_000_000) if request.prompt == "Name it" else Usage(3, 7, 900, 90)
        return Reply((Text(f"I am {request.model}"),), usage=usage)

    api.script = script
    ways = [
        Way("Name it", Choice(model="opus")),
        Way("", Choice(model="haiku", effort="high")),
        Way("", Choice(append="Answer in one word.")),
        Way("Something else"),
    ]
    async with desk_at(place, tmp_path / "home") as desk:
        root = await desk.new("One", "Two")
        first = desk.session(root).line[0]
        aim = desk.engine.aims.fork(desk.session(root), first.id)
        assert title(aim, 4) == "4 forks of ‹One› at turn 1"
        context = await desk.engine.context(aim)
        assert context is not None and context.tokens == 1_000
        assert not estimate(context, whole(ways)).unknown

        stored = lines(desk.engine._store)
        ids = await desk.engine.fan_out(aim, ways)
        assert lines(desk.engine._store) == stored + 1  # all of it in one go
        assert set(desk.engine._store.intents()) == set(ids)
        links = [desk.engine._store.links()[id] for id in ids]
        assert {(link.parent, link.turn, link.evidence) for link in links} == {
            (root, first.id, Evidence.MADE)
        }
        assert len({link.group for link in links}) == 1
        assert links[0].group
        await desk.heard.until(lambda: len(desk.heard.over) == 6 and all(map(desk._settled, ids)))

        asked = {request.session: request for request in api.requests[2:]}
        assert list(map(str, sorted(asked))) == sorted(ids)
        prompts = [asked[id].prompt for id in ids]
        assert prompts == ["Name it", "Name it", "Name it", "Something else"]
        assert {asked[id].asked.earlier for id in ids} == {("One",)}
        opus, haiku, *others = [asked[id].model for id in ids]
        assert "opus" in opus and "haiku" in haiku
        assert len(set(others)) == 1
        efforts = [asked[id].body["output_config"]["effort"] for id in ids]
        assert efforts[1] == "high" != efforts[0]
        systems = [json.dumps(asked[id].body["system"]) for id in ids]
        assert ["Answer in one word." in system for system in systems] == [
            False,
            False,
            True,
            False,
        ]
        status = [desk.forest.status(id) for id in ids]
        assert status == [Status.DONE, Status.DONE, Status.DONE, Status.FAILED]
        assert desk.engine.unsent(ids[3]) == "Something else"
        # What the estimate says is what Claude Code counts.
        for id, model in zip(ids[:2], ("opus", "haiku"), strict=True):
            await desk.heard.until(lambda id=id: desk.forest.cost(id))  # type: ignore[misc]
            assert desk.forest.cost(id) == pytest.approx(reading(model, 1_000_000))
        assert group_of(desk, ids[0]) == ids
    async with desk_at(place, tmp_path / "home") as desk:
        await desk.heard.until(lambda: all(desk.forest.session(id) for id in ids))
        assert group_of(desk, ids[0]) == ids
        assert desk.forest.place(ids[0]) == (root, first.id)
        assert [desk.forest.link(id).way for id in ids] == [  # type: ignore[union-attr]
            "opus",
            "haiku, high effort",
            "+ Answer in one word.",
            "default",
        ]
        assert desk.forest.status(ids[3]) is Status.FAILED


@pytest.mark.anyio
async def test_one_word_stops_all_of_them(desk: Desk, api: MessagesApi, place: ClaudePlace) -> None:
    await git(place.cwd, "init", "-q")
    await git(place.cwd, "commit", "-q", "--allow-empty", "-m", "x")
    root = await desk.new("One")
    api.script = lambda request: say("Half ", Hold())
    desk.engine.settings.choose(root, Choice(mode=Mode.BYPASS))
    choice = desk.engine.settings.for_several(root)
    assert choice.mode is Mode.DEFAULT
    aim = desk.engine.aims.fork(desk.session(root), None)
    ids = await desk.engine.fan_out(aim, [Way("Go", choice)] * 5, worktrees=True)
    # Also those that wait will leave from where the first did.
    last = desk.session(root).line[-1].last
    assert {intent.at for intent in desk.engine._store.intents().values()} == {last}
    await desk.heard.until(lambda: len(api.requests) == 5)
    assert [run.state.value for run in desk.engine.pool] == ["running"] * 4 + ["queued"]
    pids = [run.agent.pid for run in desk.engine.pool if run.agent]
    group = desk.forest.group(ids[0])
    assert len(desk.engine.runs_in(group)) == 5
    desk.engine.interrupt_group(group)
    await desk.heard.until(lambda: not list(desk.engine.pool))
    assert len(api.requests) == 5
    assert {desk.forest.status(id) for id in ids} == {Status.INTERRUPTED}
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    # Each can be taken up again, and stays in its group.
    api.script = lambda request: say("Fine")
    assert await desk.send(desk.engine.aims.go_on(desk.session(ids[4])), "Go") == ids[4]
    assert desk.engine._store.links()[ids[4]].group == group
    assert desk.engine._store.links()[ids[4]].way == "#5"
    assert worktree(desk.session(ids[4]).cwd) == f"way-{ids[4][:6]}"  # it never had one before


async def git(repository: Path, *words: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@x")
    await anyio.run_process(["git", "-C", str(repository), *who, *words])


@pytest.mark.anyio
async def test_a_worktree_loads_the_projects_settings_only_as_they_were_seen(
    desk: Desk, api: MessagesApi, place: ClaudePlace
) -> None:
    rules = place.cwd / "CLAUDE.md"
    rules.write_text("Speak of buckets.")
    await git(place.cwd, "init", "-q")
    await git(place.cwd, "add", "-A")
    await git(place.cwd, "commit", "-qm", "x")
    engine, told = desk.engine, []
    for text in ("Speak of buckets.", "Speak of bowls."):
        rules.write_text(text)
        await engine.trust.decide(await engine.trust.look(str(place.cwd)), load=True)
        (id,) = await engine.fan_out(engine.aims.new(), [Way("Go")], worktrees=True)
        await desk.heard.until(lambda id=id: desk._settled(id))  # type: ignore[misc]
        told.append("Speak of" in json.dumps(api.requests[-1].body))
    assert told == [True, False]
    assert desk.heard.told == [sending.OTHER_SETTINGS]


@pytest.mark.anyio
async def test_each_way_in_a_git_worktree_of_its_own(
    desk: Desk, api: MessagesApi, place: ClaudePlace
) -> None:
    def script(request: Request) -> Reply:
        if request.asked.results:
            return say(f"I work in {request.asked.results[-1].text}")
        return say(ToolUse("Bash", {"command": "pwd"}))

    repository = place.cwd.resolve()
    await git(repository, "init", "-q")
    await git(repository, "commit", "-q", "--allow-empty", "-m", "x")
    root = await desk.new("One")
    api.script = script
    aim = desk.engine.aims.fork(desk.session(root), None)
    assert desk.engine.can_have_worktrees(aim)
    ways = [Way("Where?", Choice(model="opus")), Way("")]
    ids = await desk.engine.fan_out(aim, ways, worktrees=True)
    await desk.heard.until(lambda: not list(desk.engine.pool) and all(map(desk._settled, ids)))
    names = [f"opus-{ids[0][:6]}", f"way-{ids[1][:6]}"]
    places = [repository / ".claude" / "worktrees" / name for name in names]
    for id, at in zip(ids, places, strict=True):
        assert desk.session(id).cwd == str(at)
        answer = (await desk.stream(id))[-1]
        assert isinstance(answer, event.Text) and answer.text == f"I work in {at}"
    # They belong to the repository's project, in their group, also for another instance.
    assert set(ids) <= desk.engine.catalog.in_scope
    assert group_of(desk, ids[0]) == ids
    assert {desk.forest.project(id) for id in ids} == {str(repository)}
    found = listing.rows(desk.engine.config, everything=False)
    assert {root, *ids} == {one.id for one in found}
    # What goes on from one goes on there, until it is gone.
    aim = desk.engine.aims.go_on(desk.session(ids[0]))
    assert aim.words == f"continue ‹opus · Where?› with turn 3 in worktree {names[0]}"
    await desk.send(aim, "And now?")
    assert api.requests[-1].asked.results[-1].text.strip() == str(places[0])
    await git(repository, "worktree", "remove", "-f", "-f", str(places[0]))
    aim = desk.engine.aims.go_on(desk.session(ids[0]))
    assert aim.words == "continue ‹opus · Where?› with turn 4"
    await desk.send(aim, "And now?")
    assert api.requests[-1].asked.results[-1].text.strip() == str(repository)


@pytest.mark.anyio
async def test_a_way_that_cannot_be_copied_fails_alone(
    desk: Desk, api: MessagesApi, place: ClaudePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forks from an arm that was left are copied before they run; the second copy fails here."""
    root = await desk.new("One", "Two")
    first, left = desk.session(root).line
    options = sdk.ClaudeAgentOptions(
        cwd=place.cwd, env=dict(place.env), resume=root, resume_session_at=first.last
    )
    async for _ in sdk.query(prompt="Instead", options=options):
        pass
    await desk.heard.until(lambda: desk.session(root).line[-1].label == "Instead")
    copied: list[str] = []

    def copy(path: Path, *, turn: str, child: str) -> None:
        copied.append(child)
        if len(copied) > 1:
            raise ForkError("The disk is full: nothing was copied.")
        fork_offline(path, turn=turn, child=child)

    monkeypatch.setattr(sending, "fork_offline", copy)
    aim = desk.engine.aims.fork(desk.session(root), left.id)
    well, badly = await desk.engine.fan_out(aim, [Way("Left"), Way("Right")])
    await desk.heard.until(lambda: desk._settled(well) and not desk.engine.run_of(well))
    assert desk.labels(well) == ["One", "Two", "Left"]
    assert desk.heard.told == ["The disk is full: nothing was copied."]
    assert desk.forest.status(badly) is Status.FAILED
    assert desk.engine.unsent(badly) == "Right"
    assert group_of(desk, well) == [well, badly]
    # Where none can be copied, nothing was begun and the prompts are still the caller's.
    assert await desk.engine.fan_out(aim, [Way("Left"), Way("Right")]) == []
    assert len(list(desk.engine.pool)) == 0


@pytest.mark.anyio
async def test_nothing_is_begun_that_could_not_be_stored(desk: Desk, api: MessagesApi) -> None:
    root = await desk.new("One")
    desk.engine._store._journal._file._files = FullDisk(200)  # type: ignore[union-attr]
    aim = desk.engine.aims.fork(desk.session(root), None)
    assert await desk.engine.fan_out(aim, [Way("Left"), Way("Right")]) == []
    assert "No space left" in desk.heard.told[-1]
    assert not list(desk.engine.pool)
    assert set(desk.forest) == {root}
    assert desk.engine._store.intents() == {}
    assert len(api.requests) == 1
