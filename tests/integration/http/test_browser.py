"""The pages in a real browser: nothing runs that is not ours, and everything works without JavaScript (spec 9 I1, I2, I7)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.integration.http.conftest import DIFF, ask_patch
from tests.integration.http.kit import Running

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
CANARY = "<script>window.caught=1</script><img src=x onerror=window.caught=1><a href='javascript:window.caught=1'>x</a>"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


def signed_in(server: Running, browser: Browser, **settings: Any) -> Page:
    """A fresh browser profile in which the supervisor has signed in."""
    page = browser.new_context(**settings).new_page()
    page.goto(f"{server.url}/sign-in/{server.link(server.person('supervisor'))}")
    page.get_by_role("button", name="Sign in as supervisor").click()
    page.wait_for_url("**/inbox")
    return page


@pytest.fixture(scope="module")
def poisoned(server: Running) -> dict[str, str]:
    """An agent, a task, a stop and a decision that are full of markup."""
    operator = server.client(server.person("operator"))
    made = server.agent(
        f"x {CANARY}"[:128], type=CANARY[:128], capabilities=[CANARY[:64]], version=CANARY[:128]
    )
    task = operator.post(
        "/api/v1/tasks", json={"title": CANARY[:128], "description": CANARY, "input": {"x": CANARY}}
    ).json()
    diff = DIFF.replace("import sys", CANARY)
    ruling = ask_patch(
        server.client(made["api_key"]), params={"path": "x", "diff": diff, CANARY: CANARY}, reason=CANARY
    )
    operator.post("/api/v1/stops", json={"scope": "tool", "target": CANARY[:128], "reason": CANARY})
    return {
        "decision": ruling["decision_id"],
        "action": ruling["action_id"],
        "agent": made["agent_id"],
        "task": task["task_id"],
    }


def test_nothing_that_others_wrote_runs_anywhere(
    server: Running, chromium: Browser, poisoned: dict[str, str]
) -> None:
    page = signed_in(server, chromium)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    for path in (
        "/inbox",
        "/inbox/{decision}",
        "/actions/{action}",
        "/agents",
        "/agents/{agent}",
        "/tasks",
        "/tasks/{task}",
        "/stops",
        "/docs",
    ):
        page.goto(server.url + path.format(**poisoned))
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.caught") is None, path
        assert page.locator("a[href^=javascript]").count() == 0
    assert said == []
    assert all(url.startswith(server.url) for url in asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1280])
def test_pages_fit_the_screen(
    server: Running, chromium: Browser, poisoned: dict[str, str], width: int, scheme: Any
) -> None:
    page = signed_in(server, chromium, viewport={"width": width, "height": 844}, color_scheme=scheme)
    for path in (
        "/inbox",
        "/inbox/{decision}",
        "/agents",
        "/agents/{agent}",
        "/tasks",
        "/tasks/{task}",
        "/stops",
    ):
        page.goto(server.url + path.format(**poisoned))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(20, 24, 27)") == (scheme == "dark")


def test_somebody_can_decide_without_javascript(
    server: Running, chromium: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    page = signed_in(server, chromium, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page.goto(f"{server.url}/inbox?seq={ruling['seq']}")
    page.locator(f"a[href='/inbox/{ruling['decision_id']}']").click()
    page.get_by_label("Comment").fill("without a script")
    page.get_by_role("button", name="Approve").click()
    assert page.get_by_text("Your approval is recorded.").is_visible()
    assert page.get_by_text("without a script").is_visible()


def test_clocks_run_down_and_a_lost_connection_shows_within_five_seconds(
    server: Running, chromium: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    page = signed_in(server, chromium)
    page.goto(f"{server.url}/inbox/{ruling['decision_id']}?seq={ruling['seq']}")
    clock = page.locator("[data-deadline-ms]").first
    first = clock.inner_text()
    assert first.count(":") == 1
    page.wait_for_function(
        "before => document.querySelector('[data-deadline-ms]').textContent !== before",
        arg=first,
        timeout=20_000,
    )
    assert page.locator("#lost").is_hidden()
    page.context.set_offline(True)
    page.locator("#lost").wait_for(state="visible", timeout=20_000)
    assert page.get_by_role("button", name="Approve").is_disabled()
    page.context.set_offline(False)
    page.locator("#lost").wait_for(state="hidden", timeout=20_000)
    assert page.get_by_role("button", name="Approve").is_enabled()


def test_a_stop_can_be_thrown_with_the_keyboard_alone(server: Running, chromium: Browser) -> None:
    page = signed_in(server, chromium)
    page.goto(f"{server.url}/stops")
    page.get_by_text("Stop something").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")  # the last but one: a tool
    page.keyboard.press("Tab")
    page.keyboard.type("chainsaw")
    page.keyboard.press("Tab")
    page.keyboard.type("too sharp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/stops?said=stopped*")
    assert page.get_by_text("too sharp").is_visible()
