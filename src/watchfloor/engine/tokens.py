"""Keys of agents as signed tokens: JWT with EdDSA, issued and read here and nowhere else (spec 2.1; fault S2).

Theory of operation
-------------------
A token names its credential (`jti`), and a credential is what is revoked, rotated and expires: a signature alone opens no
door. What is presented must be, byte for byte, what was issued (the directory holds its SHA-256), so a stolen signing key
makes no token either; the signature is for others, who can check it with the published keys.

The reader believes nothing a token says of itself: `alg` is one name and no choice, header fields that would bring a key
along (`jwk`, `jku`, `x5c`, …) are refused as every field is that we do not write, and `kid` is looked up in a table and
never becomes a path. A signing key is replaced after KEY_DAYS, and goes on checking what it signed until that has
expired; an admin may replace it earlier, and whoever must end it at once deletes its file and restarts the server.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import msgspec
from joserfc import jws
from joserfc._rfc7515.model import JWSAlgModel
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from watchfloor.kernel.instants import DAY, SECOND

ALGORITHM = "EdDSA"
TYPE = "JWT"
TOKEN_CHARS_MAX = 2_048
LOOKS_LIKE = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}\Z")
SKEW_US = 60 * SECOND  # clocks of two honest machines; only for what must not lie in the future
KEY_DAYS = 90  # then the next one signs
TOKEN_DAYS_MAX = 366  # no token lives longer, so no signing key is needed longer
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_FIELDS = frozenset(("alg", "kid", "typ"))


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says; instants in seconds, as the format has them."""

    iss: str
    aud: str
    sub: str
    org: str
    jti: str
    iat: int
    nbf: int
    exp: int


class _Registry(jws.JWSRegistry):
    """Knows one algorithm. (joserfc warns of the name `EdDSA`, which RFC 9864 would rather see spelled `Ed25519`; it is
    what verifiers know, and the key type leaves no choice of curve.)"""

    def get_alg(self, name: str) -> JWSAlgModel:
        if name != ALGORITHM:
            raise ValueError("not our algorithm")
        return self.algorithms[ALGORITHM]


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A signing key as its file holds it: private JWK, and when it was made (µs)."""

    made_at: int
    jwk: dict[str, str]


class TokenIssuer:
    """Signs and reads tokens with the keys of a folder that only this process may read."""

    def __init__(self, folder: Path, issuer: str, now: int) -> None:
        """Reads the keys; makes one when there is none that may still sign. Raises OSError."""
        self.folder = folder
        self.issuer = issuer
        self.audience = f"{issuer}/agents"
        self._keys: dict[str, tuple[int, OKPKey]] = {}
        self._registry = _Registry(algorithms=[ALGORITHM])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.glob("*.json"):
            stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
            if now - stored.made_at > (KEY_DAYS + TOKEN_DAYS_MAX) * DAY:
                path.unlink()  # nothing it signed is still in force
            else:
                self._keys[path.stem] = (stored.made_at, OKPKey.import_key(dict(stored.jwk)))
        self.fresh(now)

    def fresh(self, now: int) -> None:
        """See to it that the newest key is not too old to sign."""
        if not self._keys or now - self._newest()[1] > KEY_DAYS * DAY:
            self.rotate(now)

    @property
    def signing_since(self) -> int:
        """When the key that signs now was made, µs."""
        return self._newest()[1]

    def rotate(self, now: int) -> str:
        """Sign with a new key from now on; its `kid`. What earlier ones signed stays as it is."""
        key = OKPKey.generate_key("Ed25519")
        kid = key.thumbprint()
        jwk = {name: str(value) for name, value in key.as_dict(private=True).items()}
        stored = msgspec.json.encode(_Stored(made_at=now, jwk=jwk))
        fresh = self.folder / f"{kid}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(stored)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / f"{kid}.json")
        self._keys[kid] = (now, key)
        return kid

    def _newest(self) -> tuple[str, int, OKPKey]:
        kid = max(self._keys, key=lambda name: (self._keys[name][0], name))
        made_at, key = self._keys[kid]
        return kid, made_at, key

    def issue(self, *, credential: str, agent: str, organisation: str, now: int, expires_at: int) -> str:
        """The token of a credential; instants in µs."""
        self.fresh(now)
        kid, _, key = self._newest()
        claims = Claims(
            iss=self.issuer,
            aud=self.audience,
            sub=agent,
            org=organisation,
            jti=credential,
            iat=now // SECOND,
            nbf=now // SECOND,
            exp=expires_at // SECOND,
        )
        header = {"alg": ALGORITHM, "kid": kid, "typ": TYPE}
        return jws.serialize_compact(
            header, msgspec.json.encode(claims, order="sorted"), key, registry=self._registry
        )

    def read(self, text: str, now: int) -> str:
        """The credential a token names, empty unless everything about it is right."""
        if len(text) > TOKEN_CHARS_MAX or not LOOKS_LIKE.match(text):
            return ""
        known = self._keys.get(_kid_of(text))
        if known is None:
            return ""
        try:
            payload = jws.deserialize_compact(text, known[1], registry=self._registry).payload
            claims = msgspec.json.decode(payload, type=Claims)
        except (JoseError, ValueError, msgspec.MsgspecError, TypeError):
            return ""
        ours = claims.iss == self.issuer and claims.aud == self.audience
        begun = max(claims.nbf, claims.iat) * SECOND <= now + SKEW_US
        return claims.jti if ours and begun and now < claims.exp * SECOND else ""

    def published(self) -> dict[str, Any]:
        """The public keys as a JWK Set (RFC 7517 §5)."""
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "alg": ALGORITHM, "use": "sig"}
                for kid, (_, key) in sorted(self._keys.items(), key=lambda entry: entry[1][0], reverse=True)
            ]
        }


def _kid_of(text: str) -> str:
    """The `kid` of a header that says just what ours say, else nothing."""
    try:
        head = text.partition(".")[0]
        header = msgspec.json.decode(urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=dict[str, str])
    except (ValueError, msgspec.MsgspecError):
        return ""
    kid = header.get("kid", "")
    right = header.keys() == _FIELDS and header["alg"] == ALGORITHM and header["typ"] == TYPE
    return kid if right and _KID.match(kid) else ""
