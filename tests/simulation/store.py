"""The ledger's port with faults by seed: what is durable is durable, everything else is up to the dice."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from random import Random

from watchfloor.ledger.contract import ZERO_HASH, Batch, CheckpointRow, CredentialRow, OrganisationRow


class CommitFailed(Exception):
    """The commit did not answer `done`. `clean`: nothing was written; otherwise nobody knows."""

    def __init__(self, clean: bool) -> None:
        super().__init__("clean" if clean else "unknown")
        self.clean = clean


class SimulatedStore:
    """In memory, and honest about what survives: only `commit` that returned or silently succeeded."""

    def __init__(self, random: Random, faulty: float) -> None:
        self.random = random
        self.faulty = faulty
        self.rows: dict[int, list[tuple[int, bytes, bytes]]] = {}
        self.streams: dict[tuple[int, int], list[tuple[int, bytes, bytes]]] = {}
        self.privates: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self.tile_rows: dict[tuple[int, int, int], bytes] = {}
        self.keys: dict[tuple[int, str, str], tuple[bytes, int]] = {}
        self.orgs: list[OrganisationRow] = []
        self.commits = 0

    def commit(self, batch: Batch) -> None:
        """Write the batch, or not, or write it and say nothing."""
        self.commits += 1
        dice = self.random.random()
        if dice < self.faulty / 3:
            raise CommitFailed(clean=True)
        if dice < self.faulty * 2 / 3:
            raise CommitFailed(clean=False)  # lost
        for org, seq, stream, data, digest in batch.events:
            rows = self.rows.setdefault(org, [])
            assert seq == len(rows) + 1, "the batch must continue the head"
            row = (seq, data, digest)
            rows.append(row)
            self.streams.setdefault((org, stream), []).append(row)
        for org, seq, salt, body in batch.privates:
            self.privates[(org, seq)] = (salt, body)
        for org, level, index, data in batch.tiles:
            self.tile_rows[(org, level, index)] = data
        for _, org, credential, key, digest, seq in batch.keys:
            self.keys[(org, credential, key)] = (digest, seq)
        self.orgs.extend(OrganisationRow(*row) for row in batch.organisations)
        if dice < self.faulty:
            raise CommitFailed(clean=False)  # written, but nobody was told

    # -- reads (contract.LedgerReads) ---------------------------------------------------------------------------

    def organisations(self) -> list[OrganisationRow]:
        return self.orgs

    def credentials(self) -> Iterator[CredentialRow]:
        return iter(())

    def head(self, org: int) -> tuple[int, bytes]:
        rows = self.rows.get(org)
        return (rows[-1][0], rows[-1][2]) if rows else (0, ZERO_HASH)

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        return self.rows.get(org, [])[after : after + limit]

    def read_stream(self, org: int, stream: int) -> list[tuple[int, bytes, bytes]]:
        return self.streams.get((org, stream), [])

    def read_one(self, org: int, seq: int) -> tuple[int, bytes, bytes] | None:
        rows = self.rows.get(org, [])
        return rows[seq - 1] if 0 < seq <= len(rows) else None

    def read_private(self, org: int, seq: int) -> tuple[bytes, bytes] | None:
        return self.privates.get((org, seq))

    def read_privates(self, org: int, seqs: Iterable[int]) -> dict[int, tuple[bytes, bytes]]:
        return {seq: found for seq in seqs if (found := self.privates.get((org, seq))) is not None}

    def privates_between(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        found = sorted((seq, *part) for (o, seq), part in self.privates.items() if o == org and seq > after)
        return found[:limit]

    def redacted(self, org: int, after: int, limit: int) -> list[int]:
        return []

    def tiles(self, org: int, level: int, index: int) -> bytes | None:
        return self.tile_rows.get((org, level, index))

    def tile_count(self, org: int, level: int) -> int:
        return sum(1 for o, found, _ in self.tile_rows if (o, found) == (org, level))

    def checkpoints(self, org: int, limit: int, before: int | None = None) -> list[CheckpointRow]:
        return []

    def checkpoints_after(self, org: int, after: int, limit: int) -> list[CheckpointRow]:
        return []

    def latest_checkpoint(self, org: int) -> CheckpointRow | None:
        return None

    def find_key(self, org: int, credential: str, key: str) -> tuple[bytes, int] | None:
        return self.keys.get((org, credential, key))

    def signer_epoch(self) -> int:
        return 1

    def at_or_before(self, org: int, at: int, decode_at: list[int]) -> int:
        """Seq of the last event not after an instant, given all instants."""
        return bisect_right(decode_at, at)
