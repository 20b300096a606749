"""Approval: what the gate holds goes to people, what they say comes back as a grant or a closed action (spec 3.2).

action.decided{pending} → OpenDecision · decision.approved, forced → GrantAction · decision.denied, expired, cancelled →
CloseAction · action.grant_revoked → OpenDecision again (a decision never flips; a new one is made).
"""

from __future__ import annotations

from watchfloor.actions.messages import (
    ActionClosed,
    ActionDecided,
    CloseAction,
    GrantAction,
    GrantRevoked,
)
from watchfloor.councils.decision import Decision
from watchfloor.councils.messages import (
    CancelDecision,
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    DecisionForced,
    OpenDecision,
    Step,
)
from watchfloor.councils.panels import committee_for, route
from watchfloor.fleet.agent import Agent
from watchfloor.kernel.council_terms import DeadlineTerms, RouteTerms, RoutingTerms
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import RUNGS_MAX
from watchfloor.kernel.messages import Command, Effect, Event
from watchfloor.kernel.subject import React, Read
from watchfloor.registers.directory import ActivePolicy

Wishes = list[Command | Effect]
CONFIRM_LEVEL = 2
COMMITTEE_LEVEL = 4


def first_wait(routing: RoutingTerms, terms: RouteTerms, level: int, urgency: str) -> tuple[int, bool]:
    """(ms until the first deadline, does the ladder follow?): the sooner of the level's time and the urgency's (spec 3.2)."""
    deadlines: DeadlineTerms = routing.deadlines
    by_urgency = getattr(deadlines, urgency, deadlines.normal)
    wait_ms = min(terms.deadline_ms, by_urgency.wait_ms)
    return wait_ms, level > CONFIRM_LEVEL and by_urgency.then == "escalate"


def ladder(routing: RoutingTerms) -> tuple[Step, ...]:
    """The rungs of the escalation chain, loops written out."""
    once = tuple(Step(rung.tell, rung.wait_ms) for rung in routing.ladder)
    return (once * (1 + routing.loops))[:RUNGS_MAX]


def _open(
    event: Event,
    read: Read,
    *,
    agent: int,
    digest: str,
    level: int,
    risk: int,
    urgency: str,
    action_type: str,
) -> Wishes:
    active: ActivePolicy = read("active_policy", "active")
    policy = active.document
    routing = policy.routing
    terms = route(routing, level)
    owner = read("agent", agent)
    earlier = _earlier(event, read) if type(event.facts) is GrantRevoked else None
    name = policy.types.get(action_type, "unknown")
    cls = policy.classes.get(name) or policy.classes["unknown"]
    wait_ms, climbs = first_wait(routing, terms, level, urgency)
    return [
        OpenDecision(
            action=event.subject,
            agent=agent,
            owner=owner.owner if owner is not None else "system",
            digest=digest,
            level=level,
            risk=risk,
            urgency=urgency,
            role=terms.role,
            needed=terms.needed,
            deadline_at=event.at + wait_ms * MILLISECOND,
            unanswered="denied" if climbs else "expired" if level > CONFIRM_LEVEL else terms.unanswered,
            grant_ms=policy.grant_ms,
            execution_ms=cls.execution_timeout_ms,
            parties=parties_of(event, owner, read) if earlier is None else earlier.parties,
            committee=committee_for(routing, level, action_type, name),
            tell=terms.tell,
            ladder=ladder(routing) if climbs else (),
            warn_permille=routing.warn_permille if level > CONFIRM_LEVEL else 0,
        )
    ]


def _earlier(event: Event, read: Read) -> Decision | None:
    """The decision that a revoked grant came from."""
    action = read("action", event.subject) if isinstance(event.facts, GrantRevoked) else None
    found: Decision | None = (
        read("decision", action.decision) if action is not None and action.decision else None
    )
    return found


def parties_of(event: Event, agent: Agent | None, read: Read) -> tuple[str, ...]:
    """Who besides the owner stands too near to decide: whoever registered the agent, and the person who asks (fault G1).

    Without an agent it is a change of the policy, and whoever proposed it does not decide on it.
    """
    if agent is None:
        policy = read("policy", read("active_policy", "active").subject)
        return (policy.proposal.by,) if policy is not None and policy.proposal is not None else ()
    near = (agent.registrar, event.actor.id if event.actor.kind == "person" else "")
    return tuple(dict.fromkeys(person for person in near if person and person != agent.owner))


def held(event: Event, read: Read) -> Wishes:
    """A pending action needs a decision."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.verdict != "pending":
        return []
    return _open(
        event,
        read,
        agent=facts.agent,
        digest=facts.digest,
        level=facts.level,
        risk=facts.risk,
        urgency=facts.urgency,
        action_type=facts.action_type,
    )


def lost(event: Event, read: Read) -> Wishes:
    """A revoked grant needs a new decision, of people even where the gate had been content alone."""
    facts = event.facts
    assert isinstance(facts, GrantRevoked)
    action = read("action", event.subject)
    return _open(
        event,
        read,
        agent=facts.agent,
        digest=facts.digest,
        level=max(2, facts.level),
        risk=facts.risk,
        urgency=facts.urgency,
        action_type=action.action_type if action is not None else "",
    )


def approved(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, DecisionApproved)
    return [
        GrantAction(
            subject=facts.action,
            decision=event.subject,
            basis="committee" if facts.level >= COMMITTEE_LEVEL else "approved",
            execution_ms=facts.execution_ms,
            expires_at=event.at + facts.grant_ms * MILLISECOND,
        )
    ]


def forced(event: Event, read: Read) -> Wishes:
    """Break-glass: a grant of its own basis, for a short time."""
    facts = event.facts
    assert isinstance(facts, DecisionForced)
    return [
        GrantAction(
            subject=facts.action,
            decision=event.subject,
            basis="forced",
            execution_ms=facts.execution_ms,
            expires_at=event.at + facts.grant_ms * MILLISECOND,
        )
    ]


def denied(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, DecisionDenied)
    return [CloseAction(subject=facts.action, decision=event.subject, reason="denied")]


def expired(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, DecisionExpired)
    return [CloseAction(subject=facts.action, decision=event.subject, reason="expired")]


def cancelled(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, DecisionCancelled)
    return [CloseAction(subject=facts.action, decision=event.subject, reason="cancelled")]


def withdrawn(event: Event, read: Read) -> Wishes:
    """The action was closed from its own side (cancelled by its agent): nobody has to decide any more."""
    facts = event.facts
    assert isinstance(facts, ActionClosed)
    decision = read("waiting", event.subject)
    return [CancelDecision(subject=decision, reason="withdrawn")] if decision and not facts.decision else []


REACTS: tuple[tuple[type, React], ...] = (
    (ActionDecided, held),
    (GrantRevoked, lost),
    (DecisionApproved, approved),
    (DecisionForced, forced),
    (DecisionDenied, denied),
    (DecisionExpired, expired),
    (DecisionCancelled, cancelled),
    (ActionClosed, withdrawn),
)
