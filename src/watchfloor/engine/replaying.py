"""`ledger replay`: state at any seq, and one subject's story through time (spec 04)."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.engine.sequencer import Sequencer
from watchfloor.engine.world import World
from watchfloor.kernel.codec import Catalogue
from watchfloor.kernel.ids import KINDS, parse_id
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.subject import fold
from watchfloor.ledger.contract import LedgerReads, OrganisationRow

_READ = 2_000


def rebuilt(core: Sequencer, reads: LedgerReads, row: OrganisationRow, until: int = 0) -> World:
    """The world folded from zero up to seq `until` (0: the end). Finished subjects are found by their streams."""

    def stream(kind: str, subject: int) -> Any:
        rows = reads.read_stream(row.org, subject)
        events = (core.catalogue.decode(data) for seq, data, _ in rows if seq <= world.seq)
        return fold(core.wiring.subjects[kind], (event for event in events if event.kind == kind))

    world = World(row.org, row.public_id, core.wiring, stream)
    while rows := reads.read(row.org, world.seq, _READ):
        for seq, data, _ in rows:
            if until and seq > until:
                return world
            world.apply(core.catalogue.decode(data))
    return world


def replayed(core: Sequencer, reads: LedgerReads, row: OrganisationRow, until: int) -> dict[str, Any]:
    """What the state held then: seq, instant, and how many cells of each name."""
    world = rebuilt(core, reads, row, until)
    counts = {name: len(table) for name, table in world.tables.items() if table}
    return {"seq": world.seq, "at": world.at, **counts}


def told(reads: LedgerReads, catalogue: Catalogue, org: int, public: str) -> list[dict[str, Any]]:
    """Every event of a subject, and every event that tells its story, in order. Raises Refused for a malformed id."""
    kind = KINDS.get(public.partition("_")[0])
    if kind is None:
        raise Refused("unknown_id", f"{public!r} is not a public id", status=404)
    subject, _ = parse_id(public, kind)
    lines = []
    after = 0
    while rows := reads.read(org, after, _READ):
        for seq, data, _ in rows:
            after = seq
            event = catalogue.decode(data)
            if event.correlation == public or (event.kind, event.subject) == (kind, subject):
                lines.append(
                    {
                        "seq": seq,
                        "at": event.at,
                        "type": event.type,
                        "actor": event.actor.id,
                        "facts": msgspec.to_builtins(event.facts),
                    }
                )
    return lines
