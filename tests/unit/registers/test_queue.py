"""The queue as a linked list against plain lists, and the pool of agents (spec 2.4)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.unit.registers.board import Board

from watchfloor.fleet import presence
from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDegraded,
    AgentDisconnected,
    AgentQuarantined,
    AgentRecovered,
    AgentReleased,
    AgentRetired,
)
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.terms import Policy
from watchfloor.policy.messages import PolicyApplied
from watchfloor.registers.queue import REGISTER, SHARDS, candidates, free_agents
from watchfloor.trust.messages import TrustReassessed
from watchfloor.work.matching import turn
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskPaused,
    TaskReady,
    TaskRequeued,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    TaskUnpaused,
)

Group = tuple[str, int, tuple[str, ...]]


def submitted(priority: str = "normal", agent: int = 0, needs: tuple[str, ...] = ()) -> TaskSubmitted:
    return TaskSubmitted(
        acceptance_ms=1,
        agent=agent,
        attempts_max=1,
        backoff_ms=0,
        criteria=0,
        deadline_at=0,
        grace_ms=0,
        needs=needs,
        nonce=0,
        priority=priority,
        timeout_ms=1,
    )


def assigned(agent: int) -> TaskAssigned:
    return TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1)


def ends(agent: int) -> dict[str, Facts]:
    """Every way in which a task leaves its agent."""
    return {
        "failed": TaskAttemptFailed(agent=agent, generation=1, reason="failed", retry_at=0),
        "succeeded": TaskSucceeded(agent=agent, cost_micro=0, generation=1, tokens=0, verified=True),
        "dead": TaskDeadLettered(agent=agent, generation=1, reason="failed"),
        "cancelled": TaskCancelled(agent=agent, generation=1, reason=""),
    }


class Waiting(RuleBasedStateMachine):
    """A list for each group says what the links must say; tasks go from the head, the tail and the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board(REGISTER)
        self.groups: dict[Group, list[int]] = {}
        self.since: dict[int, int] = {}
        self.held: dict[int, list[int]] = {}
        self.known: dict[int, Group] = {}
        self.last: tuple[Event, ...] = ()

    def _show(self, facts: Facts, task: int = 0) -> int:
        self.board.now += 1
        event = self.board.show(facts, subject=task)
        self.last = (event,)
        return event.subject

    def _waits(self, task: int) -> bool:
        return any(task in waiting for waiting in self.groups.values())

    def _enqueue(self, task: int) -> None:
        if not self._waits(task):
            self.groups.setdefault(self.known[task], []).append(task)
            self.since[task] = self.board.now

    def _leave(self, task: int) -> None:
        group = self.known[task]
        if task in self.groups.get(group, []):
            self.groups[group].remove(task)
            if not self.groups[group]:
                del self.groups[group]

    @rule(
        priority=st.sampled_from(["urgent", "normal", "low"]),
        agent=st.sampled_from([0, 0, 7]),
        needs=st.sampled_from([(), ("git",), ("git", "rust")]),
    )
    def submit(self, priority: str, agent: int, needs: tuple[str, ...]) -> None:
        task = self._show(submitted(priority, agent, needs))
        self.known[task] = (priority, agent, needs)
        state = SimpleNamespace(priority=priority, only_agent=agent, needs=needs, stage="queued", paused_at=0)
        self.board.cells["task", task] = state
        self._enqueue(task)

    def _any(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.known))) if self.known else 0

    @rule(data=st.data(), agent=st.sampled_from([7, 8]))
    def assign(self, data: st.DataObject, agent: int) -> None:
        task = self._any(data)
        if task and not any(task in tasks for tasks in self.held.values()):
            self._show(assigned(agent), task)
            self._leave(task)
            self.held.setdefault(agent, []).append(task)

    @rule(data=st.data(), how=st.sampled_from(["failed", "succeeded", "dead", "cancelled"]))
    def end(self, data: st.DataObject, how: str) -> None:
        task = self._any(data)
        if task:
            holder = next((agent for agent, tasks in self.held.items() if task in tasks), 0)
            self._show(ends(holder)[how], task)
            self._leave(task)
            if holder:
                self.held[holder].remove(task)

    @rule(data=st.data(), by_hand=st.booleans())
    def again(self, data: st.DataObject, by_hand: bool) -> None:
        task = self._any(data)
        if task and not any(task in tasks for tasks in self.held.values()):
            self._show(TaskRetried() if by_hand else TaskRequeued(), task)
            self._enqueue(task)

    @rule()
    def shown_again(self) -> None:
        before = dict(self.board.cells)
        for event in self.last:
            self.board.again(event)
        assert self.board.cells == before

    @rule(capabilities=st.sampled_from([(), ("git",), ("git", "rust")]), count=st.integers(1, 5))
    def offer(self, capabilities: tuple[str, ...], count: int) -> None:
        fits = [
            turn(group[0], self.since[task], task)
            for group, waiting in self.groups.items()
            if group[1] in (0, 7) and set(group[2]) <= set(capabilities)
            for task in waiting
        ]
        expected = [task for _, task in sorted(fits)[:count]]
        assert candidates(7, capabilities, count, self.board.read) == expected

    @invariant()
    def links_are_the_lists(self) -> None:
        read = self.board.read
        filed = [
            group for (name, _), groups in self.board.cells.items() if name == "groups" for group in groups
        ]
        assert sorted(filed) == sorted(self.groups)
        for group, waiting in self.groups.items():
            end = read("queue", group)
            forward, task = [], end.head
            while task:
                forward.append(task)
                task = read("links", task).after
            backward, task = [], end.tail
            while task:
                backward.append(task)
                task = read("links", task).before
            assert forward == waiting
            assert backward == waiting[::-1]
            assert end.count == len(waiting)
        waiting_all = sum(map(len, self.groups.values()))
        assert sum(1 for name, _ in self.board.cells if name == "links") == waiting_all
        for agent in (7, 8):
            assert list(read("load", agent) or ()) == self.held.get(agent, [])


TestWaiting = Waiting.TestCase
TestWaiting.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_requeueing_a_task_nobody_knows_changes_nothing() -> None:
    board = Board(REGISTER)
    board.show(TaskRequeued(), subject=9)
    assert not board.cells


def agent(**changes: Any) -> SimpleNamespace:
    state = {
        "presence": presence.ONLINE,
        "quarantined": False,
        "retired": False,
        "worker": None,
        "capabilities": ("git",),
        "session": "s",
    }
    return SimpleNamespace(**{**state, **changes})


def governed(per_tier: tuple[int, ...] = (0, 2, 3, 5, 10, 100)) -> Board:
    """Under a policy, so that agents may hold work: by default two tasks each."""
    board = Board(REGISTER)
    govern(board, per_tier)
    return board


def govern(board: Board, per_tier: tuple[int, ...]) -> None:
    policy = Policy()
    trust = msgspec.structs.replace(policy.trust, tasks_per_tier=per_tier)
    document = msgspec.structs.replace(policy, trust=trust)
    board.cells["active_policy", "active"] = SimpleNamespace(document=document)


def connected(board: Board, number: int, *capabilities: str) -> None:
    board.cells["agent", number] = agent(capabilities=capabilities or ("git",))
    board.show(AgentConnected(node="n", session="s"), subject=number)


AWAY: list[tuple[Facts, dict[str, object]]] = [
    (AgentDegraded(session="s"), {"presence": presence.DEGRADED}),
    (AgentDisconnected(reason="", session="s"), {"presence": presence.OFFLINE, "session": ""}),
    (AgentQuarantined(reason=""), {"quarantined": True}),
    (AgentRetired(reason=""), {"retired": True, "session": ""}),
]


@pytest.mark.parametrize(("facts", "changes"), AWAY, ids=lambda value: type(value).__name__)
def test_an_agent_is_in_the_pool_while_it_may_be_given_work(facts: Facts, changes: dict[str, object]) -> None:
    board = governed()
    board.cells["agent", 40] = agent()
    board.show(AgentConnected(node="n", session="s"), subject=40)
    assert list(free_agents(("git",), 3, board.read)) == [40]
    assert list(free_agents((), 0, board.read)) == [40]
    board.cells["agent", 40] = agent(**changes)
    gone = board.show(facts, subject=40)
    assert list(free_agents(("git",), 3, board.read)) == []
    assert (40 in (board.read("connected", 40 % SHARDS) or ())) == ("session" not in changes)
    board.again(gone)
    board.cells["agent", 40] = agent()
    back = AgentReleased(reason="") if isinstance(facts, AgentQuarantined) else AgentRecovered(session="s")
    board.show(back, subject=40)
    assert list(free_agents(("git",), 3, board.read)) == [40]


def test_a_signal_about_an_agent_nobody_knows_changes_nothing() -> None:
    board = Board(REGISTER)
    board.show(AgentConnected(node="n", session="s"), subject=40)
    assert not board.cells


def test_agents_are_given_out_from_every_shard_beginning_at_the_tasks_own() -> None:
    board = governed()
    for number in range(1, 101):
        board.cells["agent", number] = agent()
        board.show(AgentConnected(node="n", session="s"), subject=number)
    everyone = list(free_agents(("git",), 5, board.read))
    assert sorted(everyone) == list(range(1, 101))
    assert everyone[0] % SHARDS == 5
    assert list(free_agents(("rust",), 5, board.read)) == []


def test_an_agent_is_among_the_free_while_it_has_room() -> None:
    board = governed()
    for number in (40, 40 + SHARDS, 40 + 2 * SHARDS):
        connected(board, number, "git", "rust")
    everyone = [40, 40 + SHARDS, 40 + 2 * SHARDS]
    assert list(free_agents(("rust",), 40, board.read)) == everyone[1:] + everyone[:1]
    board.show(assigned(40 + SHARDS), 900)
    assert sorted(free_agents(("git",), 40, board.read)) == everyone, "one more fits"
    full = board.show(assigned(40 + SHARDS), 901)
    for capability in ("", "git", "rust"):
        assert sorted(free_agents((capability,) if capability else (), 40, board.read)) == [
            40,
            40 + 2 * SHARDS,
        ]
    board.again(full)
    board.show(ends(40 + SHARDS)["succeeded"], 900)
    assert sorted(free_agents(("rust",), 40, board.read)) == everyone


def test_another_tier_and_another_policy_give_another_room() -> None:
    board = governed()
    connected(board, 40)
    board.show(assigned(40), 900)
    board.show(assigned(40), 901)
    assert list(free_agents(("git",), 0, board.read)) == []
    board.cells["trust", 40] = SimpleNamespace(tier=2)
    same = TrustReassessed(moves_at=0, score=400, score_before=399, tier=2, tier_before=2)
    board.show(same, subject=40)
    assert list(free_agents(("git",), 0, board.read)) == []
    board.show(msgspec.structs.replace(same, tier_before=1), subject=40)
    assert list(free_agents(("git",), 0, board.read)) == [40]
    applied = PolicyApplied(digest="d", document=Policy(), nonce=1, reason="", version=2)
    govern(board, (0, 1, 1, 1, 1, 1))
    board.show(applied)
    assert list(free_agents(("git",), 0, board.read)) == []
    govern(board, (0, 3, 3, 3, 3, 3))
    board.show(applied)
    board.show(TrustReassessed(moves_at=0, score=1, score_before=1, tier=1, tier_before=2), subject=99)
    assert list(free_agents(("git",), 0, board.read)) == [40], "nobody knows agent 99"


def test_what_waits_for_others_or_is_paused_is_not_in_the_queue() -> None:
    board = governed()
    for fields in ({"depends_on": (5,), "unmet": (5,)}, {"not_before_at": board.now + 1}):
        task = board.show(msgspec.structs.replace(submitted(), **fields)).subject
        assert board.read("links", task) is None
        state = {"priority": "normal", "only_agent": 0, "needs": (), "stage": "queued", "paused_at": 0}
        board.cells["task", task] = SimpleNamespace(**state)
        board.show(TaskReady(), subject=task)
        assert board.read("links", task) is not None
        board.show(TaskPaused(agent=0, generation=0, reason=""), subject=task)
        assert board.read("links", task) is None
        for other in ({"paused_at": 9}, {"stage": "assigned"}):
            board.cells["task", task] = SimpleNamespace(**{**state, **other})
            board.show(TaskUnpaused(agent=0, generation=0), subject=task)
            assert board.read("links", task) is None


def test_before_there_is_a_policy_nobody_may_hold_anything() -> None:
    board = Board(REGISTER)
    connected(board, 40)
    assert list(free_agents((), 0, board.read)) == []
