"""Backups by the API: seen by operators, made by administrators, restored to be believed (spec 04 *Backup*)."""

from __future__ import annotations

import shutil
import time
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.ledger import recovery


@pytest.fixture
def admin(server: Running) -> httpx2.Client:
    return server.client(server.person("admin"))


def _settled(admin: httpx2.Client) -> dict[str, Any]:
    until = time.monotonic() + 20
    while (found := admin.get("/api/v1/backups").json())["state"] == "running" and time.monotonic() < until:
        time.sleep(0.05)
    assert isinstance(found, dict)
    return found


def test_a_backup_made_by_the_api_reaches_the_head_and_can_be_restored(
    server: Running, admin: httpx2.Client
) -> None:
    head = admin.get("/api/v1/ledger/head").json()["seq"]
    begun = admin.post("/api/v1/backups")
    assert begun.status_code == 202, begun.text
    assert begun.json()["state"] == "running"
    found = _settled(admin)
    assert (found["state"], found["detail"]) == ("idle", "")
    newest = found["items"][0]
    assert newest["seq"] >= head
    assert newest["verified_at"] >= newest["created_at"]
    place = server.folder / "data" / "backups" / newest["name"]
    manifest = recovery.restore(place, server.folder / "restored", now=server.engine.clock, replace=False)
    assert manifest.bytes == newest["bytes"]


def test_two_at_once_are_one_and_the_newest_three_stay(admin: httpx2.Client) -> None:
    before = {one["name"] for one in _settled(admin)["items"]}
    assert {admin.post("/api/v1/backups").json()["state"] for _ in range(2)} == {"running"}
    after = {one["name"] for one in _settled(admin)["items"]}
    assert len(after - before) in (1, 2)  # the second asked when the first was done already
    for _ in range(3):
        admin.post("/api/v1/backups")
        _settled(admin)
    found = _settled(admin)
    assert len(found["items"]) == found["kept"] == 3
    assert [one["created_at"] for one in found["items"]] == sorted(
        (one["created_at"] for one in found["items"]), reverse=True
    )


def test_a_backup_that_fails_is_said_and_places_on_the_disk_are_for_administrators(
    server: Running, admin: httpx2.Client
) -> None:
    backups = server.folder / "data" / "backups"
    shutil.rmtree(backups, ignore_errors=True)
    backups.write_text("in the way")
    admin.post("/api/v1/backups")
    found = _settled(admin)
    assert found["state"] == "failed"
    assert "backups" in found["detail"]
    assert found["data"] == str(server.folder / "data")
    operator = server.client(server.person("operator"))
    seen = operator.get("/api/v1/backups").json()
    assert (seen["state"], seen["data"], seen["detail"]) == ("failed", "", "ask an administrator")
    assert operator.post("/api/v1/backups").json()["code"] == "role_missing"
    backups.unlink()
    admin.post("/api/v1/backups")
    assert _settled(admin)["state"] == "idle"
