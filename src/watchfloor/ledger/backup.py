"""Backups: one consistent copy, checksummed, and believed only after it was restored and verified (spec 04, 2b.17).

    backups/20261121T040000.000000Z/
        ledger.db            the copy, one file
        signer-state         what had been signed at that moment (never the key)
        keys/                what calls of workers and agents' tokens are signed with (backup_keys.py), mode 0600
        manifest.json        sizes, checksum, heads; written last

The copy is one `backup(pages=-1)` step on a connection of its own: readers and the writer go on, and there is nothing
to restart (smaller steps begin again at every commit and never end under load).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from watchfloor.ledger.backup_keys import copy_keys
from watchfloor.ledger.contract import LedgerError, LedgerReads
from watchfloor.ledger.directory import make_private
from watchfloor.ledger.files import sync_directory, write_durably
from watchfloor.ledger.limits import BACKUPS_KEPT
from watchfloor.ledger.sqlite.reader import Reader
from watchfloor.ledger.sqlite.schema import open_reader
from watchfloor.ledger.verify import KeyOf, verify_here

MANIFEST = "manifest.json"
DATABASE = "ledger.db"
SIGNER_STATE = "signer-state"


class BackupFailed(LedgerError):
    """The copy could not be made, or did not pass verification; nothing old was removed."""


class BackupHead(msgspec.Struct, frozen=True):
    """How far the copy of one organisation reaches."""

    size: int
    hash: bytes


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`heads` by public id; `created_at` µs UTC; `verified_at` when the restored copy passed; `keys` SHA-256 by name."""

    created_at: int
    verified_at: int
    bytes: int
    sha256: str
    heads: dict[str, BackupHead]
    keys: dict[str, str] = {}


class Backup(msgspec.Struct, frozen=True):
    """A finished backup on disk."""

    path: Path
    manifest: Manifest


def make_backup(
    database: Path,
    backups: Path,
    *,
    now: Callable[[], int],
    key_of: KeyOf | None = None,
    signer_state: bytes | None = None,
    keep: int = BACKUPS_KEPT,
) -> Backup:
    """Copy, checksum, restore into a temporary directory, verify, keep the newest `keep`. Blocking: run it on a thread.

    `now` gives µs UTC. Raises BackupFailed, OSError; an unfinished copy is removed.
    """
    make_private(backups)
    created_at = now()
    name = datetime.fromtimestamp(created_at / 1_000_000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    work = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=backups))
    try:
        copy = work / DATABASE
        _copy(database, copy)
        if signer_state is not None:
            write_durably(work / SIGNER_STATE, [signer_state])
        keys = copy_keys(database.parent, work)
        checksum = file_digest(copy)
        heads = _verify_restored(copy, checksum, database, key_of)
        manifest = Manifest(
            created_at=created_at,
            verified_at=now(),
            bytes=copy.stat().st_size,
            sha256=checksum,
            heads=heads,
            keys=keys,
        )
        write_durably(work / MANIFEST, [msgspec.json.format(msgspec.json.encode(manifest, order="sorted"))])
        final = backups / name
        work.rename(final)
        sync_directory(backups)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    for old in list_backups(backups)[max(1, keep) :]:
        shutil.rmtree(old.path)
    return Backup(final, manifest)


def _copy(database: Path, target: Path) -> None:
    """One step, in one transaction, on own connections; the result is a single synced file."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    source = open_reader(database)
    try:
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # no -wal beside a backup
        finally:
            copy.close()
    except sqlite3.Error as error:
        raise BackupFailed(f"the copy failed: {error}") from error
    finally:
        source.close()
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _verify_restored(
    copy: Path, checksum: str, database: Path, key_of: KeyOf | None
) -> dict[str, BackupHead]:
    """Restore into a temporary directory, verify there, and compare the heads with the living ledger."""
    with tempfile.TemporaryDirectory(prefix=".restored-", dir=copy.parent) as name:
        restored = Path(name) / DATABASE
        place_copy(copy, checksum, restored)
        reads = Reader(restored, _ignore)
        try:
            for report in verify_here(reads, key_of):
                if report.problem:
                    raise BackupFailed(f"the restored copy is not good: {report.problem}")
            heads = read_heads(reads)
        finally:
            reads.close()
    living = Reader(database, _ignore)
    try:
        for row in living.organisations():
            head = heads.get(row.public_id)
            if head is not None and head.size:
                found = living.read_one(row.org, head.size)
                if found is None or found[2] != head.hash:
                    raise BackupFailed(f"the copy of {row.public_id} is not the living ledger's past")
    finally:
        living.close()
    return heads


def read_heads(reads: LedgerReads) -> dict[str, BackupHead]:
    """How far every organisation reaches."""
    return {row.public_id: BackupHead(*reads.head(row.org)) for row in reads.organisations()}


def place_copy(source: Path, checksum: str, target: Path) -> None:
    """Copy a database file, synced, checking what was written. Raises BackupFailed on another checksum."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with source.open("rb") as reading, os.fdopen(descriptor, "wb") as writing:
        shutil.copyfileobj(reading, writing, 1024 * 1024)
        writing.flush()
        os.fsync(writing.fileno())
    sync_directory(target.parent)
    if file_digest(target) != checksum:
        target.unlink()
        raise BackupFailed(f"{source} does not have the checksum of its manifest")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()


def list_backups(backups: Path) -> list[Backup]:
    """The finished backups, newest first. A directory without a readable manifest is not a backup."""
    found = []
    for path in backups.iterdir() if backups.is_dir() else ():
        try:
            found.append(Backup(path, read_manifest(path)))
        except (OSError, BackupFailed):
            continue
    return sorted(found, key=lambda backup: backup.manifest.created_at, reverse=True)


def read_manifest(path: Path) -> Manifest:
    """Raises BackupFailed, OSError."""
    try:
        return msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupFailed(f"{path / MANIFEST}: {error}") from error


def _ignore(_reason: str) -> None:
    return None
