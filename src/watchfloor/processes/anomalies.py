"""Anomalies: detectors over what registers know, and containment where the policy wants it (spec 3.4).

Theory of operation
-------------------
Each detector looks at one agent (or at one kind of event) after an event that could have completed its picture, and
answers with numbers and the seqs that show it. While the same anomaly is open nothing more is said of it; after it was
resolved, only what happened later counts again.

*Beyond chance*. If events of a kind came independently, their number in a window of `w` would be Poisson with mean
`μ = (n + 1) · w / T`, where `n` is how many came in the seven days before the window (at most; T is that time, at least an hour).
The chance of `k` or more is at most `μ^k / k!`; k agents in one window are beyond chance when that bound is below one in
a million, which is one false alarm in a hundred weeks of one-minute windows. In whole numbers: `(n+1)^k w^k 10^6 < k! T^k`.
"""

from __future__ import annotations

from math import factorial

import msgspec

from watchfloor.actions.messages import ActionDecided
from watchfloor.fleet.messages import QuarantineAgent
from watchfloor.kernel.anomaly_terms import AnomalyTerms
from watchfloor.kernel.instants import DAY, HOUR, MILLISECOND
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.registers.conduct import BASELINE_DAYS, FAILED, Conduct, Known, Throng
from watchfloor.trust.anomaly_messages import AnomalyFound, ReportAnomaly, key_of
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work.messages import TaskReviewed

Wishes = list[Command | Effect]
CHANCE = 1_000_000  # one in that many
_SPAN = 7 * DAY
_TOGETHER_MAX = 20  # agents counted; more do not make it less likely to matter


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What a detector measured, what it was held against, and the seqs of the events that show it."""

    measured: int
    threshold: int
    evidence: tuple[int, ...]
    agents: tuple[int, ...] = ()


def trust_drop(conduct: Conduct, score: int, at: int, after: int, terms: AnomalyTerms) -> Finding | None:
    """More points lost within an hour than the policy bears."""
    since = max(at - HOUR, after + 1)
    highest = max((before for when, _, before in conduct.highs if when >= since), default=score)
    if highest - score <= terms.drop_points:
        return None
    losses = tuple(seq for when, seq in conduct.losses if when >= since)
    return Finding(highest - score, terms.drop_points, losses)


def violations(conduct: Conduct, at: int, after: int, terms: AnomalyTerms) -> Finding | None:
    """Several security violations within an hour."""
    since = max(at - HOUR, after + 1)
    seqs = tuple(seq for when, seq in conduct.violations if when >= since)
    return Finding(len(seqs), terms.violations, seqs) if len(seqs) >= terms.violations else None


def failure_rate(conduct: Conduct, at: int, after: int, terms: AnomalyTerms) -> Finding | None:
    """The share of failures of 24 h against the agent's own of the 30 days before, in permille.

    The baseline counts one failure more than there were, so that the first failure ever is no anomaly, and an agent
    without a past has none.
    """
    if after and at - after < DAY:
        return None
    good = sum(entry[1] for entry in conduct.hours)
    bad = sum(entry[2] for entry in conduct.hours)
    before = [entry for entry in conduct.days if entry[0] > at // DAY - BASELINE_DAYS]
    past_bad = sum(entry[2] for entry in before) + 1
    past = sum(entry[1] for entry in before) + past_bad
    if good + bad < terms.failure_events or bad * past <= terms.failure_times * past_bad * (good + bad):
        return None
    seqs = tuple(seq for when, seq in conduct.failures if when >= at - DAY)
    return Finding(1000 * bad // (good + bad), 1000 * terms.failure_times * past_bad // past, seqs)


def farming(conduct: Conduct, at: int, after: int, terms: AnomalyTerms) -> Finding | None:
    """On several days of a week the cap on successes was reached by one action type, and nothing else was done."""
    first = max(at // DAY - 6, after // DAY + 1)
    seqs = tuple(seq for day, seq in conduct.farmed if day >= first)
    return Finding(len(seqs), terms.farming_days, seqs) if len(seqs) >= terms.farming_days else None


def together(throng: Throng, at: int, after: int, terms: AnomalyTerms) -> Finding | None:
    """Several agents within moments, more than chance explains."""
    window = terms.together_ms * MILLISECOND
    since = max(at - window, after + 1)
    inside = [entry for entry in throng.recent if entry[0] >= since]
    agents = tuple(sorted({agent for _, _, agent in inside}))[:_TOGETHER_MAX]
    if len(agents) < terms.together_agents:
        return None
    first = at // DAY - 7
    earlier = max(0, sum(count for day, count in throng.days if day >= first) - len(inside)) + 1
    span = min(_SPAN, max(HOUR, at - throng.since))
    k = len(agents)
    if (earlier * window) ** k * CHANCE >= factorial(k) * span**k:
        return None
    return Finding(k, terms.together_agents, tuple(seq for _, seq, _ in inside), agents)


def anomaly_terms(read: Read) -> AnomalyTerms:
    active = read("active_policy", "active")
    terms: AnomalyTerms = active.document.anomalies if active is not None else AnomalyTerms()
    return terms


def since_resolved(read: Read, what: str, agent: int, about: str = "") -> int:
    """When the same was resolved last, 0: never; -1: it is open."""
    known: Known | None = read("anomalies", key_of(what, agent, about))
    if known is None:
        return 0
    return known.resolved_at or -1


def reported(
    what: str, agent: int, found: Finding | None, about: str = "", *, of_agents: bool = True
) -> Wishes:
    """The wish for an anomaly, if one was found. `of_agents` False: it is about people."""
    if found is None:
        return []
    return [
        ReportAnomaly(
            what=what,
            agent=agent,
            agents=(found.agents or (agent,)) if of_agents else (),
            evidence=tuple(sorted(set(found.evidence))),
            measured=found.measured,
            threshold=found.threshold,
            about=about,
        )
    ]


def changed(event: Event, read: Read) -> Wishes:
    """After every trust event: only detectors it can set off are asked."""
    facts = event.facts
    assert isinstance(facts, TrustChanged)
    agent, at, terms = event.subject, event.at, anomaly_terms(read)
    conduct: Conduct = read("conduct", agent) or Conduct()
    wishes: Wishes = []
    if facts.score < facts.score_before and (after := since_resolved(read, "trust_drop", agent)) >= 0:
        wishes += reported("trust_drop", agent, trust_drop(conduct, facts.score, at, after, terms))
    if facts.what == "security_violation" and (after := since_resolved(read, "violations", agent)) >= 0:
        wishes += reported("violations", agent, violations(conduct, at, after, terms))
    if facts.what in FAILED and (after := since_resolved(read, "failure_rate", agent)) >= 0:
        wishes += reported("failure_rate", agent, failure_rate(conduct, at, after, terms))
    if not facts.counted and (after := since_resolved(read, "farming", agent)) >= 0:
        wishes += reported("farming", agent, farming(conduct, at, after, terms), "")
    throng: Throng | None = read("throng", facts.what) if facts.points < 0 else None
    if throng is not None and (after := since_resolved(read, "coordinated", 0, facts.what)) >= 0:
        wishes += reported("coordinated", 0, together(throng, at, after, terms), facts.what)
    return wishes


def reassessed(event: Event, read: Read) -> Wishes:
    """Time alone rarely takes 50 points; a new policy begins a new measure."""
    facts = event.facts
    assert isinstance(facts, TrustReassessed)
    after = since_resolved(read, "trust_drop", event.subject)
    if after < 0 or facts.score >= facts.score_before:
        return []
    conduct: Conduct = read("conduct", event.subject) or Conduct()
    found = trust_drop(conduct, facts.score, event.at, after, anomaly_terms(read))
    if found is not None and not found.evidence:
        found = msgspec.structs.replace(found, evidence=(event.seq,))
    return reported("trust_drop", event.subject, found)


def reviewed(event: Event, read: Read) -> Wishes:
    """Two owners who praise each other's agents."""
    facts = event.facts
    assert isinstance(facts, TaskReviewed)
    reviewer = event.actor.id
    after = since_resolved(read, "reciprocal_reviews", 0, _pair(facts.owner, reviewer))
    if facts.verdict != "positive" or after < 0:
        return []
    needed = anomaly_terms(read).praise_each_way
    since = max(event.at - 30 * DAY, after + 1)
    one = [mark for mark in read("praise", (facts.owner, reviewer)) or () if mark[0] >= since]
    other = [mark for mark in read("praise", (reviewer, facts.owner)) or () if mark[0] >= since]
    if min(len(one), len(other)) < needed:
        return []
    agents = tuple(sorted({mark[2] for mark in (*one, *other)}))
    found = Finding(min(len(one), len(other)), needed, tuple(mark[1] for mark in (*one, *other)), agents)
    return reported("reciprocal_reviews", 0, found, _pair(facts.owner, reviewer))


def _pair(one: str, other: str) -> str:
    return " ".join(sorted((one, other)))


def decided(event: Event, read: Read) -> Wishes:
    """Hours that ended just below the limit of automatic approval; the present hour is not over and does not count."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    marks: tuple[tuple[int, int, str], ...] | None = read("hugging", facts.agent)
    if not marks or marks[-1][1] != event.seq:
        return []
    after = since_resolved(read, "limit_hugging", facts.agent, facts.action_type)
    hour, needed = event.at // HOUR, anomaly_terms(read).hugging_hours
    since = max(hour - 24, after // HOUR + 1)
    seqs = tuple(seq for when, seq, what in marks if since <= when < hour and what == facts.action_type)
    if after < 0 or len(seqs) < needed:
        return []
    return reported("limit_hugging", facts.agent, Finding(len(seqs), needed, seqs), facts.action_type)


def found(event: Event, read: Read) -> Wishes:
    """Where the policy says so, those concerned are contained at once."""
    facts = event.facts
    assert isinstance(facts, AnomalyFound)
    if facts.what not in anomaly_terms(read).contain:
        return []
    wishes: Wishes = []
    for agent in facts.agents:
        state = read("agent", agent)
        if state is not None and not state.quarantined and not state.retired:
            wishes.append(QuarantineAgent(subject=agent, reason=f"anomaly: {facts.what}"))
    return wishes


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (TrustChanged, changed),
    (TrustReassessed, reassessed),
    (TaskReviewed, reviewed),
    (ActionDecided, decided),
    (AnomalyFound, found),
)
