"""Checking Merkle proofs, strictly (RFC 9162 §2.1.3.2 and §2.1.4.2; 09-faults M6).

Both functions return True or raise ProofRejected, so that neither ignoring nor negating the result accepts a forgery.
Every hash of a proof must be used, and none may be missing; lengths are checked before anything is hashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.limits import PROOF_HASHES_MAX
from watchfloor.ledger.merkle import node_hash


class ProofRejected(LedgerError):
    """The proof does not show what it claims."""


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> Literal[True]:
    """The leaf hash is at `index` of the tree of `size` leaves with this root. Raises ProofRejected."""
    if not 0 <= index < size:
        raise ProofRejected(f"leaf {index} cannot be in a tree of {size}")
    _check_lengths(leaf, root, *proof)
    left, right, node = index, size - 1, leaf
    for sibling in proof:
        if right == 0:
            raise ProofRejected("the proof is too long")
        if left & 1 or left == right:
            node = node_hash(sibling, node)
            while left and not left & 1:
                left >>= 1
                right >>= 1
        else:
            node = node_hash(node, sibling)
        left >>= 1
        right >>= 1
    if right:
        raise ProofRejected("the proof is too short")
    if node != root:
        raise ProofRejected("the proof leads to another root")
    return True


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> Literal[True]:
    """The tree of `new` leaves begins with the tree of `old` leaves. Raises ProofRejected; an old size of 0 proves nothing."""
    if not 0 < old <= new:
        raise ProofRejected(f"sizes {old} and {new} allow no proof")
    _check_lengths(old_root, new_root, *proof)
    if old == new:
        if proof or old_root != new_root:
            raise ProofRejected("equal sizes have equal roots and an empty proof")
        return True
    if not proof:
        raise ProofRejected("the proof is too short")
    old_node, new_node = _rebuild(old, new, old_root, proof)
    if old_node != old_root:
        raise ProofRejected("the proof leads to another old root")
    if new_node != new_root:
        raise ProofRejected("the proof leads to another new root")
    return True


def _rebuild(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots as the proof has them (RFC 9162 §2.1.4.2, steps 2 to 7)."""
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    left, right = old - 1, new - 1
    while left & 1:
        left >>= 1
        right >>= 1
    old_node = new_node = hashes[0]
    for sibling in hashes[1:]:
        if right == 0:
            raise ProofRejected("the proof is too long")
        if left & 1 or left == right:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while left and not left & 1:
                left >>= 1
                right >>= 1
        else:
            new_node = node_hash(new_node, sibling)
        left >>= 1
        right >>= 1
    if right:
        raise ProofRejected("the proof is too short")
    return old_node, new_node


def _check_lengths(*hashes: bytes) -> None:
    if len(hashes) > PROOF_HASHES_MAX + 2:
        raise ProofRejected("the proof is too long")
    if any(len(digest) != 32 for digest in hashes):
        raise ProofRejected("a hash has 32 bytes")
