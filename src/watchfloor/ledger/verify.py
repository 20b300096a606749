"""Checking a live store: rows, chain, tree, checkpoints, private parts (`watchfloor ledger verify`, and at start).

The rows are walked once, in ranges that are multiples of 65,536 events so that they can go to several processes; a
range trusts the stored hash before it, which the range before proves. Each range recomputes the chain, the leaves and
every level-0 tile; the tiles above and the checkpoints are then judged by proven tiles. The rules that events obey are
not looked at here: that is the stand-alone verifier's exit 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import msgspec

from watchfloor.ledger.checkpoints import open_checkpoint
from watchfloor.ledger.contract import ZERO_HASH, LedgerError, OrganisationRow, VerifiableReads
from watchfloor.ledger.files import write_durably
from watchfloor.ledger.heads import HistoryDamaged, tile_reader
from watchfloor.ledger.limits import READ_ROWS, TILE_WIDTH
from watchfloor.ledger.merkle import TileMissing, Tree, leaf_hash, root_at, tile_root
from watchfloor.ledger.notes import NoteRejected, VerifierKey

RANGE_EVENTS = TILE_WIDTH * TILE_WIDTH  # one tile of level 1
Opener = Callable[[], VerifiableReads]
KeyOf = Callable[[str], VerifierKey]


class _Subject(msgspec.Struct):
    id: int


class _Envelope(msgspec.Struct):
    """What this check needs of an event's bytes."""

    org: str
    seq: int
    subject: _Subject
    private: str = ""


class Verified(msgspec.Struct, frozen=True):
    """Up to where an organisation was found good."""

    size: int
    hash: bytes


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for one organisation. `problem` is empty when all is well, else `first_bad` is the seq in doubt."""

    org: int
    public_id: str
    size: int
    head: bytes
    checkpoints: int = 0
    redacted: int = 0
    problem: str = ""
    first_bad: int = 0


class _Range(msgspec.Struct):
    """The result for one range: roots of its full tiles, or what is wrong with it."""

    roots: list[bytes] = msgspec.field(default_factory=list)
    problem: str = ""
    first_bad: int = 0


class _Bad(Exception):
    """The first thing wrong in a range."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq


def verify_ledger(
    opener: Opener,
    key_of: KeyOf | None = None,
    *,
    processes: int = 2,
    since: dict[str, Verified] | None = None,
) -> list[Report]:
    """Check every organisation. `opener` must be picklable when `processes` > 1.

    `since` names how far each organisation (by public id) was found good before: only what follows is walked, after
    its stored head there was compared.
    """
    reads = opener()
    if processes < 2:
        return [_verify_one(reads, None, opener, row, key_of, since) for row in reads.organisations()]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return [_verify_one(reads, pool, opener, row, key_of, since) for row in reads.organisations()]


def verify_here(
    ledger: VerifiableReads, key_of: KeyOf | None = None, since: dict[str, Verified] | None = None
) -> list[Report]:
    """As `verify_ledger`, in this process and on an open ledger."""
    return verify_ledger(lambda: ledger, key_of, processes=1, since=since)


def require_good(ledger: VerifiableReads) -> None:
    """Raise HistoryDamaged for the first organisation that is not good."""
    for report in verify_here(ledger):
        if report.problem:
            raise HistoryDamaged(report.org, report.first_bad, report.problem)


def _verify_one(
    reads: VerifiableReads,
    pool: ProcessPoolExecutor | None,
    opener: Opener,
    row: OrganisationRow,
    key_of: KeyOf | None,
    since: dict[str, Verified] | None,
) -> Report:
    org, public_id = row.org, row.public_id
    size = 0
    try:
        size, head = reads.head(org)
        start = _start(reads, org, size, (since or {}).get(public_id))
        ranges = [
            (org, public_id, after, min(after + RANGE_EVENTS, size))
            for after in range(start - start % RANGE_EVENTS, size, RANGE_EVENTS)
        ]
        if pool is None or len(ranges) < 2:
            results: Iterator[_Range] = (_check_range(reads, *part) for part in ranges)
        else:
            results = pool.map(_check_range_there, [opener] * len(ranges), ranges)
        for (_, _, after, until), found in zip(ranges, results, strict=True):
            if found.problem:
                raise HistoryDamaged(org, found.first_bad, found.problem)
            _check_upper_tile(reads, org, after, until, found.roots)
        checkpoints = _check_checkpoints(reads, org, start, size, key_of(public_id) if key_of else None)
        redacted = len(reads.redacted(org, 0, 2**31))
    except HistoryDamaged as error:
        return Report(
            org=org, public_id=public_id, size=size, head=ZERO_HASH, problem=str(error), first_bad=error.seq
        )
    except LedgerError as error:  # a page that cannot be read
        return Report(
            org=org, public_id=public_id, size=size, head=ZERO_HASH, problem=str(error), first_bad=size
        )
    return Report(
        org=org, public_id=public_id, size=size, head=head, checkpoints=checkpoints, redacted=redacted
    )


def _start(reads: VerifiableReads, org: int, size: int, verified: Verified | None) -> int:
    """From where to walk: behind what was verified, if that is still what is stored."""
    if verified is None or verified.size == 0:
        return 0
    if verified.size > size:
        raise HistoryDamaged(org, size + 1, f"{verified.size} events were verified before, {size} are left")
    row = reads.read_one(org, verified.size)
    if row is None or row[2] != verified.hash:
        raise HistoryDamaged(org, verified.size, "the hash is not the one that was verified before")
    return verified.size


def _check_range_there(opener: Opener, part: tuple[int, str, int, int]) -> _Range:
    return _check_range(opener(), *part)


def _check_range(reads: VerifiableReads, org: int, public_id: str, after: int, until: int) -> _Range:
    """Chain, envelopes, streams, private parts and level-0 tiles of events (after, until]."""
    leaves: list[bytes] = []
    seq = after
    try:
        before = reads.read_one(org, after) if after else (0, b"", ZERO_HASH)
        if before is None:
            raise _Bad(after, "an event is missing")
        prev = before[2]
        while seq < until:
            rows = reads.read(org, seq, min(READ_ROWS, until - seq))
            if not rows:
                raise _Bad(seq + 1, "an event is missing")
            prev = _check_chain(rows, seq, prev, leaves)
            _check_envelopes(reads, org, public_id, rows)
            seq += len(rows)
        return _Range(roots=_check_tiles(reads, org, after, leaves))
    except _Bad as bad:
        return _Range(problem=str(bad), first_bad=bad.seq)
    except LedgerError as error:  # a page that cannot be read
        return _Range(problem=str(error), first_bad=seq + 1)


def _check_chain(rows: list[tuple[int, bytes, bytes]], after: int, prev: bytes, leaves: list[bytes]) -> bytes:
    """Seq, chain and leaf of each row; returns the last hash."""
    for seq, (row_seq, data, digest) in enumerate(rows, after + 1):
        # SQLite columns hold any type, and somebody who edits rows may leave text behind.
        if row_seq != seq or type(data) is not bytes or sha256(prev + data).digest() != digest:
            raise _Bad(seq, "a row is missing or the chain is broken")
        prev = digest
        leaves.append(leaf_hash(data))
    return prev


def _check_envelopes(
    reads: VerifiableReads, org: int, public_id: str, rows: list[tuple[int, bytes, bytes]]
) -> None:
    """Events say where they are; the stream index and the side rows say the same."""
    first, last = rows[0][0], rows[-1][0]
    streams = reads.streams(org, first - 1, len(rows))
    commitments: dict[int, str] = {}
    for (seq, data, _), stream in zip(rows, streams, strict=True):
        try:
            envelope = _decode(data)
        except msgspec.MsgspecError as error:
            raise _Bad(seq, f"not an event: {error}") from error
        if (envelope.seq, envelope.org, envelope.subject.id) != (seq, public_id, stream):
            raise _Bad(seq, "the event belongs to another place")
        if envelope.private:
            commitments[seq] = envelope.private
    _check_privates(reads, org, first, last, commitments)


_decode = msgspec.json.Decoder(_Envelope).decode


def _check_privates(
    reads: VerifiableReads, org: int, first: int, last: int, commitments: dict[int, str]
) -> None:
    """What is committed is there, or was erased by a redaction; nothing else is."""
    count = last - first + 1
    stored = {
        seq: (salt, body) for seq, salt, body in reads.privates_between(org, first - 1, count) if seq <= last
    }
    erased = {seq for seq in reads.redacted(org, first - 1, count) if seq <= last}
    for seq in sorted(stored.keys() | commitments.keys()):
        if seq not in stored:
            if seq not in erased:
                raise _Bad(seq, "a private part is missing")
        elif seq in erased:
            raise _Bad(seq, "a private part that was erased is back")
        elif sha256(b"".join(map(bytes, stored[seq]))).hexdigest() != commitments.get(seq, ""):
            raise _Bad(seq, "a private part is not the committed one")


def _check_tiles(reads: VerifiableReads, org: int, after: int, leaves: list[bytes]) -> list[bytes]:
    """The stored level-0 tiles are exactly the leaves; returns their roots."""
    roots = []
    for offset in range(0, len(leaves) - TILE_WIDTH + 1, TILE_WIDTH):
        tile = b"".join(leaves[offset : offset + TILE_WIDTH])
        if reads.tiles(org, 0, (after + offset) // TILE_WIDTH) != tile:
            raise _Bad(after + offset + 1, "a stored tile is not made of these events")
        roots.append(tile_root(tile))
    return roots


def _check_upper_tile(reads: VerifiableReads, org: int, after: int, until: int, roots: list[bytes]) -> None:
    """The level-1 tile over a whole range is made of its roots; every tile above, of the tiles below it."""
    if len(roots) < TILE_WIDTH:
        return
    if reads.tiles(org, 1, after // RANGE_EVENTS) != b"".join(roots):
        raise HistoryDamaged(org, after + 1, "a stored tile of level 1 is wrong")
    level, complete = 2, until // RANGE_EVENTS
    while complete and complete % TILE_WIDTH == 0:
        below = [
            reads.tiles(org, level - 1, index) or b"" for index in range(complete - TILE_WIDTH, complete)
        ]
        expected = b"".join(map(tile_root, below))
        complete //= TILE_WIDTH
        if reads.tiles(org, level, complete - 1) != expected:
            raise HistoryDamaged(org, after + 1, f"a stored tile of level {level} is wrong")
        level += 1


def _check_checkpoints(
    reads: VerifiableReads, org: int, start: int, size: int, key: VerifierKey | None
) -> int:
    """Every published checkpoint above `start` is signed and has the root of these events; returns how many."""
    if key is None:
        return 0
    # Events go on being appended while this runs: everything here stops at the `size` the check began with.
    tail = [leaf_hash(data) for _, data, _ in reads.read(org, size - size % TILE_WIDTH, size % TILE_WIDTH)]
    stored = tile_reader(reads, org)
    try:
        read_tile = Tree.restore(size, stored, tail).reader(stored)
    except TileMissing as error:
        raise HistoryDamaged(org, size, str(error)) from error
    checked, after = 0, start  # `after` is also the newest checkpoint found good
    while rows := reads.checkpoints_after(org, after, READ_ROWS):
        for row in rows:
            try:
                checkpoint = open_checkpoint(row.note, key)
            except NoteRejected as error:
                raise HistoryDamaged(org, row.size, f"the checkpoint of size {row.size}: {error}") from error
            if size < row.size <= reads.head(org)[0]:
                return checked  # signed since the check began
            if checkpoint.size != row.size or row.size > size:
                raise HistoryDamaged(
                    org, size + 1, f"{checkpoint.size} events were signed, {size} are stored"
                )
            if root_at(row.size, read_tile) != checkpoint.root:
                raise HistoryDamaged(
                    org, after + 1, f"the first {row.size} events are not those that were signed"
                )
            checked, after = checked + 1, row.size
    return checked


# -- how far a start may rely on an earlier check ---------------------------------------------------------------


def load_verified(path: Path) -> dict[str, Verified]:
    """What `save_verified` wrote; nothing when the file is missing or damaged (everything is checked again then)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Verified])
    except (OSError, msgspec.MsgspecError):
        return {}


def save_verified(path: Path, reports: list[Report]) -> None:
    """Remember the good organisations."""
    good = {report.public_id: Verified(report.size, report.head) for report in reports if not report.problem}
    write_durably(path, [msgspec.json.encode(good, order="sorted")])


def forget_verified(path: Path) -> None:
    """The next start checks everything."""
    path.unlink(missing_ok=True)
