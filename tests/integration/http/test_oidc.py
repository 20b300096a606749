"""Signing in at an identity provider that is really there, and at ones that lie (spec 6 *Security*; faults S2, I3, I6)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey
from tests.integration.http.issuing import CLIENT, Issuer
from tests.integration.http.kit import Running

from watchfloor.config import OIDCProvider
from watchfloor.kernel.messages import SYSTEM
from watchfloor.people.messages import RevokeCredential


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Running]:
    provider = OIDCProvider(
        id="example",
        name="Example ID",
        issuer=issuer.url,
        client_id=CLIENT[0],
        client_secret=CLIENT[1],
        domains=("example.org",),
        organisation="Acme",
    )
    folder = Path(tmp_path_factory.mktemp("oidc"))
    running = Running(folder, config={"oidc": (provider,)}, oidc=(provider,)).start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def honest(issuer: Issuer) -> None:
    issuer.changes, issuer.header, issuer.signed_with, issuer.algorithm = {}, {}, None, "RS256"
    issuer.claims = {"sub": "u-1", "email": "operator@example.org", "email_verified": True}


def come(door: Running, path: str = "/sign-in/with/example") -> tuple[httpx2.Client, httpx2.Response]:
    """A browser that goes to the provider and comes back: itself, and our last answer."""
    client = door.client()
    gone = client.get(path)
    assert gone.status_code == 303, gone.text
    there = httpx2.get(gone.headers["location"])
    return client, client.get(there.headers["location"])


def test_a_person_signs_in_by_their_verified_address_and_then_by_their_identity(
    door: Running, issuer: Issuer
) -> None:
    person = door.person("operator")
    assert {"name": "Example ID", "path": "/sign-in/with/example"} in door.client().get(
        "/api/v1/sign-in"
    ).json()["oidc"]
    assert "Sign in with Example ID" in door.client().get("/sign-in").text
    client, answer = come(door, "/sign-in/with/example?next=/stops")
    assert answer.status_code == 200, answer.text
    assert '<meta http-equiv="refresh" content="0;url=/stops">' in answer.text
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert client.get("/api/v1/me").json()["id"] == person.id
    assert client.get("/api/v1/me/means").json()["identities"] == [issuer.url]
    asked = issuer.asked[-1]
    assert asked["code_challenge_method"] == "S256"
    assert (asked["response_type"], "openid" in asked["scope"]) == ("code", True)
    issuer.claims = {"sub": "u-1", "email": "renamed@elsewhere.org", "email_verified": False}
    again, _ = come(door)
    assert again.get("/api/v1/me").json()["id"] == person.id, (
        "the identity counts, whatever the address is now"
    )
    issuer.claims = {"sub": "u-2", "email": "operator@example.org", "email_verified": True}
    _, other = come(door)
    assert (other.status_code, "nobody here" in other.text) == (401, True), "an address that changed hands"


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "supervisor@example.org", "email_verified": False},
        {"email": "supervisor@example.org", "email_verified": "true"},
        {"email": "supervisor@example.org"},
        {"email": "director@evil.example", "email_verified": True},
        {"email": "nobody@example.org", "email_verified": True},
        {},
    ],
)
def test_nobody_comes_in_by_an_address_that_proves_nothing(
    door: Running, issuer: Issuer, claims: dict[str, Any]
) -> None:
    door.person("supervisor")
    issuer.claims = {"sub": "stranger", **claims}
    client, answer = come(door)
    assert (answer.status_code, "nobody here" in answer.text) == (401, True)
    assert client.get("/api/v1/me").status_code == 401


def _lies() -> dict[str, dict[str, Any]]:
    now = int(time.time())
    return {
        "expired": {"changes": {"exp": now - 120}},
        "from the future": {"changes": {"iat": now + 3_600}},
        "not yet": {"changes": {"nbf": now + 3_600}},
        "for another client": {"changes": {"aud": "another"}},
        "for several, of another": {"changes": {"aud": [CLIENT[0], "another"], "azp": "another"}},
        "of another issuer": {"changes": {"iss": "https://evil.example"}},
        "with another nonce": {"changes": {"nonce": "guessed"}},
        "without a nonce": {"changes": {"nonce": None}},
        "without a subject": {"changes": {"sub": ""}},
        "unsigned": {"algorithm": "none"},
        "signed with the public key": {"algorithm": "HS256"},
        "signed with somebody's key": {"signed_with": RSAKey.generate_key(2048, {"kid": "one"})},
        "with a key of its own": {
            "signed_with": (own := RSAKey.generate_key(2048, {"kid": "own"})),
            "header": {"kid": "own", "jwk": own.as_dict(private=False)},
        },
        "with a strange kid": {"header": {"kid": "../../etc/passwd' OR 1=1"}},
    }


def test_a_token_that_lies_lets_nobody_in(door: Running, issuer: Issuer) -> None:
    door.person("operator")
    for lie, settings in _lies().items():
        issuer.changes, issuer.header, issuer.signed_with, issuer.algorithm = {}, {}, None, "RS256"
        for name, value in settings.items():
            setattr(issuer, name, value)
        client, answer = come(door)
        assert answer.status_code == 401, lie
        assert "set-cookie" not in answer.headers, lie
        assert client.get("/api/v1/me").status_code == 401, lie


def test_only_the_browser_that_went_comes_back_and_only_once(door: Running, issuer: Issuer) -> None:
    door.person("operator")
    client = door.client()
    gone = client.get("/sign-in/with/example")
    back = httpx2.get(gone.headers["location"]).headers["location"]
    assert door.client().get(back).status_code == 401, "another browser, which somebody sent the address"
    assert client.get(back).status_code == 401, "and the attempt is over"
    client, answer = come(door)
    assert answer.status_code == 200
    assert client.get(str(answer.url)).status_code == 401
    for path in (
        "/sign-in/back",
        "/sign-in/back?error=access_denied&state=x",
        "/sign-in/back?code=x&state=unknown",
    ):
        assert client.get(path).status_code == 401, path
    gone = client.get("/sign-in/with/example")
    back = httpx2.get(gone.headers["location"]).headers["location"]
    assert client.get(back.replace("iss=", "iss=https://evil.example&was=")).status_code == 401, "mixed up"
    assert client.get("/sign-in/with/nobody").status_code == 404


def test_a_revoked_identity_is_over(door: Running, issuer: Issuer) -> None:
    person = door.person("director")
    issuer.claims = {"sub": "u-9", "email": "Director@Example.ORG", "email_verified": True}
    client, _ = come(door)
    assert client.get("/api/v1/me").json()["id"] == person.id
    (known,) = door.engine.credentials.of(door.orgs[0], "identity", person.subject)
    command = RevokeCredential(subject=person.subject, credential=known.id)
    door.run(door.engine.ask(door.orgs[0], command, SYSTEM))
    issuer.claims = {"sub": "u-9"}
    _, answer = come(door)
    assert answer.status_code == 401


def test_a_provider_that_is_away_or_somebody_else_is_said(
    door: Running, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.services.providers._metadata.clear()
    honest_metadata = issuer.metadata()
    for changed in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": 7},
        {"jwks_uri": "file:///etc/passwd"},
    ):
        monkeypatch.setattr(issuer, "metadata", lambda changed=changed: {**honest_metadata, **changed})
        answer = door.client().get("/sign-in/with/example")
        assert (answer.status_code, "location" in answer.headers) == (503, False)
