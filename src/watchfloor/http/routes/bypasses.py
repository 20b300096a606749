"""Time-boxed bypasses of level 2 (spec 3.2 *Inbox*)."""

from __future__ import annotations

from watchfloor.actions import bypass_messages as actions
from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import bypasses as wire
from watchfloor.http.bodies.fields import Recorded
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id


async def open_bypass(call: Call) -> Reply:
    """For some hours nobody is asked about what takes level 2: of one agent or all, of one type or all. Never above it."""
    body: wire.OpenBypassBody = call.body
    agent = 0
    if body.agent_id:
        agent, state = call.resolve("agent", body.agent_id)
        if call.principal.id in (state.owner, state.registrar):
            raise Problem(403, "own_agent", "nobody vouches for an agent they own or registered")
    command = actions.OpenBypass(
        agent=agent,
        type=body.type,
        expires_at=body.expires_at,
        reason=body.reason,
        tell=call.read("active_policy", "active").document.break_glass.tell,
    )
    recorded = await call.ask(command)
    event = recorded.event
    assert event is not None
    assert isinstance(event.facts, actions.BypassOpened)
    bypass_id = public_id("bypass", event.subject, event.facts.nonce)
    return Reply(body=wire.BypassOpened(bypass_id=bypass_id, seq=recorded.seq))


async def end_bypass(call: Call) -> Reply:
    """Take it back: from now on people are asked again."""
    subject, _ = call.resolve("bypass", call.path["bypass"])
    recorded = await call.ask(actions.EndBypass(subject=subject))
    return Reply(body=Recorded(seq=recorded.seq))


async def list_bypasses(call: Call) -> Reply:
    """Bypasses, newest first."""
    rows, following = await lists.page(call, "bypasses", ("bypass",))
    items = tuple(
        wire.BypassItem(
            bypass_id=row["id"],
            agent_id=call.id_of("agent", row["agent"]),
            type=row["type"],
            reason=row["reason"],
            person=row["opened_by"],
            opened_at=row["opened_at"],
            expires_at=row["expires_at"],
            ended_at=row["ended_at"],
            ended_by=row["ended_by"],
            in_force=not row["ended_at"] and row["expires_at"] > call.now,
        )
        for row in rows
    )
    return Reply(body=wire.BypassPage(items=items, next=following, seq=call.view_seq))
