"""An agent's trust at an instant: the score, why it is what it is, and what would lift the agent (spec 3.4)."""

from __future__ import annotations

from watchfloor.http.asking import Call
from watchfloor.http.bodies import agents as wire
from watchfloor.kernel.instants import DAY, day_of
from watchfloor.kernel.terms import TIERS, TrustTerms
from watchfloor.trust import rules, scoring


def now(
    call: Call, subject: int, state: rules.TrustState | None, terms: TrustTerms, at: int, version: int
) -> wire.TrustNow:
    """The answer for the state as of the instant `at`."""
    tier = state.tier if state is not None else rules.tier_at_birth(terms)
    counts = () if state is None else state.counts
    score = rules.score_at(state, terms, at, version)
    top = tier + 1 >= len(TIERS)
    return wire.TrustNow(
        agent_id=call.id_of("agent", subject),
        at=at,
        score=score,
        tier=TIERS[tier],
        seq=call.view_seq,
        base=terms.base,
        next_tier="" if top else TIERS[tier + 1],
        missing=0 if top else max(0, terms.tiers[tier + 1] - score),
        reasons=tuple(
            wire.TrustReason(
                what=entry.what,
                day_at=entry.day * DAY,
                events=entry.count,
                points_milli=entry.points_milli,
                gone_at=entry.gone_day * DAY,
            )
            for entry in scoring.contributions(counts, terms, at)
        ),
        lifts=_lifts(counts, terms, at, tier),
        falls_at=0 if state is None else state.falls_at,
    )


def _lifts(counts: scoring.Counts, terms: TrustTerms, at: int, tier: int) -> tuple[wire.Lift, ...]:
    """Ways up that exist: a kind that the daily cap never counts is none."""
    found = []
    for what, events in scoring.lifts(counts, terms, at, tier):
        if what not in scoring.CAPPED:
            found.append(wire.Lift(what=what, events=events, days_min=1))
            continue
        per_day = terms.successes_per_day
        if not per_day:
            continue
        today = max(0, per_day - scoring.on_day(counts, day_of(at), scoring.CAPPED))
        later = max(0, events - today)
        found.append(wire.Lift(what=what, events=events, days_min=1 + -(-later // per_day)))
    return tuple(found)
