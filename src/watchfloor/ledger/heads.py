"""Where an organisation's history stands: its chain and its tree, loaded from the store."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec

from watchfloor.ledger.chain import Chain
from watchfloor.ledger.contract import LedgerError, LedgerReads
from watchfloor.ledger.limits import TILE_WIDTH, TILES_KEPT
from watchfloor.ledger.merkle import ReadTile, TileMissing, Tree, leaf_hash, tile_root

ReadEvents = Callable[[int, int, int], list[tuple[int, bytes, bytes]]]  # organisation, after, at most


class HistoryDamaged(LedgerError):
    """What is stored contradicts itself. `seq` is the first event in doubt."""

    def __init__(self, org: int, seq: int, what: str) -> None:
        super().__init__(f"organisation {org}: {what} (first event in doubt: {seq})")
        self.org = org
        self.seq = seq


class LogView(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed view of one organisation's tree, safe to hand to another thread."""

    org: int
    public_id: str
    size: int
    root: bytes
    read_tile: ReadTile


class Head:
    """Chain and tree of one organisation, ready to append to."""

    __slots__ = ("_stored", "chain", "org", "public_id", "tree")

    def __init__(self, org: int, public_id: str, chain: Chain, tree: Tree) -> None:
        self.org = org
        self.public_id = public_id
        self.chain = chain
        self.tree = tree
        self._stored: tuple[LedgerReads, ReadTile] | None = None

    def append(self, data: bytes) -> bytes:
        """Chain the event and put it into the tree; returns its hash. The hot path: about 2 µs."""
        chain = self.chain
        chain.head = head = sha256(chain.head + data).digest()
        self.tree.append(sha256(b"\x00" + data).digest())
        return head

    def view(self, ledger: LedgerReads) -> LogView:
        """The tree as it stands; later appends do not change it."""
        if self._stored is None or self._stored[0] is not ledger:
            self._stored = ledger, tile_reader(ledger, self.org)
        return LogView(
            org=self.org,
            public_id=self.public_id,
            size=self.tree.size,
            root=self.tree.root(),
            read_tile=self.tree.reader(self._stored[1]),
        )


def committed_tiles(view: LogView, stored: ReadEvents) -> ReadTile:
    """Tiles for proofs up to the committed head, from a view that may be ahead of it.

    While a batch is being committed the tiles that it filled are neither at the edge of the tree in memory nor stored.
    Their committed part is then made from what is stored below them: events, or full tiles.
    """

    def read(level: int, index: int) -> bytes | None:
        found = view.read_tile(level, index)
        if found is not None:
            return found
        first = index * TILE_WIDTH
        if level == 0:
            rows = stored(view.org, first, TILE_WIDTH)
            return b"".join(leaf_hash(data) for _, data, _ in rows) or None
        below = [read(level - 1, first + number) for number in range(TILE_WIDTH)]
        full = [tile for tile in below if tile is not None and len(tile) == TILE_WIDTH * 32]
        return b"".join(tile_root(tile) for tile in full) or None

    return read


def tile_reader(ledger: LedgerReads, org: int) -> ReadTile:
    """Reads the stored tiles of an organisation; keeps the newest few, since a proof asks for each several times."""
    kept: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes | None:
        found = kept.get((level, index))
        if found is None and (found := ledger.tiles(org, level, index)) is not None:
            if len(kept) >= TILES_KEPT:
                kept.clear()
            kept[level, index] = found
        return found

    return read


def load_head(ledger: LedgerReads, org: int, public_id: str) -> Head:
    """The head from the stored tiles and the events behind them. Trusts what is stored: see verify.py for the check.

    Raises HistoryDamaged when tiles are missing.
    """
    size, digest = ledger.head(org)
    tail_from = size - size % TILE_WIDTH
    tail = [leaf_hash(data) for _, data, _ in ledger.read(org, tail_from, TILE_WIDTH)]
    try:
        tree = Tree.restore(size, tile_reader(ledger, org), tail)
    except TileMissing as error:
        raise HistoryDamaged(org, tail_from + 1, str(error)) from error
    return Head(org, public_id, Chain(digest), tree)
