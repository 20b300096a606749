"""Laws of trust: bounded, monotone in points, a function of counts and day, honest about its clock (spec 3.4)."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.transcripts.world import World

from watchfloor.kernel.instants import DAY, HOUR, day_of
from watchfloor.kernel.messages import Command, Refused
from watchfloor.kernel.terms import TrustKind, TrustTerms
from watchfloor.trust import rules, scoring
from watchfloor.trust.messages import AdjustTrust, ReassessTrust, RecordTrust, TrustChanged, TrustReassessed

AGENT = 7
NAMES = tuple(TrustTerms().kinds)
KINDS = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(TrustKind, points=st.integers(-100, 100), decay_days=st.integers(1, 60)),
    min_size=1,
)
TERMS = st.builds(
    TrustTerms,
    base=st.integers(0, 1000),
    kinds=KINDS,
    hysteresis=st.integers(0, 50),
    successes_per_day=st.integers(0, 5),
    demotion_grace_ms=st.sampled_from([0, 0, 3_600_000, 3 * 86_400_000]),
)
COUNTS = st.lists(
    st.tuples(st.sampled_from([*NAMES, scoring.MANUAL]), st.integers(0, 80), st.integers(0, 30)), max_size=10
).map(tuple)
DAYS = st.integers(0, 200)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(RecordTrust, subject=st.just(AGENT), what=st.sampled_from(NAMES), source=st.integers(1, 6)),
    st.builds(AdjustTrust, subject=st.just(AGENT), points=st.integers(-300, 300), reason=st.just("x")),
    st.just(ReassessTrust(subject=AGENT)),
)
STEPS = st.lists(st.tuples(COMMANDS, st.sampled_from([0, HOUR, DAY, 9 * DAY, 70 * DAY])), max_size=15)


@given(COUNTS, TERMS, DAYS)
def test_a_score_lies_between_zero_and_a_thousand(
    counts: scoring.Counts, terms: TrustTerms, day: int
) -> None:
    assert 0 <= scoring.score(counts, terms, day) <= scoring.SCORE_MAX


@given(COUNTS, TERMS, DAYS, st.sampled_from(NAMES), st.integers(0, 100))
def test_more_points_never_make_a_lower_score(
    counts: scoring.Counts, terms: TrustTerms, day: int, what: str, more: int
) -> None:
    kind = terms.kinds.get(what)
    if kind is not None:
        better = TrustKind(points=kind.points + more, decay_days=kind.decay_days)
        lifted = msgspec.structs.replace(terms, kinds={**terms.kinds, what: better})
        assert scoring.score(counts, lifted, day) >= scoring.score(counts, terms, day)


@given(COUNTS, TERMS, DAYS, st.sampled_from(NAMES), st.integers(0, 80))
def test_one_more_good_event_never_lowers_and_one_more_bad_one_never_lifts(
    counts: scoring.Counts, terms: TrustTerms, day: int, what: str, when: int
) -> None:
    before = scoring.score(counts, terms, day)
    after = scoring.score((*counts, (what, when, 1)), terms, day)
    points = scoring.points_of(terms, what)
    assert after >= before if points >= 0 else after <= before


@given(st.permutations(range(8)), COUNTS, TERMS, DAYS)
def test_the_order_of_events_does_not_matter(
    order: list[int], counts: scoring.Counts, terms: TrustTerms, day: int
) -> None:
    mixed = tuple(counts[index] for index in order if index < len(counts)) + counts[8:]
    assert scoring.score(mixed, terms, day) == scoring.score(counts[: len(mixed)], terms, day)


@given(COUNTS, TERMS, st.sampled_from(NAMES))
def test_in_the_end_everything_is_forgiven_and_forgotten(
    counts: scoring.Counts, terms: TrustTerms, what: str
) -> None:
    assert scoring.score((*counts, (what, 80, 5)), terms, 80 + scoring.WINDOW_DAYS) == terms.base


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 5), TERMS)
def test_a_higher_score_never_has_a_lower_tier(one: int, other: int, before: int, terms: TrustTerms) -> None:
    low, high = sorted([one, other])
    assert scoring.tier_of(low, before, terms) <= scoring.tier_of(high, before, terms)
    assert scoring.tier_of(low, 0, terms) <= scoring.tier_of(low, before, terms) <= 5


def lived(terms: TrustTerms, steps: list[tuple[Command, int]], *, clocks: bool) -> World:
    """The world after these steps. With clocks, time alone reassesses on the way."""
    world = World()
    evidence = rules.TermsEvidence(terms=terms)
    for command, wait in steps:
        until = world.at + wait
        while clocks and (clock := world.next_clock(until)):
            world.at = max(world.at, clock[0])
            assert world.perform(clock[1], evidence=evidence), "a clock rang for nothing"
        world.at = until
        try:
            world.perform(command, evidence=evidence)
        except Refused as refused:
            assert refused.code in ("unknown_trust_kind", "empty_adjustment")
    return world


@given(TERMS, STEPS)
def test_scores_and_tiers_of_a_history_join_without_gaps(
    terms: TrustTerms, steps: list[tuple[Command, int]]
) -> None:
    """With the clocks running, each event begins where the one before it, or its instant's decay, ended."""
    world = lived(terms, steps, clocks=True)
    said = [event.facts for event in world.events]
    assert all(isinstance(facts, TrustChanged | TrustReassessed) for facts in said)
    for before, after in pairwise(said):
        assert isinstance(before, TrustChanged | TrustReassessed)
        assert isinstance(after, TrustChanged | TrustReassessed)
        assert after.tier_before == before.tier
    for event in world.events:
        facts = event.facts
        assert isinstance(facts, TrustChanged | TrustReassessed)
        assert 0 <= facts.score <= 1000
        assert facts.moves_at == 0 or day_of(facts.moves_at) > day_of(event.at)


@given(TERMS, STEPS)
def test_a_recorded_score_holds_until_the_day_it_moves(
    terms: TrustTerms, steps: list[tuple[Command, int]]
) -> None:
    """What the gate reads without computing equals what it would compute."""
    world = lived(terms, steps, clocks=True)
    state = world.states.get(("trust", AGENT))
    if state is not None:
        end = state.moves_at or state.at + 400 * DAY
        for at in {state.at, (state.at + end) // 2, end - HOUR, world.at}:
            if at >= state.at:
                assert rules.score_at(state, terms, at, policy=0) == scoring.score(
                    state.counts, terms, day_of(at)
                )


@given(TERMS, STEPS)
def test_counted_successes_of_a_day_stay_below_the_cap(
    terms: TrustTerms, steps: list[tuple[Command, int]]
) -> None:
    world = lived(terms, steps, clocks=False)
    counted: dict[int, int] = {}
    for event in world.events:
        facts = event.facts
        if isinstance(facts, TrustChanged) and facts.what in scoring.CAPPED and facts.counted:
            counted[day_of(event.at)] = counted.get(day_of(event.at), 0) + 1
        if isinstance(facts, TrustChanged) and not facts.counted:
            assert (facts.points, facts.score) == (0, facts.score_before)
    assert all(count <= terms.successes_per_day for count in counted.values())


@given(TERMS, STEPS)
def test_the_same_source_never_counts_twice(terms: TrustTerms, steps: list[tuple[Command, int]]) -> None:
    world = lived(terms, steps, clocks=False)
    seen = [
        (event.facts.source, event.facts.what)
        for event in world.events
        if isinstance(event.facts, TrustChanged) and event.facts.source
    ]
    # Six sources by eight kinds may exceed the memory of eight; repeats closer than that may not happen.
    for index, pair in enumerate(seen):
        assert pair not in seen[max(0, index - rules.SOURCES_MAX) : index]
