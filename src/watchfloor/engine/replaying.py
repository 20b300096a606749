"""`ledger replay`: state at any seq, and one subject's story through time (spec 04)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.engine.sequencer import Sequencer
from watchfloor.engine.snapshot import restore
from watchfloor.engine.world import World
from watchfloor.kernel.codec import Catalogue
from watchfloor.kernel.ids import KINDS, parse_id
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.subject import fold
from watchfloor.ledger.contract import LedgerReads, OrganisationRow
from watchfloor.ledger.snapshots import newest_snapshot

_READ = 2_000
_STEP = 250  # events between two pauses: some milliseconds of the interpreter
_PAUSE_S = 0.002


def _empty(core: Sequencer, reads: LedgerReads, row: OrganisationRow) -> World:
    """A world before its first event. Finished subjects are found by their streams, as far as it has come."""

    def stream(kind: str, subject: int) -> Any:
        rows = reads.read_stream(row.org, subject)
        events = (core.catalogue.decode(data) for seq, data, _ in rows if seq <= world.seq)
        return fold(core.wiring.subjects[kind], (event for event in events if event.kind == kind))

    world = World(row.org, row.public_id, core.wiring, stream)
    return world


def rebuilt(core: Sequencer, reads: LedgerReads, row: OrganisationRow, until: int = 0) -> World:
    """The world folded from zero up to seq `until` (0: the end)."""
    world = _empty(core, reads, row)
    while rows := reads.read(row.org, world.seq, _READ):
        for seq, data, _ in rows:
            if until and seq > until:
                return world
            world.apply(core.catalogue.decode(data))
    return world


def seq_at(reads: LedgerReads, core: Sequencer, org: int, at: int) -> int:
    """The last seq whose event happened at or before the instant, 0 when none did: instants never go back."""
    low, high = 0, reads.head(org)[0]
    while low < high:
        middle = (low + high + 1) // 2
        row = reads.read_one(org, middle)
        if row is not None and core.catalogue.decode(row[1]).at <= at:
            low = middle
        else:
            high = middle - 1
    return low


def as_of(
    core: Sequencer, reads: LedgerReads, row: OrganisationRow, until: int, snapshots: Path, events_max: int
) -> World:
    """The world at seq `until`, folded on from the nearest snapshot before it. In a thread, with pauses for the others.

    Raises Refused when more than `events_max` events lie between.
    """
    world = _empty(core, reads, row)
    found = newest_snapshot(snapshots, row.org, up_to=until)
    last = reads.read_one(row.org, found.header.seq) if found is not None else None
    if found is not None and last is not None and last[2] == found.header.hash:
        restore(world, found, core.catalogue.decode(last[1]).at)
    if until - world.seq > events_max:
        raise Refused(
            "too_far_back",
            f"more than {events_max} events lie between it and the nearest snapshot; use `watchfloor ledger replay`",
            field="seq",
            status=422,
        )
    while world.seq < until:
        for seq, data, _ in reads.read(row.org, world.seq, min(_STEP, until - world.seq)):
            if seq > until:
                break
            world.apply(core.catalogue.decode(data))
        time.sleep(_PAUSE_S)
    return world


def described(world: World, kind: str = "", subject: int = 0) -> dict[str, Any]:
    """A world in numbers, and one subject of it as plain data."""
    counts = {name: len(table) for name, table in world.tables.items() if table}
    policy = world.read("active_policy", "active")
    return {
        "seq": world.seq,
        "at": world.at,
        "counts": counts,
        "agents": _counted(agent.presence for agent in world.tables["agent"].values()),
        "tasks": _counted(task.stage for task in world.tables["task"].values()),
        "policy_version": policy.version if policy is not None else 0,
        "stops": len(world.read("stops", "active") or ()),
        "subject": _plain(world.read(kind, subject)) if kind else None,
    }


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _plain(state: Any) -> Any:
    return None if state is None else msgspec.to_builtins(state, str_keys=True, enc_hook=str)


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
