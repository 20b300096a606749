"""Who gets in: WebSocket handshakes, their refusals, and HTTP beside them, on every wire (spec 2.2, spec 9 D12)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contracts.socket_kit import TEXT, WIRES, House, frame, handshake

from watchfloor.hub.sockets import Refusal, SocketLimits

LIMITS = SocketLimits(origins=("https://floor.example",))


@pytest.fixture(params=list(WIRES), scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[House]:
    with House(request.param, LIMITS) as house:
        yield house


@pytest.fixture
def house(shared: House) -> Iterator[House]:
    """The server, with nothing left over from another test."""
    yield shared
    shared.clear()


REFUSED = {
    "another path": (404, handshake("/other")),
    "a foreign origin": (403, handshake(fields={"Origin": "https://evil.example"})),
    "the null origin": (403, handshake(fields={"Origin": "null"})),
    "no version": (426, handshake(drop="Sec-WebSocket-Version")),
    "an old version": (426, handshake(fields={"Sec-WebSocket-Version": "8"})),
    "no key": (400, handshake(drop="Sec-WebSocket-Key")),
    "a short key": (400, handshake(fields={"Sec-WebSocket-Key": "AAAA"})),
    "two keys to the door": (400, handshake(fields={"Authorization": "a", "authorization": "b"})),
    "a body": (400, handshake(fields={"Content-Length": "4"}) + b"body"),
    "POST": (405, handshake().replace(b"GET", b"POST", 1)),
    "HTTP/1.0": (426, handshake().replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
    "frames before the answer": (400, handshake() + frame(TEXT, b"early")),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_a_handshake_that_may_not_be_accepted_is_refused_over_http(house: House, case: str) -> None:
    status, sent = REFUSED[case]
    client = house.dial()
    client.socket.sendall(sent)
    assert client.head().startswith(b"HTTP/1.1 %d " % status)
    assert house.hub.heard.empty()


def test_an_allowed_origin_and_none_are_accepted_with_the_right_answer(house: House) -> None:
    for fields in ({}, {"Origin": "https://floor.example"}):
        client = house.dial()
        client.socket.sendall(handshake("/ws?last=7", {**fields, "Authorization": "Bearer wf_x"}))
        head = client.head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        path, query, headers, peer = house.heard("opened")
        assert (path, query, headers[b"authorization"]) == ("/ws", b"last=7", b"Bearer wf_x")
        assert peer == f"127.0.0.1:{client.socket.getsockname()[1]}"
        assert house.in_loop(lambda: dict(house.hub.socket.headers)) == {}  # type: ignore[union-attr]
        client.reset()
        house.heard("closed")


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_the_hubs_refusal_is_answered_with_its_status_fields_and_body(house: House, status: int) -> None:
    house.hub.refusal = Refusal(status=status, headers={"retry-after": "3"}, body=b'{"code":"overloaded"}')
    client = house.dial()
    client.socket.sendall(handshake())
    head = client.head()
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nretry-after: 3\r\n" in head + b"\r\n"
    assert client.take(21) == b'{"code":"overloaded"}'
    assert client.ended()


def test_a_failing_acceptor_answers_500(house: House) -> None:
    house.hub.failing = "accept"
    client = house.dial()
    client.socket.sendall(handshake())
    assert client.head().startswith(b"HTTP/1.1 500 ")
    assert client.take(14) == b"internal error"
    assert client.ended()


def test_http_on_the_same_port_is_the_apps(house: House) -> None:
    client = house.dial()
    for body in (b"first", b"second"):
        client.socket.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert client.head().startswith(b"HTTP/1.1 200 ")
        assert client.take(len(body)) == body
    client.socket.sendall(handshake())  # the same connection may become a WebSocket
    assert client.head().startswith(b"HTTP/1.1 101 ")
    client.send(TEXT, b"hello")
    assert client.receive() == (TEXT, b"hello")
