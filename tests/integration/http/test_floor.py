"""The application is served with a fresh nonce and a strict policy, its files for ever, and nothing else (spec 7; I1, I4)."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from tests.integration.http.browsing import Browser
from tests.integration.http.kit import Running

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
INDEX = """<!doctype html><html><head><meta property="csp-nonce" nonce="__CSP_NONCE__">
<meta name="csp-nonce" content="__CSP_NONCE__">
<script type="module" crossorigin nonce="__CSP_NONCE__" src="/floor/assets/main-1a2b.js"></script></head>
<body><div id="root">nothing ran</div><script>document.title = "inline ran"</script></body></html>
"""
MAIN = """import {word} from "./part-3c4d.js";
const style = document.createElement("style");
style.nonce = document.querySelector("meta[name=csp-nonce]").content;
style.textContent = "#root { color: rgb(1, 2, 3) }";
document.head.append(style);
const foreign = document.createElement("style");
foreign.textContent = "#root { visibility: hidden }";
document.head.append(foreign);
import("./late-5e6f.js").then(async late => {
  const me = await (await fetch("/api/v1/me")).json();
  const say = token => fetch("/api/v1/tasks", {method: "POST", body: JSON.stringify({title: "x"}),
    headers: {"content-type": "application/json", ...(token ? {"x-csrf-token": token} : {})}});
  const [without, wrong, right] = [await say(), await say("0".repeat(64)), await say(me.csrf)];
  document.getElementById("root").textContent =
    [word, late.word, me.kind, without.status, wrong.status, right.status].join(" ");
});
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("floor")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "secret.pem").write_text("no")
    (folder / "assets" / "main-1a2b.js").write_text(MAIN + "// filling\n" * 400)
    (folder / "assets" / "part-3c4d.js").write_text("export const word = 'static';")
    (folder / "assets" / "late-5e6f.js").write_text("export const word = 'dynamic';")
    (folder / "assets" / "linked.js").symlink_to("/etc/hostname")
    return folder


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Running]:
    running = Running(Path(tmp_path_factory.mktemp("server")), floor=str(folder)).start()
    yield running
    running.stop()


def test_every_address_of_the_application_is_its_one_page_with_a_nonce_of_its_own(floor: Running) -> None:
    seen = set()
    with floor.client() as client:
        for path in ("/floor", "/floor/", "/floor/inbox", "/floor/tasks/tsk_1/attempts?status=failed&page=2"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert answer.headers["cache-control"] == "no-cache"
            policy = answer.headers["content-security-policy"]
            (nonce,) = set(re.findall(r"'nonce-([^']+)'", policy))
            assert answer.text == INDEX.replace("__CSP_NONCE__", nonce)
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            seen.add(nonce)
        assert len(seen) == 4
        assert client.get("/floor/inbox?api_key=1").status_code == 400
        assert client.post("/floor/inbox").status_code == 405


def test_files_are_kept_for_ever_small_on_the_wire_and_404_when_they_are_gone(floor: Running) -> None:
    with floor.client() as client:
        answer = client.get("/floor/assets/main-1a2b.js")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.text.startswith(MAIN)
        plain = client.get("/floor/assets/main-1a2b.js", headers={"accept-encoding": "br, gzip;q=0"})
        assert "content-encoding" not in plain.headers
        assert len(gzip.compress(plain.content)) < len(plain.content) / 2
        assert client.get("/floor/favicon.svg").headers["cache-control"] == "no-cache"
        for gone in ("gone-1a2b.js", "linked.js", "..%2Findex.html", "%2e%2e", "main-1a2b.js.gz"):
            assert client.get(f"/floor/assets/{gone}").status_code == 404, gone
        assert client.get("/floor/secret.pem").text.startswith("<!doctype html>"), "no file, so an address"


def test_home_is_the_application_and_signing_in_leads_there(floor: Running, folder: Path) -> None:
    browser = Browser(floor, floor.person("operator"))
    assert browser.client.get("/").headers["location"] == "/floor/"
    assert 'href="/floor/"' in browser.get("/inbox")
    for following, where in (
        ("/floor/tasks/tsk_1?status=failed", "/floor/tasks/tsk_1?status=failed"),
        ("/inbox", "/inbox"),
        ("/floor/../x", "/floor/"),
        ("/floor//evil.example", "/floor/"),
        ("/floor" + "/a" * 150 + "!", "/floor/"),
        ("https://evil.example", "/floor/"),
    ):
        link = floor.link(floor.person("operator"))
        answer = Browser(floor).post("/sign-in", {"link": link, "next": following})
        assert answer.headers["location"] == where


def test_a_new_build_shows_at_once_and_no_build_is_said_plainly(floor: Running, folder: Path) -> None:
    index = folder / "index.html"
    with floor.client() as client:
        index.write_text("second __CSP_NONCE__")
        os.utime(index, ns=(1, 1))
        assert client.get("/floor/").text.startswith("second ")
        index.rename(folder / "kept.html")
        assert client.get("/floor/").status_code == 404
        assert "not built" in client.get("/floor/x").text
        assert client.get("/floor/assets/main-1a2b.js").status_code == 200
    assert Browser(floor, floor.person("operator")).client.get("/").headers["location"] == "/inbox"
    index.write_text(INDEX)


def test_a_change_with_a_session_names_its_token(floor: Running) -> None:
    browser = Browser(floor, floor.person("operator"))
    ours = {"origin": floor.url, "sec-fetch-site": "same-origin"}
    token = browser.client.get("/api/v1/me").json()["csrf"]
    other = Browser(floor, floor.person("operator")).client.get("/api/v1/me").json()["csrf"]
    assert token != other
    for given, status in (("", 403), (other, 403), (token, 201)):
        answer = browser.client.post(
            "/api/v1/tasks", json={"title": "x"}, headers={**ours, "x-csrf-token": given}
        )
        assert answer.status_code == status, answer.text
    foreign = {"origin": "https://evil.example", "x-csrf-token": token}
    assert (
        browser.client.post("/api/v1/tasks", json={"title": "x"}, headers=foreign).json()["code"]
        == "foreign_origin"
    )
    with floor.client(floor.person("operator")) as bearer:
        assert bearer.get("/api/v1/me").json()["csrf"] == ""
        assert bearer.post("/api/v1/tasks", json={"title": "x"}).status_code == 201


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_real_browser_runs_the_modules_of_the_build_and_nothing_else(floor: Running) -> None:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM)
        page = chromium.new_page()
        page.goto(f"{floor.url}/sign-in/{floor.link(floor.person('operator'))}")
        page.get_by_role("button", name="Sign in as operator").click()
        page.wait_for_url("**/floor/")
        page.get_by_text("static dynamic person 403 403 201").wait_for(timeout=30_000)
        assert page.title() != "inline ran"
        root = page.locator("#root")
        assert root.evaluate("e => getComputedStyle(e).color") == "rgb(1, 2, 3)"
        assert root.evaluate("e => getComputedStyle(e).visibility") == "visible"
        chromium.close()
