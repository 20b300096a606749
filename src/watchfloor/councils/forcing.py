"""Break-glass: a director or admin forces an action past the people, and answers for it (spec 3.2 *Break-glass*).

Theory of operation
-------------------
    ForceDecision --level 2, 3, or the second person at level 4--> decision.forced, decision.alerted in the same commit
    ForceDecision --level 4, the first person--> decision.force_asked
    ReviewForced --another person--> decision.reviewed        silence until `review_by_at` --> decision.alerted

Forcing ends a pending decision as approved, with a grant of basis `forced` that soon expires. It goes past people and
past nothing else: an action that the envelope denied has no decision, and a stop, a breaker or containment holds the
start of a forced action as of any other. Whoever may not force and tries is recorded like a refused vote.
"""

# ruff: noqa: ARG001 -- folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.councils import quorum
from watchfloor.councils.decision import APPROVED, OWN_SIGN_IN, Decision, known, last_at, over
from watchfloor.councils.messages import (
    DecisionAlerted,
    DecisionForceAsked,
    DecisionForced,
    DecisionReviewed,
    ForceDecision,
    ReviewForced,
    VoteRefused,
)
from watchfloor.kernel.break_glass_terms import BreakGlassTerms
from watchfloor.kernel.folds import Changes
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_choice, check_reason
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import holds

FORCING_ROLE = "director"
REVIEWING_ROLE = "supervisor"
COMMITTEE_LEVEL = 4
VERDICTS = ("justified", "unjustified")
FORCED, REVIEW_OVERDUE = "forced", "review_overdue"


class ForceEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For ForceDecision and ReviewForced: who asks, as of now, and the terms; `able` of those who wanted it before may still.

    `through`: who made the sign-in link that this session began with, when that was somebody else.
    """

    roles: tuple[str, ...]
    enabled: bool
    terms: BreakGlassTerms = BreakGlassTerms()
    loosened: bool = False
    able: tuple[str, ...] = ()
    through: str = ""


def force(state: Decision | None, command: ForceDecision, given: Given) -> list[Draft]:
    """Force it. Refused: in another's name, without a reason, another digest, over; recorded: who may not."""
    decision = known(state)
    check_own(command.person, given)
    check_reason(command.reason)
    if not command.reason.strip():
        raise Refused("reason_missing", "say why it cannot wait", field="/reason", status=422)
    if command.digest != decision.digest:
        raise Refused("digest_mismatch", "this is about another action than this one", field="/digest")
    if decision.status != quorum.PENDING or given.at >= last_at(decision):
        raise Refused("decision_over", "only what waits for people can be forced")
    who: ForceEvidence = given.evidence
    reason = why_not(decision, command.person, who, FORCING_ROLE)
    if reason:
        if (command.person, reason) in decision.refused:
            raise Refused(reason, "this person may not force this; it is recorded", status=403)
        return [Draft(facts=VoteRefused(person=command.person, reason=reason))]
    if decision.level < COMMITTEE_LEVEL:
        return _forced(decision, (command.person,), command, given)
    if command.person in decision.force_asked:
        raise Refused("needs_another_person", "at this level a second person forces it too", status=403)
    others = tuple(person for person in decision.force_asked if person in who.able)
    if others:
        return _forced(decision, (others[0], command.person), command, given)
    facts = DecisionForceAsked(
        action=decision.action, agent=decision.agent, person=command.person, reason=command.reason
    )
    return [Draft(facts=facts)]


def check_own(person: str, given: Given) -> None:
    """Everybody speaks for themselves."""
    if given.actor.kind != "person" or given.actor.id != person:
        raise Refused("not_your_vote", "everybody decides for themselves", field="/person", status=403)


def why_not(decision: Decision, person: str, who: ForceEvidence, role: str) -> str:
    """Why this person may not, empty when they may."""
    if not who.enabled:
        return "person_disabled"
    if person == decision.owner:
        return "own_agent"
    if person in decision.parties:
        return "party_to_it"
    if not holds(who.roles, role):
        return "role_missing"
    if who.through:
        return OWN_SIGN_IN
    return "loosened_it" if who.loosened else ""


def _forced(decision: Decision, by: tuple[str, ...], command: ForceDecision, given: Given) -> list[Draft]:
    terms: BreakGlassTerms = given.evidence.terms
    facts = DecisionForced(
        action=decision.action,
        agent=decision.agent,
        by=by,
        digest=decision.digest,
        execution_ms=decision.execution_ms,
        grant_ms=min(terms.grant_ms, decision.grant_ms),
        level=decision.level,
        reason=command.reason,
        review_by_at=given.at + terms.review_ms * MILLISECOND,
        tell=terms.tell,
    )
    alert = DecisionAlerted(action=decision.action, agent=decision.agent, alert=FORCED, tell=terms.tell)
    return [Draft(facts=facts), Draft(facts=alert)]


def review(state: Decision | None, command: ReviewForced, given: Given) -> list[Draft]:
    """Somebody else looks at what was forced, and says so. Late is better than never, and recorded as late."""
    decision = known(state)
    check_own(command.person, given)
    check_choice(command.verdict, "/verdict", VERDICTS)
    if not decision.forced_by:
        raise Refused("not_forced", "nobody forced this decision")
    if decision.reviewed:
        raise Refused("already_reviewed", "it was reviewed already")
    if command.person in decision.forced_by:
        raise Refused("needs_another_person", "whoever forced it does not review it", status=403)
    reason = why_not(decision, command.person, given.evidence, REVIEWING_ROLE)
    if reason:
        raise Refused(reason, "this person may not review this", status=403)
    facts = DecisionReviewed(
        action=decision.action,
        agent=decision.agent,
        late=not decision.review_by_at or given.at >= decision.review_by_at,
        person=command.person,
        verdict=command.verdict,
    )
    return [Draft(facts=facts, private=command.private)]


def review_overdue(decision: Decision, given: Given) -> list[Draft]:
    """Nobody has looked at it in time: everybody who was told is told again."""
    if not decision.review_by_at or given.at < decision.review_by_at:
        return []
    facts = DecisionAlerted(
        action=decision.action, agent=decision.agent, alert=REVIEW_OVERDUE, tell=decision.tell
    )
    return [Draft(facts=facts)]


# What happened ------------------------------------------------------------------------------------------------------


def asked(decision: Decision, facts: DecisionForceAsked, event: Event) -> Changes:
    return {"force_asked": (*decision.force_asked, facts.person)} if decision.status == quorum.PENDING else {}


def forced(decision: Decision, facts: DecisionForced, event: Event) -> Changes:
    if decision.status != quorum.PENDING:
        return {}
    return {
        **over(decision, APPROVED, event),
        "forced_by": facts.by,
        "review_by_at": facts.review_by_at,
        "tell": facts.tell,
    }


def alerted(decision: Decision, facts: DecisionAlerted, event: Event) -> Changes:
    """Told once that the review is overdue."""
    return {"review_by_at": 0} if facts.alert == REVIEW_OVERDUE else {}


def reviewed(decision: Decision, facts: DecisionReviewed, event: Event) -> Changes:
    return {"review_by_at": 0, "reviewed": True} if decision.forced_by else {}
