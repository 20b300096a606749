"""Passwords: what is kept of them and which are taken (spec 6 *Security*; faults S4, S9).

Kept is argon2id's own text with salt and parameters (RFC 9106, second recommendation in one lane): 64 MiB, three passes.
It costs a third of a second, so hashing happens in threads, two at a time, and wrong names cost what right ones do.
"""

from __future__ import annotations

import asyncio
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type

PASSES = 3
MEMORY_KIB = 64 * 1024
LANES = 1
SALT_BYTES = 16
DIGEST_BYTES = 32
AT_ONCE = 2  # each holds its 64 MiB
CHARS_MAX = 128
DISTINCT_MIN = 5
# What guessing begins with, as far as it is long enough to be taken; compared without case, digits and signs at its end.
_COMMON = frozenset(
    (
        "adminadminadmin",
        "changemechangeme",
        "correcthorsebatterystaple",
        "iloveyouiloveyou",
        "letmeinletmein",
        "passwordpassword",
        "passwort",
        "password",
        "qwertyuiop",
        "qwertyuiopasdfghjkl",
        "qwertzuiop",
        "watchfloor",
        "watchfloorwatchfloor",
        "welcomewelcome",
    )
)
# Compared with where there is nothing to compare with: the salt and digest of nothing anybody could type.
_NOBODY = "bm9ib2R5IGhhcyB0aGlzIQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"


def prepared(password: str) -> str:
    """The same for every way of typing it (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def fault(password: str, handle: str, chars_min: int) -> str:
    """Why a new password is not taken; empty when it is."""
    text = prepared(password)
    folded = text.casefold()
    if not chars_min <= len(text) <= CHARS_MAX:
        return f"takes {chars_min} to {CHARS_MAX} characters"
    if len(set(folded)) < DISTINCT_MIN:
        return f"has fewer than {DISTINCT_MIN} different characters"
    if len(handle) >= 4 and handle in folded and len(folded) - len(handle) < chars_min:
        return "is little more than your handle"
    if folded.rstrip("0123456789!?.,#$%&* ") in _COMMON:
        return "is among those that are guessed first"
    return ""


class Hashing:
    """Hashes and compares, a few at a time. `memory_kib` is smaller in tests alone."""

    def __init__(self, memory_kib: int = MEMORY_KIB) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={PASSES},p={LANES}${_NOBODY}"
        self._hasher = PasswordHasher(
            time_cost=PASSES,
            memory_cost=memory_kib,
            parallelism=LANES,
            hash_len=DIGEST_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )

    async def hashed(self, password: str) -> bytes:
        """What is kept of a password."""
        async with self._places:
            return (await asyncio.to_thread(self._hasher.hash, prepared(password))).encode()

    async def matches(self, kept: bytes | None, password: str) -> bool:
        """Is it the password? None takes as long and is never right."""
        async with self._places:
            right = await asyncio.to_thread(
                self._verified, kept.decode() if kept else self._nobody, prepared(password)
            )
        return right and kept is not None

    def _verified(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False

    def outdated(self, kept: bytes) -> bool:
        """Was it hashed with other parameters than today's?"""
        return self._hasher.check_needs_rehash(kept.decode())
