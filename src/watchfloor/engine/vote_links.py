"""Links in notices by which one person votes on one decision, without signing in (spec 3.2 *Notifications*; faults S3, G1).

Theory of operation
-------------------
A link is a statement signed by this server: this person may look at this decision, about this action digest, until then.
It says nothing else: who the person is *now*, whether they may vote and whether the decision is open is read from state at
every use, so that a link ends with its person, its decision or the digest, and nobody has to revoke it. One person votes
once on a decision, which makes it single-use for voting whoever else opens it.

    wf_tap_<id>_<secret>     secret = base64url(organisation 4 ‖ decision 6 ‖ person 6 ‖ expires, s 5 ‖ digest 16 ‖ HMAC 24)

`id` is derived from the secret and is what events name. The key is a file of its own (0600), in no ledger and no backup;
without it every link that was sent is over.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import msgspec

from watchfloor.kernel.instants import SECOND
from watchfloor.ledger.directory import check_private_file
from watchfloor.ledger.files import write_durably

KEY_FILE = "vote-links.key"
_KEY_BYTES = 32
_CONTEXT = b"watchfloor vote link 1\n"
_SIZES = (4, 6, 6, 5, 16)
_PART = sum(_SIZES)
_MAC = 24
_TEXT = re.compile(r"wf_tap_([0-9a-z]{16})_([A-Za-z0-9_-]{82})\Z")


class LinkKeyUnreadable(Exception):
    """The file is there and holds no key of ours."""


class VoteLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a link says. `id` as events name it (tap_…), `digest` the first 16 bytes of the action's, `expires_at` µs."""

    id: str
    org: int
    decision: int
    person: int
    expires_at: int
    digest: bytes

    def is_about(self, digest: str) -> bool:
        """Is this the action digest (hex) that the link was made for?"""
        return hmac.compare_digest(self.digest, bytes.fromhex(digest)[: _SIZES[-1]])


class VoteLinks:
    """Makes and reads links. Raises DirectoryUnsafe for a key that others can read, LinkKeyUnreadable, OSError."""

    def __init__(self, path: Path) -> None:
        check_private_file(path)
        if not path.exists():
            write_durably(path, (secrets.token_bytes(_KEY_BYTES),))
        self._key = path.read_bytes()
        if len(self._key) != _KEY_BYTES:
            raise LinkKeyUnreadable(f"{path} does not hold a key of {_KEY_BYTES} bytes")

    def make(self, org: int, decision: int, digest: str, person: int, expires_at: int) -> str:
        """The text of a link; the same for the same things."""
        numbers = (org, decision, person, expires_at // SECOND)
        parts = [number.to_bytes(size, "big") for number, size in zip(numbers, _SIZES, strict=False)]
        told = b"".join(parts) + bytes.fromhex(digest)[: _SIZES[-1]]
        secret = told + self._mac(told)
        return f"wf_tap_{_id(secret)}_{urlsafe_b64encode(secret).rstrip(b'=').decode()}"

    def read(self, text: str) -> VoteLink | None:
        """What a link says, None for one that this server did not make. It may be over: look at `expires_at`."""
        found = _TEXT.match(text)
        if found is None:
            return None
        secret = urlsafe_b64decode(found.group(2) + "==")
        told, mac = secret[:_PART], secret[_PART:]
        if not hmac.compare_digest(self._mac(told), mac) or found.group(1) != _id(secret):
            return None
        numbers, at = [], 0
        for size in _SIZES[:-1]:
            numbers.append(int.from_bytes(told[at : at + size], "big"))
            at += size
        org, decision, person, expires_s = numbers
        return VoteLink(
            id=f"tap_{found.group(1)}",
            org=org,
            decision=decision,
            person=person,
            expires_at=expires_s * SECOND,
            digest=told[at:],
        )

    def _mac(self, told: bytes) -> bytes:
        return hmac.digest(self._key, _CONTEXT + told, "sha256")[:_MAC]


def _id(secret: bytes) -> str:
    return b32encode(sha256(secret).digest()[:10]).decode().lower()
