"""The main job on real input, through the running server (issue text; spec 10.3 scenario 2)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

PROGRAMS = Path(sys.executable).parent


def run(*command: str, cwd: Path, code: int = 0) -> str:
    done = subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_demo_plays_itself_through_and_ends_only_after_the_verifier_has_passed(tmp_path: Path) -> None:
    said = run("watchfloor", "demo", "--unattended", "--data", str(tmp_path / "demo"), cwd=tmp_path)
    order = [
        "The agent asks: repository.patch · level 3",
        "votes approve: approved",
        "succeeded",
        "good: head",
        "proven",
    ]
    places = [said.find(text) for text in order]
    assert -1 not in places, said
    assert places == sorted(places)
    repository = tmp_path / "demo" / "work" / "repository-1"
    run("ruff", "check", "--no-cache", ".", cwd=repository)
    run("bandit", "-q", "-r", ".", cwd=repository)


class Stage:
    """An interactive demo, and a browser without a browser."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [str(PROGRAMS / "watchfloor"), "demo", "--port", "0"], cwd=folder, stdout=log, stderr=log
        )
        log.close()
        try:
            self.link = self.until(
                lambda: re.search(r"http://\S+/sign-in/\S+", self.log()), "the link"
            ).group(0)
        except BaseException:
            self.process.kill()  # no process stays behind
            self.process.wait(20)
            raise
        self.url = self.link.split("/sign-in")[0]
        self.browser = httpx.Client(base_url=self.url, follow_redirects=True, timeout=10)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def until(self, ask, what: str):  # type: ignore[no-untyped-def]
        for _ in range(300):
            found = ask()
            if found:
                return found
            assert self.process.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(f"not yet: {what}\n{self.log()}")

    def sign_in(self) -> None:
        page = self.browser.get(self.link)
        assert page.status_code == 200
        done = self.browser.post(self.link, data=fields(page.text), headers={"Origin": self.url})
        assert done.status_code == 200, done.text

    def pending(self) -> str:
        page = self.browser.get("/inbox").text
        found = re.search(r"/inbox/(dec_\w+)", page)
        return found.group(1) if found else ""

    def close(self) -> None:
        self.browser.close()
        self.process.terminate()
        self.process.wait(20)


def fields(page: str) -> dict[str, str]:
    """Hidden fields of the forms of a page."""
    found = {}
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            found[name.group(1)] = value.group(1)
    return found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    found.close()


def test_a_person_approves_on_the_page_and_the_platform_verifies(stage: Stage) -> None:
    stage.sign_in()
    decision = stage.until(stage.pending, "a decision in the inbox")
    page = stage.browser.get(f"/inbox/{decision}").text
    assert "shop/orders.py" in page, "the diff is shown"
    assert "not checked by anybody" in page.lower(), "the agent's words are apart"
    form = {**fields(page), "vote": "approve", "comment": "reads well"}
    without_token = {
        name: value for name, value in form.items() if "token" not in name and "csrf" not in name
    }
    refused = stage.browser.post(
        f"/inbox/{decision}", data=without_token, headers={"Origin": "http://elsewhere.example"}
    )
    assert refused.status_code == 403
    done = stage.browser.post(f"/inbox/{decision}", data=form, headers={"Origin": stage.url})
    assert done.status_code == 200, done.text[:2_000]
    task = re.search(r"tsk_\w+", stage.log()).group(0)  # type: ignore[union-attr]

    def ended() -> bool:
        shown = json.loads(run("watchfloor", "task", "show", task, "--json", cwd=stage.folder))
        return bool(shown["task"]["status"] == "succeeded")

    stage.until(ended, "the task has succeeded")
    again = stage.browser.post(f"/inbox/{decision}", data=form, headers={"Origin": stage.url})
    assert "already" in again.text.lower() or "over" in again.text.lower() or again.status_code in (200, 409)
    assert "good" in run("watchfloor", "ledger", "verify", "--data", "watchfloor-demo/data", cwd=stage.folder)


def test_a_person_approves_with_the_command_line(stage: Stage) -> None:
    def waiting() -> str:
        items = json.loads(run("watchfloor", "decisions", "list", "--json", cwd=stage.folder))
        return str(items[0]["decision_id"]) if items else ""

    decision = stage.until(waiting, "a decision in the list")
    shown = run("watchfloor", "decisions", "show", decision, cwd=stage.folder)
    assert "WHAT WOULD RUN" in shown
    assert "+++ b/shop/orders.py" in shown
    said = run("watchfloor", "decisions", "approve", decision, "--yes", cwd=stage.folder)
    assert "approved" in said
    late = run("watchfloor", "decisions", "approve", decision, "--yes", cwd=stage.folder, code=3)
    assert late == ""
