"""Containment: breakers trip, runaways are quarantined (spec 3.3)."""

from __future__ import annotations

from watchfloor.actions.gate import is_runaway
from watchfloor.actions.messages import ActionDecided, ActionFailed, ActionUnknown, OpenBreaker
from watchfloor.fleet.messages import AgentThrottled, QuarantineAgent
from watchfloor.kernel.instants import MILLISECOND, MINUTE, SECOND
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.registers.activity import pace_of, recent
from watchfloor.registers.containment import Breaker
from watchfloor.registers.stops import obeyed

Wishes = list[Command | Effect]


def failed(event: Event, read: Read) -> Wishes:
    """Enough failures in the window open the breaker of the agent, of the tool, or of both."""
    facts = event.facts
    assert isinstance(facts, ActionFailed | ActionUnknown)
    if obeyed(facts, read):
        return []
    terms = read("active_policy", "active").document.breaker
    wishes: Wishes = []
    for scope, target in (("agent", str(facts.agent)), ("tool", facts.tool)):
        breaker: Breaker | None = read("breakers", f"{scope}:{target}") if target else None
        if breaker is None or breaker.open_until > event.at:
            continue
        failures = recent(breaker.failures, event.at, terms.window_ms * MILLISECOND)
        half_open = bool(breaker.open_until)  # the probe failed
        if failures >= terms.failures or half_open:
            until = event.at + terms.open_ms * MILLISECOND
            wishes.append(OpenBreaker(scope=scope, target=target, until_at=until, failures=failures))
    return wishes


def decided(event: Event, read: Read) -> Wishes:
    """The gate saw a runaway: one quarantine, not a thousand alerts."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.verdict != "denied" or not is_runaway(facts):
        return []
    state = read("agent", facts.agent)
    if state is None or state.quarantined:
        return []
    return [QuarantineAgent(subject=facts.agent, reason="runaway")]


def throttled(event: Event, read: Read) -> Wishes:
    """Turned away again and again, or faster than anything but a runaway asks: refused requests count (spec 3.3)."""
    facts = event.facts
    assert isinstance(facts, AgentThrottled)
    activity = read("activity", event.subject)
    state = read("agent", event.subject)
    if state is None or state.quarantined or activity is None:
        return []
    pace = pace_of(event.subject, read)
    if facts.count * SECOND > pace.requests_1s * facts.window_ms * MILLISECOND:
        return [QuarantineAgent(subject=event.subject, reason="runaway")]
    often = max(facts.exhausted, recent(activity.throttles, event.at, MINUTE))
    if often < pace.throttles_60s:
        return []
    return [QuarantineAgent(subject=event.subject, reason="throttled_too_often")]


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (ActionFailed, failed),
    (ActionUnknown, failed),
    (ActionDecided, decided),
    (AgentThrottled, throttled),
)
