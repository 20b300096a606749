"""Analytics: charts that lead to the decisions of a day, the same as a table, by keys, and honest when empty (spec 3.5, 7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded, denied
from tests.integration.http.kit import Running


def test_without_a_vote_there_is_no_chart_of_votes(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/decisions/analytics?tab=reviewers")
    expect(page.get_by_text("Nothing to draw yet")).to_be_visible()
    expect(page.get_by_role("slider")).to_have_count(0)
    page.get_by_role("tab", name="Against advice").click()
    expect(page.get_by_text("Nothing to draw yet")).to_be_visible()


@pytest.fixture(scope="module")
def voted(server: Running, seeded: Seeded) -> str:
    """The patch that was denied."""
    decision = seeded.decisions[3]
    found = server.client(server.person("director")).get(f"/api/v1/decisions/{decision}").json()
    assert denied(server, decision, found["decision"]["digest"]).status_code == 200
    return decision


def test_a_point_leads_by_keys_to_the_decisions_of_its_day(voted: str, floor: Floor) -> None:
    page = floor.open("/decisions/analytics?tab=deciding")
    chart = page.get_by_role("slider", name="Time from asking to the answer")
    expect(chart.locator("canvas")).to_be_visible()
    chart.focus()
    page.keyboard.press("ArrowLeft")
    assert "half within none" in str(chart.get_attribute("aria-valuetext")), "nothing happened the day before"
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    today = datetime.now(UTC).date()
    expect(page.get_by_role("heading", name=f"Behind {today.day} {today:%b}")).to_be_visible()
    page.wait_for_url(f"**day={today.isoformat()}**")
    things = page.get_by_role("table", name="things")
    expect(things.get_by_role("row")).to_have_count(5)
    page.get_by_label("Which of them").get_by_text("Denied").click()
    expect(things.get_by_role("row")).to_have_count(2)
    assert floor.axe() == []
    things.get_by_role("row").nth(1).click()
    page.wait_for_url(f"**/inbox/{voted}**")


def test_a_point_is_clicked_and_the_same_stands_in_a_table(voted: str, floor: Floor) -> None:
    page = floor.open("/decisions/analytics?tab=reviewers&days=7")
    chart = page.get_by_role("slider", name="Votes, by day")
    expect(chart.locator("canvas")).to_be_visible()
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name="Behind")).to_be_visible()
    expect(page.get_by_role("table", name="things").get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Hide", exact=True).click()
    expect(page.get_by_role("heading", name="Behind")).to_have_count(0)
    page.get_by_text("The same as a table").click()
    today = datetime.now(UTC).date().isoformat()
    expect(page.get_by_role("row", name=today)).to_contain_text("1")
    page.get_by_role("button", name=today).click()
    expect(page.get_by_role("heading", name="Behind")).to_be_visible()


@pytest.mark.long
def test_the_charts_look_right_everywhere(voted: str, floors: Callable[..., Floor]) -> None:
    today = datetime.now(UTC).date().isoformat()
    for tab in ("automation", "deciding", "overrides", "reviewers"):
        looks(floors, f"analytics-{tab}", f"/decisions/analytics?tab={tab}&days=7&day={today}")
