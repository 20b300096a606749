"""What agents hand on, through the running server: work, results, new agents, and what must not be (spec 2.2, fault F4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.hub.house import GENEROUS, Frame, House, Peer, house

from watchfloor.councils.messages import CastVote
from watchfloor.engine.setup import add_person
from watchfloor.fleet.messages import QuarantineAgent
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import Actor
from watchfloor.kernel.terms import DelegationTerms, LevelTerms, TrustTerms
from watchfloor.work.messages import SubmitTask

pytestmark = pytest.mark.timeout(60)
# CERTIFIED agents: their tier may delegate and spawn.
CERTIFIED = msgspec.structs.replace(
    GENEROUS,
    trust=msgspec.structs.replace(TrustTerms(), base=850, tasks_per_tier=(5, 5, 5, 5, 10, 1_000)),
    levels=LevelTerms(low=0, medium=0, high=0, critical=0),
    auto=msgspec.structs.replace(GENEROUS.auto, medium_allowed=True, bootstrap_actions=100),
    delegation=DelegationTerms(depth_max=2, fan_out_max=2),
)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, CERTIFIED) as here:
        for handle in ("ada", "bob"):
            await add_person(here.engine, here.org, handle, ("admin",))
        yield here


async def working(peer: Peer, floor: House, *needs: str) -> tuple[str, int]:
    """(id, generation) of a task that this peer has accepted."""
    await floor.put(SubmitTask(needs=needs or ("plan",), private=b'{"title":"t"}'))
    return await taken(peer)


async def taken(peer: Peer) -> tuple[str, int]:
    """The next task assigned to this peer, accepted."""
    offered = (await peer.hear("task:assigned"))["payload"]
    held = {"task_id": offered["task_id"], "generation": offered["generation"]}
    assert (await peer.ask("task:accepted", held))["payload"]["status"] == "running"
    return held["task_id"], held["generation"]


def part(task: tuple[str, int], **fields: Any) -> Frame:
    return {"title": "a part", "task_id": task[0], "generation": task[1], **fields}


def trusted(floor: House, agent: str) -> list[str]:
    """Kinds of trust events of an agent."""
    trust = floor.engine.state(floor.org, "trust", parse_id(agent, "agent")[0])
    return [] if trust is None else [kind for kind, *_ in trust.counts]


async def test_a_part_goes_to_the_agent_that_can_and_its_result_comes_back(floor: House) -> None:
    planner, planner_key = await floor.agent("planner", "plan")
    worker, worker_key = await floor.agent("worker", "dig")
    async with floor.peer(planner_key) as boss, floor.peer(worker_key) as hand:
        task = await working(boss, floor)
        answer = await boss.ask("task:delegate", part(task, needs=["dig"], input={"depth_m": 2}))
        assert answer["type"] == "task:submitted", answer
        assert answer["payload"]["depth"] == 1
        offered = (await hand.hear("task:assigned"))["payload"]
        assert offered["parent_id"] == task[0]
        assert offered["delegator_id"] == planner
        assert offered["input"] == {"depth_m": 2}
        held = {"task_id": offered["task_id"], "generation": 1}
        await hand.ask("task:accepted", held)
        await hand.ask("task:completed", {**held, "result": {"hole": True}, "tokens": 7})
        told = await boss.hear("task:result")
        assert told["seq"] > 0
        assert told["payload"] == {
            "task_id": answer["payload"]["task_id"],
            "status": "succeeded",
            "parent_id": task[0],
            "agent_id": worker,
            "result": {"hole": True},
            "tokens": 7,
        }


async def test_a_result_that_came_while_its_delegator_was_away_is_pushed_when_it_is_back(
    floor: House,
) -> None:
    _, planner_key = await floor.agent("planner", "plan")
    _, worker_key = await floor.agent("worker", "dig")
    async with floor.peer(worker_key) as hand:
        async with floor.peer(planner_key) as boss:
            task = await working(boss, floor)
            await boss.ask("task:delegate", part(task, needs=["dig"]))
            held_id, generation = await taken(hand)
        await hand.ask("task:failed", {"task_id": held_id, "generation": generation, "retryable": False})
        async with floor.peer(planner_key) as boss:
            await boss.say("hello", {"last_seq": 0})
            told = (await boss.hear("task:result"))["payload"]
            assert (told["status"], told["reason"]) == ("dead_letter", "failed")


async def test_invalid_delegations_are_refused_recorded_and_cost_trust(floor: House) -> None:
    planner, planner_key = await floor.agent("planner", "plan")
    worker, worker_key = await floor.agent("worker", "dig")
    async with floor.peer(planner_key) as boss, floor.peer(worker_key) as hand:
        task = await working(boss, floor)

        async def refused(peer: Peer, frame: Frame) -> str:
            answer = await peer.ask("task:delegate", frame)
            assert answer["type"] == "error", answer
            assert answer["payload"]["code"] == "invalid_delegation"
            return str(answer["payload"]["detail"]).partition(":")[0]

        assert await refused(boss, part(task, agent_id=worker, needs=["fly"])) == "target_lacks_capability"
        assert await refused(boss, part(task, agent_id=planner)) == "cycle"
        assert (await boss.ask("task:delegate", part(task, agent_id=worker)))["type"] == "task:submitted"
        below = await taken(hand)
        assert await refused(hand, part(below, agent_id=planner)) == "cycle"
        assert (await hand.ask("task:delegate", part(below, needs=["plan"])))["type"] == "task:submitted"
        assert (await boss.quiet()) == []  # the only one who plans is the one it came through
        too_much = part(task, share_milli=1_000)
        assert (await boss.ask("task:delegate", too_much))["type"] == "task:submitted"
        assert await refused(boss, part(task)) == "too_many_parts"
    assert trusted(floor, planner).count("invalid_delegation") >= 1
    assert trusted(floor, worker).count("invalid_delegation") >= 1


async def test_a_task_that_is_not_held_cannot_be_handed_on(floor: House) -> None:
    _, planner_key = await floor.agent("planner", "plan")
    _, other_key = await floor.agent("other", "dig")
    async with floor.peer(planner_key) as boss, floor.peer(other_key) as other:
        task = await working(boss, floor)
        answer = await other.ask("task:delegate", part(task))
        assert answer["payload"]["code"] == "not_held"
        old = await boss.ask("task:delegate", part((task[0], task[1] + 1)))
        assert old["payload"]["code"] == "not_held"


async def test_whoever_works_on_a_part_may_use_only_what_it_was_given(floor: House) -> None:
    _, planner_key = await floor.agent("planner", "plan")
    _, worker_key = await floor.agent("worker", "dig")
    async with floor.peer(planner_key) as boss, floor.peer(worker_key) as hand:
        task = await working(boss, floor)
        await boss.ask("task:delegate", part(task, needs=["dig"], tools=["spade"]))
        held, generation = await taken(hand)
        asked = {"type": "file.read", "params": {"path": "a"}, "task_id": held, "generation": generation}
        allowed = await hand.ask("action:request", {**asked, "tool": "spade"})
        assert allowed["payload"]["verdict"] == "permitted", allowed
        for of_task in (
            asked,
            {"type": "file.read", "params": {"path": "a"}},
        ):  # leaving it out gains nothing
            ruled = (await hand.ask("action:request", {**of_task, "tool": "excavator"}))["payload"]
            assert ruled["verdict"] == "denied", ruled
        assert (await hand.ask("task:completed", {"task_id": held, "generation": generation}))["payload"]
        free = await hand.ask("action:request", {"type": "file.read", "tool": "excavator", "params": {}})
        assert free["payload"]["verdict"] != "denied", free


def newcomer(**changes: Any) -> Frame:
    return {"name": "junior", "type": "worker", "capabilities": ["dig"], "tools": [], **changes}


async def agreed(floor: House, decision: str, digest: str) -> None:
    """Everybody who may says yes."""
    subject = parse_id(decision, "decision")[0]
    for handle in ("ada", "bob"):
        if floor.engine.state(floor.org, "decision", subject).status == "pending":
            person = floor.engine.cell(floor.org, "names", f"person:{handle}")
            nonce = floor.engine.state(floor.org, "person", person).nonce
            public = public_id("person", person, nonce)
            vote = CastVote(subject=subject, person=public, vote="approve", digest=digest)
            await floor.engine.ask(floor.org, vote, Actor(kind="person", id=public))


async def started(peer: Peer, floor: House, params: Frame) -> Frame:
    """A granted and started action of class spawn: what agent:spawn has to name."""
    asked = await peer.ask("action:request", {"type": "agent.spawn", "params": params})
    said = asked["payload"]
    assert said["verdict"] != "denied", asked
    grant = said.get("grant")
    if grant is None:
        await agreed(floor, said["decision_id"], said["digest"])
        grant = (await peer.hear("action:decided"))["payload"]["grant"]
    report = {"action_id": said["action_id"], "grant_id": grant["grant_id"], "execution_id": "exe-1"}
    begun = await peer.ask("action:started", {**report, "digest": said["digest"]})
    assert begun["payload"]["status"] == "executing", begun
    return {"action_id": said["action_id"], "execution_id": "exe-1"}


async def test_an_agent_is_spawned_with_a_grant_and_its_key_works(floor: House) -> None:
    parent, key = await floor.agent("chief", "plan", "dig")
    async with floor.peer(key) as chief:
        ungranted = await chief.ask("agent:spawn", {"action_id": "act_0", "execution_id": "x", **newcomer()})
        assert ungranted["payload"]["code"] == "not_found"
        running = await started(chief, floor, newcomer())
        other = await chief.ask("agent:spawn", {**running, **newcomer(capabilities=["plan"])})
        assert other["payload"]["code"] == "digest_mismatch"
        number = next(chief.numbers)
        frame = {**running, **newcomer()}
        made = await chief.ask("agent:spawn", frame, number=number)
        assert made["type"] == "agent:spawned", made
        again = await chief.ask("agent:spawn", frame, number=number)
        assert again["payload"]["agent_id"] == made["payload"]["agent_id"]
        assert not again["payload"].get("api_key")
        twice = await chief.ask("agent:spawn", frame)
        assert twice["payload"]["code"] == "already_spawned"
        child = floor.state("agent", made["payload"]["agent_id"])
        assert (child.parent, child.depth, child.owner) == (parse_id(parent, "agent")[0], 1, "system")
        async with floor.peer(made["payload"]["api_key"]) as junior:
            permitted = await junior.ask("action:request", {"type": "file.read", "tool": "t", "params": {}})
            assert permitted["payload"]["verdict"] == "permitted"
            # Nobody acts for somebody who may not: containment above is containment below.
            await floor.put(QuarantineAgent(subject=parse_id(parent, "agent")[0], reason="test"))
            denied = await junior.ask("action:request", {"type": "file.read", "tool": "t", "params": {}})
            assert denied["payload"]["verdict"] == "denied"


async def test_an_agent_with_more_rights_than_its_parent_is_not_spawned(floor: House) -> None:
    parent, key = await floor.agent("chief", "plan")
    async with floor.peer(key) as chief:
        running = await started(chief, floor, newcomer(capabilities=["plan", "fly"]))
        answer = await chief.ask("agent:spawn", {**running, **newcomer(capabilities=["plan", "fly"])})
        assert answer["payload"]["code"] == "invalid_delegation"
        assert answer["payload"]["detail"].startswith("more_rights")
    assert "invalid_delegation" in trusted(floor, parent)
    assert not [c for c in floor.backbone.ledger.credentials() if c[-1] == "junior"]
