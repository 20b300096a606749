"""The hash chain: `hash = SHA-256(prev ‖ bytes)`, beginning from 32 zero bytes (DESIGN 2b.2)."""

from __future__ import annotations

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
