"""The contract of the hub's socket layer, run on every wire through real TCP connections (spec 2.2, spec 9 D)."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from tests.contracts.socket_kit import (
    BINARY,
    CLOSE,
    MASK,
    PING,
    PONG,
    TEXT,
    WIRES,
    House,
    frame,
)

from watchfloor.hub.sockets import SocketLimits


@pytest.fixture(params=list(WIRES), scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[House]:
    with House(request.param, SocketLimits()) as house:
        yield house


@pytest.fixture
def house(shared: House) -> Iterator[House]:
    """The server, with nothing left over from another test."""
    yield shared
    shared.clear()


@pytest.fixture(params=list(WIRES))
def strict(request: pytest.FixtureRequest) -> Iterator[House]:
    """A server of its own, with small bounds and short deadlines."""
    limits = SocketLimits(
        message_bytes_max=100_000, fragments_max=10, outbound_bytes_max=200_000, control_frames_max=50,
        ping_interval_ms=600, pong_timeout_ms=600, close_timeout_ms=600,
    )  # fmt: skip
    with House(request.param, limits) as house:
        yield house


# Messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 8_192, 8_193, 65_535, 65_536, 1_048_576])
def test_a_message_of_any_allowed_length_arrives_whole_and_is_answered_whole(house: House, size: int) -> None:
    client = house.client()
    message = os.urandom(size // 2).hex().encode().ljust(size, b"-")
    client.send(TEXT, message)
    assert house.heard("text") == message
    assert client.receive() == (TEXT, message)


def test_messages_keep_their_order_whatever_the_segments(house: House) -> None:
    client = house.client()
    messages = [b"%d" % number * (number % 50) for number in range(300)]
    client.socket.sendall(b"".join(frame(TEXT, message) for message in messages))
    assert [client.receive() for _ in messages] == [(TEXT, message) for message in messages]
    for byte in frame(TEXT, b"in single bytes"):
        client.socket.sendall(bytes([byte]))
    assert client.receive() == (TEXT, b"in single bytes")


def test_fragments_are_joined_and_control_frames_between_them_are_answered(house: House) -> None:
    client = house.client()
    client.send(TEXT, b"one ", fin=False)
    client.send(PING, b"are you there")
    client.send(0, b"two ", fin=False)
    client.send(0, b"", fin=False)
    client.send(0, b"three")
    assert client.receive() == (PONG, b"are you there")
    assert house.heard("text") == b"one two three"
    assert client.receive() == (TEXT, b"one two three")


def test_invalid_utf8_is_the_hubs_to_judge(house: House) -> None:
    client = house.client()
    client.send(TEXT, b"\xc3\x28")
    assert house.heard("text") == b"\xc3\x28"
    assert client.receive() == (TEXT, b"\xc3\x28")


@pytest.mark.parametrize("wire", list(WIRES))
def test_long_messages_queued_for_a_peer_that_reads_late_are_not_mixed_up(wire: str) -> None:
    """8 MB are more than the kernel takes, so most of it waits in the server (picows, left alone, mixes up the heads)."""
    with House(wire, SocketLimits(outbound_bytes_max=32_000_000)) as house:
        client = house.client(receive_buffer=4_096)
        client.send(TEXT, b"flood 400 20000")
        until = time.monotonic() + 20
        while house.in_loop(lambda: house.hub.socket.buffered) <= 100_000:  # type: ignore[union-attr]
            assert time.monotonic() < until, "the kernel took it all"
            time.sleep(0.02)
        for number in range(400):
            assert client.receive() == (TEXT, b"%d " % number + b"x" * (20_000 + number))


def test_after_a_long_message_short_ones_still_arrive(house: House) -> None:
    """The picows wire seats a fresh parser between them."""
    client = house.client()
    for number in range(5):
        long = b"%d" % number * 40_000
        client.socket.sendall(frame(TEXT, long) + frame(TEXT, b"short"))
        assert [client.receive(), client.receive()] == [(TEXT, long), (TEXT, b"short")]
        client.send(TEXT, long)
        assert client.receive() == (TEXT, long)
        client.send(PING, b"still")
        assert client.receive() == (PONG, b"still")
    client.send(CLOSE, b"\x03\xe8")
    assert client.receive() == (CLOSE, b"\x03\xe8")
    assert client.ended()


# Broken rules -----------------------------------------------------------------------------------------------------

BROKEN = {
    "binary": (1003, frame(BINARY, b"data")),
    "binary in pieces": (1003, frame(BINARY, b"da", fin=False) + frame(0, b"ta")),
    "unmasked": (1002, frame(TEXT, b"data", masked=False)),
    "compressed": (1002, frame(TEXT, b"data", rsv=4)),
    "reserved bit 2": (1002, frame(TEXT, b"data", rsv=2)),
    "reserved bit 3 on a ping": (1002, frame(PING, b"data", rsv=1)),
    "unknown opcode": (1002, frame(3, b"data")),
    "unknown control opcode": (1002, frame(0xB, b"data")),
    "continuation of nothing": (1002, frame(0, b"data")),
    "message inside a message": (1002, frame(TEXT, b"a", fin=False) + frame(TEXT, b"b")),
    "ping in pieces": (1002, frame(PING, b"data", fin=False)),
    "long ping": (1002, frame(PING, b"x" * 126)),
    "close with half a code": (1002, frame(CLOSE, b"\x03")),
    "close with a code never sent": (1002, frame(CLOSE, b"\x03\xed")),
    "close with code 1006": (1002, frame(CLOSE, b"\x03\xee")),
    "close with code 999": (1002, frame(CLOSE, b"\x03\xe7")),
    "close with code 5000": (1002, frame(CLOSE, b"\x13\x88")),
    "frame too long": (1009, frame(TEXT, b"x" * 1_048_577)),
    "frame of 64 MiB announced": (1009, b"\x81\xff" + struct.pack("!Q", 64 << 20) + MASK + b"x" * 300_000),
    "fragments too long": (1009, frame(TEXT, b"x" * 1_000_000, fin=False) + frame(0, b"x" * 100_000)),
    "endless empty fragments": (1009, frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 2_000),
}  # fmt: skip


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_broken_rule_ends_the_connection_with_its_code_and_nothing_is_delivered(
    house: House, case: str
) -> None:
    code, sent = BROKEN[case]
    client = house.client()
    client.socket.sendall(sent)
    assert client.closing()[0] == code
    client.socket.sendall(frame(TEXT, b"too late"))
    client.send(CLOSE, struct.pack("!H", code))
    with contextlib.suppress(OSError):
        client.socket.shutdown(socket.SHUT_WR)
    assert client.ended()
    assert house.heard("closed")[0] == code


def test_a_flood_of_control_frames_is_cut_off(strict: House) -> None:
    client = strict.client()
    client.socket.sendall(frame(PING, b"x") * 200)
    assert client.closing()[0] == 1008
    client.reset()
    assert strict.heard("closed")[0] == 1008


def test_many_control_frames_are_answered_in_order(house: House) -> None:
    client = house.client()
    client.socket.sendall(b"".join(frame(PING, b"%d" % number) + frame(PONG, b"") for number in range(300)))
    assert [client.receive() for _ in range(300)] == [(PONG, b"%d" % number) for number in range(300)]


def test_a_reset_in_the_middle_of_a_message_leaves_no_trace_but_closed(house: House) -> None:
    for piece in (
        frame(TEXT, b"x" * 1_000)[:500],
        frame(TEXT, b"half", fin=False),
        frame(TEXT, b"x" * 90_000)[:70_000],
    ):
        client = house.client()
        client.socket.sendall(piece)
        time.sleep(0.05)
        client.reset()
        assert house.heard("closed") == (1006, "")


def test_a_peer_that_hangs_up_without_close_is_closed_with_1006(house: House) -> None:
    client = house.client()
    client.socket.shutdown(socket.SHUT_WR)
    assert client.ended()
    assert house.heard("closed") == (1006, "")


# Closing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"", 1005, ""),
        (b"\x03\xe8", 1000, ""),
        (b"\x03\xe9" + "grüß dich".encode(), 1001, "grüß dich"),
        (b"\x0f\xa0", 4000, ""),
    ],
)
def test_the_peers_close_is_echoed_and_heard_once(
    house: House, payload: bytes, code: int, reason: str
) -> None:
    client = house.client()
    client.socket.sendall(frame(TEXT, b"before") + frame(CLOSE, payload) + frame(TEXT, b"after"))
    assert house.heard("text") == b"before"
    opcode, echoed = client.receive()
    while opcode != CLOSE:
        opcode, echoed = client.receive()
    assert echoed == payload
    assert client.ended()
    assert house.heard("closed") == (code, reason)
    assert house.hub.heard.empty()


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1007, "not UTF-8"), (1012, "restart"), (4003, "auth failed")]
)
def test_our_close_reaches_the_peer_and_no_message_comes_after_it(
    house: House, code: int, reason: str
) -> None:
    client = house.client()
    client.socket.sendall(frame(TEXT, b"close %d %s" % (code, reason.encode())) + frame(TEXT, b"late"))
    assert client.closing() == (code, reason)
    client.socket.sendall(frame(TEXT, b"later") + frame(CLOSE, struct.pack("!H", code)))
    assert client.ended()
    assert house.heard("text").startswith(b"close")
    assert house.heard("closed") == (code, reason)
    assert house.hub.heard.empty()
    assert house.hub.socket is not None
    house.in_loop(lambda: (house.hub.socket.send(b"x"), house.hub.socket.close(1000)))  # type: ignore[union-attr]
    assert house.in_loop(lambda: house.hub.socket.buffered) == 0  # type: ignore[union-attr]


def test_a_long_reason_is_cut_between_characters(house: House) -> None:
    client = house.client()
    client.send(TEXT, "close 4000 {}".format("é" * 100).encode())
    assert client.closing() == (4000, "é" * 61)


@pytest.mark.parametrize("wire", list(WIRES))
def test_a_peer_that_does_not_answer_our_close_is_cut_off(wire: str) -> None:
    with House(wire, SocketLimits(close_timeout_ms=600)) as house:
        client = house.client()
        client.send(TEXT, b"close 4000 bye")
        assert client.closing() == (4000, "bye")
        began = time.monotonic()
        assert client.ended()
        assert 0.3 < time.monotonic() - began < 15
        assert house.heard("text")
        assert house.heard("closed") == (4000, "bye")


def test_a_server_that_stops_says_1012(strict: House) -> None:
    clients = [strict.client() for _ in range(5)]
    strict.server.should_exit = True
    for client in clients:
        assert client.closing() == (1012, "restart")
        client.send(CLOSE, b"\x03\xf4")
        assert client.ended()
    assert [strict.heard("closed") for _ in clients] == [(1012, "restart")] * 5


@pytest.mark.parametrize("where", ["opened", "text", "closed"])
def test_a_failing_listener_costs_its_own_connection_only(house: House, where: str) -> None:
    other = house.client()
    house.hub.failing = where
    client = house.client()
    if where == "text":
        client.send(TEXT, b"raise")
        assert house.heard("text")
    if where == "closed":
        client.send(CLOSE, b"\x03\xe8")
    assert client.closing()[0] == (1000 if where == "closed" else 1011)
    client.send(CLOSE, b"\x03\xf3")
    assert house.heard("closed")[0] == (1000 if where == "closed" else 1011)
    house.hub.failing = ""
    other.send(TEXT, b"still here")
    assert other.receive() == (TEXT, b"still here")


# Dead and slow peers ----------------------------------------------------------------------------------------------


def test_a_peer_that_answers_pings_stays_and_one_that_does_not_is_reaped(strict: House) -> None:
    alive, silent = strict.client(), strict.client()
    until = time.monotonic() + 3
    while time.monotonic() < until:
        opcode, payload = alive.receive()
        assert opcode == PING
        alive.send(PONG, payload)
    assert silent.closing()[0] == 1011
    assert silent.ended()
    assert strict.heard("closed") == (1011, "no pong")
    alive.send(TEXT, b"here")
    assert (TEXT, b"here") in [alive.receive(), alive.receive()]


def test_a_slow_reader_is_dropped_with_1013_and_its_queue_stays_bounded(strict: House) -> None:
    client = strict.client(receive_buffer=4_096)
    client.send(TEXT, b"flood 2000 10000")
    strict.heard("text")
    assert strict.in_loop(lambda: strict.hub.socket.buffered) < 200_000 + 11_000  # type: ignore[union-attr]
    assert strict.heard("closed") == (1013, "slow consumer")


def test_a_slow_reader_that_wakes_up_in_time_is_told_why(strict: House) -> None:
    client = strict.client(receive_buffer=4_096)
    client.send(TEXT, b"flood 2000 10000")
    time.sleep(0.2)
    assert client.closing() == (1013, "slow consumer")
    client.send(CLOSE, b"\x03\xf5")
    assert client.ended()


def test_pongs_for_a_peer_that_does_not_read_are_bounded_too(house: House) -> None:
    client = house.client(receive_buffer=4_096)
    with contextlib.suppress(OSError):
        client.socket.sendall(frame(PING, b"x" * 125) * 50_000)
    assert house.in_loop(lambda: house.hub.socket.buffered) < 2_000_000  # type: ignore[union-attr]
    client.reset()
    assert house.heard("closed")[0] in (1008, 1006)
