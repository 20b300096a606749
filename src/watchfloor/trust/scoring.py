"""The trust formula in exact integers, and what it says to people (spec 03 §3.4, DESIGN 2b.13).

Theory of operation
-------------------
`score = clamp(base + Σ points * max(0, 1 - age/decay))`, rounded half up, 0-1000. Age is counted in whole UTC days,
so an agent's history is a handful of counts per (kind, day), the score is a function of the day alone, and two
machines can never disagree about it. All terms are brought to one denominator, the least common multiple of the
decays, and only the last step divides.

`manual` is a kind whose count *is* the points given (AdjustTrust); it decays with the longest decay in the terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import lcm

import msgspec

from watchfloor.kernel.instants import MILLISECOND, day_of
from watchfloor.kernel.terms import TrustTerms

MANUAL = "manual"
SCORE_MAX = 1000
# Nothing older is kept: the longest decay a policy may set. Bounds the state at 60 * kinds counts (DESIGN 2b.13).
WINDOW_DAYS = 60
# Successes that the daily cap counts together: easy to produce in numbers (spec 3.4, faults F6 and F7).
CAPPED = ("task_succeeded", "action_completed")

Counts = tuple[
    tuple[str, int, int], ...
]  # (kind, UTC day, how many; for MANUAL the points), oldest day first


class Contribution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one day's events of one kind still weigh. `points_milli` are thousandths of a point after decay."""

    what: str
    day: int
    count: int
    points_milli: int
    gone_day: int  # the UTC day from which it weighs nothing


def decay_of(terms: TrustTerms, what: str) -> int:
    """Days until an event of this kind weighs nothing; 0 for a kind the terms do not know."""
    if what == MANUAL:
        return max((kind.decay_days for kind in terms.kinds.values()), default=0)
    kind = terms.kinds.get(what)
    return 0 if kind is None else kind.decay_days


def points_of(terms: TrustTerms, what: str) -> int:
    """Points of one fresh event of this kind; 0 for a kind the terms do not know."""
    if what == MANUAL:
        return 1
    kind = terms.kinds.get(what)
    return 0 if kind is None else kind.points


class Scale(msgspec.Struct, frozen=True, gc=False):
    """The terms on one denominator: per kind (points · denominator / decay, decay in days)."""

    denominator: int
    weights: dict[str, tuple[int, int]]


class Reckoning(msgspec.Struct, frozen=True, gc=False):
    """All counts weighed on a day: their sum in units of the scale, and what it loses a day until `next_gone`.

    `next_gone` and `last_gone` are the days on which the first and the last of what still weighs is gone; 0: nothing does.
    """

    total: int
    slope: int
    next_gone: int
    last_gone: int


def reckon(counts: Counts, scale: Scale, day: int) -> Reckoning:
    """Weigh all counts on a UTC day. Days after `day` count nothing, so it may lie in the past."""
    weights = scale.weights
    total = slope = next_gone = last_gone = 0
    for what, counted_day, count in counts:
        unit, decay = weights.get(what, _WEIGHTLESS)
        left = decay - (day - counted_day)
        a_day = count * unit
        if a_day and 0 < left <= decay:
            total += a_day * left
            slope += a_day
            gone = counted_day + decay
            if not next_gone or gone < next_gone:
                next_gone = gone
            if gone > last_gone:
                last_gone = gone
    return Reckoning(total, slope, next_gone, last_gone)


_WEIGHTLESS = (0, 0)


def rounded(total: int, scale: Scale, base: int) -> int:
    """The score of a sum: half up towards the better score, also below zero, then clamped."""
    denominator = scale.denominator
    found = base + (2 * total + denominator) // (2 * denominator)
    return 0 if found < 0 else SCORE_MAX if found > SCORE_MAX else found


def score(counts: Counts, terms: TrustTerms, day: int) -> int:
    """The score, 0-1000, on a UTC day, past included."""
    scale = scale_of(terms)
    return rounded(reckon(counts, scale, day).total, scale, terms.base)


def scale_of(terms: TrustTerms) -> Scale:
    """The scale of these terms; of the same object as last time without computing (one policy is in force)."""
    known, scale = _newest[0]
    if known is not terms:
        scale = _scale(terms)
        _newest[0] = (terms, scale)
    return scale


def _scale(terms: TrustTerms) -> Scale:
    decays = {what: kind.decay_days for what, kind in terms.kinds.items() if kind.decay_days > 0}
    denominator = lcm(*decays.values())
    weights = {
        what: (terms.kinds[what].points * denominator // decay, decay) for what, decay in decays.items()
    }
    if decays:
        longest = max(decays.values())
        weights[MANUAL] = (denominator // longest, longest)
    return Scale(denominator, weights)


# The terms themselves are kept, not their id: as long as they are here, no other object can be them.
_newest: list[tuple[TrustTerms | None, Scale]] = [(None, Scale(1, {}))]


def tier_of(score_now: int, tier_before: int | None, terms: TrustTerms) -> int:
    """The tier 0-5 of a score. Up at once; down only `hysteresis` points below the bound, one tier after the other.

    `tier_before` None: there was none (a new agent), so nothing is held. The answer does not depend on whether a
    score fell at once or by small steps.
    """
    bounds = terms.tiers
    natural = max((index for index, bound in enumerate(bounds) if score_now >= bound), default=0)
    if tier_before is None or natural >= tier_before:
        return natural
    tier = tier_before
    while tier > natural and score_now < bounds[tier] - terms.hysteresis:
        tier -= 1
    return tier


def tier_in_grace(
    score_now: int, tier_before: int, falls_at: int, at: int, terms: TrustTerms, *, at_once: bool = False
) -> tuple[int, int]:
    """(tier, instant at which it falls unless the score recovers, 0: it stands).

    The same as `tier_of`, but a tier that would fall is kept for the policy's grace, counted from the first instant the
    score was too low (`falls_at`, 0: it was not). `at_once`: what has just happened bears no grace.
    """
    tier = tier_of(score_now, tier_before, terms)
    if tier >= tier_before or at_once or not terms.demotion_grace_ms:
        return tier, 0
    falls_at = falls_at or at + terms.demotion_grace_ms * MILLISECOND
    return (tier, 0) if at >= falls_at else (tier_before, falls_at)


def add(counts: Counts, what: str, day: int, count: int) -> Counts:
    """The counts with `count` more of a kind on a day; what is older than WINDOW_DAYS on that day is forgotten."""
    for index in range(len(counts) - 1, -1, -1):
        kept, kept_day, before = counts[index]
        if kept_day != day:
            break
        if kept == what:
            return (*counts[:index], (what, day, before + count), *counts[index + 1 :])
    if counts and counts[0][1] <= day - WINDOW_DAYS:
        counts = tuple(entry for entry in counts if entry[1] > day - WINDOW_DAYS)
    return (*counts, (what, day, count))


def on_day(counts: Counts, day: int, kinds: Iterable[str]) -> int:
    """How many events of these kinds were counted on a day (the newest days are at the end)."""
    wanted = tuple(kinds)
    total = 0
    for what, counted_day, count in reversed(counts):
        if counted_day < day:
            break
        if counted_day == day and what in wanted:
            total += count
    return total


# A score that rounding or the clamp holds still is looked at again after a week instead of searched for further.
_DAYS_AHEAD = 7


def moves_on_day(counts: Counts, terms: TrustTerms, day: int, reckoning: Reckoning | None = None) -> int:
    """The next UTC day on which time alone will have moved the score (or may have: _DAYS_AHEAD), 0 for never.

    `reckoning` is that of the counts on the day, when the caller has it.
    """
    scale, since = scale_of(terms), day
    now = reckon(counts, scale, day) if reckoning is None else reckoning
    if not now.last_gone:
        return 0
    end = min(now.last_gone, day + _DAYS_AHEAD)
    stands = rounded(now.total, scale, terms.base)
    for ahead in range(day + 1, end):
        if ahead > now.next_gone:  # the sum is a straight line only until something is gone
            now, since = reckon(counts, scale, ahead), ahead
        if rounded(now.total - now.slope * (ahead - since), scale, terms.base) != stands:
            return ahead
    return end


def contributions(counts: Counts, terms: TrustTerms, at: int) -> tuple[Contribution, ...]:
    """Why the score at an instant is what it is: what still weighs, newest last."""
    day = day_of(at)
    found = []
    for what, counted_day, count in counts:
        decay = decay_of(terms, what)
        left = decay - (day - counted_day)
        if 0 < left <= decay:
            milli = 1000 * count * points_of(terms, what) * left // decay
            found.append(
                Contribution(
                    what=what, day=counted_day, count=count, points_milli=milli, gone_day=counted_day + decay
                )
            )
    return tuple(found)


def lifts(counts: Counts, terms: TrustTerms, at: int, tier: int) -> tuple[tuple[str, int], ...]:
    """What would lift an agent out of `tier` today: (kind, how many fresh events), fewest first; empty at the top.

    Successes are bounded by the daily cap, so a number above it takes more than a day.
    """
    if tier + 1 >= len(terms.tiers):
        return ()
    missing = terms.tiers[tier + 1] - score(counts, terms, day_of(at))
    if missing <= 0:
        return ()
    ways = [(what, -(-missing // kind.points)) for what, kind in terms.kinds.items() if kind.points > 0]
    return tuple(sorted(ways, key=lambda way: (way[1], way[0])))
