"""A refusal is one sentence that says nothing twice."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from watchfloor.cli.client import refusal


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (
            {"code": "invalid_fields", "detail": "/a: wrong", "errors": [{"field": "/a", "detail": "wrong"}]},
            "invalid_fields: /a: wrong",
        ),
        (
            {
                "code": "url_refused",
                "detail": "not there",
                "errors": [{"field": "/url", "detail": "not there"}],
            },
            "url_refused: not there [/url]",
        ),
        (
            {
                "code": "x",
                "detail": "no",
                "errors": [{"field": "/a", "detail": "b"}, {"field": "/c", "detail": "d"}],
            },
            "x: no [/a: b; /c: d]",
        ),
        ({"code": "busy", "title": "Busy", "retryable": True}, "busy: Busy (safe to retry)"),
        ({}, "409: status 409"),
    ],
)
def test_what_a_person_reads(problem: dict[str, Any], said: str) -> None:
    assert refusal(httpx2.Response(409, json=problem)) == said


def test_an_answer_that_is_no_problem_document() -> None:
    assert refusal(httpx2.Response(502, text="<html>")) == "the server answered 502"
