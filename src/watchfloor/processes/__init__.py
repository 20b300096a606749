"""Cause → wish, one file per flow: this list is the wiring diagram of the product (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.processes import (
    alerting,
    amending,
    anomalies,
    approval,
    budgeting,
    bulk,
    calling,
    claims,
    containment,
    departure,
    dependencies,
    dispatch,
    judging,
    learning,
    notification,
    reclaim,
    reviewing,
    succession,
    valuing,
    verification,
    versioning,
)

Decider = Callable[[int, Read, int], list[Command]]  # about whom, state, instant
# Calling before dispatch: a breaker opens before its worker is given anything else.
FLOWS = (
    approval,
    judging,
    budgeting,
    learning,
    anomalies,
    reviewing,
    claims,
    calling,
    dependencies,
    dispatch,
    bulk,
    reclaim,
    containment,
    succession,
    departure,
    verification,
    versioning,
    valuing,
    amending,
    alerting,
)


def _wire() -> dict[type[Facts], tuple[React, ...]]:
    wired: dict[type[Facts], tuple[React, ...]] = {}
    for flow in FLOWS:
        for facts, react in flow.REACTS:
            wired[facts] = (*wired.get(facts, ()), react)
    return wired


REACTS: Mapping[type[Facts], tuple[React, ...]] = _wire()


LATER: Mapping[str, Decider] = {**dispatch.LATER, **alerting.LATER}


def _no_read(name: str, key: object) -> None:
    return None


def effects_of(event: Event) -> list[Effect]:
    """The effects an event leads to: a function of the event alone, so that it can be asked again at any time."""
    return [
        wish
        for react in _EFFECTS.get(type(event.facts), ())
        for wish in react(event, _no_read)
        if isinstance(wish, Effect)
    ]


# Flows that wish for effects look at their event only.
_EFFECTS: Mapping[type[Facts], tuple[React, ...]] = {
    facts: (react,) for facts, react in (*verification.REACTS, *calling.EFFECTS, *notification.EFFECTS)
}
