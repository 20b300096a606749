"""Steps of the stories about decisions: asking, voting, changing the policy, checking the ledger from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
from tests.integration.http.kit import Running

import watchfloor_verify as verifier


def person(server: Running, *roles: str) -> httpx2.Client:
    """A client of a person with these roles; `client.headers['x-person']` is who they are."""
    who = server.person(*roles)
    client = server.client(who)
    client.headers["x-person"] = who.id
    return client


def new_agent(server: Running, **more: Any) -> httpx2.Client:
    """A fresh agent's client."""
    made = server.agent(**more)
    client = server.client(made["api_key"])
    client.headers["x-agent"] = made["agent_id"]
    return client


def change_policy(
    client: httpx2.Client, change: Callable[[dict[str, Any]], object], *others: httpx2.Client
) -> None:
    """Apply a changed policy; `others` agree to it, as many as it takes, where it loosens."""
    now = client.get("/api/v1/policy")
    document = now.json()["document"]
    change(document)
    done = client.put("/api/v1/policy", json=document, headers={"if-match": now.headers["etag"]})
    if done.status_code == 202:
        said = (vote(other, done.json()["decision_id"]).json() for other in others)
        assert any(one["status"] == "approved" for one in said)
        return
    assert done.status_code == 200, done.text


def vote(client: httpx2.Client, decision: str, say: str = "approve") -> httpx2.Response:
    """Vote on what is shown."""
    seen = client.get(f"/api/v1/decisions/{decision}").json()
    body = {"vote": say, "digest": seen["decision"]["digest"]}
    return client.post(f"/api/v1/decisions/{decision}/vote", json=body)


def start(client: httpx2.Client, action: str, execution: str = "e1") -> httpx2.Response:
    """The agent starts what it has a grant for."""
    head = client.get("/api/v1/ledger/head").json()["seq"]
    now = client.get(f"/api/v1/actions/{action}?min_seq={head}").json()
    # Under a stop no grant is shown; an agent that has it from before would name it all the same.
    grant = now["grant"]["grant_id"] if now["grant"] else f"grt_{action.partition('_')[2]}.1"
    body = {"grant_id": grant, "execution_id": execution, "digest": now["digest"]}
    return client.post(f"/api/v1/actions/{action}/start", json=body)


def broken(server: Running, org: int = 0) -> list[tuple[int, str, str]]:
    """What the stand-alone verifier's rules say of the whole ledger so far: (seq, rule, sentence)."""
    org = org or server.orgs[0]
    rows = [msgspec.json.decode(data) for _, data, _ in server.backbone.ledger.read(org, 0, 100_000)]
    rules = verifier.Rules(rows[0]["org"], lambda where: verifier.event_of(rows[where], where))
    found = [(row["seq"], rules.see(row, where)) for where, row in enumerate(rows)]
    return [(seq, fault.rule, str(fault)) for seq, fault in found if fault is not None]
