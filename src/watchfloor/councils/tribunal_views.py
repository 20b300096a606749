"""What people see of tribunals: `tribunals` and `judgements` (spec 3.2 *Tribunal*). Reasonings are joined by seq."""

from __future__ import annotations

import msgspec

from watchfloor.councils.tribunal_messages import (
    TribunalConvened,
    TribunalDissolved,
    TribunalRuled,
    TribunalVoted,
)
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import (
    Change,
    Index,
    Projectors,
    Table,
    array,
    flag,
    instant,
    integer,
    text,
)

_json = msgspec.json.Encoder().encode

TRIBUNALS = Table(
    name="tribunals",
    version=1,
    meaning="Validator agents that were asked about a decision, and what they came to.",
    key=("decision",),
    columns={
        "decision": integer("subject; the tribunal has its integer"),
        "action": integer("subject; the seq whose private part holds the parameters"),
        "agent": integer("subject: whose action it is"),
        "level": integer("authorization level 2 to 4"),
        "members": array("JSON array of [agent, owner, trust score]"),
        "status": text("open, ruled or dissolved (the decision was over before)"),
        "consensus": text("unanimous, majority, split or no_quorum; empty: not ruled"),
        "recommendation": text("approve, deny or empty"),
        "complete": flag("every member has voted"),
        "weight": integer("of those for it, thousandths"),
        "against": integer("of those against it, thousandths"),
        "deadline_at": instant("until when they are waited for"),
        "convened_at": instant("when"),
        "ruled_at": instant("0: not yet"),
    },
    indexes=(Index(("deadline_at",), where="status = 'open'"),),
)

JUDGEMENTS = Table(
    name="judgements",
    version=1,
    meaning="What each validator said, the late included.",
    key=("decision", "agent"),
    columns={
        "decision": integer("subject"),
        "agent": integer("subject: the validator"),
        "vote": text("approve, deny or abstain"),
        "confidence_milli": integer("0 to 1000"),
        "score": integer("trust at that instant"),
        "weight": integer("trust times confidence, thousandths"),
        "late": flag("it had ruled already, or its time was over"),
        "seq": integer("of the vote, whose private part holds the reasoning"),
        "at": instant("when"),
    },
)


def _convened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TribunalConvened)
    return [
        TRIBUNALS.put(
            event.subject,
            action=facts.action,
            agent=facts.agent,
            level=facts.level,
            members=_json(facts.members).decode(),
            status="open",
            deadline_at=facts.deadline_at,
            convened_at=event.at,
        )
    ]


def _voted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TribunalVoted)
    return [
        JUDGEMENTS.put(
            event.subject,
            facts.agent,
            vote=facts.vote,
            confidence_milli=facts.confidence_milli,
            score=facts.score,
            weight=facts.weight,
            late=int(facts.late),
            seq=event.seq,
            at=event.at,
        )
    ]


def _ruled(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TribunalRuled)
    return [
        TRIBUNALS.set(
            event.subject,
            status="ruled",
            consensus=facts.consensus,
            recommendation=facts.recommendation,
            complete=int(facts.complete),
            weight=facts.weight,
            against=facts.against,
            ruled_at=event.at,
        ),
        Change(
            "decisions",
            "set",
            (event.subject,),
            {"consensus": facts.consensus, "recommendation": facts.recommendation},
        ),
    ]


def _dissolved(event: Event) -> list[Change]:
    return [TRIBUNALS.set(event.subject, status="dissolved")]


PROJECT_TRIBUNALS: Projectors = {
    TribunalConvened: _convened,
    TribunalVoted: _voted,
    TribunalRuled: _ruled,
    TribunalDissolved: _dissolved,
}
