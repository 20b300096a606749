"""Alerting: which event raises which alert, and which one ends it (spec 06 *Situation report*).

One table each way, published in docs/situation.md. The events named here are rare; none of them is a ruling or an
execution that goes well, so a busy organisation pays nothing. What comes in masses (dead letters, tasks of one agent
that left) is one alert.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from watchfloor.actions.messages import ActionUnknown, BreakerOpened, StopLifted, StopRecorded, UngatedCall
from watchfloor.councils.messages import (
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionEscalated,
    DecisionExpired,
    DecisionForced,
    DecisionReviewed,
    DecisionWarned,
)
from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDisconnected,
    AgentQuarantined,
    AgentReleased,
    AgentRetired,
    IdentityChanged,
    KeyExpiring,
    KeyIssued,
    KeyRevoked,
    VersionActivated,
    WorkerBreakerClosed,
    WorkerBreakerOpened,
    WorkerMoved,
)
from watchfloor.fleet.supervision_messages import SupervisionEnded, SupervisionPassed
from watchfloor.kernel.messages import Command, Effect, Event, Facts, Later
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.system import ClockAnomaly, RollbackDeclared
from watchfloor.people.messages import NoticeUndelivered, SharedNoticeUndelivered
from watchfloor.registers.alerts import OpenAlert
from watchfloor.situation.messages import (
    AcknowledgeAlert,
    ClearAlert,
    RaiseAlert,
    WorsenAlert,
    key_of,
)
from watchfloor.situation.rules import worse
from watchfloor.trust.anomaly_messages import AnomalyAcknowledged, AnomalyFound, AnomalyResolved
from watchfloor.work.budget_messages import (
    BudgetChanged,
    BudgetExhausted,
    BudgetRemoved,
    BudgetRenewed,
    BudgetWarned,
)
from watchfloor.work.messages import (
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskProgressed,
    TaskReported,
    TaskStuck,
    TaskSucceeded,
)

Wishes = list[Command | Effect]
Of = Callable[[Event], str]


def _subject(event: Event) -> str:
    return str(event.subject)


def _agent(event: Event) -> str:
    return str(getattr(event.facts, "agent", 0))


def _whole(event: Event) -> str:
    del event
    return ""


def _credential(event: Event) -> str:
    facts = event.facts
    assert isinstance(facts, KeyExpiring | KeyRevoked)
    return facts.credential


def _rotated(event: Event) -> str:
    facts = event.facts
    assert isinstance(facts, KeyIssued)
    return facts.rotates


def _breaker(event: Event) -> str:
    facts = event.facts
    assert isinstance(facts, BreakerOpened)
    return f"{facts.scope}:{facts.target}"


def _always(event: Event, read: Read) -> bool:
    del event, read
    return True


def _unanswered(event: Event, read: Read) -> bool:
    """People said no: that is no alert."""
    del read
    facts = event.facts
    assert isinstance(facts, DecisionDenied)
    return facts.reason in ("unanswered", "unanswerable")


def _left_tasks(event: Event, read: Read) -> bool:
    """After a restart of the server everybody's session is over; that alone is no alert."""
    facts = event.facts
    assert isinstance(facts, AgentDisconnected)
    return facts.reason != "node_restarted" and bool(read("load", event.subject))


def _nothing_left(event: Event, read: Read) -> bool:
    return not read("load", getattr(event.facts, "agent", 0))


def _to_an_agent(event: Event, read: Read) -> bool:
    """A domain passed on, and somebody is there."""
    return bool(getattr(event.facts, "agent", 0))


def _to_people(event: Event, read: Read) -> bool:
    return not _to_an_agent(event, read)


class Raise(msgspec.Struct, frozen=True, kw_only=True):
    """`by` raises `what`, where `when` holds; `about` tells alerts of the kind apart."""

    by: type[Facts]
    what: str
    severity: str
    about: Of = _subject
    when: Callable[[Event, Read], bool] = _always


class Clear(msgspec.Struct, frozen=True, kw_only=True):
    """`by` ends what is open as `what` about the same."""

    by: type[Facts]
    what: str
    about: Of = _subject
    when: Callable[[Event, Read], bool] = _always


RAISES = (
    Raise(by=StopRecorded, what="stopped", severity="critical"),
    Raise(by=AgentQuarantined, what="quarantined", severity="critical"),
    Raise(by=BreakerOpened, what="breaker_open", severity="warning", about=_breaker),
    Raise(by=WorkerBreakerOpened, what="worker_unreachable", severity="warning"),
    Raise(by=AgentDisconnected, what="orphaned", severity="warning", when=_left_tasks),
    Raise(by=SupervisionPassed, what="unsupervised", severity="critical", when=_to_people),
    Raise(by=TaskStuck, what="stuck", severity="warning"),
    Raise(by=DecisionWarned, what="decision_waiting", severity="warning"),
    Raise(by=DecisionEscalated, what="decision_waiting", severity="critical"),
    Raise(by=DecisionDenied, what="undecided", severity="warning", about=_whole, when=_unanswered),
    Raise(by=DecisionForced, what="forced", severity="critical"),
    Raise(by=AnomalyFound, what="anomaly", severity="warning"),
    Raise(by=UngatedCall, what="ungated_call", severity="critical", about=_agent),
    Raise(by=IdentityChanged, what="identity_changed", severity="critical"),
    Raise(by=ActionUnknown, what="outcome_unknown", severity="warning", about=_agent),
    Raise(by=BudgetWarned, what="budget", severity="warning"),
    Raise(by=BudgetExhausted, what="budget", severity="critical"),
    Raise(by=KeyExpiring, what="key_expiring", severity="info", about=_credential),
    Raise(by=NoticeUndelivered, what="undelivered", severity="warning"),
    Raise(by=SharedNoticeUndelivered, what="undelivered", severity="warning"),
    Raise(by=ClockAnomaly, what="clock", severity="warning", about=_whole),
    Raise(by=RollbackDeclared, what="rollback", severity="critical"),
)
CLEARS = (
    Clear(by=StopLifted, what="stopped"),
    Clear(by=AgentReleased, what="quarantined"),
    Clear(by=AgentRetired, what="quarantined"),
    Clear(by=WorkerBreakerClosed, what="worker_unreachable"),
    Clear(by=WorkerMoved, what="worker_unreachable"),
    Clear(by=AgentRetired, what="worker_unreachable"),
    Clear(by=AgentConnected, what="orphaned"),
    Clear(by=AgentRetired, what="orphaned"),
    Clear(by=TaskAttemptFailed, what="orphaned", about=_agent, when=_nothing_left),
    Clear(by=TaskDeadLettered, what="orphaned", about=_agent, when=_nothing_left),
    Clear(by=TaskCancelled, what="orphaned", about=_agent, when=_nothing_left),
    Clear(by=SupervisionPassed, what="unsupervised", when=_to_an_agent),
    Clear(by=SupervisionEnded, what="unsupervised"),
    Clear(by=TaskProgressed, what="stuck"),
    Clear(by=TaskReported, what="stuck"),
    Clear(by=TaskSucceeded, what="stuck"),
    Clear(by=TaskAttemptFailed, what="stuck"),
    Clear(by=TaskDeadLettered, what="stuck"),
    Clear(by=TaskCancelled, what="stuck"),
    Clear(by=DecisionApproved, what="decision_waiting"),
    Clear(by=DecisionDenied, what="decision_waiting"),
    Clear(by=DecisionExpired, what="decision_waiting"),
    Clear(by=DecisionCancelled, what="decision_waiting"),
    Clear(by=DecisionForced, what="decision_waiting"),
    Clear(by=DecisionReviewed, what="forced"),
    Clear(by=AnomalyResolved, what="anomaly"),
    Clear(by=VersionActivated, what="identity_changed"),
    Clear(by=AgentRetired, what="identity_changed"),
    Clear(by=BudgetRenewed, what="budget"),
    Clear(by=BudgetChanged, what="budget"),
    Clear(by=BudgetRemoved, what="budget"),
    Clear(by=KeyIssued, what="key_expiring", about=_rotated),
    Clear(by=KeyRevoked, what="key_expiring", about=_credential),
)
# Kinds of subjects with a public id, so that a reader finds the thing.
_THINGS = frozenset(("stop", "agent", "task", "decision", "action", "anomaly", "budget", "person"))


def _raise(rule: Raise) -> React:
    def react(event: Event, read: Read) -> Wishes:
        if not rule.when(event, read):
            return []
        about = rule.about(event)
        known: OpenAlert | None = read("alerts", key_of(rule.what, about))
        if known is not None:
            if not worse(rule.severity, known.severity):
                return []
            return [WorsenAlert(subject=known.subject, severity=rule.severity, source=event.seq)]
        thing = event.kind in _THINGS
        return [
            RaiseAlert(
                what=rule.what,
                about=about,
                severity=rule.severity,
                source=event.seq,
                agent=_concerned(event),
                thing_kind=event.kind if thing else "",
                thing=event.subject if thing else 0,
                until_at=event.facts.until_at if isinstance(event.facts, BreakerOpened) else 0,
            )
        ]

    return react


def _concerned(event: Event) -> int:
    facts = event.facts
    if event.kind == "agent":
        return event.subject
    if isinstance(facts, BreakerOpened):
        return int(facts.target) if facts.scope == "agent" else 0
    agent: int = getattr(facts, "agent", 0)
    return agent


def _clear(rule: Clear) -> React:
    def react(event: Event, read: Read) -> Wishes:
        known: OpenAlert | None = read("alerts", key_of(rule.what, rule.about(event)))
        if known is None or not rule.when(event, read):
            return []
        return [ClearAlert(subject=known.subject, source=event.seq)]

    return react


def dead_lettered(event: Event, read: Read) -> Wishes:
    """Tasks end there in masses: whether it is the first is looked at when its turn comes."""
    if read("alerts", key_of("dead_letter", "")) is not None:
        return []
    return [Later(flow="dead_letter", about=event.subject)]


def first_dead(task: int, read: Read, at: int) -> list[Command]:
    """One alert for all tasks in the dead letter."""
    del at
    state = read("task", task)
    if state is None or read("alerts", key_of("dead_letter", "")) is not None:
        return []
    return [
        RaiseAlert(
            what="dead_letter",
            about="",
            severity="warning",
            source=state.seq,
            thing_kind="task",
            thing=task,
        )
    ]


def looked_at(event: Event, read: Read) -> Wishes:
    """Who acknowledged the anomaly has seen its alert."""
    known: OpenAlert | None = read("alerts", key_of("anomaly", str(event.subject)))
    return [] if known is None else [AcknowledgeAlert(subject=known.subject)]


LATER = {"dead_letter": first_dead}
REACTS: tuple[tuple[type[Facts], React], ...] = (
    *((rule.by, _raise(rule)) for rule in RAISES),
    (TaskDeadLettered, dead_lettered),
    (AnomalyAcknowledged, looked_at),
    *((rule.by, _clear(rule)) for rule in CLEARS),
)
