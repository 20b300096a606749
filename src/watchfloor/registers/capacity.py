"""How many tasks an agent may hold, and how many more (spec 2.4 *Scheduler*, spec 3.4 tiers)."""

from __future__ import annotations

from watchfloor.fleet.agent import Agent
from watchfloor.fleet.workers import probing
from watchfloor.kernel.subject import Read
from watchfloor.kernel.terms import TrustTerms
from watchfloor.work.life import ASSIGNED


def tasks_max(agent: int, read: Read) -> int:
    """How many tasks the agent's tier lets it hold; an agent without history has the tier of the base score."""
    policy = read("active_policy", "active")
    if policy is None:
        return 0
    terms: TrustTerms = policy.document.trust
    trust = read("trust", agent)
    tier = trust.tier if trust is not None else _base_tier(terms)
    return terms.tasks_per_tier[tier]


def _base_tier(terms: TrustTerms) -> int:
    return max(tier for tier, bound in enumerate(terms.tiers) if terms.base >= bound)


def room(agent: int, state: Agent, held: tuple[int, ...], read: Read) -> int:
    """How many more tasks the agent may hold beside those it has.

    Of a worker whose breaker is half-open one that waits for its answer.
    """
    free = max(0, tasks_max(agent, read) - len(held))
    if free and probing(state):
        return 0 if any(read("task", task).stage == ASSIGNED for task in held) else 1
    return free
