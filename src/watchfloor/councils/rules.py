"""Rules of decisions by people (spec 3.2; faults C8, F11, G1, G2).

Theory of operation
-------------------
A decision is opened by the approval process for one action: a role, a number of different persons, a deadline, and
what the deadline's passing means. It is *pending* until one of these ends it, and then never changes again:

    approved     `needed` eligible persons approved the digest they saw, and nobody denied before
    denied       one eligible person denied (`voted`), nobody decided in time (`unanswered`), or there are not enough
                 people who could (`unanswerable`, at once)
    expired      nobody decided in time, where the policy prefers that word
    cancelled    the action is gone

Only votes lead to *approved*: time, cancellation and the size of the pool lead elsewhere. A decision never fails to
open, since an action that nobody can decide on would wait for ever: terms outside their range are read strictly.

What somebody may not do is either nonsense and refused (a digest other than the decision's, a second vote, a vote in
another person's name), or worth remembering and recorded as a refused vote, which counts nothing: the owner of the
agent, whoever registered it for them or asked for the action, a disabled person, somebody without the role. A vote that comes when the decision is over is recorded as late.
The deadline is judged by its instant, not by when the clock got round to it: a vote at or after it is late, and ends
the decision as unanswered in the same breath.
"""

# ruff: noqa: ARG001, ARG005 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.councils import quorum
from watchfloor.councils.messages import (
    CancelDecision,
    CastVote,
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    DecisionOpened,
    DecisionTimePassed,
    OpenDecision,
    VoteCast,
    VoteRefused,
)
from watchfloor.councils.quorum import Vote
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import holds

PENDING = quorum.PENDING
APPROVED = quorum.APPROVED
DENIED = quorum.DENIED
EXPIRED = "expired"
CANCELLED = "cancelled"
STATUSES = (PENDING, APPROVED, DENIED, EXPIRED, CANCELLED)  # spec 01


class PoolEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For OpenDecision: how many enabled persons hold the role and do not own the agent."""

    eligible: int


class VoterEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For CastVote: who votes, as of now. `void` are those who voted before and may not decide any more."""

    roles: tuple[str, ...]
    enabled: bool
    handle: str
    void: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision. `refused` are the (person, reason) pairs already recorded, so that trying again adds nothing."""

    seq: int
    nonce: int
    action: int
    agent: int
    owner: str
    digest: str
    level: int
    risk: int
    urgency: str
    role: str
    needed: int
    opened_at: int
    deadline_at: int
    unanswered: str
    grant_ms: int
    execution_ms: int
    parties: tuple[str, ...] = ()
    status: str = PENDING
    votes: tuple[Vote, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    decided_at: int = 0


# What is asked for --------------------------------------------------------------------------------------------------


def known(state: Decision | None) -> Decision:
    """The decision, or Refused `unknown_decision`."""
    if state is None:
        raise Refused("unknown_decision", "no such decision", status=404)
    return state


def open_decision(state: Decision | None, command: OpenDecision, given: Given) -> list[Draft]:
    """Opened, and denied at once when too few people could ever approve it (spec 3.2 *Committees*)."""
    if state is not None:
        raise Refused("already_opened", "the decision is open already")
    pool: PoolEvidence = given.evidence
    opened = DecisionOpened(
        action=command.action,
        agent=command.agent,
        deadline_at=max(command.deadline_at, given.at),
        digest=command.digest,
        execution_ms=command.execution_ms,
        grant_ms=command.grant_ms,
        level=command.level,
        needed=max(command.needed, 1),
        nonce=nonce_from(given.entropy),
        owner=command.owner,
        parties=command.parties,
        risk=command.risk,
        role=command.role,
        unanswered=EXPIRED if command.unanswered == EXPIRED else DENIED,
        urgency=command.urgency,
    )
    if pool.eligible >= opened.needed:
        return [Draft(facts=opened)]
    denied = DecisionDenied(action=command.action, agent=command.agent, reason="unanswerable")
    return [Draft(facts=opened), Draft(facts=denied)]


def cast_vote(state: Decision | None, command: CastVote, given: Given) -> list[Draft]:
    """One person's say, and the decision when it settles it."""
    decision = known(state)
    check_vote(decision, command, given)
    ineligible = why_not(decision, command.person, given.evidence)
    if ineligible:
        if (command.person, ineligible) in decision.refused:
            raise Refused(ineligible, "this person may not decide here; it is recorded", status=403)
        return [Draft(facts=VoteRefused(person=command.person, reason=ineligible), private=command.private)]
    over = decision.status != PENDING
    late = over or given.at >= decision.deadline_at
    cast = VoteCast(late=late, person=command.person, vote=command.vote)
    drafts = [Draft(facts=cast, private=command.private)]
    if over:
        return drafts
    if late:
        return [*drafts, Draft(facts=unanswered(decision))]
    # The approval of somebody who has lost the role is void (spec 3.2, fault G5); a denial stands.
    void = given.evidence.void
    earlier = tuple(vote for vote in decision.votes if vote.vote == quorum.DENY or vote.person not in void)
    votes = (*earlier, Vote(command.person, command.vote))
    return [*drafts, *(Draft(facts=facts) for facts in settled(decision, votes))]


def check_vote(decision: Decision, command: CastVote, given: Given) -> None:
    """Refuse what is nonsense whoever votes. Approving takes the digest; denying without one is safe."""
    check_choice(command.vote, "/vote", quorum.VOTES)
    if given.actor.kind != "person" or given.actor.id != command.person:
        raise Refused("not_your_vote", "everybody votes for themselves", field="/person", status=403)
    if any(vote.person == command.person for vote in decision.votes):
        raise Refused("already_voted", "this person has voted on this decision")
    seen = command.digest or (decision.digest if command.vote != quorum.APPROVE else "")
    if seen != decision.digest:
        raise Refused("digest_mismatch", "the vote is about another action than this one", field="/digest")


def why_not(decision: Decision, person: str, voter: VoterEvidence) -> str:
    """Why this person may not decide on this action, empty when they may (separation of duties, spec 3.2)."""
    if not voter.enabled:
        return "person_disabled"
    if person == decision.owner:
        return "own_agent"
    if person in decision.parties:
        return "party_to_it"
    if not holds(voter.roles, decision.role):
        return "role_missing"
    return ""


def settled(decision: Decision, votes: tuple[Vote, ...]) -> list[Facts]:
    """The end that these votes bring, if they do."""
    outcome = quorum.count(votes, decision.needed)
    if outcome == APPROVED:
        return [
            DecisionApproved(
                action=decision.action,
                agent=decision.agent,
                execution_ms=decision.execution_ms,
                grant_ms=decision.grant_ms,
                level=decision.level,
                voters=quorum.approvers(votes),
            )
        ]
    if outcome == DENIED:
        return [DecisionDenied(action=decision.action, agent=decision.agent, reason="voted")]
    return []


def unanswered(decision: Decision) -> Facts:
    """What silence means: expired or denied, nothing else."""
    if decision.unanswered == EXPIRED:
        return DecisionExpired(action=decision.action, agent=decision.agent)
    return DecisionDenied(action=decision.action, agent=decision.agent, reason="unanswered")


def cancel(state: Decision | None, command: CancelDecision, given: Given) -> list[Draft]:
    """The action is gone. When the decision is over this is no news."""
    decision = known(state)
    check_reason(command.reason)
    if decision.status != PENDING:
        return []
    facts = DecisionCancelled(action=decision.action, agent=decision.agent, reason=command.reason)
    return [Draft(facts=facts)]


def time_passed(state: Decision | None, command: DecisionTimePassed, given: Given) -> list[Draft]:
    """The deadline, if it has passed and the decision is not over."""
    decision = known(state)
    if decision.status != PENDING or given.at < decision.deadline_at:
        return []
    return [Draft(facts=unanswered(decision))]


# What happened ------------------------------------------------------------------------------------------------------


def opened(facts: DecisionOpened, event: Event) -> Decision:
    return Decision(
        seq=event.seq,
        nonce=facts.nonce,
        action=facts.action,
        agent=facts.agent,
        owner=facts.owner,
        digest=facts.digest,
        level=facts.level,
        risk=facts.risk,
        urgency=facts.urgency,
        role=facts.role,
        needed=facts.needed,
        opened_at=event.at,
        deadline_at=facts.deadline_at,
        unanswered=facts.unanswered,
        grant_ms=facts.grant_ms,
        execution_ms=facts.execution_ms,
        parties=facts.parties,
    )


def vote_cast(decision: Decision, facts: VoteCast, event: Event) -> Changes:
    if any(vote.person == facts.person for vote in decision.votes):
        return {}
    return {"votes": (*decision.votes, Vote(facts.person, facts.vote, facts.late))}


def vote_refused(decision: Decision, facts: VoteRefused, event: Event) -> Changes:
    return {"refused": (*decision.refused, (facts.person, facts.reason))}


def approved(decision: Decision, facts: DecisionApproved, event: Event) -> Changes:
    return over(decision, APPROVED, event)


def denied(decision: Decision, facts: DecisionDenied, event: Event) -> Changes:
    return over(decision, DENIED, event)


def expired(decision: Decision, facts: DecisionExpired, event: Event) -> Changes:
    return over(decision, EXPIRED, event)


def cancelled(decision: Decision, facts: DecisionCancelled, event: Event) -> Changes:
    return over(decision, CANCELLED, event)


def over(decision: Decision, status: str, event: Event) -> Changes:
    """The first end is the end (law *Monotone oversight*: a decision never flips)."""
    return {"status": status, "decided_at": event.at} if decision.status == PENDING else {}


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        kind="decision",
        state=Decision,
        decide={
            OpenDecision: open_decision,
            CastVote: cast_vote,
            CancelDecision: cancel,
            DecisionTimePassed: time_passed,
        },
        evolve={
            DecisionOpened: first(opened),
            VoteCast: once(vote_cast),
            VoteRefused: once(vote_refused),
            DecisionApproved: once(approved),
            DecisionDenied: once(denied),
            DecisionExpired: once(expired),
            DecisionCancelled: once(cancelled),
        },
        live=lambda decision: decision.status == PENDING,
        due=lambda decision: decision.deadline_at if decision.status == PENDING else 0,
        overdue=lambda subject, decision, at: DecisionTimePassed(subject=subject),
    ),
)

FACTS: tuple[type[Facts], ...] = (
    DecisionOpened,
    VoteCast,
    VoteRefused,
    DecisionApproved,
    DecisionDenied,
    DecisionExpired,
    DecisionCancelled,
)
