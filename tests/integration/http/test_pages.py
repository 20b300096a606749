"""The approval pages as a browser uses them, without JavaScript (spec 3.2 *Inbox*; faults C8, I1 to I8)."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from tests.integration.http.browsing import Browser, attributes
from tests.integration.http.conftest import DIFF, ask_patch
from tests.integration.http.kit import Running


@pytest.fixture
def browser(server: Running) -> Browser:
    return Browser(server, server.person("supervisor"))


@pytest.fixture
def ruling(agent: httpx2.Client) -> dict[str, Any]:
    return ask_patch(agent)


# Deciding ------------------------------------------------------------------------------------------------------------


def test_the_story_from_inbox_to_grant(
    browser: Browser, ruling: dict[str, str], agent: httpx2.Client
) -> None:
    place = f"/inbox/{ruling['decision_id']}"
    assert place in browser.get(f"/inbox?seq={ruling['seq']}")
    page = browser.get(place)
    for wanted in (
        "What will run",
        "-import os",
        "+import sys",
        "unused import",
        "In the agent",
        "high risk",
        "level 3",
        "Trust 300 is not above 800.",
        str(ruling["digest"]),
    ):
        assert wanted in page, wanted
    fields = browser.form(place)
    assert fields["digest"] == ruling["digest"]
    answer = browser.post(place, {**fields, "vote": "approve", "comment": "read it"})
    assert answer.status_code == 303
    result = browser.get(answer.headers["location"])
    for wanted in (
        "Your approval is recorded.",
        "Approved by supervisor.",
        "A single-use grant was given (approved).",
        "read it",
    ):
        assert wanted in result, wanted
    assert 'name="vote"' not in result
    assert agent.get(f"/api/v1/actions/{ruling['action_id']}").json()["grant"]["basis"] == "approved"


def test_a_second_click_is_one_vote(browser: Browser, ruling: dict[str, str]) -> None:
    place = f"/inbox/{ruling['decision_id']}"
    fields = {**browser.form(place), "vote": "deny"}
    assert browser.post(place, fields).status_code == 303
    again = browser.post(place, {**fields, "vote": "approve"})
    assert again.headers["location"] == f"{place}?said=already_voted"
    assert "the first vote counts" in browser.get(again.headers["location"])


def test_who_comes_second_is_told_that_somebody_was_faster(
    server: Running, browser: Browser, ruling: dict[str, str]
) -> None:
    place = f"/inbox/{ruling['decision_id']}"
    late = Browser(server, server.person("director"))
    fields = late.form(place)
    browser.post(place, {**browser.form(place), "vote": "deny"})
    answer = late.post(place, {**fields, "vote": "approve"})
    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text
    assert "Denied by supervisor" in answer.text
    assert "late, not counted" in answer.text


def test_what_was_approved_must_be_what_was_shown(browser: Browser, ruling: dict[str, str]) -> None:
    place = f"/inbox/{ruling['decision_id']}"
    answer = browser.post(place, {**browser.form(place), "digest": "0" * 64, "vote": "approve"})
    assert answer.status_code == 409
    assert "another action than the one you saw" in answer.text
    assert 'name="vote"' in answer.text


def test_nobody_decides_on_their_own_agent_or_without_the_role(server: Running, agent: httpx2.Client) -> None:
    ruling = ask_patch(agent)
    owner = Browser(server, server.person("operator"))
    page = owner.get(f"/inbox/{ruling['decision_id']}?seq={ruling['seq']}")
    assert "You own this agent, so others have to decide." in page
    assert 'name="vote"' not in page
    fields = {"form_token": owner.form("/stops")["form_token"], "digest": ruling["digest"], "vote": "approve"}
    answer = owner.post(f"/inbox/{ruling['decision_id']}", fields)
    assert answer.status_code == 403
    assert "The attempt is recorded." in answer.text
    auditor = Browser(server, server.person("auditor"))
    assert "Your role does not decide" in auditor.get(f"/inbox/{ruling['decision_id']}")


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"sec_fetch_site": "cross-site"}, {}),
        ({"sec_fetch_site": "same-site"}, {}),
        ({"origin": "null", "sec_fetch_site": "cross-site"}, {}),
        ({}, {"form_token": ""}),
        ({}, {"form_token": "0" * 64}),
    ],
)
def test_a_vote_from_another_site_or_without_our_form_is_403(
    browser: Browser, ruling: dict[str, str], headers: dict[str, str], fields: dict[str, str]
) -> None:
    place = f"/inbox/{ruling['decision_id']}"
    answer = browser.post(place, {**browser.form(place), "vote": "approve", **fields}, **headers)
    assert answer.status_code == 403
    assert (
        browser.client.get(f"/api/v1/decisions/{ruling['decision_id']}").json()["decision"]["status"]
        == "pending"
    )


def test_a_session_cannot_be_made_to_vote_by_other_sites_through_the_api(
    browser: Browser, ruling: dict[str, str]
) -> None:
    path = f"/api/v1/decisions/{ruling['decision_id']}/vote"
    body = {"vote": "approve", "digest": ruling["digest"]}
    evil = {"origin": "https://evil.example"}
    assert browser.client.post(path, json=body, headers=evil).status_code == 403
    assert browser.client.post(path, json=body).status_code == 403, "a browser says where it comes from"
    ours = {"origin": browser.server.url}
    assert browser.client.post(path, json=body, headers=ours).json()["code"] == "form_token"
    ours["x-csrf-token"] = browser.client.get("/api/v1/me").json()["csrf"]
    plain = {"content-type": "text/plain", **ours}
    assert browser.client.post(path, content=str(body), headers=plain).status_code == 415
    assert browser.client.get(path).status_code == 405
    assert browser.client.post(path, json=body, headers=ours).status_code == 200


def test_other_sites_cannot_sign_anybody_in(server: Running) -> None:
    link = server.link(server.person("operator"))
    assert Browser(server).post(f"/sign-in/{link}", {}, origin="https://evil.example").status_code == 403


# What agents write ---------------------------------------------------------------------------------------------------

CANARY = "<script>window.caught=1</script><img src=x onerror=window.caught=1>\"'><svg onload=window.caught=1>"


def test_what_agents_and_people_write_stays_text_everywhere(server: Running, operator: httpx2.Client) -> None:
    made = server.agent(
        f"canary {CANARY}"[:120],
        type=CANARY,
        capabilities=[CANARY[:60]],
        skills=[CANARY[:60]],
        version=CANARY[:60],
    )
    agent = server.client(made["api_key"])
    task = operator.post(
        "/api/v1/tasks", json={"title": CANARY, "description": CANARY, "input": {CANARY: CANARY}}
    ).json()
    ruling = ask_patch(
        agent,
        params={"path": CANARY, "diff": DIFF.replace("import sys", CANARY), CANARY: [CANARY]},
        reason=CANARY,
    )
    operator.post("/api/v1/stops", json={"scope": "tool", "target": "canary", "reason": CANARY})
    browser = Browser(server, server.person("supervisor"))
    browser.post(
        f"/inbox/{ruling['decision_id']}",
        {**browser.form(f"/inbox/{ruling['decision_id']}"), "vote": "abstain", "comment": CANARY},
    )
    for path in (
        "/inbox",
        f"/inbox/{ruling['decision_id']}",
        f"/actions/{ruling['action_id']}",
        "/agents",
        f"/agents/{made['agent_id']}",
        "/tasks",
        f"/tasks/{task['task_id']}",
        "/stops",
    ):
        page = browser.get(path)
        assert "<script>window" not in page, path
        assert "<img src=x" not in page, path
        assert "<svg onload" not in page, path
        assert "&lt;script&gt;window.caught" in page or path == "/inbox", path


def test_hidden_text_is_brought_to_light(server: Running, agent: httpx2.Client, browser: Browser) -> None:
    ruling = ask_patch(
        agent,
        params={"note": "a" + "\n" * 10_000 + "rm -rf", "payee": "p\u0430ypal.com"},
        reason="\u202eevorppa",
    )
    page = browser.get(f"/inbox/{ruling['decision_id']}?seq={ruling['seq']}")
    assert "9999 empty lines" in page
    assert "rm -rf" in page
    assert "Mixes alphabets" in page
    assert "U+202E" in page
    assert "\u202e" not in page
    plain = browser.get(f"/inbox/{ruling['decision_id']}/parameters")
    assert "\u202e" not in plain


def test_pages_have_empty_and_error_states(server: Running) -> None:
    org = server.orgs[1]
    browser = Browser(server, server.person("supervisor", org=org), org)
    for path, text in (
        ("/inbox", "Nothing to decide"),
        ("/stops", "Nothing is stopped"),
        ("/agents", "No agents yet"),
        ("/tasks", "No tasks yet"),
    ):
        assert text in browser.get(path), path
    assert "Not here" in browser.get("/inbox/dec_zzzz", 404)
    assert "trace " in browser.get("/tasks/tsk_zzzz", 404)
    assert browser.client.get("/").headers["location"] == "/inbox"


# Stops ---------------------------------------------------------------------------------------------------------------


def test_a_stop_is_thrown_by_form_and_lifted_by_somebody_else(server: Running, agent: httpx2.Client) -> None:
    first, second = Browser(server, server.person("supervisor")), Browser(server, server.person("director"))
    fields = {**first.form("/stops"), "scope": "action_type", "target": "Payment.Send", "reason": "month end"}
    answer = first.post("/stops", fields)
    assert answer.status_code == 303
    page = first.get(answer.headers["location"])
    assert "The stop is in force." in page
    assert "month end" in page
    assert "somebody else lifts it" in page
    stopped = agent.post("/api/v1/actions", json={"type": "payment.send"})
    assert (stopped.status_code, stopped.json()["code"]) == (403, "stopped")
    stop_id = next(
        s["stop_id"]
        for s in first.client.get("/api/v1/stops?state=in_force").json()["items"]
        if s["target"] == "payment.send"
    )
    refused = first.post(f"/stops/{stop_id}/lift", {**first.form("/stops"), "reason": "x"})
    assert refused.status_code == 403
    lifted = second.post(
        f"/stops/{stop_id}/lift", {"form_token": second.form("/stops")["form_token"], "reason": "checked"}
    )
    assert "The stop is lifted." in second.get(lifted.headers["location"])
    assert agent.post("/api/v1/actions", json={"type": "payment.send"}).json()["verdict"] in (
        "pending",
        "denied",
    )


def test_a_stop_without_reason_or_scope_is_not_thrown(server: Running, browser: Browser) -> None:
    for fields in (
        {"scope": "tool", "target": "x", "reason": ""},
        {"scope": "world", "reason": "x"},
        {"scope": "agent", "target": "agt_zzz", "reason": "x"},
    ):
        answer = browser.post("/stops", {**browser.form("/stops"), **fields})
        assert answer.status_code in (404, 422)


# Around --------------------------------------------------------------------------------------------------------------


def test_pages_ask_nobody_else_for_anything(server: Running, browser: Browser) -> None:
    for path in ("/inbox", "/docs", "/sign-in", "/stops"):
        page = browser.get(path)
        for link in re.findall(r'(?:src|href|action)="([^"]+)"', page):
            assert link.startswith(("/", "#")), link
        assert not [name for name in attributes(page) if name.startswith("on") or name == "style"]
    assets = set(re.findall(r'"(/assets/[^"]+)"', browser.get("/inbox")))
    assert len(assets) == 3
    for asset in assets:
        answer = browser.client.get(asset)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert browser.client.get("/assets/../app.py").status_code == 404
    assert browser.client.get("/assets/app.py").status_code == 404


def test_the_reference_names_every_documented_operation(server: Running) -> None:
    page = Browser(server).get("/docs")
    for path in server.services.document["paths"]:
        assert path in page
