"""Situation, first visit, lessons, alerts (spec 6, 7): numbers that move by themselves, explanations that come once."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded, at_work, denied
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running


def test_the_situation_looks_right_everywhere(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    looks(floors, "situation", "/situation")
    looks(floors, "alerts", "/alerts")


def test_tiles_move_by_themselves(server: Running, seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/situation")
    tile = page.get_by_role("link", name="Open tasks")
    expect(tile).to_contain_text("Open tasks4")
    operator = server.client(server.person("operator"))
    operator.post("/api/v1/tasks", json={"title": "One more", "needs": []}).raise_for_status()
    expect(tile).to_contain_text("Open tasks5", timeout=20_000)


def _does_a_task(server: Running) -> None:
    """An agent comes, is given one of the tasks that wait, and does it."""
    own, task = at_work(server, server.agent("handy"))
    generation = {"generation": task["generation"]}
    for verb in ("accept", "complete"):
        answer = own.post(f"/api/v1/tasks/{task['task_id']}/{verb}", json=generation)
        assert answer.status_code == 200, answer.text


def test_the_tiles_of_the_last_day_move_by_themselves(server: Running, seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/situation")
    answer, success = (
        page.get_by_role("link", name=name) for name in ("Time to an answer", "Tasks that succeed")
    )
    expect(answer).to_contain_text("nobody answered in 24 hours")
    expect(success).to_contain_text("none ended in 24 hours")
    decision = seeded.decisions[3]
    director = server.client(server.person("director"))
    digest = director.get(f"/api/v1/decisions/{decision}").json()["decision"]["digest"]
    assert denied(server, decision, digest).status_code == 200
    expect(answer).to_contain_text("mean of 1 in 24 hours", timeout=20_000)
    _does_a_task(server)
    expect(success).to_contain_text("100 %of 1 in 24 hours", timeout=20_000)


def test_the_first_visit_is_guided_once(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/situation")
    expect(page.get_by_text("Welcome to the floor")).to_be_visible()
    page.get_by_role("button", name="I have seen it").click()
    floor.open("/situation")
    expect(page.get_by_text("Welcome to the floor")).to_have_count(0)


def test_the_first_request_for_approval_is_explained_and_the_second_is_not(
    server: Running, seeded: Seeded, floor: Floor
) -> None:
    page = floor.open("/situation")
    agent = server.client(server.agent(tools=["git"])["api_key"])
    ask_patch(agent, type="file.write")
    lesson = page.get_by_text("An agent asks for somebody's agreement")
    expect(lesson).to_be_visible(timeout=20_000)
    page.get_by_role("alert").get_by_role("button").click()
    expect(lesson).to_have_count(0)
    ask_patch(agent, type="file.write", params={"path": "two"})
    page.wait_for_timeout(600)
    expect(lesson).to_have_count(0)


def test_while_you_were_away_tells_what_happened_since_the_last_visit(
    server: Running, seeded: Seeded, floor: Floor
) -> None:
    page = floor.open("/situation")
    page.evaluate("""() => {
        const visit = JSON.parse(localStorage.getItem('watchfloor-last-visit'));
        localStorage.setItem('watchfloor-last-visit', JSON.stringify({seq: 1, at: visit.at - 3600000}));
    }""")
    floor.open("/situation")
    away = page.get_by_role("heading", name="While you were away")
    expect(away).to_be_visible()
    expect(page.get_by_text("agents registered")).to_be_visible()
    floor.shot("situation-away", whole=True)
    page.get_by_role("button", name="Got it").click()
    expect(away).to_have_count(0)


def test_the_palette_finds_pages_agents_and_decisions(seeded: Seeded, floor: Floor) -> None:
    page = floor.open("/situation")
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Page, agent, task, decision, or an id").fill("invoice-clerk")
    floor.shot("palette")
    page.get_by_role("button", name="invoice-clerk").click()
    expect(page.get_by_role("heading", name="invoice-clerk")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/inbox**")
