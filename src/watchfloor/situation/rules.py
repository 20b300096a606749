"""Rules of alerts: raised once while open, worsened, acknowledged, over (spec 06 *Situation report*).

Theory of operation
-------------------
An alert says that something holds which people should know of: it is *raised* by the event that shows it and *cleared*
by the event that ends it. What nothing ends by itself (a call past the gate, a task in the dead letter) is closed by a
person with a reason, who does not own the agent it is about; what still holds cannot be talked away. An alert that
got worse is open again for people who had acknowledged it.

    RaiseAlert -> alert.raised/1 (or nothing: open already)      WorsenAlert -> alert.worsened/1
    ClearAlert, LapseAlert, ResolveAlert -> alert.resolved/1     AcknowledgeAlert -> alert.acknowledged/1
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.folds import first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.messages import Command, Draft, Event, Refused
from watchfloor.kernel.schema import check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.situation.kinds import ALERTS
from watchfloor.situation.messages import (
    SEVERITIES,
    AcknowledgeAlert,
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertWorsened,
    ClearAlert,
    LapseAlert,
    RaiseAlert,
    ResolveAlert,
    WorsenAlert,
)


class OpenEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For RaiseAlert. `known`: the same is open; `full`: as many are open as there may be."""

    known: bool
    full: bool


class OwnerEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For ResolveAlert: public id of the person who owns the agent it is about, or empty."""

    owner: str


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`status` is open, acknowledged or resolved."""

    seq: int
    nonce: int
    what: str
    about: str
    severity: str
    agent: int
    until_at: int
    status: str = "open"


def worse(severity: str, than: str) -> bool:
    """Is the one above the other?"""
    return SEVERITIES.index(severity) > SEVERITIES.index(than)


def raise_alert(state: Alert | None, command: RaiseAlert, given: Given) -> list[Draft]:
    """Raised, unless the same is open: one alert, not a thousand."""
    del state
    evidence: OpenEvidence = given.evidence
    if evidence.known or evidence.full:
        return []
    facts = AlertRaised(
        about=command.about,
        agent=command.agent,
        nonce=nonce_from(given.entropy),
        severity=command.severity,
        source=command.source,
        thing=command.thing,
        thing_kind=command.thing_kind,
        until_at=command.until_at,
        what=command.what,
    )
    return [Draft(facts=facts)]


def worsen(state: Alert | None, command: WorsenAlert, given: Given) -> list[Draft]:
    """Up only, and only while it is open."""
    del given
    alert = _there(state)
    if alert.status == "resolved" or not worse(command.severity, alert.severity):
        return []
    facts = AlertWorsened(
        about=alert.about, severity=command.severity, source=command.source, what=alert.what
    )
    return [Draft(facts=facts)]


def acknowledge(state: Alert | None, command: AcknowledgeAlert, given: Given) -> list[Draft]:
    """Somebody looks at it; saying so again is nothing new."""
    del command, given
    alert = _there(state)
    if alert.status == "resolved":
        raise Refused("already_resolved", "the alert is over")
    return [] if alert.status == "acknowledged" else [Draft(facts=AlertAcknowledged())]


def resolve(state: Alert | None, command: ResolveAlert, given: Given) -> list[Draft]:
    """A person closes it, with a reason. Refused: what still holds, and what is about an agent of their own."""
    alert = _there(state)
    evidence: OwnerEvidence = given.evidence
    check_reason(command.reason)
    if not command.reason.strip():
        raise Refused("reason_missing", "takes a reason", field="/reason", status=422)
    if alert.status == "resolved":
        raise Refused("already_resolved", "the alert is over")
    if not ALERTS[alert.what].by_hand:
        raise Refused("still_holds", "this alert is over when what it is about is; acknowledge it instead")
    if evidence.owner and given.actor.id == evidence.owner:
        raise Refused("own_agent", "nobody clears an agent they own", status=403)
    return [_over(alert, "resolved", reason=command.reason)]


def clear(state: Alert | None, command: ClearAlert, given: Given) -> list[Draft]:
    """What it was about is over."""
    del given
    alert = _there(state)
    return [] if alert.status == "resolved" else [_over(alert, "cleared", source=command.source)]


def lapse(state: Alert | None, command: LapseAlert, given: Given) -> list[Draft]:
    """Its time is over."""
    del command
    alert = _there(state)
    return [_over(alert, "lapsed")] if 0 < due(alert) <= given.at else []


def _over(alert: Alert, how: str, *, reason: str = "", source: int = 0) -> Draft:
    facts = AlertResolved(about=alert.about, how=how, reason=reason, source=source, what=alert.what)
    return Draft(facts=facts)


def _there(state: Alert | None) -> Alert:
    if state is None:
        raise Refused("unknown_alert", "no such alert", status=404)
    return state


@first
def raised(facts: AlertRaised, event: Event) -> Alert:
    """Fold of alert.raised/1."""
    return Alert(
        seq=event.seq,
        nonce=facts.nonce,
        what=facts.what,
        about=facts.about,
        severity=facts.severity,
        agent=facts.agent,
        until_at=facts.until_at,
    )


@once
def worsened(state: Alert, facts: AlertWorsened, event: Event) -> dict[str, object]:
    """Fold of alert.worsened/1: open again."""
    del event
    status = state.status if state.status == "resolved" else "open"
    return {"severity": facts.severity, "status": status}


@once
def acknowledged(state: Alert, facts: AlertAcknowledged, event: Event) -> dict[str, object]:
    """Fold of alert.acknowledged/1."""
    del facts, event
    return {"status": "resolved" if state.status == "resolved" else "acknowledged"}


@once
def resolved(state: Alert, facts: AlertResolved, event: Event) -> dict[str, object]:
    """Fold of alert.resolved/1."""
    del state, facts, event
    return {"status": "resolved"}


def due(state: Alert) -> int:
    """When it lapses; 0: not by itself."""
    return state.until_at if state.status != "resolved" else 0


def overdue(subject: int, state: Alert, at: int) -> Command | None:
    """It lapses, or nothing when it is over."""
    return LapseAlert(subject=subject) if 0 < due(state) <= at else None


ALERT = Subject(
    kind="alert",
    state=Alert,
    decide={
        RaiseAlert: raise_alert,
        WorsenAlert: worsen,
        AcknowledgeAlert: acknowledge,
        ResolveAlert: resolve,
        ClearAlert: clear,
        LapseAlert: lapse,
    },
    evolve={
        AlertRaised: raised,
        AlertWorsened: worsened,
        AlertAcknowledged: acknowledged,
        AlertResolved: resolved,
    },
    live=lambda state: state.status != "resolved",
    due=due,
    overdue=overdue,
)
SUBJECTS = (ALERT,)
FACTS = (AlertRaised, AlertWorsened, AlertAcknowledged, AlertResolved)
