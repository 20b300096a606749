"""Audit: the browser's own verification, events, receipts, tampering told (spec 7, spec 04)."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded
from tests.integration.http.kit import Running


@pytest.fixture(scope="module")
def signed(server: Running, seeded: Seeded) -> int:
    """Some events under a checkpoint; returns its size."""
    operator = server.client(server.person("operator"))
    seq = int(operator.post("/api/v1/tasks", json={"title": "on the record"}).json()["seq"])
    server.run(server.engine.signing.sign_now(server.engine))  # type: ignore[union-attr]
    size = int(operator.get("/api/v1/ledger/checkpoint").json()["size"])
    assert size >= seq
    return size


@pytest.mark.long
def test_the_pages_of_the_ledger_look_right_everywhere(
    server: Running, seeded: Seeded, signed: int, floors: Callable[..., Floor]
) -> None:
    server.client(server.person("auditor")).post("/api/v1/ledger/exports").raise_for_status()
    looks(floors, "audit", "/audit", "auditor")
    looks(floors, "event", "/audit/events/3")
    looks(floors, "replay", f"/audit/replay?seq={signed - 1}&of={seeded.agents['patcher']}", "auditor")


def _remembered(page: Page) -> dict[str, object]:
    text = page.evaluate("Object.entries(localStorage).find(([k]) => k.startsWith('watchfloor-ledger-'))[1]")
    found: dict[str, object] = json.loads(text)
    return found


def _remember(page: Page, found: dict[str, object]) -> None:
    page.evaluate(
        "(text) => localStorage.setItem(Object.keys(localStorage).find(k => k.startsWith('watchfloor-ledger-')), text)",
        json.dumps(found),
    )


def test_every_event_is_checked_in_the_browser(signed: int, floor: Floor) -> None:
    page = floor.open("/audit")
    expect(page.get_by_text("is signed by the key that this browser remembers")).to_be_visible()
    page.get_by_role("button", name="Check every event here").click()
    expect(page.get_by_text("every event fits")).to_be_visible()
    assert int(str(_remembered(page)["size"])) >= signed


def test_a_changed_event_is_found_by_the_browser_although_the_server_says_it_is_good(
    signed: int, floor: Floor
) -> None:
    page = floor.open("/audit")

    def lie(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        body = answer.json()
        body["items"][1]["event"]["at"] += 1
        route.fulfill(response=answer, json=body)  # type: ignore[attr-defined]

    page.route("**/api/v1/ledger/events?after=0**", lie)
    page.get_by_role("button", name="Check every event here").click()
    expect(page.get_by_text("The ledger is not intact")).to_be_visible()
    expect(page.get_by_text("the chain is broken at event 2")).to_be_visible()


def test_a_shorter_ledger_another_key_and_another_history_are_told(signed: int, floor: Floor) -> None:
    page = floor.open("/audit")
    expect(page.get_by_text("is signed by the key that this browser remembers")).to_be_visible()
    good = _remembered(page)

    def older(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        body = answer.json()
        size, root = body["note"].split("\n")[1:3]
        body["note"] = body["note"].replace(f"\n{size}\n{root}", f"\n{int(size) - 1}\n{root}")
        route.fulfill(response=answer, json=body)  # type: ignore[attr-defined]

    page.route("**/api/v1/ledger/checkpoint", older)
    floor.open("/audit")
    expect(page.get_by_text("The signature is wrong")).to_be_visible()
    page.unroute("**/api/v1/ledger/checkpoint")
    _remember(page, {**good, "key": str(good["key"]).replace("+", "+0", 1)})
    floor.open("/audit")
    expect(page.get_by_text("Another key")).to_be_visible()
    page.get_by_role("button", name="Forget what this browser remembers").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(page.get_by_text("is signed by the key that this browser remembers")).to_be_visible()


def test_an_event_is_proven_by_its_receipt_and_a_ruling_judged_again(
    server: Running, signed: int, floor: Floor
) -> None:
    page = floor.open("/audit?q=action.decided")
    page.get_by_role("row", name="action.decided").first.click()
    page.get_by_role("button", name="Prove it here").click()
    expect(page.get_by_text("proven here")).to_be_visible()
    page.get_by_role("button", name="Judge this ruling again").click()
    expect(page.get_by_text("same", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".tlog-proof")


def test_an_administrator_erases_a_private_part_and_the_chain_still_holds(
    server: Running, signed: int, floors: Callable[..., Floor]
) -> None:
    operator = server.client(server.person("operator"))
    seq = operator.post("/api/v1/tasks", json={"title": "a name to be forgotten"}).json()["seq"]
    page = floors("admin").open(f"/audit/events/{seq}")
    expect(page.get_by_text("a name to be forgotten")).to_be_visible()
    page.get_by_role("button", name="Erase the private part").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("the person asked")
    dialog.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Erased, or not for your role")).to_be_visible()
    page.get_by_role("link", name="Audit").first.click()
    page.get_by_role("button", name="Check every event here").click()
    expect(page.get_by_text("every event fits")).to_be_visible()


def test_the_organisation_as_it_was_is_stepped_through_and_compared_with_now(
    server: Running, signed: int, floors: Callable[..., Floor]
) -> None:
    operator = server.client(server.person("operator"))
    before = int(operator.get("/api/v1/ledger/head").json()["seq"])
    made = operator.post("/api/v1/tasks", json={"title": "not there before"}).json()
    queued = int(operator.get("/api/v1/ledger/state").json()["tasks"]["queued"])
    page = floors("auditor").open(f"/audit/replay?seq={before}")
    row = page.get_by_role("row").filter(has_text="tasks queued")
    expect(row.get_by_role("cell")).to_have_text(["tasks queued", str(queued - 1), str(queued), "+1"])
    page.get_by_label("Its id").fill(made["task_id"])
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("It did not exist then")).to_be_visible()
    page.get_by_role("button", name="One event on").click()
    expect(page.get_by_text("task.submitted/1")).to_be_visible()
    expect(row.get_by_role("cell").nth(1)).to_have_text(str(queued))
    expect(page.get_by_text("It did not exist then")).to_have_count(0)
    page.get_by_role("slider", name="Instant").press("Home")
    expect(row.get_by_role("cell").nth(1)).to_have_text("0")
    assert "at=" in page.url
    operator.post("/api/v1/tasks", json={"title": "meanwhile"})
    page.get_by_role("button", name="newer").click()
    expect(row.get_by_role("cell").nth(2)).to_have_text(str(queued + 1))


def test_an_auditor_makes_an_export_and_takes_it_home(
    signed: int, floors: Callable[..., Floor], floor: Floor
) -> None:
    page = floors("auditor").open("/audit")
    page.get_by_role("button", name="Export the whole ledger").click()
    link = page.get_by_role("link", name="Download the export").first
    expect(link).to_be_visible(timeout=90_000)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.endswith(".zip")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.read("watchfloor-export/events.jsonl").splitlines()) >= signed
    # Whoever may not has neither button; what was made is there to be seen.
    other = floor.open("/audit")
    expect(other.get_by_text("ready").first).to_be_visible()
    expect(other.get_by_role("button", name="Export the whole ledger")).to_have_count(0)
    expect(other.get_by_role("link", name="Download the export")).to_have_count(0)
