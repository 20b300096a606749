"""The hash chain: `hash = SHA-256(prev ‖ bytes)`, beginning from 32 zero bytes (DESIGN 2b.2)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from watchfloor.ledger.contract import ZERO_HASH


class Chain:
    """The head of one organisation's chain. `head` may be set back by the engine when a batch is dropped."""

    __slots__ = ("head",)

    def __init__(self, head: bytes = ZERO_HASH) -> None:
        self.head = head

    def append(self, data: bytes) -> bytes:
        """Chain the next event's canonical bytes; returns its hash (32 bytes)."""
        self.head = head = sha256(self.head + data).digest()
        return head


def first_broken(prev: bytes, rows: Iterable[tuple[int, bytes, bytes]], after: int) -> tuple[int, bytes]:
    """Check (seq, data, hash) rows that follow seq `after` whose hash is `prev`.

    Returns (0, hash of the last row) when all is well, else (first wrong seq, last good hash). A gap, a repetition
    and a wrong hash are all wrong at the seq that should have come.
    """
    expected = after
    for seq, data, digest in rows:
        expected += 1
        if seq != expected or sha256(prev + data).digest() != digest:
            return expected, prev
        prev = digest
    return 0, prev
