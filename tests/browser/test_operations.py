"""Operations: backups made from the page; a server that restarts under an open page (spec 7, 10.8; spec 04 *Backup*)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded, denied
from tests.integration.http.kit import Running

from watchfloor.app import free_port

LOST_MS = 5_000  # spec 7: a lost connection is shown within so long


def test_an_administrator_makes_a_backup_and_reads_how_it_is_put_back(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    page = floors("admin").open("/operations")
    expect(page.get_by_text("None yet.")).to_be_visible()
    page.get_by_role("button", name="Make one now").click()
    expect(page.get_by_text("verified", exact=True)).to_be_visible(timeout=20_000)
    name = server.client(server.person("admin")).get("/api/v1/backups").json()["items"][0]["name"]
    page.get_by_text("Put one back").click()
    data = re.escape(str(server.folder / "data"))
    command = rf"watchfloor ledger restore {data}/backups/{re.escape(name)} --data {data} --replace"
    expect(page.get_by_text(re.compile(command))).to_be_visible()
    page = floors("operator").open("/operations")
    expect(page.get_by_text("verified", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Make one now")).to_have_count(0)
    expect(floors("auditor").open("/operations").get_by_text("Backups", exact=True)).to_have_count(0)


def test_rates_the_logs_level_and_compaction_are_looked_after(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    before = server.admin.log_level()[0]
    page = floors("admin").open("/operations")
    rates = page.get_by_role("group", name="Rates of requests")
    expect(rates.get_by_role("row").filter(has_text="everything signed in")).to_contain_text("1,000,000")
    level = page.get_by_role("radiogroup", name="What the log holds")
    try:
        level.get_by_text("error" if before != "error" else "info").click()
        expect(page.get_by_text("and above now", exact=False)).to_be_visible()
        assert server.admin.log_level()[0] != before
    finally:
        server.admin.set_log_level(before, "the test")
    expect(page.get_by_text("stay for good", exact=False)).to_be_visible()
    other = floors("operator").open("/operations")
    expect(other.get_by_text("It holds", exact=False)).to_contain_text(before)
    expect(other.get_by_role("button", name="Give it back now")).to_have_count(0)
    expect(floors("auditor").open("/operations").get_by_text("Rates of requests")).to_have_count(0)


@pytest.mark.long
def test_the_page_looks_right_everywhere(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    looks(floors, "operations", "/operations", "admin")


def test_a_page_outlives_a_restart_of_its_server_and_misses_nothing(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    decision, here = seeded.decisions[3], server.port
    floor = floors("supervisor")
    page = floor.open(f"/inbox/{decision}")
    director = server.client(server.person("director"))
    digest = director.get(f"/api/v1/decisions/{decision}").json()["decision"]["digest"]
    connection = page.get_by_test_id("connection")
    server.stop()
    expect(connection).to_have_attribute("data-state", "lost", timeout=LOST_MS)
    expect(page.get_by_text("What you see may be out of date", exact=False)).to_be_visible()
    floor.shot("connection-lost", page)
    # The same organisation, where this page cannot see it: somebody decides meanwhile.
    server.again(free_port())
    assert denied(server, decision, digest).status_code == 200
    server.stop()
    server.again(here)
    expect(connection).to_have_attribute("data-state", "live", timeout=30_000)
    expect(page.get_by_text("denied", exact=True).first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("What you see may be out of date", exact=False)).to_have_count(0)
    # What a browser writes of a server that is away is no fault of the page.
    away = (
        "ERR_CONNECTION_REFUSED",
        "ERR_INCOMPLETE_CHUNKED_ENCODING",
        "ERR_CONNECTION_RESET",
        "status of 503",
    )
    floor.trouble[:] = [line for line in floor.trouble if not any(word in line for word in away)]
