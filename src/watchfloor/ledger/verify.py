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
from watchfloor.ledger.contract import ZERO_HASH, LedgerError, LedgerReads, OrganisationRow
from watchfloor.ledger.files import write_durably
from watchfloor.ledger.heads import HistoryDamaged, tile_reader
from watchfloor.ledger.limits import READ_ROWS, TILE_WIDTH
from watchfloor.ledger.merkle import TileMissing, Tree, leaf_hash, root_at, tile_root
from watchfloor.ledger.notes import NoteRejected, VerifierKey

RANGE_EVENTS = TILE_WIDTH * TILE_WIDTH  # one tile of level 1
Opener = Callable[[], LedgerReads]
KeyOf = Callable[[str], VerifierKey]


class _Envelope(msgspec.Struct):
    """What this check needs of an event's bytes."""

    org: str
    seq: int
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
    last: bytes = ZERO_HASH
    problem: str = ""
    first_bad: int = 0


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
    ledger: LedgerReads, key_of: KeyOf | None = None, since: dict[str, Verified] | None = None
) -> list[Report]:
    """As `verify_ledger`, in this process and on an open ledger."""
    return verify_ledger(lambda: ledger, key_of, processes=1, since=since)


def require_good(ledger: LedgerReads) -> None:
    """Raise HistoryDamaged for the first organisation that is not good."""
    for report in verify_here(ledger):
        if report.problem:
            raise HistoryDamaged(report.org, report.first_bad, report.problem)


def _verify_one(
    reads: LedgerReads,
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


def _start(reads: LedgerReads, org: int, size: int, verified: Verified | None) -> int:
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
    reads = opener()
    try:
        return _check_range(reads, *part)
    except LedgerError as error:
        return _Range(problem=str(error), first_bad=part[2] + 1)


def _check_range(reads: LedgerReads, org: int, public_id: str, after: int, until: int) -> _Range:
    """Chain, envelopes, private parts and level-0 tiles of events (after, until]."""
    if after:
        before = reads.read_one(org, after)
        if before is None:
            return _Range(problem="an event is missing", first_bad=after)
        prev = before[2]
    else:
        prev = ZERO_HASH
    found = _Range()
    decode = msgspec.json.Decoder(_Envelope).decode
    leaves: list[bytes] = []
    seq = after
    while seq < until:
        rows = reads.read(org, seq, min(READ_ROWS, until - seq))
        commitments: dict[int, str] = {}
        first = seq + 1
        for row_seq, data, digest in rows:
            seq += 1
            if row_seq != seq or sha256(prev + data).digest() != digest:
                return _Range(problem="a row is missing or the chain is broken", first_bad=seq)
            prev = digest
            leaves.append(leaf_hash(data))
            try:
                envelope = decode(data)
            except msgspec.MsgspecError as error:
                return _Range(problem=f"not an event: {error}", first_bad=seq)
            if envelope.seq != seq or envelope.org != public_id:
                return _Range(problem="the event belongs to another place", first_bad=seq)
            if envelope.private:
                commitments[seq] = envelope.private
        if not rows:
            return _Range(problem="an event is missing", first_bad=seq + 1)
        wrong = _check_privates(reads, org, first, seq, commitments)
        if wrong:
            return _Range(
                problem="a private part is missing, left over or not the committed one", first_bad=wrong
            )
    found.last = prev
    return _check_tiles(reads, org, after, leaves, found)


def _check_privates(reads: LedgerReads, org: int, first: int, last: int, commitments: dict[int, str]) -> int:
    """The first seq whose private part is wrong, or 0. What is committed is there, or was erased by a redaction."""
    stored = {
        seq: (salt, body)
        for seq, salt, body in reads.privates_between(org, first - 1, last - first + 1)
        if seq <= last
    }
    erased = {seq for seq in reads.redacted(org, first - 1, last - first + 1) if seq <= last}
    for seq in sorted(stored.keys() | commitments.keys()):
        if seq not in stored:
            if seq not in erased:
                return seq
        elif seq in erased or sha256(b"".join(stored[seq])).hexdigest() != commitments.get(seq, ""):
            return seq
    return 0


def _check_tiles(reads: LedgerReads, org: int, after: int, leaves: list[bytes], found: _Range) -> _Range:
    """The stored level-0 tiles are exactly the leaves; collects their roots."""
    for offset in range(0, len(leaves) - TILE_WIDTH + 1, TILE_WIDTH):
        tile = leaves[offset : offset + TILE_WIDTH]
        if reads.tiles(org, 0, (after + offset) // TILE_WIDTH) != b"".join(tile):
            return _Range(problem="a stored tile is not made of these events", first_bad=after + offset + 1)
        found.roots.append(tile_root(tile))
    return found


def _check_upper_tile(reads: LedgerReads, org: int, after: int, until: int, roots: list[bytes]) -> None:
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
        expected = b"".join(tile_root([tile[i : i + 32] for i in range(0, len(tile), 32)]) for tile in below)
        complete //= TILE_WIDTH
        if reads.tiles(org, level, complete - 1) != expected:
            raise HistoryDamaged(org, after + 1, f"a stored tile of level {level} is wrong")
        level += 1


def _check_checkpoints(reads: LedgerReads, org: int, start: int, size: int, key: VerifierKey | None) -> int:
    """Every published checkpoint above `start` is signed and has the root of these events; returns how many."""
    if key is None:
        return 0
    tail = [leaf_hash(data) for _, data, _ in reads.read(org, size - size % TILE_WIDTH, TILE_WIDTH)]
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
