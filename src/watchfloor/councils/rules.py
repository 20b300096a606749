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

or it is *forced* past the people by break-glass (forcing.py), which is an approval with a basis of its own.

At level 2, and where the policy says so, a tribunal of validator agents may end it as well (tribunals.py).

Only votes, break-glass and that lead to *approved*: time, cancellation and the size of the pool lead elsewhere. A decision never fails to
open, since an action that nobody can decide on would wait for ever: terms outside their range are read strictly.

Until somebody settles it, time moves it: after two thirds of each wait comes a warning, at a deadline the next rung of
its ladder, whose time counts from then; only after the last rung does silence end it (spec 3.2 *Deadlines*). The ladder
is the decision's own from the start, so a changed policy does not lengthen it.

What somebody may not do is either nonsense and refused (a digest other than the decision's, a second vote, a vote in
another person's name), or worth remembering and recorded as a refused vote, which counts nothing: the owner of the
agent, whoever registered it for them or asked for the action, a disabled person, somebody without the role. A vote
that comes when the decision is over is recorded as late.
A policy that is applied while the decision is pending adds its route (demands.py); who may decide under any of the
routes may vote, and an approval is one under all of them. Who loosened a policy lately is barred from what it affects.

The last deadline is judged by its instant, not by when the clock got round to it: a vote at or after it is late, and
ends the decision as unanswered in the same breath.
"""

# ruff: noqa: ARG001, ARG005 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.councils import demands, forcing, quorum, seeing, standing_in
from watchfloor.councils.decision import (
    APPROVED,
    CANCELLED,
    DENIED,
    EXPIRED,
    OWN_SIGN_IN,
    PENDING,
    Decision,
    known,
    last_at,
    over,
)
from watchfloor.councils.messages import (
    CancelDecision,
    CastVote,
    DecisionAlerted,
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionEscalated,
    DecisionExpired,
    DecisionForceAsked,
    DecisionForced,
    DecisionOpened,
    DecisionReviewed,
    DecisionSeen,
    DecisionTakenOver,
    DecisionTimePassed,
    DecisionWarned,
    Demand,
    ForceDecision,
    Member,
    NoteSeen,
    OpenDecision,
    RecheckDecision,
    ReviewForced,
    SettleByTribunal,
    TakeOver,
    VoteCast,
    VoteRefused,
)
from watchfloor.councils.quorum import Vote
from watchfloor.councils.schedules import SCHEDULE, SCHEDULE_FACTS
from watchfloor.councils.tribunals import ALONE_LEVEL, TRIBUNAL, TRIBUNAL_FACTS
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import holds

SESSIONS = ("", "browser", "token", "link")
LINK = "link"  # of a notice: whoever holds it votes, so the policy says up to which level


class PoolEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For OpenDecision: how many enabled persons hold the role and do not own the agent.

    Of a committee: its members, the weight that must agree, and what is missing for it to be possible at all.
    """

    eligible: int
    members: tuple[Member, ...] = ()
    needed: int = 0
    missing: int = 0


class VoterEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For CastVote: who votes, as of now. `void` are those who voted before and may not decide any more.

    `loosened`: the person loosened a policy that affects this action, not long ago. `also` is what policies applied
    since demand besides; `able` are (person, roles) of those who voted before and may decide still. `links_level_max`:
    up to which level a link of a notice is enough to vote. `through`: who made the sign-in link that this session began
    with, when that was somebody else.
    """

    roles: tuple[str, ...]
    enabled: bool
    handle: str
    void: tuple[str, ...] = ()
    loosened: bool = False
    also: tuple[Demand, ...] = ()
    able: tuple[tuple[str, tuple[str, ...]], ...] = ()
    links_level_max: int = 4
    through: str = ""


class ReachEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For DecisionTimePassed and RecheckDecision: everybody who may decide on it at all, and what is demanded besides."""

    people: tuple[tuple[str, tuple[str, ...]], ...]
    also: tuple[Demand, ...] = ()


class SettlingEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For SettleByTribunal. `may`: the ruling is of this decision, complete, and of a consensus that then and now decides."""

    may: bool
    also: tuple[Demand, ...] = ()


# What is asked for --------------------------------------------------------------------------------------------------


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
        needed=pool.needed if command.committee else max(command.needed, 1),
        nonce=nonce_from(given.entropy),
        owner=command.owner,
        parties=command.parties,
        risk=command.risk,
        role=command.role,
        unanswered=EXPIRED if command.unanswered == EXPIRED else DENIED,
        urgency=command.urgency,
        committee=command.committee,
        ladder=command.ladder,
        members=pool.members,
        tell=command.tell,
        warn_permille=command.warn_permille,
    )
    missing = pool.missing if command.committee else max(0, opened.needed - pool.eligible)
    if not missing:
        return [Draft(facts=opened)]
    denied = DecisionDenied(
        action=command.action,
        agent=command.agent,
        reason="unanswerable",
        missing=missing,
        lacks=(f"committee:{command.committee}" if command.committee else f"role:{command.role}",),
    )
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
    late = over or given.at >= last_at(decision)
    cast = VoteCast(
        late=late,
        person=command.person,
        vote=command.vote,
        session=command.session,
        through=given.evidence.through,
    )
    drafts = [Draft(facts=cast, private=command.private)]
    if over:
        return drafts
    if late:
        return [*drafts, Draft(facts=unanswered(decision))]
    # The approval of somebody who has lost the role is void (spec 3.2, fault G5); a denial stands.
    void = given.evidence.void
    also = {person for person, _ in given.evidence.able}
    earlier = tuple(
        vote
        for vote in decision.votes
        if vote.vote == quorum.DENY or vote.person not in void or vote.person in also
    )
    votes = (*earlier, Vote(command.person, command.vote))
    return [*drafts, *(Draft(facts=facts) for facts in _settled(decision, command, votes, given.evidence))]


def _settled(
    decision: Decision, command: CastVote, votes: tuple[Vote, ...], voter: VoterEvidence
) -> list[Facts]:
    """The end that the votes bring under the decision's own route and all that came since."""
    if not voter.also:
        return settled(decision, votes)
    roles = {**dict(voter.able), command.person: voter.roles}
    # Under its own route everybody who may not decide by it says nothing: they are here for another.
    own = demand_of(decision)
    mine = tuple(vote for vote in votes if vote.person not in roles or may_by_route(own, vote, roles))
    first_said = quorum.count(mine, decision.needed, decision.members)
    all_said = (demands.outcome(votes, demand, roles) for demand in voter.also)
    return ending(decision, demands.strictest((first_said, *all_said)), votes, voter.also)


def may_by_route(own: Demand, vote: Vote, roles: demands.Roles) -> bool:
    """Is this a vote under the decision's own route?"""
    return demands.may(own, vote.person, roles[vote.person])


def demand_of(decision: Decision) -> Demand:
    """The route the decision was opened with."""
    return Demand(
        0, decision.role, decision.needed, decision.committee, decision.members, level=decision.level
    )


def check_vote(decision: Decision, command: CastVote, given: Given) -> None:
    """Refuse what is nonsense whoever votes. Approving takes the digest; denying without one is safe."""
    check_choice(command.vote, "/vote", quorum.VOTES)
    check_choice(command.session, "/session", SESSIONS)
    if command.session == LINK and decision.level > given.evidence.links_level_max:
        raise Refused("sign_in_to_vote", "at this level a vote takes signing in", status=403)
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
    if voter.loosened:
        return "loosened_it"
    if voter.through and _leans(decision, voter):
        return OWN_SIGN_IN
    if any(demands.may(demand, person, voter.roles) for demand in voter.also):
        return ""
    if decision.members:
        return _why_not_seated(decision, person, voter)
    if not holds(voter.roles, decision.role):
        return "role_missing"
    return ""


def _leans(decision: Decision, voter: VoterEvidence) -> bool:
    """Would whoever made the link decide by it on what is their own, or be counted beside themselves (decision 35)?"""
    near = voter.through == decision.owner or voter.through in decision.parties
    return near or decision.needed > 1 or bool(decision.members) or bool(voter.also)


def _why_not_seated(decision: Decision, person: str, voter: VoterEvidence) -> str:
    """Members are who they were at the request; a seat for a role takes that role still."""
    member = demands.member_of(decision.members, person)
    if member is None:
        return "not_a_member"
    return "role_missing" if member.role and not holds(voter.roles, member.role) else ""


def settled(decision: Decision, votes: tuple[Vote, ...]) -> list[Facts]:
    """The end that these votes bring, if they do."""
    return ending(decision, quorum.count(votes, decision.needed, decision.members), votes)


def ending(
    decision: Decision, outcome: str, votes: tuple[Vote, ...], also: tuple[Demand, ...] = ()
) -> list[Facts]:
    """The fact of an outcome; nothing while it is pending."""
    if outcome == APPROVED:
        return [
            DecisionApproved(
                action=decision.action,
                agent=decision.agent,
                execution_ms=decision.execution_ms,
                grant_ms=decision.grant_ms,
                level=decision.level,
                voters=quorum.approvers(votes),
                also=also,
            )
        ]
    if outcome == DENIED:
        vetoed = any(member.veto and _denied_by(member, votes) for member in decision.members)
        reason = "vetoed" if vetoed else "voted"
        return [DecisionDenied(action=decision.action, agent=decision.agent, reason=reason)]
    return []


def _denied_by(member: Member, votes: tuple[Vote, ...]) -> bool:
    return any(vote.person == member.person and vote.vote == quorum.DENY for vote in votes)


def unanswered(decision: Decision) -> Facts:
    """What silence means: expired or denied, nothing else."""
    if decision.unanswered == EXPIRED:
        return DecisionExpired(action=decision.action, agent=decision.agent)
    return DecisionDenied(action=decision.action, agent=decision.agent, reason="unanswered")


def settle_by_tribunal(state: Decision | None, command: SettleByTribunal, given: Given) -> list[Draft]:
    """Level 2 decided by agents; nothing when the policy leaves it to people, or asks for more of them meanwhile."""
    decision = known(state)
    seen: SettlingEvidence = given.evidence
    waits = decision.status == PENDING and given.at < last_at(decision)
    if not waits or decision.level != ALONE_LEVEL or seen.also or not seen.may:
        return []
    if command.recommendation == quorum.DENY:
        denied = DecisionDenied(action=decision.action, agent=decision.agent, reason="tribunal")
        return [Draft(facts=denied)]
    facts = DecisionApproved(
        action=decision.action,
        agent=decision.agent,
        execution_ms=decision.execution_ms,
        grant_ms=decision.grant_ms,
        level=decision.level,
        voters=(),
        tribunal=True,
    )
    return [Draft(facts=facts)]


def cancel(state: Decision | None, command: CancelDecision, given: Given) -> list[Draft]:
    """The action is gone. When the decision is over this is no news."""
    decision = known(state)
    check_reason(command.reason)
    if decision.status != PENDING:
        return []
    facts = DecisionCancelled(action=decision.action, agent=decision.agent, reason=command.reason)
    return [Draft(facts=facts)]


def time_passed(state: Decision | None, command: DecisionTimePassed, given: Given) -> list[Draft]:
    """A warning, the next rung, or the end, whichever is due; nothing when the decision is over."""
    decision = known(state)
    if decision.status != PENDING:
        return forcing.review_overdue(decision, given)
    if given.at < due(decision):
        return []
    if given.at < last_at(decision) and (impossible := unreachable(decision, given.evidence)):
        return [Draft(facts=impossible)]
    if given.at < decision.deadline_at:
        return [Draft(facts=warning(decision))]
    if given.at >= last_at(decision):
        return [Draft(facts=unanswered(decision))]
    step = decision.ladder[decision.rung]
    facts = DecisionEscalated(
        action=decision.action,
        agent=decision.agent,
        deadline_at=given.at + step.wait_ms * MILLISECOND,
        rung=decision.rung + 1,
        tell=step.tell,
    )
    return [Draft(facts=facts)]


def recheck(state: Decision | None, command: RecheckDecision, given: Given) -> list[Draft]:
    """Denied at once when nobody could ever approve it any more; nothing otherwise."""
    decision = known(state)
    if decision.status != PENDING or given.at >= last_at(decision):
        return []
    impossible = unreachable(decision, given.evidence)
    return [Draft(facts=impossible)] if impossible else []


def unreachable(decision: Decision, seen: ReachEvidence | None) -> DecisionDenied | None:
    """The denial with who must be added, when some route cannot be met by those who are there (spec 3.2)."""
    if seen is None:
        return None
    people = dict(seen.people)
    short = [
        (demands.lacking(demand), lost)
        for demand in (demand_of(decision), *seen.also)
        if (lost := demands.missing(decision.votes, demand, people))
    ]
    if not short:
        return None
    return DecisionDenied(
        action=decision.action,
        agent=decision.agent,
        reason="unanswerable",
        missing=max(lost for _, lost in short),
        lacks=tuple(dict.fromkeys(who for who, _ in short)),
    )


def warning(decision: Decision) -> Facts:
    """To those who were told last: time runs out."""
    return DecisionWarned(
        action=decision.action, agent=decision.agent, rung=decision.rung, tell=decision.tell
    )


def due(decision: Decision) -> int:
    """The instant at which time changes something, 0 when the decision is over and nobody has to look at it."""
    if decision.status != PENDING:
        return decision.review_by_at
    return decision.warn_at or decision.deadline_at


def warn_at(permille: int, begun_at: int, deadline_at: int) -> int:
    """When a wait has gone on for so many thousandths of its length, 0: no warning."""
    return begun_at + (deadline_at - begun_at) * permille // 1_000 if 0 < permille < 1_000 else 0


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
        committee=facts.committee,
        members=facts.members,
        ladder=facts.ladder,
        tell=facts.tell,
        warn_permille=facts.warn_permille,
        warn_at=warn_at(facts.warn_permille, event.at, facts.deadline_at),
    )


def warned(decision: Decision, facts: DecisionWarned, event: Event) -> Changes:
    return {"warn_at": 0} if facts.rung == decision.rung else {}


def escalated(decision: Decision, facts: DecisionEscalated, event: Event) -> Changes:
    if facts.rung != decision.rung + 1 or decision.status != PENDING:
        return {}
    return {
        "rung": facts.rung,
        "taken": (),
        "deadline_at": facts.deadline_at,
        "tell": facts.tell,
        "warn_at": warn_at(decision.warn_permille, event.at, facts.deadline_at),
    }


def vote_cast(decision: Decision, facts: VoteCast, event: Event) -> Changes:
    if any(vote.person == facts.person for vote in decision.votes):
        return {}
    return {"votes": (*decision.votes, Vote(facts.person, facts.vote, facts.late))}


def vote_refused(decision: Decision, facts: VoteRefused, event: Event) -> Changes:
    return {"refused": (*decision.refused, (facts.person, facts.reason))}


def approved(decision: Decision, facts: DecisionApproved, event: Event) -> Changes:
    if decision.status != PENDING:
        return {}
    return {**over(decision, APPROVED, event), "also": facts.also, "tribunal": facts.tribunal}


def denied(decision: Decision, facts: DecisionDenied, event: Event) -> Changes:
    return over(decision, DENIED, event)


def expired(decision: Decision, facts: DecisionExpired, event: Event) -> Changes:
    return over(decision, EXPIRED, event)


def cancelled(decision: Decision, facts: DecisionCancelled, event: Event) -> Changes:
    return over(decision, CANCELLED, event)


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        kind="decision",
        state=Decision,
        decide={
            OpenDecision: open_decision,
            CastVote: cast_vote,
            CancelDecision: cancel,
            DecisionTimePassed: time_passed,
            TakeOver: standing_in.take_over,
            ForceDecision: forcing.force,
            ReviewForced: forcing.review,
            NoteSeen: seeing.note,
            RecheckDecision: recheck,
            SettleByTribunal: settle_by_tribunal,
        },
        evolve={
            DecisionOpened: first(opened),
            DecisionWarned: once(warned),
            DecisionEscalated: once(escalated),
            DecisionTakenOver: once(standing_in.taken_over),
            VoteCast: once(vote_cast),
            VoteRefused: once(vote_refused),
            DecisionApproved: once(approved),
            DecisionDenied: once(denied),
            DecisionExpired: once(expired),
            DecisionCancelled: once(cancelled),
            DecisionForceAsked: once(forcing.asked),
            DecisionForced: once(forcing.forced),
            DecisionAlerted: once(forcing.alerted),
            DecisionReviewed: once(forcing.reviewed),
            DecisionSeen: once(seeing.seen),
        },
        live=lambda decision: due(decision) > 0,
        due=due,
        overdue=lambda subject, decision, at: DecisionTimePassed(subject=subject),
    ),
    SCHEDULE,
    TRIBUNAL,
)

FACTS: tuple[type[Facts], ...] = (
    DecisionOpened,
    DecisionWarned,
    DecisionEscalated,
    DecisionTakenOver,
    VoteCast,
    VoteRefused,
    DecisionApproved,
    DecisionDenied,
    DecisionExpired,
    DecisionCancelled,
    *SCHEDULE_FACTS,
    *TRIBUNAL_FACTS,
    DecisionForceAsked,
    DecisionForced,
    DecisionAlerted,
    DecisionReviewed,
    DecisionSeen,
)
