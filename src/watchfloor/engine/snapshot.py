"""Folded state to a file and back, so that start-up reads the tail only (DESIGN §2 *Start-up*, spec 04).

A copy begins at the moment a batch goes to the ledger and is written only after that batch is durable. Nothing is
copied at once: the world remembers what its cells held before their first change (`World.before`), and the copy reads
a few hundred cells at a time through that, so that the loop is never held for long however many subjects there are. A
snapshot made by other code than today's is not used: the fold from zero is always right.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec

from watchfloor.actions.gate import RULES_VERSION
from watchfloor.engine.world import ABSENT, Wiring, World
from watchfloor.ledger.snapshots import Header, Snapshot

_BLOB_CELLS = 256  # about a millisecond of encoding
_encode = msgspec.msgpack.Encoder().encode


class Copy:
    """State as of one seq, while the world moves on. One at a time of a world; `close` it in any case."""

    def __init__(self, header: Header, world: World) -> None:
        if world.before is not None:
            raise RuntimeError("this world is being copied")
        self.header = header
        self._world = world
        self._before: dict[str, dict[Any, Any]] = {name: {} for name in world.tables}
        world.before = self._before

    def cells(self) -> Iterator[tuple[str, list[tuple[Any, Any]]]]:
        """(cell name, a few hundred cells) until all have been seen; nothing for a name without cells."""
        for name, table in self._world.tables.items():
            before = self._before[name]
            # Listing half a million keys takes 5 ms. What was dropped since the copy began is only in `before`.
            keys = iter([*table, *(key for key in before if key not in table)])
            while some := list(islice(keys, _BLOB_CELLS)):
                held = ((key, before[key] if key in before else table[key]) for key in some)
                if cells := [cell for cell in held if cell[1] is not ABSENT]:
                    yield name, cells

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        """(cell name, encoded cells)."""
        for name, cells in self.cells():
            yield name, _encode(cells)

    def close(self) -> None:
        """The world need not remember any more."""
        if self._world.before is self._before:
            self._world.before = None


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
    """The state now."""
    header = Header(
        org=world.org,
        public_id=world.public,
        seq=world.seq,
        hash=head_hash,
        edge=edge,
        fingerprints=fingerprints(world.wiring),
        created_at=at,
    )
    return Copy(header, world)


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
