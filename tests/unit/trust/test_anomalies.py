"""The life of an anomaly: found once, acknowledged, resolved by somebody without a stake (spec 3.4)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World

from watchfloor.kernel.messages import Actor, Refused
from watchfloor.trust.anomalies import Anomaly, KnownEvidence, OwnersEvidence
from watchfloor.trust.anomaly_messages import AcknowledgeAnomaly, ReportAnomaly, ResolveAnomaly

ADA = Actor(kind="person", id="per_ada")


def report(world: World, *, known: bool = False) -> list[Any]:
    command = ReportAnomaly(what="violations", agent=7, agents=(7,), evidence=(3, 4), measured=3, threshold=3)
    return world.perform(command, evidence=KnownEvidence(known=known))


def resolve(world: World, subject: int, **more: Any) -> list[Any]:
    command = ResolveAnomaly(subject=subject, **{"outcome": "confirmed", "reason": "stolen key", **more})
    return world.perform(command, actor=ADA, evidence=OwnersEvidence(owners=("per_ben",)))


def test_it_is_found_with_its_evidence_and_not_twice() -> None:
    world = World()
    (event,) = report(world)
    assert (event.facts.evidence, event.facts.measured) == ((3, 4), 3)
    assert report(world, known=True) == []


def test_it_is_acknowledged_once_and_resolved_for_good() -> None:
    world = World()
    subject = report(world)[0].subject
    assert world.perform(AcknowledgeAnomaly(subject=subject), actor=ADA)
    assert world.perform(AcknowledgeAnomaly(subject=subject), actor=ADA) == []
    resolve(world, subject)
    state = world.states["anomaly", subject]
    assert isinstance(state, Anomaly)
    assert state.status == "resolved"
    for again in (
        lambda: resolve(world, subject),
        lambda: world.perform(AcknowledgeAnomaly(subject=subject), actor=ADA),
    ):
        with pytest.raises(Refused, match="already_resolved"):
            again()


@pytest.mark.parametrize(
    ("more", "code"), [({"outcome": "fine"}, "unknown_choice"), ({"reason": " "}, "reason_missing")]
)
def test_a_resolution_says_what_it_was_and_why(more: dict[str, str], code: str) -> None:
    world = World()
    with pytest.raises(Refused, match=code):
        resolve(world, report(world)[0].subject, **more)


def test_nobody_clears_an_agent_they_own() -> None:
    world = World()
    command = ResolveAnomaly(subject=report(world)[0].subject, outcome="false_alarm", reason="no")
    with pytest.raises(Refused, match="own_agent"):
        world.perform(command, actor=ADA, evidence=OwnersEvidence(owners=("per_ada",)))


def test_what_is_not_there_is_neither_acknowledged_nor_resolved() -> None:
    with pytest.raises(Refused, match="unknown_anomaly"):
        World().perform(AcknowledgeAnomaly(subject=9), actor=ADA)
