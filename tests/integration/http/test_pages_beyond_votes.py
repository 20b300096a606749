"""Edit-and-approve, break-glass and its review on the pages without script (spec 3.2 *Grant*, *Break-glass*; faults I1 to I8)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import sync_playwright
from tests.integration.http.browsing import Browser
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken, start
from tests.integration.http.kit import Running

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SHOTS = os.environ.get("SHOTS_FOLDER", "")  # a folder to keep pictures in
CRITICAL = {"type": "system.shutdown", "tool": "kubernetes"}  # level 4 of the default policy


@pytest.fixture(scope="module", autouse=True)
def rules_obeyed(server: Running) -> Iterator[None]:
    yield
    assert broken(server) == []


@pytest.fixture
def supervisor(server: Running) -> Browser:
    return Browser(server, server.person("supervisor"))


@pytest.fixture
def director(server: Running) -> Browser:
    return Browser(server, server.person("director"))


def asked(
    agent: httpx2.Client, kind: str = "repository.patch", tool: str = "git", **params: Any
) -> dict[str, Any]:
    params = {"path": "demo", "lines": 3, "nested": {"a": 1, "b": [1, 2]}, **params}
    return ask_patch(agent, type=kind, tool=tool, params=params)


def status(agent: httpx2.Client, ruling: dict[str, Any]) -> str:
    found: str = agent.get(f"/api/v1/actions/{ruling['action_id']}").json()["action"]["status"]
    return found


def fields(browser: Browser, path: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in browser.form(path).items()}


def hidden(page: str) -> dict[str, str]:
    import re

    return {
        name: unescape(value)
        for name, value in re.findall(
            r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.partition("<main")[2]
        )
    }


def text_of(page: str) -> str:
    """What stands in the field of the parameters."""
    return unescape(page.partition('name="params"')[2].partition(">")[2].partition("</textarea>")[0])


def place_of(location: str) -> str:
    return location.partition("?")[0]


# Other parameters -----------------------------------------------------------------------------------------------------


def test_other_parameters_are_shown_before_they_are_put_in_place_and_approved(
    server: Running, supervisor: Browser, agent: httpx2.Client
) -> None:
    ruling = asked(agent, "file.read", "fs", note="right\u202eto left")
    assert ruling["level"] == 2
    place = f"/inbox/{ruling['decision_id']}"
    assert f"{place}/edit" in supervisor.get(f"{place}?seq={ruling['seq']}")
    written = text_of(supervisor.get(f"{place}/edit"))
    assert "\\u202e" in written, "what cannot be seen is spelled out"
    params = json.loads(written)
    assert params["note"] == "right\u202eto left"
    head = server.engine.head(server.orgs[0])
    changed = {**params, "lines": 1, "nested": {"a": 1, "b": [2]}, "extra": True}
    del changed["note"]
    first = {**fields(supervisor, f"{place}/edit"), "params": json.dumps(changed)}
    shown = supervisor.post(f"{place}/edit", first)
    assert shown.status_code == 200, shown.text
    for wanted in ("What changes", "nested.b", "extra", "not there", ">Edit and approve<"):
        assert wanted in shown.text, wanted
    assert "nested.a" not in shown.text
    assert server.engine.head(server.orgs[0]) == head, "nothing is changed before it is confirmed"
    done = supervisor.post(
        f"{place}/edit", {**hidden(shown.text), "reason": "one is enough", "then": "approve"}
    )
    assert done.status_code == 303, done.text
    assert place_of(done.headers["location"]) != place, "people are asked anew"
    page = supervisor.get(done.headers["location"])
    assert "your approval of them is recorded" in page
    assert "Approved by supervisor" in page and "one is enough" in page
    now = agent.get(f"/api/v1/actions/{ruling['action_id']}").json()
    assert now["grant"]["basis"] == "approved"
    assert now["params"] == changed
    # The same form again (a double click, the back button): nothing more happens.
    again = supervisor.post(f"{place}/edit", {**hidden(shown.text), "then": "approve"})
    assert again.status_code == 409
    assert (
        len(supervisor.client.get("/api/v1/ledger/events?limit=200&after=" + str(head)).json()["items"]) < 12
    )


def test_an_edit_alone_leaves_the_decision_to_people(
    server: Running, supervisor: Browser, agent: httpx2.Client
) -> None:
    ruling = asked(agent)
    place = f"/inbox/{ruling['decision_id']}"
    first = {**fields(supervisor, f"{place}/edit"), "params": '{"path": "other"}'}
    shown = supervisor.post(f"{place}/edit", first)
    done = supervisor.post(f"{place}/edit", {**hidden(shown.text), "then": "ask"})
    again = done.headers["location"]
    assert "People are asked anew" in supervisor.get(again)
    # At level 3 whoever edited it stands near to it: the version is for others, also when they press "approve".
    assert 'value="approve"' not in supervisor.get(again)
    assert 'value="approve"' in Browser(server, server.person("director")).get(again)
    assert "Cancelled" in supervisor.get(f"{place}?seq={server.engine.head(server.orgs[0])}")
    other = asked(agent)
    place = f"/inbox/{other['decision_id']}/edit"
    shown = supervisor.post(place, {**fields(supervisor, place), "params": '{"path": "other"}'})
    assert ">Edit and approve<" not in shown.text and "At level 3 others decide" in shown.text
    done = supervisor.post(place, {**hidden(shown.text), "then": "approve"})
    assert "this version is for others to decide" in supervisor.get(done.headers["location"])
    assert status(agent, other) == "pending"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("", "params"),
        ("{", "params: "),
        ("[1]", "they have to be an object"),
        ('{"a": 1.5}', "params/a: "),
        ('{"a": 1, "a": 2}', "params/a: "),
        ('{"é": 1}', "params"),
        (None, "the parameters it has already"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field_and_stays_there(
    server: Running, supervisor: Browser, agent: httpx2.Client, params: str | None, said: str
) -> None:
    ruling = asked(agent)
    place = f"/inbox/{ruling['decision_id']}/edit"
    text = text_of(supervisor.get(place)) if params is None else params
    head = server.engine.head(server.orgs[0])
    answer = supervisor.post(
        place, {**fields(supervisor, place), "params": text, "confirmed": "yes" * (params is not None)}
    )
    assert answer.status_code in (400, 422), answer.text
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert text_of(answer.text).split() == text.split()
    assert server.engine.head(server.orgs[0]) == head


def test_what_the_gate_denies_is_not_put_in_place(
    server: Running, supervisor: Browser, agent: httpx2.Client
) -> None:
    ruling = asked(agent)
    place = f"/inbox/{ruling['decision_id']}/edit"
    shown = supervisor.post(place, {**fields(supervisor, place), "params": '{"path": "/etc/shadow"}'})
    refused = supervisor.post(place, {**hidden(shown.text), "reason": "try it", "then": "approve"})
    assert refused.status_code == 403, refused.text
    assert "the gate denies the edited action" in refused.text
    assert "try it" in refused.text, "what was written is kept"
    assert status(agent, ruling) == "pending"


def test_who_may_not_decide_edits_nothing(server: Running, agent: httpx2.Client) -> None:
    ruling = asked(agent)
    place = f"/inbox/{ruling['decision_id']}/edit"
    owner = Browser(server, server.person("operator"))
    assert "others have to decide" in owner.get(place, 403)
    form = {"form_token": owner.form("/stops")["form_token"], "digest": ruling["digest"], "params": "{}"}
    assert owner.post(place, {**form, "confirmed": "yes"}).status_code == 403
    auditor = Browser(server, server.person("auditor"))
    auditor.get(place, 403)
    # Another digest than the one that was read.
    supervisor = Browser(server, server.person("supervisor"))
    answer = supervisor.post(place, {**fields(supervisor, place), "digest": "0" * 64, "params": "{}"})
    assert answer.status_code == 409
    assert status(agent, ruling) == "pending"


# Past the people ------------------------------------------------------------------------------------------------------


def test_a_director_forces_it_and_another_person_objects(
    server: Running, director: Browser, supervisor: Browser, agent: httpx2.Client
) -> None:
    ruling = asked(agent)
    place = f"/inbox/{ruling['decision_id']}"
    assert f"{place}/force" in director.get(f"{place}?seq={ruling['seq']}")
    assert f"{place}/force" not in supervisor.get(place)
    supervisor.get(f"{place}/force", 403)
    form = fields(director, f"{place}/force")
    assert form["digest"] == ruling["digest"]
    head = server.engine.head(server.orgs[0])
    for wrong, said in (({"reason": " ", "sure": "yes"}, "reason: "), ({"reason": "down"}, "sure: ")):
        refused = director.post(f"{place}/force", {**form, **wrong})
        assert (refused.status_code, said in refused.text) == (422, True), refused.text
    assert ">down</textarea>" in refused.text
    assert server.engine.head(server.orgs[0]) == head
    done = director.post(f"{place}/force", {**form, "reason": "the site is down", "sure": "yes"})
    assert done.status_code == 303, done.text
    page = director.get(done.headers["location"])
    for wanted in (
        "It is forced.",
        "Forced past the people by director",
        "the site is down",
        "Another person reviews",
    ):
        assert wanted in page, wanted
    assert f"{place}/review" not in page, "not by whoever forced it"
    assert "does not review" in director.get(f"{place}/review", 403)
    assert start(agent, ruling["action_id"]).json()["status"] == "executing"
    twice = director.post(f"{place}/force", {**form, "reason": "again", "sure": "yes"})
    assert twice.status_code == 409
    assert "You forced nothing" in twice.text
    assert f"{place}/review" in supervisor.get(place)
    review = {**fields(supervisor, f"{place}/review"), "comment": "it was up"}
    assert supervisor.post(f"{place}/review", review).status_code == 422, "one of the two buttons"
    reviewed = supervisor.post(f"{place}/review", {**review, "verdict": "unjustified"})
    page = supervisor.get(reviewed.headers["location"])
    assert "Your review is recorded." in page and "Reviewed as unjustified." in page
    late = supervisor.post(f"{place}/review", {**review, "verdict": "justified"})
    assert late.status_code == 409


def test_at_level_4_it_takes_two_and_one_person_is_not_two(
    server: Running, director: Browser, agent: httpx2.Client
) -> None:
    ruling = asked_critical(agent)
    place = f"/inbox/{ruling['decision_id']}"
    second = Browser(server, server.person("admin"))
    assert "At this level it takes two" in director.get(f"{place}/force?")
    form = {**fields(director, f"{place}/force"), "reason": "the site is down", "sure": "yes"}
    done = director.post(f"{place}/force", form)
    assert "a second person has to force it too" in director.get(done.headers["location"])
    assert status(agent, ruling) == "pending"
    twice = director.post(f"{place}/force", form)
    assert twice.headers["location"] == f"{place}?said=force_asked_before"
    assert "You want to force it already" in director.get(twice.headers["location"])
    assert "You want to force it already" in director.get(f"{place}/force", 403)
    assert "wants to force it" in second.get(f"{place}/force")
    done = second.post(f"{place}/force", {**form, **fields(second, f"{place}/force")})
    page = second.get(done.headers["location"])
    assert "Forced past the people by director, admin" in page
    assert start(agent, ruling["action_id"]).json()["status"] == "executing"


def asked_critical(agent: httpx2.Client) -> dict[str, Any]:
    answer = agent.post(
        "/api/v1/actions", json={**CRITICAL, "params": {"target": "production"}, "reason": "x"}
    )
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["level"]) == (200, 4), answer.text
    return found


@pytest.mark.parametrize("what", ["edit", "force", "review"])
def test_none_of_it_can_be_sent_from_elsewhere_or_by_a_link(
    server: Running, director: Browser, agent: httpx2.Client, what: str
) -> None:
    ruling = asked(agent)
    place = f"/inbox/{ruling['decision_id']}/{what}"
    good = {"form_token": director.form("/stops")["form_token"], "digest": ruling["digest"], "reason": "x",
            "params": "{}", "sure": "yes", "confirmed": "yes", "verdict": "justified"}  # fmt: skip
    head = server.engine.head(server.orgs[0])
    assert director.post(place, good, origin="https://evil.example").status_code == 403
    assert director.post(place, {**good, "form_token": "0" * 64}).status_code == 403
    assert director.post(place, {**good, "form_token": ""}).status_code == 403
    everything = "&".join(f"{name}={value}" for name, value in good.items() if name != "form_token")
    assert director.client.get(f"{place}?{everything}").status_code == 422
    assert Browser(server).post(place, good).headers["location"].startswith("/sign-in")
    assert server.engine.head(server.orgs[0]) == head


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_pages_fit_a_phone_and_run_nothing(server: Running, agent: httpx2.Client) -> None:
    markup = "<script>window.caught=1</script><img src=x onerror=window.caught=1>"
    ruling = asked(agent, text=markup, long="x" * 200)
    session = server.run(server.credential(server.orgs[0], server.person("director").subject, "session"))
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM)
        page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
        page.context.add_cookies([{"name": "watchfloor_session", "value": session, "url": server.url}])

        def fits(name: str) -> None:
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
            assert page.evaluate("window.caught") is None
            for button in page.locator("main button, main a.button").all():
                box = button.bounding_box()
                assert box is not None and box["height"] >= 44, "a thumb has to hit it"
            if SHOTS:
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    page.wait_for_timeout(700)
                    page.screenshot(path=str(Path(SHOTS) / f"{name}-{scheme}.png"), full_page=True)

        place = f"{server.url}/inbox/{ruling['decision_id']}"
        page.goto(place)
        fits("decision")
        page.get_by_role("link", name="Give it other parameters").click()
        fits("edit")
        params = json.loads(page.get_by_label("Parameters").input_value())
        assert params["text"] == markup
        page.get_by_label("Parameters").fill(json.dumps({**params, "lines": 1, "text": "less " + markup}))
        page.get_by_role("button", name="See what changes").click()
        fits("edit-confirm")
        page.goto(place)
        page.get_by_role("link", name="Force it").click()
        fits("force")
        page.get_by_label("Why it cannot wait").fill("the site is down")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Force it").click()
        assert page.get_by_text("It is forced.").is_visible()
        fits("forced")
        chromium.close()
