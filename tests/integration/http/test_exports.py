"""Exports that auditors make on a running server and take home (spec 04; docs/ledger-format.md *Exports*)."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running

from watchfloor.exporting import packed
from watchfloor.ledger.limits import EXPORTS_KEPT


@pytest.fixture(scope="module")
def auditor(server: Running) -> Iterator[httpx2.Client]:
    with server.client(server.person("auditor")) as client:
        yield client


def exported(client: httpx2.Client) -> dict[str, Any]:
    """A new export, once it is no longer being written."""
    begun = client.post("/api/v1/ledger/exports")
    assert begun.status_code == 202, begun.text
    until = time.monotonic() + 60
    while time.monotonic() < until:
        items: list[dict[str, Any]] = client.get("/api/v1/ledger/exports").json()["items"]
        (found,) = [one for one in items if one["export_id"] == begun.json()["export_id"]]
        if found["state"] != "running":
            return found
        time.sleep(0.05)
    raise AssertionError("the export was not finished")


def file_of(client: httpx2.Client, export: dict[str, Any]) -> httpx2.Response:
    return client.get(f"/api/v1/ledger/exports/{export['export_id']}/file")


def verified(server: Running, archive: Path, org: int = 0) -> subprocess.CompletedProcess[str]:
    """The stand-alone verifier on a file, with the key that the server would publish."""
    key = server.backbone.signer.key_of(server.engine.node(org or server.orgs[0]).world.public).text
    return subprocess.run(
        [sys.executable, "-m", "watchfloor_verify", str(archive), "--key", key],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_what_an_auditor_downloads_is_accepted_by_the_verifier_as_it_is(
    server: Running, auditor: httpx2.Client, agent: httpx2.Client, tmp_path: Path
) -> None:
    ask_patch(agent)
    server.run(server.engine.signing.sign_now(server.engine))  # type: ignore[union-attr]
    export = exported(auditor)
    assert (export["state"], export["by"]) == ("ready", auditor.get("/api/v1/me").json()["id"])
    answer = file_of(auditor, export)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    organisation = auditor.get("/api/v1/ledger/head").json()["organisation"]
    named = f"watchfloor-{organisation}-{export['size']}.zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{named}"'
    assert answer.headers["cache-control"] == "no-store"
    path = tmp_path / named
    path.write_bytes(answer.content)
    checked = verified(server, path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{export['size']} events" in checked.stdout
    assert "privates.jsonl" not in {Path(name).name for name in zipfile.ZipFile(path).namelist()}
    # Another organisation's key does not fit: the file is of this one alone.
    assert verified(server, path, server.orgs[1]).returncode == 2


def test_a_changed_or_foreign_archive_is_told(
    server: Running, auditor: httpx2.Client, tmp_path: Path
) -> None:
    server.run(server.engine.signing.sign_now(server.engine))  # type: ignore[union-attr]
    good = zipfile.ZipFile(io.BytesIO(file_of(auditor, exported(auditor)).content))
    files = {name: good.read(name) for name in good.namelist()}

    def archive(name: str, **changed: bytes) -> Path:
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as made:
            for inside, content in files.items():
                made.writestr(inside, changed.get(Path(inside).stem, content))
        return path

    events = files["watchfloor-export/events.jsonl"]
    forged = archive("forged", events=events.replace(b'"kind":"system"', b'"kind":"sistem"', 1))
    assert verified(server, forged).returncode == 2
    with zipfile.ZipFile(archive("outside"), "a") as more:
        more.writestr("watchfloor-export/../../evil", b"x")
    told = verified(server, tmp_path / "outside.zip")
    assert (told.returncode, "which no export has" in told.stderr) == (1, True)
    with zipfile.ZipFile(tmp_path / "swells.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("watchfloor-export/events.jsonl", bytes(16 << 20))
    told = verified(server, tmp_path / "swells.zip")
    assert (told.returncode, "would swell" in told.stderr) == (1, True)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(forged.read_bytes()[:-200])
    assert verified(server, cut).returncode == 1


def test_an_export_of_one_organisation_is_not_there_for_another(
    server: Running, auditor: httpx2.Client
) -> None:
    mine = exported(auditor)
    with server.client(server.person("admin", "auditor", org=server.orgs[1])) as foreign:
        theirs = exported(foreign)
        assert mine["export_id"] not in {
            one["export_id"] for one in foreign.get("/api/v1/ledger/exports").json()["items"]
        }
        refused = file_of(foreign, mine)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        own = zipfile.ZipFile(io.BytesIO(file_of(foreign, theirs).content))
    organisation = auditor.get("/api/v1/ledger/head").json()["organisation"].encode()
    assert not [name for name in own.namelist() if organisation in own.read(name)]
    # Also when somebody puts a directory of another organisation under an id of this one.
    folder = server.folder / "data" / "exports"
    (place,) = folder.glob(f"{theirs['export_id']}-*")
    manifest = msgspec.json.decode((place / "manifest.json").read_bytes())
    (place / "manifest.json").write_bytes(msgspec.json.encode({**manifest, "organisation": "org_other"}))
    with server.client(server.person("admin", org=server.orgs[1])) as foreign:
        assert file_of(foreign, theirs).status_code == 404
    (place / "manifest.json").write_bytes(msgspec.json.encode(manifest))


@pytest.mark.parametrize("role", ["operator", "supervisor", "director"])
def test_others_than_auditors_and_administrators_are_refused(
    server: Running, auditor: httpx2.Client, role: str
) -> None:
    export = exported(auditor)
    with server.client(server.person(role)) as client:
        assert client.post("/api/v1/ledger/exports").status_code == 403
        refused = file_of(client, export)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
    assert "auditor or admin" in refused.json()["detail"]


def test_what_is_no_export_is_404_and_one_that_is_written_is_409(
    server: Running, auditor: httpx2.Client
) -> None:
    for name in ("x", "1-999999", "..%2f..%2fledger", "1-1-1"):
        assert auditor.get(f"/api/v1/ledger/exports/{name}/file").status_code == 404, name
    kept = server.admin._exports._known
    export = exported(auditor)
    kept[export["export_id"]] = msgspec.structs.replace(kept[export["export_id"]], state="running")
    refused = file_of(auditor, export).json()
    assert (refused["code"], refused["retryable"], refused["status"]) == ("export_not_ready", True, 409)
    kept[export["export_id"]] = msgspec.structs.replace(kept[export["export_id"]], state="ready")


def test_the_newest_exports_stay_and_the_same_head_is_exported_once(
    server: Running, auditor: httpx2.Client, operator: httpx2.Client
) -> None:
    for number in range(EXPORTS_KEPT + 1):
        operator.post("/api/v1/tasks", json={"title": f"number {number}"})
        export = exported(auditor)
    assert exported(auditor)["export_id"] == export["export_id"]
    folder, org = server.folder / "data" / "exports", server.orgs[0]

    def here() -> int:
        return len(list(folder.glob(f"{org}-*")))

    until = time.monotonic() + 30
    while here() > EXPORTS_KEPT and time.monotonic() < until:
        time.sleep(0.05)
    assert here() == EXPORTS_KEPT
    assert len(auditor.get("/api/v1/ledger/exports").json()["items"]) == EXPORTS_KEPT


def test_exports_are_there_after_a_restart_and_one_that_was_interrupted_is_removed(
    server: Running, auditor: httpx2.Client
) -> None:
    from watchfloor.exporting import Exports

    export = exported(auditor)
    broken = server.folder / "data" / "exports" / f"{server.orgs[0]}-7-1700000000000000"
    broken.mkdir()
    (broken / "events.jsonl").write_bytes(b"half")
    again = Exports(server.engine, server.backbone.directory, server.backbone.signer)
    found = {one.id: one for one in again.all(server.orgs[0])}
    assert (found[export["export_id"]].bytes, found[export["export_id"]].by) == (
        export["bytes"],
        export["by"],
    )
    assert f"{server.orgs[0]}-7" not in found
    assert not broken.exists()


def test_packing_holds_no_more_than_a_part_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    row = b'{"a":"' + bytes(range(48, 123)) * 10 + b'"}\n'
    with (tmp_path / "events.jsonl").open("wb") as file:
        for _ in range(40_000):
            file.write(row)
    (tmp_path / "hashes.bin").write_bytes(b"\x07\x99" * 4_000_000)
    tracemalloc.start()
    size = sum(len(part) for part in packed(tmp_path, ("events.jsonl", "hashes.bin")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 8_000_000
    assert peak < 4_000_000, peak
