"""Tasks: lanes, list, detail, submitting, changing one and all that match, the dead letter (spec 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded, at_work
from tests.integration.http.kit import Running


def _dead_letter(server: Running) -> str:
    """A task of its own agent that failed for good."""
    agent = server.agent("unlucky", capabilities=["luck"])
    operator = server.client(server.person("operator"))
    body: dict[str, Any] = {"title": "Draw the winning number", "needs": ["luck"], "max_attempts": 1}
    body["criteria"] = [{"kind": "json_schema", "schema": {"type": "object", "required": ["number"]}}]
    task = str(operator.post("/api/v1/tasks", json=body).json()["task_id"])
    own, item = at_work(server, agent)
    assert item["task_id"] == task
    generation = {"generation": item["generation"]}
    assert own.post(f"/api/v1/tasks/{task}/accept", json=generation).status_code == 200
    failed = {**generation, "reason": "the drum is stuck", "retryable": False}
    assert own.post(f"/api/v1/tasks/{task}/fail", json=failed).status_code == 200
    return task


@pytest.fixture(scope="module", autouse=True)
def dead(server: Running) -> str:
    """Before anything else waits, whichever test comes first here: an agent of this tier holds one task."""
    return _dead_letter(server)


def test_the_pages_of_tasks_look_right_everywhere(
    dead: str, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    looks(floors, "tasks", "/tasks")
    looks(floors, "task", f"/tasks/{dead}")


def test_a_task_is_submitted_and_stands_in_its_lane_at_once(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/tasks")
    page.get_by_role("button", name="Submit a task").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog.get_by_text("A task needs a title")).to_be_visible()
    dialog.get_by_label("Title").fill("Rotate the staging certificates")
    dialog.get_by_text("urgent", exact=True).click()
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog).to_be_hidden()
    row = page.get_by_role("row", name="Rotate the staging certificates")
    expect(row).to_be_visible()
    expect(row).to_contain_text("urgent")


def test_a_lane_narrows_the_list_and_stands_in_the_url(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/tasks")
    page.get_by_role("button", name="low").click()
    page.wait_for_url("**lane=low**")
    expect(page.get_by_role("row", name="Summarise last night's error logs")).to_be_visible()
    expect(page.get_by_role("row", name="Reconcile October invoices")).to_have_count(0)


def test_pause_and_cancel_ask_for_a_reason_and_show_at_once(seeded: Seeded, floor: Floor) -> None:
    page = floor.open(f"/tasks/{seeded.tasks[0]}")
    for button, action, status in (
        ("Pause", "Pause", "paused"),
        ("Cancel", "Cancel the task", "cancelled"),
    ):
        page.get_by_role("button", name=button, exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name=action)).to_be_disabled()
        dialog.get_by_label("Reason").fill("not today")
        dialog.get_by_role("button", name=action).click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_text(status, exact=True).first).to_be_visible()
    expect(page.get_by_text("not today").first).to_be_visible()


def test_the_dead_letter_is_found_and_a_task_leaves_it(dead: str, floor: Floor) -> None:
    page = floor.open("/tasks?status=dead_letter")
    page.get_by_role("row", name="Draw the winning number").click()
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Back in the queue")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_all_that_match_are_changed_together(server: Running, seeded: Seeded, floor: Floor) -> None:
    operator = server.client(server.person("operator"))
    for number in range(3):
        operator.post(
            "/api/v1/tasks",
            json={"title": f"batch {number}", "needs": ["nobody-has-this"], "priority": "low"},
        )
    page = floor.open("/tasks?lane=low&status=queued")
    page.get_by_role("button", name="Change all that match").click()
    page.get_by_role("menuitem", name="Cancel all that match").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("status queued, lane low")).to_be_visible()
    dialog.get_by_label("Reason").fill("the batch was a mistake")
    dialog.get_by_role("button", name="Cancel all that match").click()
    expect(page.get_by_text("tasks are being changed")).to_be_visible()
    expect(page.get_by_text("No task matches")).to_be_visible()
