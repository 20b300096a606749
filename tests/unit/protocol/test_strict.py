"""Strict input: what passes is canonical, what does not is refused with its place (DESIGN 2b.16)."""

from __future__ import annotations

import json
import time
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.golden import golden

from watchfloor.kernel.codec import canonical
from watchfloor.kernel.limits import JSON_VALUES_MAX, PARAMS_BYTES_MAX
from watchfloor.kernel.strict import BadInput, strict, strict_object

ENTRIES = golden("subtrees")
KEYS = st.text(st.characters(max_codepoint=127), max_size=6)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["name"] for entry in ENTRIES])
def test_golden_subtrees_are_read_or_refused_as_written(entry: dict[str, Any]) -> None:
    text = entry["text"] * entry.get("repeat", 1)
    if "value" in entry:
        assert strict(text.encode(), depth_max=28) == entry["value"]
        assert strict(msgspec.Raw(text.encode()), depth_max=28) == entry["value"]
    else:
        with pytest.raises(BadInput) as caught:
            strict(text.encode("utf-8", "surrogatepass"), depth_max=28)
        assert (caught.value.code, caught.value.field) == (entry["code"], entry["field"])


@given(PLAIN, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
def test_all_plain_data_passes_unchanged_but_for_nfc(
    value: object, escaped: bool, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, ensure_ascii=escaped, separators=separators)
    read = strict(text.encode())
    assert read == nfc(value)
    canonical(read)  # would raise NotCanonical


def judged(data: bytes) -> str:
    """How the bytes are refused, or that what they say is canonical. Anything else propagates."""
    try:
        canonical(strict(data))
    except BadInput as refused:
        return refused.code
    return "canonical"


def nfc(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {key: nfc(item) for key, item in value.items()}
    return [nfc(item) for item in value] if isinstance(value, list) else value


@given(st.binary(max_size=80))
def test_no_bytes_bring_anything_but_plain_data_or_a_refusal(data: bytes) -> None:
    assert judged(data)


@given(st.text(alphabet='{}[]",:\\0123456789.eE-+ truefalsn\n\x00ué', max_size=40))
def test_no_text_that_looks_like_json_brings_anything_but_plain_data_or_a_refusal(text: str) -> None:
    assert judged(text.encode())


@given(st.dictionaries(KEYS, st.integers(0, 9), min_size=1, max_size=5), st.data())
def test_a_key_that_is_there_twice_is_always_found(members: dict[str, int], data: Any) -> None:
    again = data.draw(st.sampled_from(sorted(members)))
    pairs = [f"{json.dumps(key)}:{value}" for key, value in members.items()]
    pairs.insert(data.draw(st.integers(0, len(pairs))), f'{json.dumps(again)}:"a:b"')
    nested = data.draw(st.sampled_from(["{%s}", '[1,{"x:":{%s}}]', '{"url":"http://x","y":{%s}}']))
    with pytest.raises(BadInput) as caught:
        strict((nested % ",".join(pairs)).encode())
    assert caught.value.code == "duplicate_key"


def test_size_is_checked_before_anything_is_read() -> None:
    with pytest.raises(BadInput) as caught:
        strict(b"[" * 11, bytes_max=10, field="/payload/params")
    assert (caught.value.code, caught.value.field) == ("too_large", "/payload/params")


def test_more_values_than_one_slice_may_look_at_are_refused() -> None:
    with pytest.raises(BadInput) as caught:
        strict(b"[" + b"0," * JSON_VALUES_MAX + b"0]")
    assert caught.value.code == "too_many_values"
    assert strict(json.dumps({"diff": "," * 50_000 + "[{" * 20_000}).encode()) is not None


@pytest.mark.parametrize(
    ("text", "code"), [(b"1.5", "not_an_integer"), (b"9007199254740992", "integer_out_of_range")]
)
def test_a_single_number_is_held_to_the_same_rules(text: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        strict(text, field="/payload/result")
    assert (caught.value.code, caught.value.field) == (code, "/payload/result")


@pytest.mark.parametrize("depth", [0, 1, 2, 31, 32, 33, 900, 2_000])
def test_depth_is_bounded_exactly_whatever_the_shape(depth: int) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":1},', b"]")):
        text = opening * depth + b"1" + closing * depth
        nested = depth + (1 if depth and opening.startswith(b"[{") else 0)
        if nested <= 32:
            strict(text)
        else:
            with pytest.raises(BadInput) as caught:
                strict(text)
            assert caught.value.code == "too_deep"


def test_an_object_is_demanded_where_one_is_due() -> None:
    assert strict_object(b'{"a":1}') == {"a": 1}
    for text, kind in ((b"[]", "an array"), (b'"x"', "text"), (b"1", "a number"), (b"null", "null")):
        with pytest.raises(BadInput, match=kind):
            strict_object(text)
    with pytest.raises(BadInput, match="a boolean"):
        strict_object(b"true")


@pytest.mark.parametrize(
    "text",
    [
        '"\\' * (PARAMS_BYTES_MAX // 2),
        '"' * PARAMS_BYTES_MAX,
        "[" * PARAMS_BYTES_MAX,
        '{"":' * (PARAMS_BYTES_MAX // 4),
        "9" * PARAMS_BYTES_MAX,
        "[]" * (PARAMS_BYTES_MAX // 2),
        '{"a":"' + "\\u00e9" * 40_000 + '"}',
    ],
    ids=["open escapes", "quotes", "brackets", "objects", "digits", "empty lists", "escapes"],
)
def test_hostile_text_of_full_size_costs_no_more_than_a_moment(text: str) -> None:
    began = time.process_time()
    assert judged(text.encode())
    assert time.process_time() - began < 0.5
