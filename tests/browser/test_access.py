"""Access and operations: people, roles, tokens, passwords; health, channels (spec 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded
from tests.integration.http.kit import Running


@pytest.mark.long
def test_the_pages_of_access_look_right_everywhere(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    looks(floors, "access", "/access", role="admin")
    looks(floors, "access-mine", "/access?tab=mine", role="admin")


def test_a_person_is_added_gets_a_link_other_roles_and_is_disabled(
    seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("admin")
    page = floor.open("/access")
    page.get_by_role("button", name="Add a person").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Handle").fill("grace")
    dialog.get_by_label("Name", exact=False).last.fill("Grace Example")
    dialog.get_by_role("button", name="Add").click()
    page.get_by_role("row", name="grace").click()
    page.get_by_role("button", name="Sign-in link").click()
    expect(page.get_by_role("dialog")).to_contain_text("/sign-in/wf_lnk_")
    _is_readable(floor, "access-link")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Roles").click()
    page.get_by_role("dialog").get_by_label("director").check()
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(page.get_by_text("operator, director")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_text("disabled", exact=True)).to_be_visible()


def test_a_token_is_shown_once_works_and_ends(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("operator")
    page = floor.open("/access?tab=mine")
    page.get_by_role("button", name="New token").click()
    page.get_by_role("dialog").get_by_label("What it is for").fill("nightly report")
    page.get_by_role("dialog").get_by_role("button", name="Make it").click()
    token = page.get_by_role("dialog").locator("pre, code").first.inner_text()
    assert server.client(token).get("/api/v1/me").status_code == 200
    _is_readable(floor, "access-token")
    page.keyboard.press("Escape")
    expect(page.get_by_text(token)).to_have_count(0)
    row = page.get_by_role("listitem").filter(has_text="nightly report")
    row.get_by_role("button", name="End").click()
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(row).to_have_count(0)
    assert server.client(token).get("/api/v1/me").status_code == 401


def _is_readable(floor: Floor, name: str) -> None:
    """What stands out does so legibly, in light and dark."""
    page = floor.page
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_selector(f"[data-mantine-color-scheme={scheme}]")
        page.wait_for_timeout(150)
        floor.shot(f"{name}-{scheme}")
        assert floor.axe() == [], scheme


def test_only_administrators_are_offered_to_change_people(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/access")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("button", name="Add a person")).to_have_count(0)


def test_operations_shows_components_and_a_channel_is_set_and_tried(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/operations")
    expect(page.get_by_text("Answered in")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("log")
    dialog.get_by_label("Means").first.click()
    page.get_by_role("option", name="The server's log").click()
    dialog.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("Delivered")).to_be_visible()
