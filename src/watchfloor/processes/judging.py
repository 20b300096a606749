"""Judging: validator agents are asked about what waits for people, and what they say comes back (spec 3.2 *Tribunal*).

decision.opened → ConveneTribunal, where the policy wants one · tribunal.ruled → SettleByTribunal, at level 2 ·
the decision is over → DissolveTribunal.
"""

from __future__ import annotations

from watchfloor.councils.messages import (
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    DecisionForced,
    DecisionOpened,
    SettleByTribunal,
)
from watchfloor.councils.tribunal_messages import ConveneTribunal, DissolveTribunal, TribunalRuled
from watchfloor.councils.tribunals import ALONE_LEVEL
from watchfloor.kernel.messages import Command, Effect, Event
from watchfloor.kernel.subject import React, Read

Wishes = list[Command | Effect]


def opened(event: Event, read: Read) -> Wishes:
    """Ask for advice, where the policy wants it for this level and class."""
    facts = event.facts
    assert isinstance(facts, DecisionOpened)
    terms = read("active_policy", "active").document.tribunal
    if not terms.level_min or facts.level < terms.level_min:
        return []
    action = read("action", facts.action)
    cls = action.cls if action is not None else ""
    if terms.classes and cls not in terms.classes:
        return []
    return [ConveneTribunal(subject=event.subject)]


def ruled(event: Event, read: Read) -> Wishes:
    """A recommendation may settle what one person could have."""
    facts = event.facts
    assert isinstance(facts, TribunalRuled)
    tribunal = read("tribunal", event.subject)
    if not facts.recommendation or tribunal is None or tribunal.level != ALONE_LEVEL:
        return []
    return [SettleByTribunal(subject=event.subject, recommendation=facts.recommendation)]


def over(event: Event, read: Read) -> Wishes:
    """Nobody waits for them any more."""
    return [DissolveTribunal(subject=event.subject)] if read("convened", event.subject) else []


REACTS: tuple[tuple[type, React], ...] = (
    (DecisionOpened, opened),
    (TribunalRuled, ruled),
    *(
        (ended, over)
        for ended in (
            DecisionApproved,
            DecisionForced,
            DecisionDenied,
            DecisionExpired,
            DecisionCancelled,
        )
    ),
)
