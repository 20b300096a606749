"""Starting, restoring, and admitting a rollback (spec 04 *Backup*, 09-faults A10, A11, A17, A18).

The start-up procedure: the signer's memory is compared with what is stored (a shorter or other history means
read-only), then everything since the last verified head is walked. The whole ledger is checked later, in the
background, by other processes. Nothing here changes history; `declare_rollback` only makes the signer accept it, and
its caller records who said so and why.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from watchfloor.ledger.backup import (
    DATABASE,
    SIGNER_STATE,
    BackupFailed,
    Manifest,
    place_copy,
    read_heads,
    read_manifest,
)
from watchfloor.ledger.backup_keys import fault_of_keys, restore_keys
from watchfloor.ledger.contract import Ledger, LedgerError
from watchfloor.ledger.directory import DataDirectory, make_private
from watchfloor.ledger.files import sync_directory, write_durably
from watchfloor.ledger.heads import Head, HistoryDamaged, load_head
from watchfloor.ledger.signer import ForkSuspected, RollbackSuspected, Signer
from watchfloor.ledger.signer_state import raise_epoch
from watchfloor.ledger.sqlite.reader import Reader
from watchfloor.ledger.verify import (
    Report,
    forget_verified,
    load_verified,
    save_verified,
    verify_here,
    verify_ledger,
)

VERIFIED_FILE = "verified.json"


class StartUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a start found. `read_only` says why nothing may be written, "" when all is well; `heads` by organisation."""

    read_only: str
    rollback: bool
    reports: tuple[Report, ...]
    heads: dict[int, Head]


def start_up(ledger: Ledger, signer: Signer, verified: Path) -> StartUp:
    """The checks before the first command. `verified` is the file that remembers how far earlier checks got.

    Never raises for what it finds: the reason is in the answer, so that views, health and export still work.
    """
    heads: dict[int, Head] = {}
    reasons: list[str] = []
    rollback = False
    known = {signer.key_of(row.public_id).name for row in ledger.organisations()}
    for origin in signer.origins:
        if origin not in known:
            rollback = True
            reasons.append(f"{origin} was signed before and is not in the ledger")
    for row in ledger.organisations():
        try:
            head = heads[row.org] = load_head(ledger, row.org, row.public_id)
            newest = ledger.latest_checkpoint(row.org)
            signer.check(head.view(ledger), newest.note if newest else None)
        except (RollbackSuspected, ForkSuspected) as error:
            rollback = True
            reasons.append(str(error))
        except LedgerError as error:
            reasons.append(str(error))
    reports: list[Report] = []
    if not reasons:
        reports = verify_here(ledger, signer.key_of, load_verified(verified))
        reasons = [f"{report.public_id}: {report.problem}" for report in reports if report.problem]
        if not reasons:
            save_verified(verified, reports)
    return StartUp(read_only="; ".join(reasons), rollback=rollback, reports=tuple(reports), heads=heads)


def verify_whole(database: Path, signer: Signer, verified: Path, *, processes: int = 2) -> list[Report]:
    """The whole ledger in other processes, from the first event; remembers how far it was good. Blocking."""
    opener = partial(Reader, database, _ignore)
    reports = verify_ledger(opener, signer.key_of, processes=processes)
    if not any(report.problem for report in reports):
        save_verified(verified, reports)
    return reports


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation whose loss was admitted: the facts of `ledger.rollback_declared/1`."""

    org: int
    public_id: str
    size_lost: int
    size_now: int


async def declare_rollback(ledger: Ledger, signer: Signer, verified: Path) -> list[Rollback]:
    """Accept the stored history although more, or something else, was signed. Returns what to record, by organisation.

    The signer's epoch rises and checkpoints of the abandoned history are no longer read (they stay as evidence). The
    history that remains must itself be good: HistoryDamaged otherwise. Earlier pins outside still show the fork.
    """
    for report in verify_here(ledger):
        if report.problem:
            raise HistoryDamaged(report.org, report.first_bad, report.problem)
    views = {}
    for row in ledger.organisations():
        views[signer.key_of(row.public_id).name] = load_head(ledger, row.org, row.public_id).view(ledger)
    stored = {}
    for origin, view in views.items():
        newest = ledger.latest_checkpoint(view.org)
        stored[origin] = newest.note if newest else None
    forgotten = signer.declare_rollback([(view, stored[origin]) for origin, view in views.items()])
    await ledger.claim_signer_epoch(signer.epoch)
    forget_verified(verified)
    return [
        Rollback(
            org=view.org,
            public_id=view.public_id,
            size_lost=max(0, forgotten[origin] - view.size),
            size_now=view.size,
        )
        for origin, view in views.items()
        if origin in forgotten
    ]


def restore(backup: Path, directory: Path, *, now: Callable[[], int], replace: bool = False) -> Manifest:
    """Put a backup in place of a data directory's ledger. The server must be stopped: the directory's lock is taken.

    An existing ledger is never overwritten: with `replace` it is moved aside into `replaced-<time>/`. The signer's own
    files stay as they are, so that a start over a shorter history says *rollback suspected*. Where there are none (a
    restore elsewhere), the state of the backup is put there with the next epoch: a restored copy; the key has to be
    brought from its own safe place. Keys of workers' calls and agents' tokens that are missing are put in place, others
    stay. Raises BackupFailed, DirectoryHeld, OSError.
    """
    manifest = read_manifest(backup)
    if fault := fault_of_keys(backup, manifest.keys):
        raise BackupFailed(f"{backup}: {fault}")
    with DataDirectory(directory) as data:
        if data.database.exists():
            if not replace:
                raise BackupFailed(f"{data.database} exists: say `--replace` to move it aside first")
            _move_aside(data, now())
        place_copy(backup / DATABASE, manifest.sha256, data.database)
        reads = Reader(data.database, _ignore)
        try:
            problems = [report.problem for report in verify_here(reads) if report.problem]
            if problems or read_heads(reads) != manifest.heads:
                raise BackupFailed("the backup does not verify: " + "; ".join(problems or ["other heads"]))
        finally:
            reads.close()
        state = data.signer / "state"
        if not state.exists() and (backup / SIGNER_STATE).exists():
            make_private(data.signer)
            write_durably(state, [raise_epoch((backup / SIGNER_STATE).read_bytes())])
        restore_keys(backup, data.path, manifest.keys)
    return manifest


def _move_aside(data: DataDirectory, at: int) -> None:
    name = datetime.fromtimestamp(at / 1_000_000, UTC).strftime("replaced-%Y%m%dT%H%M%S.%fZ")
    aside = make_private(data.path / name)
    for suffix in ("", "-wal", "-shm"):
        path = data.database.with_name(data.database.name + suffix)
        if path.exists():
            shutil.move(path, aside / path.name)
    for path in (data.path / VERIFIED_FILE, data.snapshots):
        if path.exists():
            shutil.move(path, aside / path.name)  # they speak of the other history
    sync_directory(data.path)


def _ignore(_reason: str) -> None:
    return None
