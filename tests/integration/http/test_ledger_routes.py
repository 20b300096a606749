"""The ledger over HTTP: everything an outsider needs to check it (spec 04; promise 5)."""

from __future__ import annotations

import threading
import time
from hashlib import sha256

import httpx2
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running

from watchfloor.ledger.checkpoints import check_receipt, read_checkpoint
from watchfloor.ledger.proofs import verify_consistency


def events(client: httpx2.Client) -> list[dict[str, object]]:
    """The whole ledger."""
    found: list[dict[str, object]] = []
    after = 0
    while True:
        page = client.get(f"/api/v1/ledger/events?after={after}&limit=50").json()
        found += page["items"]
        after = page["next_after"]
        if after >= page["head"]:
            return found


def test_the_chain_can_be_followed_from_the_first_event(server: Running, operator: httpx2.Client) -> None:
    operator.post("/api/v1/tasks", json={"title": "chained"})
    prev = bytes(32)
    for seq, row in enumerate(server.backbone.ledger.read(server.orgs[0], 0, 10_000), 1):
        prev = sha256(prev + row[1]).digest()
        assert row[0] == seq
    shown = events(operator)
    assert [item["seq"] for item in shown] == list(range(1, len(shown) + 1))
    head = operator.get("/api/v1/ledger/head").json()
    assert head["hash"] == prev.hex() == shown[-1]["hash"]


def test_a_receipt_proves_an_event_to_whoever_has_the_key(server: Running, operator: httpx2.Client) -> None:
    seq = operator.post("/api/v1/tasks", json={"title": "proven"}).json()["seq"]
    until = time.monotonic() + 10
    answer = operator.get(f"/api/v1/ledger/events/{seq}/receipt")
    while answer.status_code == 503 and time.monotonic() < until:
        assert answer.json()["code"] == "checkpoint_behind"
        time.sleep(0.2)
        answer = operator.get(f"/api/v1/ledger/events/{seq}/receipt")
    assert answer.status_code == 200, answer.text
    me = operator.get("/api/v1/me").json()
    data = server.backbone.ledger.read_one(server.orgs[0], seq)
    assert data is not None
    key = server.backbone.signer.key_of(me["organisation"])
    assert operator.get("/api/v1/ledger/key").json() == {"key": key.text}
    checkpoint = check_receipt(answer.text, data[1], key)
    assert checkpoint.size >= seq
    newest = operator.get("/api/v1/ledger/checkpoint").json()
    assert read_checkpoint(newest["note"]).size == newest["size"] >= seq


def test_two_heads_are_proven_consistent(operator: httpx2.Client) -> None:
    first = operator.get("/api/v1/ledger/head").json()
    for number in range(5):
        operator.post("/api/v1/tasks", json={"title": f"more {number}"})
    second = operator.get("/api/v1/ledger/head").json()
    proof = operator.get(f"/api/v1/ledger/consistency?old={first['seq']}&new={second['seq']}").json()
    assert (proof["old_root"], proof["new_root"]) == (first["root"], second["root"])
    hashes = [bytes.fromhex(part) for part in proof["proof"]]
    assert verify_consistency(
        proof["old"], proof["new"], bytes.fromhex(proof["old_root"]), bytes.fromhex(proof["new_root"]), hashes
    )
    for query in ("old=5&new=3", "old=0&new=3", f"old=1&new={10**9}", "old=1"):
        assert operator.get(f"/api/v1/ledger/consistency?{query}").status_code == 422


def test_a_ruling_is_judged_again_and_agrees(
    server: Running, agent: httpx2.Client, operator: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    assert operator.get(f"/api/v1/ledger/events/{ruling['seq']}/audit").json()["verdict"] == "same"
    assert operator.get("/api/v1/ledger/events/1/audit").json()["code"] == "not_a_ruling"


def test_what_was_erased_is_gone_everywhere_and_the_chain_holds(
    server: Running, agent: httpx2.Client, operator: httpx2.Client, admin: httpx2.Client
) -> None:
    ruling = ask_patch(agent, reason="my own secret reason")
    seq = ruling["seq"]
    assert operator.get(f"/api/v1/ledger/events/{seq}").json()["private"]["reason"] == "my own secret reason"
    assert operator.post(f"/api/v1/ledger/events/{seq}/redact", json={"reason": "x"}).status_code == 403
    gone = admin.post(f"/api/v1/ledger/events/{seq}/redact", json={"reason": "asked for"})
    assert gone.status_code == 200, gone.text
    assert operator.get(f"/api/v1/ledger/events/{seq}").json()["private"] is None
    detail = operator.get(f"/api/v1/actions/{ruling['action_id']}?min_seq={gone.json()['seq']}").json()
    assert (detail["params"], detail["words"]) == (None, None)
    page = operator.get(f"/inbox/{ruling['decision_id']}").text
    assert "cannot be inspected" in page
    assert "my own secret reason" not in page
    assert (
        admin.post("/api/v1/ledger/events/1/redact", json={"reason": "x"}).json()["code"] == "no_private_part"
    )
    assert operator.get(f"/api/v1/ledger/events/{seq}/audit").json()["verdict"] == "same"


def test_positions_that_are_none_are_404(operator: httpx2.Client) -> None:
    for seq in ("0", "-1", "x", "9" * 14, "9" * 30, "1.5"):
        assert operator.get(f"/api/v1/ledger/events/{seq}").status_code == 404
        assert operator.get(f"/api/v1/ledger/events/{seq}/receipt").status_code == 404
    assert operator.get("/api/v1/ledger/verification").json()["state"] in ("running", "good")


def test_a_story_can_be_asked_for_by_any_of_its_things(
    server: Running, agent: httpx2.Client, operator: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    for thing in (ruling["action_id"], ruling["decision_id"]):
        story = operator.get(f"/api/v1/timeline?of={thing}&min_seq={ruling['seq']}").json()
        assert [line["type"] for line in story["items"]] == ["action.decided/1", "decision.opened/1"]
    mine = operator.get(f"/api/v1/timeline?of={server.person('operator').id}").json()
    assert mine["items"][0]["type"] == "person.joined/1"
    assert operator.get(f"/api/v1/timeline?of={agent.headers['x-agent']}").json()["code"] == "no_story"
    assert operator.get("/api/v1/timeline?of=nonsense").status_code == 422


def test_head_receipts_and_proofs_are_answered_under_load(server: Running, operator: httpx2.Client) -> None:
    """A tile that is full and not yet stored is no reason to answer 500."""
    over = threading.Event()
    bodies = {"tasks": [{"title": f"load {number}", "needs": ["nobody-has-it"]} for number in range(100)]}

    def load() -> None:
        with server.client(server.person("operator")) as client:
            while not over.is_set():
                assert client.post("/api/v1/tasks/bulk", json=bodies).status_code == 201

    running = [threading.Thread(target=load) for _ in range(2)]
    for thread in running:
        thread.start()
    try:
        first = operator.get("/api/v1/ledger/head").json()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            head = operator.get("/api/v1/ledger/head")
            assert head.status_code == 200, head.text
            query = f"old={first['seq']}&new={head.json()['seq']}"
            proof = operator.get(f"/api/v1/ledger/consistency?{query}")
            assert proof.status_code == 200, proof.text
            assert proof.json()["new_root"] == head.json()["root"]
            receipt = operator.get(f"/api/v1/ledger/events/{first['seq']}/receipt")
            assert receipt.status_code in (200, 503), receipt.text
    finally:
        over.set()
        for thread in running:
            thread.join()
    assert operator.get("/api/v1/ledger/head").json()["seq"] > first["seq"] + 256
