"""Folded state to a file and back, so that start-up reads the tail only (DESIGN §2 *Start-up*, spec 04).

The copy is of the reference tables (states are frozen), taken at the moment a batch goes to the ledger and written
only after that batch is durable; encoding happens in small blobs, so that the loop is never held for long. A snapshot
made by other code than today's is not used: the fold from zero is always right.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec

from watchfloor.actions.gate import RULES_VERSION
from watchfloor.engine.world import Wiring, World
from watchfloor.ledger.snapshots import Header, Snapshot

_BLOB_CELLS = 256  # about a millisecond of encoding
_encode = msgspec.msgpack.Encoder().encode


class Copy(msgspec.Struct):
    """State as of one seq, safe to encode while the world moves on."""

    header: Header
    tables: dict[str, dict[Any, Any]]

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        """(cell name, encoded cells), a few hundred cells each."""
        for name, table in self.tables.items():
            cells = iter(table.items())
            while some := list(islice(cells, _BLOB_CELLS)):
                yield name, _encode(some)


@cache
def fingerprints(wiring: Wiring) -> dict[str, str]:
    """Per cell name, what its folded values depend on: their shape and the version of the rules."""
    return {
        name: sha256(f"{RULES_VERSION} {_shape(kind)}".encode()).hexdigest()[:16]
        for name, kind in wiring.cell_types.items()
    }


def _shape(kind: Any) -> str:
    return msgspec.json.encode(msgspec.json.schema(kind), order="sorted").decode()


def copy_of(world: World, head_hash: bytes, edge: tuple[bytes, ...], at: int) -> Copy:
    """The state now. Costs one shallow copy per table."""
    header = Header(
        org=world.org,
        public_id=world.public,
        seq=world.seq,
        hash=head_hash,
        edge=edge,
        fingerprints=fingerprints(world.wiring),
        created_at=at,
    )
    return Copy(header, {name: table.copy() for name, table in world.tables.items() if table})


def restore(world: World, snapshot: Snapshot, last_at: int) -> bool:
    """Fill the world from a snapshot; False when today's code would have folded differently.

    `last_at` is the instant of the event at the snapshot's seq.
    """
    if snapshot.header.fingerprints != fingerprints(world.wiring):
        return False
    decoders = {
        name: msgspec.msgpack.Decoder(list[tuple[Any, kind]])  # type: ignore[valid-type]
        for name, kind in world.wiring.cell_types.items()
    }
    for name, blob in snapshot.blobs():
        table = world.tables[name]
        for key, value in decoders[name].decode(blob):
            table[_key(key)] = value
    world.seq = snapshot.header.seq
    world.at = last_at
    return True


def _key(key: Any) -> Any:
    """Tuples come back as lists."""
    return tuple(_key(part) for part in key) if isinstance(key, list) else key
