"""The report of the mode `observe` proposes thresholds that fit what was recorded (spec 3.6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.transcripts.world import START, World
from tests.unit.actions.requests import AGENT, policy, request, seen

from watchfloor.actions.gate import RULES_VERSION
from watchfloor.actions.messages import ActionCompleted, ActionFailed
from watchfloor.engine.backtesting import Source
from watchfloor.engine.observing import NEWEST, Found, observe
from watchfloor.kernel.messages import SYSTEM, Event, Facts

OBSERVE = policy(modes={"organisation": "observe"}, auto={"bootstrap_actions": 0})


class Recorded:
    """Events in memory, found by their place."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, facts: Facts, subject: int = 0, *, at: int = START, rules: int = RULES_VERSION) -> int:
        seq = len(self.events) + 1
        event = Event(
            org="o", seq=seq, at=at, type=facts.TYPE, kind=facts.KIND, subject=subject or seq, actor=SYSTEM,
            policy=1, rules=rules, facts=facts,
        )  # fmt: skip
        self.events.append(event)
        return seq

    def ruled(self, done: bool | None = True, rules: int = RULES_VERSION, **evidence: Any) -> int:
        facts = request(World(), OBSERVE, seen(**evidence))
        seq = self.add(facts, rules=rules)
        outcome: dict[str, Any] = {
            "action_type": facts.action_type, "agent": AGENT, "cost_micro": 0, "execution": "e", "released_micro": 0,
            "tool": "",
        }  # fmt: skip
        if done is not None:
            self.add(
                ActionCompleted(outcome_digest="", **outcome) if done else ActionFailed(code="x", **outcome),
                seq,
            )
        return seq

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        del org
        found = self.events[after : after + limit]
        return [(one.seq, b'"%s" %d' % (one.type.encode(), one.seq), b"") for one in found]

    def read_privates(self, org: int, seqs: Iterable[int]) -> dict[int, tuple[bytes, bytes]]:
        del org, seqs
        return {}

    def observed(self) -> Found:
        source = Source(
            self,
            1,
            lambda data: self.events[int(data.split()[1]) - 1],
            lambda version: (OBSERVE, str(version)),
        )
        return observe(source, OBSERVE, 0, len(self.events))


def test_trust_that_went_well_lowers_the_threshold_and_says_what_it_changes() -> None:
    recorded = Recorded()
    for number in range(40):
        recorded.ruled(score=610 + number, tier=3)
    for _ in range(10):
        recorded.ruled(False, score=500, tier=2)
    found = recorded.observed()
    assert (found.judged, found.observed, found.unheld) == (50, 50, 0)
    assert found.rules == (("the_trust_is_not_above_the_threshold", 50),)
    ((group, total),) = found.groups
    assert (group.type, group.level, group.role) == ("file.read", 2, "operator")
    assert (total.actions, total.completed, total.failed, len(total.newest)) == (50, 40, 10, NEWEST)
    score = next(one for one in found.proposals if one.path == "/auto/score_min")
    assert (score.now, score.proposed, score.loosens) == (800, 500, True)
    assert (score.held_now, score.held_then) == (50, 10)
    speed = next(one for one in found.proposals if one.path == "/runaway/requests_per_second")
    assert (speed.now, speed.proposed, speed.loosens) == (20, 5, False)


def test_nothing_is_proposed_from_little_or_from_failures() -> None:
    recorded = Recorded()
    for _ in range(19):
        recorded.ruled(score=700, tier=3)
    assert recorded.observed().proposals == ()
    for _ in range(30):
        recorded.ruled(False, score=790, tier=3)
    assert "/auto/score_min" not in {one.path for one in recorded.observed().proposals}


def test_busy_hours_and_days_without_spending_are_seen() -> None:
    recorded = Recorded()
    for number in range(100):
        recorded.ruled(auto_hour=number, spent_today_micro=1_000, requests_1s=30, requests_5s=60)
    paths = {one.path: one for one in recorded.observed().proposals}
    assert paths["/auto/per_hour"].proposed == 100
    assert paths["/envelope/spend_per_day_micro"].proposed == 2_000
    assert "/runaway/requests_per_second" not in paths, "what they do is faster than the limit already"


def test_rulings_of_older_rules_are_left_out() -> None:
    recorded = Recorded()
    recorded.ruled(rules=RULES_VERSION - 1)
    assert recorded.observed().judged == 0
