"""Who may come in: verifiers of every credential, in memory (DESIGN 2b.6; spec 2.1).

A key reads `wf_<credential id>_<secret>`; only SHA-256 of the secret is kept. Look-up is by the id, comparison in
constant time. The table is written in the same commit as the event that issues or revokes, and loaded at start.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

import msgspec

from watchfloor.engine.tokens import TokenIssuer

_log = logging.getLogger(__name__)

PREFIX = {
    "agent": "key",
    "token": "tok",
    "session": "ses",
    "link": "lnk",
    "bootstrap": "lnk",
    "enrolment": "ent",
    "password": "pwd",
    "totp": "otp",
    "recovery": "rcv",
    "identity": "idn",
}
_MAX = 200  # characters of a key; anything longer is not one
_SECRET = re.compile(r"wf_[a-z]{3}_|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")


def discloses(text: str) -> bool:
    """Is there a key of any kind in this text (a query string, where none belongs; fault S3)?"""
    return _SECRET.search(text) is not None


class Credential(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`kind` agent, enrolment, token, session, link, password, totp, recovery, identity; `subject` the agent's or person's integer; instants µs, 0 = none."""

    id: str
    org: int
    kind: str
    subject: int
    verifier: bytes
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    revoked_at: int
    label: str

    def valid(self, at: int) -> bool:
        """In force at this instant?"""
        return (not self.revoked_at or at < self.revoked_at) and (not self.expires_at or at < self.expires_at)

    def row(self) -> tuple[Any, ...]:
        """As the ledger's credentials table takes it."""
        return (
            self.id,
            self.org,
            self.kind,
            self.subject,
            self.verifier,
            msgspec.json.encode(self.scopes).decode(),
            self.created_at,
            self.expires_at,
            self.revoked_at,
            self.label,
        )


def from_row(row: tuple[Any, ...]) -> Credential:
    """The credential of a stored row."""
    return Credential(
        id=row[0],
        org=row[1],
        kind=row[2],
        subject=row[3],
        verifier=row[4],
        scopes=msgspec.json.decode(row[5], type=tuple[str, ...]),
        created_at=row[6],
        expires_at=row[7],
        revoked_at=row[8],
        label=row[9],
    )


def fresh_id(kind: str) -> str:
    """An id for a new credential of a kind."""
    return f"{PREFIX[kind]}_{b32encode(secrets.token_bytes(10)).decode().lower()}"


def mint(kind: str) -> tuple[str, str, bytes]:
    """A new key: (credential id, the key text to show once, verifier)."""
    credential = fresh_id(kind)
    secret = urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return credential, f"wf_{credential}_{secret}", sha256(secret.encode()).digest()


class Credentials:
    """Every credential by id. Changes are announced to watchers (open sockets of a revoked key must close)."""

    def __init__(self, rows: Iterable[tuple[Any, ...]] = ()) -> None:
        self._by_id: dict[str, Credential] = {row[0]: from_row(row) for row in rows}
        self._watchers: list[Callable[[Credential], None]] = []
        self.tokens: TokenIssuer | None = None  # who reads the signed form; nobody: it is no credential here
        self.people_seen: dict[
            tuple[int, int], int
        ] = {}  # (organisation, person) -> when; to this process too
        self.used_at: dict[
            str, int
        ] = {}  # when each was last presented to this process; no event (DESIGN 2b.6)

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, credential: str) -> Credential | None:
        return self._by_id.get(credential)

    def expiring(self, kind: str, at: int, until: int) -> int:
        """How many in force at `at` end before `until`. From any thread."""
        return sum(
            c.kind == kind and c.valid(at) and 0 < c.expires_at < until for c in list(self._by_id.values())
        )

    def of(self, org: int, kind: str, subject: int) -> list[Credential]:
        """All credentials of one agent or person."""
        return [c for c in self._by_id.values() if c.org == org and c.subject == subject and c.kind == kind]

    def every(self, org: int, kind: str) -> list[Credential]:
        """All credentials of a kind in an organisation."""
        return [c for c in self._by_id.values() if c.org == org and c.kind == kind]

    def find(self, key: str, at: int) -> Credential | None:
        """The credential in force of a presented key, None otherwise. Constant time in the secret."""
        if key.startswith("eyJ"):
            return self._of_token(key, at)
        if len(key) > _MAX or not key.startswith("wf_"):
            return None
        credential_id, _, secret = key[3:].partition("_")
        kind_part, _, rest = secret.partition("_")
        # The id itself holds one underscore (`key_…`), the secret may hold more.
        found = self._by_id.get(f"{credential_id}_{kind_part}")
        presented = sha256(rest.encode("utf-8", "surrogatepass")).digest()
        if found is None:
            hmac.compare_digest(presented, bytes(32))
            return None
        if not hmac.compare_digest(presented, found.verifier) or not found.valid(at):
            return None
        self.used_at[found.id] = at
        if found.kind in ("session", "token"):
            self.people_seen[(found.org, found.subject)] = at
        return found

    def _of_token(self, token: str, at: int) -> Credential | None:
        """The credential of a signed token: the very one that was issued, and in force like any other key."""
        name = self.tokens.read(token, at) if self.tokens is not None else ""
        found = self._by_id.get(name) if name else None
        presented = sha256(token.encode("utf-8", "surrogatepass")).digest()
        if found is None or not hmac.compare_digest(presented, found.verifier) or not found.valid(at):
            return None
        self.used_at[found.id] = at
        return found

    def committed(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take over rows that have become durable, and tell the watchers."""
        for row in rows:
            credential = from_row(row)
            self._by_id[credential.id] = credential
            for watcher in self._watchers:
                try:
                    watcher(credential)
                except Exception:  # the rows are durable, and the commit loop waits for this
                    _log.exception("a watcher failed at credential %s", credential.id)

    def watch(self, watcher: Callable[[Credential], None]) -> None:
        self._watchers.append(watcher)
