"""Stops and standing approvals (spec 3.1 rule 8, 3.3)."""

from __future__ import annotations

from typing import Any

from watchfloor.actions import messages as actions
from watchfloor.http import lists, stopping
from watchfloor.http.asking import Call
from watchfloor.http.bodies import actions as wire
from watchfloor.http.bodies import fields
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id


async def record_stop(call: Call) -> Reply:
    """Throw a stop. In force at once (at most 2 s), also while the ledger cannot be written: then with status 202."""
    body: wire.RecordStopBody = call.body
    stop_id, effective_at, seq = await stopping.stop(call, body.scope, body.target, body.reason)
    answer = wire.StopRecorded(stop_id=stop_id, effective_at=effective_at, seq=seq, recorded=bool(seq))
    return Reply(status=0 if seq else 202, body=answer)


async def lift_stop(call: Call) -> Reply:
    """Let work go on. Another person than the one who stopped it has to."""
    seq = await stopping.lift(call, call.path["stop"], call.body.reason)
    return Reply(body=fields.Recorded(seq=seq))


async def ease_stop(call: Call) -> Reply:
    """Lift a stop for one name, by another person than the one who stopped it; all else stays stopped."""
    body: wire.EaseStopBody = call.body
    seq = await stopping.ease(call, call.path["stop"], body.scope, body.target, body.reason)
    return Reply(body=fields.Recorded(seq=seq))


def item(call: Call, row: dict[str, Any]) -> wire.StopItem:
    """A row of `stops` as lists show it."""
    state = call.state("stop", row["stop"])
    eased = state.eased if state is not None else ()
    return wire.StopItem(
        stop_id=row["id"],
        scope=row["scope"],
        target=row["target"],
        reason=row["reason"],
        person=row["recorded_by"],
        effective_at=row["effective_at"],
        lifted_at=row["lifted_at"],
        lifted_by=row["lifted_by"],
        eased=tuple(wire.StopStage(scope=scope, target=target) for scope, target in eased),
    )


async def list_stops(call: Call) -> Reply:
    """Stops, newest first."""
    params: wire.StopsParams = call.params
    also = {"in_force": ("lifted_at = 0",), "lifted": ("lifted_at > 0",), None: ()}[params.state]
    rows, following = await lists.page(call, "stops", ("stop",), also=also)
    return Reply(
        body=wire.StopPage(items=tuple(item(call, row) for row in rows), next=following, seq=call.view_seq)
    )


async def grant_standing(call: Call) -> Reply:
    """Trust a type of action of one agent for a time. Never reaches above level 2."""
    body: wire.GrantStandingBody = call.body
    agent, state = call.resolve("agent", body.agent_id)
    if state.owner == call.principal.id:
        raise Problem(403, "own_agent", "nobody vouches for an agent they own")
    command = actions.GrantStanding(agent=agent, type=body.type, expires_at=body.expires_at)
    recorded = await call.ask(command)
    event = recorded.event
    assert event is not None
    assert isinstance(event.facts, actions.StandingGranted)
    standing_id = public_id("standing", event.subject, event.facts.nonce)
    return Reply(body=wire.StandingGranted(standing_id=standing_id, seq=recorded.seq))


async def revoke_standing(call: Call) -> Reply:
    """End a standing approval."""
    subject, _ = call.resolve("standing", call.path["standing"])
    recorded = await call.ask(actions.RevokeStanding(subject=subject))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def list_standing(call: Call) -> Reply:
    """Standing approvals, newest first."""
    rows, following = await lists.page(call, "standing_approvals", ("standing",))
    items = tuple(
        wire.StandingItem(
            standing_id=row["id"],
            agent_id=call.id_of("agent", row["agent"]),
            type=row["type"],
            person=row["granted_by"],
            granted_at=row["granted_at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    )
    return Reply(body=wire.StandingPage(items=items, next=following, seq=call.view_seq))
