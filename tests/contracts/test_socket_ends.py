"""However a connection ends, on every wire: its listener hears so once, and nothing is left of it (spec 9 D)."""

from __future__ import annotations

import contextlib
import gc
import socket
import time
import weakref
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.socket_kit import CLOSE, TEXT, WIRES, House, frame

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


WAYS_TO_END = {
    "the peer closes": frame(CLOSE, b"\x03\xe8"),
    "we close": frame(TEXT, b"close 1000 bye") + frame(CLOSE, b"\x03\xe8"),
    "a broken rule": frame(0xB, b"no such opcode"),
    "too long": frame(TEXT, b"x" * 1_048_577),
    "after a long message": frame(TEXT, b"x" * 100_000) + frame(CLOSE, b"\x03\xe8"),
    "a reset": b"",
}


@pytest.mark.parametrize("way", list(WAYS_TO_END))
def test_a_connection_leaves_no_cycle_behind_however_it_ends(house: House, way: str) -> None:
    """Ten thousand agents that reconnect must not wait for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        client = house.client()
        assert house.hub.socket is not None
        left = weakref.ref(house.hub.listeners.pop())
        client.socket.sendall(WAYS_TO_END[way])
        with contextlib.suppress(EOFError, TimeoutError):
            while WAYS_TO_END[way]:
                client.receive()
        client.reset()
        heard = house.hub.heard.get(timeout=5)
        while heard[0] == "text":
            heard = house.hub.heard.get(timeout=5)
        assert heard[0] == "closed"
        house.hub.socket = None
        until = time.monotonic() + 20
        while left() is not None and time.monotonic() < until:
            time.sleep(0.01)
        assert left() is None
    finally:
        gc.enable()


# Anything at all --------------------------------------------------------------------------------------------------

PIECES = st.one_of(
    st.binary(max_size=64),
    st.builds(
        lambda opcode, payload, fin, rsv, masked: frame(opcode, payload, fin=fin, rsv=rsv, masked=masked),
        st.integers(0, 15),
        st.binary(max_size=300),
        st.booleans(),
        st.sampled_from([0, 0, 0, 0, 1, 4]),
        st.sampled_from([True, True, True, True, False]),
    ),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, max_size=12), reset=st.booleans())
def test_whatever_bytes_come_each_opened_is_closed_once_and_the_server_lives(
    house: House, pieces: list[bytes], reset: bool
) -> None:
    client = house.client()
    with contextlib.suppress(OSError):
        for piece in pieces:
            client.socket.sendall(piece)
        if not reset:
            client.socket.shutdown(socket.SHUT_WR)
            while client.socket.recv(65_536):
                pass
    client.reset()
    kind, what = house.hub.heard.get(timeout=5)
    while kind == "text":
        kind, what = house.hub.heard.get(timeout=5)
    assert kind == "closed"
    assert 1000 <= what[0] < 5000
    assert house.hub.heard.empty()
