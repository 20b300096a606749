"""Dispatch: who gets which task, decided event by event (spec 2.4 *Scheduler*)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.unit.registers.board import Board

from watchfloor.actions.messages import BreakerHalfOpened, StopLifted
from watchfloor.fleet import presence
from watchfloor.fleet.messages import AgentConnected, AgentRecovered, AgentReleased, NodeStarted
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Command, Effect, Event, Facts, Later
from watchfloor.kernel.subject import Read, Register
from watchfloor.kernel.system import Continued
from watchfloor.kernel.terms import Policy, TrustTerms
from watchfloor.policy.messages import PolicyApplied
from watchfloor.processes import dispatch
from watchfloor.registers import capacity, delivery, queue
from watchfloor.registers.containment import Breaker
from watchfloor.registers.stops import Stop
from watchfloor.trust.messages import TrustReassessed
from watchfloor.work.messages import (
    AssignTask,
    TaskAccepted,
    TaskAssigned,
    TaskCancelled,
    TaskSubmitted,
    TaskSucceeded,
)


def both(event: Event, read: Read) -> list[tuple[str, object, object]]:
    """The queue's fold and then, on what it left, that of the deliveries."""
    changes: dict[tuple[str, object], object] = {}

    def now(name: str, key: Any) -> Any:
        return changes[name, key] if (name, key) in changes else read(name, key)

    for register in (queue.REGISTER, delivery.REGISTER):
        fold = register.folds.get(type(event.facts))
        for name, key, value in fold(event, now) if fold is not None else ():
            changes[name, key] = value
    return [(name, key, value) for (name, key), value in changes.items()]


BOTH = Register(
    name="both",
    cells={**queue.REGISTER.cells, **delivery.REGISTER.cells},
    folds=dict.fromkeys((*queue.REGISTER.folds, *delivery.REGISTER.folds), both),
)
_REACTS = dict(dispatch.REACTS)


class Floor(Board):
    """Agents and tasks as the registers of the queue keep them."""

    def __init__(self, per_tier: tuple[int, ...] = (0, 1, 2, 5, 10, 100)) -> None:
        super().__init__(BOTH)
        policy = Policy()
        trust = msgspec.structs.replace(policy.trust, tasks_per_tier=per_tier)
        policy = msgspec.structs.replace(policy, trust=trust)
        self.cells["active_policy", "active"] = SimpleNamespace(document=policy)

    def agent(self, number: int, *capabilities: str, tier: int | None = 2, incarnation: str = "i1") -> Event:
        self.cells["agent", number] = SimpleNamespace(
            presence=presence.ONLINE,
            quarantined=False,
            retired=False,
            worker=None,
            capabilities=capabilities or ("git",),
            session=f"{incarnation}.s",
            node="n1",
            parent=0,
            nonce=7,
            type="worker",
        )
        if tier is not None:
            self.cells["trust", number] = SimpleNamespace(tier=tier)
        return self.show(AgentConnected(node="n1", session=f"{incarnation}.s"), subject=number)

    def task(self, *needs: str, only: int = 0, near: int = 0, chain: tuple[int, ...] = ()) -> Event:
        facts = TaskSubmitted(
            acceptance_ms=1,
            agent=only,
            attempts_max=1,
            backoff_ms=0,
            criteria=0,
            deadline_at=0,
            grace_ms=0,
            needs=needs,
            nonce=0,
            priority="normal",
            timeout_ms=1,
            chain=chain,
        )
        event = self.show(facts)
        self.cells["task", event.subject] = SimpleNamespace(
            needs=needs,
            only_agent=only,
            priority="normal",
            stage="queued",
            paused_at=0,
            near=near,
            chain=chain,
            nonce=7,
            parent=0,
        )
        return event

    def give(self, task: int, agent: int) -> None:
        self.show(TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1), subject=task)

    def wishes(self, event: Event) -> list[Command | Effect]:
        """What it wishes for, each made up its mind about when its turn comes."""
        wished: list[Command | Effect] = []
        for wish in _REACTS[type(event.facts)](event, self.read):
            if isinstance(wish, Later):
                wished += dispatch.LATER[wish.flow](wish.about, self.read, self.now)
            else:
                wished.append(wish)
        return wished


def assigns(*pairs: tuple[int, int]) -> list[AssignTask]:
    return [AssignTask(subject=task, agent=agent) for task, agent in pairs]


def test_a_task_goes_to_the_least_loaded_agent_that_fits() -> None:
    floor = Floor()
    for number in (100, 101, 102):
        floor.agent(number)
    floor.agent(103, "rust")
    floor.give(900, 100)
    floor.give(901, 102)
    task = floor.task("git")
    assert floor.wishes(task) == assigns((task.subject, 101))
    floor.give(902, 101)
    floor.give(903, 101)
    assert floor.wishes(task) in (assigns((task.subject, 100)), assigns((task.subject, 102)))


def test_a_task_without_needs_goes_to_anybody_and_one_that_nobody_can_do_waits() -> None:
    floor = Floor()
    floor.agent(100)
    anything, impossible = floor.task(), floor.task("git", "rust")
    assert floor.wishes(anything) == assigns((anything.subject, 100))
    assert floor.wishes(impossible) == []


def test_a_task_for_one_agent_waits_for_that_agent() -> None:
    floor = Floor()
    floor.agent(100)
    task = floor.task("git", only=101)
    assert floor.wishes(task) == []
    assert floor.wishes(floor.agent(101)) == assigns((task.subject, 101))
    assert floor.wishes(task) == assigns((task.subject, 101))
    assert floor.wishes(floor.agent(102)) == [], "it is nobody else's"


def test_full_agents_and_agents_of_an_earlier_incarnation_get_nothing() -> None:
    floor = Floor()
    floor.agent(100, tier=1)
    floor.give(900, 100)
    task = floor.task("git")
    assert floor.wishes(task) == []
    old = floor.agent(101)
    floor.show(NodeStarted(incarnation="i2", node="n1", version="1"))
    assert floor.wishes(task) == []
    assert floor.wishes(old) == []


def test_a_task_that_no_longer_waits_or_that_nobody_knows_is_not_sought_for() -> None:
    floor = Floor()
    floor.agent(100)
    task = floor.task("git")
    floor.give(task.subject, 100)
    assert floor.wishes(task) == []
    del floor.cells["task", task.subject]
    assert floor.wishes(task) == []


def test_the_one_among_many_free_agents_that_has_everything_is_found_wherever_it_is() -> None:
    floor = Floor()
    for number in range(1_000, 2_000):
        floor.agent(number, *(("git",) if number % 2 else ("rust",)))
    assert floor.wishes(floor.task("git", "rust")) == [], "half of them has the one, half of them the other"
    floor.agent(2_500, "git", "rust")
    for _ in range(40):
        task = floor.task("git", "rust")
        assert floor.wishes(task) == assigns((task.subject, 2_500))


def test_whoever_cannot_have_the_task_although_it_fits_is_looked_past_however_many_they_are() -> None:
    floor = Floor()
    for number in range(1_000, 1_400):
        floor.agent(number)
    task = floor.task("git", chain=tuple(range(1_000, 1_399)))
    assert floor.wishes(task) == assigns((task.subject, 1_399))


def test_what_came_through_an_agent_is_looked_past_also_when_it_has_handed_on_nothing_that_is_open() -> None:
    floor = Floor()
    for _ in range(10):
        floor.task("git", chain=(100, 101))
    other = floor.task("git").subject
    assert floor.wishes(floor.agent(100)) == assigns((other, 100))


def test_an_agent_that_has_accepted_is_offered_more_and_one_that_is_full_nothing() -> None:
    floor = Floor(per_tier=(0, 1, 3, 5, 10, 100))
    floor.agent(100, tier=2)
    first, second, third = (floor.task("git").subject for _ in range(3))
    floor.give(first, 100)
    accepted = floor.show(TaskAccepted(agent=100, generation=1), subject=first)
    assert floor.wishes(accepted) == assigns((second, 100), (third, 100))
    floor.give(second, 100)
    floor.give(third, 100)
    floor.task("git")
    assert floor.wishes(floor.show(TaskAccepted(agent=100, generation=1), subject=second)) == []


def test_more_room_by_another_policy_is_used_at_once_by_whom_something_waits_for() -> None:
    floor = Floor(per_tier=(0, 1, 1, 5, 10, 100))
    for number in (100, 101):
        floor.agent(number)
        floor.give(900 + number, number)
    floor.agent(102, "rust")
    task = floor.task("git").subject
    policy = Policy(trust=TrustTerms(tasks_per_tier=(0, 1, 2, 5, 10, 100)))
    floor.cells["active_policy", "active"] = SimpleNamespace(document=policy)
    applied = floor.show(PolicyApplied(digest="d", document=policy, nonce=0, reason="", version=2), subject=1)
    name = f"offer:{applied.seq}"
    assert floor.read("continuation", name).rest == (100, 101), "agent 102 has nothing to hope for"
    slice_ = floor.show(Continued(name=name, left=0), subject=1)
    assert floor.wishes(slice_) == assigns((task, 100), (task, 101)), "the second is refused"
    floor.show(Continued(name=name, left=0), subject=1)
    again = floor.show(PolicyApplied(digest="d", document=policy, nonce=0, reason="", version=3), subject=1)
    floor.give(task, 100)
    last = floor.show(PolicyApplied(digest="d", document=policy, nonce=0, reason="", version=4), subject=1)
    assert floor.read("continuation", f"offer:{again.seq}") is not None
    assert floor.read("continuation", f"offer:{last.seq}") is None, "nothing waits"


def test_with_an_agent_those_below_it_come_out_of_quarantine_and_are_offered_work() -> None:
    floor = Floor()
    floor.agent(100)
    floor.agent(101, "rust")
    floor.task("rust")
    alone = floor.show(AgentReleased(reason=""), subject=100)
    assert floor.read("continuation", f"offer:{alone.seq}") is None
    floor.cells["offspring", 100] = object()
    released = floor.show(AgentReleased(reason=""), subject=100)
    assert floor.read("continuation", f"offer:{released.seq}").rest == (101,)


def test_who_did_earlier_work_is_preferred_while_it_has_room() -> None:
    floor = Floor()
    for number in (100, 101, 102):
        floor.agent(number)
    floor.give(900, 102)
    task = floor.task("git", near=102)
    assert floor.wishes(task) == assigns((task.subject, 102)), "although others are idle"
    floor.give(901, 102)
    assert floor.wishes(task) in (assigns((task.subject, 100)), assigns((task.subject, 101)))


def test_a_higher_tier_is_offered_more_and_a_lower_one_nothing() -> None:
    floor = Floor(per_tier=(0, 1, 2, 3, 4, 5))
    floor.agent(100, tier=1)
    first, second = floor.task("git").subject, floor.task("git").subject
    floor.give(first, 100)
    floor.cells["trust", 100] = SimpleNamespace(tier=2)
    rose = TrustReassessed(moves_at=0, score=400, score_before=399, tier=2, tier_before=1)
    assert floor.wishes(floor.show(rose, subject=100)) == assigns((second, 100))
    fell = TrustReassessed(moves_at=0, score=399, score_before=400, tier=1, tier_before=2)
    assert floor.wishes(floor.show(fell, subject=100)) == []


@pytest.mark.parametrize("facts", [AgentRecovered(session="i1.s"), AgentReleased(reason="")])
def test_an_agent_that_comes_back_is_offered_as_many_as_it_has_room_for(facts: Facts) -> None:
    floor = Floor(per_tier=(0, 1, 3, 5, 10, 100))
    tasks = [floor.task("git").subject for _ in range(20)]
    floor.agent(100, tier=2)
    back = floor.show(facts, subject=100)
    assert floor.wishes(back) == assigns(*[(task, 100) for task in tasks[:3]])
    floor.cells["trust", 100] = SimpleNamespace(tier=5)
    assert len(floor.wishes(floor.show(facts, subject=100))) == 8, "not more at once than it can accept"
    floor.cells["trust", 100] = SimpleNamespace(tier=0)
    assert floor.wishes(floor.show(facts, subject=100)) == []


def test_an_agent_without_history_has_the_tier_of_the_base_score() -> None:
    floor = Floor()
    floor.agent(100, tier=None)
    terms: Any = floor.read("active_policy", "active").document.trust
    tier = max(number for number, bound in enumerate(terms.tiers) if terms.base >= bound)
    assert capacity.tasks_max(100, floor.read) == terms.tasks_per_tier[tier]


def test_an_agent_that_becomes_free_takes_the_next_and_nobody_is_nobody() -> None:
    floor = Floor()
    floor.agent(100, tier=1)
    first, second = floor.task("git").subject, floor.task("git").subject
    floor.give(first, 100)
    done = floor.show(
        TaskSucceeded(agent=100, cost_micro=0, generation=1, tokens=0, verified=True), subject=first
    )
    assert floor.wishes(done) == assigns((second, 100))
    unassigned = floor.show(TaskCancelled(agent=0, generation=0, reason=""), subject=second)
    assert floor.wishes(unassigned) == []
    unknown = floor.show(TaskCancelled(agent=999, generation=0, reason=""), subject=second)
    assert floor.wishes(unknown) == []


def test_a_task_makes_up_its_mind_when_its_turn_comes() -> None:
    """Whoever was free when it was queued may have been given another task in the same batch."""
    floor = Floor(per_tier=(0, 1, 1, 1, 1, 1))
    floor.agent(100)
    first, second = floor.task("git"), floor.task("git")
    react = _REACTS[TaskSubmitted]
    wished = [react(event, floor.read) for event in (first, second)]
    assert wished == [[Later(flow="seek", about=event.subject)] for event in (first, second)]
    assert dispatch.seek(first.subject, floor.read) == assigns((first.subject, 100))
    floor.give(first.subject, 100)
    assert dispatch.seek(second.subject, floor.read) == []


def test_nobody_gets_work_while_their_breaker_is_open_and_one_task_when_it_is_tried_out() -> None:
    floor = Floor()
    floor.agent(100)
    floor.cells["breakers", "agent:100"] = Breaker(open_until=floor.now + 10)
    waiting = floor.task()
    assert floor.wishes(waiting) == []
    floor.task()
    assert floor.wishes(floor.show(AgentReleased(reason=""), subject=100)) == []
    floor.now += 10
    event = floor.show(BreakerHalfOpened(scope="agent", target="100"))
    assert floor.wishes(event) == assigns((waiting.subject, 100))
    floor.give(waiting.subject, 100)
    assert floor.wishes(floor.task()) == [], "the first is the probe"
    assert floor.wishes(floor.show(BreakerHalfOpened(scope="tool", target="fs"))) == []


def test_nothing_is_given_out_under_a_stop_and_what_waited_is_when_it_is_lifted() -> None:
    floor = Floor()
    floor.agent(100)
    floor.agent(101, "rust")
    floor.cells["stops", "active"] = (Stop(1, "agent", public_id("agent", 100, 7), "j"),)
    held = floor.task("git")
    assert floor.wishes(held) == []
    free = floor.task("rust")
    assert floor.wishes(free) == assigns((free.subject, 101))
    floor.cells["stops", "active"] = (Stop(1, "workflow", public_id("task", held.subject, 7), "j"),)
    assert floor.wishes(floor.show(AgentReleased(reason=""), subject=100)) == []
    floor.cells["stops", "active"] = ()
    lifted = floor.show(StopLifted(reason=""))
    work = floor.read("continuation", f"offer:{lifted.seq}")
    assert set(work.rest) == {100, 101}
