"""Agents: list, detail, filters in the URL, registering, quarantine (spec 7). The model for tests of other pages."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded
from tests.integration.http.kit import Running


def test_the_pages_of_agents_look_right_everywhere(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    looks(floors, "agents", "/agents")
    looks(floors, "agent", f"/agents/{seeded.agents['patcher']}")


def test_a_filter_stands_in_the_url_and_comes_back_with_it(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/agents")
    expect(page.get_by_role("row")).to_have_count(5)
    page.get_by_label("Name, code or capability").fill("billing")
    expect(page.get_by_role("row")).to_have_count(2)
    page.wait_for_url("**q=billing**")
    page.reload()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("row").nth(1).click()
    expect(page.get_by_role("heading", name="invoice-clerk")).to_be_visible()


def test_an_agent_that_registers_appears_without_reloading(
    server: Running, seeded: Seeded, floor: Floor
) -> None:
    page = floor.open("/agents")
    server.agent("late-comer")
    expect(page.get_by_text("late-comer")).to_be_visible(timeout=8_000)


def test_quarantine_asks_for_a_reason_and_shows_at_once(seeded: Seeded, floor: Floor) -> None:
    page = floor.open(f"/agents/{seeded.agents['log-reader']}")
    page.get_by_role("button", name="Quarantine").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Quarantine")).to_be_disabled()
    dialog.get_by_label("Reason").fill("reads what it should not")
    dialog.get_by_role("button", name="Quarantine").click()
    expect(page.get_by_text("quarantined", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Release")).to_be_visible()


def test_an_auditor_sees_agents_and_no_buttons(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    page = floors("auditor").open("/agents")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("button", name="Register")).to_have_count(0)


def test_a_missing_agent_is_said_to_be_missing(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/agents/agt_0000000000000")
    expect(page.get_by_text("There is no such thing")).to_be_visible()
