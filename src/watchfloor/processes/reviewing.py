"""Reviewing: alarms about how people decide (spec 3.2 *Inbox*): rubber stamps, and reviewers far from the others.

Theory of operation
-------------------
*Rubber stamp*: the mean time between seeing and voting, over the last so many measured reviews of a person, is below what
it takes to read anything.

*Bias*: a person's approvals for one agent, one owner's agents or one type of action, against those of all other
reviewers for the same. If it did not matter who votes, the number of approvals among this person's votes would be
hypergeometric given all votes for that key (Fisher's exact test). It is said when that chance, both tails together, is
below one in a million, and the rates are at least `bias_permille` apart. All in whole numbers: the tail is a sum of
products of binomial coefficients, held against the number of all ways.
"""

from __future__ import annotations

from math import comb

from watchfloor.councils.messages import VoteCast
from watchfloor.kernel.anomaly_terms import AnomalyTerms
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.processes.anomalies import (
    CHANCE,
    Finding,
    anomaly_terms,
    reported,
    since_resolved,
)
from watchfloor.registers.reviewing import EVERYBODY, Leaning, Review, about, dimensions

Wishes = list[Command | Effect]


def rubber_stamp(reviews: tuple[Review, ...], after: int, terms: AnomalyTerms) -> Finding | None:
    """The last so many reviews took less than anybody needs, on average."""
    last = [review for review in reviews if review.at > after][-terms.reviews :]
    if len(last) < terms.reviews:
        return None
    mean_ms = sum(review.took_ms for review in last) // len(last)
    if mean_ms >= terms.review_ms:
        return None
    return Finding(mean_ms, terms.review_ms, tuple(review.seq for review in last))


def beyond_chance(approved: int, own: int, all_approved: int, votes: int) -> bool:
    """Is it less likely than 1 : CHANCE that `own` of all `votes`, drawn blindly, hold so few or so many approvals?

    `approved` of `own` are approvals, `all_approved` of all votes. The smaller tail counts twice.
    """
    least = max(0, own - (votes - all_approved))
    low = sum(comb(all_approved, i) * comb(votes - all_approved, own - i) for i in range(least, approved + 1))
    ways = comb(votes, own)
    at = comb(all_approved, approved) * comb(votes - all_approved, own - approved)
    tail = min(low, ways - low + at)
    return 2 * tail * CHANCE < ways


def bias(mine: Leaning, everybody: Leaning, terms: AnomalyTerms) -> Finding | None:
    """This person's rate of approvals against that of all others for the same, in permille."""
    own = mine.approved + mine.denied
    peers_approved = everybody.approved - mine.approved
    peers = everybody.approved + everybody.denied - own
    if min(own, peers) < terms.bias_reviews:
        return None
    rate, peers_rate = 1000 * mine.approved // own, 1000 * peers_approved // peers
    if abs(rate - peers_rate) < terms.bias_permille:
        return None
    if not beyond_chance(mine.approved, own, everybody.approved, own + peers):
        return None
    return Finding(rate, peers_rate, mine.seqs)


def voted(event: Event, read: Read) -> Wishes:
    """After every vote that counts: this person's times, and their leaning towards whom it was about."""
    facts = event.facts
    assert isinstance(facts, VoteCast)
    if facts.late:
        return []
    person, terms = facts.person, anomaly_terms(read)
    wishes: Wishes = []
    reviews: tuple[Review, ...] = read("reviews", person) or ()
    if reviews and reviews[-1].seq == event.seq:
        after = since_resolved(read, "rubber_stamp", 0, person)
        if after >= 0:
            wishes += _said("rubber_stamp", person, rubber_stamp(reviews, after, terms))
    for dimension, key in dimensions(event.subject, read):
        mine: Leaning | None = read("leaning", (person, dimension, key))
        what = about(person, dimension, key)
        if mine is None or since_resolved(read, "reviewer_bias", 0, what) < 0:
            continue
        everybody: Leaning = read("leaning", (EVERYBODY, dimension, key)) or mine
        wishes += _said("reviewer_bias", what, bias(mine, everybody, terms))
    return wishes


def _said(what: str, of: str, found: Finding | None) -> Wishes:
    """About people: no agent is concerned, so none is ever contained for it."""
    return reported(what, 0, found, of, of_agents=False)


REACTS: tuple[tuple[type[Facts], React], ...] = ((VoteCast, voted),)
