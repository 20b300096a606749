"""The second factor: six digits of an authenticator (RFC 6238), or one of the recovery codes (spec 6 *Security*; S9).

Seeds are encrypted with a key that lies in a file of its own, so that a ledger or its backup gives none away. Each step of
thirty seconds is taken once; the last one that was taken is kept with the seed, in the commit that began the session.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import struct
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from watchfloor.ledger.directory import check_private_file

STEP_S = 30
DRIFT_STEPS = 1  # a clock may be half a minute off to either side
DIGITS = 6
SEED_BYTES = 20
KEY_FILE = "sign-in.key"
RECOVERY_CODES = 10
ISSUER = "Watchfloor"
_MARK_SEED = b"t"
_MARK_CODES = b"r"
_CODE = re.compile(r"^\d{6}\Z")
_RECOVERY = re.compile(r"^[a-z2-7]{16}\Z")


class Seals:
    """The key that seeds are encrypted with. Without a path it lives as long as the process. Raises DirectoryUnsafe."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._key: AESGCM | None = None

    def _cipher(self) -> AESGCM:
        if self._key is None:
            self._key = AESGCM(_key(self._path) if self._path is not None else secrets.token_bytes(32))
        return self._key

    def seal(self, seed: bytes, owner: str) -> bytes:
        """What is kept of a seed; it opens for the same owner only."""
        nonce = secrets.token_bytes(12)
        return _MARK_SEED + nonce + self._cipher().encrypt(nonce, seed, owner.encode())

    def open(self, kept: bytes, owner: str) -> bytes | None:
        """The seed, None when it was sealed with another key or for somebody else."""
        try:
            return self._cipher().decrypt(kept[1:13], kept[13:], owner.encode())
        except InvalidTag:
            return None


def _key(path: Path) -> bytes:
    """The key of the file, made where there is none."""
    check_private_file(path)
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        beside = path.with_name(path.name + ".new")
        beside.unlink(missing_ok=True)
        key = secrets.token_bytes(32)
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    if len(key) != 32:
        raise ValueError(f"{path} does not hold a key of 32 bytes")
    return key


def code_of(seed: bytes, step: int) -> str:
    """The six digits of a step (RFC 4226 §5.3)."""
    digest = hmac.new(seed, struct.pack(">Q", step), "sha1").digest()
    place = digest[-1] & 15
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(seed: bytes, code: str, now_s: int) -> int:
    """The step whose digits these are, 0 when they are none of now."""
    found = 0
    for step in range(now_s // STEP_S - DRIFT_STEPS, now_s // STEP_S + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_of(seed, step).encode(), code.encode()):
            found = step
    return found


def written(code: str) -> str:
    """A code as somebody typed it: without blanks and dashes, lower case."""
    return re.sub(r"[\s-]", "", code).lower()


def is_code(code: str) -> bool:
    """Does it look like six digits of an authenticator?"""
    return _CODE.match(code) is not None


def text_of(seed: bytes) -> str:
    """The seed as people type it into an authenticator."""
    return base64.b32encode(seed).decode()


def uri(seed: bytes, handle: str, place: str) -> str:
    """The seed as an authenticator reads it from a picture; `place` tells one server from another."""
    label = quote(f"{ISSUER} {place}:{handle}" if place else f"{ISSUER}:{handle}")
    issuer = quote(f"{ISSUER} {place}" if place else ISSUER)
    return f"otpauth://totp/{label}?secret={text_of(seed)}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"


def recovery_codes() -> tuple[str, ...]:
    """Fresh codes, 80 bits each, as they are shown once."""
    codes = []
    for _ in range(RECOVERY_CODES):
        text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
        codes.append("-".join(text[place : place + 4] for place in range(0, 16, 4)))
    return tuple(codes)


def kept_codes(codes: tuple[str, ...]) -> bytes:
    """What is kept of recovery codes: their digests, which need no salt at 80 random bits."""
    return _MARK_CODES + b"".join(sha256(written(code).encode()).digest() for code in codes)


def without(kept: bytes, code: str) -> bytes | None:
    """What is kept once this code is used, None when it is not among them."""
    if not _RECOVERY.match(code):
        return None
    wanted = sha256(code.encode()).digest()
    digests = [kept[place : place + 32] for place in range(1, len(kept), 32)]
    left = [digest for digest in digests if not hmac.compare_digest(digest, wanted)]
    return _MARK_CODES + b"".join(left) if len(left) < len(digests) else None
