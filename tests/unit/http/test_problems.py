"""Refusals say where, why, and whether to try again (spec 1 promise 6)."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest

from watchfloor import http
from watchfloor.http import problems
from watchfloor.http.codes import CODES
from watchfloor.http.problems import Problem
from watchfloor.kernel.codec import NotCanonical
from watchfloor.kernel.messages import Refused


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    b: int


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    a: list[Inner] = []
    m: dict[str, int] = {}


@pytest.mark.parametrize(
    ("value", "field", "code"),
    [
        ({"a": [{"b": 1}, {"b": "x"}]}, "/a/1/b", "wrong_type"),
        ({"a": [{}]}, "/a/0/b", "missing"),
        ({"a": [{"b": 1, "c": 2}]}, "/a/0/c", "unknown_field"),
        ({"z": 1}, "/z", "unknown_field"),
        ({"m": {"k": "x"}}, "/m", "wrong_type"),
        ([], "", "wrong_type"),
    ],
)
def test_a_wrong_field_is_pointed_at(value: object, field: str, code: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Outer)
    problem = problems.from_validation(caught.value)
    assert (problem.status, problem.errors[0].field, problem.errors[0].code) == (422, field, code)


def test_a_rules_refusal_keeps_its_code_status_and_field() -> None:
    problem = problems.from_exception(Refused("handle_taken", "somebody has it", field="/handle", status=409))
    assert problem is not None
    assert (problem.status, problem.code, problem.errors[0].field, problem.retryable) == (
        409,
        "handle_taken",
        "/handle",
        False,
    )


def test_what_may_be_retried_says_when() -> None:
    problem = problems.from_exception(Refused("overloaded", "full", retryable=True, status=503))
    assert problem is not None
    assert problem.all_headers()["retry-after"] == "1"
    assert problem.document("t").retry_after_ms == 1_000


def test_retry_after_is_rounded_up_to_whole_seconds() -> None:
    assert Problem(429, "rate_limited", "", retry_after_ms=1_001).all_headers()["retry-after"] == "2"


def test_the_document_is_as_rfc_9457_wants_it() -> None:
    body = msgspec.json.decode(problems.encode(problems.not_found("task"), "abc"))
    assert body == {
        "type": "/docs#problem-not_found",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "there is no such task",
        "trace_id": "abc",
        "retryable": False,
    }


def test_what_is_not_canonical_names_its_place() -> None:
    problem = problems.from_exception(NotCanonical("/a/0: integer outside"))
    assert problem is not None
    assert (problem.status, problem.errors[0].field) == (422, "/a/0")


def test_a_fault_of_ours_is_no_problem_of_the_caller() -> None:
    assert problems.from_exception(ZeroDivisionError()) is None
    assert problems.title(799) == "Refused"


def raised_here() -> set[str]:
    """Every literal code that the HTTP side refuses with."""
    codes = {"unauthenticated"}
    for path in Path(http.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            place = {"Problem": 1, "Refused": 0, "unauthenticated": 1}.get(
                ast.unparse(node.func).rpartition(".")[2], 99
            )
            if len(node.args) > place and isinstance(node.args[place], ast.Constant):
                codes.add(str(node.args[place].value))  # type: ignore[attr-defined]
    return codes


def test_every_code_is_explained_and_none_is_left_over() -> None:
    assert raised_here() == set(CODES)
