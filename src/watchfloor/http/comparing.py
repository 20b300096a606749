"""Beside a decision: what became of similar ones, and what it would do to the agent's trust (spec 3.2 *Inbox*)."""

from __future__ import annotations

from typing import Any

from watchfloor.http.asking import Call
from watchfloor.http.bodies import inbox as wire
from watchfloor.kernel.instants import day_of
from watchfloor.kernel.limits import SIMILAR_LOOKED_AT_MAX, SIMILAR_MAX
from watchfloor.kernel.terms import TIERS
from watchfloor.registers.directory import ActivePolicy
from watchfloor.trust import rules, scoring

_COLUMNS = """d.decision, d.id, d.action, d.agent, d.level, d.risk, d.status, d.reason, d.decided_at,
 a.type, a.tool, a.status AS outcome"""
_OF_AGENT = f"""SELECT {_COLUMNS} FROM decisions d JOIN actions a ON a.org = d.org AND a.action = d.action
 WHERE d.org = :org AND d.agent = :agent AND d.decision != :decision AND d.status != 'pending'
 AND a.type = :type AND a.tool = :tool ORDER BY d.decision DESC LIMIT {SIMILAR_MAX}"""  # noqa: S608 - names from code, values bound
_OF_CLASS = f"""SELECT {_COLUMNS} FROM (
 SELECT * FROM decisions WHERE org = :org ORDER BY decision DESC LIMIT {SIMILAR_LOOKED_AT_MAX}
 ) d JOIN actions a ON a.org = d.org AND a.action = d.action
 WHERE d.decision != :decision AND d.status != 'pending' AND a."class" = :class
 ORDER BY d.decision DESC LIMIT {2 * SIMILAR_MAX}"""  # noqa: S608 - names from code, values bound


async def similar(call: Call, subject: int, state: Any) -> tuple[wire.SimilarItem, ...]:
    """Decisions that are over: this agent's of the same type and tool, then others of the same class."""
    action = call.state("action", state.action)
    if action is None:
        return ()
    own = await call.rows(
        _OF_AGENT, agent=state.agent, decision=subject, type=action.action_type, tool=action.tool
    )
    known = {row["decision"] for row in own}
    room = SIMILAR_MAX - len(own)
    others = await call.rows(_OF_CLASS, decision=subject, **{"class": action.cls}) if room else []
    more = [row for row in others if row["decision"] not in known][:room]
    return tuple(_item(call, row, "agent") for row in own) + tuple(_item(call, row, "class") for row in more)


def _item(call: Call, row: dict[str, Any], same: str) -> wire.SimilarItem:
    return wire.SimilarItem(
        decision_id=row["id"],
        action_id=call.id_of("action", row["action"]),
        agent_id=call.id_of("agent", row["agent"]),
        same=same,
        type=row["type"],
        tool=row["tool"],
        level=row["level"],
        risk=row["risk"],
        status=row["status"],
        reason=row["reason"],
        outcome=row["outcome"],
        decided_at=row["decided_at"],
    )


# A vote, what would come of it, and the trust event that gives (processes/learning.py); empty: none.
_COURSES = (
    ("approve", "completed", "action_completed"),
    ("approve", "failed", "failed"),
    ("approve", "unknown", "timed_out"),
    ("deny", "", ""),
)


def impact(call: Call, state: Any) -> wire.Impact:
    """The agent's score and tier now, and under each course of things, decay and today's cap counted."""
    active: ActivePolicy = call.read("active_policy", "active")
    terms = active.document.trust
    trust = call.state("trust", state.agent) if state.agent else None
    counts = () if trust is None else trust.counts
    tier = rules.tier_at_birth(terms) if trust is None else trust.tier
    day = day_of(call.now)
    score = scoring.score(counts, terms, day)
    capped = scoring.on_day(counts, day, scoring.CAPPED) >= terms.successes_per_day
    items = []
    for vote, outcome, what in _COURSES:
        counted = what in terms.kinds and not (what in scoring.CAPPED and capped)
        then = scoring.score(scoring.add(counts, what, day, 1), terms, day) if counted else score
        items.append(
            wire.ImpactItem(
                vote=vote,
                outcome=outcome,
                score=then,
                change=then - score,
                tier=TIERS[scoring.tier_of(then, tier, terms)],
            )
        )
    return wire.Impact(
        agent_id=call.id_of("agent", state.agent),
        score=score,
        tier=TIERS[tier],
        capped=capped,
        items=tuple(items),
        seq=call.view_seq,
    )
