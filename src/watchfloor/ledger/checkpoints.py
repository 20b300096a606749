"""Checkpoints (c2sp.org/tlog-checkpoint) and receipts (c2sp.org/tlog-proof).

A checkpoint is a signed note of three lines: origin, number of events, base64 root. Each organisation is a log of its
own with the origin `<deployment origin>/<organisation's public id>`; the deployment's one key signs under that name.
"""

from __future__ import annotations

import base64

import msgspec

from watchfloor.ledger.merkle import ReadTile, inclusion_proof, leaf_hash
from watchfloor.ledger.notes import NoteRejected, VerifierKey, decode_base64, open_note, parse_note
from watchfloor.ledger.proofs import verify_inclusion

PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class Checkpoint(msgspec.Struct, frozen=True):
    """The head of a tree: all that a signature covers."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(deployment: str, public_id: str) -> str:
    """The origin of one organisation's log."""
    return f"{deployment}/{public_id}"


def parse_checkpoint(text: str) -> Checkpoint:
    """The text of a note as a checkpoint; extension lines are refused. Raises NoteRejected."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteRejected("a checkpoint has three lines")
    return Checkpoint(lines[0], _parse_decimal(lines[1]), _parse_hash(lines[2]))


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a note that is signed by `key` and carries the key's name as its origin. Raises NoteRejected."""
    checkpoint = parse_checkpoint(open_note(note, key))
    if checkpoint.origin != key.name:
        raise NoteRejected(f"the checkpoint is of {checkpoint.origin}, not of {key.name}")
    return checkpoint


def read_checkpoint(note: str) -> Checkpoint:
    """The checkpoint of a note without looking at its signatures. Raises NoteRejected."""
    return parse_checkpoint(parse_note(note).text)


def _parse_decimal(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19 or (text[0] == "0" and text != "0"):
        raise NoteRejected("sizes and indices are decimal numbers without leading zeros")
    return int(text)


def _parse_hash(text: str) -> bytes:
    digest = decode_base64(text)
    if len(digest) != 32:
        raise NoteRejected("a hash has 32 bytes")
    return digest


class Receipt(msgspec.Struct, frozen=True):
    """Proof that one event is in the tree of a signed checkpoint."""

    seq: int
    proof: tuple[bytes, ...]
    note: str

    @property
    def text(self) -> str:
        """The tlog-proof@v1 file."""
        hashes = "".join(base64.b64encode(digest).decode() + "\n" for digest in self.proof)
        return f"{PROOF_HEADER}\nindex {self.seq - 1}\n{hashes}\n{self.note}"


def make_receipt(seq: int, note: str, read_tile: ReadTile) -> Receipt:
    """A receipt for the event `seq` under a checkpoint that covers it. Raises ValueError, TileMissing."""
    size = read_checkpoint(note).size
    return Receipt(seq, tuple(inclusion_proof(seq - 1, size, read_tile)), note)


def parse_receipt(text: str) -> Receipt:
    """Raises NoteRejected. Nothing is verified yet; `extra` data is allowed and ignored, since nothing signs it."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != PROOF_HEADER:
        raise NoteRejected("not a tlog-proof")
    if len(lines) > 1 and lines[1].startswith("extra "):
        decode_base64(lines.pop(1).removeprefix("extra "))
    if len(lines) < 2 or not lines[1].startswith("index "):
        raise NoteRejected("a tlog-proof names the index of its leaf")
    index = _parse_decimal(lines[1].removeprefix("index "))
    if len(lines) - 2 > 64:
        raise NoteRejected("the proof is too long")
    return Receipt(index + 1, tuple(map(_parse_hash, lines[2:])), note)


def check_receipt(text: str, data: bytes, key: VerifierKey) -> Checkpoint:
    """The event's bytes are at the receipt's index of a tree that `key` signed. Raises NoteRejected, ProofRejected."""
    receipt = parse_receipt(text)
    checkpoint = open_checkpoint(receipt.note, key)
    verify_inclusion(leaf_hash(data), receipt.seq - 1, checkpoint.size, receipt.proof, checkpoint.root)
    return checkpoint
