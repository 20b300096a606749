"""The page of a notice's link on a phone: it fits, it runs nothing, and however often it is pressed it is one vote (spec 3.2)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.integration.http.conftest import DIFF, ask_patch
from tests.integration.http.kit import Running
from tests.integration.http.test_tap import link_of, votes

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SHOTS = os.environ.get("SHOTS_FOLDER", "")  # a folder to keep pictures in
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
MARKUP = "<script>window.caught=1</script><img src=x onerror=window.caught=1>"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "java_script_enabled": False}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_nothing_that_others_wrote_runs(
    server: Running, chromium: Browser, agent: httpx2.Client, scheme: Any
) -> None:
    diff = DIFF.replace("import sys", MARKUP)
    ruling = ask_patch(agent, params={"path": "demo/" + "x" * 80, "diff": diff}, reason=f"Trust me. {MARKUP}")
    page = chromium.new_context(viewport=PHONE["viewport"], color_scheme=scheme).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    place = link_of(server, ruling["decision_id"], server.person("supervisor"))
    page.goto(server.url + place)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("window.caught") is None
    assert page.locator("script").count() == 0 and page.locator("h1").count() == 1
    for name in ("Approve", "Deny"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None and box["height"] >= 44, "a thumb has to hit it"
    shot(page, f"tap-{scheme}")
    page.get_by_role("button", name="Deny").click()
    assert page.get_by_text("It is denied").is_visible()
    shot(page, f"tap-denied-{scheme}")
    page.goto(server.url + place.replace("tap_", "tap_x", 1))
    assert page.get_by_text("This link is over").is_visible()
    shot(page, f"tap-over-{scheme}")
    assert [text for text in said if "404" not in text] == []


def test_two_windows_a_double_click_and_the_back_button_are_one_vote(
    server: Running, chromium: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    place = server.url + link_of(server, ruling["decision_id"], server.person("supervisor"))
    context = chromium.new_context(**PHONE)
    one, two = context.new_page(), chromium.new_context(**PHONE).new_page()
    one.goto(place)
    two.goto(place)
    one.get_by_role("button", name="Approve").dblclick()
    one.wait_for_url("**said=*")
    two.get_by_role("button", name="Deny").click()
    assert two.get_by_text("You have voted on this already; the first vote counts.").is_visible()
    assert two.get_by_text("It is approved").is_visible()
    one.goto(place)
    one.go_back()
    one.go_back()
    if one.get_by_role("button", name="Approve").count():
        one.get_by_role("button", name="Approve").click()
    one.goto(place)
    assert one.get_by_text("It is approved").is_visible()
    cast = votes(server, ruling["decision_id"])
    assert [(vote.facts.vote, vote.facts.session) for vote in cast] == [("approve", "link")]
