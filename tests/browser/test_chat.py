"""Chat: opening, saying, an agent's answer arriving, reconnecting, a task of a message, search (spec 7, 2.6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import CANARY, Seeded
from tests.integration.http.kit import Running


@pytest.fixture(scope="module")
def chat(server: Running, seeded: Seeded) -> str:
    """A chat in which both sides have spoken."""
    operator = server.client(server.person("operator"))
    agent = {"agent_id": seeded.agents["patcher"], "title": "About the invoice rounding"}
    opened = operator.post("/api/v1/chat/sessions", json=agent)
    found = str(opened.json()["chat_id"])
    path = f"/api/v1/chat/sessions/{found}/messages"
    assert operator.post(path, json={"text": "Which invoices does it touch?"}).status_code == 201
    answer = f"Only those with more than one line. {CANARY}"
    assert server.client(seeded.keys["patcher"]).post(path, json={"text": answer}).status_code == 201
    return found


def test_the_page_of_chat_looks_right_everywhere(chat: str, floors: Callable[..., Floor]) -> None:
    looks(floors, "chat", f"/chat/{chat}", role="operator")


def test_what_both_sides_say_arrives_and_markup_stays_text(
    server: Running, seeded: Seeded, chat: str, floors: Callable[..., Floor]
) -> None:
    page = floors("operator").open(f"/chat/{chat}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("<script>window.caught=1</script>")
    assert page.evaluate("window.caught") is None
    page.get_by_label("Say something").fill("And the old ones?")
    page.get_by_label("Say something").press("Enter")
    expect(log.get_by_text("And the old ones?")).to_be_visible()
    expect(page.get_by_label("Say something")).to_have_value("")
    agent = server.client(seeded.keys["patcher"])
    agent.post(f"/api/v1/chat/sessions/{chat}/messages", json={"text": "They stay as they were."})
    expect(log.get_by_text("They stay as they were.")).to_be_visible(timeout=20_000)


def test_a_chat_is_begun_a_message_becomes_a_task_and_is_found(
    seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    page = floors("operator").open("/chat")
    page.get_by_role("button", name="New chat").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Agent").fill("log-reader")
    page.get_by_role("option", name="log-reader").click()
    dialog.get_by_label("Title").fill("Night shift")
    dialog.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Night shift")).to_be_visible()
    page.get_by_label("Say something").fill("Compress last week's logs")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="More about message 1").click()
    page.get_by_role("menuitem", name="Make it a task").click()
    expect(page.get_by_text("It is a task now")).to_be_visible()
    page.get_by_label("Search what was said").fill("compress")
    expect(page.get_by_label("Chats").get_by_text("Compress last week's logs")).to_be_visible()
