"""Signing in at an identity provider: OpenID Connect, authorization code with PKCE (spec 6 *Security*; faults S2, I6).

Theory of operation
-------------------
A provider is named in the settings: its issuer, our id there, and whose addresses it may speak for. Going there draws a
state, a nonce and a verifier, which are remembered for ten minutes and bound to this browser by a cookie of their own, so
that nobody is signed in with somebody else's answer. What comes back is believed only as far as it is proven: the state is
ours and unused, the issuer named in the answer is the one we went to, the code is exchanged with the verifier, and the ID
token is signed with a key of the provider by an algorithm on our list, for us, now, with our nonce.

A token says who somebody is *there*: issuer and subject. Here that is a person who has signed in with this identity
before, else the one person whose address it is, if the provider says the address is verified and may speak for its domain.
The identity is then the person's own, and later changes of the address change nothing. Nobody is added by signing in.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from watchfloor.config import OIDCProvider
from watchfloor.http.problems import Problem
from watchfloor.kernel.instants import HOUR, MINUTE, SECOND

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
UNDER_WAY_MAX = 10_000
UNDER_WAY_MINUTES = 10
CLOCKS_APART_S = 60
KEYS_HOURS = 1
TOKEN_CHARS_MAX = 16_384
Ask = Callable[[str, str, dict[str, str], bytes], Awaitable[tuple[int, bytes]]]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is at a provider. `email` is lower case and verified there, else empty."""

    issuer: str
    subject: str
    email: str

    @property
    def verifier(self) -> bytes:
        """What is kept to recognise it."""
        return b"i" + sha256(f"{self.issuer}\x00{self.subject}".encode()).digest()


class UnderWay(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody went to a provider. `browser` is the digest of the cookie that binds it."""

    provider: str
    nonce: str
    verifier: str
    browser: bytes
    following: str
    redirect: str
    at: int


class Metadata(msgspec.Struct, frozen=True):
    """What a provider publishes about itself (OpenID Connect Discovery §3), as far as it is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


def failed(detail: str) -> Problem:
    """401: what came from the provider proves nothing."""
    return Problem(401, "identity_refused", detail)


class Providers:
    """All providers of this server, and who is on the way."""

    def __init__(self, known: Sequence[OIDCProvider], ask: Ask | None, clock: Callable[[], int]) -> None:
        self._known = {entry.id: entry for entry in known} if ask is not None else {}
        self._ask: Any = ask
        self._clock = clock
        self._under_way: OrderedDict[str, UnderWay] = OrderedDict()
        self._metadata: dict[str, tuple[int, Metadata]] = {}
        self._keys: dict[str, tuple[int, KeySet]] = {}

    def every(self) -> list[OIDCProvider]:
        return list(self._known.values())

    def get(self, name: str) -> OIDCProvider | None:
        return self._known.get(name)

    async def leave(self, provider: OIDCProvider, redirect: str, following: str) -> tuple[str, str]:
        """Where the browser goes, and the cookie that binds its return. Raises Problem 503."""
        metadata = await self._about(provider)
        state, browser, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        verifier = secrets.token_urlsafe(48)
        while len(self._under_way) >= UNDER_WAY_MAX:
            self._under_way.popitem(last=False)
        self._under_way[state] = UnderWay(
            provider=provider.id,
            nonce=nonce,
            verifier=verifier,
            browser=sha256(browser.encode()).digest(),
            following=following,
            redirect=redirect,
            at=self._clock(),
        )
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": provider.client_id,
                "redirect_uri": redirect,
                "scope": "openid email",
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{query}", browser

    async def arrive(
        self, state: str, code: str, issuer: str, browser: str
    ) -> tuple[OIDCProvider, Identity, str]:
        """Who came back, and where they go on to. Raises Problem 401, 503. A state works once."""
        way = self._under_way.pop(state, None)
        known = way is not None and self._clock() - way.at <= UNDER_WAY_MINUTES * MINUTE
        if (
            way is None
            or not known
            or not hmac.compare_digest(way.browser, sha256(browser.encode()).digest())
        ):
            raise failed("this browser did not begin to sign in here, or took too long")
        provider = self._known[way.provider]
        metadata = await self._about(provider)
        if issuer != metadata.issuer and (issuer or metadata.authorization_response_iss_parameter_supported):
            raise failed("the answer is another provider's")
        token = await self._exchange(provider, metadata, way, code)
        claims = await self._claims(provider, metadata, token, way.nonce)
        return provider, _identity(provider, claims), way.following

    async def _exchange(self, provider: OIDCProvider, metadata: Metadata, way: UnderWay, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": way.redirect,
            "code_verifier": way.verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if not provider.client_secret:
            form["client_id"] = provider.client_id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
        status, body = await self._ask("POST", metadata.token_endpoint, headers, urlencode(form).encode())
        if status != 200:
            raise failed("the provider did not take the code")
        try:
            return msgspec.json.decode(body, type=_Tokens).id_token
        except msgspec.MsgspecError:
            raise failed("the provider answered without an ID token") from None

    async def _claims(
        self, provider: OIDCProvider, metadata: Metadata, token: str, nonce: str
    ) -> dict[str, Any]:
        if len(token) > TOKEN_CHARS_MAX:
            raise failed("the ID token is too long")
        try:
            claims = await self._verified(metadata, token)
        except (JoseError, ValueError, TypeError, KeyError):
            raise failed("the ID token is not signed by the provider") from None
        now = self._clock() // SECOND
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        sound = (
            claims.get("iss") == metadata.issuer
            and provider.client_id in audiences
            and (len(audiences) == 1 or claims.get("azp") == provider.client_id)
            and claims.get("azp", provider.client_id) == provider.client_id
            and _instant(claims.get("exp")) > now - CLOCKS_APART_S
            and _instant(claims.get("iat")) <= now + CLOCKS_APART_S
            and _instant(claims.get("nbf", 0)) <= now + CLOCKS_APART_S
            and isinstance(claims.get("nonce"), str)
            and hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode())
            and isinstance(claims.get("sub"), str)
            and 0 < len(claims["sub"]) <= 255
        )
        if not sound:
            raise failed("the ID token is not for us, not for now, or not the answer to this question")
        return claims

    async def _verified(self, metadata: Metadata, token: str) -> dict[str, Any]:
        """The claims of a token signed with a published key. A key that is not known yet is asked for once more."""
        keys = await self._published(metadata, anew=False)
        try:
            return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError, TypeError, KeyError):
            keys = await self._published(metadata, anew=True)
            return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)

    async def _published(self, metadata: Metadata, *, anew: bool) -> KeySet:
        at, keys = self._keys.get(metadata.jwks_uri, (0, None))
        age = self._clock() - at
        if keys is None or age > KEYS_HOURS * HOUR or (anew and age > MINUTE):
            content = await self._document(metadata.jwks_uri)
            public = [key for key in content.get("keys", ()) if key.get("kty") in ("RSA", "EC", "OKP")]
            keys = KeySet.import_key_set({"keys": public})
            self._keys[metadata.jwks_uri] = (self._clock(), keys)
        return keys

    async def _about(self, provider: OIDCProvider) -> Metadata:
        at, known = self._metadata.get(provider.id, (0, None))
        if known is not None and self._clock() - at < KEYS_HOURS * HOUR:
            return known
        content = await self._document(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            metadata = msgspec.convert(content, Metadata)
        except msgspec.ValidationError:
            raise _away("what the provider publishes about itself cannot be read") from None
        secure = provider.issuer.startswith("https://")
        ends = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        if metadata.issuer != provider.issuer or not all(
            url.startswith("https://" if secure else ("https://", "http://")) for url in ends
        ):
            raise _away("the provider says it is somebody else")
        self._metadata[provider.id] = (self._clock(), metadata)
        return metadata

    async def _document(self, url: str) -> dict[str, Any]:
        status, body = await self._ask("GET", url, {"accept": "application/json"}, b"")
        try:
            content = msgspec.json.decode(body) if status == 200 else None
        except (msgspec.MsgspecError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise _away("the provider cannot be asked just now")
        return content


def _away(detail: str) -> Problem:
    return Problem(503, "provider_unavailable", detail, retryable=True, retry_after_ms=5_000)


def _instant(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1


def _identity(provider: OIDCProvider, claims: dict[str, Any]) -> Identity:
    email = claims.get("email")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    address = str(email).strip().casefold() if verified else ""
    domain = address.rpartition("@")[2]
    if provider.domains and domain not in provider.domains:
        address = ""
    return Identity(issuer=provider.issuer, subject=claims["sub"], email=address)
