"""A key is rotated seven days before it expires, by its own agent (spec 2.1)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.sdk.test_registration import KEY, Registry, registry

from watchfloor_agent import ConfigurationError, ProtocolError, Refused
from watchfloor_agent.rotating import BEFORE_US, key_id, rotated

__all__ = ["registry"]

NOW = 1_800_000_000_000_000


def keys(expires_at: int) -> dict[str, Any]:
    return {
        "items": [{"key_id": "key_other", "expires_at": 1}, {"key_id": key_id(KEY), "expires_at": expires_at}]
    }


@pytest.mark.parametrize("expires_at", [0, NOW + BEFORE_US + 1])
def test_a_key_that_lasts_is_kept(registry: Registry, expires_at: int) -> None:
    registry.got = keys(expires_at)
    assert rotated(registry.url, "agt_1", KEY, seq=5, now=NOW) == ""
    assert [path for path, _, _ in registry.asked] == ["/api/v1/agents/agt_1/keys?min_seq=5"]


@pytest.mark.parametrize("expires_at", [NOW + BEFORE_US, NOW + 1, NOW - 1])
def test_a_key_that_ends_within_seven_days_is_rotated(registry: Registry, expires_at: int) -> None:
    registry.got = keys(expires_at)
    registry.body = {"api_key": "wf_key_new_x", "key_id": "key_new"}
    assert rotated(registry.url, "agt_1", KEY, now=NOW) == "wf_key_new_x"
    path, headers, _ = registry.asked[-1]
    assert path == f"/api/v1/agents/agt_1/keys/{key_id(KEY)}/rotate"
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_a_key_the_server_does_not_list_is_left_alone(registry: Registry) -> None:
    registry.got = {"items": []}
    assert rotated(registry.url, "agt_1", KEY, now=NOW) == ""


def test_a_rotation_without_a_key_is_an_error(registry: Registry) -> None:
    registry.got = keys(NOW)
    registry.body = {"api_key": None}
    with pytest.raises(ProtocolError, match="no key"):
        rotated(registry.url, "agt_1", KEY, now=NOW)


def test_a_refused_rotation_says_why(registry: Registry) -> None:
    registry.got = keys(NOW)
    registry.status, registry.body = 403, {"code": "forbidden", "detail": "not your key"}
    with pytest.raises(Refused, match="not your key"):
        rotated(registry.url, "agt_1", KEY, now=NOW)


@pytest.mark.parametrize("text", ["", "secret", "wf_key_x", "xx_key_a_b"])
def test_what_is_no_key_has_no_id_and_is_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        key_id(text)
    assert not text or text not in str(caught.value)
