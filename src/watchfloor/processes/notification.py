"""Notification: what people have to hear of (spec 3.2 *Routing*, 3.3). One effect per event, its persons worked out later."""

from __future__ import annotations

from watchfloor.actions.bypass_messages import BypassOpened
from watchfloor.actions.messages import BreakerOpened, StopRecorded
from watchfloor.councils.messages import (
    DecisionAlerted,
    DecisionEscalated,
    DecisionOpened,
    DecisionTakenOver,
    DecisionWarned,
)
from watchfloor.fleet.messages import AgentDisconnected, AgentQuarantined
from watchfloor.fleet.supervision_messages import SupervisionPassed
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.people.messages import TellOwner, TellPeople
from watchfloor.situation.messages import AlertRaised, AlertWorsened
from watchfloor.trust.anomaly_messages import AnomalyFound
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work.budget_messages import BudgetExhausted, BudgetWarned

Wishes = list[Command | Effect]


def tell(event: Event, read: Read) -> Wishes:
    return [TellPeople(destination="people")]


def tell_owner(event: Event, read: Read) -> Wishes:
    return [TellOwner(destination="owner")]


def tell_of_tier(event: Event, read: Read) -> Wishes:
    """A changed score is no news, another tier is."""
    facts = event.facts
    assert isinstance(facts, TrustChanged | TrustReassessed)
    return [] if facts.tier == facts.tier_before else [TellOwner(destination="owner")]


EFFECTS: tuple[tuple[type[Facts], React], ...] = (
    (DecisionOpened, tell),
    (DecisionWarned, tell),
    (DecisionEscalated, tell),
    (DecisionTakenOver, tell),
    (DecisionAlerted, tell),
    (BypassOpened, tell),
    (AlertRaised, tell_owner),
    (AlertWorsened, tell_owner),
    (BreakerOpened, tell),
    (AgentQuarantined, tell),
    (AnomalyFound, tell),
    (AgentDisconnected, tell_owner),
    (StopRecorded, tell),
    (SupervisionPassed, tell),
    (BudgetWarned, tell),
    (BudgetExhausted, tell),
    (TrustChanged, tell_of_tier),
    (TrustReassessed, tell_of_tier),
)
