"""Decisions by people (spec 3.2): the inbox, one decision with everything one needs to judge it, votes."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.edit_messages import EditAction
from watchfloor.actions.life import content_of
from watchfloor.councils import messages as councils
from watchfloor.councils.decision import last_at
from watchfloor.councils.rules import why_not
from watchfloor.engine import voting
from watchfloor.http import comparing, forcing, lists, telling
from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import decisions as wire
from watchfloor.http.bodies.fields import Recorded
from watchfloor.http.bodies.inbox import SimilarList
from watchfloor.http.bodies.tribunals import JudgementItem
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import actions, tribunals
from watchfloor.kernel.terms import TIERS, holds
from watchfloor.trust.rules import tier_at_birth

_OBSTACLES = {
    "person_disabled": "You are disabled.",
    "own_agent": "You own this agent, so others have to decide.",
    "role_missing": "Your role does not decide at this level.",
    "party_to_it": "You registered the agent or asked for this, so others have to decide.",
    "loosened_it": "You loosened the policy for this action, so others have to decide for a while.",
    "not_a_member": "Only members of its committee decide on this.",
    "already_voted": "You have voted.",
    "own_sign_in_needed": "You came by a sign-in link that somebody else made. Set a password of your own first.",
    "over": "The decision is over.",
}
_ENDINGS: dict[type[Any], str] = {
    councils.DecisionApproved: "approved",
    councils.DecisionDenied: "denied",
    councils.DecisionExpired: "expired",
}


def etag(row: dict[str, Any]) -> str:
    """Changes with every event of the decision."""
    return f'"{row["seq"]}"'


def item(call: Call, row: dict[str, Any]) -> wire.DecisionItem:
    """A row of `decisions` as lists show it."""
    action = call.state("action", row["action"])
    agent = call.state("agent", row["agent"])
    return wire.DecisionItem(
        decision_id=row["id"],
        action_id=call.id_of("action", row["action"]),
        agent_id=call.id_of("agent", row["agent"]),
        agent_name=agent.name if agent is not None else "",
        agent_tier=_tier(call, row["agent"]),
        may_vote=may_vote(call, row),
        type=action.action_type if action is not None else "",
        tool=action.tool if action is not None else "",
        level=row["level"],
        risk=row["risk"],
        urgency=row["urgency"],
        role=row["role"],
        needed=row["needed"],
        committee=row["committee"],
        rung=row["rung"],
        rungs=row["rungs"],
        missing=row["missing"],
        lacks=tuple(msgspec.json.decode(row["lacks"] or "[]")),
        approvals=row["approvals"],
        denials=row["denials"],
        status=row["status"],
        reason=row["reason"],
        digest=row["digest"],
        opened_at=row["opened_at"],
        deadline_at=row["deadline_at"],
        decided_at=row["decided_at"],
        forced_by=tuple(msgspec.json.decode(row["forced_by"] or "[]")),
        consensus=row["consensus"],
        recommendation=row["recommendation"],
        review=row["review"],
        review_by_at=row["review_by_at"],
    )


def _tier(call: Call, agent: int) -> str:
    """The recorded tier of an agent, as people read it."""
    trusted = call.state("trust", agent)
    if trusted is not None:
        return TIERS[trusted.tier]
    active = call.read("active_policy", "active")
    return TIERS[tier_at_birth(active.document.trust)] if active is not None else ""


def may_vote(call: Call, row: dict[str, Any]) -> bool:
    """Could the asking person vote on this row's decision?"""
    if row["status"] != "pending":
        return False
    state = call.state("decision", row["decision"])
    return state is not None and not obstacle_of(call, row["decision"], state)


async def inbox(
    call: Call, agent: int | None = None, urgency: str | None = None, limit: int = 0
) -> tuple[Any, Any]:
    """Pending decisions by time left, and the cursor of the next page."""
    where = {"status": "pending", "agent": agent, "urgency": urgency}
    return await lists.page(
        call, "decisions", ("deadline_at", "decision"), where, ascending=True, limit=limit
    )


async def list_decisions(call: Call) -> Reply:
    """Decisions. `status=pending` is the inbox, soonest deadline first; others newest first."""
    params: wire.DecisionsParams = call.params
    agent = call.resolve("agent", params.agent)[0] if params.agent else None
    if params.status == "pending":
        rows, following = await inbox(call, agent, params.urgency)
    else:
        where = {"status": params.status, "agent": agent, "urgency": params.urgency}
        rows, following = await lists.page(call, "decisions", ("decision",), where)
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.DecisionPage(items=items, next=following, seq=call.view_seq))


async def get_decision(call: Call) -> Reply:
    """One decision: what would run, why the gate holds it, who has voted, and whether you may."""
    row, body = await detail(call, call.path["decision"])
    tag = etag(row)
    if call.headers.get("if-none-match") == tag:
        return Reply(status=304, content=b"", headers={"etag": tag})
    return Reply(body=body, headers={"etag": tag})


async def detail(call: Call, text: str) -> tuple[dict[str, Any], wire.DecisionDetail]:
    """The decision of a public id, with its row."""
    subject, state = call.resolve("decision", text)
    row = await lists.viewed(call, "decisions", "decision", subject)
    action = call.state("action", state.action)
    event = await actions.ruling(call, state.action, action)
    content = content_of(state.action, action)
    told = await call.privates([state.action, content])
    asked, private = told.get(state.action), told.get(content)
    lines, _ = await telling.of_story(call, row["story"], state.action, subject)
    obstacle = obstacle_code(call, subject, state)
    body = wire.DecisionDetail(
        decision=item(call, row),
        params=None if private is None else private["action"]["params"],
        words=None if asked is None else asked.get("reason", ""),
        risk=await actions.risk(call, event),
        trace=await actions.trace(call, event),
        votes=await votes(call, subject),
        also=also(call, subject, state),
        judgements=await _judgements(call, subject),
        edit=await _edit(call, state),
        may_vote=not obstacle,
        obstacle=_OBSTACLES.get(obstacle, obstacle),
        obstacle_code=obstacle,
        timeline=lines,
        seq=call.view_seq,
        attempts=getattr(event.facts, "attempts", 1),
        may_force=forcing.may_force(call, subject, state),
        force_asked=tuple(telling.name_of(call, who) for who in state.force_asked),
        may_review=forcing.may_review(call, subject, state),
    )
    return row, body


async def _edit(call: Call, state: Any) -> wire.EditItem | None:
    """Who gave the parameters this decision is about, when it is not the agent who did."""
    seqs = [event for event in (call.state("action", state.action),) if event is not None and event.content]
    if not seqs:
        return None
    event = await call.event(seqs[0].content)
    if event is None or event.facts.digest != state.digest:  # type: ignore[attr-defined]
        return None
    private = (await call.privates([event.seq])).get(event.seq, {})
    by: str = event.facts.by  # type: ignore[attr-defined]
    return wire.EditItem(by=by, name=telling.name_of(call, by), at=event.at, reason=private.get("reason"))


async def _judgements(call: Call, subject: int) -> tuple[JudgementItem, ...]:
    tribunal = call.state("tribunal", subject)
    return () if tribunal is None else await tribunals.judgements(call, subject, tribunal)


def also(call: Call, subject: int, state: Any) -> tuple[wire.DemandItem, ...]:
    """What policies applied since it was opened demand besides its own route."""
    demands = state.also or call.read("demands", subject) or ()
    return tuple(
        wire.DemandItem(
            policy_version=demand.version,
            role="" if demand.committee else demand.role,
            committee=demand.committee,
            needed=demand.needed,
        )
        for demand in demands
    )


def obstacle_of(call: Call, subject: int, state: Any) -> str:
    """Why the asking person may not vote now, as a sentence; empty when they may. The rule itself judges again."""
    code = obstacle_code(call, subject, state)
    return _OBSTACLES.get(code, code)


def obstacle_code(call: Call, subject: int, state: Any) -> str:
    """The same as a code."""
    who = call.principal
    code = ""
    if not holds(who.roles, "operator"):
        code = "role_missing"
    elif state.status != "pending" or call.now >= last_at(state):
        code = "over"
    elif any(vote.person == who.id for vote in state.votes):
        code = "already_voted"
    else:
        voter = voting.voter(call.read, subject, who.id, call.now, who.credential)
        code = why_not(state, who.id, voter)
    return code


async def votes(call: Call, subject: int) -> tuple[wire.VoteItem, ...]:
    """Everybody's say, in order, refused and late ones included."""
    sql = (
        "SELECT v.*, s.at AS seen_at FROM votes v LEFT JOIN seen s"
        " ON s.org = v.org AND s.decision = v.decision AND s.person = v.person"
        " WHERE v.org = :org AND v.decision = :decision ORDER BY v.seq LIMIT 200"
    )
    rows = await call.rows(sql, decision=subject)
    privates = await call.privates(row["seq"] for row in rows)
    return tuple(
        wire.VoteItem(
            person=row["person"],
            name=telling.name_of(call, row["person"]),
            vote=row["vote"],
            late=bool(row["late"]),
            refused=row["refused"],
            at=row["at"],
            comment=privates.get(row["seq"], {}).get("comment"),
            seen_at=row["seen_at"] or 0,
            session=row["session"],
        )
        for row in rows
    )


async def see_decision(call: Call) -> Reply:
    """Say that you have it in front of you. Only the first time is recorded, and only while it waits."""
    subject, _ = call.resolve("decision", call.path["decision"])
    recorded = await call.ask(councils.NoteSeen(subject=subject, person=call.principal.id))
    return Reply(body=Recorded(seq=recorded.seq))


async def cast_vote(call: Call) -> Reply:
    """Vote. Name the digest you saw: what is approved is what runs.

    With If-Match (the decision's ETag) only if nothing has happened to it since.
    """
    body: wire.VoteBody = call.body
    await _unchanged(call)
    return Reply(body=await vote(call, call.path["decision"], body.vote, body.digest, body.comment))


async def _unchanged(call: Call) -> None:
    """Raises Problem 412 when If-Match names another state of the decision than the present one (fault C9)."""
    asked = call.headers.get("if-match")
    if asked is None:
        return
    subject, _ = call.resolve("decision", call.path["decision"])
    row = await lists.viewed(call, "decisions", "decision", subject)
    if asked != etag(row):
        raise Problem(412, "version_conflict", "the decision has changed since you read it")


async def vote(call: Call, text: str, say: str, digest: str, comment: str) -> wire.VoteRecorded:
    """Put the asking person's vote. Raises Problem 403 for a vote that was refused and recorded as such."""
    subject, _ = call.resolve("decision", text)
    command = councils.CastVote(
        subject=subject,
        person=call.principal.id,
        vote=say,
        digest=digest,
        private=encoded({"comment": comment}) if comment else b"",
        session=call.principal.session,
    )
    recorded = await call.ask(command)
    facts: Any = recorded.event.facts if recorded.event is not None else None
    if isinstance(facts, councils.VoteRefused):
        detail_text = _OBSTACLES.get(facts.reason, facts.reason)
        raise Problem(403, facts.reason, f"{detail_text} The attempt is recorded.", seq=recorded.seq)
    late = isinstance(facts, councils.VoteCast) and facts.late
    ended = next(
        (_ENDINGS[type(event.facts)] for event in recorded.events if type(event.facts) in _ENDINGS), ""
    )
    # A repeated request knows only its first event; what became of the decision is in its state.
    status = ended or call.state("decision", subject).status
    return wire.VoteRecorded(
        decision_id=call.path.get("decision", text), vote=say, late=late, status=status, seq=recorded.seq
    )


async def list_similar(call: Call) -> Reply:
    """Similar decisions that are over, with how they ended and what became of the action."""
    subject, state = call.resolve("decision", call.path["decision"])
    return Reply(body=SimilarList(items=await comparing.similar(call, subject, state), seq=call.view_seq))


async def get_impact(call: Call) -> Reply:
    """What approving or denying it, and what comes of it, would do to the agent's trust."""
    _, state = call.resolve("decision", call.path["decision"])
    return Reply(body=comparing.impact(call, state))


async def edit_decision(call: Call) -> Reply:
    """Give it other parameters, as somebody who may decide on it. The gate judges them again, votes cast so far are void,
    and people are asked anew, by a new decision with a new digest. The agent gets these parameters with its grant."""
    await _unchanged(call)
    return Reply(body=await edit(call, call.path["decision"], call.body))


async def edit(call: Call, text: str, body: wire.EditBody) -> wire.EditRecorded:
    """Put the asking person's parameters. Raises Refused: who may not, another digest, what the gate denies."""
    subject, state = call.resolve("decision", text)
    action = call.state("action", state.action)
    canonical = encoded({"params": body.params, "tool": action.tool, "type": action.action_type})
    command = EditAction(
        subject=state.action,
        person=call.principal.id,
        decision=subject,
        digest=body.digest,
        params=body.params,
        action=canonical,
        private=encoded({"action": msgspec.Raw(canonical), "reason": body.reason}),
    )
    recorded = await call.ask(command, salted=True)
    event = recorded.event
    assert event is not None
    facts: Any = event.facts
    waiting = call.read("waiting", state.action)
    return wire.EditRecorded(
        decision_id=call.id_of("decision", waiting) if waiting else "",
        action_id=call.id_of("action", state.action),
        digest=facts.digest,
        level=facts.level,
        risk=facts.risk,
        seq=recorded.seq,
    )


async def force_decision(call: Call) -> Reply:
    """Break-glass: force the action past the people who have not decided yet. Alerts at once; another person reviews it.

    Directors and admins who neither own the agent nor asked; two of them at level 4. Never past the envelope, a stop
    or a breaker.
    """
    await _unchanged(call)
    return Reply(body=await force(call, call.path["decision"], call.body))


async def force(call: Call, text: str, body: wire.ForceBody) -> wire.ForceRecorded:
    """Force it as the asking person. Raises Refused; Problem 403 for an attempt that is recorded as such."""
    subject, _ = call.resolve("decision", text)
    command = councils.ForceDecision(
        subject=subject, person=call.principal.id, digest=body.digest, reason=body.reason
    )
    recorded = await call.ask(command)
    facts: Any = recorded.event.facts if recorded.event is not None else None
    if isinstance(facts, councils.VoteRefused):
        why = _OBSTACLES.get(facts.reason, facts.reason)
        raise Problem(403, facts.reason, f"{why} The attempt is recorded.", seq=recorded.seq)
    forced = isinstance(facts, councils.DecisionForced)
    return wire.ForceRecorded(
        decision_id=text,
        status="forced" if forced else "force_asked",
        review_by_at=facts.review_by_at if forced else 0,
        seq=recorded.seq,
    )


async def review_forced(call: Call) -> Reply:
    """Say whether it was right to force it, as somebody who did not."""
    return Reply(body=Recorded(seq=await review(call, call.path["decision"], call.body)))


async def review(call: Call, text: str, body: wire.ReviewBody) -> int:
    """Put the asking person's review; the seq of its event. Raises Refused."""
    subject, _ = call.resolve("decision", text)
    private = encoded({"comment": body.comment}) if body.comment else b""
    command = councils.ReviewForced(
        subject=subject, person=call.principal.id, verdict=body.verdict, private=private
    )
    return (await call.ask(command)).seq
