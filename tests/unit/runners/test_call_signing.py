"""Signatures of calls: what the server signs the SDK verifies, and nothing else (spec 2.4, fault K3)."""

from __future__ import annotations

import hmac
import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from watchfloor.ledger.directory import DirectoryUnsafe
from watchfloor.runners.call_signing import KeyUnreadable, SigningKey, signed_headers
from watchfloor_agent import SignatureInvalid, verify
from watchfloor_agent.errors import ProtocolError

SECRET = "wfs_" + "a" * 43
AGENT = "agt_1"
NOW = 1_763_700_000
BODY = b'{"callback_url":"https://w.example.org/api/v1/tasks/tsk_1","payload":{"generation":2,"task_id":"tsk_1"},"type":"task:assigned"}'


def headers(body: bytes = BODY) -> dict[str, str]:
    return signed_headers(SECRET, NOW, AGENT, "tsk_1.2", body)


def test_what_is_signed_is_verified() -> None:
    called = verify(SECRET, headers(), BODY, agent_id=AGENT, now_s=NOW)
    assert (called.key, called.agent_id, called.task_id, called.generation) == ("tsk_1.2", AGENT, "tsk_1", 2)
    assert called.timestamp == NOW
    assert called.callback_url.endswith("/tasks/tsk_1")
    shouted = {name.upper(): f" {text} " for name, text in headers().items()}
    assert verify(SECRET, shouted, BODY, now_s=NOW) == called


def test_the_recipe_of_the_documentation_is_the_one_that_is_used() -> None:
    """Anybody can write the check in another language: these are the bytes."""
    text = "\n".join(("watchfloor-call-v1", str(NOW), AGENT, "tsk_1.2", sha256(BODY).hexdigest()))
    expected = hmac.new(SECRET.encode(), text.encode(), sha256).hexdigest()
    assert headers()["watchfloor-signature"] == f"v1={expected}"
    assert headers()["watchfloor-body-digest"] == f"sha-256={sha256(BODY).hexdigest()}"


@pytest.mark.parametrize("name", sorted(set(headers()) - {"content-type", "watchfloor-body-digest"}))
@pytest.mark.parametrize("text", ["", "x", "1763700001", "agt_2", "tsk_1.3", "v1=" + "0" * 64, "v1=é"])
def test_no_signed_header_can_be_another_one(name: str, text: str) -> None:
    changed = {**headers(), name: text}
    with pytest.raises(SignatureInvalid):
        verify(SECRET, changed, BODY, now_s=NOW)


def test_neither_body_nor_secret_can_be_another_one() -> None:
    with pytest.raises(SignatureInvalid):
        verify(SECRET, headers(), BODY + b" ", now_s=NOW)
    with pytest.raises(SignatureInvalid):
        verify(SECRET[:-1], headers(), BODY, now_s=NOW)


@pytest.mark.parametrize("away_s", [-301, 301])
def test_a_call_that_is_too_old_or_from_the_future_is_none(away_s: int) -> None:
    with pytest.raises(SignatureInvalid, match="too old"):
        verify(SECRET, headers(), BODY, now_s=NOW + away_s)
    verify(SECRET, headers(), BODY, now_s=NOW + away_s - away_s // 301)


def test_a_call_for_somebody_else_is_none_and_one_of_long_ago_neither() -> None:
    with pytest.raises(SignatureInvalid, match="agt_1"):
        verify(SECRET, headers(), BODY, agent_id="agt_2", now_s=NOW)
    with pytest.raises(SignatureInvalid):
        verify(SECRET, headers(), BODY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"type":"task:assigned"}',
        BODY.replace(b"task:assigned", b"task:cancelled"),
        BODY.replace(b'"tsk_1"}', b'""}'),
        BODY.replace(b'"generation":2', b'"generation":0'),
        BODY.replace(b'"generation":2', b'"generation":null'),
    ],
)
def test_what_is_signed_and_no_task_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        verify(SECRET, headers(body), body, now_s=NOW)


def test_a_secret_belongs_to_one_worker_one_number_and_one_server(tmp_path: Path) -> None:
    key = SigningKey(tmp_path / "workers.key")
    secrets = {
        key.secret("org_1", "agt_1", 1),
        key.secret("org_2", "agt_1", 1),
        key.secret("org_1", "agt_2", 1),
        key.secret("org_1", "agt_1", 2),
        SigningKey(tmp_path / "other.key").secret("org_1", "agt_1", 1),
    }
    assert len(secrets) == 5
    assert all(len(secret) == 47 and secret.startswith("wfs_") for secret in secrets)
    assert SigningKey(tmp_path / "workers.key").secret("org_1", "agt_1", 1) in secrets
    assert stat.S_IMODE((tmp_path / "workers.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.key", "workers.key"]


def test_a_key_that_was_half_written_is_made_anew_and_one_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workers.key.new").write_bytes(b"half")
    SigningKey(tmp_path / "workers.key")
    (tmp_path / "workers.key").write_bytes(b"short")
    with pytest.raises(KeyUnreadable):
        SigningKey(tmp_path / "workers.key")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    SigningKey(tmp_path / "workers.key")
    (tmp_path / "workers.key").chmod(0o644)
    with pytest.raises(DirectoryUnsafe):
        SigningKey(tmp_path / "workers.key")
    (tmp_path / "linked.key").symlink_to(os.devnull)
    with pytest.raises(DirectoryUnsafe):
        SigningKey(tmp_path / "linked.key")


def test_news_are_read_by_who_asks_for_them_and_are_never_taken_for_work() -> None:
    for name in ("cancelled", "paused", "unpaused", "reassigned"):
        body = BODY.replace(b"assigned", name.encode())
        called = verify(SECRET, headers(body), body, now_s=NOW, news=True)
        assert (called.is_news, called.type, called.task_id) == (True, f"task:{name}", "tsk_1")
    assert not verify(SECRET, headers(), BODY, now_s=NOW, news=True).is_news
    other = BODY.replace(b"task:assigned", b"task:praised")
    with pytest.raises(ProtocolError):
        verify(SECRET, headers(other), other, now_s=NOW, news=True)
