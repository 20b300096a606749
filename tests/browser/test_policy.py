"""Policy, kill switches, history and analytics (spec 3, 7): looked at before it is applied, stopped at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded
from tests.integration.http.kit import Running


@pytest.mark.long
def test_the_pages_look_right_everywhere(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    looks(floors, "policy", "/policy")
    looks(floors, "stops", "/policy/stops")
    looks(floors, "decisions", "/decisions")
    looks(floors, "analytics", "/decisions/analytics")
    floor = floors("director", dark=True)
    floor.open("/policy?tab=change")
    floor.shot("policy-change-dark")
    assert floor.axe() == []


def test_a_change_is_previewed_backtested_and_applied(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("director")
    page = floor.open("/policy?tab=change")
    page.get_by_label("Runs by itself above a trust of").fill("900")
    page.get_by_role("button", name="What would change?").click()
    expect(page.get_by_text("decisions judged again")).to_be_visible(timeout=20_000)
    floor.shot("policy-outlook", whole=True)
    page.get_by_role("button", name="Apply").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("fewer by themselves for now")
    dialog.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Version 2, in force")).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_text("score_min: 900")).to_be_visible()
    floor.shot("policy-versions")


def test_an_invalid_document_is_refused_with_its_place_and_nothing_is_lost(
    seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("director")
    page = floor.open("/policy?tab=change")
    box = page.get_by_label("Policy as JSON")
    box.fill(box.input_value().replace('"per_hour": 30', '"per_hour": "many"'))
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("a try")
    page.get_by_role("dialog").get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Refused at /auto/per_hour")).to_be_visible()
    page.keyboard.press("Escape")
    assert '"many"' in box.input_value()


def test_a_kill_switch_is_thrown_seen_everywhere_and_lifted(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    mine, other = floors("supervisor"), floors("operator")
    page, watching = mine.open("/policy/stops"), other.open("/agents")
    page.get_by_role("button", name="Stop everything").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("a drill")
    page.get_by_role("dialog").get_by_role("button", name="Stop now").click()
    expect(watching.get_by_text("Everything is stopped.")).to_be_visible(timeout=8_000)
    other.shot("stopped-everything")
    another = floors("director").open("/policy/stops")
    another.get_by_role("button", name="Lift").click()
    another.get_by_role("dialog").get_by_label("Reason").fill("the drill is over")
    another.get_by_role("dialog").get_by_role("button", name="Lift").click()
    expect(watching.get_by_text("Everything is stopped.")).to_have_count(0, timeout=8_000)


def test_an_operator_may_not_apply_and_is_not_offered_it(
    seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    page = floors("operator").open("/policy?tab=change")
    expect(page.get_by_role("button", name="What would change?")).to_be_visible()
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)
