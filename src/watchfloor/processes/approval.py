"""Approval: what the gate holds goes to people, what they say comes back as a grant or a closed action (spec 3.2).

action.decided{pending} → OpenDecision · decision.approved, forced → GrantAction · decision.denied, expired, cancelled →
CloseAction · action.edited → CancelDecision, OpenDecision · action.grant_revoked → OpenDecision again (a decision never flips; a new one is made) · people or the policy change →
RecheckDecision.
"""

from __future__ import annotations

from watchfloor.actions.edit_messages import ActionEdited
from watchfloor.actions.grants import FORBIDDEN
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
    RecheckDecision,
    Step,
)
from watchfloor.councils.panels import committee_for, route
from watchfloor.fleet.agent import Agent
from watchfloor.kernel.council_terms import DeadlineTerms, RouteTerms, RoutingTerms
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import RECHECKED_MAX, RUNGS_MAX
from watchfloor.kernel.messages import Command, Effect, Event
from watchfloor.kernel.subject import React, Read
from watchfloor.people.messages import PersonDisabled, RolesChanged
from watchfloor.policy.messages import PolicyApplied
from watchfloor.registers.directory import ActivePolicy

Wishes = list[Command | Effect]
CONFIRM_LEVEL = 2
EDITED = "edited"
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
    earlier = _earlier(event, read)
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
            parties=_parties(event, owner, earlier, read),
            committee=committee_for(routing, level, action_type, name),
            tell=terms.tell,
            ladder=ladder(routing) if climbs else (),
            warn_permille=routing.warn_permille if level > CONFIRM_LEVEL else 0,
        )
    ]


def _parties(event: Event, owner: Agent | None, earlier: Decision | None, read: Read) -> tuple[str, ...]:
    if earlier is None:
        return parties_of(event, owner, read)
    return (
        _near_the_edit(event, earlier.parties, read) if type(event.facts) is ActionEdited else earlier.parties
    )


def _earlier(event: Event, read: Read) -> Decision | None:
    """The decision that a revoked grant came from, or that waited for what was edited."""
    if isinstance(event.facts, ActionEdited):
        waited: Decision | None = read("decision", event.facts.decision)
        return waited
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
    """A revoked grant needs a new decision, of people even where the gate had been content alone.

    What the envelope forbids by now is denied with it, and nobody is asked.
    """
    facts = event.facts
    assert isinstance(facts, GrantRevoked)
    if facts.reason == FORBIDDEN:
        return []
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
            basis=_basis(facts),
            execution_ms=facts.execution_ms,
            expires_at=event.at + facts.grant_ms * MILLISECOND,
            level=_raised(facts),
        )
    ]


def _basis(facts: DecisionApproved) -> str:
    if facts.tribunal:
        return "tribunal"
    return "committee" if max(facts.level, _raised(facts)) >= COMMITTEE_LEVEL else "approved"


def _raised(facts: DecisionApproved) -> int:
    """The level that policies applied meanwhile have for it, and these votes have answered for; 0: none was."""
    return max((demand.level for demand in facts.also), default=0)


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
    if facts.reason == EDITED:
        return []  # the action goes on, with other parameters
    return [CloseAction(subject=facts.action, decision=event.subject, reason="cancelled")]


def edited(event: Event, read: Read) -> Wishes:
    """Other parameters: what waited for the old ones is over, with its votes, and people are asked about the new ones."""
    facts = event.facts
    assert isinstance(facts, ActionEdited)
    action = read("action", event.subject)
    opened = _open(
        event,
        read,
        agent=facts.agent,
        digest=facts.digest,
        level=facts.level,
        risk=facts.risk,
        urgency=facts.urgency,
        action_type=action.action_type,
    )
    return [CancelDecision(subject=facts.decision, reason=EDITED), *opened]


def _near_the_edit(event: Event, earlier: tuple[str, ...], read: Read) -> tuple[str, ...]:
    """Those who stood too near before, and who has edited it where the policy lets nobody decide on their own version."""
    facts = event.facts
    assert isinstance(facts, ActionEdited)
    routing = read("active_policy", "active").document.routing
    if facts.level <= routing.editor_level_max:
        return earlier
    return tuple(dict.fromkeys((*earlier, *read("action", event.subject).edited_by)))


def withdrawn(event: Event, read: Read) -> Wishes:
    """The action was closed from its own side (cancelled by its agent): nobody has to decide any more."""
    facts = event.facts
    assert isinstance(facts, ActionClosed)
    decision = read("waiting", event.subject)
    return [CancelDecision(subject=decision, reason="withdrawn")] if decision and not facts.decision else []


def changed(event: Event, read: Read) -> Wishes:
    """People or the policy have changed: what waits and can be met by nobody any more is not waited for.

    The first so many at once; whoever is not among them is looked at with the next warning or rung.
    """
    pending: tuple[int, ...] = read("pending_decisions", "all") or ()
    return [RecheckDecision(subject=decision) for decision in pending[:RECHECKED_MAX]]


REACTS: tuple[tuple[type, React], ...] = (
    (ActionDecided, held),
    (GrantRevoked, lost),
    (ActionEdited, edited),
    (DecisionApproved, approved),
    (DecisionForced, forced),
    (DecisionDenied, denied),
    (DecisionExpired, expired),
    (DecisionCancelled, cancelled),
    (ActionClosed, withdrawn),
    (PolicyApplied, changed),
    (PersonDisabled, changed),
    (RolesChanged, changed),
)
