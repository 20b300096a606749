"""People, tokens, sessions, policy versions (spec 1, 3.6, 6 *Security*; faults C9, S6)."""

from __future__ import annotations

import httpx2
import pytest
from tests.integration.http.kit import Running


def test_a_person_is_added_signs_in_by_link_and_is_who_they_are(
    server: Running, admin: httpx2.Client
) -> None:
    added = admin.post(
        "/api/v1/people",
        json={"handle": "eve", "name": "Eve Example", "email": "eve@example.org", "roles": ["operator"]},
    ).json()
    listed = admin.get(f"/api/v1/people?handle=eve&min_seq={added['seq']}").json()["items"]
    assert listed[0]["name"] == "Eve Example"
    assert (
        admin.post("/api/v1/people", json={"handle": "eve", "name": "x", "roles": ["operator"]}).json()[
            "code"
        ]
        == "handle_taken"
    )
    issued = admin.post(f"/api/v1/people/{added['person_id']}/sign-in-link").json()
    browser = server.client()
    session = browser.post("/api/v1/sign-in", json={"link": issued["path"].removeprefix("/sign-in/")})
    assert session.status_code == 201, session.text
    me = browser.get("/api/v1/me").json()
    assert (me["id"], me["name"], me["roles"]) == (added["person_id"], "eve", ["operator"])
    assert (
        server.client()
        .post("/api/v1/sign-in", json={"link": issued["path"].removeprefix("/sign-in/")})
        .json()["code"]
        == "link_over"
    )
    ours = {"origin": server.url, "x-csrf-token": session.json()["csrf"]}
    out = browser.post("/api/v1/sign-out", json={}, headers=ours)
    assert out.status_code == 200
    assert browser.get("/api/v1/me").status_code == 401


def test_roles_change_at_once(server: Running, admin: httpx2.Client) -> None:
    person = server.person("operator", "supervisor")
    client = server.client(person)
    assert client.post("/api/v1/tasks", json={"title": "x"}).status_code == 201
    admin.post(f"/api/v1/people/{person.id}/roles", json={"roles": ["auditor"]})
    assert client.post("/api/v1/tasks", json={"title": "x"}).json()["code"] == "role_missing"
    assert client.get("/api/v1/tasks").status_code == 200


def test_the_last_admin_stays(server: Running, admin: httpx2.Client) -> None:
    person = server.person("admin")
    assert admin.post(f"/api/v1/people/{person.id}/disable").json()["code"] == "last_admin"
    assert (
        admin.post(f"/api/v1/people/{person.id}/roles", json={"roles": ["operator"]}).json()["code"]
        == "last_admin"
    )


def test_tokens_are_issued_listed_and_revoked(
    server: Running, operator: httpx2.Client, admin: httpx2.Client
) -> None:
    issued = operator.post(
        "/api/v1/tokens", json={"label": "ci", "scopes": ["tasks:read"], "expires_in_days": 1}
    ).json()
    with server.client(issued["token"]) as client:
        assert client.get("/api/v1/tasks").status_code == 200
        assert client.post("/api/v1/tasks", json={"title": "x"}).status_code == 403
        listed = operator.get(f"/api/v1/tokens?min_seq={issued['seq']}").json()["items"]
        mine = next(token for token in listed if token["token_id"] == issued["token_id"])
        assert (mine["label"], mine["scopes"], mine["revoked_at"]) == ("ci", ["tasks:read"], 0)
        assert issued["token"] not in str(listed)
        assert operator.post(f"/api/v1/tokens/{issued['token_id']}/revoke").status_code == 200
        assert client.get("/api/v1/tasks").status_code == 401
    assert (
        operator.post("/api/v1/tokens", json={"scopes": ["everything:write"]}).json()["code"]
        == "invalid_fields"
    )
    others = server.client(server.person("supervisor"))
    theirs = others.get("/api/v1/me").json()["credential"]
    assert operator.post(f"/api/v1/tokens/{theirs}/revoke").status_code == 404
    assert operator.post("/api/v1/sign-out").json()["code"] == "no_session"


def test_names_and_addresses_are_for_admins_and_auditors(
    server: Running, operator: httpx2.Client, admin: httpx2.Client
) -> None:
    seq = server.person("auditor").subject
    assert admin.get(f"/api/v1/ledger/events/{seq}").json()["private"]["email"]
    assert operator.get(f"/api/v1/ledger/events/{seq}").json()["private"] is None


# Policy --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def director(server: Running) -> httpx2.Client:
    return server.client(server.person("director"))


def test_a_policy_is_changed_with_the_version_one_has_seen(director: httpx2.Client) -> None:
    now = director.get("/api/v1/policy")
    assert now.headers["etag"] == now.json()["etag"]
    document = now.json()["document"]
    document["name"] = "stricter"
    document["levels"]["medium"] = 3
    missing = director.put("/api/v1/policy", json=document)
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_missing")
    changed = director.put(
        "/api/v1/policy?reason=audit", json=document, headers={"if-match": now.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    stale = director.put(
        "/api/v1/policy", json={**document, "name": "other"}, headers={"if-match": now.headers["etag"]}
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    same = director.put("/api/v1/policy", json=document, headers={"if-match": changed.headers["etag"]})
    assert same.json()["version"] == changed.json()["version"]
    versions = director.get(f"/api/v1/policy/versions?min_seq={changed.json()['seq']}").json()["items"]
    assert [item["version"] for item in versions][:2] == [2, 1]
    assert versions[0]["reason"] == "audit"
    assert director.get("/api/v1/policy/versions/1").json()["document"]["name"] != "stricter"
    assert director.get("/api/v1/policy/versions/99").status_code == 404


def test_a_policy_comes_and_goes_as_yaml(director: httpx2.Client) -> None:
    now = director.get("/api/v1/policy", headers={"accept": "application/yaml"})
    assert now.headers["content-type"].startswith("application/yaml")
    text = now.text.replace("grant_ms: 900000", "grant_ms: 600000")
    headers = {"content-type": "application/yaml", "if-match": now.headers["etag"]}
    changed = director.put("/api/v1/policy", content=text, headers=headers)
    assert changed.status_code == 200, changed.text
    assert (
        director.get(f"/api/v1/policy?min_seq={changed.json()['seq']}").json()["document"]["grant_ms"]
        == 600_000
    )


def test_every_fault_of_a_policy_is_named(director: httpx2.Client) -> None:
    answer = director.put(
        "/api/v1/policy",
        json={"name": "x", "colour": 1, "levels": {"low": "x"}, "auto": {"score_min": -5}},
        headers={"if-match": '"1"'},
    )
    assert answer.status_code == 422
    fields = {error["field"] for error in answer.json()["errors"]}
    assert {"/colour", "/levels/low"} <= fields
    for empty in ("", "null", "{}"):
        assert (
            director.put(
                "/api/v1/policy",
                content=empty,
                headers={"content-type": "application/json", "if-match": '"1"'},
            ).status_code
            == 422
        )
