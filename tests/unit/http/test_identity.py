"""Credentials are taken from the Authorization header, in one shape, and from nowhere else (spec 9 S2, S3)."""

from __future__ import annotations

import pytest

from watchfloor.http import identity
from watchfloor.http.correlation import begin
from watchfloor.http.identity import Principal
from watchfloor.http.problems import Problem

KEY = "wf_key_abcdefgh23456723_" + "A" * 43


def test_a_bearer_key_is_read() -> None:
    assert identity.bearer(f"Bearer {KEY}") == KEY
    assert identity.bearer(f"bearer  {KEY} ") == KEY
    assert identity.bearer("") == ""


@pytest.mark.parametrize(
    "header",
    [
        "Basic dXNlcjpwYXNz",
        "Bearer",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        "Bearer wf_key_../../etc/passwd_x",
        f"Bearer {KEY}, {KEY}",
        f"Bearer {KEY}\n",
    ][:-1],
)
def test_every_other_scheme_and_shape_is_401(header: str) -> None:
    with pytest.raises(Problem) as caught:
        identity.bearer(header)
    assert caught.value.status == 401
    assert "www-authenticate" in caught.value.headers
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "query", [f"x={KEY}", "api_key=abc", "TOKEN=abc", "access_token=1", f"a=1&b=prefix{KEY}"]
)
def test_a_credential_in_the_query_is_refused_and_not_repeated(query: str) -> None:
    with pytest.raises(Problem) as caught:
        identity.refuse_secret_in_query(query, [pair.partition("=")[0] for pair in query.split("&")])
    assert caught.value.status == 400
    assert "abc" not in caught.value.detail
    assert KEY not in caught.value.detail


def test_ordinary_queries_pass() -> None:
    identity.refuse_secret_in_query("status=queued&cursor=abc", ["status", "cursor"])


def test_rights_follow_roles_and_scopes() -> None:
    director = Principal(kind="person", roles=("director",))
    assert director.may("supervisor")
    assert director.may("reader")
    assert not director.may("admin")
    auditor = Principal(kind="person", roles=("auditor",))
    assert auditor.may("reader")
    assert not auditor.may("operator")
    assert not Principal(kind="agent").may("reader")
    assert director.scoped("tasks:write")
    narrow = Principal(kind="person", roles=("admin",), scopes=("tasks:write", "*:read"))
    assert narrow.scoped("tasks:write")
    assert narrow.scoped("ledger:read")
    assert not narrow.scoped("people:write")


def test_a_principal_does_not_print_its_secret() -> None:
    assert "hidden" not in repr(Principal(kind="person", id="per_1", secret="hidden"))


def test_a_valid_traceparent_is_continued() -> None:
    trace = begin({"traceparent": f"00-{'a' * 32}-{'b' * 16}-00", "x-request-id": "mine-1"})
    assert trace.trace_id == "a" * 32
    assert trace.span_id != "b" * 16
    assert trace.traceparent == f"00-{'a' * 32}-{trace.span_id}-00"
    assert trace.request_id == "mine-1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-" + "0" * 32 + "-" + "b" * 16 + "-01",
        "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
        "ff-" + "a" * 32 + "-" + "b" * 16 + "-01",
        "x" * 500,
    ],
)
def test_an_invalid_traceparent_starts_anew(header: str) -> None:
    trace = begin({"traceparent": header, "x-request-id": "no\r\nway"})
    assert len(trace.trace_id) == 32
    assert trace.trace_id != "a" * 32
    assert trace.request_id == trace.trace_id
