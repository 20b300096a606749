"""Backups are believed after a restore; restoring and rollbacks are admitted, never silent (spec 04; 09-faults A17, A18)."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.ledger_kit import ORIGIN, START_AT, Historian, SQLiteHouse, organisation
from tests.unit.verify.story_kit import run

from watchfloor.ledger.backup import BackupFailed, list_backups, make_backup
from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.directory import DataDirectory, DirectoryHeld
from watchfloor.ledger.export import ExportFailed, export_ledger
from watchfloor.ledger.heads import HistoryDamaged
from watchfloor.ledger.recovery import declare_rollback, restore, start_up
from watchfloor.ledger.signer import Signer, state_copy
from watchfloor.ledger.signer_state import SignerError
from watchfloor.ledger.sqlite import SQLiteLedger


class Clock:
    def __init__(self) -> None:
        self.at = START_AT

    def __call__(self) -> int:
        self.at += 1_000_000
        return self.at


class Site:
    """A data directory with a signed ledger and its backups."""

    def __init__(self, path: Path) -> None:
        self.house = SQLiteHouse(path)
        self.path = path
        self.clock = Clock()
        self.ledger: SQLiteLedger = self.house.open()
        self.signer = Signer(path / "signer", ORIGIN)
        self.historian = Historian(self.ledger)

    async def write(self, count: int) -> None:
        await self.historian.write(1, count, private=b"said in private")
        await self.historian.sign(self.signer)

    def backup(self, keep: int = 3) -> Path:
        made = make_backup(
            self.house.path,
            self.path / "backups",
            now=self.clock,
            key_of=self.signer.key_of,
            signer_state=state_copy(self.path / "signer"),
            keep=keep,
        )
        return made.path

    def stop(self) -> None:
        self.house.close()
        self.signer.close()

    def start(self) -> str:
        self.stop()
        self.ledger = self.house.open()
        self.signer = Signer(self.path / "signer", ORIGIN)
        self.historian = Historian(self.ledger)
        return start_up(self.ledger, self.signer, self.path / "verified.json").read_only


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data")
    yield made
    made.stop()


async def test_a_backup_restores_elsewhere_to_the_same_history(site: Site, tmp_path: Path) -> None:
    await site.write(300)
    backup = site.backup()
    assert sorted(path.name for path in backup.iterdir()) == ["ledger.db", "manifest.json", "signer-state"]
    assert stat.S_IMODE((backup / "ledger.db").stat().st_mode) == 0o600
    before = site.ledger.read(1, 0, 1_000)
    manifest = restore(backup, tmp_path / "elsewhere", now=site.clock)
    assert manifest.heads["org_1"].size == 300
    copy = SQLiteHouse(tmp_path / "elsewhere")
    assert copy.open().read(1, 0, 1_000) == before
    copy.close()


async def test_a_copy_elsewhere_needs_the_key_and_begins_a_new_epoch(site: Site, tmp_path: Path) -> None:
    await site.write(300)
    elsewhere = tmp_path / "elsewhere"
    restore(site.backup(), elsewhere, now=site.clock)
    with pytest.raises(SignerError, match="restore the key"):
        Signer(elsewhere / "signer", ORIGIN)
    shutil.copy(site.path / "signer" / "key", elsewhere / "signer" / "key")
    signer = Signer(elsewhere / "signer", ORIGIN)
    assert signer.epoch == site.signer.epoch + 1
    copy = SQLiteHouse(elsewhere)
    assert start_up(copy.open(), signer, elsewhere / "verified.json").read_only == ""
    signer.close()
    copy.close()


async def test_commits_go_on_while_a_backup_is_made(site: Site) -> None:
    await site.write(2_000)
    making = asyncio.get_running_loop().run_in_executor(None, site.backup)
    during = 0
    while not making.done():
        await site.historian.write(1, 1)
        during += 1
    path = await making
    assert during > 0
    assert (
        2_000 <= json.loads((path / "manifest.json").read_text())["heads"]["org_1"]["size"] <= 2_000 + during
    )
    assert site.ledger.head(1)[0] == 2_000 + during


async def test_the_newest_backups_are_kept(site: Site) -> None:
    await site.write(10)
    made = [site.backup(keep=2) for _ in range(4)]
    assert [backup.path for backup in list_backups(site.path / "backups")] == [made[3], made[2]]


async def test_a_damaged_ledger_makes_no_backup_and_costs_no_old_one(site: Site) -> None:
    await site.write(300)
    good = site.backup(keep=1)
    site.house.close()
    site.house.tamper("UPDATE events SET data = x'7b7d' WHERE id & 0xFFFFFFFFFF = 5")
    with pytest.raises(BackupFailed, match="not good"):
        site.backup(keep=1)
    assert [path.name for path in (site.path / "backups").iterdir()] == [good.name]


@pytest.mark.parametrize("name", ["ledger.db", "manifest.json"])
async def test_a_damaged_backup_is_not_restored(site: Site, tmp_path: Path, name: str) -> None:
    await site.write(300)
    backup = site.backup()
    data = bytearray((backup / name).read_bytes())
    data[len(data) // 2] ^= 0x10
    (backup / name).write_bytes(bytes(data))
    with pytest.raises(BackupFailed):
        restore(backup, tmp_path / "elsewhere", now=site.clock)
    assert not (tmp_path / "elsewhere" / "ledger.db").exists()


async def test_an_unfinished_backup_is_none(site: Site) -> None:
    await site.write(3)
    (site.backup() / "manifest.json").unlink()
    assert list_backups(site.path / "backups") == []


async def test_a_restore_waits_for_the_server_to_stop_and_never_overwrites(site: Site) -> None:
    await site.write(300)
    backup = site.backup()
    site.stop()
    with DataDirectory(site.path), pytest.raises(DirectoryHeld):
        restore(backup, site.path, now=site.clock)
    with pytest.raises(BackupFailed, match="--replace"):
        restore(backup, site.path, now=site.clock)
    restore(backup, site.path, now=site.clock, replace=True)
    aside = [path for path in site.path.iterdir() if path.name.startswith("replaced-")]
    assert len(aside) == 1
    connection = sqlite3.connect(aside[0] / "ledger.db")
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (300,)
    connection.close()


async def test_an_older_backup_over_a_newer_history_is_read_only_until_declared(site: Site) -> None:
    await site.write(300)
    backup = site.backup()
    await site.write(50)
    site.stop()
    restore(backup, site.path, now=site.clock, replace=True)
    reason = site.start()
    assert "350 events were signed, the ledger has 300" in reason
    assert "recover --declare-rollback" in reason
    (lost,) = await declare_rollback(site.ledger, site.signer, site.path / "verified.json")
    assert (lost.org, lost.public_id, lost.size_lost, lost.size_now) == (1, "org_1", 50, 300)
    assert site.start() == ""
    await site.write(20)
    assert site.start() == ""
    assert site.ledger.signer_epoch() == site.signer.epoch == 2


async def test_a_declared_rollback_stays_visible_to_every_earlier_pin(site: Site, tmp_path: Path) -> None:
    await site.write(300)
    backup = site.backup()
    await site.write(50)
    newest = site.ledger.latest_checkpoint(1)
    assert newest is not None
    pin = tmp_path / "pin"
    pin.write_text(newest.note)
    site.stop()
    restore(backup, site.path, now=site.clock, replace=True)
    site.start()
    await declare_rollback(site.ledger, site.signer, site.path / "verified.json")
    batch = site.historian.batch(1)  # the event that admits it, and more than was lost
    await site.ledger.commit(batch)
    await site.write(100)
    key = site.signer.key_of("org_1")
    export_ledger(site.ledger, organisation(site.ledger, 1), key, tmp_path / "x", at=1)
    assert run(tmp_path / "x", "--key", key.text, "--no-rules").exit == 0
    assert run(tmp_path / "x", "--key", key.text, "--no-rules", "--pin", pin).exit == 4


async def test_a_damaged_history_cannot_be_declared_good(site: Site) -> None:
    await site.write(300)
    site.stop()
    site.house.tamper("UPDATE events SET data = x'7b7d' WHERE id & 0xFFFFFFFFFF = 5")
    assert site.start()
    with pytest.raises(HistoryDamaged):
        await declare_rollback(site.ledger, site.signer, site.path / "verified.json")


async def test_an_empty_data_directory_under_an_old_signer_is_a_suspected_rollback(site: Site) -> None:
    await site.write(30)
    site.stop()
    site.house.path.unlink()
    assert "is not in the ledger" in site.start()
    # There is no organisation left to record it in: nothing is returned, and the signer begins anew.
    assert await declare_rollback(site.ledger, site.signer, site.path / "verified.json") == []
    assert site.start() == ""


# -- exports ----------------------------------------------------------------------------------------------------------


async def test_an_export_is_verified_by_the_outsider(site: Site, tmp_path: Path) -> None:
    await site.write(1_500)
    await site.write(1_700)
    key = site.signer.key_of("org_1")
    manifest = export_ledger(
        site.ledger, organisation(site.ledger, 1), key, tmp_path / "x", at=1, privates=True
    )
    assert (manifest.size, manifest.checkpoints) == (3_200, 2)
    report = run(tmp_path / "x", "--key", key.text, "--no-rules")
    assert (report.exit, report.privates, report.signed_size) == (0, 3_200, 3_200)
    assert (tmp_path / "x" / "key.vkey").read_text().strip() == key.text


async def test_old_checkpoints_are_thinned_and_the_newest_is_always_there(site: Site, tmp_path: Path) -> None:
    for _ in range(30):
        await site.write(100)
    key, row = site.signer.key_of("org_1"), organisation(site.ledger, 1)
    assert export_ledger(site.ledger, row, key, tmp_path / "thin", at=1).checkpoints == 3
    assert (
        export_ledger(site.ledger, row, key, tmp_path / "all", at=1, every_checkpoint=True).checkpoints == 30
    )
    names = sorted(path.name for path in (tmp_path / "thin" / "checkpoints").iterdir())
    assert names == [f"{size:013d}.note" for size in (1_000, 2_000, 3_000)]


async def test_a_redacted_ledger_is_exported_and_verified(site: Site, tmp_path: Path) -> None:
    await site.write(20)
    batch = site.historian.batch(1)
    batch.redactions.append((1, 7))
    await site.ledger.commit(batch)
    await site.historian.sign(site.signer)
    key = site.signer.key_of("org_1")
    export_ledger(site.ledger, organisation(site.ledger, 1), key, tmp_path / "x", at=1, privates=True)
    assert run(tmp_path / "x", "--key", key.text, "--no-rules").privates == 19
    assert b"said in private" not in b"".join(
        (site.path / name).read_bytes() for name in ("ledger.db", "ledger.db-wal")
    ).replace(b"said in private", b"", 19)


async def test_an_export_needs_an_empty_directory(site: Site, tmp_path: Path) -> None:
    await site.write(3)
    target = tmp_path / "x"
    target.mkdir(mode=0o700)
    (target / "file").touch()
    with pytest.raises(ExportFailed, match="not empty"):
        export_ledger(site.ledger, organisation(site.ledger, 1), site.signer.key_of("org_1"), target, at=1)


async def test_keys_beside_the_ledger_are_in_its_backup_and_come_back_where_there_are_none(
    site: Site, tmp_path: Path
) -> None:
    await site.write(10)
    keys = {"workers.key": b"w" * 32, "token-keys/k1.json": b"{}"}
    (site.path / "token-keys").mkdir(mode=0o700)
    for name, key in keys.items():
        (site.path / name).write_bytes(key)
        (site.path / name).chmod(0o600)
    backup = site.backup()
    elsewhere = tmp_path / "elsewhere"
    restore(backup, elsewhere, now=site.clock)
    for name, key in keys.items():
        assert (elsewhere / name).read_bytes() == key
        assert stat.S_IMODE((elsewhere / name).stat().st_mode) == 0o600
        assert stat.S_IMODE((backup / "keys" / name).stat().st_mode) == 0o600
    assert not list(backup.rglob("key")), "the checkpoint signer's key is in no backup"
    (elsewhere / "workers.key").write_bytes(b"n" * 32)
    restore(backup, elsewhere, now=site.clock, replace=True)
    assert (elsewhere / "workers.key").read_bytes() == b"n" * 32, "a key that is there stays"
    (backup / "keys" / "workers.key").write_bytes(b"x" * 32)
    with pytest.raises(BackupFailed, match="checksum"):
        restore(backup, tmp_path / "third", now=site.clock)


async def test_a_manifest_that_names_another_file_as_a_key_is_not_restored(
    site: Site, tmp_path: Path
) -> None:
    await site.write(10)
    backup = site.backup()
    manifest = json.loads((backup / "manifest.json").read_text())
    for name in ("../../outside.json", "token-keys/../x.json", "signer/key", "token-keys/.json"):
        (backup / "manifest.json").write_text(json.dumps({**manifest, "keys": {name: "00"}}))
        with pytest.raises(BackupFailed, match="no key file"):
            restore(backup, tmp_path / "elsewhere", now=site.clock)


async def test_a_key_that_others_can_read_fails_the_backup(site: Site) -> None:
    await site.write(10)
    (site.path / "workers.key").write_bytes(b"w" * 32)
    (site.path / "workers.key").chmod(0o644)
    with pytest.raises(LedgerError, match="others can read"):
        site.backup()
