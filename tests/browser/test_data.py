"""Data: SQL over the views, saved queries, refusals (spec 7)."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded


def test_the_page_of_data_looks_right_everywhere(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    looks(floors, "data", "/data")


def test_a_question_is_answered_kept_and_found_again(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/data")
    page.get_by_label("SQL").fill("SELECT name, registered_at FROM agents ORDER BY name")
    page.get_by_label("SQL").press("Control+Enter")
    expect(page.get_by_role("row", name="invoice-clerk")).to_be_visible()
    page.get_by_role("button", name="Save query").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("who is there")
    dialog.get_by_role("button", name="Save").click()
    page.reload()
    page.get_by_role("button", name="who is there", exact=True).click()
    expect(page.get_by_role("row", name="patcher")).to_be_visible()
    page.get_by_role("button", name="Remove who is there").click()
    expect(page.get_by_role("button", name="who is there", exact=True)).to_have_count(0)


def test_a_wrong_query_is_refused_in_words_and_nothing_can_be_changed(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/data")
    for sql in ("SELEC 1", "DELETE FROM agents", "SELECT * FROM no_such_table"):
        page.get_by_label("SQL").fill(sql)
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_text("The query was refused")).to_be_visible()
    page.get_by_role("button", name="Tasks by status").click()
    expect(page.get_by_role("table", name="rows")).to_be_visible()
