"""How a call of an HTTP worker is signed, and where the secret comes from (spec 2.4; recipe in docs/workers.md).

Theory of operation
-------------------
One key of this server, 32 random bytes in a file of its own (0600, beside the ledger and never in it), and one secret
per worker derived from it: HMAC-SHA256 over organisation, agent and the number of the secret. So nothing has to be kept
per worker, a ledger or a backup of it gives no secret away, and a rotation is a number in an event. Without the file
every secret is another one: workers refuse the calls until theirs are rotated.

A signature covers the instant, the worker's id, the idempotency key and the digest of the body. It is made anew for every
attempt, so that a worker may refuse what is older than a few minutes.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from watchfloor.ledger.directory import check_private_file

KEY_FILE = "workers.key"
_PREFIX = "wfs_"
_KEY_BYTES = 32
_RECIPE = "watchfloor-call-v1"


class KeyUnreadable(Exception):
    """The file is there and holds no key of ours."""


class SigningKey:
    """The server's key. Raises DirectoryUnsafe for a file that others can read, KeyUnreadable, OSError."""

    def __init__(self, path: Path) -> None:
        check_private_file(path)
        try:
            self._key = path.read_bytes()
        except FileNotFoundError:
            self._key = self._make(path)
        if len(self._key) != _KEY_BYTES:
            raise KeyUnreadable(f"{path} does not hold a key of {_KEY_BYTES} bytes")

    @staticmethod
    def _make(path: Path) -> bytes:
        """A new key, durable before it is used, and never half of one."""
        key = secrets.token_bytes(_KEY_BYTES)
        beside = path.with_name(path.name + ".new")
        beside.unlink(missing_ok=True)
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return key

    def secret(self, organisation: str, agent: str, number: int) -> str:
        """The signing secret number `number` of a worker; both ids are public ones."""
        told = f"watchfloor worker secret\n{organisation}\n{agent}\n{number}".encode()
        derived = hmac.digest(self._key, told, "sha256")
        return _PREFIX + base64.urlsafe_b64encode(derived).rstrip(b"=").decode()


def signature(secret: str, timestamp: int, agent: str, key: str, digest: str) -> str:
    """64 hex digits of HMAC-SHA256 over the five lines that are signed. `digest` is that of the body, hex."""
    lines = "\n".join((_RECIPE, str(timestamp), agent, key, digest))
    return hmac.new(secret.encode(), lines.encode(), sha256).hexdigest()


def signed_headers(secret: str, timestamp: int, agent: str, key: str, body: bytes) -> dict[str, str]:
    """The headers of one attempt; `timestamp` in seconds since the epoch."""
    digest = sha256(body).hexdigest()
    return {
        "content-type": "application/json",
        "idempotency-key": key,
        "watchfloor-agent": agent,
        "watchfloor-timestamp": str(timestamp),
        "watchfloor-body-digest": f"sha-256={digest}",
        "watchfloor-signature": f"v1={signature(secret, timestamp, agent, key, digest)}",
    }
