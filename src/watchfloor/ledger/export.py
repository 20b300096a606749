"""Exports: a directory that an outsider can verify without this product (docs/ledger-format.md).

manifest.json      what this is; written last
events.jsonl       one event's canonical bytes per line, in seq order, exactly as hashed
hashes.bin         the chain's hashes, 32 bytes each
privates.jsonl     optional: {"body","salt","seq"}, base64, of the private parts not erased
checkpoints/       signed notes, <size>.note
key.vkey           the log's public key, for convenience only: an auditor uses the one pinned before
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from watchfloor.ledger.contract import ZERO_HASH, LedgerError, LedgerReads, OrganisationRow
from watchfloor.ledger.directory import make_private
from watchfloor.ledger.files import sync_directory, write_durably
from watchfloor.ledger.limits import READ_ROWS
from watchfloor.ledger.notes import VerifierKey

FORMAT: Final = "watchfloor-export/1"
CHECKPOINT_SPACING: Final = 1_000  # older checkpoints are thinned to one per so many events


class ExportFailed(LedgerError):
    """The target is not an empty directory."""


class ExportedFile(msgspec.Struct, frozen=True):
    bytes: int
    sha256: str


class ExportManifest(msgspec.Struct, frozen=True, kw_only=True):
    """`size` events from seq 1; `head` is the hash of the last, hex; `created_at` µs UTC."""

    format: str
    origin: str
    organisation: str
    size: int
    head: str
    created_at: int
    checkpoints: int
    files: dict[str, ExportedFile]


class _Private(msgspec.Struct):
    body: bytes
    salt: bytes
    seq: int


class _Output:
    """A file that is hashed while it is written."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._digest = sha256()
        self._bytes = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._bytes += len(data)

    def close(self) -> ExportedFile:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return ExportedFile(self._bytes, self._digest.hexdigest())


def export_ledger(
    reads: LedgerReads,
    organisation: OrganisationRow,
    key: VerifierKey,
    directory: Path,
    *,
    at: int,
    privates: bool = False,
    every_checkpoint: bool = False,
) -> ExportManifest:
    """Write the whole history of an organisation up to now. Streams; blocking. Raises ExportFailed.

    Without `every_checkpoint` old checkpoints are thinned to one per 1,000 events; the newest is always there.
    """
    make_private(directory)
    if any(directory.iterdir()):
        raise ExportFailed(f"{directory} is not empty")
    org = organisation.org
    # The checkpoint first: whatever it covers was committed before. One that covers more than there is goes along, so
    # that a missing tail is seen outside too.
    newest = reads.latest_checkpoint(org)
    size, head = reads.head(org)
    files = _write_events(reads, org, size, head, directory)
    if privates:
        output = _Output(directory / "privates.jsonl")
        for part in _privates(reads, org, size):
            output.write(msgspec.json.encode(part) + b"\n")
        files["privates.jsonl"] = output.close()
    signed = newest.size if newest else 0
    checkpoints = _write_checkpoints(reads, org, signed, directory / "checkpoints", files, every_checkpoint)
    write_durably(directory / "key.vkey", [key.text.encode() + b"\n"])
    manifest = ExportManifest(
        format=FORMAT,
        origin=key.name,
        organisation=organisation.public_id,
        size=size,
        head=head.hex(),
        created_at=at,
        checkpoints=checkpoints,
        files=files,
    )
    encoded = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"))
    write_durably(directory / "manifest.json", [encoded, b"\n"])
    return manifest


def _write_events(
    reads: LedgerReads, org: int, size: int, head: bytes, directory: Path
) -> dict[str, ExportedFile]:
    events, hashes = _Output(directory / "events.jsonl"), _Output(directory / "hashes.bin")
    seq, last = 0, ZERO_HASH
    while seq < size:
        rows = reads.read(org, seq, min(READ_ROWS, size - seq))
        if not rows:
            break
        if any(type(data) is not bytes or type(digest) is not bytes for _, data, digest in rows):
            raise ExportFailed(f"a row behind event {seq} is not bytes: verify the ledger")
        events.write(b"".join(data + b"\n" for _, data, _ in rows))
        hashes.write(b"".join(digest for _, _, digest in rows))
        seq, _, last = rows[-1]
    found = {"events.jsonl": events.close(), "hashes.bin": hashes.close()}
    if seq != size or last != head:
        raise ExportFailed(f"the ledger ends at {seq} instead of {size}: verify it")
    return found


def _privates(reads: LedgerReads, org: int, size: int) -> Iterator[_Private]:
    seq = 0
    while rows := reads.privates_between(org, seq, READ_ROWS // 10):
        for seq, salt, body in rows:
            if seq <= size:
                yield _Private(body, salt, seq)


def _write_checkpoints(
    reads: LedgerReads, org: int, newest: int, directory: Path, files: dict[str, ExportedFile], every: bool
) -> int:
    make_private(directory)
    count, before, spaced = 0, newest + 1, newest + 1
    while rows := reads.checkpoints(org, READ_ROWS // 10, before):
        for row in rows:
            before = row.size
            if not every and count and row.size > spaced - CHECKPOINT_SPACING:
                continue
            output = _Output(directory / f"{row.size:013d}.note")
            output.write(row.note.encode())
            files[f"checkpoints/{row.size:013d}.note"] = output.close()
            count, spaced = count + 1, row.size
    sync_directory(directory)
    return count
