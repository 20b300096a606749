"""Stops, standing approvals, breakers: short lives, recorded (spec 3.1, 3.3, DESIGN 2b.9)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World

from watchfloor.actions.containment import SCOPES, STANDING_DAYS_MAX
from watchfloor.actions.messages import (
    BreakerHalfOpened,
    BreakerOpened,
    EaseStop,
    GrantStanding,
    HalfOpenBreaker,
    LiftStop,
    OpenBreaker,
    RecordStop,
    RevokeStanding,
    StandingGranted,
    StandingRevoked,
    StopEased,
    StopLifted,
    StopRecorded,
)
from watchfloor.actions.rules import BREAKER, STANDING, STOP
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.limits import STAGES_PER_STOP_MAX
from watchfloor.kernel.messages import SYSTEM, Actor

ADA = Actor(kind="person", id="per_ada")
BEN = Actor(kind="person", id="per_ben")


@pytest.mark.parametrize("scope", SCOPES)
def test_a_stop_of_every_scope_is_recorded(scope: str) -> None:
    world = World()
    (event,) = world.perform(RecordStop(scope=scope, target="Payment.Send", reason="fire"), ADA)
    facts = event.facts
    assert isinstance(facts, StopRecorded)
    wanted = {"organisation": "", "action_type": "payment.send", "tool": "payment.send"}.get(
        scope, "Payment.Send"
    )
    assert (facts.target, facts.effective_at, facts.scope) == (wanted, START, scope)
    assert STOP.live(world.states["stop", event.subject])


def test_a_stop_takes_effect_when_the_journal_says_and_never_in_the_future() -> None:
    for said, recorded in ((START - HOUR, START - HOUR), (START + HOUR, START), (0, START)):
        (event,) = World().perform(RecordStop(scope="organisation", effective_at=said, journal="j-1"))
        assert isinstance(event.facts, StopRecorded)
        assert (event.facts.effective_at, event.facts.journal) == (recorded, "j-1")


def test_a_stop_recorded_twice_is_one() -> None:
    world = World()
    world.perform(RecordStop(scope="organisation"))
    assert world.perform(RecordStop(subject=1, scope="organisation")) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scope": "galaxy"}, "unknown_choice"),
        ({"scope": "agent"}, "invalid_name"),
        ({"scope": "organisation", "reason": "x" * 2000}, "too_long"),
        ({"scope": "organisation", "journal": "x" * 200}, "out_of_range"),
    ],
)
def test_a_stop_that_stops_nothing_is_refused(fields: dict[str, Any], code: str) -> None:
    assert World().refusal(RecordStop(**fields))[0] == code


def test_a_stop_is_lifted_by_another_person_once() -> None:
    world = World()
    world.perform(RecordStop(scope="agent", target="agt_1"), ADA)
    assert world.refusal(LiftStop(subject=1), ADA) == ("needs_another_person", "", 403)
    (event,) = world.perform(LiftStop(subject=1, reason="seen to"), BEN)
    assert event.facts == StopLifted(reason="seen to")
    assert not STOP.live(world.states["stop", 1])
    assert world.perform(LiftStop(subject=1), ADA) == []
    assert world.refusal(LiftStop(subject=9), BEN) == ("unknown_stop", "", 404)
    assert world.refusal(LiftStop(subject=1, reason="x" * 2000), BEN)[0] == "too_long"


def test_a_stop_is_lifted_in_stages_by_another_person() -> None:
    world = World()
    world.perform(RecordStop(scope="organisation"), ADA)
    ease = EaseStop(subject=1, scope="action_type", target="File.Read", reason="reading does no harm")
    assert world.refusal(ease, ADA) == ("needs_another_person", "", 403)
    (event,) = world.perform(ease, BEN)
    assert event.facts == StopEased(
        number=0, reason="reading does no harm", scope="action_type", target="file.read"
    )
    assert world.perform(ease, BEN) == []
    world.perform(EaseStop(subject=1, scope="lineage", target="agt_1", number=4), BEN)
    assert world.states["stop", 1].eased == (("action_type", "file.read"), ("lineage", "agt_1"))
    world.take_up([event])
    assert len(world.states["stop", 1].eased) == 2
    assert STOP.live(world.states["stop", 1])
    world.perform(LiftStop(subject=1), BEN)
    assert world.refusal(msgspec.structs.replace(ease, target="x"), BEN)[0] == "stop_lifted"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scope": "organisation"}, "unknown_choice"),
        ({"target": ""}, "invalid_name"),
        ({"reason": "x" * 2000}, "too_long"),
        ({"number": -1}, "out_of_range"),
        ({"subject": 9}, "unknown_stop"),
    ],
)
def test_a_stage_that_says_nothing_is_refused(fields: dict[str, Any], code: str) -> None:
    world = World()
    world.perform(RecordStop(scope="organisation"), ADA)
    usual: dict[str, Any] = {"subject": 1, "scope": "tool", "target": "fs"}
    assert world.refusal(EaseStop(**(usual | fields)), BEN)[0] == code


def test_a_stop_has_so_many_stages_and_no_more() -> None:
    world = World()
    world.perform(RecordStop(scope="organisation"), ADA)
    for number in range(STAGES_PER_STOP_MAX):
        world.perform(EaseStop(subject=1, scope="tool", target=f"t{number}"), BEN)
    assert world.refusal(EaseStop(subject=1, scope="tool", target="one_more"), BEN)[0] == "too_many_stages"


def test_an_agents_breaker_says_when_its_time_is_over_and_a_tools_need_not() -> None:
    world = World()
    until = START + HOUR
    world.perform(OpenBreaker(scope="agent", target="7", until_at=until, failures=3))
    world.perform(OpenBreaker(scope="tool", target="fs", until_at=until, failures=3))
    early = HalfOpenBreaker(subject=1)
    assert world.perform(early) == []
    (event,) = world.ring(until)
    assert event.facts == BreakerHalfOpened(scope="agent", target="7")
    assert not BREAKER.live(world.states["breaker", 1])
    assert world.perform(early) == []
    assert world.perform(HalfOpenBreaker(subject=9)) == []


def test_the_system_lifts_what_the_system_stopped() -> None:
    world = World()
    world.perform(RecordStop(scope="organisation"))
    assert world.perform(LiftStop(subject=1), SYSTEM)


def test_a_standing_approval_is_time_boxed_and_revocable() -> None:
    world = World()
    command = GrantStanding(agent=7, type=" File.Read".strip(), expires_at=START + DAY)
    (event,) = world.perform(command, ADA)
    assert isinstance(event.facts, StandingGranted)
    assert (event.facts.action_type, event.facts.agent, event.facts.expires_at) == (
        "file.read",
        7,
        START + DAY,
    )
    assert world.perform(GrantStanding(subject=1, agent=7, type="x", expires_at=START + DAY)) == []
    (event,) = world.perform(RevokeStanding(subject=1), BEN)
    assert event.facts == StandingRevoked(action_type="file.read", agent=7)
    assert world.perform(RevokeStanding(subject=1), BEN) == []
    assert world.refusal(RevokeStanding(subject=9)) == ("unknown_standing", "", 404)
    assert not STANDING.live(world.states["standing", 1])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"agent": 0}, "/agent"),
        ({"type": ""}, "/type"),
        ({"expires_at": START}, "/expires_at"),
        ({"expires_at": START + STANDING_DAYS_MAX * DAY + 1}, "/expires_at"),
    ],
)
def test_a_standing_approval_names_agent_type_and_end(fields: dict[str, Any], field: str) -> None:
    usual: dict[str, Any] = {"agent": 7, "type": "file.read", "expires_at": START + DAY}
    assert World().refusal(GrantStanding(**(usual | fields)))[1] == field


def test_a_breaker_opens_for_a_while() -> None:
    world = World()
    command = OpenBreaker(scope="tool", target="shell", until_at=START + HOUR, failures=3)
    (event,) = world.perform(command)
    assert event.facts == BreakerOpened(failures=3, scope="tool", target="shell", until_at=START + HOUR)
    assert not BREAKER.live(world.states["breaker", 1])
    again = OpenBreaker(subject=1, scope="tool", target="shell", until_at=START + HOUR, failures=3)
    assert world.perform(again) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scope": "type"}, "/scope"),
        ({"target": ""}, "/target"),
        ({"until_at": START}, "/until_at"),
        ({"until_at": START + 2 * DAY}, "/until_at"),
        ({"failures": -1}, "/failures"),
    ],
)
def test_a_breaker_says_what_and_until_when(fields: dict[str, Any], field: str) -> None:
    usual: dict[str, Any] = {"scope": "tool", "target": "shell", "until_at": START + HOUR, "failures": 3}
    assert World().refusal(OpenBreaker(**(usual | fields)))[1] == field
