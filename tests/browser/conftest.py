"""One real server, one Chromium, people signed in: what every browser test of the floor begins with (spec 7, 10.8).

A module shares a server and a browser; a test gets a fresh browser profile. Whatever a page did that the
content security policy forbids, every console error and every request to another host fails the test that caused it.
Screenshots lie in build/screenshots.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from tests.browser.seeding import Seeded, seed
from tests.integration.http.kit import Running

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "src" / "watchfloor" / "http" / "floor" / "index.html"
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "build" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE_MS = (
    30_000  # what a page is waited for: longer than any machine is busy, and nothing where all is well
)
expect.set_options(timeout=PATIENCE_MS)
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
# The browser writes these for every refused request; tests of refusals look at the page instead.
EXPECTED = ("Failed to load resource: the server responded with a status of 4",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, where there is no browser or no floor."""
    reason = "no Chromium on this machine" if CHROMIUM is None else ""
    reason = reason or ("" if BUILT.is_file() else "the floor is not built (WATCHFLOOR_SKIP_FLOOR)")
    for item in items:
        if reason and Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server for the module; nobody is rate limited."""
    running = Running(Path(tmp_path_factory.mktemp("floor")), floor="").start()
    for role in ("operator", "supervisor", "director", "admin", "auditor"):
        running.person(role)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def seeded(server: Running) -> Seeded:
    """Agents, tasks, decisions of every kind, made through the API."""
    return seed(server)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the module: Playwright keeps an event loop running, and tests of other modules want their own."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu"])
        yield browser
        browser.close()


class Floor:
    """A signed-in person's browser window. `open` goes to a page of the floor and waits until it has come to rest."""

    def __init__(self, server: Running, context: BrowserContext) -> None:
        self.server = server
        self.context = context
        self.trouble: list[str] = []
        self.page = self.window()

    def window(self) -> Page:
        """Another window of the same person."""
        page = self.context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.trouble.append(f"page error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED):
            self.trouble.append(f"console: {message.text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.server.url, "blob:", "data:")):
            self.trouble.append(f"asked another host: {url}")

    def open(self, path: str, page: Page | None = None) -> Page:
        """Go to `/floor` + path. Loading states are over and the stream is live when this returns."""
        page = page or self.page
        page.goto(f"{self.server.url}/floor{path}")
        page.wait_for_selector("h1, [data-state=error], [data-state=forbidden]")
        page.wait_for_selector("[data-testid=connection][data-state=live]", state="attached")
        expect(page.locator("[data-state=loading]")).to_have_count(0)
        return page

    def shot(self, name: str, page: Page | None = None, *, whole: bool = False) -> None:
        """A screenshot into build/screenshots."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (page or self.page).screenshot(
            path=SCREENSHOTS / f"{name}.png", full_page=whole, animations="disabled"
        )

    def axe(self, page: Page | None = None) -> list[str]:
        """What axe finds wrong (WCAG 2.2 A and AA), one line each, with what it could not decide about."""
        page = page or self.page
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE.read_text(encoding="utf-8") + ";undefined")
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found: dict[str, Any] = page.evaluate(
            "async (tags) => { const still = Promise.allSettled(document.getAnimations().map(a => a.finished));"
            " const after = (ms) => new Promise(done => setTimeout(done, ms));"
            " const judged = () => axe.run(document, {runOnly: tags, resultTypes: ['violations', 'incomplete']});"
            " await Promise.race([still, after(1000)]);"
            " let r = await judged();"  # what is wrong only while something still fades in is not wrong
            " for (let n = 0; n < 3 && r.violations.length; n++) { await after(700); r = await judged(); }"
            " const why = (n) => [...n.any, ...n.all, ...n.none].map(c => c.data?.messageKey ?? c.id).join('+');"
            " const short = (x) => x.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.target.join(' ')), why: v.nodes.map(why)}));"
            " return {violations: short(r.violations), incomplete: short(r.incomplete)}; }",
            tags,
        )
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        with (SCREENSHOTS / "axe-incomplete.txt").open("a", encoding="utf-8") as log:
            for entry in found["incomplete"]:
                for node, why in zip(entry["nodes"], entry["why"], strict=True):
                    log.write(f"{page.url.removeprefix(self.server.url)} {entry['id']} {why} {node}\n")
        return [f"{entry['id']}: {entry['help']} {entry['nodes'][:6]}" for entry in found["violations"]]


@pytest.fixture
def floors(server: Running, chromium: Browser) -> Iterator[Callable[..., Floor]]:
    """Makes signed-in browsers: `floors("supervisor", dark=True, phone=True)`; of several roles: "director+auditor"."""
    made: list[Floor] = []

    def make(role: str = "supervisor", *, dark: bool = False, phone: bool = False, **more: Any) -> Floor:
        width, height = SIZES["phone" if phone else "desktop"]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
            locale="en-GB",
            **more,
        )
        context.set_default_timeout(PATIENCE_MS)
        person = server.person(*role.split("+"))
        session = server.run(server.credential(server.orgs[0], person.subject, "session"))
        context.add_cookies([{"name": "watchfloor_session", "value": session, "url": server.url}])
        floor = Floor(server, context)
        made.append(floor)
        return floor

    yield make
    trouble = [line for floor in made for line in floor.trouble]
    for floor in made:
        floor.context.close()
    assert not trouble, "\n".join(trouble)


@pytest.fixture
def floor(floors: Callable[..., Floor]) -> Floor:
    """A supervisor's browser, light, on a desktop."""
    return floors()


def looks(make: Callable[..., Floor], name: str, path: str, role: str = "supervisor") -> None:
    """A page in light, dark and at 390 px: three screenshots, axe clean in each, nothing wider than the window."""
    floor = make(role)
    page = floor.open(path)
    for look in ("light", "dark", "phone"):
        if look == "dark":
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            page.wait_for_selector("[data-mantine-color-scheme=dark]")
        elif look == "phone":
            floor = make(role, phone=True)
            page = floor.open(path)
        page.wait_for_load_state("networkidle") if os.environ.get("SLOW") else page.wait_for_timeout(150)
        floor.shot(f"{name}-{look}", page, whole=look == "phone")
        assert floor.axe(page) == [], look
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{look}: {wide} px too wide"
