"""Rules of anomalies: found once while open, acknowledged, resolved by somebody who does not own the agent (spec 3.4).

ReportAnomaly -> anomaly.found/1 (or nothing: known already)
AcknowledgeAnomaly -> anomaly.acknowledged/1        ResolveAnomaly -> anomaly.resolved/1
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.folds import first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_choice, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.trust.anomaly_messages import (
    OUTCOMES,
    AcknowledgeAnomaly,
    AnomalyAcknowledged,
    AnomalyFound,
    AnomalyResolved,
    ReportAnomaly,
    ResolveAnomaly,
)


class KnownEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For ReportAnomaly: the same is open already."""

    known: bool


class OwnersEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For ResolveAnomaly: public ids of the persons who own the agents it is about, or whom it is about."""

    owners: tuple[str, ...]


class Anomaly(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`status` is open, acknowledged or resolved."""

    seq: int
    nonce: int
    what: str
    about: str
    agent: int
    agents: tuple[int, ...]
    status: str = "open"
    excess: int = 0  # of a cost report: by how much the claim is more than what counted


def report(state: Anomaly | None, command: ReportAnomaly, given: Given) -> list[Draft]:
    """Found, unless the same is open: one alert, not a thousand."""
    del state
    evidence: KnownEvidence = given.evidence
    if evidence.known:
        return []
    facts = AnomalyFound(
        about=command.about,
        agent=command.agent,
        agents=command.agents,
        evidence=command.evidence,
        measured=command.measured,
        nonce=nonce_from(given.entropy),
        threshold=command.threshold,
        what=command.what,
    )
    return [Draft(facts=facts)]


def acknowledge(state: Anomaly | None, command: AcknowledgeAnomaly, given: Given) -> list[Draft]:
    """Somebody looks at it; saying so again is nothing new."""
    del command, given
    if _there(state).status == "acknowledged":
        return []
    return [Draft(facts=AnomalyAcknowledged())]


def resolve(state: Anomaly | None, command: ResolveAnomaly, given: Given) -> list[Draft]:
    """Closed, with what it was and why; not by the owner of an agent it is about."""
    anomaly = _there(state)
    evidence: OwnersEvidence = given.evidence
    check_choice(command.outcome, "/outcome", OUTCOMES)
    check_reason(command.reason)
    if not command.reason.strip():
        raise Refused("reason_missing", "takes a reason", field="/reason", status=422)
    if given.actor.id in evidence.owners:
        raise Refused("own_agent", "nobody clears an agent they own, or what is about themselves", status=403)
    facts = AnomalyResolved(
        about=anomaly.about,
        agent=anomaly.agent,
        outcome=command.outcome,
        reason=command.reason,
        what=anomaly.what,
        excess=anomaly.excess,
    )
    return [Draft(facts=facts)]


def _there(state: Anomaly | None) -> Anomaly:
    if state is None:
        raise Refused("unknown_anomaly", "no such anomaly", status=404)
    if state.status == "resolved":
        raise Refused("already_resolved", "the anomaly is resolved")
    return state


@first
def found(facts: AnomalyFound, event: Event) -> Anomaly:
    """Fold of anomaly.found/1."""
    return Anomaly(
        seq=event.seq,
        nonce=facts.nonce,
        what=facts.what,
        about=facts.about,
        agent=facts.agent,
        agents=facts.agents,
        excess=facts.measured - facts.threshold if facts.what == "cost_report" else 0,
    )


@once
def acknowledged(state: Anomaly, facts: AnomalyAcknowledged, event: Event) -> dict[str, object]:
    """Fold of anomaly.acknowledged/1."""
    del state, facts, event
    return {"status": "acknowledged"}


@once
def resolved(state: Anomaly, facts: AnomalyResolved, event: Event) -> dict[str, object]:
    """Fold of anomaly.resolved/1."""
    del state, facts, event
    return {"status": "resolved"}


ANOMALY = Subject(
    kind="anomaly",
    state=Anomaly,
    decide={ReportAnomaly: report, AcknowledgeAnomaly: acknowledge, ResolveAnomaly: resolve},
    evolve={AnomalyFound: found, AnomalyAcknowledged: acknowledged, AnomalyResolved: resolved},
    live=lambda state: state.status != "resolved",
)
FACTS = (AnomalyFound, AnomalyAcknowledged, AnomalyResolved)
