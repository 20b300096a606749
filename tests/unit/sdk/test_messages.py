"""The SDK and the hub speak the same frames: the golden ones (spec 8)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.unit.protocol.golden import frames, golden

from watchfloor.hub.protocol import FROM_AGENT, FROM_SERVER, decode_frame
from watchfloor_agent import framing
from watchfloor_agent.canonical import canonical_action, digest
from watchfloor_agent.errors import ProtocolError
from watchfloor_agent.messages import SENT, Payload
from watchfloor_agent.received import RECEIVED, Disconnecting, RateLimited

TYPES = {payload.FRAME: payload for payload in SENT}


def named(entries: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", entries, ids=[entry["name"] for entry in entries])


def plain(payload: Any) -> dict[str, Any]:
    """Every field of a payload as JSON says it, defaults included."""
    fields = ((name, getattr(payload, name)) for name in payload.__struct_fields__)
    return {
        name: msgspec.json.decode(value)
        if isinstance(value, msgspec.Raw)
        else json.loads(msgspec.json.encode(value))
        for name, value in fields
    }


def test_the_sdk_knows_every_frame_of_the_protocol() -> None:
    assert {payload.FRAME for payload in SENT} == {payload.FRAME for payload in FROM_AGENT}
    assert {payload.FRAME for payload in RECEIVED} == {payload.FRAME for payload in FROM_SERVER}


@named([entry for entry in frames("agent") if "key" not in entry["frame"]["payload"]])
def test_what_the_sdk_writes_the_hub_reads_as_the_golden_frame(entry: dict[str, Any]) -> None:
    frame = entry["frame"]
    payload: Payload = msgspec.convert(frame["payload"], TYPES[frame["type"]])
    written = framing.encode(payload, frame.get("id", 0), frame.get("traceparent", ""))
    read = decode_frame(written)
    expected = decode_frame(json.dumps(frame).encode())
    assert (read.type, read.id, read.traceparent) == (expected.type, expected.id, expected.traceparent)
    assert plain(read.payload) == plain(expected.payload)


@named(frames("server"))
def test_golden_frames_of_the_server_are_read_field_by_field(entry: dict[str, Any]) -> None:
    frame = entry["frame"]
    read = framing.decode(json.dumps(frame))
    assert read is not None
    assert (read.re, read.seq) == (frame.get("re", 0), frame.get("seq", 0))
    known = json.loads(msgspec.json.encode(read.payload))
    wire_names = {"rate_class": "class"}
    for name, value in frame["payload"].items():
        shown = known.get(name)
        if shown is None:  # left out because it is the default
            field = next((f for f in read.payload.__struct_fields__ if wire_names.get(f, f) == name), name)
            shown = json.loads(msgspec.json.encode(getattr(read.payload, field)))
        assert contains(shown, value), name


def contains(shown: Any, value: Any) -> bool:
    """Whether everything in the golden value is in what the SDK read (which adds defaults)."""
    if isinstance(value, dict):
        return all(contains(shown.get(key, 0 if not item else None), item) for key, item in value.items())
    if isinstance(value, list):
        return len(shown) == len(value) and all(map(contains, shown, value))
    return bool(shown == value)


def test_fields_of_the_future_pass_and_frames_of_the_future_are_skipped() -> None:
    read = framing.decode('{"type":"disconnecting","payload":{"reason":"restart","mood":"sad"},"colour":1}')
    assert read is not None
    assert isinstance(read.payload, Disconnecting)
    assert framing.decode('{"type":"task:sung","payload":{"song":"x"}}') is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"payload":{}}', '{"type":"error","payload":{}}', "\ufeff{}"]
)
def test_what_is_no_frame_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        framing.decode(text)


def test_a_rate_class_keeps_its_name_on_the_wire() -> None:
    read = framing.decode('{"type":"rate:limited","payload":{"retry_after_ms":5,"class":"heavy"},"re":3}')
    assert read is not None
    assert isinstance(read.payload, RateLimited)
    assert read.payload.rate_class == "heavy"


@named([{**entry, "name": entry["type"]} for entry in golden("digests")])
def test_the_sdk_computes_the_golden_digests(entry: dict[str, Any]) -> None:
    action = canonical_action(entry["type"], entry["tool"], entry["params"])
    assert action.decode() == entry["canonical"]
    assert digest(entry["salt"], action) == entry["digest"]
