"""Supervision of agents by agents (spec 2.3)."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.fleet import supervision_messages as fleet
from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import supervision as wire
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id

_numbers = msgspec.json.Decoder(tuple[int, ...]).decode


async def arrange_supervision(call: Call) -> Reply:
    """Let agents supervise a domain: the primary first, then the backups in order. The same domain again changes it."""
    body: wire.ArrangeSupervisionBody = call.body
    known = call.services.engine.cell(call.org, "domains", body.domain) or 0
    command = fleet.ArrangeSupervision(
        subject=known,
        domain=body.domain,
        primary=call.resolve("agent", body.primary_id)[0],
        backups=tuple(call.resolve("agent", agent)[0] for agent in body.backup_ids),
        members=tuple(call.resolve("agent", agent)[0] for agent in body.member_ids),
        patience_ms=body.patience_ms,
        tasks_max=body.tasks_max,
    )
    recorded = await call.ask(command)
    event = recorded.event
    assert event is not None
    assert isinstance(event.facts, fleet.SupervisionArranged)
    answer = wire.SupervisionArranged(
        supervision_id=public_id("supervision", event.subject, event.facts.nonce),
        holder_id=call.id_of("agent", event.facts.agent),
        generation=event.facts.generation,
        seq=recorded.seq,
    )
    return Reply(body=answer)


def item(call: Call, row: dict[str, Any]) -> wire.SupervisionItem:
    """A row of `supervisions`."""
    return wire.SupervisionItem(
        supervision_id=row["id"],
        domain=row["domain"],
        state=row["state"],
        holder_id=call.id_of("agent", row["holder"]),
        generation=row["generation"],
        primary_id=call.id_of("agent", row["primary"]),
        backup_ids=tuple(call.id_of("agent", agent) for agent in _numbers(row["backups"])),
        member_ids=tuple(call.id_of("agent", agent) for agent in _numbers(row["members"])),
        patience_ms=row["patience_ms"],
        tasks_max=row["tasks_max"],
        reason=row["reason"],
        changed_at=row["changed_at"],
    )


async def list_supervisions(call: Call) -> Reply:
    """Domains, newest first. `state=people`: nobody is there to supervise them."""
    params: wire.SupervisionsParams = call.params
    rows, following = await lists.page(call, "supervisions", ("supervision",), {"state": params.state})
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.SupervisionPage(items=items, next=following, seq=call.view_seq))


async def get_supervision(call: Call) -> Reply:
    """One domain."""
    subject, _ = call.resolve("supervision", call.path["supervision"])
    row = await lists.viewed(call, "supervisions", "supervision", subject)
    return Reply(body=wire.SupervisionDetail(supervision=item(call, row), seq=call.view_seq))


async def pass_supervision(call: Call) -> Reply:
    """Pass a domain and its holder's open work to another of its agents: a named one, or the first that is there."""
    body: wire.PassSupervisionBody = call.body
    subject, _ = call.resolve("supervision", call.path["supervision"])
    agent = call.resolve("agent", body.agent_id)[0] if body.agent_id else 0
    reason = body.reason or "by a person"
    recorded = await call.ask(fleet.PassSupervision(subject=subject, agent=agent, reason=reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def end_supervision(call: Call) -> Reply:
    """Nobody supervises this domain any more."""
    subject, _ = call.resolve("supervision", call.path["supervision"])
    recorded = await call.ask(fleet.EndSupervision(subject=subject, reason=call.body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))
