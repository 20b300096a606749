"""Evidence about a grant that is to be used, or given once more (spec 3.2 *Grant*, DESIGN 2b.8)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from typing import Any

from watchfloor.actions import retries
from watchfloor.actions.grants import StartEvidence, forbidden, level_now, policy_allows
from watchfloor.actions.messages import StartAction
from watchfloor.actions.retry_messages import RetryAction
from watchfloor.engine import rights, voting
from watchfloor.engine.requests import Request
from watchfloor.fleet.credentials import scopes_allow
from watchfloor.kernel.subject import Read
from watchfloor.kernel.terms import PLATFORM_TYPES
from watchfloor.registers import activity as counters
from watchfloor.registers import budgets
from watchfloor.registers.containment import shut_until
from watchfloor.registers.directory import ActivePolicy
from watchfloor.registers.lineage import containment
from watchfloor.registers.stops import NOBODY, names_of, stops_for


def start(read: Read, command: StartAction, at: int, request: Request) -> StartEvidence:
    """What may have changed since the grant: stops, agent, breakers, the votes, the policy (law *Monotone oversight*)."""
    return _basis(read, read("action", command.subject), command.target, at)


def _basis(read: Read, action: Any, target: str, at: int) -> StartEvidence:
    agent = read("agent", action.agent)
    active: ActivePolicy = read("active_policy", "active")
    breaker_agent = read("breakers", f"agent:{action.agent}")
    breaker_tool = read("breakers", f"tool:{action.tool}") if action.tool else None
    in_force = read("stops", "active")
    names = (
        names_of(action.agent, read, action_type=action.action_type, tool=action.tool, task=action.task)
        if in_force
        else NOBODY
    )
    platform = action.action_type in PLATFORM_TYPES
    return StartEvidence(
        stops=stops_for(in_force, names),
        agent_state=(2 if agent is not None and agent.retired else 0)
        if platform
        else containment(agent, read),
        breaker_agent_until=0 if platform else shut_until(breaker_agent, at),
        breaker_tool_until=shut_until(breaker_tool, at),
        voters_valid=voting.voters_valid(read, action, at),
        policy_allows=policy_allows(active.document, active.digest, action, target),
        forbidden=forbidden(active.document, active.digest, action, target),
        level=level_now(active.document, active.digest, action),
    )


def retry(read: Read, command: RetryAction, at: int, request: Request) -> retries.RetryEvidence:
    """All a start looks at, and what only a request is asked: rights, the task, money."""
    action = read("action", command.subject)
    agent = read("agent", action.agent)
    active: ActivePolicy = read("active_policy", "active")
    terms = retries.class_terms(active.document, action.cls)
    actor = request.actor
    scoped = actor.kind != "agent" or scopes_allow(agent.keys, actor.credential, action.action_type)
    task = read("task", action.task) if action.task else None
    spent = counters.spent_today(read("spend", action.agent), at)
    return retries.RetryEvidence(
        start=_basis(read, action, "", at),
        attempts=terms.attempts,
        idempotent=terms.idempotent,
        permitted=scoped and (agent is None or rights.allows(rights.tools_of(read, agent), action.tool)),
        task_valid=not action.task
        or (task is not None and task.agent == action.agent and not task.paused_at),
        spend_left_micro=active.document.envelope.spend_per_day_micro - spent,
        budgets=budgets.seen(action.agent, action.task, action.asked_micro, action.asked_tokens, at, read)
        if read("budgeted", "all") is not None
        else (),
    )
