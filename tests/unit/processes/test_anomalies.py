"""What is an anomaly and what is not: detectors over the register of conduct (spec 3.4)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.unit.registers.board import Board, completed, decided

from watchfloor.fleet.messages import QuarantineAgent
from watchfloor.kernel.anomaly_terms import AnomalyTerms
from watchfloor.kernel.instants import DAY, HOUR, MINUTE, SECOND
from watchfloor.kernel.messages import Actor, Event
from watchfloor.kernel.terms import Policy
from watchfloor.processes import anomalies
from watchfloor.registers.activity import TypeUse
from watchfloor.registers.conduct import KEPT, REGISTER
from watchfloor.trust.anomaly_messages import AnomalyFound, AnomalyResolved, ReportAnomaly
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work.messages import TaskReviewed

POINTS = {
    "task_succeeded": 10,
    "action_completed": 2,
    "failed": -15,
    "security_violation": -50,
    "manual": -60,
}


class Floor(Board):
    """A board with scores that move as the events say."""

    def __init__(self, **policy: Any) -> None:
        super().__init__(REGISTER)
        self.scores: dict[int, int] = {}
        document = Policy(anomalies=AnomalyTerms(**policy))
        self.cells["active_policy", "active"] = SimpleNamespace(document=document)

    def trust(
        self, what: str, agent: int = 1, *, points: int | None = None, counted: bool = True
    ) -> list[Any]:
        """One trust event and what the detectors wish for."""
        points = (POINTS[what] if points is None else points) if counted else 0
        before = self.scores.get(agent, 300)
        self.scores[agent] = before + points
        facts = TrustChanged(
            counted=counted, moves_at=0, points=points, reason="", score=before + points, score_before=before,
            source=0, tier=1, tier_before=1, what=what,
        )  # fmt: skip
        return anomalies.changed(self.show(facts, agent), self.read)

    def found(self, wish: ReportAnomaly) -> Event:
        facts = AnomalyFound(
            about=wish.about, agent=wish.agent, agents=wish.agents, evidence=wish.evidence,
            measured=wish.measured, nonce=1, threshold=wish.threshold, what=wish.what,
        )  # fmt: skip
        return self.show(facts)

    def resolved(self, wish: ReportAnomaly) -> None:
        self.show(
            AnomalyResolved(
                about=wish.about, agent=wish.agent, outcome="confirmed", reason="x", what=wish.what
            )
        )


def kinds(wishes: list[Any]) -> list[str]:
    return [wish.what for wish in wishes if isinstance(wish, ReportAnomaly)]


def test_more_than_fifty_points_within_an_hour_are_a_drop_and_fifty_are_not() -> None:
    floor = Floor()
    assert kinds(floor.trust("security_violation")) == []
    floor.now += 59 * MINUTE
    (wish,) = floor.trust("failed")
    assert (wish.what, wish.measured, wish.threshold, wish.evidence) == ("trust_drop", 65, 50, (1, 2))


def test_a_slow_decline_is_no_drop_and_neither_is_another_policy() -> None:
    floor = Floor()
    for _ in range(6):
        assert "trust_drop" not in kinds(floor.trust("failed"))
        floor.now += 30 * MINUTE
    floor = Floor()
    floor.trust("failed")
    facts = TrustReassessed(moves_at=0, score=200, score_before=210, tier=1, tier_before=1)
    event = msgspec.structs.replace(floor.show(facts, 2), subject=1, policy=2, seq=9)
    floor.again(event)
    assert kinds(anomalies.reassessed(event, floor.read)) == []
    rises = floor.show(TrustReassessed(moves_at=0, score=210, score_before=200, tier=1, tier_before=1), 1)
    assert anomalies.reassessed(rises, floor.read) == []


def test_time_can_take_what_makes_it_a_drop() -> None:
    floor = Floor(drop_points=10)
    event = floor.show(TrustReassessed(moves_at=0, score=200, score_before=300, tier=1, tier_before=1), 1)
    (wish,) = anomalies.reassessed(event, floor.read)
    assert isinstance(wish, ReportAnomaly)
    assert (wish.measured, wish.evidence) == (100, (event.seq,))
    floor.found(wish)
    assert anomalies.reassessed(event, floor.read) == []


def test_three_violations_within_an_hour_are_found_once_and_again_only_for_what_comes_after_it_was_resolved() -> (
    None
):
    floor = Floor(drop_points=1000)
    floor.trust("security_violation")
    floor.trust("security_violation")
    (wish,) = floor.trust("security_violation")
    assert (wish.what, wish.measured, wish.evidence) == ("violations", 3, (1, 2, 3))
    floor.found(wish)
    assert floor.trust("security_violation") == []
    floor.resolved(wish)
    floor.now += SECOND
    assert floor.trust("security_violation") == []
    assert floor.trust("security_violation") == []
    (again,) = floor.trust("security_violation")
    assert again.measured == 3


def test_violations_over_more_than_an_hour_are_no_series() -> None:
    floor = Floor(drop_points=1000)
    for _ in range(5):
        assert floor.trust("security_violation") == []
        floor.now += 31 * MINUTE


def outcomes(floor: Floor, good: int, bad: int) -> list[str]:
    """Spread over 20 hours; what was found at the end."""
    found: list[str] = []
    for number in range(good + bad):
        found += kinds(floor.trust("task_succeeded" if number < good else "failed", points=0))
        floor.now += 20 * HOUR // (good + bad)
    return found


def test_failing_far_more_often_than_before_is_found_and_a_bad_day_of_a_bad_agent_is_not() -> None:
    floor = Floor()
    for _ in range(5):
        assert outcomes(floor, 19, 1) == []
        floor.now += 4 * HOUR
    floor.now += 2 * DAY
    assert "failure_rate" in outcomes(floor, 4, 4)
    usual = Floor()
    for _ in range(5):
        outcomes(usual, 4, 4)
        usual.now += 4 * HOUR
    usual.now += 2 * DAY
    assert outcomes(usual, 2, 6) == []


def test_without_a_past_or_with_few_outcomes_there_is_nothing_to_compare() -> None:
    assert outcomes(Floor(), 0, 10) == []
    floor = Floor()
    for _ in range(5):
        outcomes(floor, 20, 0)
        floor.now += 4 * HOUR
    floor.now += 2 * DAY
    assert outcomes(floor, 0, 4) == []
    assert outcomes(floor, 0, 1) == ["failure_rate"]


def test_after_a_resolved_failure_rate_a_day_passes_before_it_is_measured_again() -> None:
    floor = Floor()
    outcomes(floor, 30, 0)
    floor.now += 2 * DAY
    wishes = [wish for _ in range(6) for wish in floor.trust("failed", points=0)]
    floor.found(wishes[0])
    floor.resolved(wishes[0])
    floor.now += HOUR
    assert floor.trust("failed", points=0) == []


def farm(floor: Floor, *, vouched: bool = False, other: bool = False) -> list[str]:
    """A day of one action type up to the cap and beyond."""
    found: list[str] = []
    floor.show(completed(agent=1))
    floor.trust("action_completed")
    if other:
        floor.show(msgspec.structs.replace(completed(agent=1), action_type="file.write"))
    found += kinds(floor.trust("action_completed", counted=False))
    floor.show(completed(agent=1))
    found += kinds(floor.trust("action_completed", counted=False))
    if vouched:
        found += kinds(floor.trust("task_succeeded"))
    floor.now += DAY
    return found


def test_trust_from_one_action_type_alone_day_after_day_is_farming() -> None:
    floor = Floor()
    assert farm(floor) + farm(floor) == []
    assert farm(floor)[0] == "farming"


@pytest.mark.parametrize("honest", [{"vouched": True}, {"other": True}])
def test_other_work_and_what_somebody_vouched_for_are_no_farming(honest: dict[str, bool]) -> None:
    floor = Floor()
    assert [kind for _ in range(5) for kind in farm(floor, **honest)] == []


def test_three_agents_at_once_are_beyond_chance_where_such_things_are_rare() -> None:
    floor = Floor(drop_points=1000)
    floor.trust("failed", 1, points=-1)
    floor.now += 3 * DAY
    floor.trust("failed", 1, points=-1)
    assert floor.trust("failed", 1, points=-1) == [], "one agent alone coordinates with nobody"
    assert kinds(floor.trust("failed", 2, points=-1)) == []
    floor.now += 20 * SECOND
    (wish,) = floor.trust("failed", 3, points=-1)
    assert (wish.what, wish.agent, wish.agents, wish.about) == ("coordinated", 0, (1, 2, 3), "failed")
    assert wish.evidence == (2, 3, 4, 5)
    floor.found(wish)
    assert floor.trust("failed", 4, points=-1) == []


def test_three_agents_within_a_minute_are_chance_where_failures_come_every_minute() -> None:
    floor = Floor(drop_points=100_000)
    found = []
    for number in range(600):
        found += [
            kind for kind in kinds(floor.trust("failed", 1 + number % 7, points=-1)) if kind == "coordinated"
        ]
        floor.now += 20 * SECOND
    # In the first minutes the floor knows too little; what it takes an hour's quiet for ends there.
    quiet = [kind for _ in range(60) for kind in _step(floor)]
    assert quiet == []


def _step(floor: Floor) -> list[str]:
    floor.now += 20 * SECOND
    return [kind for kind in kinds(floor.trust("failed", 9, points=-1)) if kind == "coordinated"]


def praise(floor: Floor, owner: str, reviewer: str, verdict: str = "positive") -> list[Any]:
    facts = TaskReviewed(agent=1 if owner == "per_a" else 2, owner=owner, verdict=verdict)
    return anomalies.reviewed(floor.show(facts, 5, actor=Actor(kind="person", id=reviewer)), floor.read)


def test_praise_given_and_returned_is_found_and_praise_of_one_side_is_not() -> None:
    floor = Floor()
    for _ in range(KEPT + 2):
        assert praise(floor, "per_a", "per_b") == []
        assert praise(floor, "per_a", "per_b", "negative") == []
    praise(floor, "per_b", "per_a")
    assert praise(floor, "per_b", "per_a") == []
    (wish,) = praise(floor, "per_b", "per_a")
    assert (wish.what, wish.agents, wish.about) == ("reciprocal_reviews", (1, 2), "per_a per_b")
    floor.found(wish)
    assert praise(floor, "per_b", "per_a") == []
    assert floor.read("praise", ("", "per_a")) is None


def hug(floor: Floor, count: int) -> list[Any]:
    """An hour with that many permitted reads, of a limit of 30."""
    wishes: list[Any] = []
    for number in range(count):
        hour = floor.now // HOUR
        floor.cells["types", (1, "file.read")] = TypeUse(1000, hour, number)
        event = floor.show(decided(agent=1))
        wishes += anomalies.decided(event, floor.read)
    floor.now += HOUR
    return wishes


def test_hours_just_below_the_limit_are_found_and_hours_above_or_far_below_are_not() -> None:
    floor = Floor()
    assert hug(floor, 29) + hug(floor, 31) + hug(floor, 12) + hug(floor, 28) + hug(floor, 27) == []
    (wish,) = hug(floor, 29)
    assert (wish.what, wish.about, wish.measured) == ("limit_hugging", "file.read", 3)
    floor.found(wish)
    assert hug(floor, 29) == []


def test_what_was_denied_or_comes_under_a_tiny_limit_is_not_counted() -> None:
    floor = Floor()
    floor.cells["types", (1, "file.read")] = TypeUse(1000, floor.now // HOUR, 26)
    assert anomalies.decided(floor.show(decided(agent=1, verdict="denied")), floor.read) == []
    del floor.cells["active_policy", "active"]
    assert anomalies.decided(floor.show(decided(agent=1)), floor.read) == []


def test_the_policy_says_which_anomalies_contain_their_agents() -> None:
    floor = Floor(contain=("violations",))
    floor.cells["agent", 1] = SimpleNamespace(quarantined=False, retired=False)
    floor.cells["agent", 2] = SimpleNamespace(quarantined=True, retired=False)
    wish = ReportAnomaly(what="violations", agent=0, agents=(1, 2, 3), evidence=(1,), measured=3, threshold=3)
    assert anomalies.found(floor.found(wish), floor.read) == [
        QuarantineAgent(subject=1, reason="anomaly: violations")
    ]
    tame = Floor()
    assert anomalies.found(tame.found(wish), tame.read) == []
