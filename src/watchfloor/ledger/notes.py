"""C2SP signed notes: text, and signatures by named keys (c2sp.org/signed-note).

    text ending in a newline
    <blank line>
    — <key name> base64(4-byte key id ‖ signature)

A key is known by its *vkey*: `<name>+<key id in hex>+<base64(algorithm ‖ public key)>`. Algorithm 1 is Ed25519 over
the text, 4 a timestamped Ed25519 cosignature of a witness (c2sp.org/tlog-cosignature).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.limits import NOTE_BYTES_MAX, SIGNATURES_MAX

ED25519: Final = 1
COSIGNATURE: Final = 4
_DASH = "— "


class NoteRejected(LedgerError):
    """The note is malformed, or not signed by the key that was asked for."""


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key with its name. `text` and `parse` are the vkey form."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes((self.algorithm,)) + self.public).digest()[:4]

    @property
    def text(self) -> str:
        key = base64.b64encode(bytes((self.algorithm,)) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Raises NoteRejected."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        data = decode_base64(encoded)
        if len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
            raise NoteRejected("a vkey is name+id+key with an Ed25519 key (algorithm 1 or 4)")
        key = cls(check_name(name), data[0], data[1:])
        if key.key_id.hex() != key_id:
            raise NoteRejected(f"the id of vkey {name!r} does not belong to its key")
        return key


class Signature(msgspec.Struct, frozen=True):
    name: str
    key_id: bytes
    value: bytes


class Note(msgspec.Struct, frozen=True):
    """A parsed note; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]


def check_name(name: str) -> str:
    """A key name is not empty and has no space and no plus. Raises NoteRejected."""
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise NoteRejected(f"{name!r} cannot be the name of a key")
    return name


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling. Raises NoteRejected."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRejected("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteRejected("base64 in an unusual spelling")
    return data


def parse_note(text: str) -> Note:
    """Raises NoteRejected."""
    if len(text.encode()) > NOTE_BYTES_MAX:
        raise NoteRejected("the note is too long")
    if any(character < " " and character != "\n" for character in text):
        raise NoteRejected("control characters in a note")
    body, separator, tail = text.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NoteRejected("a note is text, an empty line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteRejected("too many signatures")
    return Note(body + "\n", tuple(map(_parse_signature, lines)))


def _parse_signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    data = decode_base64(encoded)
    if not line.startswith(_DASH) or len(data) < 5:
        raise NoteRejected("not a signature line")
    return Signature(check_name(name), data[:4], data[4:])


def signature_line(name: str, key_id: bytes, value: bytes) -> str:
    return f"{_DASH}{name} {base64.b64encode(key_id + value).decode()}\n"


def sign_note(text: str, key: VerifierKey, private: Ed25519PrivateKey) -> str:
    """The note over `text` (which ends in a newline), signed by one Ed25519 key."""
    return text + "\n" + signature_line(key.name, key.key_id, private.sign(text.encode()))


def cosign(note_text: str, key: VerifierKey, private: Ed25519PrivateKey, at_s: int) -> str:
    """A witness's signature line for a checkpoint: Ed25519 over time and text (c2sp.org/tlog-cosignature)."""
    message = f"cosignature/v1\ntime {at_s}\n{note_text}".encode()
    return signature_line(key.name, key.key_id, at_s.to_bytes(8, "big") + private.sign(message))


def open_note(text: str, key: VerifierKey) -> str:
    """The text, when the note is signed by exactly this key. Unknown keys are ignored. Raises NoteRejected."""
    note = parse_note(text)
    signed = [s for s in note.signatures if s.name == key.name and s.key_id == key.key_id]
    if not signed:
        raise NoteRejected(f"the note is not signed by {key.name}")
    for signature in signed:
        _check(key, signature.value, note.text.encode())
    return note.text


def cosigned_at(text: str, witnesses: Iterable[VerifierKey]) -> dict[str, int]:
    """When each of these witnesses cosigned the note (seconds since 1970). A wrong cosignature raises NoteRejected."""
    note = parse_note(text)
    found: dict[str, int] = {}
    for key in witnesses:
        for signature in note.signatures:
            if signature.name != key.name or signature.key_id != key.key_id:
                continue
            at_s = int.from_bytes(signature.value[:8], "big")
            _check(key, signature.value[8:], f"cosignature/v1\ntime {at_s}\n{note.text}".encode())
            found[key.name] = max(at_s, found.get(key.name, 0))
    return found


def _check(key: VerifierKey, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise NoteRejected(f"the signature of {key.name} is wrong") from error
