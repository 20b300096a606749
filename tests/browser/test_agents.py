"""Agents: list, detail, filters in the URL, registering, quarantine (spec 7). The model for tests of other pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
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
    expect(page.get_by_text("late-comer")).to_be_visible(timeout=20_000)


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


def test_a_version_is_proposed_waits_for_people_and_is_in_force_when_they_agree(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    operator = server.client(server.person("operator"))
    body = {
        "name": "told",
        "capabilities": ["python"],
        "tools": ["git"],
        "prompt": "You mend code.\nBe brief.",
    }
    agent = operator.post("/api/v1/agents/register", json=body).json()["agent_id"]
    floor = floors("supervisor")
    page = floor.open(f"/agents/{agent}?tab=versions")
    page.get_by_role("button", name="Propose a version").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Prompt").fill("You mend code.\nRun the tests.\nBe brief.")
    dialog.get_by_label("Tools").fill("pytest")
    dialog.get_by_label("Tools").press("Enter")
    dialog.get_by_role("button", name="Propose, and ask for it").click()
    expect(dialog.get_by_text("Say why; those who decide read it")).to_be_visible()
    dialog.get_by_label("Reason").fill("it forgot the tests")
    dialog.get_by_role("button", name="Propose, and ask for it").click()
    expect(page.get_by_text("Version 2 waits for people to agree")).to_be_visible()
    expect(page.get_by_text("A version is being decided on")).to_be_visible()
    expect(page.get_by_text("May use in addition: pytest")).to_be_visible()
    expect(page.get_by_text("Run the tests.").first).to_be_visible()
    assert floor.axe() == []
    href = page.get_by_role("link", name="See the decision").get_attribute("href")
    decision = str(href).rpartition("/")[2]
    director = server.client(server.person("director"))
    digest = director.get(f"/api/v1/decisions/{decision}").json()["decision"]["digest"]
    vote = director.post(f"/api/v1/decisions/{decision}/vote", json={"vote": "approve", "digest": digest})
    assert vote.status_code == 200, vote.text
    entry = page.get_by_role("list", name="Versions").get_by_role("listitem")
    expect(entry.first.get_by_text("in force", exact=True)).to_be_visible(timeout=20_000)
    entry.nth(1).get_by_role("button", name="Go back to it").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("worse than before")
    page.get_by_role("dialog").get_by_role("button", name="Ask to go back").click()
    expect(page.get_by_text("Version 3 waits for people to agree")).to_be_visible()
    expect(entry.first.get_by_text("back to 1")).to_be_visible()


def test_a_key_is_rotated_beside_the_old_one_and_revoked_when_confirmed(
    server: Running, floor: Floor
) -> None:
    made = server.agent("key-holder")
    page = floor.open(f"/agents/{made['agent_id']}?tab=keys")
    page.get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("goes on beside it")).to_have_value("24 hours")
    dialog.get_by_role("button", name="Rotate").click()
    key = dialog.locator("pre").inner_text()
    assert key.startswith("wf_")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(2)
    assert key not in page.content(), "shown once"
    page.get_by_role("listitem").filter(has_text="in place of").get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Revoke")).to_be_disabled()
    dialog.get_by_label("Reason").fill("it was in a log")
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    assert server.client(key).get(f"/api/v1/agents/{made['agent_id']}").status_code == 401
    assert server.client(made["api_key"]).get(f"/api/v1/agents/{made['agent_id']}").status_code == 200


def test_limits_show_what_is_used_up_and_move(server: Running, floor: Floor) -> None:
    made = server.agent("spender", tools=["fs"])
    body = {
        "scope": "agent",
        "target_id": made["agent_id"],
        "measure": "actions",
        "period": "day",
        "limit": 4,
    }
    server.client(server.person("director")).post("/api/v1/budgets", json=body).raise_for_status()
    page = floor.open(f"/agents/{made['agent_id']}?tab=limits")
    budget = page.get_by_text("actions, this day, of it alone").locator("..")
    expect(budget).to_contain_text("0 of 4")
    agent = server.client(made["api_key"])
    read = {"type": "file.read", "tool": "fs", "params": {"path": "a.md"}}
    assert agent.post("/api/v1/actions", json=read).json()["verdict"] == "pending"
    expect(budget).to_contain_text("1 of 4", timeout=20_000)
    expect(page.get_by_text("Light actions a minute").locator("..")).to_contain_text("of 120")
    assert floor.axe() == []


def test_one_talks_with_an_agent_beside_its_page(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("operator")
    page = floor.open(f"/agents/{seeded.agents['invoice-clerk']}")
    page.get_by_role("button", name="Chat", exact=True).click()
    beside = page.get_by_role("dialog", name="Chat with invoice-clerk")
    beside.get_by_label("Say something").fill("Which invoices are due?")
    beside.get_by_label("Say something").press("Enter")
    expect(beside.get_by_role("log").get_by_text("Which invoices are due?")).to_be_visible()
    chats = server.client(server.person("operator")).get("/api/v1/chat/sessions").json()["items"]
    assert len(chats) == 1, "one was begun, and once"
    path = f"/api/v1/chat/sessions/{chats[0]['chat_id']}/messages"
    server.client(seeded.keys["invoice-clerk"]).post(path, json={"text": "Two of them."}).raise_for_status()
    expect(beside.get_by_text("Two of them.")).to_be_visible(timeout=20_000)
    assert floor.axe() == []
    beside.get_by_role("button", name="Close the chat window").click()
    expect(page.get_by_role("heading", name="invoice-clerk")).to_be_visible()
    page.get_by_role("button", name="Chat", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text("Two of them.")).to_be_visible()


def test_trust_over_time_is_walked_by_keys_and_says_what_would_lift_the_agent(
    server: Running, seeded: Seeded, floor: Floor
) -> None:
    agent = seeded.agents["release-captain"]
    supervisor = server.client(server.person("director"))
    for points, reason in ((120, "a clean month"), (-30, "a late rollback")):
        supervisor.post(
            f"/api/v1/agents/{agent}/trust/adjust", json={"points": points, "reason": reason}
        ).raise_for_status()
    page = floor.open(f"/agents/{agent}")
    chart = page.get_by_role("slider", name="Trust over time")
    expect(chart.locator("canvas")).to_be_visible()
    chart.focus()
    page.keyboard.press("Home")
    assert "trust 420" in str(chart.get_attribute("aria-valuetext"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="a clean month")).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert "trust 390" in str(chart.get_attribute("aria-valuetext"))
    expect(page.get_by_text("What would lift it to")).to_be_visible()
    expect(page.get_by_text("task succeeded").first).to_be_visible()


@pytest.mark.long
def test_the_rooms_of_an_agent_look_right_everywhere(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    agent = seeded.agents["patcher"]
    server.client(server.person("operator")).post(
        f"/api/v1/agents/{agent}/versions",
        json={"reason": "it forgot the tests", "prompt": "You mend code.\nRun the tests.", "tools": ["git"]},
    ).raise_for_status()
    for tab in ("versions", "limits", "keys"):
        looks(floors, f"agent-{tab}", f"/agents/{agent}?tab={tab}")
