"""Kill switches and bypasses (spec 3.4, 3.2, 7): thrown at once, seen everywhere, lifted; opened with a reason, taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded
from tests.integration.http.kit import Running

HOUR = 3_600_000_000


@pytest.mark.long
def test_the_pages_look_right_everywhere(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    director = server.client(server.person("director"))
    body = {"type": "log.read", "reason": "a quiet night", "expires_at": server.engine.clock() + HOUR}
    opened = director.post("/api/v1/bypasses", json=body).json()["bypass_id"]
    looks(floors, "bypasses", "/policy/bypasses")
    assert director.post(f"/api/v1/bypasses/{opened}/end").status_code == 200
    looks(floors, "stops", "/policy/stops")
    looks(floors, "decisions", "/decisions")
    looks(floors, "analytics", "/decisions/analytics")


def test_a_kill_switch_is_thrown_seen_everywhere_and_lifted(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    mine, other = floors("supervisor"), floors("operator")
    page, watching = mine.open("/policy/stops"), other.open("/agents")
    page.get_by_role("button", name="Stop everything").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("a drill")
    page.get_by_role("dialog").get_by_role("button", name="Stop now").click()
    expect(watching.get_by_text("Everything is stopped.")).to_be_visible(timeout=20_000)
    other.shot("stopped-everything")
    another = floors("director").open("/policy/stops")
    another.get_by_role("button", name="Lift").click()
    another.get_by_role("dialog").get_by_label("Reason").fill("the drill is over")
    another.get_by_role("dialog").get_by_role("button", name="Lift").click()
    expect(watching.get_by_text("Everything is stopped.")).to_have_count(0, timeout=20_000)


def test_a_kill_switch_is_eased_for_one_agent_first(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    supervisor = server.client(server.person("supervisor"))
    stop = {"scope": "tool", "target": "printer", "reason": "it prints secrets"}
    assert supervisor.post("/api/v1/stops", json=stop).status_code == 201
    page = floors("director").open("/policy/stops")
    row = page.get_by_role("listitem").filter(has_text="it prints secrets")
    row.get_by_role("button", name="Ease").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Agent").click()
    page.get_by_role("option", name="log-reader").click()
    dialog.get_by_label("Reason").fill("it has no secrets")
    dialog.get_by_role("button", name="Let it through").click()
    expect(dialog).to_be_hidden()
    expect(row).to_contain_text("let through: one agent")


def test_a_bypass_is_opened_by_a_director_seen_by_others_and_taken_back(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    mine, other = floors("director"), floors("operator")
    page, watching = mine.open("/policy/bypasses"), other.open("/policy/bypasses")
    expect(watching.get_by_role("button", name="Open one")).to_have_count(0)
    page.get_by_role("button", name="Open one").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Agent").click()
    page.get_by_role("option", name="log-reader").click()
    dialog.get_by_label("Type of action").fill("policy.apply")
    dialog.get_by_label("Reason").fill("migration night")
    dialog.get_by_role("button", name="Open it").click()
    expect(dialog.get_by_text("what the platform does is never bypassed")).to_be_visible()
    dialog.get_by_label("Type of action").fill("file.write")
    dialog.get_by_role("button", name="Open it").click()
    expect(dialog).to_be_hidden()
    row = watching.get_by_role("listitem").filter(has_text="migration night")
    expect(row).to_contain_text("in force", timeout=20_000)
    expect(row).to_contain_text("log-reader")
    row.get_by_role("button", name="Take it back").click()
    watching.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    mine_row = page.get_by_role("listitem").filter(has_text="migration night")
    expect(mine_row).to_contain_text("taken back by operator", timeout=20_000)
    item = server.client(server.person("operator")).get("/api/v1/bypasses").json()["items"][0]
    assert (item["type"], item["in_force"]) == ("file.write", False)
