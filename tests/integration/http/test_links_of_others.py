"""Separation of duties against whoever makes other people's sign-in links (decision 35, spec 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.browsing import Browser
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken, person, vote
from tests.integration.http.kit import Running

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(Path(tmp_path_factory.mktemp("links"))).start()
    for roles in (("admin",), ("supervisor",), ("director",), ("director", "operator")):
        running.person(*roles)
    yield running
    assert broken(running) == []
    running.stop()


def signed_in(server: Running, path: str) -> httpx2.Client:
    """A browser that came by a link, with the form token its changes carry."""
    browser = Browser(server)
    assert browser.post(path, {}).status_code == 303
    client = browser.client
    client.headers["x-csrf-token"] = client.get("/api/v1/me").json()["csrf"]
    client.headers["sec-fetch-site"] = "same-origin"
    return client


def link_by(maker: httpx2.Client, whose: str) -> str:
    made = maker.post(f"/api/v1/people/{whose}/sign-in-link", json={})
    assert made.status_code == 201, made.text
    path: str = made.json()["path"]
    return path


def owned_by(server: Running, owner: str) -> httpx2.Client:
    return server.client(server.agent(owner=owner, tools=["git"])["api_key"])


def level_4(agent: httpx2.Client) -> dict[str, Any]:
    return ask_patch(agent, type="payment.send", tool="git")


def test_an_admin_does_not_approve_their_own_agent_by_the_link_they_made(server: Running) -> None:
    admin, sam = person(server, "admin"), server.person("supervisor")
    mine = ask_patch(owned_by(server, admin.headers["x-person"]))["decision_id"]
    others = ask_patch(owned_by(server, server.person("operator").id))["decision_id"]
    puppet = signed_in(server, link_by(admin, sam.id))
    shown = puppet.get(f"/api/v1/decisions/{mine}").json()
    assert not shown["may_vote"] and "link that somebody else made" in shown["obstacle"]
    refused = vote(puppet, mine)
    assert (refused.status_code, refused.json()["code"]) == (403, "own_sign_in_needed")
    assert puppet.get(f"/api/v1/decisions/{mine}").json()["decision"]["status"] == "pending"
    edited = puppet.post(
        f"/api/v1/decisions/{others}/edit", json={"digest": "0" * 64, "params": {}, "reason": ""}
    )
    assert edited.json()["code"] == "own_sign_in_needed"
    done = vote(puppet, others).json()
    assert done["status"] == "approved"  # as the admin could have
    event = puppet.get(f"/api/v1/ledger/events/{done['seq']}").json()
    assert event["event"]["facts"]["through"] == admin.headers["x-person"]

    token = puppet.post("/api/v1/tokens", json={"label": "still not sam", "expires_in_days": 1}).json()[
        "token"
    ]
    assert vote(server.client(token), mine).json()["code"] == "own_sign_in_needed"

    assert puppet.post("/api/v1/me/password", json={"new": PASSWORD}).status_code == 200
    assert vote(server.client(token), mine).json()["code"] == "own_sign_in_needed"  # made before
    said = vote(puppet, mine)
    assert said.json()["status"] == "approved", said.text


def test_links_make_no_second_vote_no_second_force_and_no_review(server: Running) -> None:
    director, admin = person(server, "director"), person(server, "admin")
    second = server.person("director", "operator")
    agent = owned_by(server, server.person("operator").id)
    decision = level_4(agent)["decision_id"]
    puppet = signed_in(server, link_by(admin, second.id))
    assert vote(director, decision).json()["status"] == "pending"
    assert vote(puppet, decision).json()["code"] == "own_sign_in_needed"
    asked = level_4(agent)["decision_id"]
    shown = puppet.get(f"/api/v1/decisions/{asked}").json()
    assert not shown["may_force"]
    body = {"digest": shown["decision"]["digest"], "reason": "now"}
    assert puppet.post(f"/api/v1/decisions/{asked}/force", json=body).json()["code"] == "own_sign_in_needed"
    patch = ask_patch(agent)["decision_id"]
    digest = director.get(f"/api/v1/decisions/{patch}").json()["decision"]["digest"]
    forced = director.post(f"/api/v1/decisions/{patch}/force", json={"digest": digest, "reason": "now"})
    assert forced.json()["status"] == "forced"
    review = puppet.post(f"/api/v1/decisions/{patch}/review", json={"verdict": "justified"})
    assert (review.status_code, review.json()["code"]) == (403, "own_sign_in_needed")


def test_a_link_of_the_platform_has_nobody_behind_it(server: Running) -> None:
    director = server.person("director")
    decision = level_4(owned_by(server, server.person("operator").id))["decision_id"]
    own = signed_in(server, f"/sign-in/{server.link(director)}")
    said = vote(own, decision)
    assert said.json()["status"] == "pending", said.text
