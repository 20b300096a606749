"""Signing in by password and with a second factor, sessions, and what people change of it (spec 6 *Security*; S4 to S6, S9)."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.browsing import Browser
from tests.integration.http.kit import PLENTY, Person, Running

from watchfloor.cli.output import Failure
from watchfloor.cli.people import recover
from watchfloor.http import qr, second_factor
from watchfloor.http.pacing import Rate
from watchfloor.http.passwords import Hashing
from watchfloor.kernel.messages import SYSTEM
from watchfloor.kernel.sign_in_terms import SignInTerms
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import CredentialRevoked, DisablePerson
from watchfloor.policy.messages import ApplyPolicy

LONG = "a sentence that is long enough"


class Seat:
    """A browser that speaks JSON, as the application does."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.client = server.client()
        self.csrf = ""

    def post(self, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        headers = {"origin": self.server.url, "sec-fetch-site": "same-origin", "x-csrf-token": self.csrf}
        answer = self.client.post(path, json=body or {}, headers=headers)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str, status: int = 200) -> dict[str, Any]:
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def enter(self, status: int = 201, /, **body: str) -> dict[str, Any]:
        found = self.post("/api/v1/sign-in", body, status)
        self.csrf = found.get("csrf", "")
        return found


def by_link(server: Running, person: Person, **more: str) -> Seat:
    seat = Seat(server)
    seat.enter(link=server.link(person), **more)
    return seat


def with_password(server: Running, *roles: str) -> tuple[Person, Seat]:
    person = server.person(*roles)
    seat = by_link(server, person)
    seat.post("/api/v1/me/password", {"new": LONG})
    return person, seat


def digits(secret: str, steps: int = 0) -> str:
    return second_factor.code_of(base64.b32decode(secret), int(time.time()) // 30 + steps)


def test_a_password_is_set_with_a_young_session_and_signs_in(server: Running) -> None:
    person, seat = with_password(server, "operator", "auditor")
    assert seat.get("/api/v1/me/means")["password_at"] > 0
    other = Seat(server)
    session = other.enter(handle=person.handle, password=LONG, organisation="acme")
    assert session["person_id"] == person.id
    me = other.get("/api/v1/me")
    assert (me["handle"], me["csrf"]) == (person.handle, session["csrf"])
    assert {item["current"] for item in other.get("/api/v1/sessions")["items"]} == {True, False}
    other.post("/api/v1/sign-out")
    other.get("/api/v1/me", 401)
    events = server.backbone.ledger.read(server.orgs[0], 0, 100_000)
    assert not any(b"argon2" in data or LONG.encode() in data for _, data, _ in events)
    assert any(b'"method":"password"' in data for _, data, _ in events)


def test_a_digest_of_older_parameters_is_renewed_by_signing_in(server: Running) -> None:
    person, _ = with_password(server, "operator", "director", "auditor")
    (old,) = server.engine.credentials.of(server.orgs[0], "password", person.subject)
    server.services.entrance.hashing = Hashing(2_048)
    try:
        right = {"handle": person.handle, "password": LONG, "organisation": "Acme"}
        Seat(server).enter(**right)
        (new,) = server.engine.credentials.of(server.orgs[0], "password", person.subject)
        assert (new.id, b"m=2048" in new.verifier, b"m=1024" in old.verifier) == (old.id, True, True)
        Seat(server).enter(**right)
    finally:
        server.services.entrance.hashing = Hashing(1_024)


def test_everything_wrong_is_answered_alike(server: Running) -> None:
    person, _ = with_password(server, "operator", "director")
    answers = []
    for handle, password, organisation in (
        (person.handle, "not my password at all", "Acme"),
        ("nobody-of-this-name", LONG, "Acme"),
        (server.person("supervisor").handle, LONG, "Acme"),
        (person.handle, LONG, "Globex"),
        (person.handle, LONG, "Nowhere"),
        (person.handle, "", "Acme"),
    ):
        problem = Seat(server).enter(401, handle=handle, password=password, organisation=organisation)
        answers.append({key: value for key, value in problem.items() if key != "trace_id"})
    assert all(answer == answers[0] for answer in answers), answers
    assert answers[0]["code"] == "sign_in_refused"


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("short", "takes 12 to 128"),
        ("aaaaaaaaaaaaaaaa", "different characters"),
        ("Password1234!", "guessed first"),
        ("x" * 12 + "abcde" * 30, "takes 12 to 128"),
        ("supervisor12", "your handle"),
    ],
)
def test_a_weak_password_is_not_taken(server: Running, new: str, why: str) -> None:
    problem = by_link(server, server.person("supervisor")).post("/api/v1/me/password", {"new": new}, 422)
    assert why in problem["detail"]
    assert problem["errors"][0]["field"] == "/new"


def test_changing_a_password_needs_the_old_one_and_ends_other_sessions(server: Running) -> None:
    person, seat = with_password(server, "director", "auditor")
    other = by_link(server, person)
    seat.post("/api/v1/me/password", {"new": "another long sentence"}, 422)
    seat.post("/api/v1/me/password", {"new": "another long sentence", "current": "wrong"}, 422)
    seat.post("/api/v1/me/password", {"new": "another long sentence", "current": LONG})
    other.get("/api/v1/me", 401)
    seat.get("/api/v1/me")
    Seat(server).enter(401, handle=person.handle, password=LONG, organisation="Acme")
    Seat(server).enter(handle=person.handle, password="another long sentence", organisation="Acme")


def test_a_token_or_an_old_session_sets_nothing(server: Running) -> None:
    person = server.person("supervisor", "auditor")
    with server.client(person) as client:
        for path, body in (("password", {"new": LONG}), ("totp", {}), ("totp/confirm", {"code": "123456"})):
            assert client.post(f"/api/v1/me/{path}", json=body).json()["code"] == "session_needed"
    seat = by_link(server, person)
    real = server.services.clock
    server.services.clock = lambda: real() + 16 * 60_000_000
    try:
        for path, body in (("password", {"new": LONG}), ("totp", {})):
            assert seat.post(f"/api/v1/me/{path}", body, 403)["code"] == "sign_in_again"
    finally:
        server.services.clock = real


def test_guessing_is_slowed_down_by_person_wherever_it_comes_from(tmp_path: Path) -> None:
    rates = {**PLENTY, "sign_in_person": Rate(per_minute=1, burst=2), "sign_in": Rate(per_minute=1, burst=4)}
    server = Running(tmp_path, rates, trusted_proxies=("127.0.0.1/32",)).start()
    try:

        def attempt(handle: str, address: str) -> int:
            with server.client() as client:
                body = {"handle": handle, "password": "x" * 12}
                return client.post(
                    "/api/v1/sign-in", json=body, headers={"x-forwarded-for": address}
                ).status_code

        assert [attempt("ada", f"192.0.2.{n}") for n in range(4)] == [401, 401, 429, 429]
        assert attempt("ben", "192.0.2.9") == 401
        assert [attempt(f"p{n}", "198.51.100.1") for n in range(5)] == [401] * 4 + [429]
    finally:
        server.stop()


def test_a_second_factor_is_set_up_asked_for_and_taken_once(server: Running) -> None:
    person, seat = with_password(server, "admin", "auditor")
    offer = seat.post("/api/v1/me/totp", status=201)
    assert offer["uri"].startswith("otpauth://totp/Watchfloor%20acme%3A")
    assert f"secret={offer['secret']}" in offer["uri"]
    assert offer["qr"] == list(qr.rows(offer["uri"]))
    seat.post("/api/v1/me/totp/confirm", {"code": "000000"}, 422)
    codes = seat.post("/api/v1/me/totp/confirm", {"code": digits(offer["secret"], -1)}, 201)["codes"]
    assert len(codes) == 10
    assert seat.get("/api/v1/me/means")["recovery_left"] == 10
    assert seat.post("/api/v1/me/totp", status=409)["code"] == "second_factor_set"
    right = {"handle": person.handle, "password": LONG, "organisation": "Acme"}
    assert Seat(server).enter(401, **right)["code"] == "code_needed"
    assert Seat(server).enter(401, **right, code="000000")["code"] == "code_wrong"
    assert (
        Seat(server).enter(401, **{**right, "password": "x" * 12}, code="000000")["code"] == "sign_in_refused"
    )
    now = digits(offer["secret"])
    Seat(server).enter(**right, code=now)
    assert Seat(server).enter(401, **right, code=now)["code"] == "code_wrong", "a code is taken once"
    link = server.link(person)
    assert Seat(server).enter(401, link=link)["code"] == "code_needed"
    Seat(server).enter(link=link, code=f" {codes[0].upper()} ")
    assert Seat(server).enter(401, **right, code=codes[0])["code"] == "code_wrong", "so is a recovery code"
    Seat(server).enter(**right, code=codes[1])
    assert seat.get("/api/v1/me/means")["recovery_left"] == 8
    kept = server.engine.credentials.of(server.orgs[0], "totp", person.subject)
    assert offer["secret"].encode() not in b"".join(row.verifier for row in kept)
    key = server.folder / "data" / "sign-in.key"
    assert key.stat().st_mode & 0o077 == 0
    assert "sign-in.key" not in {path.name for path in (server.folder / "data").glob("*.db*")}
    seat.post("/api/v1/me/totp/remove", {"code": "000000"}, 401)
    renewed = seat.post("/api/v1/me/recovery-codes", {"code": codes[2]}, 201)["codes"]
    assert not set(renewed) & set(codes)
    seat.post("/api/v1/me/totp/remove", {"code": renewed[0]})
    Seat(server).enter(**right)


def test_a_taken_step_is_remembered_across_a_restart(server: Running) -> None:
    person, seat = with_password(server, "operator", "supervisor")
    offer = seat.post("/api/v1/me/totp", status=201)
    seat.post("/api/v1/me/totp/confirm", {"code": digits(offer["secret"], -1)}, 201)
    now = digits(offer["secret"])
    right = {"handle": person.handle, "password": LONG, "organisation": "Acme", "code": now}
    Seat(server).enter(**right)
    server.services.entrance.taken.clear()
    assert Seat(server).enter(401, **right)["code"] == "code_wrong"


def test_an_admin_sees_and_ends_what_somebody_signs_in_with(server: Running, admin: httpx2.Client) -> None:
    person, seat = with_password(server, "supervisor", "director")
    path = f"/api/v1/people/{person.id}/credentials"
    items = {item["purpose"]: item for item in admin.get(path).json()["items"]}
    assert set(items) == {"token", "session", "password"}
    assert all(item["handle"] == person.handle and not item["current"] for item in items.values())
    assert server.client(person).get(path).status_code == 403
    foreign = server.client(server.person("admin", org=server.orgs[1]))
    assert foreign.get(path).status_code == 404
    for purpose in ("password", "session"):
        revoke = f"/api/v1/tokens/{items[purpose]['credential_id']}/revoke"
        assert foreign.post(revoke, json={}).status_code == 404
        assert admin.post(revoke, json={}).status_code == 200
    seat.get("/api/v1/me", 401)
    Seat(server).enter(401, handle=person.handle, password=LONG, organisation="Acme")


def test_a_disabled_person_has_no_means_left(server: Running) -> None:
    person, seat = with_password(server, "operator", "supervisor", "auditor")
    server.run(server.engine.ask(server.orgs[0], DisablePerson(subject=person.subject), SYSTEM))
    seat.get("/api/v1/me", 401)
    Seat(server).enter(401, handle=person.handle, password=LONG, organisation="Acme")


def test_the_policy_says_who_may_use_what(server: Running) -> None:
    person = server.person("admin", "operator", org=server.orgs[1])
    seat = Seat(server)
    seat.enter(link=server.link(person, server.orgs[1]))
    seat.post("/api/v1/me/password", {"new": LONG})
    right = {"handle": person.handle, "password": LONG, "organisation": "Globex"}

    def apply(**terms: Any) -> None:
        policy = Policy(sign_in=SignInTerms(**terms))
        command = ApplyPolicy(document=policy, reason="who may sign in by what")
        server.run(server.engine.ask(server.orgs[1], command, SYSTEM))

    apply(password=("operator",))
    assert Seat(server).enter(403, **right)["code"] == "means_not_allowed"
    assert Seat(server).enter(401, **{**right, "password": "x" * 12})["code"] == "sign_in_refused"
    apply(totp=("admin",))
    assert Seat(server).enter(403, **right)["code"] == "second_factor_missing"
    seat = Seat(server)
    seat.enter(link=server.link(person, server.orgs[1]))
    assert seat.get("/api/v1/me/means")["totp_needed"] is True
    offer = seat.post("/api/v1/me/totp", status=201)
    codes = seat.post("/api/v1/me/totp/confirm", {"code": digits(offer["secret"])}, 201)["codes"]
    Seat(server).enter(**right, code=codes[0])
    assert seat.post("/api/v1/me/totp/remove", {"code": codes[1]}, 403)["code"] == "second_factor_missing"
    apply(link=("admin",))
    assert Seat(server).enter(403, link=server.link(person, server.orgs[1]))["code"] == "means_not_allowed"
    apply()


def test_the_page_signs_in_by_password_without_a_script(server: Running) -> None:
    person, _ = with_password(server, "auditor", "director", "supervisor")
    browser = Browser(server)
    page = browser.get("/sign-in")
    for name in ("handle", "password", "organisation", "code", "link"):
        assert f'name="{name}"' in page
    wrong = browser.post("/sign-in", {"handle": person.handle, "password": "wrong", "organisation": "Acme"})
    assert (wrong.status_code, "is wrong" in wrong.text) == (401, True)
    assert LONG not in wrong.text
    form = {"handle": person.handle, "password": LONG, "organisation": "Acme", "next": "/stops"}
    answer = browser.post("/sign-in", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/stops")
    assert browser.post("/sign-in", form, origin="https://evil.example").status_code == 403


@pytest.fixture(scope="module", autouse=True)
def steady() -> None:
    """Codes are made just after a step begins, so that none ends between making and using it."""
    if time.time() % 30 > 22:
        time.sleep(30 - time.time() % 30)


def test_the_last_administrator_who_lost_the_second_factor_is_let_in_from_the_servers_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is left who could help over HTTP: whoever has the machine can, in the record (fault S9)."""
    first = Running(tmp_path).start()
    for name, value in (
        ("DATA", tmp_path / "data"),
        ("SIGNER", tmp_path / "signer"),
        ("DISK_RESERVE_MIB", 1),
    ):
        monkeypatch.setenv(f"WATCHFLOOR_{name}", str(value))
    try:
        person, seat = with_password(first, "admin")
        offer = seat.post("/api/v1/me/totp", status=201)
        seat.post("/api/v1/me/totp/confirm", {"code": digits(offer["secret"], -1)}, 201)
        org = first.engine.node(first.orgs[0]).world.public
        with pytest.raises(Failure, match=r"one server per data directory\. Stop it first"):
            recover(person.handle, organisation=org)
        head = first.engine.head(first.orgs[0])
    finally:
        first.stop()
    with pytest.raises(Failure, match="--organisation"):
        recover(person.handle)
    with pytest.raises(Failure, match="nobody here is called nobody"):
        recover("nobody", organisation=org)
    with pytest.raises(Failure, match="there is no ledger"):
        recover("nobody", data=str(tmp_path / "elsewhere"))
    capsys.readouterr()
    recover(person.handle, organisation=org, json=True)
    link = json.loads(capsys.readouterr().out)["sign_in"].removeprefix("/sign-in/")
    again = Running(tmp_path).start()
    try:
        state = again.engine.state(again.orgs[0], "person", person.subject)
        works = {known.purpose for known in state.credentials if known.works(again.engine.clock())}
        assert works == {"token", "password", "link"}
        with again.client(cookies=dict(seat.client.cookies)) as old:
            assert old.get("/api/v1/me").status_code == 401, "sessions are over"
        back = Seat(again)
        back.enter(link=link)
        assert not back.get("/api/v1/me/means")["totp_at"]
        events = again.engine.events(again.orgs[0], head, again.engine.head(again.orgs[0]))
        ended = [one for one in events if isinstance(one.facts, CredentialRevoked)]
        reasons = [one.facts.reason for one in ended if isinstance(one.facts, CredentialRevoked)]
        assert reasons.count("second_factor_lost") >= 3, "the factor, its recovery codes, the session"
    finally:
        again.stop()
