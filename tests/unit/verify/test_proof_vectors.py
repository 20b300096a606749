"""The proofs that both verifiers are held to: protocol/golden/proofs.json (dashboard/src/verifier reads the same file).

pytest tests/unit/verify/test_proof_vectors.py --rewrite-vectors
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.contracts.ledger_kit import event_bytes

from watchfloor.ledger.checkpoints import Checkpoint, check_receipt, make_receipt
from watchfloor.ledger.merkle import Tree, consistency_proof, inclusion_proof, leaf_hash
from watchfloor.ledger.notes import ED25519, NoteRejected, VerifierKey, sign_note
from watchfloor.ledger.proofs import ProofRejected, verify_consistency, verify_inclusion

VECTORS = Path(__file__).parents[3] / "protocol" / "golden" / "proofs.json"
ORIGIN = "watch.example/org_proofs"
SIZE = 300
PRIVATE = Ed25519PrivateKey.from_private_bytes(sha256(b"proof vectors").digest())
KEY = VerifierKey(ORIGIN, ED25519, PRIVATE.public_key().public_bytes_raw())
EVENTS = [event_bytes("org_proofs", seq, facts={"text": "zwölf €"}) for seq in range(1, SIZE + 1)]


def _tree(size: int) -> Tree:
    tree = Tree()
    for data in EVENTS[:size]:
        tree.append(leaf_hash(data))
    return tree


def _reader(size: int) -> Any:
    tree = _tree(size)
    tiles = {(tile.level, tile.number): tile.data for tile in tree.take_tiles()}
    return tree.reader(lambda level, index: tiles.get((level, index)))


def _flipped(proof: list[str]) -> list[str]:
    first = bytearray.fromhex(proof[0])
    first[7] ^= 1
    return [first.hex(), *proof[1:]]


def _inclusion() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = []
    for size in (1, 2, 7, 257, SIZE):
        root = _tree(size).root().hex()
        for index in sorted({0, size // 2, size - 1}):
            proof = [part.hex() for part in inclusion_proof(index, size, _reader(size))]
            leaf = leaf_hash(EVENTS[index]).hex()
            good = {"leaf": leaf, "index": index, "size": size, "proof": proof, "root": root, "good": True}
            cases.append(good)
            if proof:
                cases += (
                    {**good, "proof": _flipped(proof), "good": False},
                    {**good, "proof": proof[:-1], "good": False},
                    {**good, "proof": [*proof, proof[0]], "good": False},
                    {**good, "proof": [proof[0][:-2], *proof[1:]], "good": False},
                )
            cases.append({**good, "index": size, "good": False})
    return cases


def _consistency() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = []
    for old, new in (
        (1, 1),
        (1, 2),
        (2, 3),
        (3, 7),
        (4, 8),
        (6, 7),
        (128, 256),
        (255, 257),
        (256, SIZE),
        (77, SIZE),
    ):
        roots = {"old_root": _tree(old).root().hex(), "new_root": _tree(new).root().hex()}
        proof = [part.hex() for part in consistency_proof(old, new, _reader(new))]
        good = {"old": old, "new": new, **roots, "proof": proof, "good": True}
        cases += (good, {**good, "old_root": roots["new_root"][2:] + "ff", "good": False})
        cases += (
            {**good, "proof": [*proof, roots["old_root"]], "good": False},
            {**good, "old": 0, "good": False},
        )
        if proof:
            cases += (
                {**good, "proof": _flipped(proof), "good": False},
                {**good, "proof": proof[:-1], "good": False},
            )
    return cases


def _receipts() -> list[dict[str, Any]]:
    note = sign_note(Checkpoint(ORIGIN, SIZE, _tree(SIZE).root()).text, KEY, PRIVATE)
    other = sign_note(Checkpoint(ORIGIN, SIZE, _tree(SIZE - 1).root()).text, KEY, PRIVATE)
    receipt = make_receipt(42, note, _reader(SIZE)).text
    event, next_one = EVENTS[41].decode(), EVENTS[42].decode()
    good = {"event": event, "receipt": receipt, "good": True}
    return [
        good,
        {**good, "event": next_one, "good": False},
        {**good, "receipt": receipt.replace("index 41", "index 42"), "good": False},
        {**good, "receipt": receipt.replace(note, other), "good": False},
        {**good, "receipt": receipt.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n"), "good": False},
    ]  # fmt: skip


def vectors() -> dict[str, Any]:
    return {
        "key": KEY.text,
        "inclusion": _inclusion(),
        "consistency": _consistency(),
        "receipts": _receipts(),
    }


def test_the_vectors_are_those_of_the_ledger(request: pytest.FixtureRequest) -> None:
    lines = [
        f'"{name}": [\n' + ",\n".join(json.dumps(case, sort_keys=True) for case in cases) + "\n]"
        for name, cases in vectors().items()
        if name != "key"
    ]
    made = f'{{"key": "{KEY.text}",\n' + ",\n".join(lines) + "}\n"
    if request.config.getoption("--rewrite-vectors"):
        VECTORS.write_text(made)
    assert VECTORS.read_text() == made, "then --rewrite-vectors"


def _holds(check: Any, *arguments: Any) -> bool:
    try:
        return bool(check(*arguments))
    except (ProofRejected, NoteRejected, ValueError):
        return False


def test_the_ledger_accepts_what_is_good_and_nothing_else() -> None:
    golden = json.loads(VECTORS.read_text())
    unhex = bytes.fromhex
    for case in golden["inclusion"]:
        proof = [unhex(part) for part in case["proof"]]
        leaf, root = unhex(case["leaf"]), unhex(case["root"])
        assert _holds(verify_inclusion, leaf, case["index"], case["size"], proof, root) is case["good"], case
    for case in golden["consistency"]:
        proof = [unhex(part) for part in case["proof"]]
        roots = unhex(case["old_root"]), unhex(case["new_root"])
        assert _holds(verify_consistency, case["old"], case["new"], *roots, proof) is case["good"], case
    for case in golden["receipts"]:
        assert _holds(check_receipt, case["receipt"], case["event"].encode(), KEY) is case["good"], case
