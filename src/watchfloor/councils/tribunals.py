"""Rules of tribunals: validator agents that advise the people who decide (spec 3.2 *Tribunal*; fault F8).

Theory of operation
-------------------
    ConveneTribunal --> tribunal.convened, its members are asked; tribunal.ruled no_quorum at once when there are too few
    VoteInTribunal  --> tribunal.voted; with the last member's vote also tribunal.ruled
    time passes     --> tribunal.ruled with what was said until then, `complete` false
    DissolveTribunal (the decision is over) --> tribunal.dissolved

There is one ruling and it never changes; what comes later is kept and marked. A ruling is a recommendation, shown to
the people. Where the policy says so it decides a decision of level 2 alone: then the ruling was complete, its consensus is
the one the policy asks for, and people had not decided before. At level 3 and 4 it never does, whatever a policy says.
Who may sit is evidence: never the requester, its owner's agents or its kin (engine/tribunals.py).
"""

# ruff: noqa: ARG001, ARG005 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.councils import consensus, quorum
from watchfloor.councils.consensus import Judgement
from watchfloor.councils.decision import PENDING, Decision
from watchfloor.councils.tribunal_messages import (
    ConveneTribunal,
    DissolveTribunal,
    TribunalConvened,
    TribunalDissolved,
    TribunalRuled,
    TribunalTimePassed,
    TribunalVoted,
    Validator,
    VoteInTribunal,
)
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_range
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.tribunal_terms import MAJORITY, NEVER, UNANIMOUS, TribunalTerms

ALONE_LEVEL = 2
_ENOUGH = {UNANIMOUS: (consensus.UNANIMOUS,), MAJORITY: (consensus.UNANIMOUS, consensus.MAJORITY)}


class ConveningEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For ConveneTribunal: the decision as it is now, the validators chosen, and the terms of the policy in force."""

    decision: Decision | None = None
    members: tuple[Validator, ...] = ()
    terms: TribunalTerms = TribunalTerms()


class ValidatorEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For VoteInTribunal: the validator's trust now; `able`: neither contained nor retired."""

    score: int
    able: bool


class Tribunal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One tribunal. `consensus` empty: it has not ruled."""

    seq: int
    action: int
    agent: int
    level: int
    members: tuple[Validator, ...]
    deadline_at: int
    votes_min: int
    confidence_min_milli: int
    majority_permille: int
    decides: str
    judgements: tuple[Judgement, ...] = ()
    consensus: str = ""
    recommendation: str = ""
    complete: bool = False
    dissolved: bool = False


def convene(state: Tribunal | None, command: ConveneTribunal, given: Given) -> list[Draft]:
    """Ask the validators; nothing when the decision is over already."""
    if state is not None:
        raise Refused("already_convened", "a decision has one tribunal")
    seen: ConveningEvidence = given.evidence
    decision, terms = seen.decision, seen.terms
    if decision is None or decision.status != PENDING:
        return []
    facts = TribunalConvened(
        action=decision.action,
        agent=decision.agent,
        confidence_min_milli=terms.confidence_min_milli,
        deadline_at=given.at + terms.wait_ms * MILLISECOND,
        decides=terms.decides if decision.level == ALONE_LEVEL else NEVER,
        level=decision.level,
        majority_permille=terms.majority_permille,
        members=seen.members,
        votes_min=terms.votes_min,
    )
    if facts.members:
        return [Draft(facts=facts)]
    nobody = TribunalRuled(
        action=decision.action,
        against=0,
        agent=decision.agent,
        complete=False,
        consensus=consensus.NO_QUORUM,
        recommendation="",
        weight=0,
    )
    return [Draft(facts=facts), Draft(facts=nobody)]


def vote(state: Tribunal | None, command: VoteInTribunal, given: Given) -> list[Draft]:
    """One validator's say, and the ruling with the last one's."""
    tribunal = _known(state)
    check_choice(command.vote, "/vote", quorum.VOTES)
    check_range(command.confidence_milli, "/confidence_milli", 0, 1_000)
    if given.actor.kind != "agent" or not any(one.agent == command.agent for one in tribunal.members):
        raise Refused("not_a_member", "this agent was not asked", status=403)
    if any(one.agent == command.agent for one in tribunal.judgements):
        raise Refused("already_voted", "this agent has voted in this tribunal")
    seen: ValidatorEvidence = given.evidence
    if not seen.able:
        raise Refused("contained", "an agent that is contained judges nobody", status=403)
    over = bool(tribunal.consensus or tribunal.dissolved)
    late = over or given.at >= tribunal.deadline_at
    cast = TribunalVoted(
        agent=command.agent,
        confidence_milli=command.confidence_milli,
        late=late,
        score=seen.score,
        vote=command.vote,
        weight=consensus.weigh(seen.score, command.confidence_milli),
    )
    drafts = [Draft(facts=cast, private=command.private)]
    if over:
        return drafts
    said = (*tribunal.judgements, _judgement(cast))
    complete = not late and len(said) == len(tribunal.members)
    if late or complete:
        drafts.append(Draft(facts=_ruling(tribunal, said, complete=complete)))
    return drafts


def _judgement(facts: TribunalVoted) -> Judgement:
    return Judgement(facts.agent, facts.vote, facts.confidence_milli, facts.weight, facts.late)


def _known(state: Tribunal | None) -> Tribunal:
    if state is None:
        raise Refused("unknown_tribunal", "no tribunal was convened for it", status=404)
    return state


def counted(tribunal: Tribunal, said: tuple[Judgement, ...]) -> consensus.Consensus:
    """What these say, by the terms it was convened under."""
    return consensus.count(
        said, tribunal.votes_min, tribunal.confidence_min_milli, tribunal.majority_permille
    )


def _ruling(tribunal: Tribunal, said: tuple[Judgement, ...], *, complete: bool) -> Facts:
    found = counted(tribunal, said)
    return TribunalRuled(
        action=tribunal.action,
        against=found.against,
        agent=tribunal.agent,
        complete=complete,
        consensus=found.consensus,
        recommendation=found.recommendation,
        weight=found.weight,
    )


def time_passed(state: Tribunal | None, command: TribunalTimePassed, given: Given) -> list[Draft]:
    """Whatever was said until now; nothing when it is over, or not yet time."""
    tribunal = _known(state)
    if not due(tribunal) or given.at < tribunal.deadline_at:
        return []
    return [Draft(facts=_ruling(tribunal, tribunal.judgements, complete=False))]


def dissolve(state: Tribunal | None, command: DissolveTribunal, given: Given) -> list[Draft]:
    """The decision is over: nobody waits for them any more."""
    tribunal = _known(state)
    if not due(tribunal):
        return []
    return [Draft(facts=TribunalDissolved(agent=tribunal.agent))]


def due(tribunal: Tribunal) -> int:
    """Until when it is waited for, 0 when it is over."""
    return 0 if tribunal.consensus or tribunal.dissolved else tribunal.deadline_at


def may_settle(tribunal: Tribunal | None, terms: TribunalTerms) -> bool:
    """May this ruling decide alone? At level 2 only, when all have voted, by the terms of then *and* of now."""
    if tribunal is None or tribunal.level != ALONE_LEVEL or not tribunal.complete:
        return False
    return all(
        tribunal.consensus in _ENOUGH.get(decides, ()) for decides in (tribunal.decides, terms.decides)
    )


# What happened ------------------------------------------------------------------------------------------------------


def convened(facts: TribunalConvened, event: Event) -> Tribunal:
    return Tribunal(
        seq=event.seq,
        action=facts.action,
        agent=facts.agent,
        level=facts.level,
        members=facts.members,
        deadline_at=facts.deadline_at,
        votes_min=facts.votes_min,
        confidence_min_milli=facts.confidence_min_milli,
        majority_permille=facts.majority_permille,
        decides=facts.decides,
    )


def voted(tribunal: Tribunal, facts: TribunalVoted, event: Event) -> Changes:
    if any(one.agent == facts.agent for one in tribunal.judgements):
        return {}
    return {"judgements": (*tribunal.judgements, _judgement(facts))}


def ruled(tribunal: Tribunal, facts: TribunalRuled, event: Event) -> Changes:
    """The first ruling is the ruling."""
    if not due(tribunal):
        return {}
    return {
        "consensus": facts.consensus,
        "recommendation": facts.recommendation,
        "complete": facts.complete,
    }


def dissolved(tribunal: Tribunal, facts: TribunalDissolved, event: Event) -> Changes:
    return {"dissolved": True} if due(tribunal) else {}


TRIBUNAL = Subject(
    kind="tribunal",
    state=Tribunal,
    decide={
        ConveneTribunal: convene,
        VoteInTribunal: vote,
        DissolveTribunal: dissolve,
        TribunalTimePassed: time_passed,
    },
    evolve={
        TribunalConvened: first(convened),
        TribunalVoted: once(voted),
        TribunalRuled: once(ruled),
        TribunalDissolved: once(dissolved),
    },
    live=lambda tribunal: due(tribunal) > 0,
    due=due,
    overdue=lambda subject, tribunal, at: TribunalTimePassed(subject=subject),
)
TRIBUNAL_FACTS: tuple[type[Facts], ...] = (TribunalConvened, TribunalVoted, TribunalRuled, TribunalDissolved)
