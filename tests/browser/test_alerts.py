"""Alerts: one is found, acknowledged, and ends live with its cause; the list looks right (spec 7)."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded
from tests.integration.http.kit import Running


def test_an_alert_is_acknowledged_and_ends_with_its_cause(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    held = server.client(server.person("operator")).post(
        f"/api/v1/agents/{seeded.agents['log-reader']}/quarantine",
        json={"reason": "reads what it should not"},
    )
    assert held.status_code == 200, held.text
    looks(floors, "alerts", "/alerts")
    page = floors("supervisor").open("/alerts")
    page.get_by_role("row").nth(1).click()
    page.get_by_role("button", name="I look after it").click()
    expect(page.get_by_text("acknowledged", exact=True).first).to_be_visible()
    free = server.client(server.person("supervisor")).post(
        f"/api/v1/agents/{seeded.agents['log-reader']}/release", json={"reason": "it was a drill"}
    )
    assert free.status_code == 200, free.text
    expect(page.get_by_text("resolved", exact=True).first).to_be_visible(timeout=20_000)
