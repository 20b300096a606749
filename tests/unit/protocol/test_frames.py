"""Every frame of agent protocol v1 reads, writes and is refused as the golden files say (spec 2.2)."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.golden import ROOT, frames, golden

from watchfloor.hub.protocol import (
    FROM_AGENT,
    FROM_SERVER,
    ActionRequest,
    BadFrame,
    Hello,
    TaskRejected,
    canonical_action,
    decode_frame,
    encode_frame,
    read_params,
    read_subtree,
)
from watchfloor.kernel.codec import commitment
from watchfloor.kernel.strict import BadInput

SERVER_PAYLOADS = {payload.FRAME: payload for payload in FROM_SERVER}


def named(entries: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", entries, ids=[entry["name"] for entry in entries])


@named(frames("agent"))
def test_a_golden_frame_of_an_agent_is_read_field_by_field(entry: dict[str, Any]) -> None:
    frame = entry["frame"]
    read = decode_frame(json.dumps(frame, ensure_ascii=False).encode())
    assert read.type == frame["type"] == read.payload.FRAME
    assert read.id == frame.get("id", 0)
    assert read.traceparent == frame.get("traceparent", "")
    for name, value in frame["payload"].items():
        assert plain(getattr(read.payload, name)) == value


@named(frames("server"))
def test_a_golden_frame_of_the_server_is_written_byte_for_byte_alike(entry: dict[str, Any]) -> None:
    frame = entry["frame"]
    payload = msgspec.convert(frame["payload"], SERVER_PAYLOADS[frame["type"]])
    written = json.loads(encode_frame(payload, re=frame.get("re", 0), seq=frame.get("seq", 0)))
    assert {key: written.get(key) for key in frame if key != "payload"} == {
        key: value for key, value in frame.items() if key != "payload"
    }
    assert {**written["payload"], **frame["payload"]} == {**frame["payload"], **written["payload"]}
    extra = {key: value for key, value in written["payload"].items() if key not in frame["payload"]}
    assert all(value in (0, "", [], None, False) for value in extra.values()), extra


def plain(value: Any) -> Any:
    """A field as JSON says it, defaults included."""
    return (
        msgspec.json.decode(value)
        if isinstance(value, msgspec.Raw)
        else json.loads(msgspec.json.encode(value))
    )


def code_of(text: bytes) -> str:
    """How the frame is refused, or its type when it is read. Anything else propagates."""
    try:
        return decode_frame(text).type
    except BadFrame as refused:
        return refused.code


def test_every_frame_type_has_a_golden_frame() -> None:
    assert {entry["frame"]["type"] for entry in frames("agent")} == {p.FRAME for p in FROM_AGENT}
    assert {entry["frame"]["type"] for entry in frames("server")} == {p.FRAME for p in FROM_SERVER}


@named([*frames("agent"), *frames("server")])
def test_golden_frames_obey_the_published_schemas(entry: dict[str, Any]) -> None:
    frame = entry["frame"]
    both = entry["from"] == "server" and frame["type"] in {sent.FRAME for sent in FROM_AGENT}
    path = ROOT / "schemas" / f"{frame['type'].replace(':', '.')}{'.push' if both else ''}.json"
    jsonschema_rs.validate(json.loads(path.read_text(encoding="utf-8")), frame)


# What a schema cannot say: it calls 1.0 an integer, needs a type to be chosen by, and is never handed an infinity.
BEYOND_SCHEMAS = {
    "a fraction for an integer",
    "an exponent for an integer",
    "a number no double holds",
    "not an object",
    "no type",
}


@named(
    [
        entry
        for entry in golden("refused")
        if entry["code"] in ("missing_field", "invalid_field") and entry["name"] not in BEYOND_SCHEMAS
    ]
)
def test_what_the_server_refuses_the_published_schema_refuses_too(entry: dict[str, Any]) -> None:
    frame = json.loads(entry["text"])
    path = ROOT / "schemas" / f"{frame['type'].replace(':', '.')}.json"
    assert not jsonschema_rs.is_valid(json.loads(path.read_text(encoding="utf-8")), frame)


@named(golden("refused"))
def test_a_bad_frame_is_refused_with_its_code_place_and_id(entry: dict[str, Any]) -> None:
    with pytest.raises(BadFrame) as caught:
        decode_frame(entry["text"].encode())
    assert (caught.value.code, caught.value.field, caught.value.re) == (
        entry["code"],
        entry["field"],
        entry["re"],
    )
    assert caught.value.status == 400


@given(st.binary(max_size=300))
def test_no_bytes_bring_anything_but_a_frame_or_a_refusal(data: bytes) -> None:
    assert code_of(data)


@given(st.sampled_from(frames("agent")), st.data())
def test_no_damaged_frame_brings_anything_but_a_frame_or_a_refusal(entry: dict[str, Any], data: Any) -> None:
    text = bytearray(json.dumps(entry["frame"]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    assert code_of(bytes(text))


@pytest.mark.parametrize(
    "text",
    ['{"type":"heartbeat","payload":' + "[" * 200_000, '{"type":"heartbeat","extra":' + '{"a":' * 200_000],
)
def test_hostile_nesting_is_refused_without_a_recursion_error(text: str) -> None:
    with pytest.raises(BadFrame) as caught:
        decode_frame(text.encode())
    assert caught.value.code in ("too_deep", "malformed_json")


def test_unknown_fields_pass() -> None:
    frame = decode_frame(b'{"type":"heartbeat","payload":{"seq":4,"mood":"fine"},"colour":[1,{"a":2}]}')
    assert frame.type == "heartbeat"


def test_text_of_a_frame_is_nfc_whether_escaped_or_not() -> None:
    for reason in ("Zoe\u0308", "Zoe\\u0308"):
        text = f'{{"type":"task:rejected","id":1,"payload":{{"task_id":"t","generation":1,"reason":"{reason}"}}}}'
        payload = decode_frame(text.encode()).payload
        assert isinstance(payload, TaskRejected)
        assert payload.reason == "Zo\u00eb"


def test_a_key_never_shows_in_the_text_of_a_hello() -> None:
    assert "s3cret" not in repr(Hello(key="wf_key_x_s3cret", sdk="x"))


def test_parameters_that_are_no_object_are_refused_with_their_place() -> None:
    frame = decode_frame(b'{"type":"action:request","id":1,"payload":{"type":"file.read","params":[1]}}')
    assert isinstance(frame.payload, ActionRequest)
    with pytest.raises(Exception, match="an object is expected, not an array") as caught:
        read_params(frame.payload)
    assert getattr(caught.value, "field", "") == "/payload/params"


@named([{**entry, "name": entry["type"]} for entry in golden("digests")])
def test_the_digest_of_an_action_is_the_golden_one(entry: dict[str, Any]) -> None:
    action = canonical_action(entry["type"], entry["tool"], entry["params"])
    assert action.decode() == entry["canonical"]
    assert commitment(bytes.fromhex(entry["salt"]), action).hex() == entry["digest"]


def test_results_and_outcomes_are_read_as_strictly_as_parameters() -> None:
    assert read_subtree(msgspec.Raw(b'{"commit":"0f3c"}'), "result") == {"commit": "0f3c"}
    with pytest.raises(BadInput) as caught:
        read_subtree(msgspec.Raw(b'{"ratio":0.5}'), "result")
    assert caught.value.field == "/payload/result/ratio"
