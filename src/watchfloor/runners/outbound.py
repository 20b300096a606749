"""Every HTTP request to an address that somebody else named goes through here (SSRF guard; spec 2.4, 6 *Security*).

Theory of operation
-------------------
`Outbound.send` takes a request as data and answers with an outcome as data; it never raises for what the other side
does. One request is one or more hops. For each hop:

1. the URL is read: http or https, no credentials in it, a host that is a name or an address;
2. the host is resolved *here*, and every address judged (reach.py); those not permitted are dropped;
3. a connection of its own is opened to a judged address, not to the name: the URL sent to httpx2 contains the address,
   the `Host` header and the name that TLS verifies are those of the original URL. So a name that resolves differently the
   second time changes nothing, and no connection is ever shared between two names;
4. the body is read as it comes, undecoded, until the cap. We ask for no content coding and refuse one that is sent: a
   bomb that nobody unpacks is a small file.

Redirects are answers (a criterion may expect one) unless the request says how many to follow; then each is a new hop with
all of the above, GET and HEAD only, never from https to http, and without the caller's own headers once the origin
changes. All hops together have one time limit, name resolution included. Neither proxy variables, `.netrc` nor
`SSL_CERT_*` of the environment are looked at.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import httpx2
import msgspec

from watchfloor.runners.reach import Address, Reach, looks_numeric, named, read_address

TOTAL_MS_MAX = 120_000  # one request with all its hops; a slower answer comes by callback
CONNECT_MS_MAX = 5_000  # per address: a host that does not answer a SYN by then is not there
ADDRESSES_MAX = 4  # tried per hop
REDIRECTS_MAX = 5
BODY_BYTES_MAX = 1024 * 1024  # of a response; a caller may want less
SENT_BYTES_MAX = 1024 * 1024  # of a request
URL_CHARS_MAX = 2_048
HEADER_CHARS_MAX = 4_096
RESPONSE_HEADERS_MAX = 64  # kept, of those that fit
AT_ONCE_MAX = 64  # requests at the same time; each holds a socket
USER_AGENT = "watchfloor"

HEADERS = frozenset(
    (
        "accept",
        "accept-language",
        "content-type",
        "idempotency-key",
        "if-none-match",
        "traceparent",
        "user-agent",
        "webhook-id",  # these three: Standard Webhooks
        "webhook-signature",
        "webhook-timestamp",
    )
)  # and every `watchfloor-…`; Host, Authorization, Cookie and whatever frames the message are not the caller's
_CREDENTIALS = re.compile(r"[A-Za-z]+://[^/?#]*@")
_REDIRECTS = (301, 302, 303, 307, 308)

Outcome = Literal[
    "answered",  # a whole response; `status` says which
    "refused",  # not sent: the URL, or where it leads, is not permitted
    "unresolvable",  # the name has no address
    "unreachable",  # nobody answered at any permitted address, or the connection broke
    "tls_failed",  # the certificate is not the host's
    "timed_out",
    "too_large",  # the body exceeds the cap; what was read is dropped
    "bad_answer",  # not HTTP, or a content coding we did not ask for
]
Resolve = Callable[[str, int], Awaitable[list[str]]]  # (host, port) -> addresses; raises OSError


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `total_ms` for all hops together, `bytes_max` of the response's body.

    `authorization` is for hosts that the operator named, never for what somebody else did: it is no header like others.
    """

    url: str
    method: Literal["GET", "HEAD", "POST"] = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    authorization: str = ""
    total_ms: int = 30_000
    bytes_max: int = BODY_BYTES_MAX
    redirects_max: int = 0


class Got(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `status` 0 and no body unless `answered`; header names in lower case; `url` is the last hop's."""

    outcome: Outcome
    url: str
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    detail: str = ""
    duration_ms: int = 0
    redirects: int = 0

    @property
    def transient(self) -> bool:
        """May the very same request succeed a moment later? Nobody there, too slow, told to wait, or a fault over there."""
        if self.outcome == "answered":
            return self.status == 429 or self.status >= 500
        return self.outcome in ("unresolvable", "unreachable", "timed_out")


class _Ended(Exception):
    """The request is over without an answer."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome: Outcome = outcome
        self.detail = detail


async def system_addresses(host: str, port: int) -> list[str]:
    """What the machine's resolver says. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def default_tls() -> ssl.SSLContext:
    """The system's certificate authorities, whatever the environment says."""
    context = httpx2.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Outbound:
    """The one way out. Holds no connections; safe to share."""

    def __init__(
        self,
        reach: Reach,
        *,
        resolve: Resolve = system_addresses,
        tls: ssl.SSLContext | None = None,
        at_once_max: int = AT_ONCE_MAX,
    ) -> None:
        self._reach = reach
        self._resolve = resolve
        self._tls = tls
        self._places = asyncio.Semaphore(at_once_max)

    async def send(self, sent: Sent) -> Got:
        """Send it and wait for the whole answer. Raises ValueError for a header that is not the caller's to set."""
        headers = _headers(sent)
        began = time.monotonic()
        hop = _Hop(sent.url, sent.method, headers)
        limit_s = min(sent.total_ms, TOTAL_MS_MAX) / 1_000
        got: Got
        try:
            async with asyncio.timeout(limit_s), self._places:
                got = await self._hops(sent, hop)
        except TimeoutError:
            got = Got(outcome="timed_out", url=hop.url, detail=f"no answer within {int(limit_s * 1_000)} ms")
        except _Ended as ended:
            got = Got(outcome=ended.outcome, url=hop.url, detail=ended.detail)
        spent = int((time.monotonic() - began) * 1_000)
        return msgspec.structs.replace(got, duration_ms=spent, redirects=hop.number)

    async def fault(self, url: str, total_ms: int = 2_000) -> str:
        """Why nothing would be sent there now, to be said where a URL is saved; "" when nothing speaks against it.

        A name without an address speaks against nothing: it may get one. Every request is judged anew.
        """
        try:
            read = _read(url)
            async with asyncio.timeout(total_ms / 1_000):
                await self._permitted(_host(read), read.port or (443 if read.scheme == "https" else 80))
        except _Ended as ended:
            return ended.detail if ended.outcome == "refused" else ""
        except TimeoutError:
            return ""
        return ""

    async def _hops(self, sent: Sent, hop: _Hop) -> Got:
        while True:
            got = await self._hop(sent, hop)
            if got.status not in _REDIRECTS or hop.number >= min(sent.redirects_max, REDIRECTS_MAX):
                return got
            if not got.headers.get("location") or sent.method == "POST":
                return got
            hop.follow(got.headers["location"])

    async def _hop(self, sent: Sent, hop: _Hop) -> Got:
        url = _read(hop.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        last: _Ended | None = None
        for address in await self._permitted(_host(url), port):
            try:
                return await self._asked(sent, hop, url, address)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                last = _unconnected(error)
                if last.outcome == "tls_failed":
                    break
            except httpx2.TransportError as error:
                raise _broken(error) from error
        assert last is not None
        raise last

    async def _permitted(self, host: str, port: int) -> list[Address]:
        """The addresses of the host that we may connect to, at least one."""
        literal = read_address(host)
        if literal is not None:
            found = [literal]
        else:
            if looks_numeric(named(host)):
                raise _Ended("refused", "the host is a number, not a name")
            try:
                texts = await self._resolve(named(host), port)
            except (OSError, UnicodeError) as error:
                raise _Ended("unresolvable", "the host's name has no address") from error
            found = [address for text in dict.fromkeys(texts) if (address := read_address(text)) is not None]
            if not found:
                raise _Ended("unresolvable", "the host's name has no address")
        permitted = [address for address in found if self._reach.permits(address, host)]
        if not permitted:
            raise _Ended("refused", "the host is at an address that this server may not connect to")
        return permitted[:ADDRESSES_MAX]

    async def _asked(self, sent: Sent, hop: _Hop, url: httpx2.URL, address: Address) -> Got:
        if self._tls is None:
            self._tls = await asyncio.to_thread(default_tls)
        transport = httpx2.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=0),
        )
        request = httpx2.Request(
            sent.method,
            url.copy_with(host=str(address)),
            headers={
                **hop.headers,
                "host": url.netloc.decode("ascii"),
                "accept-encoding": "identity",
                "connection": "close",
            },
            content=sent.body if sent.method == "POST" else None,
            extensions={
                "sni_hostname": named(_host(url)),
                "timeout": {"connect": CONNECT_MS_MAX / 1_000, "read": None, "write": None, "pool": None},
            },
        )
        async with transport:
            response = await transport.handle_async_request(request)
            try:
                return await _kept(sent, hop, response)
            finally:
                await response.aclose()


class _Hop:
    """Where the request is at the moment."""

    def __init__(self, url: str, method: str, headers: dict[str, str]) -> None:
        self.url = url
        self.method = method
        self.headers = headers
        self.number = 0

    def follow(self, location: str) -> None:
        """Go on where the answer points to. Raises _Ended for what is no URL, or leaves https."""
        before = _read(self.url)
        try:
            after = before.join(location[:URL_CHARS_MAX])
        except (httpx2.InvalidURL, ValueError) as error:
            raise _Ended("bad_answer", "redirected to what is no URL") from error
        if before.scheme == "https" and after.scheme != "https":
            raise _Ended("refused", "redirected away from https")
        if (before.scheme, before.host, before.port) != (after.scheme, after.host, after.port):
            self.headers = {
                name: text for name, text in self.headers.items() if name in ("accept", "user-agent")
            }
        self.url = str(after.copy_with(fragment=None))
        self.number += 1


def _headers(sent: Sent) -> dict[str, str]:
    """The caller's headers, by lower-case name. Raises ValueError."""
    headers = {"accept": "*/*", "user-agent": USER_AGENT}
    for name, text in sent.headers.items():
        low = name.lower()
        if low not in HEADERS and not low.startswith("watchfloor-"):
            raise ValueError(f"the header {name[:64]!r} is not the caller's to set")
        if len(text) > HEADER_CHARS_MAX or not text.isascii() or not text.isprintable():
            raise ValueError(
                f"the header {low!r} is no printable ASCII text of at most {HEADER_CHARS_MAX} characters"
            )
        headers[low] = text
    if sent.authorization:
        if not sent.authorization.isascii() or not sent.authorization.isprintable():
            raise ValueError("the authorization is no printable ASCII text")
        headers["authorization"] = sent.authorization
    if len(sent.body) > SENT_BYTES_MAX:
        raise ValueError(f"the body exceeds {SENT_BYTES_MAX} bytes")
    return headers


def _read(text: str) -> httpx2.URL:
    """The URL. Raises _Ended `refused`."""
    fault = url_fault(text)
    if fault:
        raise _Ended("refused", fault)
    return httpx2.URL(text)


def url_fault(text: str) -> str:
    """Why we would never send to this URL, "" when it is a question of where it leads."""
    if not text or len(text) > URL_CHARS_MAX or not text.isprintable() or " " in text or "\\" in text:
        return f"no URL of at most {URL_CHARS_MAX} printable characters"
    try:
        url = httpx2.URL(text)
        host = _host(url)
    except (httpx2.InvalidURL, ValueError):
        return "not a URL"
    if url.scheme not in ("http", "https"):
        return "only http and https"
    if not host or "%" in host:
        return "the URL names no host"
    if _CREDENTIALS.match(text):
        return "the URL contains credentials"
    if url.port is not None and not 1 <= url.port <= 65_535:
        return "the URL's port is none"
    return ""


def _host(url: httpx2.URL) -> str:
    """The host as it is resolved: ASCII, without brackets."""
    return url.raw_host.decode("ascii")


async def _kept(sent: Sent, hop: _Hop, response: httpx2.Response) -> Got:
    """The response, read up to the cap. Raises _Ended."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise _Ended("bad_answer", f"a content coding that was not asked for: {coding[:32]!r}")
    length = response.headers.get("content-length", "")
    if sent.method != "HEAD" and length.isdecimal() and int(length[:20]) > sent.bytes_max:
        raise _Ended("too_large", f"more than {sent.bytes_max} bytes")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > sent.bytes_max:
            raise _Ended("too_large", f"more than {sent.bytes_max} bytes")
    headers: dict[str, str] = {}
    for name, text in response.headers.items():
        if len(headers) < RESPONSE_HEADERS_MAX and len(text) <= HEADER_CHARS_MAX:
            headers[name.lower()] = text
    return Got(
        outcome="answered", url=hop.url, status=response.status_code, headers=headers, body=bytes(body)
    )


def _unconnected(error: httpx2.TransportError) -> _Ended:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return _Ended(
                "tls_failed", str(getattr(cause, "verify_message", "") or cause.reason or "TLS failed")
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.ConnectTimeout):
        return _Ended("unreachable", f"no connection within {CONNECT_MS_MAX} ms")
    return _Ended("unreachable", "no connection")


def _broken(error: httpx2.TransportError) -> _Ended:
    if isinstance(error, httpx2.ProtocolError | httpx2.DecodingError):
        return _Ended("bad_answer", "the answer is no HTTP")
    if isinstance(error, httpx2.TimeoutException):
        return _Ended("timed_out", "the connection stalled")
    return _Ended("unreachable", "the connection broke")
