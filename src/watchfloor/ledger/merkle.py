"""The RFC 6962 Merkle tree over an organisation's events, kept as C2SP tiles (DESIGN 2b.4).

Leaf = SHA-256(0x00 ‖ bytes), node = SHA-256(0x01 ‖ left ‖ right); the leaf of seq n has index n - 1. A *tile* of level
L and index N holds the hashes of 256 perfect subtrees of 256^L leaves each; it is stored once it is full. What is not
yet in a full tile, the right edge, is in memory.

Writing this module twice (here and in the stand-alone verifier, which shares no code) is on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.limits import TILE_HEIGHT, TILE_WIDTH

EMPTY_ROOT = sha256(b"").digest()
_LAST = TILE_WIDTH - 1

ReadTile = Callable[[int, int], "bytes | None"]
"""(level, index) -> the tile's hashes, full or as many as there are; None when it is missing."""


class TileMissing(LedgerError):
    """A tile that the tree's size promises is not there, or too short."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Tile(NamedTuple):
    """A tile that has become full and waits to be stored."""

    level: int
    number: int
    data: bytes


class Mark(NamedTuple):
    """Where a tree stood (see Tree.mark)."""

    size: int
    stack: tuple[bytes, ...]
    edge: tuple[tuple[list[bytes], int], ...]
    full: tuple[list[Tile], int]


class Tree:
    """The right edge of a tree that grows by appending. About 1.2 µs an event, one inner hash each on average."""

    __slots__ = ("_edge", "_full", "_leaves", "_stack", "size")

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[bytes] = []  # roots of the perfect subtrees, largest first: one per bit of `size`
        self._leaves: list[bytes] = []  # = _edge[0]
        self._edge: list[list[bytes]] = [self._leaves]  # per tile level, the hashes of the tile not yet full
        self._full: list[Tile] = []

    def append(self, leaf: bytes) -> None:
        """Append a leaf hash."""
        size = self.size
        if size & _LAST == _LAST:
            self._append_closing(leaf)
            return
        self._leaves.append(leaf)
        self.size = size + 1
        if size & 1:
            pop = self._stack.pop
            while size & 1:
                leaf = sha256(b"\x01" + pop() + leaf).digest()
                size >>= 1
        self._stack.append(leaf)

    def _append_closing(self, node: bytes) -> None:
        """Append the leaf that fills a tile, and perhaps the tiles above."""
        carry, height = self.size, 0
        while True:
            if height % TILE_HEIGHT == 0:
                level = height // TILE_HEIGHT
                if level:
                    self._close(level - 1, self.size >> height)
                if level == len(self._edge):
                    self._edge.append([])
                self._edge[level].append(node)
            if not carry & 1:
                break
            node = node_hash(self._stack.pop(), node)
            carry >>= 1
            height += 1
        self._stack.append(node)
        self.size += 1

    def _close(self, level: int, index: int) -> None:
        self._full.append(Tile(level, index, b"".join(self._edge[level])))
        self._edge[level] = []  # a new list: marks keep the old one
        self._leaves = self._edge[0]

    def root(self) -> bytes:
        """The root over all leaves; SHA-256 of nothing for the empty tree."""
        return fold_roots(self._stack)

    def take_tiles(self) -> list[Tile]:
        """The tiles that became full since the last call; they belong into the batch of their last event."""
        full, self._full = self._full, []
        return full

    def mark(self) -> Mark:
        """Where the tree stands, for `reset`. Costs a copy of at most 40 hashes."""
        return Mark(
            self.size,
            tuple(self._stack),
            tuple((hashes, len(hashes)) for hashes in self._edge),
            (self._full, len(self._full)),
        )

    def reset(self, mark: Mark) -> None:
        """Forget what was appended since the mark. Marks taken later are void."""
        self.size = mark.size
        self._stack = list(mark.stack)
        self._edge = []
        for hashes, count in mark.edge:
            del hashes[count:]
            self._edge.append(hashes)
        self._leaves = self._edge[0]
        full, count = mark.full
        del full[count:]
        self._full = full

    def edge(self) -> tuple[bytes, ...]:
        """The right edge, one joined tile per level: with `size` all that `from_edge` needs."""
        return tuple(b"".join(hashes) for hashes in self._edge)

    def clone(self) -> Tree:
        """An independent copy, e.g. for a signer on another thread."""
        copy = Tree()
        copy.size = self.size
        copy._stack = list(self._stack)
        copy._edge = [list(hashes) for hashes in self._edge]
        copy._leaves = copy._edge[0]
        copy._full = list(self._full)
        return copy

    def reader(self, stored: ReadTile) -> ReadTile:
        """Tiles of the tree as it stands: the right edge and tiles waiting from here, the others from `stored`."""
        here = {(tile.level, tile.number): tile.data for tile in self._full}
        for level, hashes in enumerate(self._edge):
            here[level, self.size >> (TILE_HEIGHT * (level + 1))] = b"".join(hashes)

        def read(level: int, index: int) -> bytes | None:
            return here.get((level, index)) or stored(level, index)

        return read

    @classmethod
    def restore(cls, size: int, stored: ReadTile, tail: Iterable[bytes]) -> Tree:
        """The tree over `size` leaves from its full tiles and `tail`, the leaf hashes behind the last full tile.

        Raises TileMissing.
        """
        edge, level = [b"".join(tail)], 1
        while complete := size >> (TILE_HEIGHT * level):
            first = complete - complete % TILE_WIDTH
            row = (perfect_root(stored, TILE_HEIGHT * level, index) for index in range(first, complete))
            edge.append(b"".join(row))
            level += 1
        return cls.from_edge(size, edge)

    @classmethod
    def from_edge(cls, size: int, edge: Sequence[bytes]) -> Tree:
        """The tree over `size` leaves whose right edge is known. Raises TileMissing when the two do not fit."""
        tree = cls()
        tree.size = size
        tree._edge = [[row[i : i + 32] for i in range(0, len(row), 32)] for row in edge]
        counts = [len(hashes) for hashes in tree._edge]
        expected = [size >> (TILE_HEIGHT * level) & _LAST for level in range(max(1, len(counts)))]
        if counts != expected or size >> (TILE_HEIGHT * len(counts)):
            raise TileMissing(f"a tree of {size} leaves has an edge of {expected}, not {counts}")
        tree._leaves = tree._edge[0]
        read = tree.reader(_no_tile)
        tree._stack = [perfect_root(read, height, index) for height, index in perfect_parts(size)]
        return tree


def _no_tile(_level: int, _index: int) -> bytes | None:
    return None


def fold_roots(roots: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees, largest first."""
    if not roots:
        return EMPTY_ROOT
    node = roots[-1]
    for left in roots[-2::-1]:
        node = node_hash(left, node)
    return node


def perfect_parts(size: int) -> list[tuple[int, int]]:
    """(height, index at that height) of the perfect subtrees that make up a tree, largest first."""
    parts, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            parts.append((height, start >> height))
            start += 1 << height
    return parts


def perfect_root(read_tile: ReadTile, height: int, index: int) -> bytes:
    """The hash of the perfect subtree over leaves [index·2^height, (index+1)·2^height). Raises TileMissing."""
    level, within = divmod(height, TILE_HEIGHT)
    found = _from_tile(read_tile, level, within, index)
    if found is None and level and not within:
        # The tile that holds this hash is not full yet; the whole tile below it is.
        found = _from_tile(read_tile, level - 1, TILE_HEIGHT, index)
    if found is None:
        raise TileMissing(f"the tile of level {level} over subtree {index} is missing or too short")
    return found


def _from_tile(read_tile: ReadTile, level: int, within: int, index: int) -> bytes | None:
    """The root over 2^within neighbouring hashes of one tile."""
    start, count = index << within, 1 << within
    data = read_tile(level, start // TILE_WIDTH)
    offset = start % TILE_WIDTH * 32
    if data is None or len(data) < offset + count * 32:
        return None
    if not within:
        return data[offset : offset + 32]
    return tile_root(data[offset : offset + count * 32])


def tile_root(hashes: bytes) -> bytes:
    """The root over a power of two of hashes, side by side."""
    while len(hashes) > 32:
        pairs = [sha256(b"\x01" + hashes[i : i + 64]).digest() for i in range(0, len(hashes), 64)]
        hashes = b"".join(pairs)
    return hashes


def root_at(size: int, read_tile: ReadTile) -> bytes:
    """The root over the first `size` leaves of a tree that is at least as large. Raises TileMissing."""
    return fold_roots([perfect_root(read_tile, height, index) for height, index in perfect_parts(size)])


def _range_root(read_tile: ReadTile, begin: int, end: int) -> bytes:
    """MTH(D[begin:end]) of RFC 6962 §2.1; `begin` is a multiple of the largest power of two below the width."""
    width = end - begin
    if width & (width - 1) == 0:
        return perfect_root(read_tile, width.bit_length() - 1, begin // width)
    split = 1 << (width.bit_length() - 1)
    return node_hash(
        perfect_root(read_tile, split.bit_length() - 1, begin // split),
        _range_root(read_tile, begin + split, end),
    )


def inclusion_proof(index: int, size: int, read_tile: ReadTile) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1, leaf to root. Raises ValueError for an index outside the tree."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < split:
            path.append(_range_root(read_tile, split, end))
            end = split
        else:
            path.append(_range_root(read_tile, begin, split))
            begin = split
    path.reverse()
    return path


def consistency_proof(old: int, new: int, read_tile: ReadTile) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 §2.1.2; empty for equal sizes. Raises ValueError unless 0 < old <= new."""
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from {old} to {new}")
    proof: list[bytes] = []
    begin, end, whole = 0, new, True
    while end != old:
        split = begin + (1 << (end - begin - 1).bit_length() - 1)
        if old <= split:
            proof.append(_range_root(read_tile, split, end))
            end = split
        else:
            proof.append(_range_root(read_tile, begin, split))
            begin, whole = split, False
    if not whole:
        proof.append(_range_root(read_tile, begin, end))
    proof.reverse()
    return proof
