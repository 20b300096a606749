"""What people see of alerts: `alerts` (spec 06 *Situation report*)."""

from __future__ import annotations

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Index, Projectors, Table, instant, integer, text
from watchfloor.situation.messages import AlertAcknowledged, AlertRaised, AlertResolved, AlertWorsened

ALERTS = Table(
    name="alerts",
    version=1,
    meaning="What people should know of, while it holds and after.",
    key=("alert",),
    columns={
        "alert": integer("subject"),
        "id": text("public id alr_…"),
        "what": text("kind of alert, such as breaker_open"),
        "about": text("tells alerts of one kind apart: a subject, scope:target of a breaker, or empty"),
        "severity": text("info, warning or critical"),
        "agent": integer("subject of the agent concerned, 0: none"),
        "thing_kind": text("kind of the subject to look at, or empty"),
        "thing": integer("that subject, 0: none"),
        "source": integer("seq of the event that shows it; of the newest one where it got worse"),
        "status": text("open, acknowledged or resolved"),
        "how": text("cleared, resolved by a person, or lapsed; empty: not over"),
        "reason": text("of the person who resolved it"),
        "raised_at": instant("when"),
        "worsened_at": instant("0: it has not got worse"),
        "until_at": instant("it lapses then; 0: not by itself"),
        "acknowledged_at": instant("0: nobody has"),
        "acknowledged_by": text("public id"),
        "resolved_at": instant("0: not over"),
        "resolved_by": text("public id of the person, or system"),
        "seq": integer("newest event"),
    },
    indexes=(Index(("agent",)), Index(("alert",), where="status <> 'resolved'")),
)

TABLES = (ALERTS,)


def _raised(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AlertRaised)
    return [
        ALERTS.put(
            event.subject,
            id=public_id("alert", event.subject, facts.nonce),
            what=facts.what,
            about=facts.about,
            severity=facts.severity,
            agent=facts.agent,
            thing_kind=facts.thing_kind,
            thing=facts.thing,
            source=facts.source,
            status="open",
            raised_at=event.at,
            until_at=facts.until_at,
            seq=event.seq,
        )
    ]


def _worsened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AlertWorsened)
    return [
        ALERTS.set(
            event.subject,
            severity=facts.severity,
            source=facts.source,
            status="open",
            worsened_at=event.at,
            acknowledged_at=0,
            acknowledged_by="",
            seq=event.seq,
        )
    ]


def _acknowledged(event: Event) -> list[Change]:
    who = event.of or event.actor.id
    at, seq = event.at, event.seq
    return [
        ALERTS.set(event.subject, status="acknowledged", acknowledged_at=at, acknowledged_by=who, seq=seq)
    ]


def _resolved(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AlertResolved)
    return [
        ALERTS.set(
            event.subject,
            status="resolved",
            how=facts.how,
            reason=facts.reason,
            resolved_at=event.at,
            resolved_by=event.of or event.actor.id,
            seq=event.seq,
        )
    ]


PROJECT: Projectors = {
    AlertRaised: _raised,
    AlertWorsened: _worsened,
    AlertAcknowledged: _acknowledged,
    AlertResolved: _resolved,
}
