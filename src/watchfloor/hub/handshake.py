"""Is this a WebSocket handshake that we answer? (RFC 6455 §4.2.1; spec 9, D12.) Pure, and the same for every wire."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable

from watchfloor.hub.sockets import Refusal, SocketLimits, UpgradeRequest

ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SINGLE_FIELDS = frozenset(
    {b"authorization", b"host", b"origin", b"sec-websocket-key", b"sec-websocket-version"}
)

PHRASES = {
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    426: b"Upgrade Required",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


def judge(
    method: str,
    http_version: str,
    target: bytes,
    fields: Iterable[tuple[bytes, bytes]],
    peer: str,
    limits: SocketLimits,
) -> UpgradeRequest | Refusal:
    """The request, ready for the hub, or why not. `fields` have lower-case names."""
    path, _, query = target.partition(b"?")
    name = path.decode("ascii", "replace")
    if name not in limits.paths:
        return refusal(404, "no WebSocket is served here")
    if method != "GET":
        return refusal(405, "a WebSocket handshake is a GET", {"allow": "GET"})
    if http_version != "1.1":
        return refusal(426, "a WebSocket handshake needs HTTP/1.1", {"upgrade": "websocket"})
    headers: dict[bytes, bytes] = {}
    for field, value in fields:
        earlier = headers.get(field)
        if earlier is None:
            headers[field] = value
        elif field in SINGLE_FIELDS:
            return refusal(400, f"the field {field.decode('ascii', 'replace')} was sent twice")
        else:
            headers[field] = earlier + b", " + value
    if headers.get(b"sec-websocket-version") != b"13":
        return refusal(426, "only WebSocket version 13 is spoken", {"sec-websocket-version": "13"})
    if not is_key(headers.get(b"sec-websocket-key", b"")):
        return refusal(400, "sec-websocket-key is not 16 bytes in base64")
    if b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0"):
        return refusal(400, "a WebSocket handshake has no body")
    origin = headers.get(b"origin")
    if origin is not None and origin.decode("latin-1").lower() not in map(str.lower, limits.origins):
        return refusal(403, "this origin may not connect")
    return UpgradeRequest(path=name, query=query, headers=headers, peer=peer)


def is_key(key: bytes) -> bool:
    """Whether it decodes to the 16 bytes that RFC 6455 §4.1 asks for."""
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def accept_value(key: bytes) -> bytes:
    """`Sec-WebSocket-Accept` for `Sec-WebSocket-Key` (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + ACCEPT_GUID, usedforsecurity=False).digest())


def refusal(status: int, detail: str, headers: dict[str, str] | None = None) -> Refusal:
    """A refusal of this layer, in plain text."""
    return Refusal(
        status=status,
        headers={"content-type": "text/plain; charset=utf-8", **(headers or {})},
        body=detail.encode(),
    )


def response(answer: Refusal, default_fields: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """The bytes of an HTTP/1.1 answer that ends the connection.

    Raises ValueError if a header field would break out of its line.
    """
    lines = [b"HTTP/1.1 %d %s" % (answer.status, PHRASES.get(answer.status, b"Refused"))]
    lines += [name + b": " + value for name, value in default_fields]
    for name, text in answer.headers.items():
        line = f"{name}: {text}".encode("latin-1")
        if b"\r" in line or b"\n" in line:
            raise ValueError(f"header field {name!r} contains a line break")
        lines.append(line)
    lines += [b"content-length: %d" % len(answer.body), b"connection: close", b"", answer.body]
    return b"\r\n".join(lines)
