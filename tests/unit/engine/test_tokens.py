"""Signed keys: only what we issued, as we issued it, while it is in force (spec 2.1; fault S2)."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from watchfloor.engine.credentials import Credential, Credentials
from watchfloor.engine.tokens import KEY_DAYS, TOKEN_DAYS_MAX, TokenIssuer
from watchfloor.kernel.instants import DAY, SECOND

NOW = 1_800_000_000 * SECOND


@pytest.fixture
def issuer(tmp_path: Path) -> TokenIssuer:
    return TokenIssuer(tmp_path / "keys", "floor.example", NOW)


def issue(issuer: TokenIssuer, **more: Any) -> str:
    said: dict[str, Any] = {"credential": "key_a", "agent": "agt_1", "organisation": "org_1", "now": NOW}
    return issuer.issue(**(said | {"expires_at": NOW + 30 * DAY} | more))


def pack(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    head, body, signature = (urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in token.split("."))
    return json.loads(head), json.loads(body), signature


def resigned(issuer: TokenIssuer, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> str:
    """What the holder of our signing key could make."""
    head, body, _ = parts(issue(issuer))
    change(head, body)
    (path,) = issuer.folder.glob("*.json")
    secret = json.loads(path.read_text())["jwk"]["d"]
    key = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))
    signed = f"{pack(head)}.{pack(body)}"
    return f"{signed}.{pack(key.sign(signed.encode()))}"


def test_what_was_issued_names_its_credential(issuer: TokenIssuer) -> None:
    token = issue(issuer)
    assert issuer.read(token, NOW) == "key_a"
    head, body, _ = parts(token)
    assert head["alg"] == "EdDSA"
    assert (body["iss"], body["aud"]) == ("floor.example", "floor.example/agents")
    assert body["exp"] - body["iat"] == 30 * 86_400
    assert issuer.read(resigned(issuer, lambda head, body: None), NOW) == "key_a"


def test_no_signature_and_other_algorithms_are_refused(issuer: TokenIssuer) -> None:
    head, body, signature = parts(issue(issuer))
    public = issuer.published()["keys"][0]["x"]
    raw = urlsafe_b64decode(public + "=" * (-len(public) % 4))
    for algorithm in ("none", "None", "HS256", "ES256", "eddsa"):
        other = head | {"alg": algorithm}
        signed = f"{pack(other)}.{pack(body)}"
        for proof in (b"", signature, hmac.digest(raw, signed.encode(), sha256)):
            assert issuer.read(f"{signed}.{pack(proof)}", NOW) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"jwk": "x"},
        {"jku": "https://evil.example/keys"},
        {"x5c": "x"},
        {"crit": "b64"},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": "unknown"},
        {"kid": ""},
        {"typ": "at+jwt"},
    ],
    ids=str,
)
def test_a_header_says_what_ours_say_and_nothing_more(issuer: TokenIssuer, change: dict[str, str]) -> None:
    assert issuer.read(resigned(issuer, lambda head, body: head.update(change)), NOW) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other.example"},
        {"aud": "floor.example"},
        {"exp": NOW // SECOND},
        {"nbf": NOW // SECOND + 61},
        {"iat": NOW // SECOND + 61},
        {"exp": "never"},
        {"jti": None},
    ],
    ids=str,
)
def test_wrong_claims_are_refused_however_well_signed(issuer: TokenIssuer, change: dict[str, Any]) -> None:
    assert issuer.read(resigned(issuer, lambda head, body: body.update(change)), NOW) == ""


def test_clocks_may_differ_by_a_minute(issuer: TokenIssuer) -> None:
    assert issuer.read(issue(issuer, now=NOW + 60 * SECOND), NOW) == "key_a"
    assert issuer.read(issue(issuer, now=NOW + 61 * SECOND), NOW) == ""


def test_changed_signatures_and_rubbish_are_refused(issuer: TokenIssuer) -> None:
    token = issue(issuer)
    head, body, signature = token.split(".")
    broken = urlsafe_b64decode(signature + "==")
    assert issuer.read(f"{head}.{body}.{pack(bytes([broken[0] ^ 1]) + broken[1:])}", NOW) == ""
    for rubbish in ("eyJ", "eyJx.eyJ.x", token + "x" * 2_048, f"{token}.", "é" * 40, token + "\n"):
        assert issuer.read(rubbish, NOW) == ""


def test_a_new_key_signs_and_the_old_one_goes_on_checking(issuer: TokenIssuer, tmp_path: Path) -> None:
    old = issue(issuer)
    kid = issuer.rotate(NOW + 1)
    new = issue(issuer)
    assert parts(new)[0]["kid"] == kid != parts(old)[0]["kid"]
    again = TokenIssuer(tmp_path / "keys", "floor.example", NOW + 2)
    assert again.read(old, NOW) == again.read(new, NOW) == "key_a"
    assert next(key["kid"] for key in again.published()["keys"]) == kid
    assert all("d" not in key for key in again.published()["keys"])
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_signing_keys_are_replaced_in_time_and_forgotten_when_nothing_of_theirs_is_left(
    issuer: TokenIssuer, tmp_path: Path
) -> None:
    first = issuer.published()["keys"][0]["kid"]
    issue(issuer, now=NOW + (KEY_DAYS + 1) * DAY, expires_at=NOW + 100 * DAY)
    assert len(issuer.published()["keys"]) == 2
    late = TokenIssuer(tmp_path / "keys", "floor.example", NOW + (KEY_DAYS + TOKEN_DAYS_MAX + 1) * DAY)
    assert first not in [key["kid"] for key in late.published()["keys"]]


def test_a_token_is_a_credential_only_while_its_credential_is_in_force(issuer: TokenIssuer) -> None:
    token = issue(issuer)

    def directory(**more: Any) -> Credentials:
        usual: dict[str, Any] = {
            "id": "key_a",
            "org": 1,
            "kind": "agent",
            "subject": 7,
            "verifier": sha256(token.encode()).digest(),
            "scopes": (),
            "created_at": NOW,
            "expires_at": NOW + 30 * DAY,
            "revoked_at": 0,
            "label": "",
        }
        found = Credentials([Credential(**(usual | more)).row()])
        found.tokens = issuer
        return found

    assert directory().find(token, NOW) is not None
    assert directory(revoked_at=NOW).find(token, NOW) is None
    assert directory(id="key_b").find(token, NOW) is None
    unsigned = directory()
    unsigned.tokens = None
    assert unsigned.find(token, NOW) is None
    forged = resigned(issuer, lambda head, body: body.update({"extra": 1}))
    assert issuer.read(forged, NOW) == "key_a", "its signature is right"
    assert directory().find(forged, NOW) is None, "and it is not the one that was issued"
