"""Snapshots of folded state: files that make a start fast and that nobody has to trust (DESIGN §2, spec 04).

    "WFSNAP1\\n", then frames: length (4 bytes, big-endian) ‖ kind (1) ‖ BLAKE2b-128 of number ‖ kind ‖ payload ‖ payload

The first frame is the header. A *section* frame names a capability; the *blob* frames behind it are that capability's
state, encoded by its owner in pieces small enough for a turn of the event loop. The *end* frame proves that nothing is
missing. Each frame's digest covers its number, so frames cannot be lost, repeated or swapped. A damaged snapshot is
skipped: the one before it, or the fold from zero, gives the same state (law *Replay*).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.directory import check_private_file, make_private
from watchfloor.ledger.files import sync_directory
from watchfloor.ledger.limits import SNAPSHOT_BLOB_BYTES_MAX, SNAPSHOT_SLICE_BYTES

MAGIC: Final = b"WFSNAP1\n"
_HEADER, _SECTION, _BLOB, _END = b"h", b"s", b"b", b"e"
_NAME = re.compile(r"([0-9]{1,7})-([0-9]{13})\.snapshot")
KEPT: Final = 2  # the newest, and one in case it is damaged


class SnapshotDamaged(LedgerError):
    """The file is not a whole snapshot."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Which state this is: everything up to `seq`, whose hash is `hash`.

    `edge` is the right edge of the tree (`Tree.from_edge`); `fingerprints` names, per section, the version of the code
    that folded it: a section whose fingerprint is no longer current is folded anew. `created_at` in µs UTC.
    """

    org: int
    public_id: str
    seq: int
    hash: bytes
    edge: tuple[bytes, ...]
    fingerprints: dict[str, str]
    created_at: int


def path_of(directory: Path, org: int, seq: int) -> Path:
    return directory / f"{org}-{seq:013d}.snapshot"


async def write_snapshot(directory: Path, header: Header, blobs: Iterator[tuple[str, bytes]]) -> Path:
    """Write a snapshot while the event loop goes on; returns its path.

    `blobs` yields (section, blob) with the blobs of a section side by side. One blob is taken per turn of the loop (so
    its encoding is the longest pause); bytes are written, synced and renamed on another thread.
    """
    make_private(directory)
    path = path_of(directory, header.org, header.seq)
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        frames = _frames(header, blobs)
        waiting, size = [MAGIC], len(MAGIC)
        for frame in frames:
            waiting.append(frame)
            size += len(frame)
            if size >= SNAPSHOT_SLICE_BYTES:
                await asyncio.to_thread(_write_all, file, b"".join(waiting))
                waiting, size = [], 0
            else:
                await asyncio.sleep(0)
        await asyncio.to_thread(_finish, file, b"".join(waiting), beside, path)
    for old in _snapshots(directory, header.org)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def _frames(header: Header, blobs: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    number, current = 1, ""
    yield _frame(0, _HEADER, msgspec.msgpack.encode(header))
    for section, blob in blobs:
        if section != current:
            current = section
            yield _frame(number, _SECTION, section.encode())
            number += 1
        yield _frame(number, _BLOB, blob)
        number += 1
    yield _frame(number, _END, b"")


def _frame(number: int, kind: bytes, payload: bytes) -> bytes:
    if len(payload) > SNAPSHOT_BLOB_BYTES_MAX:
        raise ValueError(f"a blob of {len(payload)} bytes could not be read back: cut it into slices")
    return len(payload).to_bytes(4, "big") + kind + _digest(number, kind, payload) + payload


def _digest(number: int, kind: bytes, payload: bytes) -> bytes:
    digest = blake2b(number.to_bytes(8, "big") + kind, digest_size=16)
    digest.update(payload)
    return digest.digest()


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _finish(file: BinaryIO, data: bytes, beside: Path, path: Path) -> None:
    _write_all(file, data)
    os.fsync(file.fileno())
    beside.replace(path)
    sync_directory(path.parent)


def _snapshots(directory: Path, org: int) -> list[Path]:
    """The snapshots of an organisation, newest first."""
    if not directory.is_dir():
        return []
    found = [(match, path) for path in directory.iterdir() if (match := _NAME.fullmatch(path.name))]
    mine = [(int(match[2]), path) for match, path in found if int(match[1]) == org]
    return [path for _, path in sorted(mine, reverse=True)]


class Snapshot:
    """An open snapshot: the header is read, the sections are streamed by `blobs`. Raises SnapshotDamaged."""

    def __init__(self, path: Path) -> None:
        check_private_file(path)
        self.path = path
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise SnapshotDamaged(f"{path} is not a snapshot")
            kind, payload = _read_frame(file, 0)
            if kind != _HEADER:
                raise SnapshotDamaged(f"{path} has no header")
            self._offset = file.tell()
        try:
            self.header = msgspec.msgpack.decode(payload, type=Header)
        except msgspec.MsgspecError as error:
            raise SnapshotDamaged(f"{path}: {error}") from error

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        """(section, blob) as they were written. Raises SnapshotDamaged, also at the end when the end is missing."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            number, section = 1, ""
            while True:
                kind, payload = _read_frame(file, number)
                number += 1
                if kind == _END:
                    break
                if kind == _SECTION:
                    section = payload.decode()
                elif kind == _BLOB and section:
                    yield section, payload
                else:
                    raise SnapshotDamaged(f"{self.path}: frame {number - 1} has an unknown kind")
            if file.read(1):
                raise SnapshotDamaged(f"{self.path} goes on behind its end")

    def check(self) -> None:
        """Read it all without using it. Raises SnapshotDamaged."""
        for _ in self.blobs():
            pass


def _read_frame(file: BinaryIO, number: int) -> tuple[bytes, bytes]:
    head = file.read(21)
    if len(head) != 21:
        raise SnapshotDamaged("the snapshot ends too early")
    length, kind, digest = int.from_bytes(head[:4], "big"), head[4:5], head[5:]
    if length > SNAPSHOT_BLOB_BYTES_MAX:
        raise SnapshotDamaged(f"frame {number} claims {length} bytes")
    payload = file.read(length)
    if len(payload) != length or _digest(number, kind, payload) != digest:
        raise SnapshotDamaged(f"frame {number} is damaged")
    return kind, payload


def newest_snapshot(directory: Path, org: int, *, up_to: int | None = None) -> Snapshot | None:
    """The newest whole snapshot of an organisation (with seq at most `up_to`); damaged ones are passed over."""
    for path in _snapshots(directory, org):
        try:
            snapshot = Snapshot(path)
            if snapshot.header.org != org or (up_to is not None and snapshot.header.seq > up_to):
                continue
            snapshot.check()
        except (OSError, LedgerError):
            continue
        return snapshot
    return None
