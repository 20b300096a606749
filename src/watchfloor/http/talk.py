"""Messages as answers show them, read by number: rows of the views, their text from the ledger (spec 2.6).

Text is never kept anywhere but in the ledger's private parts, so what was erased there is gone everywhere at once:
from pages, from streams, from search.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from watchfloor.http.bodies.chat import Author, MessageItem
from watchfloor.http.identity import Principal
from watchfloor.http.ports import Services
from watchfloor.kernel.ids import PREFIXES, parse_id, public_id
from watchfloor.kernel.messages import Refused
from watchfloor.registers.stops import names_of

_text_of = msgspec.json.Decoder(dict[str, str]).decode


def read(services: Services, org: int, conversation: int, after: int, limit: int) -> list[dict[str, Any]]:
    """Rows with a number above `after`, in order. Blocks: call it in a thread."""
    sql = (
        "SELECT * FROM messages WHERE org = :org AND conversation = :conversation AND number > :after"
        " ORDER BY number LIMIT :limit"
    )
    return services.views.rows(
        sql, {"org": org, "conversation": conversation, "after": after, "limit": limit}
    )


def texts(services: Services, org: int, rows: Iterable[dict[str, Any]]) -> dict[int, str]:
    """Text by seq; what was erased is missing. Blocks: call it in a thread."""
    seqs = sorted(row["seq"] for row in rows)
    found = services.reads.read_privates(org, seqs) if seqs else {}
    return {seq: _text_of(body).get("text", "") for seq, (_, body) in found.items()}


def shown(
    services: Services, org: int, rows: Iterable[dict[str, Any]], told: dict[int, str]
) -> list[MessageItem]:
    """Rows with their texts and the names of their authors. On the loop's thread: it looks at states."""
    return [
        MessageItem(
            number=row["number"],
            at=row["at"],
            author=Author(
                kind=row["author_kind"], id=row["author"], name=name_of(services, org, row["author"])
            ),
            text=told.get(row["seq"]),
            untrusted=row["author_kind"] == "agent",
            seq=row["seq"],
            reply_to=row["reply_to"],
            stream=row["stream"],
            task_id=_task(services, org, row["task"]),
        )
        for row in rows
    ]


def _task(services: Services, org: int, task: int) -> str:
    state = services.engine.state(org, "task", task) if task else None
    return "" if state is None else public_id("task", task, state.nonce)


def name_of(services: Services, org: int, actor: str) -> str:
    """The handle of a person or the name of an agent; empty when unknown."""
    for kind, name in (("person", "handle"), ("agent", "name")):
        if actor.startswith(f"{PREFIXES[kind]}_"):
            try:
                subject, _ = parse_id(actor, kind)
            except Refused:
                return ""
            state = services.engine.state(org, kind, subject)
            return "" if state is None else str(getattr(state, name))
    return ""


def silenced(services: Services, who: Principal) -> None:
    """Refused `stopped`: a stop that hits an agent silences it towards other agents, as its actions (DESIGN 2b.9)."""
    if who.kind != "agent" or not services.engine.stops.any:
        return
    names = names_of(who.subject, lambda name, key: services.engine.cell(who.org, name, key))
    if services.engine.stops.hits(who.org, names):
        raise Refused("stopped", "a stop is in force", status=403)
