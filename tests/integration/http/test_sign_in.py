"""Signing in and out on pages (spec 6 *Security*; faults I6, S5, S6, S10)."""

from __future__ import annotations

import threading

import httpx2
from tests.integration.http.browsing import Browser
from tests.integration.http.kit import Running


def test_a_link_signs_in_once_and_looking_at_it_does_not_use_it_up(server: Running) -> None:
    link = server.link(server.person("operator"))
    first, second = Browser(server), Browser(server)
    for _ in range(3):
        assert "Sign in as operator" in first.get(f"/sign-in/{link}")
    answer = first.post(f"/sign-in/{link}", {})
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Inbox" in first.get("/inbox")
    assert second.post(f"/sign-in/{link}", {}).status_code == 401
    assert "This link is over" in second.get(f"/sign-in/{link}", 401)


def test_two_uses_at_once_make_one_session(server: Running) -> None:
    link = server.link(server.person("operator"))
    outcomes: list[int] = []
    browsers = [Browser(server) for _ in range(8)]
    threads = [
        threading.Thread(target=lambda b=b: outcomes.append(b.post(f"/sign-in/{link}", {}).status_code))
        for b in browsers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [303] + [401] * 7


def test_a_pasted_link_signs_in_and_leads_only_to_our_own_pages(server: Running) -> None:
    for following, where in (
        ("/stops", "/stops"),
        ("https://evil.example", "/inbox"),
        ("//evil.example", "/inbox"),
        ("/api/v1/tasks", "/inbox"),
        ("javascript:alert(1)", "/inbox"),
    ):
        browser = Browser(server)
        assert 'name="next" value="' in browser.get("/sign-in?next=/stops")
        link = server.link(server.person("operator"))
        answer = browser.post("/sign-in", {"link": f" {server.url}/sign-in/{link} ", "next": following})
        assert (answer.status_code, answer.headers["location"]) == (303, where)
    assert "not a sign-in link" in Browser(server).post("/sign-in", {"link": "hello"}).text


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(server: Running) -> None:
    answer = Browser(server).client.get("/stops")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fstops")


def test_a_session_cannot_be_fixed_from_outside_and_ends_for_good(server: Running) -> None:
    browser = Browser(server, server.person("operator"))
    session = dict(browser.client.cookies)["watchfloor_session"]
    assert "operator" in browser.get("/inbox")
    with server.client(session) as bearer:
        assert bearer.get("/api/v1/me").status_code == 401, "a session is no bearer token"
    token = browser.form("/stops")["form_token"]
    assert browser.post("/sign-out", {"form_token": token}).status_code == 303
    with server.client(cookies={"watchfloor_session": session}) as old:
        assert old.get("/inbox").headers["location"].startswith("/sign-in")
    with server.client(cookies={"watchfloor_session": server.person("operator").token}) as planted:
        assert planted.get("/api/v1/me").status_code == 401


def test_a_disabled_person_is_out_at_once(server: Running, admin: httpx2.Client) -> None:
    person = server.person("operator", "auditor")
    browser = Browser(server, person)
    assert admin.post(f"/api/v1/people/{person.id}/disable", json={}).status_code == 200
    assert browser.client.get("/inbox").status_code == 303
    with server.client(person) as client:
        assert client.get("/api/v1/me").status_code == 401
