"""Actions: the list by its filters in the URL, from a day of the analytics, one action's page (spec 7 *Decisions & analytics*)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import CANARY, Seeded
from tests.integration.http.kit import Running


@pytest.fixture(scope="module")
def acted(server: Running, seeded: Seeded) -> dict[str, Any]:
    """One that ran by itself, one that was denied; the seeded ones wait for people."""
    supervisor = server.client(server.person("supervisor"))
    reader = seeded.agents["log-reader"]
    standing = {"agent_id": reader, "type": "file.read", "expires_at": server.engine.clock() + 3_600_000_000}
    supervisor.post("/api/v1/standing-approvals", json=standing).raise_for_status()
    agent = server.client(seeded.keys["log-reader"])
    asked = {"type": "file.read", "tool": "git", "reason": f"to look {CANARY}"}
    ran = agent.post("/api/v1/actions", json={**asked, "params": {"path": f"logs/{CANARY}"}}).json()
    denied = agent.post("/api/v1/actions", json={**asked, "params": {"path": "/etc/shadow"}}).json()
    assert (ran["verdict"], denied["verdict"]) == ("permitted", "denied"), (ran, denied)
    return {"ran": ran, "denied": denied}


@pytest.mark.long
def test_the_pages_of_actions_look_right_everywhere(
    acted: dict[str, Any], floors: Callable[..., Floor]
) -> None:
    looks(floors, "actions", "/decisions/actions")
    looks(floors, "action", f"/decisions/actions/{acted['ran']['action_id']}", "auditor")


def test_filters_are_in_the_url_and_rows_lead_to_the_action_or_its_decision(
    seeded: Seeded, acted: dict[str, Any], floor: Floor
) -> None:
    page = floor.open("/decisions/actions?by=automatic")
    row = page.get_by_role("row").filter(has_text="file.read")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("standing")
    row.click()
    page.wait_for_url(f"**/decisions/actions/{acted['ran']['action_id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("file.read")
    expect(page.get_by_text("to look", exact=False).first).to_be_visible()
    assert page.evaluate("window.caught") is None
    page.get_by_role("link", name="Actions", exact=True).click()
    page.get_by_role("combobox", name="Status").click()
    page.get_by_role("option", name="denied").click()
    page.wait_for_url("**status=denied**")
    expect(page.get_by_role("row").filter(has_text="the gate")).to_have_count(1)
    page = floor.open(f"/decisions/actions?by=people&agent={seeded.agents['invoice-clerk']}")
    row = page.get_by_role("row").filter(has_text="payment.transfer")
    expect(row).to_contain_text("invoice-clerk")
    row.click()
    page.wait_for_url("**/inbox/dec_*")
    floor.open("/decisions/actions?type=no.such.type")
    expect(page.get_by_text("No action matches")).to_be_visible()
    floor.open("/decisions/actions/act_zzzzz")
    expect(page.get_by_text("There is no such thing")).to_be_visible()


def test_a_day_of_the_analytics_leads_to_its_actions_and_a_fault_of_the_server_is_told(
    acted: dict[str, Any], floor: Floor
) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    page = floor.open(f"/decisions/analytics?day={today}")
    page.get_by_role("link", name="All actions of that day").click()
    page.wait_for_url(f"**/decisions/actions?day={today}")
    expect(page.get_by_role("row").filter(has_text="file.read")).to_have_count(2)
    expect(page.get_by_role("combobox", name="Day (UTC)")).to_have_value(today)
    floor.open("/decisions/actions?day=2020-01-01")
    expect(page.get_by_text("No action matches")).to_be_visible()
    page.route(
        re.compile("/api/v1/actions[?]"),
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json",
            body='{"code":"view_behind","detail":"the views are behind","status":503,"retryable":true}',
        ),
    )  # fmt: skip
    page.goto(f"{floor.server.url}/floor/decisions/actions")
    expect(page.get_by_text("the views are behind")).to_be_visible(timeout=30_000)
    floor.trouble = [line for line in floor.trouble if "503" not in line]


def test_the_palette_and_the_keys_lead_to_actions(acted: dict[str, Any], floor: Floor) -> None:
    page = floor.open("/agents")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Actions")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url("**/decisions/actions")
    page.get_by_role("button", name="Search or do something").click()
    page.get_by_role("textbox").last.fill(acted["ran"]["action_id"])
    page.get_by_text(f"Open {acted['ran']['action_id']}").click()
    page.wait_for_url(f"**/decisions/actions/{acted['ran']['action_id']}")
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Actions")).to_have_count(0)
