"""Trust as events: what counts, what is capped, when tiers and clocks move (spec 3.4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World

from watchfloor.kernel.instants import DAY, HOUR, day_of
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import TrustKind, TrustTerms
from watchfloor.trust import rules
from watchfloor.trust.messages import (
    AdjustTrust,
    ReassessTrust,
    RecordTrust,
    TrustChanged,
    TrustReassessed,
)

AGENT = 7
TERMS = TrustTerms()
EVIDENCE = rules.TermsEvidence(terms=TERMS)


def record(world: World, what: str, source: int, terms: TrustTerms = TERMS) -> list[Any]:
    command = RecordTrust(subject=AGENT, what=what, source=source)
    return [event.facts for event in world.perform(command, evidence=rules.TermsEvidence(terms=terms))]


def state(world: World) -> rules.TrustState:
    found = world.states["trust", AGENT]
    assert isinstance(found, rules.TrustState)
    return found


def test_the_first_event_starts_from_the_base_score() -> None:
    world = World()
    (facts,) = record(world, "task_succeeded", 3)
    assert isinstance(facts, TrustChanged)
    assert (facts.score_before, facts.score, facts.tier_before, facts.tier) == (300, 310, 1, 1)
    assert (facts.counted, facts.points, facts.source, facts.what) == (True, 10, 3, "task_succeeded")
    assert day_of(facts.moves_at) == day_of(START) + 2  # 9.67 rounds to 10 tomorrow, 9.33 to 9 after it
    assert state(world).score == 310


def test_the_same_source_counts_once_and_another_kind_of_it_counts_too() -> None:
    world = World()
    assert record(world, "failed", 3)
    assert record(world, "failed", 3) == []
    assert record(world, "security_violation", 3)
    assert state(world).score == 300 - 15 - 50


def test_only_the_newest_sources_are_remembered() -> None:
    world = World()
    for source in range(1, rules.SOURCES_MAX + 3):
        record(world, "failed", source)
    assert state(world).sources == tuple((source, "failed") for source in range(3, rules.SOURCES_MAX + 3))


def test_successes_beyond_the_days_cap_are_recorded_and_count_nothing() -> None:
    world = World()
    terms = msgspec.structs.replace(TERMS, successes_per_day=3)
    for source in (1, 2):
        record(world, "task_succeeded", source, terms)
    record(world, "action_completed", 3, terms)
    (facts,) = record(world, "action_completed", 4, terms)
    assert (facts.counted, facts.points, facts.score, facts.score_before) == (False, 0, 322, 322)
    (facts,) = record(world, "reviewed_positively", 5, terms)  # only easy successes are capped
    assert facts.counted
    world.at += DAY
    (facts,) = record(world, "action_completed", 6, terms)
    assert facts.counted


def test_a_cap_of_zero_counts_no_easy_success_at_all() -> None:
    world = World()
    terms = msgspec.structs.replace(TERMS, successes_per_day=0)
    (facts,) = record(world, "task_succeeded", 1, terms)
    assert (facts.counted, facts.score, facts.moves_at) == (False, 300, 0)


def test_an_unknown_kind_is_refused() -> None:
    command = RecordTrust(subject=AGENT, what="charm", source=1)
    assert World().refusal(command, evidence=EVIDENCE) == ("unknown_trust_kind", "/what", 422)


@pytest.mark.parametrize(
    ("points", "reason", "code"),
    [
        (0, "because", "empty_adjustment"),
        (5, " ", "empty_adjustment"),
        (1001, "x", "out_of_range"),
        (5, "x" * 2000, "too_long"),
    ],
)
def test_an_adjustment_needs_points_and_a_reason(points: int, reason: str, code: str) -> None:
    command = AdjustTrust(subject=AGENT, points=points, reason=reason)
    assert World().refusal(command, evidence=EVIDENCE)[0] == code


def test_a_persons_adjustment_moves_the_tier_and_decays_with_the_longest_decay() -> None:
    world = World()
    (event,) = world.perform(AdjustTrust(subject=AGENT, points=550, reason="seeded"), evidence=EVIDENCE)
    assert isinstance(event.facts, TrustChanged)
    assert (event.facts.what, event.facts.points, event.facts.score, event.facts.tier) == (
        "manual",
        550,
        850,
        4,
    )
    assert rules.score_at(state(world), TERMS, START + 30 * DAY) == 575
    world.perform(AdjustTrust(subject=AGENT, points=-50, reason="too much"), evidence=EVIDENCE)
    assert state(world).score == 800
    assert len(state(world).counts) == 1


def test_a_demotion_is_an_event_of_its_own_day() -> None:
    world = World()
    world.perform(AdjustTrust(subject=AGENT, points=101, reason="good start"), evidence=EVIDENCE)
    assert state(world).tier == 2
    tiers = []
    for _ in range(12):
        due = rules.due(state(world))
        assert rules.overdue(AGENT, state(world), due - 1) is None
        world.at = due
        command = rules.overdue(AGENT, state(world), due)
        assert isinstance(command, ReassessTrust)
        (event,) = world.perform(command, evidence=EVIDENCE)
        assert isinstance(event.facts, TrustReassessed)
        tiers.append((event.facts.score, event.facts.tier))
        assert day_of(due) * DAY <= due < day_of(due) * DAY + HOUR  # spread over the first hour
    assert (391, 2) in tiers or (390, 2) in tiers
    assert tiers[-1][1] == 1


def test_time_that_moves_nothing_makes_no_event() -> None:
    world = World()
    assert world.perform(ReassessTrust(subject=AGENT), evidence=EVIDENCE) == []
    record(world, "failed", 1)
    assert world.perform(ReassessTrust(subject=AGENT), evidence=EVIDENCE) == []
    world.at += 20 * DAY
    (event,) = world.perform(ReassessTrust(subject=AGENT), evidence=EVIDENCE)
    assert isinstance(event.facts, TrustReassessed)
    assert (event.facts.score, event.facts.moves_at) == (300, 0)
    assert rules.due(state(world)) == 0
    assert rules.overdue(AGENT, state(world), world.at + DAY) is None
    assert world.perform(ReassessTrust(subject=AGENT), evidence=EVIDENCE) == []


def test_a_score_held_by_the_clamp_is_reassessed_weekly_so_that_its_clock_goes_on() -> None:
    world = World()
    for _ in range(2):
        world.perform(AdjustTrust(subject=AGENT, points=1000, reason="clamped"), evidence=EVIDENCE)
    world.at = rules.due(state(world))
    assert day_of(world.at) == day_of(START) + 7
    (event,) = world.perform(ReassessTrust(subject=AGENT), evidence=EVIDENCE)
    assert isinstance(event.facts, TrustReassessed)
    assert (event.facts.score, event.facts.score_before) == (1000, 1000)
    assert rules.due(state(world)) > world.at


def test_a_new_policy_changes_scores_and_a_reassessment_records_the_tier() -> None:
    world = World()
    for source in range(1, 11):
        record(world, "task_succeeded", source)
    assert state(world).tier == 2
    kinds = {**TERMS.kinds, "task_succeeded": TrustKind(points=2, decay_days=30)}
    harsher = msgspec.structs.replace(TERMS, kinds=kinds)
    assert rules.score_at(state(world), harsher, world.at) == 320
    command = ReassessTrust(subject=AGENT)
    (event,) = world.perform(command, evidence=rules.TermsEvidence(terms=harsher))
    assert isinstance(event.facts, TrustReassessed)
    assert (event.facts.score, event.facts.tier, event.facts.tier_before) == (320, 1, 2)


def test_the_score_of_an_instant_is_the_recorded_one_only_where_it_holds() -> None:
    world = World()
    record(world, "failed", 1)
    now = state(world)
    assert rules.score_at(None, TERMS, START) == 300
    assert rules.tier_at_birth(TERMS) == 1
    assert rules.score_at(now, TERMS, START, policy=0) == 285
    # A recorded score is believed for its own policy version, from its own instant, until the day on which it moves.
    forged = msgspec.structs.replace(now, score=999)
    assert rules.score_at(forged, TERMS, START, policy=0) == 999
    assert rules.score_at(forged, TERMS, START, policy=1) == 285
    assert rules.score_at(forged, TERMS, START - 1, policy=0) == 285
    assert rules.score_at(forged, TERMS, (day_of(START) + 1) * DAY, policy=0) == 286
    still = msgspec.structs.replace(forged, moves_at=0)
    assert rules.score_at(still, TERMS, START + 400 * DAY, policy=0) == 999


def test_an_event_seen_before_changes_nothing() -> None:
    world = World()
    record(world, "failed", 1)
    seen: Event = world.events[-1]
    before = state(world)
    assert rules.changed(before, seen) is before


# -- grace -----------------------------------------------------------------------------------------------------------

GRACE = msgspec.structs.replace(TERMS, base=410, demotion_grace_ms=2 * HOUR // 1_000)


def pass_time(world: World) -> list[Any]:
    command = ReassessTrust(subject=AGENT)
    return [event.facts for event in world.perform(command, evidence=rules.TermsEvidence(terms=GRACE))]


def test_a_tier_is_kept_for_its_grace_and_falls_when_that_is_over() -> None:
    world = World()
    record(world, "failed", 1, GRACE)
    (facts,) = record(world, "failed", 2, GRACE)
    began = world.at
    assert (facts.score, facts.tier, facts.falls_at) == (380, 2, began + 2 * HOUR)
    world.at += HOUR
    (again,) = record(world, "failed", 3, GRACE)
    assert (again.tier, again.falls_at) == (2, began + 2 * HOUR), "grace is not begun anew"
    assert pass_time(world) == []
    assert rules.due(state(world)) == began + 2 * HOUR
    world.at = began + 2 * HOUR
    assert rules.overdue(AGENT, state(world), world.at) == ReassessTrust(subject=AGENT)
    (fallen,) = pass_time(world)
    assert isinstance(fallen, TrustReassessed)
    assert (fallen.tier_before, fallen.tier, fallen.falls_at) == (2, 1, 0)
    assert pass_time(world) == []


def test_a_score_that_recovers_keeps_its_tier() -> None:
    world = World()
    for source in (1, 2):
        record(world, "failed", source, GRACE)
    assert state(world).falls_at
    (facts,) = record(world, "task_succeeded", 3, GRACE)
    assert (facts.score, facts.tier, facts.falls_at) == (390, 2, 0)
    assert rules.due(state(world)) == state(world).moves_at


def test_a_violation_and_a_person_take_a_tier_at_once() -> None:
    world = World()
    (facts,) = record(world, "security_violation", 1, GRACE)
    assert (facts.tier_before, facts.tier, facts.falls_at) == (2, 1, 0)
    other = World()
    command = AdjustTrust(subject=AGENT, points=-100, reason="seen")
    (event,) = other.perform(command, evidence=rules.TermsEvidence(terms=GRACE))
    assert isinstance(event.facts, TrustChanged)
    assert (event.facts.tier_before, event.facts.tier) == (2, 1)
