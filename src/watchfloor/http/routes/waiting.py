"""The inbox (spec 3.2 *Inbox*): what waits for me, my role or anybody; a look at all of it; several votes at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from watchfloor.actions.risk import BANDS, band_of
from watchfloor.councils.demands import may
from watchfloor.councils.messages import Demand
from watchfloor.councils.rules import demand_of
from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import inbox as wire
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import decisions
from watchfloor.kernel.limits import PAGE_MAX
from watchfloor.kernel.messages import Refused

_ALONE_LEVEL = 4  # what is approved by a look at each: this level, and critical risk
_CRITICAL = len(BANDS) - 1
_GROUPS_MAX = 50


class Waiting(msgspec.Struct):
    """A pending decision as the asking person meets it."""

    subject: int
    state: Any
    obstacle: str
    mine: bool  # their role or committee decides
    voted: bool


def waiting(call: Call) -> list[Waiting]:
    """Everything that waits, least time left first, of the same time the higher risk."""
    found = []
    for subject in call.read("pending_decisions", "all") or ():
        state = call.state("decision", subject)
        if state is None or state.status != "pending":
            continue
        found.append(
            Waiting(
                subject,
                state,
                decisions.obstacle_of(call, subject, state),
                _by_role(call, subject, state),
                any(vote.person == call.principal.id for vote in state.votes),
            )
        )
    return sorted(found, key=lambda one: (one.state.deadline_at, -one.state.risk, one.subject))


def _by_role(call: Call, subject: int, state: Any) -> bool:
    """Does the person decide under its route, or one that a policy added, whatever else keeps them from it?"""
    also: tuple[Demand, ...] = call.read("demands", subject) or ()
    who = call.principal
    return any(may(demand, who.id, tuple(who.roles)) for demand in (demand_of(state), *also))


async def list_inbox(call: Call) -> Reply:
    """What waits for me (I may vote now), for my role, or for anybody; by time left, then risk."""
    params: wire.InboxParams = call.params
    everything = waiting(call)
    mine = [one for one in everything if _fits(one, params.whose)]
    after = lists.read_cursor(params.cursor, 3) if params.cursor else None
    rest = [one for one in mine if after is None or _key(one) > after]
    shown = rest[: params.limit]
    rows = await _rows(call, [one.subject for one in shown])
    items = tuple(
        wire.InboxItem(
            decision=decisions.item(call, rows[one.subject]),
            agent_name=_agent(call, one.state.agent),
            may_vote=not one.obstacle,
            obstacle=one.obstacle,
            voted=one.voted,
        )
        for one in shown
        if one.subject in rows
    )
    following = lists.cursor_of(*_key(shown[-1])) if len(rest) > len(shown) else None
    return Reply(body=wire.InboxPage(items=items, total=len(mine), next=following, seq=call.view_seq))


def _fits(one: Waiting, whose: str) -> bool:
    if whose == "me":
        return not one.obstacle
    return one.mine or whose == "all"


def _key(one: Waiting) -> tuple[int, int, int]:
    return one.state.deadline_at, -one.state.risk, one.subject


def _agent(call: Call, subject: int) -> str:
    agent = call.state("agent", subject) if subject else None
    return agent.name if agent is not None else ""


async def _rows(call: Call, subjects: list[int]) -> dict[int, dict[str, Any]]:
    """Rows of these decisions; what the views do not show yet is missing."""
    if not subjects:
        return {}
    marks = ", ".join(f":d{place}" for place in range(len(subjects[:PAGE_MAX])))
    bound = {f"d{place}": subject for place, subject in enumerate(subjects[:PAGE_MAX])}
    sql = f"SELECT * FROM decisions WHERE org = :org AND decision IN ({marks})"  # noqa: S608 - marks only
    return {row["decision"]: row for row in await call.rows(sql, **bound)}


async def get_summary(call: Call) -> Reply:
    """What waits in one look, against fatigue: by risk, by level, and what belongs together."""
    everything = waiting(call)
    groups: dict[tuple[int, str], list[Waiting]] = {}
    for one in everything:
        action = call.state("action", one.state.action)
        kind = action.action_type if action is not None else ""
        groups.setdefault((one.state.agent, kind), []).append(one)
    largest = sorted(groups.items(), key=lambda group: (-len(group[1]), _key(group[1][0])))[:_GROUPS_MAX]
    bands = Counter(BANDS[band_of(one.state.risk)] for one in everything)
    levels = Counter(str(one.state.level) for one in everything)
    body = wire.InboxSummary(
        waiting=len(everything),
        mine=sum(1 for one in everything if not one.obstacle),
        bands={band: bands[band] for band in BANDS},
        levels={level: levels[level] for level in ("2", "3", "4")},
        soonest_at=everything[0].state.deadline_at if everything else 0,
        oldest_at=min((one.state.opened_at for one in everything), default=0),
        groups=tuple(_group(call, agent, kind, members) for (agent, kind), members in largest),
        seq=call.view_seq,
    )
    return Reply(body=body)


def _group(call: Call, agent: int, kind: str, members: list[Waiting]) -> wire.InboxGroup:
    return wire.InboxGroup(
        agent_id=call.id_of("agent", agent),
        agent_name=_agent(call, agent),
        type=kind,
        level=max(one.state.level for one in members),
        band=BANDS[max(band_of(one.state.risk) for one in members)],
        count=len(members),
        deadline_at=members[0].state.deadline_at,
        decision_ids=tuple(call.id_of("decision", one.subject) for one in members),
    )


async def cast_votes(call: Call) -> Reply:
    """Several votes with one confirmation, each naming the digest that was shown. Every vote stands for itself: the answer
    has a line for each, and a repeated request with the same Idempotency-Key gets the same lines."""
    body: wire.VotesBody = call.body
    key = call.key
    items = []
    for place, wanted in enumerate(body.votes):
        if key is not None:
            call.key = msgspec.structs.replace(key, key=f"{key.key}#{place}")
        items.append(await _cast(call, wanted, body.comment))
    call.key = key
    taken = [one for one in items if not one.code]
    answer = wire.VotesRecorded(
        items=tuple(items), taken=len(taken), seq=max((one.seq for one in items), default=0)
    )
    return Reply(body=answer)


async def _cast(call: Call, wanted: wire.ManyVote, comment: str) -> wire.ManyVoted:
    """One vote of many, and why not where it was not taken."""
    try:
        _, state = call.resolve("decision", wanted.decision_id)
        grave = state.level >= _ALONE_LEVEL or band_of(state.risk) >= _CRITICAL
        if grave and wanted.vote == "approve":
            detail = "level 4 and critical risk are approved one by one"
            return _not(wanted, "needs_a_look", detail)
        said = await decisions.vote(call, wanted.decision_id, wanted.vote, wanted.digest, comment)
    except Refused as refused:
        return _not(wanted, refused.code, refused.detail)
    except Problem as problem:
        return _not(wanted, problem.code, problem.detail)
    return wire.ManyVoted(
        decision_id=wanted.decision_id,
        vote=wanted.vote,
        code="late" if said.late else "",
        late=said.late,
        status=said.status,
        seq=said.seq,
    )


def _not(wanted: wire.ManyVote, code: str, detail: str) -> wire.ManyVoted:
    return wire.ManyVoted(decision_id=wanted.decision_id, vote=wanted.vote, code=code, detail=detail)
