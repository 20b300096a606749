"""What people see of trust: `trust_history`, and score and tier of `agents` (spec 3.4)."""

from __future__ import annotations

from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Index, Projectors, Table, flag, instant, integer, text
from watchfloor.trust import anomaly_views
from watchfloor.trust.messages import TrustChanged, TrustReassessed

TRUST_HISTORY = Table(
    name="trust_history",
    version=1,
    meaning="Every event that touched an agent's trust.",
    key=("agent", "seq"),
    columns={
        "agent": integer("subject; a trust has the agent's own integer"),
        "seq": integer("of the event"),
        "at": instant("when"),
        "what": text("trust kind of the policy, adjusted by a person, or reassessed by time"),
        "points": integer("added"),
        "counted": flag("0: beyond the day's cap"),
        "score": integer("afterwards"),
        "score_before": integer("before"),
        "tier": integer("afterwards, 0 to 5"),
        "tier_before": integer("before, 0 to 5"),
        "reason": text("of a manual adjustment"),
        "source": integer("seq of the event that showed it, 0: none"),
        "by": text("public id of who caused it"),
    },
    indexes=(Index(("seq",), where="tier <> tier_before"),),
)

TABLES = (TRUST_HISTORY, *anomaly_views.TABLES)


def _agent(event: Event, score: int, tier: int) -> Change:
    values = {"score": score, "tier": tier, "changed_at": event.at, "changed_seq": event.seq}
    return Change("agents", "set", (event.subject,), values)


def _changed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TrustChanged)
    row = TRUST_HISTORY.put(
        event.subject,
        event.seq,
        at=event.at,
        what=facts.what,
        points=facts.points,
        counted=int(facts.counted),
        score=facts.score,
        score_before=facts.score_before,
        tier=facts.tier,
        tier_before=facts.tier_before,
        reason=facts.reason,
        source=facts.source,
        by=event.of or event.actor.id,
    )
    return [row, _agent(event, facts.score, facts.tier)]


def _reassessed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TrustReassessed)
    row = TRUST_HISTORY.put(
        event.subject,
        event.seq,
        at=event.at,
        what="reassessed",
        counted=1,
        score=facts.score,
        score_before=facts.score_before,
        tier=facts.tier,
        tier_before=facts.tier_before,
        by=event.of or event.actor.id,
    )
    return [row, _agent(event, facts.score, facts.tier)]


PROJECT: Projectors = {
    TrustChanged: _changed,
    TrustReassessed: _reassessed,
    **anomaly_views.PROJECT,
}
