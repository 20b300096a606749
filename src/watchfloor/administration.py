"""What an operator may ask of a running server's ledger: exports, verification, audits, backups (spec 04).

Part of the composition root: it joins ledger, engine and HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from watchfloor.engine import replaying
from watchfloor.engine.auditing import RULINGS, audit_one
from watchfloor.engine.engine import Engine
from watchfloor.exporting import Exports
from watchfloor.http.ports import Archive, BackupMade, Backups, Compaction, Export
from watchfloor.kernel.limits import REPLAY_EVENTS_MAX
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.terms import Policy
from watchfloor.ledger.backup import Backup, list_backups, make_backup
from watchfloor.ledger.contract import LedgerError, OrganisationRow
from watchfloor.ledger.directory import DataDirectory
from watchfloor.ledger.limits import BACKUPS_KEPT, PAGE_BYTES
from watchfloor.ledger.recovery import VERIFIED_FILE, verify_whole
from watchfloor.ledger.signer import Signer, state_copy
from watchfloor.policy.messages import PolicyApplied
from watchfloor.telemetry import logs

_log = logging.getLogger(__name__)


class Administration:
    """Long work runs on threads or in other processes; the event loop never waits for it."""

    def __init__(self, engine: Engine, directory: DataDirectory, signer: Signer) -> None:
        self._engine = engine
        self._directory = directory
        self._signer = signer
        self._exports = Exports(engine, directory, signer)
        self._replaying = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._verified: dict[int, dict[str, Any]] = {}
        self._policies: dict[tuple[int, int], Policy] = {}
        self._copying: asyncio.Task[Backup] | None = None
        self._copy_failed = ""
        self._every_hours = 0
        self._compacting = False
        self._freed_bytes = 0

    def _row(self, org: int) -> OrganisationRow:
        return next(row for row in self._engine.ledger.organisations() if row.org == org)

    def key(self, org: int) -> str:
        """The vkey with which checkpoints of this organisation are signed."""
        return self._signer.key_of(self._row(org).public_id).text

    # -- state as it was ------------------------------------------------------------------------------------------

    async def replay(self, org: int, seq: int, at: int, kind: str, subject: int) -> dict[str, Any]:
        """State at a seq (0: now) or at an instant, one at a time. Raises Refused."""
        core, reads, row = self._engine.core, self._engine.ledger, self._row(org)

        def work() -> dict[str, Any]:
            head = reads.head(org)[0]
            until = replaying.seq_at(reads, core, org, at) if at else min(seq or head, head)
            world = replaying.as_of(core, reads, row, until, self._directory.snapshots, REPLAY_EVENTS_MAX)
            return replaying.described(world, kind, subject)

        async with self._replaying:
            return await asyncio.to_thread(work)

    # -- exports ------------------------------------------------------------------------------------------------

    def exports(self, org: int) -> list[Export]:
        """The newest exports of an organisation, newest first."""
        return self._exports.all(org)

    async def export(self, org: int, by: str) -> Export:
        """Begin an export up to the head; the same head is exported once."""
        return self._exports.begin(self._row(org), by)

    async def archive(self, org: int, export_id: str, by: str) -> Archive:
        """A finished export of this organisation as one archive. Raises Refused."""
        return await self._exports.archive(self._row(org), export_id, by)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- upkeep ---------------------------------------------------------------------------------------------------

    def log_level(self) -> tuple[str, str]:
        """What the log of this node holds now, and what it holds after a restart."""
        return logs.level(), logs.configured()

    def set_log_level(self, level: str, by: str) -> None:
        """Change it until the next restart. The line about it is there whatever the levels are."""
        before = logs.level()
        logs.set_level("warning" if before == "error" else before)
        _log.warning("log level changed from %s to %s by %s", before, level, by)
        logs.set_level(level)

    def compaction(self) -> Compaction:
        """Room in the ledger's file."""
        sizes = self._engine.ledger.sizes()
        return Compaction(
            state="running" if self._compacting else "idle",
            bytes=sizes.store_bytes,
            free_bytes=sizes.reclaimable_bytes,
            freed_bytes=self._freed_bytes,
        )

    def begin_compaction(self) -> None:
        """Give free pages back in the background; while that is under way, nothing more."""
        if not self._compacting:
            self._compacting = True
            self._keep(asyncio.create_task(self._compact()))

    async def _compact(self) -> None:
        freed = 0
        try:
            while pages := await self._engine.ledger.compact():
                freed += pages
        except (LedgerError, OSError) as error:
            _log.error("compaction failed: %s", error)
        finally:
            self._compacting = False
            self._freed_bytes = freed * PAGE_BYTES

    # -- verification ---------------------------------------------------------------------------------------------

    async def verify(self) -> None:
        """The whole chain in other processes; what is found is kept for `verification`."""
        reports = await asyncio.to_thread(
            verify_whole, self._directory.database, self._signer, self._directory.path / VERIFIED_FILE
        )
        for report in reports:
            self._verified[report.org] = {
                "state": "bad" if report.problem else "good",
                "verified_seq": report.first_bad - 1 if report.problem else report.size,
                "broken_seq": report.first_bad,
                "at": self._engine.clock(),
                "detail": report.problem,
            }
            if report.problem:
                _log.critical("the ledger of %s does not verify: %s", report.public_id, report.problem)
                self._engine.read_only = f"the ledger does not verify: {report.problem}"

    def begin_verification(self) -> None:
        """Verify in the background (start-up verified only what is new)."""
        self._keep(asyncio.create_task(self._verify_quietly()))

    async def _verify_quietly(self) -> None:
        try:
            await self.verify()
        except (LedgerError, OSError) as error:
            _log.error("verification could not run: %s", error)

    def verification(self, org: int) -> Mapping[str, Any]:
        """What the server's own check of the whole ledger found."""
        running = {"state": "running", "verified_seq": 0, "broken_seq": 0, "at": 0, "detail": ""}
        return self._verified.get(org, running)

    # -- audit ----------------------------------------------------------------------------------------------------

    async def audit(self, org: int, seq: int) -> tuple[str, str]:
        """Judge one ruling again from the evidence it recorded. Raises Refused."""
        event = self._engine.event(org, seq)
        if event is None or not isinstance(event.facts, RULINGS):
            raise Refused("not_a_ruling", f"the event at seq {seq} is no ruling of the gate", status=404)
        verdict = await asyncio.to_thread(self._audited, org, event.subject, seq)
        return verdict, f"rules version {event.rules}, policy version {event.policy}"

    def _audited(self, org: int, action: int, seq: int) -> str:
        rows = self._engine.ledger.read_stream(org, action)
        events = [self._engine.core.catalogue.decode(data) for _, data, _ in rows]
        versions = {event.policy for event in events if isinstance(event.facts, RULINGS)}
        return audit_one(events, seq, {version: self._policy(org, version) for version in versions})

    def _policy(self, org: int, version: int) -> Policy:
        """A policy as it was applied, from its own stream."""
        known = self._policies.get((org, version))
        if known is None:
            subject = self._engine.cell(org, "active_policy", "active").subject
            for _, data, _ in self._engine.ledger.read_stream(org, subject):
                facts = self._engine.core.catalogue.decode(data).facts
                if isinstance(facts, PolicyApplied):
                    self._policies[(org, facts.version)] = facts.document
            known = self._policies[(org, version)]
        return known

    # -- backup ---------------------------------------------------------------------------------------------------

    async def backup(self) -> Backup:
        """Copy, restore elsewhere, verify, keep three. While one is being made: that one. Raises LedgerError, OSError."""
        if self._copying is None:
            self._copying = asyncio.create_task(self._backup())
            self._keep(self._copying)
        return await asyncio.shield(self._copying)

    async def _backup(self) -> Backup:
        work = partial(
            make_backup,
            self._directory.database,
            self._directory.backups,
            now=self._engine.clock,
            key_of=self._signer.key_of,
            signer_state=state_copy(self._directory.signer),
        )
        try:
            made = await asyncio.to_thread(work)
        except (LedgerError, OSError) as error:
            self._copy_failed = str(error)
            raise
        finally:
            self._copying = None
        self._copy_failed = ""
        return made

    def begin_backup(self) -> None:
        """Make one now, in the background; `backups` says what becomes of it."""
        self._keep(asyncio.create_task(self._backup_quietly()))

    async def _backup_quietly(self) -> bool:
        try:
            await self.backup()
        except (LedgerError, OSError) as error:
            _log.error("backup failed: %s", error)
            return False
        return True

    def backups(self, org: int) -> Backups:
        """Those on disk, newest first, how far each reaches in an organisation, and when the next one is."""
        folder = self._directory.backups
        made = list_backups(folder) if folder.exists() else []
        public = self._row(org).public_id
        newest = made[0].manifest.created_at if made else self._engine.clock()
        items = tuple(
            BackupMade(
                name=one.path.name,
                created_at=one.manifest.created_at,
                verified_at=one.manifest.verified_at,
                bytes=one.manifest.bytes,
                seq=one.manifest.heads[public].size if public in one.manifest.heads else 0,
            )
            for one in made
        )
        return Backups(
            items=items,
            state="running" if self._copying is not None else "failed" if self._copy_failed else "idle",
            detail=self._copy_failed,
            next_at=newest + self._every_hours * 3_600_000_000 if self._every_hours else 0,
            every_hours=self._every_hours,
            kept=BACKUPS_KEPT,
            data=str(self._directory.path),
        )

    def begin_backups(self, hours: int) -> None:
        """A backup every `hours`, the first when the newest one is older than that; 0 never."""
        self._every_hours = hours
        if hours:
            self._keep(asyncio.create_task(self._backups(hours * 3_600)))

    async def _backups(self, every_s: int) -> None:
        while True:
            made = list_backups(self._directory.backups) if self._directory.backups.exists() else []
            age = (
                self._engine.clock() // 1_000_000 - made[0].manifest.created_at // 1_000_000
                if made
                else every_s
            )
            if age < every_s:
                await asyncio.sleep(min(every_s - age, 3_600))
                continue
            if not await self._backup_quietly():
                await asyncio.sleep(600)

    async def stop(self) -> None:
        await self._exports.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def newest_backup(directory: Path) -> int:
    """Instant of the newest backup in µs, 0 when there is none."""
    made = list_backups(directory) if directory.exists() else []
    return made[0].manifest.created_at if made else 0
