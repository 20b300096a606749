"""Recorded trust played again under other terms: what an agent's score and tier would have been (spec 03 §3.4 *Backtest*).

Which events happened, and to whom, is what was recorded; points, decays, the daily cap, tiers, hysteresis and grace are
those of the terms. Two of these side by side, one under the terms in force then, say what the terms alone change.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.instants import day_of
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import TrustTerms
from watchfloor.trust import scoring
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.trust.rules import AT_ONCE, tier_at_birth


class Known(msgspec.Struct, frozen=True, gc=False):
    """An agent so far: its counts, its tier, and until when grace keeps that."""

    counts: scoring.Counts
    tier: int
    falls_at: int = 0


class Replay:
    """What the events shown so far come to under `terms`. `capped` False: what counted, and the tier, are as recorded."""

    def __init__(self, terms: TrustTerms, *, capped: bool = True) -> None:
        self._capped = capped
        self.terms = terms
        self._agents: dict[int, Known] = {}

    @property
    def terms(self) -> TrustTerms:
        """The terms that scores are asked for by; they may change in passing, as the policy did."""
        return self._terms

    @terms.setter
    def terms(self, terms: TrustTerms) -> None:
        self._terms = terms
        self._scale = scoring.scale_of(terms)

    def show(self, event: Event) -> None:
        """Take up a trust event; others are not looked at."""
        facts = event.facts
        if isinstance(facts, TrustChanged):
            self._changed(event, facts)
        elif isinstance(facts, TrustReassessed):
            known = self._known(event.subject)
            self._agents[event.subject] = self._settled(known.counts, known, event)

    def standing(self, agent: int, at: int) -> tuple[int, int]:
        """(tier, score) of an agent at an instant after everything that was shown."""
        known = self._known(agent)
        return known.tier, self._score(known.counts, day_of(at))

    def _known(self, agent: int) -> Known:
        known = self._agents.get(agent)
        return Known((), tier_at_birth(self.terms)) if known is None else known

    def _score(self, counts: scoring.Counts, day: int) -> int:
        return scoring.rounded(scoring.reckon(counts, self._scale, day).total, self._scale, self.terms.base)

    def _changed(self, event: Event, facts: TrustChanged) -> None:
        known, day = self._known(event.subject), day_of(event.at)
        counts, what = known.counts, facts.what
        counted = facts.counted
        if self._capped and what in scoring.CAPPED:
            counted = scoring.on_day(counts, day, scoring.CAPPED) < self.terms.successes_per_day
        if counted:
            counts = scoring.add(counts, what, day, facts.points if what == scoring.MANUAL else 1)
        self._agents[event.subject] = self._settled(counts, known, event, at_once=what in AT_ONCE)

    def _settled(self, counts: scoring.Counts, known: Known, event: Event, *, at_once: bool = False) -> Known:
        if not self._capped:
            recorded: int = event.facts.tier  # type: ignore[attr-defined]
            return Known(counts, recorded)
        score = self._score(counts, day_of(event.at))
        tier, falls_at = scoring.tier_in_grace(
            score, known.tier, known.falls_at, event.at, self.terms, at_once=at_once
        )
        return Known(counts, tier, falls_at)
