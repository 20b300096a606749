"""What must be true of budgets, lineages, places of tasks and workers after every run (spec 2.2 to 2.4; faults F2, F4, F12)."""

from __future__ import annotations

from collections import Counter

from tests.simulation.means import DELEGATION

from watchfloor.actions.messages import ActionCompleted, ActionDecided, ActionFailed, ActionSettled
from watchfloor.fleet.messages import (
    AgentRegistered,
    AgentRetired,
    WorkerBreakerClosed,
    WorkerBreakerHalfOpened,
    WorkerBreakerOpened,
    WorkerMoved,
)
from watchfloor.kernel.limits import SHARE_MILLI
from watchfloor.kernel.messages import Event
from watchfloor.work.budget_messages import BudgetChanged, BudgetRemoved, BudgetSet
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
    TaskSubmitted,
    TaskSucceeded,
)

Ended = TaskAttemptFailed | TaskDeadLettered | TaskCancelled | TaskSucceeded
Outcome = ActionCompleted | ActionFailed | ActionSettled


def one_place(events: list[Event]) -> None:
    """No task in two places: it is given out only when nobody has it, each time under a higher generation."""
    holder: dict[int, int] = {}
    generation: Counter[int] = Counter()
    for event in events:
        facts, task = event.facts, event.subject
        if isinstance(facts, TaskAssigned | TaskHandedOver):
            before = facts.agent_before if isinstance(facts, TaskHandedOver) else 0
            assert holder.get(task, 0) == before, f"seq {event.seq}: somebody has it"
            assert facts.generation > generation[task], f"seq {event.seq}: an old generation"
            holder[task], generation[task] = facts.agent, facts.generation
        elif isinstance(facts, Ended):
            holder.pop(task, None)


def lineages(events: list[Event]) -> None:
    """Depth, parts, shares and rights of what agents hand on, and of the agents that they make."""
    tasks: dict[int, TaskSubmitted] = {}
    agents: dict[int, AgentRegistered] = {}
    parts, shares, below = Counter[int](), Counter[int](), Counter[int]()
    made: set[int] = set()
    retired: set[int] = set()
    for event in events:
        facts, where = event.facts, f"seq {event.seq}"
        if isinstance(facts, TaskSubmitted):
            tasks[event.subject] = facts
            if not facts.chain:
                continue
            assert len(facts.chain) <= DELEGATION.depth_max, where
            if facts.parent:
                parent = tasks[facts.parent]
                parts[facts.parent] += 1
                shares[facts.parent] += facts.share_milli
                below[facts.root] += 1
                assert facts.chain[:-1] == parent.chain, where
                assert parts[facts.parent] <= DELEGATION.fan_out_max, where
                assert shares[facts.parent] <= SHARE_MILLI, where
                assert below[facts.root] <= DELEGATION.tasks_max, where
                assert facts.tier_max <= parent.tier_max, where
                assert not parent.tools or set(facts.tools) <= {*parent.tools, "-"}, where
        elif isinstance(facts, TaskAssigned):
            assert facts.agent not in tasks[event.subject].chain, f"{where}: it came through this agent"
        elif isinstance(facts, AgentRetired):
            retired.add(event.subject)
        elif isinstance(facts, AgentRegistered):
            agents[event.subject] = facts
            if facts.parent:
                assert facts.depth <= DELEGATION.spawn_depth_max, where
                assert set(facts.capabilities) <= set(agents[facts.parent].capabilities), where
                assert facts.action not in made, f"{where}: one action, one agent"
                made.add(facts.action)
                living = [a for s, a in agents.items() if a.parent == facts.parent and s not in retired]
                assert len(living) <= DELEGATION.spawn_fan_out_max, where
                assert sum(a.share_milli for a in living) <= SHARE_MILLI, where


def budgets(events: list[Event]) -> None:
    """Nothing begins beyond a limit, and what was spent stays below the stated bound (docs/economics.md)."""
    limit: dict[int, int] = {}  # of budgets of money for the whole organisation, for ever
    spent: Counter[int] = Counter()
    for event in events:
        facts, where = event.facts, f"seq {event.seq} {event.type}"
        if isinstance(facts, BudgetSet):
            if (facts.scope, facts.measure, facts.period) == ("organisation", "money", "total"):
                limit[event.subject] = facts.limit
        elif isinstance(facts, BudgetChanged) and event.subject in limit:
            limit[event.subject] = facts.limit
        elif isinstance(facts, BudgetRemoved):
            limit.pop(event.subject, None)
        elif isinstance(facts, Ended | Outcome):
            for budget in limit:
                spent[budget] += facts.cost_micro
        elif isinstance(facts, ActionDecided | TaskAssigned):
            if isinstance(facts, ActionDecided):
                if facts.verdict == "denied" or not facts.agent:
                    continue
                _fitted(facts, where)
            for budget, most in limit.items():
                assert spent[budget] < most, f"{where}: begun although everything was spent"


def _fitted(facts: ActionDecided, where: str) -> None:
    """What was let through had room in every budget that the gate looked at."""
    for seen in facts.evidence.budgets:
        assert seen.spent < seen.limit, f"{where}: {seen.measure} was used up"
        asked = max(0, seen.asked)
        fits = seen.spent + seen.reserved + asked <= seen.limit
        assert fits or not asked, f"{where}: more {seen.measure} than was left"


def claims(events: list[Event]) -> None:
    """No report counts beyond its bound, and what was claimed beyond it is on the record (decision 31)."""
    for event in events:
        facts = event.facts
        if isinstance(facts, TaskSucceeded | TaskAttemptFailed | TaskDeadLettered | Outcome):
            assert facts.cost_micro <= 1_000_000_000, f"seq {event.seq}: an absurd cost counts"
            assert not facts.claimed_micro or facts.claimed_micro > facts.cost_micro, f"seq {event.seq}"


def workers(events: list[Event]) -> None:
    """While its breaker is open a worker is given nothing."""
    opened: set[int] = set()
    for event in events:
        facts = event.facts
        if isinstance(facts, WorkerBreakerOpened):
            opened.add(event.subject)
        elif isinstance(facts, WorkerBreakerHalfOpened | WorkerBreakerClosed | WorkerMoved):
            opened.discard(event.subject)
        elif isinstance(facts, TaskAssigned):
            assert facts.agent not in opened, f"seq {event.seq}: given to a worker that cannot be reached"


LAWS = (one_place, lineages, budgets, claims, workers)
