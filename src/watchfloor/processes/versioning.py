"""Versioning: putting a version of an agent in force is an action like any other, carried out by the platform (spec 2.1).

action.decided{agent.activate_version} → NoteActivation, and StartAction when the policy lets it pass · action.granted →
StartAction · action.started → ActivateVersion · agent.version_activated → CompleteAction · action.closed → EndActivation.
Agents cannot ask for such an action (actions/rules.py), so that whatever bears this type is the platform's own.
"""

from __future__ import annotations

from watchfloor.actions.messages import (
    ActionClosed,
    ActionDecided,
    ActionGranted,
    ActionStarted,
    CompleteAction,
    StartAction,
)
from watchfloor.fleet.messages import (
    ActivateVersion,
    EndActivation,
    NoteActivation,
    VersionActivated,
)
from watchfloor.kernel.messages import Command, Effect, Event
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.terms import ACTIVATE_VERSION

Wishes = list[Command | Effect]
EXECUTION = "platform"


def asked(event: Event, read: Read) -> Wishes:
    """The gate has ruled: the version is on its way, unless it was denied."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.action_type != ACTIVATE_VERSION or facts.verdict == "denied":
        return []
    by = event.of or event.actor.id
    wishes: Wishes = [
        NoteActivation(subject=facts.agent, number=facts.generation, action=event.subject, by=by)
    ]
    if facts.grant is not None:
        wishes.append(_start(event.subject, facts.agent, facts.grant.number, facts.digest))
    return wishes


def _start(action: int, agent: int, grant: int, digest: str) -> StartAction:
    return StartAction(subject=action, agent=agent, grant=grant, execution=EXECUTION, digest=digest)


def granted(event: Event, read: Read) -> Wishes:
    """People agreed: the platform does it at once."""
    facts = event.facts
    assert isinstance(facts, ActionGranted)
    action = read("action", event.subject)
    if action is None or action.action_type != ACTIVATE_VERSION:
        return []
    return [_start(event.subject, facts.agent, facts.grant.number, action.digest)]


def started(event: Event, read: Read) -> Wishes:
    """The grant is used: put the version in force, with the names of those who agreed."""
    facts = event.facts
    assert isinstance(facts, ActionStarted)
    if facts.action_type != ACTIVATE_VERSION:
        return []
    action = read("action", event.subject)
    decision = read("decision", action.decision) if action is not None and action.decision else None
    votes = decision.votes if decision is not None else ()
    approved_by = tuple(vote.person for vote in votes if vote.vote == "approve" and not vote.late)
    return [ActivateVersion(subject=facts.agent, action=event.subject, approved_by=approved_by)]


def activated(event: Event, read: Read) -> Wishes:
    """In force: the action is done."""
    facts = event.facts
    assert isinstance(facts, VersionActivated)
    return [CompleteAction(subject=facts.action, agent=event.subject, execution=EXECUTION)]


def closed(event: Event, read: Read) -> Wishes:
    """People did not agree, or not in time."""
    facts = event.facts
    assert isinstance(facts, ActionClosed)
    action = read("action", event.subject)
    if action is None or action.action_type != ACTIVATE_VERSION:
        return []
    return [EndActivation(subject=facts.agent, action=event.subject, reason=facts.reason)]


REACTS: tuple[tuple[type, React], ...] = (
    (ActionDecided, asked),
    (ActionGranted, granted),
    (ActionStarted, started),
    (VersionActivated, activated),
    (ActionClosed, closed),
)
