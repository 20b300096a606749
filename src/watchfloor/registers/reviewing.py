"""How people review: how long they look, and whom they approve of (spec 3.2 *Inbox*).

Cells: `seen_at` by decision while it waits, `reviews` by person, `leaning` by (person, dimension, key), the empty person
being everybody together. A vote counts once the decision is there; what was voted too late counts nothing. Only the
reviews of those who said that they had the decision in front of them have a time.
"""

from __future__ import annotations

import msgspec

from watchfloor.councils.messages import (
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    DecisionForced,
    DecisionSeen,
    VoteCast,
)
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.trust.anomaly_messages import AnomalyResolved

Cells = list[tuple[str, object, object]]
REVIEWS_KEPT = 64
VOTES_KEPT = 200  # of one person and key; beyond it both counts are halved, so that the old weighs less
EVIDENCE_KEPT = 16
EVERYBODY = ""


class Review(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`took_ms` from seeing to voting; `seq` of the vote."""

    at: int
    seq: int
    took_ms: int


class Leaning(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Votes for and against; `seqs` of the newest ones."""

    approved: int = 0
    denied: int = 0
    seqs: tuple[int, ...] = ()


_NONE = Leaning()


def about(person: str, dimension: str, key: str) -> str:
    """What an anomaly of a leaning is about."""
    return f"{person} {dimension}:{key}"


def dimensions(decision: int, read: Read) -> tuple[tuple[str, str], ...]:
    """By what approvals are compared: the agent, its owner, the type of the action."""
    state = read("decision", decision)
    if state is None:
        return ()
    action = read("action", state.action)
    kinds = [("agent", str(state.agent)), ("owner", state.owner)]
    if action is not None:
        kinds.append(("type", action.action_type))
    return tuple((dimension, key) for dimension, key in kinds if key)


def _seen(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, DecisionSeen)
    old: tuple[tuple[str, int], ...] = read("seen_at", event.subject) or ()
    if any(person == facts.person for person, _ in old):
        return []
    return [("seen_at", event.subject, (*old, (facts.person, event.at)))]


def _voted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, VoteCast)
    if facts.late:
        return []
    cells: Cells = []
    seen: tuple[tuple[str, int], ...] = read("seen_at", event.subject) or ()
    for person, at in seen:
        if person == facts.person:
            old: tuple[Review, ...] = read("reviews", person) or ()
            new = Review(event.at, event.seq, (event.at - at) // MILLISECOND)
            cells.append(("reviews", person, (*old[1 - REVIEWS_KEPT :], new)))
    if facts.vote != "abstain":
        for dimension, key in dimensions(event.subject, read):
            cells += _leaned(facts.person, dimension, key, facts.vote == "approve", event.seq, read)
    return cells


def _leaned(person: str, dimension: str, key: str, yes: bool, seq: int, read: Read) -> Cells:
    before: Leaning = read("leaning", (person, dimension, key)) or _NONE
    all_before: Leaning = read("leaning", (EVERYBODY, dimension, key)) or _NONE
    approved, denied = before.approved + yes, before.denied + (not yes)
    if approved + denied > VOTES_KEPT:
        approved, denied = approved // 2, denied // 2
    seqs = (*before.seqs[1 - EVIDENCE_KEPT :], seq)
    everybody = Leaning(
        all_before.approved + approved - before.approved, all_before.denied + denied - before.denied
    )
    return [
        ("leaning", (person, dimension, key), Leaning(approved, denied, seqs)),
        ("leaning", (EVERYBODY, dimension, key), everybody),
    ]


def _over(event: Event, read: Read) -> Cells:
    return [("seen_at", event.subject, None)] if read("seen_at", event.subject) is not None else []


def _resolved(event: Event, read: Read) -> Cells:
    """What was looked into does not count again."""
    facts = event.facts
    assert isinstance(facts, AnomalyResolved)
    if facts.what != "reviewer_bias":
        return []
    person, _, rest = facts.about.partition(" ")
    dimension, _, key = rest.partition(":")
    gone: Leaning | None = read("leaning", (person, dimension, key))
    if gone is None:
        return []
    all_before: Leaning = read("leaning", (EVERYBODY, dimension, key)) or _NONE
    left = Leaning(all_before.approved - gone.approved, all_before.denied - gone.denied)
    return [
        ("leaning", (person, dimension, key), None),
        ("leaning", (EVERYBODY, dimension, key), left if left != _NONE else None),
    ]


REGISTER = Register(
    name="reviewing",
    cells={
        "seen_at": tuple[tuple[str, int], ...],
        "reviews": tuple[Review, ...],
        "leaning": Leaning,
    },
    folds={
        DecisionSeen: _seen,
        VoteCast: _voted,
        DecisionApproved: _over,
        DecisionDenied: _over,
        DecisionExpired: _over,
        DecisionCancelled: _over,
        DecisionForced: _over,
        AnomalyResolved: _resolved,
    },
)
