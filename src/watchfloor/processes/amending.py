"""Amending: another policy comes into force by an action like any other, carried out by the platform (spec 3.6).

action.decided{policy.apply} → NoteProposal (the gate never permits it unasked) · action.granted → StartAction ·
action.started → ActivatePolicy · policy.applied{approved} → CompleteAction · action.closed → EndProposal ·
policy.applied with another proposal on its way → CancelAction of that one: it was made to a version that is gone.
Such an action belongs to no agent (its agent is 0), and only whoever proposed the policy can ask for it.
"""

from __future__ import annotations

from watchfloor.actions.messages import (
    ActionClosed,
    ActionDecided,
    ActionGranted,
    ActionStarted,
    CancelAction,
    CompleteAction,
    StartAction,
)
from watchfloor.kernel.messages import Command, Effect, Event
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.terms import APPLY_POLICY
from watchfloor.policy.messages import ActivatePolicy, EndProposal, NoteProposal, PolicyApplied

Wishes = list[Command | Effect]
EXECUTION = "platform"


def _policy(read: Read) -> int:
    return int(read("active_policy", "active").subject)


def asked(event: Event, read: Read) -> Wishes:
    """The gate has ruled: the proposal is on its way, unless it was denied."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.action_type != APPLY_POLICY or facts.verdict == "denied":
        return []
    return [NoteProposal(subject=_policy(read), action=event.subject, number=facts.generation)]


def granted(event: Event, read: Read) -> Wishes:
    """People agreed: the platform does it at once."""
    facts = event.facts
    assert isinstance(facts, ActionGranted)
    action = read("action", event.subject)
    if action is None or action.action_type != APPLY_POLICY:
        return []
    number, digest = facts.grant.number, action.digest
    return [StartAction(subject=event.subject, agent=0, grant=number, execution=EXECUTION, digest=digest)]


def started(event: Event, read: Read) -> Wishes:
    """The grant is used: put the policy in force, with the names of those who agreed."""
    facts = event.facts
    assert isinstance(facts, ActionStarted)
    if facts.action_type != APPLY_POLICY:
        return []
    action = read("action", event.subject)
    decision = read("decision", action.decision) if action is not None and action.decision else None
    votes = decision.votes if decision is not None else ()
    approved_by = tuple(vote.person for vote in votes if vote.vote == "approve" and not vote.late)
    return [ActivatePolicy(subject=_policy(read), action=event.subject, approved_by=approved_by)]


def applied(event: Event, read: Read) -> Wishes:
    """In force: the action is done, and a proposal made to the version before is withdrawn."""
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    wishes: Wishes = []
    if facts.action:
        wishes.append(CompleteAction(subject=facts.action, agent=0, execution=EXECUTION))
    policy = read("policy", event.subject)
    if policy.proposal is not None and policy.proposal.action:
        wishes.append(CancelAction(subject=policy.proposal.action))
    return wishes


def closed(event: Event, read: Read) -> Wishes:
    """People did not agree, or not in time, or it was withdrawn."""
    facts = event.facts
    assert isinstance(facts, ActionClosed)
    action = read("action", event.subject)
    if action is None or action.action_type != APPLY_POLICY:
        return []
    return [EndProposal(subject=_policy(read), action=event.subject, reason=facts.reason)]


REACTS: tuple[tuple[type, React], ...] = (
    (ActionDecided, asked),
    (ActionGranted, granted),
    (ActionStarted, started),
    (PolicyApplied, applied),
    (ActionClosed, closed),
)
