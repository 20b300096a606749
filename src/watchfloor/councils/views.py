"""What people see of decisions: `decisions` and `votes` (spec 3.2). Comments are joined by seq."""

from __future__ import annotations

import msgspec

from watchfloor.councils.messages import (
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
    DecisionWarned,
    VoteCast,
    VoteRefused,
)
from watchfloor.councils.schedule_views import PROJECT_SCHEDULES, SCHEDULES
from watchfloor.councils.tribunal_views import JUDGEMENTS, PROJECT_TRIBUNALS, TRIBUNALS
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import (
    Change,
    Computed,
    Index,
    Projectors,
    Table,
    Value,
    array,
    flag,
    instant,
    integer,
    text,
)

_json = msgspec.json.Encoder().encode

_COUNT = """(SELECT count(DISTINCT v.person) FROM votes v WHERE v.org = a.org AND v.decision = a.decision
 AND v.refused = '' AND v.late = 0 AND v.vote = '{vote}')"""

DECISIONS = Table(
    name="decisions",
    version=4,
    meaning="Every action that needs or needed somebody's agreement.",
    key=("decision",),
    columns={
        "decision": integer("subject"),
        "id": text("public id dec_…"),
        "action": integer("subject; the seq whose private part holds the parameters"),
        "agent": integer("subject"),
        "owner": text("public id of the agent's owner, who may not decide"),
        "level": integer("authorization level 2 to 4"),
        "risk": integer("score 0 to 100"),
        "urgency": text("low, normal, high or immediate"),
        "role": text("role of those who may decide"),
        "needed": integer("distinct persons, or weight of the committee, who must approve"),
        "committee": text("name of the committee that decides; empty: everybody with the role"),
        "members": array("JSON array of [public id, role of the seat, weight, veto]; of a committee"),
        "rung": integer("how many rungs of the escalation were climbed"),
        "rungs": integer("how many there are"),
        "tell": array("JSON array of who was told last"),
        "missing": integer("an unanswerable decision: how much is missing for it to be possible"),
        "lacks": array("JSON array: of which role:… or committee:… somebody must be added"),
        "status": text("pending, approved, denied, expired or cancelled"),
        "reason": text("voted, vetoed, tribunal, forced, unanswered, unanswerable, or why it was cancelled"),
        "unanswered": text("what a passed deadline means: expired or denied"),
        "digest": text("of the action; a vote names it"),
        "voters": array("JSON array of the public ids whose votes approved it"),
        "forced_by": array("JSON array of the public ids of those who forced it (break-glass)"),
        "consensus": text("of its tribunal: unanimous, majority, split or no_quorum; empty: none has ruled"),
        "recommendation": text("of its tribunal: approve, deny or empty"),
        "review_by_at": instant("a forced one: until when another person reviews it"),
        "review": text("a forced one: justified, unjustified, overdue, or empty while it is awaited"),
        "deadline_at": instant(
            "the next rung is told then, after the last one silence ends it and never grants"
        ),
        "opened_at": instant("when"),
        "decided_at": instant("0: pending"),
        "story": text("correlation; key of timeline"),
        "seq": integer("newest event"),
    },
    indexes=(
        Index(("deadline_at",), where="status = 'pending'"),
        Index(("action",)),
        Index(("agent",)),
    ),
    computed={
        "approvals": Computed(integer("votes for it that count"), _COUNT.format(vote="approve")),
        "denials": Computed(integer("votes against it that count"), _COUNT.format(vote="deny")),
    },
)

VOTES = Table(
    name="votes",
    version=2,
    meaning="What each person said on a decision, the refused and the late included.",
    key=("decision", "seq"),
    columns={
        "decision": integer("subject"),
        "seq": integer("of the vote, whose private part holds the comment"),
        "person": text("public id"),
        "vote": text("approve, deny or abstain; empty when refused"),
        "late": flag("the decision was over: kept, changes nothing"),
        "session": text("by what the person came: browser, token or link; empty: not recorded"),
        "refused": text("why this person may not vote; empty: accepted"),
        "at": instant("when"),
    },
    indexes=(Index(("person",)),),
)

SEEN = Table(
    name="seen",
    version=1,
    meaning="Who has opened a decision while it waited, and when first: where the time of a review begins.",
    key=("decision", "person"),
    columns={
        "decision": integer("subject"),
        "person": text("public id"),
        "at": instant("when first"),
    },
    indexes=(Index(("person",)),),
)

TABLES = (DECISIONS, VOTES, SEEN, SCHEDULES, TRIBUNALS, JUDGEMENTS)


def _opened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionOpened)
    return [
        DECISIONS.put(
            event.subject,
            id=public_id("decision", event.subject, facts.nonce),
            action=facts.action,
            agent=facts.agent,
            owner=facts.owner,
            level=facts.level,
            risk=facts.risk,
            urgency=facts.urgency,
            role=facts.role,
            needed=facts.needed,
            committee=facts.committee,
            members=_json(facts.members).decode(),
            rungs=len(facts.ladder),
            tell=_json(facts.tell).decode(),
            status="pending",
            unanswered=facts.unanswered,
            digest=facts.digest,
            deadline_at=facts.deadline_at,
            opened_at=event.at,
            story=event.correlation,
            seq=event.seq,
        ),
        # The action's own row says which decision it waits for; tables are joined by name, never by import.
        Change("actions", "set", (facts.action,), {"decision": event.subject}),
    ]


def _warned(event: Event) -> list[Change]:
    return [DECISIONS.set(event.subject, seq=event.seq)]


def _escalated(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionEscalated)
    tell = _json(facts.tell).decode()
    return [
        DECISIONS.set(event.subject, rung=facts.rung, deadline_at=facts.deadline_at, tell=tell, seq=event.seq)
    ]


def _taken_over(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionTakenOver)
    return [DECISIONS.set(event.subject, tell=_json(facts.tell).decode(), seq=event.seq)]


def _ended(event: Event, status: str, **values: Value) -> list[Change]:
    return [DECISIONS.set(event.subject, status=status, decided_at=event.at, seq=event.seq, **values)]


def _voted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, VoteCast)
    late = int(facts.late)
    row = VOTES.put(
        event.subject,
        event.seq,
        person=facts.person,
        vote=facts.vote,
        late=late,
        session=facts.session,
        at=event.at,
    )
    return [row, DECISIONS.set(event.subject, seq=event.seq)]


def _seen(event: Event) -> list[Change]:
    """The decision's own row stays as it is: its tag is of what can change a vote, and looking changes nothing."""
    facts = event.facts
    assert isinstance(facts, DecisionSeen)
    return [SEEN.put(event.subject, facts.person, at=event.at)]


def _vote_refused(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, VoteRefused)
    row = VOTES.put(event.subject, event.seq, person=facts.person, refused=facts.reason, at=event.at)
    return [row, DECISIONS.set(event.subject, seq=event.seq)]


def _approved(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionApproved)
    reason = "tribunal" if facts.tribunal else "voted"
    return _ended(event, "approved", reason=reason, voters=_json(facts.voters).decode())


def _force_asked(event: Event) -> list[Change]:
    return [DECISIONS.set(event.subject, seq=event.seq)]


def _forced(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionForced)
    by = _json(facts.by).decode()
    return _ended(event, "approved", reason="forced", forced_by=by, review_by_at=facts.review_by_at)


def _alerted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionAlerted)
    if facts.alert == "forced":
        return [DECISIONS.set(event.subject, seq=event.seq)]
    return [DECISIONS.set(event.subject, review="overdue", seq=event.seq)]


def _reviewed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionReviewed)
    return [DECISIONS.set(event.subject, review=facts.verdict, seq=event.seq)]


def _denied(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionDenied)
    lacks = _json(facts.lacks).decode()
    return _ended(event, "denied", reason=facts.reason, missing=facts.missing, lacks=lacks)


def _expired(event: Event) -> list[Change]:
    return _ended(event, "expired", reason="unanswered")


def _cancelled(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, DecisionCancelled)
    return _ended(event, "cancelled", reason=facts.reason)


PROJECT: Projectors = {
    **PROJECT_SCHEDULES,
    **PROJECT_TRIBUNALS,
    DecisionOpened: _opened,
    DecisionWarned: _warned,
    DecisionEscalated: _escalated,
    DecisionTakenOver: _taken_over,
    VoteCast: _voted,
    VoteRefused: _vote_refused,
    DecisionSeen: _seen,
    DecisionApproved: _approved,
    DecisionDenied: _denied,
    DecisionExpired: _expired,
    DecisionCancelled: _cancelled,
    DecisionForceAsked: _force_asked,
    DecisionForced: _forced,
    DecisionAlerted: _alerted,
    DecisionReviewed: _reviewed,
}
