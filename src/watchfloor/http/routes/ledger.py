"""The ledger: head, events, checkpoints, proofs, receipts, verification, exports, audit, redaction (spec 04)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from watchfloor.engine.requests import Lane
from watchfloor.http import replies
from watchfloor.http.asking import Call
from watchfloor.http.bodies import ledger as wire
from watchfloor.http.ports import Export
from watchfloor.http.problems import FieldError, Problem, not_found
from watchfloor.http.replies import Reply
from watchfloor.kernel.system import Redact
from watchfloor.ledger.checkpoints import make_receipt
from watchfloor.ledger.heads import committed_tiles
from watchfloor.ledger.merkle import ReadTile, consistency_proof, root_at

_PEOPLE_EVENTS = ("person.", "organisation.")  # private parts of these are names and addresses


def _tiles(call: Call) -> ReadTile:
    """The tree up to whatever is committed, also while a batch is on its way."""
    return committed_tiles(call.services.tree(call.org), call.services.reads.read)


async def get_head(call: Call) -> Reply:
    """The newest event's position and hash, and the root of the tree over all events."""
    seq, digest = await asyncio.to_thread(call.services.reads.head, call.org)
    root = await asyncio.to_thread(root_at, seq, _tiles(call))
    return Reply(
        body=wire.LedgerHead(
            organisation=call.principal.organisation, seq=seq, hash=digest.hex(), root=root.hex()
        )
    )


async def list_events(call: Call) -> Reply:
    """Events in ledger order, as they were hashed. Private parts with the single event."""
    params: wire.EventsParams = call.params
    rows = await asyncio.to_thread(call.services.reads.read, call.org, params.after, params.limit)
    items = tuple(
        wire.EventItem(seq=seq, hash=digest.hex(), event=msgspec.Raw(data)) for seq, data, digest in rows
    )
    last = items[-1].seq if items else params.after
    return Reply(body=wire.EventPage(items=items, next_after=last, head=call.services.engine.head(call.org)))


def seq_of(call: Call) -> int:
    """The position in the path. Raises Problem 404."""
    text: str = call.path["seq"]
    if (
        not text.isascii()
        or not text.isdigit()
        or len(text) > 15
        or not 0 < int(text) <= call.services.engine.head(call.org)
    ):
        raise not_found("event")
    return int(text)


async def get_event(call: Call) -> Reply:
    """One event as it was hashed, with its private part for those who may see it."""
    seq = seq_of(call)
    row = await asyncio.to_thread(call.services.reads.read_one, call.org, seq)
    if row is None:
        raise not_found("event")
    kind = call.services.decode(row[1]).type
    private: Any = None
    # Names and addresses of persons are for those who administer them and for auditors.
    if not kind.startswith(_PEOPLE_EVENTS) or call.principal.may("admin") or call.principal.may("auditor"):
        private = (await call.privates([seq])).get(seq)
    return Reply(body=wire.EventItem(seq=seq, hash=row[2].hex(), event=msgspec.Raw(row[1]), private=private))


async def get_checkpoint(call: Call) -> Reply:
    """The newest signed tree head (C2SP note)."""
    found = await asyncio.to_thread(call.services.reads.latest_checkpoint, call.org)
    if found is None:
        raise not_found("checkpoint")
    return Reply(body=wire.Checkpoint(size=found.size, note=found.note))


async def get_key(call: Call) -> Reply:
    """The public key of the log (C2SP vkey): pin it, and never take it from who is to be checked."""
    key = await asyncio.to_thread(call.services.admin.key, call.org)
    return Reply(body=wire.LedgerKey(key=key))


async def get_receipt(call: Call) -> Reply:
    """Proof that an event is under the newest checkpoint, as a C2SP tlog-proof file."""
    seq = seq_of(call)
    found = await asyncio.to_thread(call.services.reads.latest_checkpoint, call.org)
    if found is None or found.size < seq:
        raise Problem(
            503,
            "checkpoint_behind",
            "the next checkpoint will cover it",
            retryable=True,
            retry_after_ms=1_000,
        )
    receipt = await asyncio.to_thread(make_receipt, seq, found.note, _tiles(call))
    return Reply(content=receipt.text.encode(), media_type=replies.TEXT)


async def get_consistency(call: Call) -> Reply:
    """Proof that the tree of `new` events begins with the tree of `old` (RFC 6962)."""
    params: wire.ConsistencyParams = call.params
    # What is stored, as the head is told by: the engine hears of a commit a moment later.
    head, _ = await asyncio.to_thread(call.services.reads.head, call.org)
    if not params.old <= params.new <= head:
        wrong = FieldError(field="new", code="out_of_range", detail=f"old ≤ new ≤ {head}")
        raise Problem(422, "invalid_parameters", f"sizes are in order and at most {head}", errors=(wrong,))
    read_tile = _tiles(call)

    def prove() -> wire.Consistency:
        return wire.Consistency(
            old=params.old,
            new=params.new,
            old_root=root_at(params.old, read_tile).hex(),
            new_root=root_at(params.new, read_tile).hex(),
            proof=tuple(part.hex() for part in consistency_proof(params.old, params.new, read_tile)),
        )

    return Reply(body=await asyncio.to_thread(prove))


async def get_verification(call: Call) -> Reply:
    """How far the server has verified its own chain."""
    found = call.services.admin.verification(call.org)
    return Reply(
        body=wire.Verification(
            state=found["state"],
            verified_seq=found["verified_seq"],
            head=call.services.engine.head(call.org),
            broken_seq=found.get("broken_seq", 0),
            at=found["at"],
            detail=found.get("detail", ""),
        )
    )


def _export(found: Export) -> wire.ExportItem:
    return wire.ExportItem(
        export_id=found.id,
        size=found.size,
        created_at=found.created_at,
        bytes=found.bytes,
        state=found.state,
        by=found.by,
    )


async def list_exports(call: Call) -> Reply:
    """The newest exports of the ledger; older ones are removed."""
    items = tuple(_export(found) for found in call.services.admin.exports(call.org))
    return Reply(body=wire.ExportPage(items=items))


async def start_export(call: Call) -> Reply:
    """Begin an export up to the head, for the stand-alone verifier. The same head is exported once."""
    return Reply(body=_export(await call.services.admin.export(call.org, call.principal.id)))


async def download_export(call: Call) -> Reply:
    """A finished export as one ZIP archive, packed while it is sent; `watchfloor-verify` takes it as it is."""
    archive = await call.services.admin.archive(call.org, call.path["export"], call.principal.id)
    headers = {"content-disposition": f'attachment; filename="{archive.name}"', "cache-control": "no-store"}
    return Reply(stream=archive.parts, media_type=replies.ARCHIVE, headers=headers)


async def audit_event(call: Call) -> Reply:
    """Judge one ruling again with its recorded evidence: same, differs, or superseded by newer rules."""
    seq = seq_of(call)
    verdict, detail = await call.services.admin.audit(call.org, seq)
    return Reply(body=wire.AuditResult(seq=seq, verdict=verdict, detail=detail))


async def redact_event(call: Call) -> Reply:
    """Erase the private part of an event. Its commitment stays; verification and replay go on."""
    seq = seq_of(call)
    organisation = call.services.engine.cell(call.org, "names", "organisation")
    event = await call.event(seq)
    if event is None or not event.private:
        raise Problem(409, "no_private_part", "this event has no private part")
    command = Redact(subject=organisation, redacted=seq, reason=call.body.reason)
    recorded = await call.ask(command, lane=Lane.PEOPLE, redacts=(seq,))
    return Reply(body=wire.Redacted(redacted_seq=seq, seq=recorded.seq))
