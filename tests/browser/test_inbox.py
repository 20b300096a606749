"""The inbox: what people see first (spec 3.2, 7): order, triage by keys, one vote, others who are faster, phones."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Locator, Page, expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import CANARY, Seeded, ask_many, votes
from tests.integration.http.kit import Running


def _vote(page: Page, say: str) -> Locator:
    return page.get_by_role("group", name="Your vote").get_by_role("button", name=say)


def _select(page: Page, decision: str) -> None:
    page.wait_for_url(f"**/inbox/{decision}**")


def test_the_inbox_looks_right_everywhere(seeded: Seeded, floors: Callable[..., Floor]) -> None:
    looks(floors, "inbox", f"/inbox/{seeded.decisions[0]}")
    looks(floors, "inbox-payment", f"/inbox/{seeded.decisions[1]}", role="director")
    phone = floors(phone=True)
    phone.open("/inbox?whose=all")
    phone.shot("inbox-list-phone")
    assert phone.axe() == []
    auditor = floors("auditor")
    auditor.open("/inbox")
    expect(auditor.page.get_by_text("Nothing waits for you")).to_be_visible()
    auditor.shot("inbox-nothing-mine")


def test_what_agents_wrote_is_never_markup_and_hides_nothing(seeded: Seeded, floor: Floor) -> None:
    page = floor.open(f"/inbox/{seeded.decisions[1]}")
    expect(page.get_by_text(CANARY)).to_be_visible()
    expect(page.get_by_text("U+202E", exact=True)).to_be_visible()
    assert page.evaluate("window.caught") is None
    assert page.locator("main img, main script").count() == 0


def test_keys_alone_find_read_deny_and_approve(server: Running, seeded: Seeded, floor: Floor) -> None:
    first, second, third = ask_many(server, 3, type="file.write", tool="git")
    page = floor.open("/inbox")
    for _ in range(40):
        if page.url.rpartition("/")[2].split("?")[0] == first:
            break
        page.keyboard.press("j")
    _select(page, first)
    _vote(page, "Deny").wait_for()
    page.keyboard.press("d")
    expect(page.get_by_role("group", name="Deny?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="Deny?")).to_have_count(0)
    page.keyboard.press("d")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("not on a Friday")
    with page.expect_response(
        lambda answer: answer.url.endswith(f"{second}/seen")
    ):  # it stood there long enough
        page.keyboard.press("Control+Enter")
    _select(page, second)
    expect(page.get_by_role("heading", name="file.write")).to_be_visible()
    _vote(page, "Approve").wait_for()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    _select(page, third)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("approve (Enter confirms)")
    assert [(vote["vote"], vote["comment"]) for vote in votes(server, first)] == [("deny", "not on a Friday")]
    assert [vote["vote"] for vote in votes(server, second)] == ["approve"]
    assert votes(server, second)[0]["seen_at"] > 0  # the page said that the person had looked
    assert votes(server, third) == []


def test_double_click_two_tabs_and_the_back_button_are_one_vote(
    server: Running, seeded: Seeded, floor: Floor
) -> None:
    (decision,) = ask_many(server, 1, type="file.write", tool="git")
    one = floor.open(f"/inbox/{decision}")
    two = floor.open(f"/inbox/{decision}", floor.window())
    for page in (one, two):
        _vote(page, "Approve").click()
    button = one.get_by_role("group", name="Approve?").get_by_role("button", name="Approve")
    other = two.get_by_role("group", name="Approve?").get_by_role("button", name="Approve")
    button.dblclick()
    with contextlib.suppress(Error):  # the live stream may take the button away under the finger
        if other.is_visible():
            other.click(no_wait_after=True, timeout=2_000)
    one.go_back()
    one.go_forward()
    page = floor.open(f"/inbox/{decision}", one)
    expect(page.get_by_text("Approved by supervisor")).to_be_visible()
    expect(_vote(page, "Approve")).to_have_count(0)
    assert [(vote["vote"], vote["refused"]) for vote in votes(server, decision)] == [("approve", "")]


def test_somebody_else_decides_first_and_it_shows_at_once(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="file.write", tool="git")
    mine, theirs = floors("supervisor"), floors("director")
    page = mine.open(f"/inbox/{decision}")
    _vote(page, "Approve").click()
    other = theirs.open(f"/inbox/{decision}")
    _vote(other, "Deny").click()
    other.get_by_role("group", name="Deny?").get_by_role("button", name="Deny").click()
    expect(page.get_by_text("Denied by director")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("group", name="Approve?")).to_have_count(0)
    mine.shot("inbox-overtaken")
    assert [vote["vote"] for vote in votes(server, decision)] == ["deny"]


def test_a_new_decision_arrives_by_itself_and_leaves_when_it_is_over(
    server: Running, seeded: Seeded, floor: Floor
) -> None:
    page = floor.open("/inbox")
    (decision,) = ask_many(server, 1, type="database.query", tool="git")
    row = page.get_by_role("button", name="database.query")
    expect(row).to_be_visible(timeout=20_000)
    shown = server.client(server.person("director")).get(f"/api/v1/decisions/{decision}").json()
    answer = server.client(server.person("director")).post(
        f"/api/v1/decisions/{decision}/vote", json={"vote": "deny", "digest": shown["decision"]["digest"]}
    )
    assert answer.status_code == 200, answer.text
    expect(row).to_have_count(0, timeout=20_000)


def test_other_parameters_are_judged_again_and_decided_anew(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="file.write", tool="git")
    floor = floors("supervisor")
    page = floor.open(f"/inbox/{decision}")
    _vote(page, "Approve").wait_for()
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_label("Parameters")
    box.fill(box.input_value().replace("file-0.py", "file-1.py"))
    dialog.get_by_label("Why").fill("the other file was meant")
    floor.shot("inbox-edit")
    dialog.get_by_role("button", name="Edit", exact=True).click()
    expect(page).not_to_have_url(f"{server.url}/floor/inbox/{decision}")
    expect(page.get_by_text("the other file was meant")).to_be_visible()
    expect(page.locator("dd").get_by_text("file-1.py")).to_be_visible()
    floor.shot("inbox-edited")
    old = server.client(server.person("auditor")).get(f"/api/v1/decisions/{decision}").json()["decision"]
    assert (old["status"], old["reason"]) == ("cancelled", "edited")


@pytest.mark.long
def test_a_hundred_mixed_decisions_are_cleared_in_under_five_minutes(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    """Keys for two in five, a batch for the rest; measured with the browser's own clock."""
    director = server.client(server.person("director"))
    for one in director.get("/api/v1/decisions?status=pending&limit=200").json()["items"]:
        director.post(
            f"/api/v1/decisions/{one['decision_id']}/vote", json={"vote": "deny", "digest": one["digest"]}
        )
    asked = ask_many(server, 50, type="file.write", tool="git")
    asked += ask_many(server, 50, type="database.query", tool="git")
    floor = floors("supervisor")
    page = floor.open("/inbox")
    waiting = page.get_by_role("heading", name="Inbox")
    expect(waiting).to_contain_text("100")
    presses = 0
    began = page.evaluate("performance.now()")
    for number in range(40):
        before = page.url
        page.keyboard.press("d" if number % 3 == 0 else "a")
        page.keyboard.press("Enter")
        expect(page).not_to_have_url(before)
        _vote(page, "Approve").wait_for()
        presses += 2
    expect(waiting).to_contain_text("60")
    for _ in range(60):
        page.keyboard.press("x")
        page.keyboard.press("j")
        presses += 2
    page.get_by_role("group", name="Chosen decisions").get_by_role("button", name="Approve").click()
    floor.shot("inbox-batch")
    page.get_by_role("dialog").get_by_role("button", name="Approve 60").click()
    expect(page.get_by_text("Nothing to decide")).to_be_visible(timeout=60_000)
    took_s = (page.evaluate("performance.now()") - began) / 1_000
    print(f"100 decisions: {took_s:.1f} s, {presses} keys, 2 clicks")
    assert took_s < 300
    auditor = server.client(server.person("auditor"))
    said = [auditor.get(f"/api/v1/decisions/{one}").json()["decision"]["status"] for one in asked]
    assert (said.count("denied"), said.count("approved")) == (14, 86)


def test_a_lost_connection_is_said_within_five_seconds_and_nothing_is_missed(
    server: Running, seeded: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("supervisor")
    page = floor.open("/inbox")
    floor.context.set_offline(True)
    began = time.monotonic()
    expect(page.get_by_text("Connection lost", exact=False).first).to_be_visible(timeout=20_000)
    assert time.monotonic() - began < 10, "five seconds, and a slow machine"
    floor.shot("connection-lost")
    ask_many(server, 1, type="database.query", tool="git")
    floor.context.set_offline(False)
    expect(page.get_by_role("button", name="database.query")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-testid=connection]")).to_have_text("Live")
    floor.trouble[:] = [line for line in floor.trouble if "net::ERR_INTERNET_DISCONNECTED" not in line]
