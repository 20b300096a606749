"""What people see of anomalies: `anomalies` (spec 3.4)."""

from __future__ import annotations

import msgspec

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Index, Projectors, Table, array, instant, integer, text
from watchfloor.trust.anomaly_messages import AnomalyAcknowledged, AnomalyFound, AnomalyResolved

_json = msgspec.json.Encoder().encode

ANOMALIES = Table(
    name="anomalies",
    version=1,
    meaning="What the detectors found, and what people made of it.",
    key=("anomaly",),
    columns={
        "anomaly": integer("subject"),
        "id": text("public id ano_…"),
        "what": text("kind of anomaly, such as trust_drop"),
        "about": text("trust kind, action type or person it is about; empty where the kind says all"),
        "agent": integer("subject; 0: several, see agents"),
        "agents": array("JSON array of the subjects of all agents concerned"),
        "measured": integer("in the unit of the kind: points, events, permille, hours, days, agents"),
        "threshold": integer("what was not to be exceeded, in the same unit"),
        "evidence": array("JSON array of the seqs of the events that show it"),
        "status": text("open, acknowledged or resolved"),
        "outcome": text("confirmed or false_alarm; empty: not resolved"),
        "reason": text("of the resolution"),
        "found_at": instant("when"),
        "acknowledged_at": instant("0: nobody has"),
        "acknowledged_by": text("public id"),
        "resolved_at": instant("0: not resolved"),
        "resolved_by": text("public id"),
        "seq": integer("newest event"),
    },
    indexes=(Index(("agent",)), Index(("anomaly",), where="status <> 'resolved'")),
)

TABLES = (ANOMALIES,)


def _found(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AnomalyFound)
    return [
        ANOMALIES.put(
            event.subject,
            id=public_id("anomaly", event.subject, facts.nonce),
            what=facts.what,
            about=facts.about,
            agent=facts.agent,
            agents=_json(facts.agents).decode(),
            measured=facts.measured,
            threshold=facts.threshold,
            evidence=_json(facts.evidence).decode(),
            status="open",
            found_at=event.at,
            seq=event.seq,
        )
    ]


def _acknowledged(event: Event) -> list[Change]:
    by = event.of or event.actor.id
    return [
        ANOMALIES.set(
            event.subject,
            status="acknowledged",
            acknowledged_at=event.at,
            acknowledged_by=by,
            seq=event.seq,
        )
    ]


def _resolved(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AnomalyResolved)
    return [
        ANOMALIES.set(
            event.subject,
            status="resolved",
            outcome=facts.outcome,
            reason=facts.reason,
            resolved_at=event.at,
            resolved_by=event.of or event.actor.id,
            seq=event.seq,
        )
    ]


PROJECT: Projectors = {
    AnomalyFound: _found,
    AnomalyAcknowledged: _acknowledged,
    AnomalyResolved: _resolved,
}
