"""When keys were last used outlives the process (spec 2.1 *Keys*)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from watchfloor.engine import last_used
from watchfloor.engine.credentials import Credential, Credentials, mint
from watchfloor.engine.last_used import LastUsed


def directory(*names: str) -> tuple[Credentials, dict[str, str]]:
    """Credentials of these labels and their keys."""
    rows: list[tuple[Any, ...]] = []
    keys: dict[str, str] = {}
    for label in names:
        name, key, verifier = mint("agent")
        keys[label] = key
        rows.append(
            Credential(
                id=name, org=1, kind="agent", subject=1, verifier=verifier, scopes=(),
                created_at=0, expires_at=10**18, revoked_at=0, label=label,
            ).row()
        )  # fmt: skip
    return Credentials(rows), keys


def test_another_process_knows_it_and_what_it_has_seen_itself_is_newer(tmp_path: Path) -> None:
    credentials, keys = directory("a", "b")
    used = LastUsed(tmp_path / "used", credentials)
    used.load()
    for at in (5, 7):
        credentials.find(keys["a"], at)
    credentials.find(keys["b"], 6)
    used.save()
    known = dict(credentials.used_at)
    assert sorted(known.values()) == [6, 7]
    credentials.used_at.clear()
    credentials.find(keys["b"], 9)
    LastUsed(tmp_path / "used", credentials).load()
    assert sorted(credentials.used_at.values()) == [7, 9]


def test_keys_that_are_gone_are_forgotten_and_a_damaged_file_is_no_knowledge(tmp_path: Path) -> None:
    credentials, keys = directory("a")
    credentials.find(keys["a"], 5)
    LastUsed(tmp_path / "used", credentials).save()
    other, _ = directory("b")
    LastUsed(tmp_path / "used", other).load()
    assert other.used_at == {}
    (tmp_path / "used").write_bytes(b"{half")
    credentials.used_at.clear()
    LastUsed(tmp_path / "used", credentials).load()
    assert credentials.used_at == {}


def test_it_is_written_when_it_has_changed_and_a_disk_that_refuses_stops_nothing(tmp_path: Path) -> None:
    credentials, keys = directory("a")
    credentials.find(keys["a"], 5)
    used = LastUsed(tmp_path / "away" / "used", credentials)
    used.save()
    (tmp_path / "away").mkdir()
    used.save()
    written = (tmp_path / "away" / "used").stat()
    used.save()
    assert (tmp_path / "away" / "used").stat().st_mtime_ns == written.st_mtime_ns
    assert written.st_mode & 0o777 == 0o600


async def test_a_running_server_writes_now_and_then_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_used, "EVERY_S", 0.01)
    credentials, keys = directory("a")
    used = LastUsed(tmp_path / "used", credentials)
    used.start()
    credentials.find(keys["a"], 5)
    async with asyncio.timeout(30):
        while not (tmp_path / "used").exists():
            await asyncio.sleep(0.01)
    credentials.find(keys["a"], 8)
    await used.stop()
    credentials.used_at.clear()
    LastUsed(tmp_path / "used", credentials).load()
    assert list(credentials.used_at.values()) == [8]
    await LastUsed(tmp_path / "used", credentials).stop()
