"""The life of an alert: raised once, worsened, acknowledged, over (spec 06 *Situation report*)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World

from watchfloor.kernel.instants import HOUR
from watchfloor.kernel.messages import Actor, Refused
from watchfloor.situation.kinds import ALERTS
from watchfloor.situation.messages import (
    AcknowledgeAlert,
    AlertResolved,
    ClearAlert,
    LapseAlert,
    RaiseAlert,
    ResolveAlert,
    WorsenAlert,
)
from watchfloor.situation.rules import ALERT, OpenEvidence, OwnerEvidence

ADA = Actor(kind="person", id="per_ada")


def raised(
    world: World, what: str = "ungated_call", *, known: bool = False, full: bool = False, **more: Any
) -> int:
    """Raise one; its subject, 0 when nothing was recorded."""
    command = RaiseAlert(what=what, about="7", severity="warning", source=3, agent=7, **more)
    events = world.perform(command, evidence=OpenEvidence(known=known, full=full))
    return events[0].subject if events else 0


def resolve(world: World, alert: int, reason: str = "seen to", owner: str = "per_ben") -> list[Any]:
    return world.perform(
        ResolveAlert(subject=alert, reason=reason), actor=ADA, evidence=OwnerEvidence(owner=owner)
    )


def status(world: World, alert: int) -> tuple[str, str]:
    state = world.states["alert", alert]
    return state.status, state.severity


def test_it_is_raised_once_and_not_beyond_the_limit() -> None:
    world = World()
    assert raised(world)
    assert not raised(world, known=True)
    assert not raised(world, full=True)


def test_what_got_worse_is_open_again_and_never_gets_better() -> None:
    world = World()
    alert = raised(world)
    world.perform(AcknowledgeAlert(subject=alert), actor=ADA)
    assert world.perform(AcknowledgeAlert(subject=alert), actor=ADA) == []
    assert status(world, alert) == ("acknowledged", "warning")
    world.perform(WorsenAlert(subject=alert, severity="critical", source=9))
    assert status(world, alert) == ("open", "critical")
    assert world.perform(WorsenAlert(subject=alert, severity="info", source=10)) == []
    world.perform(ClearAlert(subject=alert, source=11))
    assert world.perform(WorsenAlert(subject=alert, severity="critical", source=12)) == []
    assert world.perform(ClearAlert(subject=alert, source=12)) == []


def test_a_person_without_a_stake_resolves_it_with_a_reason() -> None:
    world = World()
    alert = raised(world)
    for reason, owner, code in ((" ", "", "reason_missing"), ("ok", "per_ada", "own_agent")):
        with pytest.raises(Refused, match=code):
            resolve(world, alert, reason, owner)
    (event,) = resolve(world, alert)
    assert (event.facts.how, event.facts.reason) == ("resolved", "seen to")
    for again in (
        lambda: resolve(world, alert),
        lambda: world.perform(AcknowledgeAlert(subject=alert), actor=ADA),
    ):
        with pytest.raises(Refused, match="already_resolved"):
            again()


def test_what_still_holds_cannot_be_talked_away() -> None:
    world = World()
    for what, kind in ALERTS.items():
        if not kind.by_hand:
            with pytest.raises(Refused, match="still_holds"):
                resolve(world, raised(world, what))


def test_it_lapses_when_its_time_is_over_and_not_before() -> None:
    world = World()
    until = world.at + HOUR
    alert = raised(world, "breaker_open", until_at=until)
    state = world.states["alert", alert]
    assert ALERT.due(state) == until
    assert ALERT.overdue(alert, state, until - 1) is None
    assert world.perform(LapseAlert(subject=alert)) == []
    world.at = until
    assert ALERT.overdue(alert, state, until) == LapseAlert(subject=alert)
    (event,) = world.perform(LapseAlert(subject=alert))
    assert isinstance(event.facts, AlertResolved)
    assert event.facts.how == "lapsed"
    assert ALERT.due(world.states["alert", alert]) == 0
    assert world.perform(LapseAlert(subject=alert)) == []


@pytest.mark.parametrize("command", [AcknowledgeAlert, LapseAlert])
def test_there_is_nothing_to_say_of_one_that_is_not_there(command: Any) -> None:
    with pytest.raises(Refused, match="unknown_alert"):
        ALERT.decide[command](None, command(subject=5), None)
