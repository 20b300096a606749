"""SQLiteLedger: the port on one SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from watchfloor.ledger.contract import (
    Batch,
    CheckpointRow,
    CredentialRow,
    Ledger,
    LedgerClosed,
    OrganisationRow,
    StoreSizes,
)
from watchfloor.ledger.directory import check_private_file
from watchfloor.ledger.limits import PAGE_BYTES, RESERVE_BYTES
from watchfloor.ledger.reserve import Reserve
from watchfloor.ledger.sqlite.faults import Faults, NoFaults
from watchfloor.ledger.sqlite.reader import Reader
from watchfloor.ledger.sqlite.writer import Writer


class SQLiteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`synchronous` NORMAL is for benchmarks only: a power cut would lose acknowledged events.

    `pages_max` (16 KiB pages, 0 = no bound) is a quota on the database file.
    """

    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    pages_max: int = 0
    reserve_bytes: int = RESERVE_BYTES


class SQLiteLedger:
    """See `contract.Ledger`. The caller holds the data directory's lock (`directory.DataDirectory`)."""

    def __init__(
        self,
        path: str | Path,
        settings: SQLiteSettings | None = None,
        *,
        faults: Faults | None = None,
        verify: Callable[[Ledger], None] | None = None,
    ) -> None:
        """`verify` is run by `reopen` and raises when the store is not good (see `verify.require_good`)."""
        settings = settings or SQLiteSettings()
        self.path = Path(path)
        for suffix in ("", "-wal", "-shm"):
            check_private_file(self.path.with_name(self.path.name + suffix))
        self._reserve = Reserve(self.path.with_name("reserve"), settings.reserve_bytes)
        self._reserve.refill()
        self._verify = verify
        self._closed = False
        self._writer = Writer(
            self.path,
            synchronous=settings.synchronous,
            pages_max=settings.pages_max,
            reserve=self._reserve,
            faults=faults or NoFaults(),
        )
        self._reader = Reader(self.path, self._writer.poison)

    # -- writes -----------------------------------------------------------------------------------------------

    async def commit(self, batch: Batch) -> None:
        await self._writer.ask(self._writer.do_commit, batch)

    async def store_checkpoint(self, org: int, size: int, note: str) -> None:
        await self._writer.ask(self._writer.do_checkpoint, (org, size, note))

    async def drop_key_partitions(self, before_day: int) -> int:
        days = [day for day in self._reader.partitions() if day < before_day]
        return int(await self._writer.ask(self._writer.do_drop_partitions, days)) if days else 0

    async def compact(self, pages_max: int = 256) -> int:
        return int(await self._writer.ask(self._writer.do_compact, pages_max))

    async def claim_signer_epoch(self, epoch: int) -> None:
        await self._writer.ask(self._writer.do_claim_epoch, epoch)

    async def reopen(self) -> None:
        old = self._reader

        def verify() -> None:
            self._reader = Reader(
                self.path, self._writer.poison
            )  # reads go on meanwhile, through the old one or this
            if self._verify is not None:
                self._verify(self)

        try:
            await self._writer.ask(self._writer.do_reopen, verify)
        finally:
            if self._reader is not old:
                old.close()

    async def close(self) -> None:
        self.close_now()

    def close_now(self) -> None:
        """As `close`, from synchronous code. Waits for the commit that is under way."""
        if not self._closed:
            self._closed = True
            self._reader.close()  # first: the log can be folded away only when nobody reads
            self._writer.close()

    @property
    def poisoned(self) -> str:
        return self._writer.poisoned

    @property
    def full(self) -> bool:
        return self._writer.full

    # -- reads ------------------------------------------------------------------------------------------------

    def organisations(self) -> list[OrganisationRow]:
        return self._reader.organisations()

    def credentials(self) -> Iterator[CredentialRow]:
        return self._reader.credentials()

    def head(self, org: int) -> tuple[int, bytes]:
        return self._reader.head(org)

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        return self._reader.read(org, after, limit)

    def read_stream(self, org: int, stream: int) -> list[tuple[int, bytes, bytes]]:
        return self._reader.read_stream(org, stream)

    def streams(self, org: int, after: int, limit: int) -> list[int]:
        return self._reader.streams(org, after, limit)

    def read_one(self, org: int, seq: int) -> tuple[int, bytes, bytes] | None:
        return self._reader.read_one(org, seq)

    def read_private(self, org: int, seq: int) -> tuple[bytes, bytes] | None:
        return self._reader.read_private(org, seq)

    def read_privates(self, org: int, seqs: Iterable[int]) -> dict[int, tuple[bytes, bytes]]:
        return self._reader.read_privates(org, seqs)

    def privates_between(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        return self._reader.privates_between(org, after, limit)

    def redacted(self, org: int, after: int, limit: int) -> list[int]:
        return self._reader.redacted(org, after, limit)

    def tiles(self, org: int, level: int, index: int) -> bytes | None:
        return self._reader.tiles(org, level, index)

    def tile_count(self, org: int, level: int) -> int:
        return self._reader.tile_count(org, level)

    def checkpoints(self, org: int, limit: int, before: int | None = None) -> list[CheckpointRow]:
        return self._reader.checkpoints(org, limit, before)

    def checkpoints_after(self, org: int, after: int, limit: int) -> list[CheckpointRow]:
        return self._reader.checkpoints_after(org, after, limit)

    def latest_checkpoint(self, org: int) -> CheckpointRow | None:
        return self._reader.latest_checkpoint(org)

    def find_key(self, org: int, credential: str, key: str) -> tuple[bytes, int] | None:
        return self._reader.find_key(org, credential, key)

    def signer_epoch(self) -> int:
        return self._reader.signer_epoch()

    def sizes(self) -> StoreSizes:
        if self._closed:
            raise LedgerClosed("the ledger is closed")
        log = self.path.with_name(self.path.name + "-wal")
        return StoreSizes(
            store_bytes=self.path.stat().st_size,
            log_bytes=log.stat().st_size if log.exists() else 0,
            reclaimable_bytes=self._reader.free_pages() * PAGE_BYTES,
            free_disk_bytes=self._reserve.free_bytes,
            reserve_bytes=self._reserve.held_bytes,
        )
