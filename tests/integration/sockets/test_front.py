"""Slow, silent, endless and malformed HTTP clients at the door (spec 9, D4, D5 and D9)."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from tests.contracts.socket_kit import Client, House, handshake

from watchfloor.hub.sockets import SocketLimits

LIMITS = SocketLimits(
    head_bytes_max=4_096, head_fields_max=20, head_timeout_ms=700, body_timeout_ms=1_200, stall_timeout_ms=700,
    keep_alive_s=1,
)  # fmt: skip
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture
def house() -> Iterator[House]:
    with House("picows on uvloop", LIMITS) as house:
        yield house


def ends_within(client: Client, seconds: float, drip: bytes = b"") -> float:
    """How long until the server hangs up, if it does; meanwhile `drip` is sent, a byte every 50 ms."""
    began = time.monotonic()
    client.socket.settimeout(0.05)
    dripped = 0
    while time.monotonic() - began < seconds:
        try:
            data = client.socket.recv(65_536)
            if not data:
                return time.monotonic() - began
            client.pending += data
        except TimeoutError:
            with contextlib.suppress(OSError):
                client.socket.send(drip[dripped : dripped + 1])
            dripped += 1
        except ConnectionResetError:
            return time.monotonic() - began
    raise AssertionError(f"still open after {seconds} s")


@pytest.mark.parametrize(
    ("sent", "drip", "at_least_s", "status"),
    [
        (b"", b"", 0.5, b""),
        (b"", b"\r\n" * 500, 0.5, b""),
        (GET, b"", 0.5, b"408"),
        (GET, b"X-Drip: " + b"a" * 500, 0.5, b"408"),
        (handshake()[:-2], b"", 0.5, b"408"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n", b"", 1.0, b""),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n", b"b" * 500, 1.0, b""),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n" * 99, 1.0, b""),
        (GET + b"\r\n", b"", 0.5, b"200"),
        (GET + b"\r\n", b"\r\n" * 500, 0.5, b"200"),
    ],
    ids=[
        "silent", "dripping empty lines", "half a head", "dripping head", "half a handshake", "no body", "dripping body",
        "dripping chunks", "silent after an answer", "dripping empty lines after an answer",
    ],
)  # fmt: skip
def test_a_client_that_takes_too_long_is_cut_off(
    house: House, sent: bytes, drip: bytes, at_least_s: float, status: bytes
) -> None:
    client = house.dial()
    client.socket.sendall(sent)
    took = ends_within(client, 15.0, drip)
    assert took > at_least_s
    assert client.pending[9:12] == status


def test_a_client_within_its_time_is_served_however_slowly_it_writes(house: House) -> None:
    client = house.dial()
    for piece in (b"POST / HT", b"TP/1.1\r\nHost: a\r\nContent-", b"Length: 4\r\n\r\n", b"sl", b"ow"):
        client.socket.sendall(piece)
        time.sleep(0.12)
    assert client.head().startswith(b"HTTP/1.1 200 ")
    assert client.take(4) == b"slow"


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X-Long: " + b"a" * 5_000 + b"\r\n\r\n",
        GET + b"X-Endless: " + b"a" * 1_000_000,
        GET + b"".join(b"X-%d: 1\r\n" % number for number in range(30)) + b"\r\n",
        b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        GET + b"".join(b"X-%d: 1\r\n" % number for number in range(100_000)),
        handshake(fields={"Cookie": "a" * 5_000}),
    ],
    ids=["long field", "endless field", "many fields", "long target", "100,000 fields", "handshake"],
)
def test_a_head_that_is_too_big_is_refused(house: House, head: bytes) -> None:
    client = house.dial()
    with contextlib.suppress(OSError):
        client.socket.sendall(head)
    with contextlib.suppress(ConnectionResetError):  # the server need not read all of it
        assert client.head().startswith(b"HTTP/1.1 431 ")
    ends_within(client, 15.0)
    assert house.hub.heard.empty()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ],
    ids=[
        "TLS",
        "HTTP/0.9",
        "smuggling",
        "two lengths",
        "bad chunk",
        "bad field name",
        "no host",
        "two hosts",
    ],
)
def test_what_is_not_http_ends_the_connection(house: House, sent: bytes) -> None:
    client = house.dial()
    client.socket.sendall(sent)
    ends_within(client, 15.0)
    assert client.pending[9:12] in {b"400", b""}
    again = house.dial()
    again.socket.sendall(GET + b"\r\n")
    assert again.head().startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_its_answer_is_cut_off(house: House) -> None:
    client = Client(house.port, receive_buffer=4_096)
    house.clients.append(client)
    body = b"x" * 12_000_000  # echoed: more than the kernel holds for us
    client.socket.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert house.empties()


def test_an_address_with_too_many_open_requests_gets_503_and_its_sockets_do_not_count() -> None:
    with House("picows on uvloop", SocketLimits(http_per_address_max=3)) as house:
        sockets = [house.client() for _ in range(5)]
        for _ in range(3):
            house.dial().socket.sendall(GET)
        until = time.monotonic() + 20
        while len(house.server.server_state.connections) < 8 and time.monotonic() < until:
            time.sleep(0.02)
        refused = house.dial()
        assert refused.head().startswith(b"HTTP/1.1 503 ")
        house.hang_up()
        assert house.empties()
        again = house.dial()
        again.socket.sendall(GET + b"\r\n")
        assert again.head().startswith(b"HTTP/1.1 200 ")
        assert sockets


def test_a_request_is_answered_at_once_beside_a_thousand_silent_clients() -> None:
    with House("picows on uvloop", SocketLimits()) as house:
        for _ in range(500):
            house.dial().socket.sendall(GET)
            house.dial()
        took = []
        for _ in range(50):
            client = house.dial()
            began = time.monotonic()
            client.socket.sendall(GET + b"\r\n")
            assert client.head().startswith(b"HTTP/1.1 200 ")
            took.append(time.monotonic() - began)
        assert sorted(took)[len(took) // 2] < 0.5


def test_a_pipelined_second_request_is_answered_after_the_first(house: House) -> None:
    client = house.dial()
    client.socket.sendall((GET + b"Content-Length: 1\r\n\r\n1") + (GET + b"Content-Length: 1\r\n\r\n2"))
    answers = []
    for _ in range(2):
        assert client.head().startswith(b"HTTP/1.1 200 ")
        answers.append(client.take(1))
    assert answers == [b"1", b"2"]
    client.socket.shutdown(socket.SHUT_WR)
    assert client.ended()
