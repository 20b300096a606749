"""Tribunals (spec 3.2): what validator agents are asked and say; for agents without a socket, too."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.life import content_of
from watchfloor.councils.tribunal_messages import TribunalVoted, VoteInTribunal
from watchfloor.engine.requests import Lane
from watchfloor.http import lists
from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import tribunals as wire
from watchfloor.http.problems import not_found
from watchfloor.http.replies import Reply


def item(call: Call, row: dict[str, Any]) -> wire.TribunalItem:
    """A row of `tribunals` as lists show it."""
    return wire.TribunalItem(
        decision_id=call.id_of("decision", row["decision"]),
        action_id=call.id_of("action", row["action"]),
        agent_id=call.id_of("agent", row["agent"]),
        level=row["level"],
        status=row["status"],
        consensus=row["consensus"],
        recommendation=row["recommendation"],
        complete=bool(row["complete"]),
        weight=row["weight"],
        against=row["against"],
        members=len(msgspec.json.decode(row["members"] or "[]")),
        deadline_at=row["deadline_at"],
        convened_at=row["convened_at"],
        ruled_at=row["ruled_at"],
    )


async def list_tribunals(call: Call) -> Reply:
    """Tribunals, newest first. To an agent: those that wait for its vote."""
    params: wire.TribunalsParams = call.params
    if call.of_agent:
        asked: tuple[int, ...] = call.read("asked", call.principal.subject) or ()
        found = [await lists.viewed(call, "tribunals", "decision", decision) for decision in asked]
        mine = tuple(item(call, row) for row in found)
        return Reply(body=wire.TribunalPage(items=mine, seq=call.view_seq))
    rows, following = await lists.page(call, "tribunals", ("decision",), {"status": params.status})
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.TribunalPage(items=items, next=following, seq=call.view_seq))


async def get_tribunal(call: Call) -> Reply:
    """One tribunal: what is judged, and what each validator said. An agent sees it while it sits on it."""
    subject, _ = call.resolve("decision", call.path["decision"])
    return Reply(body=await detail(call, subject))


async def detail(call: Call, subject: int) -> wire.TribunalDetail:
    """The tribunal on a decision. Raises Problem 404 where there is none, or not for this agent."""
    tribunal = call.state("tribunal", subject)
    if tribunal is None:
        raise not_found("tribunal")
    if call.of_agent and call.principal.subject not in [one.agent for one in tribunal.members]:
        raise not_found("tribunal")
    row = await lists.viewed(call, "tribunals", "decision", subject)
    action = call.state("action", tribunal.action)
    content = content_of(tribunal.action, action)
    told = await call.privates([tribunal.action, content])
    asked, private = told.get(tribunal.action), told.get(content)
    return wire.TribunalDetail(
        tribunal=item(call, row),
        type=action.action_type,
        tool=action.tool,
        digest=action.digest,
        params=None if private is None else private["action"]["params"],
        words=None if asked is None else asked.get("reason", ""),
        judgements=await judgements(call, subject, tribunal),
        seq=call.view_seq,
    )


async def judgements(call: Call, subject: int, tribunal: Any) -> tuple[wire.JudgementItem, ...]:
    """What each member said; a validator that has not voted yet sees nobody's but its own."""
    sql = "SELECT * FROM judgements WHERE org = :org AND decision = :decision"
    said = {row["agent"]: row for row in await call.rows(sql, decision=subject)}
    if call.of_agent and call.principal.subject not in said:
        said = {}
    privates = await call.privates(row["seq"] for row in said.values())
    found = []
    for member in tribunal.members:
        row = said.get(member.agent)
        told = (
            {} if row is None else {name: row[name] for name in ("vote", "confidence_milli", "weight", "at")}
        )
        found.append(
            wire.JudgementItem(
                agent_id=call.id_of("agent", member.agent),
                owner=member.owner,
                score=member.score if row is None else row["score"],
                late=row is not None and bool(row["late"]),
                reasoning=None if row is None else privates.get(row["seq"], {}).get("reasoning"),
                **told,
            )
        )
    return tuple(found)


async def vote_in_tribunal(call: Call) -> Reply:
    """A validator's vote: the same as the frame `tribunal:vote`."""
    body: wire.TribunalVoteBody = call.body
    subject, _ = call.resolve("decision", call.path["decision"])
    if call.state("tribunal", subject) is None:
        raise not_found("tribunal")
    command = VoteInTribunal(
        subject=subject,
        agent=call.principal.subject,
        vote=body.vote,
        confidence_milli=body.confidence_milli,
        private=encoded({"reasoning": body.reasoning}) if body.reasoning else b"",
    )
    recorded = await call.ask(command, lane=Lane.OUTCOMES)
    facts = recorded.event.facts if recorded.event is not None else None
    answer = wire.TribunalVoteRecorded(
        decision_id=call.path["decision"],
        vote=body.vote,
        late=isinstance(facts, TribunalVoted) and facts.late,
        seq=recorded.seq,
    )
    return Reply(body=answer)
