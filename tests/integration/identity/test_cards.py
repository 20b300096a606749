"""A2A agent cards become registrations, and nothing more than that (spec 2.1)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from watchfloor.http import cards
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.messages import Refused

CARD: dict[str, Any] = {
    "name": "Route planner",
    "description": "Plans\nroutes.",
    "url": "https://planner.example/a2a",
    "version": "1.2.0",
    "protocolVersion": "0.3.0",
    "capabilities": {"streaming": True},
    "skills": [
        {"id": "Route Optimiser", "name": "Route optimiser", "tags": ["maps"]},
        {"id": "maps.search", "name": "Search"},
    ],
}


def test_name_and_skills_are_taken_over_and_the_rest_is_metadata() -> None:
    found = cards.registration(cards.read(CARD))
    assert found.name == "Route planner"
    assert found.capabilities == ("route-optimiser", "maps.search")
    assert found.skills == ("Route optimiser", "Search")
    assert found.metadata["a2a"]["description"] == "Plans routes."


@pytest.mark.parametrize(
    "change",
    [
        {"name": "\u0000\n"},
        {"name": 7},
        {"skills": []},
        {"skills": [{"id": "…"}]},
        {"skills": [{"id": f"s{n}"} for n in range(65)]},
        {"skills": "all"},
    ],
    ids=str,
)
def test_what_names_no_agent_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        cards.registration(cards.read(CARD | change))
    assert (refused.value.code, refused.value.status) == ("invalid_card", 422)


def signed(key: ECKey, card: dict[str, Any], algorithm: str = "ES256") -> dict[str, Any]:
    token = jws.serialize_compact({"alg": algorithm}, canonical(card), key, algorithms=[algorithm])
    protected, _, signature = token.split(".")
    return card | {"signatures": [{"protected": protected, "signature": signature}]}


def test_a_signature_counts_only_by_the_key_the_importer_brings() -> None:
    key, other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    document = signed(key, CARD)
    cards.check_signature(document, cards.read(document), key.as_dict(private=False))
    changed = document | {"name": "Somebody else"}
    for wrong, by in ((document, other), (changed, key), (CARD, key)):
        with pytest.raises(Refused):
            cards.check_signature(wrong, cards.read(wrong), by.as_dict(private=False))
    none = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    unsigned = CARD | {"signatures": [{"protected": none, "signature": ""}]}
    for wrong_key in (key.as_dict(private=False), {"kty": "rubbish"}):
        with pytest.raises(Refused):
            cards.check_signature(unsigned, cards.read(unsigned), wrong_key)
    with pytest.raises(Refused, match="cannot be checked"):
        cards.check_signature(CARD | {"weight": 1.5}, cards.read(CARD), key.as_dict(private=False))
