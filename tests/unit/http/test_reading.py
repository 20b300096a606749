"""What comes in is read strictly, and every refusal names its field (spec 9 J1 to J12, G14)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from watchfloor.http import problems, reading
from watchfloor.http.bodies.fields import Body, Paged, Params
from watchfloor.http.bodies.tasks import TasksParams
from watchfloor.http.problems import Problem
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.terms import Policy


class Small(Body, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=8)]
    count: Annotated[int, Meta(ge=0)] = 0
    free: Any = None


def read(raw: bytes, content_type: str = "application/json") -> Any:
    return reading.read_body(raw, content_type, Small, 1_000_000)


def refused(raw: bytes, content_type: str = "application/json") -> Problem:
    with pytest.raises((Problem, Refused)) as caught:
        read(raw, content_type)
    problem = problems.from_exception(caught.value)
    assert problem is not None
    return problem


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b'{"name":"a","name":"b"}', 400, "duplicate_key"),
        (b'{"name":"a","free":NaN}', 400, "not_an_integer"),
        (b'{"name":"a","free":1e400}', 400, "not_an_integer"),
        (b'{"name":"a","free":1.5}', 400, "not_an_integer"),
        (b'{"name":"a","count":9007199254740993}', 400, "integer_out_of_range"),
        (b'{"name":"a","free":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "too_many_values"),
        (b'{"name":"a","free":' + b"[" * 5_000 + b"]" * 5_000 + b"}", 400, "too_deep"),
        (b'{"name":"\\ud800"}', 400, "lone_surrogate"),
        (b"\xef\xbb\xbf{}", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b'"\xff"', 400, "not_utf8"),
        (b'{"name":"a","free":' + b"9" * 5_000 + b"}", 400, "integer_out_of_range"),
    ],
)
def test_what_parsers_disagree_about_is_refused(raw: bytes, status: int, code: str) -> None:
    problem = refused(raw)
    assert (problem.status, problem.code) == (status, code)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"name":"a","role":"admin"}', "/role"),
        (b'{"name":"a","trust_score":1000}', "/trust_score"),
        (b'{"count":1}', "/name"),
        (b'{"name":"a","count":-1}', "/count"),
        (b'{"name":"a","count":"0"}', "/count"),
        (b'{"name":"much too long"}', "/name"),
        (b"[]", ""),
    ],
)
def test_fields_that_are_unknown_missing_or_out_of_bounds_are_named(raw: bytes, field: str) -> None:
    problem = refused(raw)
    assert (problem.status, problem.errors[0].field) == (422, field)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"]
)
def test_json_under_another_name_is_not_read(content_type: str) -> None:
    assert refused(b'{"name":"a"}', content_type).status == 415


def test_text_is_normalised_once() -> None:
    assert read('{"name":"e\u0301"}'.encode()).name == "\u00e9"


def test_an_empty_body_is_an_empty_object() -> None:
    assert refused(b"", "").errors[0].field == "/name"
    assert read(b'{"name":"a"}', "application/json; charset=utf-8").count == 0


def test_too_much_is_refused_by_size() -> None:
    with pytest.raises(Problem) as caught:
        reading.read_body(b" " * 11, "application/json", Small, 10)
    assert caught.value.status == 413


@given(st.binary(max_size=200))
def test_no_bytes_are_a_fault_of_ours(raw: bytes) -> None:
    for content_type in ("application/json", "application/yaml"):
        try:
            reading.read_body(raw, content_type, Policy, 1_000)
        except (Problem, Refused) as error:
            problem = problems.from_exception(error)
            assert problem is not None
            assert 400 <= problem.status < 500


# YAML ----------------------------------------------------------------------------------------------------------------


def yaml(text: str) -> Any:
    return reading.read_body(text.encode(), "application/yaml", Policy, 1_000_000)


def test_a_policy_may_be_written_in_yaml() -> None:
    assert yaml("name: mine\nlevels:\n  medium: 3\n").levels.medium == 3


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "name: a\nname: b\n",
        "name: !!python/object/apply:os.system ['true']\n",
        "grant_ms: 1.5\n",
        "name: [",
        "- " * 5_000 + "x",
        "unknown: 1\n",
        "levels: {low: 4, medium: 1}\n",
    ],
)
def test_a_policy_with_faults_is_refused_with_all_of_them(text: str) -> None:
    with pytest.raises(Problem) as caught:
        yaml(text)
    assert caught.value.status == 422
    assert caught.value.errors


def test_a_policy_under_another_name_or_too_long_is_not_read() -> None:
    for raw, content_type, status in (
        (b'{"name":"x"}', "text/plain", 415),
        (b"#" * 300_000, "application/yaml", 413),
        (b"\xff", "text/yaml", 400),
    ):
        with pytest.raises(Problem) as caught:
            reading.read_body(raw, content_type, Policy, 1_000_000)
        assert caught.value.status == status


# Forms and parameters ------------------------------------------------------------------------------------------------


def test_a_form_is_read_with_its_lines() -> None:
    assert reading.read_form(b"a=1&b=x%0D%0Ay", reading.FORM_TYPE) == {"a": "1", "b": "x\ny"}


@pytest.mark.parametrize(
    ("raw", "content_type", "status"),
    [
        (b"a=1", "text/plain", 415),
        (b"a=1&a=2", reading.FORM_TYPE, 400),
        (b"&".join(b"f%d=1" % n for n in range(50)), reading.FORM_TYPE, 400),
        (b"a=%ff", reading.FORM_TYPE, 400),
        (b"a=" + b"x" * reading.FORM_BYTES_MAX, reading.FORM_TYPE, 413),
    ],
)
def test_forms_have_bounds(raw: bytes, content_type: str, status: int) -> None:
    with pytest.raises(Problem) as caught:
        reading.read_form(raw, content_type)
    assert caught.value.status == status


def test_parameters_are_those_that_are_declared() -> None:
    params = reading.read_params([("limit", "7"), ("status", "dead_letter"), ("agent", "")], TasksParams)
    assert (params.limit, params.status, params.agent) == (7, "dead_letter", None)


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([("limit", "201")], "limit"),
        ([("limit", "x")], "limit"),
        ([("limit", "1"), ("limit", "2")], "limit"),
        ([("order by", "1")], "order by"),
        ([("status", "'; DROP TABLE tasks; --")], "status"),
        ([("cursor", "../../etc")], "cursor"),
        ([("min_seq", "-1")], "min_seq"),
    ],
)
def test_a_wrong_parameter_is_named(pairs: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(Problem) as caught:
        reading.read_params(pairs, TasksParams)
    assert (caught.value.status, caught.value.errors[0].field) == (422, field)


def test_a_flood_of_parameters_is_not_read() -> None:
    with pytest.raises(Problem) as caught:
        reading.query_pairs("&".join(f"a{n}=1" for n in range(100_000)))
    assert caught.value.status == 400


@given(st.text(max_size=50))
def test_no_query_is_a_fault_of_ours(query: str) -> None:
    problem: Exception | None = None
    try:
        reading.read_params(reading.query_pairs(query), Paged)
    except Problem as refusal:
        problem = refusal
    assert problem is None or (isinstance(problem, Problem) and problem.status in (400, 422))


def test_every_parameter_class_refuses_unknown_names() -> None:
    for kind in (Paged, TasksParams):
        assert issubclass(kind, Params)
        assert msgspec.inspect.type_info(kind).forbid_unknown_fields  # type: ignore[attr-defined]
