"""The tree against an independent, naive reading of RFC 6962; proofs against forgers (spec 04; 09-faults M6)."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.effort import examples

from watchfloor.ledger.merkle import (
    EMPTY_ROOT,
    TileMissing,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
)
from watchfloor.ledger.proofs import ProofRejected, verify_consistency, verify_inclusion

SIZE = 1_100
LEAVES = [leaf_hash(b"leaf %d" % number) for number in range(SIZE)]


@cache
def naive_root(begin: int, end: int) -> bytes:
    """MTH of RFC 6962 §2.1, word for word, sharing no code with the tree."""
    if begin == end:
        return sha256(b"").digest()
    if end - begin == 1:
        return sha256(b"\x00" + b"leaf %d" % begin).digest()
    split = 1
    while split * 2 < end - begin:
        split *= 2
    left, right = naive_root(begin, begin + split), naive_root(begin + split, end)
    return sha256(b"\x01" + left + right).digest()


class Grown:
    """A tree of SIZE leaves with its full tiles stored."""

    def __init__(self) -> None:
        self.tree = Tree()
        self.tiles: dict[tuple[int, int], bytes] = {}
        for leaf in LEAVES:
            self.tree.append(leaf)
            self.store()

    def store(self) -> None:
        for level, number, data in self.tree.take_tiles():
            self.tiles[level, number] = data

    def stored(self, level: int, index: int) -> bytes | None:
        return self.tiles.get((level, index))


GROWN = Grown()
READ = GROWN.tree.reader(GROWN.stored)
sizes = st.integers(1, SIZE)


def test_the_root_is_that_of_rfc_6962_at_every_size() -> None:
    tree = Tree()
    assert tree.root() == EMPTY_ROOT == naive_root(0, 0)
    for count, leaf in enumerate(LEAVES, 1):
        tree.append(leaf)
        assert tree.size == count
        assert tree.root() == naive_root(0, count)


@given(sizes)
def test_the_root_of_any_earlier_size_comes_out_of_the_tiles(size: int) -> None:
    assert root_at(size, READ) == naive_root(0, size)


@given(sizes)
def test_a_tree_is_restored_from_its_full_tiles_and_the_leaves_behind_them(size: int) -> None:
    stored = {key: data for key, data in GROWN.tiles.items() if (key[1] + 1) << (8 * (key[0] + 1)) <= size}
    tree = Tree.restore(
        size, lambda level, index: stored.get((level, index)), LEAVES[size - size % 256 : size]
    )
    assert tree.root() == naive_root(0, size)
    again = Tree.from_edge(size, tree.edge())
    for leaf in LEAVES[size : size + 300]:
        tree.append(leaf)
        again.append(leaf)
    assert tree.root() == again.root() == naive_root(0, min(SIZE, size + 300))
    assert tree.take_tiles() == again.take_tiles()


def test_large_trees_have_tiles_of_two_levels_that_fit_together() -> None:
    tree, tiles = Tree(), {}
    for number in range(256 * 256 + 257):
        tree.append(sha256(b"%d" % number).digest())
        for tile in tree.take_tiles():
            tiles[tile.level, tile.number] = tile.data
    assert sorted(tiles)[-2:] == [(0, 256), (1, 0)]
    assert all(len(data) == 8192 for data in tiles.values())
    restored = Tree.restore(
        tree.size, lambda level, index: tiles.get((level, index)), [sha256(b"65792").digest()]
    )
    assert restored.root() == tree.root()
    read = tree.reader(lambda level, index: tiles.get((level, index)))
    for old in (1, 255, 256, 65_535, 65_536, 65_537, 65_792):
        proof = consistency_proof(old, tree.size, read)
        assert verify_consistency(old, tree.size, root_at(old, read), tree.root(), proof)


@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 300))
@settings(max_examples=examples(60))
def test_a_reset_tree_is_as_if_nothing_had_been_appended(before: int, dropped: int, after: int) -> None:
    tree, plain = Tree(), Tree()
    for leaf in LEAVES[:before]:
        tree.append(leaf)
        plain.append(leaf)
    mark = tree.mark()
    for leaf in LEAVES[SIZE - dropped :]:
        tree.append(leaf)
    tree.reset(mark)
    for leaf in LEAVES[before : before + after]:
        tree.append(leaf)
        plain.append(leaf)
    assert (tree.size, tree.root(), tree.edge()) == (plain.size, plain.root(), plain.edge())
    assert tree.take_tiles() == plain.take_tiles()


def test_a_clone_does_not_feel_later_appends() -> None:
    tree = Tree()
    for leaf in LEAVES[:300]:
        tree.append(leaf)
    clone, root = tree.clone(), tree.root()
    for leaf in LEAVES[300:600]:
        tree.append(leaf)
    assert clone.root() == root
    clone.append(LEAVES[300])
    assert clone.root() == naive_root(0, 301)


def test_missing_and_short_tiles_are_said_not_guessed() -> None:
    with pytest.raises(TileMissing):
        root_at(SIZE, lambda _level, _index: None)
    with pytest.raises(TileMissing):
        root_at(SIZE, lambda _level, _index: bytes(31))
    with pytest.raises(TileMissing):
        Tree.restore(300, lambda _level, _index: None, LEAVES[:44])
    with pytest.raises(TileMissing):
        Tree.restore(300, GROWN.stored, LEAVES[:43])
    with pytest.raises(TileMissing):
        Tree.from_edge(70_000, [bytes(32)] * 2)


@given(sizes, st.data())
def test_every_leaf_is_proven_in_every_tree_that_has_it(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, READ)
    assert verify_inclusion(LEAVES[index], index, size, proof, naive_root(0, size))


@given(sizes, sizes)
def test_every_tree_is_proven_to_begin_with_every_smaller_one(one: int, other: int) -> None:
    old, new = sorted((one, other))
    proof = consistency_proof(old, new, READ)
    assert verify_consistency(old, new, naive_root(0, old), naive_root(0, new), proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5), (6, 5)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(index, size, READ)
    with pytest.raises(ProofRejected):
        verify_inclusion(LEAVES[0], index, size, [], naive_root(0, max(size, 0)))


@pytest.mark.parametrize(("old", "new"), [(0, 5), (0, 0), (6, 5), (-1, 5)])
def test_no_proof_begins_at_nothing_or_goes_backwards(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(old, new, READ)
    with pytest.raises(ProofRejected):
        verify_consistency(old, new, EMPTY_ROOT, naive_root(0, 5), [])


# -- forgers ----------------------------------------------------------------------------------------------------------

Proof = list[bytes]


@st.composite
def forgeries(draw: st.DrawFn, honest: Proof) -> Proof:
    """A proof that is not the honest one: dropped, truncated, extended, reordered, emptied, bent, or another tree's."""
    kinds = ["extend", "foreign"] + (["drop", "empty", "bend", "shorten", "repeat"] if honest else [])
    if len(set(honest)) > 1:
        kinds.append("reorder")
    kind = draw(st.sampled_from(kinds))
    at = draw(st.integers(0, max(0, len(honest) - 1)))
    forged = list(honest)
    if kind == "extend":
        forged.insert(at, draw(st.sampled_from([bytes(32), LEAVES[0], *honest])))
    elif kind == "foreign":
        forged = [sha256(b"other" + digest).digest() for digest in honest] or [bytes(32)]
    elif kind == "drop":
        del forged[at]
    elif kind == "empty":
        forged = []
    elif kind == "bend":
        bit = draw(st.integers(0, 255))
        forged[at] = (int.from_bytes(forged[at], "big") ^ 1 << bit).to_bytes(32, "big")
    elif kind == "shorten":
        forged[at] = forged[at][: draw(st.integers(0, 31))]
    elif kind == "repeat":
        forged += forged
    else:
        forged = draw(st.permutations(honest).filter(lambda other: list(other) != honest))
    return forged


@given(sizes, st.data())
@settings(max_examples=examples(1_500))
def test_no_forged_inclusion_proof_is_accepted(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    forged = data.draw(forgeries(inclusion_proof(index, size, READ)))
    with pytest.raises(ProofRejected):
        verify_inclusion(LEAVES[index], index, size, forged, naive_root(0, size))


@given(sizes, st.data())
@settings(max_examples=examples(1_500))
def test_no_forged_consistency_proof_is_accepted(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    honest = consistency_proof(old, new, READ)
    forged = data.draw(forgeries(honest))
    with pytest.raises(ProofRejected):
        verify_consistency(old, new, naive_root(0, old), naive_root(0, new), forged)


@given(sizes, st.data())
@settings(max_examples=examples(500))
def test_an_honest_proof_proves_nothing_else(size: int, data: st.DataObject) -> None:
    """Another leaf, another index, another tree: with size and root as one signed pair, a proof fits one statement."""
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, READ)
    other = data.draw(st.integers(0, SIZE - 1).filter(lambda number: number != index))
    larger = data.draw(st.integers(index + 1, SIZE).filter(lambda number: number != size))
    for leaf, at, of in (
        (LEAVES[other], index, size),
        (LEAVES[index], other, max(size, other + 1)),
        (LEAVES[index], index, larger),
    ):
        if inclusion_proof(at, of, READ) == proof and leaf == LEAVES[at]:
            continue  # the same statement in other words: a subtree that both trees share at their right edge
        with pytest.raises(ProofRejected):
            verify_inclusion(leaf, at, of, proof, naive_root(0, of))


@given(st.integers(2, SIZE), st.data())
@settings(max_examples=examples(300))
def test_an_inner_node_is_not_a_leaf(size: int, data: st.DataObject) -> None:
    """The second-preimage attack: two hashes side by side, offered as the data of a leaf of a smaller tree."""
    index = data.draw(st.integers(0, size - 2))
    pair = LEAVES[index] + LEAVES[index + 1]
    proof = inclusion_proof(index, size, READ)
    with pytest.raises(ProofRejected):
        verify_inclusion(leaf_hash(pair), index // 2, (size + 1) // 2, proof[1:], naive_root(0, size))


@given(sizes)
def test_a_proof_of_thousands_of_hashes_is_refused_unread(size: int) -> None:
    with pytest.raises(ProofRejected, match="too long"):
        verify_inclusion(LEAVES[0], 0, size, [bytes(32)] * 100_000, naive_root(0, size))
