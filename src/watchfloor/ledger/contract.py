"""The ledger's port: what one commit writes, what can be read back, and how it fails (spec 04, DESIGN §2).

Every implementation is run by `tests/contracts`; they share tests, never code. Rows are plain tuples because they go
to `executemany` as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

ZERO_HASH = bytes(32)  # what the first event of an organisation is chained to


class EventRow(NamedTuple):
    org: int
    seq: int
    stream: int
    data: bytes
    hash: bytes


class PrivateRow(NamedTuple):
    org: int
    seq: int
    salt: bytes
    body: bytes


class TileRow(NamedTuple):
    """A full C2SP tile: 256 hashes, 8,192 bytes."""

    org: int
    level: int
    tile: int
    data: bytes


class KeyRow(NamedTuple):
    """A client-chosen idempotency key; `day` is the partition (days since 1970, UTC) that is dropped as a whole."""

    day: int
    org: int
    credential: str
    key: str
    body_digest: bytes
    seq: int


class CredentialRow(NamedTuple):
    """Not an event (DESIGN 2b.6). `revoked_at` 0 = in force; `scopes` is JSON text; `verifier` never the secret itself."""

    id: str
    org: int
    kind: str
    subject: int
    verifier: bytes
    scopes: str
    created_at: int
    expires_at: int
    revoked_at: int
    label: str


class OrganisationRow(NamedTuple):
    org: int
    public_id: str
    name: str
    created_at: int


class CheckpointRow(NamedTuple):
    """A signed note over the first `size` events."""

    size: int
    note: str


class StoreSizes(msgspec.Struct, frozen=True, kw_only=True):
    """What health shows (bytes)."""

    store_bytes: int
    log_bytes: int
    reclaimable_bytes: int
    free_disk_bytes: int
    reserve_bytes: int


class Batch(msgspec.Struct, kw_only=True):
    """Everything one commit writes: all of it becomes durable, or none. Lists of plain tuples in the rows' order.

    Events of one organisation are in seq order and continue its head. `redactions` are (org, seq) whose private row is
    erased in this commit. `essential` commits (stops, redactions, the last words at shutdown) may use the disk reserve.
    """

    events: list[tuple[int, int, int, bytes, bytes]] = msgspec.field(default_factory=list)
    privates: list[tuple[int, int, bytes, bytes]] = msgspec.field(default_factory=list)
    tiles: list[tuple[int, int, int, bytes]] = msgspec.field(default_factory=list)
    keys: list[tuple[int, int, str, str, bytes, int]] = msgspec.field(default_factory=list)
    credentials: list[tuple[str, int, str, int, bytes, str, int, int, int, str]] = msgspec.field(
        default_factory=list
    )
    organisations: list[tuple[int, str, str, int]] = msgspec.field(default_factory=list)
    redactions: list[tuple[int, int]] = msgspec.field(default_factory=list)
    essential: bool = False


class LedgerError(Exception):
    """Anything the ledger refuses or cannot do. `retryable`: nothing was written and the same call may succeed later."""

    retryable = False


class StorageFull(LedgerError):
    """No space left before the commit record: rolled back cleanly, nothing was written (DESIGN 2b.17)."""

    retryable = True


class StorageBusy(LedgerError):
    """Another writer held the store for too long; nothing was written."""

    retryable = True


class BatchRefused(LedgerError):
    """The batch contradicts what is stored; nothing was written."""


class SequenceConflict(BatchRefused):
    """The batch does not continue the head of an organisation: a second writer, or a gap."""


class LedgerPoisoned(LedgerError):
    """An I/O error or an unknown outcome: nothing more is accepted until the store is reopened and verified."""


class LedgerClosed(LedgerError):
    """The ledger was closed."""


class LedgerReads(Protocol):
    """What can be read: synchronously, from any thread, committed rows only."""

    def organisations(self) -> list[OrganisationRow]: ...

    def credentials(self) -> Iterator[CredentialRow]: ...

    def head(self, org: int) -> tuple[int, bytes]:
        """(seq, hash) of the newest event; (0, ZERO_HASH) when there is none."""

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        """(seq, data, hash) with seq > after, in order, at most `limit`."""

    def read_stream(self, org: int, stream: int) -> list[tuple[int, bytes, bytes]]: ...

    def read_one(self, org: int, seq: int) -> tuple[int, bytes, bytes] | None: ...

    def read_private(self, org: int, seq: int) -> tuple[bytes, bytes] | None:
        """(salt, body), or None when there never was one or it was erased."""

    def read_privates(self, org: int, seqs: Iterable[int]) -> dict[int, tuple[bytes, bytes]]: ...

    def privates_between(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        """(seq, salt, body) with seq > after, in order."""

    def redacted(self, org: int, after: int, limit: int) -> list[int]:
        """Seqs > after whose private part was erased, in order."""

    def tiles(self, org: int, level: int, index: int) -> bytes | None: ...

    def tile_count(self, org: int, level: int) -> int:
        """How many full tiles of this level are stored."""

    def checkpoints(self, org: int, limit: int, before: int | None = None) -> list[CheckpointRow]:
        """Newest first, of the signer epoch in force; `before` = only sizes below it."""

    def checkpoints_after(self, org: int, after: int, limit: int) -> list[CheckpointRow]:
        """Oldest first, of the signer epoch in force, sizes above `after`."""

    def latest_checkpoint(self, org: int) -> CheckpointRow | None: ...

    def find_key(self, org: int, credential: str, key: str) -> tuple[bytes, int] | None:
        """(body digest, seq) of a remembered idempotency key."""

    def signer_epoch(self) -> int: ...


class VerifiableReads(LedgerReads, Protocol):
    """What verification looks at besides: how the store has filed the events."""

    def streams(self, org: int, after: int, limit: int) -> list[int]:
        """The stream of each event that `read` with the same arguments returns."""


class Ledger(VerifiableReads, Protocol):
    """One deployment's store. Writes are awaited one at a time."""

    async def commit(self, batch: Batch) -> None:
        """Write the batch; returns only after fsync.

        Raises StorageFull or StorageBusy (rolled back, retryable), BatchRefused (rolled back), LedgerPoisoned
        (outcome unknown, or poisoned before).
        """

    async def store_checkpoint(self, org: int, size: int, note: str) -> None:
        """Publish a signed note, under the signer epoch in force. The same note again is accepted; another one for the
        same size is BatchRefused."""

    async def drop_key_partitions(self, before_day: int) -> int:
        """Drop whole days of idempotency keys older than `before_day`; returns how many."""

    async def compact(self, pages_max: int = 256) -> int:
        """Give at most `pages_max` free pages back to the file system; returns how many. Never blocks longer than 1 s."""

    async def reopen(self) -> None:
        """After poisoning: close, open anew, make what is readable durable, verify, accept writes again."""

    async def claim_signer_epoch(self, epoch: int) -> None:
        """Record that signer `epoch` is the one signer of this deployment; a lower one is BatchRefused (DESIGN 2b.4).

        Checkpoints of earlier epochs stay as evidence of an abandoned history, but are no longer read.
        """

    async def close(self) -> None: ...

    @property
    def poisoned(self) -> str:
        """Why the writer refuses, or ""."""

    @property
    def full(self) -> bool:
        """True while the disk is full: only essential batches are tried."""

    def sizes(self) -> StoreSizes: ...
