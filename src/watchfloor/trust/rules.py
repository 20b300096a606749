"""Trust in an agent: what counts, what it makes of the score, when the tier moves (spec 03 §3.4, DESIGN 2b.13).

Theory of operation
-------------------
The subject is the agent's own integer, of kind `trust`; it begins with its first event (before that everybody has
the base score, `score_at(None, …)`). `RecordTrust` counts one event of a kind on a UTC day. Points come from the
policy in force whenever a score is asked for, so a changed policy changes every score, and a preview can be computed
from the same counts.

Three things keep the score honest: successes beyond the day's cap are recorded and not counted; the same (source,
kind) counts once; and only the learning process sends RecordTrust, from events that somebody other than the agent
stands for. Tiers are *recorded*: the gate reads the tier of the last event, so a promotion is always somebody's
event. Decay moves scores without events; when it will have moved this one is recorded as `moves_at`, and the clock
then asks for one `ReassessTrust`, spread over the first hour of the UTC day so that a fleet does not move at once.
Where the policy grants grace, a tier whose score is too low is kept until `falls_at`; a score that recovers before
keeps it, a security violation or a person's adjustment takes it at once.

    RecordTrust, AdjustTrust -> trust.changed/1         ReassessTrust -> trust.reassessed/1 (or nothing moved: no event)
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.folds import once
from watchfloor.kernel.instants import DAY, SECOND, day_of
from watchfloor.kernel.messages import Command, Draft, Event, Refused
from watchfloor.kernel.schema import check_range, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import TrustTerms
from watchfloor.trust import anomalies, scoring
from watchfloor.trust.messages import (
    AdjustTrust,
    ReassessTrust,
    RecordTrust,
    TrustChanged,
    TrustReassessed,
)

# (source, kind) pairs remembered so that the same event shown twice counts once (law *Redelivery*).
SOURCES_MAX = 8
# What costs a tier at once, whatever the policy's grace: a violation, and what a person decides.
AT_ONCE = ("security_violation", scoring.MANUAL)
_SPREAD_S = 3600  # the hour over which a fleet's daily reassessments are spread


class TermsEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence of every trust command: the trust section of the policy in force."""

    terms: TrustTerms


class TrustState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`score` and `tier` as of the event `seq` (instant `at`, policy version `policy`); `counts` see scoring."""

    seq: int
    at: int
    policy: int
    counts: scoring.Counts
    sources: tuple[tuple[int, str], ...]
    score: int
    tier: int
    moves_at: int
    falls_at: int = 0  # the tier is kept by grace until then; 0: it stands


def score_at(state: TrustState | None, terms: TrustTerms, at: int, policy: int = -1) -> int:
    """The score at an instant, past included. Given the version of `terms`, the recorded score is used where it holds."""
    if state is None:
        return scoring.score((), terms, day_of(at))
    still = not state.moves_at or day_of(at) < day_of(state.moves_at)
    if still and state.policy == policy and state.at <= at:
        return state.score
    return scoring.score(state.counts, terms, day_of(at))


def tier_at_birth(terms: TrustTerms) -> int:
    """The tier of an agent nobody has an opinion of yet."""
    return scoring.tier_of(scoring.score((), terms, 0), None, terms)


def record(state: TrustState | None, command: RecordTrust, given: Given) -> list[Draft]:
    """One event of a kind; a success beyond the day's cap is kept with `counted` False and no points."""
    terms = _terms(given)
    if command.what not in terms.kinds:
        raise Refused("unknown_trust_kind", "the policy has no such kind", field="/what", status=422)
    if state is not None and (command.source, command.what) in state.sources:
        return []
    counted = True
    if command.what in scoring.CAPPED:
        counts = () if state is None else state.counts
        counted = scoring.on_day(counts, day_of(given.at), scoring.CAPPED) < terms.successes_per_day
    points = terms.kinds[command.what].points if counted else 0
    return [_changed(state, given, command.what, points, source=command.source, counted=counted)]


def adjust(state: TrustState | None, command: AdjustTrust, given: Given) -> list[Draft]:
    """A person's adjustment by points, with the reason that people will read."""
    check_range(command.points, "/points", -scoring.SCORE_MAX, scoring.SCORE_MAX)
    if command.points == 0 or not command.reason.strip():
        raise Refused("empty_adjustment", "takes points other than 0 and a reason", status=422)
    check_reason(command.reason)
    return [_changed(state, given, scoring.MANUAL, command.points, reason=command.reason)]


def reassess(state: TrustState | None, command: ReassessTrust, given: Given) -> list[Draft]:
    """What time, or a new policy, made of the score; nothing to record when neither score, tier nor clock moves."""
    del command
    if state is None:
        return []
    terms, day = _terms(given), day_of(given.at)
    score = scoring.score(state.counts, terms, day)
    tier, falls_at = scoring.tier_in_grace(score, state.tier, state.falls_at, given.at, terms)
    stands = (score, tier, falls_at) == (state.score, state.tier, state.falls_at)
    if stands and not 0 < due(state) <= given.at:
        return []
    facts = TrustReassessed(
        falls_at=falls_at,
        moves_at=_moves_at(state.counts, terms, day, given.subject),
        score=score,
        score_before=state.score,
        tier=tier,
        tier_before=state.tier,
    )
    return [Draft(facts=facts)]


def _terms(given: Given) -> TrustTerms:
    evidence: TermsEvidence = given.evidence
    return evidence.terms


def _changed(
    state: TrustState | None,
    given: Given,
    what: str,
    points: int,
    *,
    source: int = 0,
    counted: bool = True,
    reason: str = "",
) -> Draft:
    terms, day = _terms(given), day_of(given.at)
    scale = scoring.scale_of(terms)
    counts = () if state is None else state.counts
    reckoning = scoring.reckon(counts, scale, day)
    score_before = score = scoring.rounded(reckoning.total, scale, terms.base)
    tier_before = tier_at_birth(terms) if state is None else state.tier
    if counted:
        counts = scoring.add(counts, what, day, points if what == scoring.MANUAL else 1)
        reckoning = scoring.reckon(counts, scale, day)
        score = scoring.rounded(reckoning.total, scale, terms.base)
    tier, falls_at = scoring.tier_in_grace(
        score,
        tier_before,
        0 if state is None else state.falls_at,
        given.at,
        terms,
        at_once=what in AT_ONCE,
    )
    facts = TrustChanged(
        counted=counted,
        falls_at=falls_at,
        moves_at=_moves_at(counts, terms, day, given.subject, reckoning),
        points=points,
        reason=reason,
        score=score,
        score_before=score_before,
        source=source,
        tier=tier,
        tier_before=tier_before,
        what=what,
    )
    return Draft(facts=facts)


def _moves_at(
    counts: scoring.Counts,
    terms: TrustTerms,
    day: int,
    subject: int,
    reckoning: scoring.Reckoning | None = None,
) -> int:
    """The instant of the next reassessment: the day on which the score moves, and the agent's own second of its first hour."""
    moves = scoring.moves_on_day(counts, terms, day, reckoning)
    # Knuth's multiplicative step: neighbouring integers land far apart.
    return moves and moves * DAY + subject * 2_654_435_761 % _SPREAD_S * SECOND


def changed(state: TrustState | None, event: Event) -> TrustState:
    """Fold of trust.changed/1; also what a trust subject begins with."""
    facts = event.facts
    assert isinstance(facts, TrustChanged)
    if state is not None and event.seq <= state.seq:
        return state
    counts = () if state is None else state.counts
    if facts.counted:
        counts = scoring.add(
            counts, facts.what, day_of(event.at), facts.points if facts.what == scoring.MANUAL else 1
        )
    sources = () if state is None else state.sources
    if facts.source:
        sources = (*sources, (facts.source, facts.what))[-SOURCES_MAX:]
    return TrustState(
        seq=event.seq,
        at=event.at,
        policy=event.policy,
        counts=counts,
        sources=sources,
        score=facts.score,
        tier=facts.tier,
        moves_at=facts.moves_at,
        falls_at=facts.falls_at,
    )


@once
def reassessed(state: TrustState, facts: TrustReassessed, event: Event) -> dict[str, object]:
    """Fold of trust.reassessed/1."""
    del state
    return {
        "at": event.at,
        "policy": event.policy,
        "score": facts.score,
        "tier": facts.tier,
        "moves_at": facts.moves_at,
        "falls_at": facts.falls_at,
    }


def due(state: TrustState) -> int:
    """When time will have moved the score, or grace is over; 0: never."""
    return min((at for at in (state.moves_at, state.falls_at) if at), default=0)


def overdue(subject: int, state: TrustState, at: int) -> Command | None:
    """The daily reassessment, or nothing when the date has moved on."""
    return ReassessTrust(subject=subject) if 0 < due(state) <= at else None


TRUST = Subject(
    kind="trust",
    state=TrustState,
    decide={RecordTrust: record, AdjustTrust: adjust, ReassessTrust: reassess},
    evolve={TrustChanged: changed, TrustReassessed: reassessed},
    due=due,
    overdue=overdue,
)
SUBJECTS = (TRUST, anomalies.ANOMALY)
FACTS = (TrustChanged, TrustReassessed, *anomalies.FACTS)
