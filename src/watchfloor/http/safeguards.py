"""What protects a browser: headers, content security policy, form tokens, same-origin checks (faults I1 to I4, S5).

Session cookies are HttpOnly and SameSite=Strict; over TLS they are Secure and carry the `__Host-` prefix. A request
that changes something and is authenticated by cookie must come from our own origin, as the browser itself says.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from watchfloor.http import problems
from watchfloor.http.identity import SECURE_COOKIE, SESSION_COOKIE

HSTS = "max-age=31536000; includeSubDomains"
_WAY_COOKIE = "watchfloor_way"
CSRF_HEADER = "X-CSRF-Token"
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_FIXED = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # with no-referrer, browsers send `Origin: null` from our own forms
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def page_policy(nonce: str) -> str:
    """The content security policy of a page: its one script by nonce, our stylesheet, forms to ourselves, no frames."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def floor_policy(nonce: str) -> str:
    """The policy of the application: scripts and style elements by nonce, what those import included, all else our own.

    A module that a nonced script imports inherits the nonce; style elements get theirs from the page's meta element.
    """
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    )


def complete(headers: list[tuple[bytes, bytes]], *, tls: bool) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with every safeguard it does not set itself."""
    present = {name.lower() for name, _ in headers}
    added = [pair for pair in _FIXED if pair[0] not in present]
    if b"content-security-policy" not in present:
        added.append((b"content-security-policy", DATA_POLICY.encode()))
    if b"cache-control" not in present:
        added.append((b"cache-control", b"no-store"))
    if tls and b"strict-transport-security" not in present:
        added.append((b"strict-transport-security", HSTS.encode()))
    return [*headers, *added]


def origin_of(url: str) -> str:
    """scheme://host[:port] of a URL, empty when it has none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme and parts.netloc else ""


def own_origin(public_url: str, host: str, *, tls: bool) -> str:
    """How people reach us: as configured, else by the Host header."""
    return origin_of(public_url) or f"{'https' if tls else 'http'}://{host}".lower()


def same_origin(headers: Mapping[str, str], own: str) -> bool | None:
    """Does the browser say the request comes from our own pages? None: nobody said anything."""
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site")
    if origin is not None and origin != "null" and origin_of(origin) != own:
        return False
    if site is not None:
        return site == "same-origin"
    return None if origin is None else origin != "null"


def refuse_foreign(headers: Mapping[str, str], own: str, *, required: bool) -> None:
    """Raise Problem 403 for a change that another site began; `required`: silence counts as foreign."""
    verdict = same_origin(headers, own)
    if verdict is False or (verdict is None and required):
        raise problems.Problem(403, "foreign_origin", "this request did not come from our own pages")


def form_token(secret: str) -> str:
    """The token that forms of this session carry: nobody without the session's secret can make it."""
    return hmac.new(secret.encode(), b"watchfloor form token", sha256).hexdigest()


def check_form_token(secret: str, given: str) -> None:
    """Raise Problem 403 unless the form is one of ours for this session."""
    if not secret or not hmac.compare_digest(form_token(secret).encode(), given.encode()):
        raise problems.Problem(
            403, "form_token", "the form is out of date: go back, reload the page, try again"
        )


def check_header_token(secret: str, given: str) -> None:
    """Raise Problem 403 unless a change by script names the token of its session in `X-CSRF-Token`."""
    if not secret or not hmac.compare_digest(form_token(secret).encode(), given.encode()):
        raise problems.Problem(
            403,
            "form_token",
            f"with a session, changes carry the header {CSRF_HEADER}: `csrf` of GET /api/v1/me",
        )


def session_cookie(text: str, max_age_s: int, *, tls: bool) -> str:
    """The Set-Cookie value that begins a session, or ends it with an age of 0."""
    name = SECURE_COOKIE if tls else SESSION_COOKIE
    secure = "; Secure" if tls else ""
    return f"{name}={text}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}"


def way_cookie(text: str, max_age_s: int, *, tls: bool) -> str:
    """The cookie that binds who comes back from a provider to who went there: that return begins on another site."""
    name, secure = (f"__Host-{_WAY_COOKIE}", "; Secure") if tls else (_WAY_COOKIE, "")
    return f"{name}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}"


def read_way(cookie_header: str, *, tls: bool) -> str:
    """Its text, empty when there is none."""
    return _read_cookie(cookie_header, f"__Host-{_WAY_COOKIE}" if tls else _WAY_COOKIE)


def read_session(cookie_header: str, *, tls: bool) -> str:
    """The session's text from a Cookie header, empty when there is none. Over TLS only the prefixed name counts."""
    return _read_cookie(cookie_header, SECURE_COOKIE if tls else SESSION_COOKIE)


def _read_cookie(cookie_header: str, wanted: str) -> str:
    for part in cookie_header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == wanted:
            return value
    return ""
