"""What the ledger's tests build with: canonical events, histories in a store, and a house per implementation."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.ledger.contract import Batch, Ledger, OrganisationRow
from watchfloor.ledger.heads import Head, load_head
from watchfloor.ledger.signer import Signer
from watchfloor.ledger.sqlite import SQLiteLedger, SQLiteSettings
from watchfloor.ledger.verify import require_good

encode = msgspec.json.Encoder(order="sorted").encode
START_AT = 1_795_000_000_000_000
ORIGIN = "watch.example"


def event_bytes(
    org: str,
    seq: int,
    type_name: str = "note.written/1",
    facts: dict[str, Any] | None = None,
    *,
    kind: str = "note",
    subject: int = 0,
    at: int = 0,
    actor: str = "per_1",
    actor_kind: str = "person",
    cause: int = 0,
    policy: int = 1,
    private: str = "",
) -> bytes:
    """Canonical bytes of one event as the engine would write it."""
    event: dict[str, Any] = {
        "actor": {"credential": "key_a", "id": actor, "kind": actor_kind},
        "at": at or START_AT + seq,
        "cause": cause,
        "correlation": "c",
        "facts": facts or {},
        "org": org,
        "policy": policy,
        "rules": 1,
        "seq": seq,
        "subject": {"id": subject or seq, "kind": kind},
        "type": type_name,
        "v": 1,
    }
    if private:
        event["private"] = private
    return encode(event)


class Historian:
    """Appends events to organisations of a ledger the way the engine does: one batch, tiles included."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.heads: dict[int, Head] = {}

    def head(self, org: int) -> Head:
        if org not in self.heads:
            self.heads[org] = load_head(self.ledger, org, f"org_{org}")
        return self.heads[org]

    def batch(self, org: int, count: int = 1, *, private: bytes = b"", stream: int = 0) -> Batch:
        """A batch of `count` events; the organisation itself comes with the first."""
        head = self.head(org)
        batch = Batch()
        if head.tree.size == 0:
            batch.organisations.append((org, head.public_id, f"Organisation {org}", START_AT))
        for _ in range(count):
            seq = head.tree.size + 1
            salt = sha256(b"salt %d" % seq).digest()
            commitment = sha256(salt + private).hexdigest() if private else ""
            data = event_bytes(head.public_id, seq, subject=stream, private=commitment)
            batch.events.append((org, seq, stream or seq, data, head.append(data)))
            if private:
                batch.privates.append((org, seq, salt, private))
        batch.tiles.extend((org, *tile) for tile in head.tree.take_tiles())
        return batch

    async def write(
        self, org: int, count: int = 1, *, per_commit: int = 100, private: bytes = b"", stream: int = 0
    ) -> None:
        while count > 0:
            await self.ledger.commit(self.batch(org, min(per_commit, count), private=private, stream=stream))
            count -= per_commit

    def forget(self) -> None:
        """After a failed commit: state is loaded anew."""
        self.heads.clear()

    async def sign(self, signer: Signer, *orgs: int) -> None:
        """Checkpoints as the engine takes them: commit, signer's file, publish."""
        requests = []
        for org in orgs or [row.org for row in self.ledger.organisations()]:
            newest = self.ledger.latest_checkpoint(org)
            requests.append((self.head(org).view(self.ledger), newest.note if newest else None))
        for fresh in signer.sign(requests):
            await self.ledger.store_checkpoint(fresh.org, fresh.size, fresh.note)


class Fault:
    """A fault port that raises, once or always, at one stage; counts what passed."""

    def __init__(self) -> None:
        self.stage = ""
        self.error: Callable[[], BaseException] = lambda: RuntimeError("no fault set")
        self.once = True
        self.passed: list[str] = []

    def set(self, stage: str, error: Callable[[], BaseException], *, once: bool = True) -> None:
        self.stage, self.error, self.once = stage, error, once

    def at(self, stage: str, /) -> None:
        self.passed.append(stage)
        if stage == self.stage:
            if self.once:
                self.stage = ""
            raise self.error()


def sqlite_error(code: int, text: str = "injected") -> Callable[[], BaseException]:
    """An error as the sqlite3 module raises it, with its extended code."""

    def make() -> BaseException:
        error = sqlite3.OperationalError(text)
        error.sqlite_errorcode = code
        error.sqlite_errorname = "INJECTED"
        return error

    return make


class SQLiteHouse:
    """Opens SQLite ledgers in a directory, and can break into them from outside."""

    name = "sqlite"

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        directory.chmod(0o700)
        self.path = directory / "ledger.db"
        self.fault = Fault()
        self._open: list[SQLiteLedger] = []

    def open(self, *, quota_pages: int = 0) -> SQLiteLedger:
        settings = SQLiteSettings(pages_max=quota_pages, reserve_bytes=1024 * 1024)
        ledger = SQLiteLedger(self.path, settings, faults=self.fault, verify=require_good)
        self._open.append(ledger)
        return ledger

    def tamper(self, *statements: str) -> None:
        """Run SQL on the file as somebody who owns it: triggers are dropped first."""
        connection = sqlite3.connect(self.path)
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    def close(self) -> None:
        for ledger in self._open:
            ledger.close_now()


HOUSES: dict[str, Callable[[Path], SQLiteHouse]] = {"sqlite": SQLiteHouse}


def organisation(ledger: Ledger, org: int) -> OrganisationRow:
    """The row of an organisation that exists."""
    return next(row for row in ledger.organisations() if row.org == org)


def raw_rows(path: Path, statement: str) -> Iterator[Any]:
    """Rows as they are in the file, past every reader of ours."""
    connection = sqlite3.connect(path)
    try:
        yield from connection.execute(statement).fetchall()
    finally:
        connection.close()
