"""Keys: their format, how long they hold, and what a guesser learns (DESIGN 2b.6, spec 2.1)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.engine.credentials import Credential, Credentials, from_row, mint

NOW = 1_000


def made(kind: str = "agent", **changes: Any) -> tuple[str, Credential]:
    name, key, verifier = mint(kind)
    credential = Credential(
        id=name,
        org=1,
        kind=kind,
        subject=7,
        verifier=verifier,
        scopes=("read",),
        created_at=1,
        expires_at=0,
        revoked_at=0,
        label="l",
    )
    return key, msgspec.structs.replace(credential, **changes)


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [("agent", "key"), ("token", "tok"), ("session", "ses"), ("link", "lnk"), ("bootstrap", "lnk")],
)
def test_a_key_reads_as_the_contract_says(kind: str, prefix: str) -> None:
    name, key, verifier = mint(kind)
    assert re.fullmatch(rf"{prefix}_[a-z2-7]{{16}}", name)
    assert re.fullmatch(rf"wf_{name}_[A-Za-z0-9_-]{{43}}", key)
    assert len(verifier) == 32
    assert mint(kind)[1] != key


def test_a_stored_row_comes_back_as_the_credential_and_holds_no_secret() -> None:
    key, credential = made()
    assert from_row(credential.row()) == credential
    assert key.split("_", 3)[3] not in repr(credential.row())  # the secret itself may hold underscores


def test_a_key_is_found_by_its_whole_secret_only() -> None:
    """200 keys, so that secrets with underscores and dashes in every place are among them."""
    for _ in range(200):
        key, credential = made()
        known = Credentials([credential.row()])
        assert known.find(key, NOW) == credential
        assert known.find(key[:-1], NOW) is None
        assert known.find(key + "a", NOW) is None
        assert known.find(key.swapcase(), NOW) is None


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"expires_at": NOW + 1}, True),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW}, False),
        ({"revoked_at": NOW + 1}, True),
        ({"revoked_at": NOW - 1, "expires_at": NOW + 9}, False),
    ],
)
def test_a_key_holds_until_it_expires_or_is_revoked(changes: dict[str, Any], good: bool) -> None:
    key, credential = made(**changes)
    assert (Credentials([credential.row()]).find(key, NOW) is not None) == good


MALFORMED = [
    "",
    "wf_",
    "wf__",
    "wf___",
    "Bearer x",
    "wf_key",
    "wf_key_",
    "wf_key_x_",
    "wf_" + "_" * 300,
    "wf_\ud800_a_b",
]


@pytest.mark.parametrize("key", MALFORMED)
def test_what_is_no_key_is_found_to_be_none(key: str) -> None:
    _, credential = made()
    assert Credentials([credential.row()]).find(key, NOW) is None


@given(st.text(max_size=250).map(lambda text: "wf_key_" + text) | st.text(max_size=250))
def test_any_text_at_all_is_looked_up_without_a_fault(key: str) -> None:
    _, credential = made()
    assert Credentials([credential.row()]).find(key, NOW) is None


def test_the_comparison_of_an_unknown_id_does_the_same_work_as_that_of_a_known_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    key, credential = made()
    known = Credentials([credential.row()])

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    known.find(key, NOW)
    known.find("wf_key_aaaaaaaaaaaaaaaa_" + "b" * 43, NOW)
    assert [(len(one), len(other)) for one, other in compared] == [(32, 32), (32, 32)]


def test_committed_rows_are_taken_over_and_told_even_when_a_watcher_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The commit loop calls this: a watcher's fault must not stop the server."""
    key, credential = made()
    known = Credentials()
    told: list[str] = []

    def broken(changed: Credential) -> None:
        raise RuntimeError(changed.id)

    known.watch(broken)
    known.watch(lambda changed: told.append(changed.id))
    known.committed([credential.row()])
    assert told == [credential.id]
    assert "a watcher failed" in caplog.text
    assert known.find(key, NOW) == credential == known.get(credential.id)
    known.committed([msgspec.structs.replace(credential, revoked_at=1).row()])
    assert known.find(key, NOW) is None
    assert len(known) == 1


def test_the_credentials_of_one_agent_are_found_apart_from_a_person_with_the_same_number() -> None:
    _, agent = made()
    _, person = made("token")
    _, stranger = made(org=2)
    known = Credentials([one.row() for one in (agent, person, stranger)])
    assert known.of(1, "agent", 7) == [agent]
