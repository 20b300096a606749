"""Logs are one JSON object a line, tied together by their correlation, and hold no secrets (spec 6 *Logs*; fault S3)."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.telemetry import logs

KEY = "wf_tok_abcdefgh23456723_" + "S" * 43
SECRETS = (
    KEY,
    "Authorization: Bearer abcdefghijklmnop",
    "Basic dXNlcjpwYXNzd29yZA==",
    "/sign-in/" + KEY,
    "/x?api_key=hunter2hunter2&y=1",
    "-----BEGIN PRIVATE KEY-----\nMIIhunter2\n-----END PRIVATE KEY-----",
)
NEEDLES = ("S" * 20, "abcdefghijklmnop", "dXNlcjpwYXNzd29yZA", "hunter2")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """The output of a configured logger; the test runner's own configuration comes back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("debug", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_an_object_with_the_fixed_fields(out: io.StringIO) -> None:
    logs.logger("watchfloor.test").info("something happened", size=3, nested={"a": [1, None, True]})
    (line,) = lines(out)
    assert {"timestamp", "level", "message", "service", "module", "context"} == set(line)
    assert (line["level"], line["message"], line["service"], line["module"]) == (
        "info",
        "something happened",
        "watchfloor",
        "watchfloor.test",
    )
    assert line["context"] == {"size": 3, "nested": {"a": [1, None, True]}}


def test_what_is_bound_is_on_every_line_inside_and_on_none_outside(out: io.StringIO) -> None:
    log = logs.logger("x")
    with logs.bind(correlation="abc", organisation="org_1", task=""):
        log.info("inside")
        logging.getLogger("uvicorn.error").warning("foreign %s", "too")
    log.info("outside")
    inside, foreign, outside = lines(out)
    assert (inside["correlationId"], inside["organisation"]) == ("abc", "org_1")
    assert (foreign["correlationId"], foreign["message"]) == ("abc", "foreign too")
    assert "correlationId" not in outside
    assert "task" not in inside


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_leave_neither_message_nor_values_nor_exceptions(out: io.StringIO, secret: str) -> None:
    log = logs.logger("x")
    log.info(f"got {secret}", value=secret, deep=[{"k": secret}])
    logging.getLogger("other").error("got %s", secret)
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        log.exception("failed")
    text = out.getvalue()
    assert not [needle for needle in NEEDLES if needle in text], text
    assert len(lines(out)) == 3


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "api_key",
        "apiKey",
        "token",
        "cookie",
        "Authorization",
        "totp_seed",
        "private_key",
        "client_secret",
    ],
)
def test_values_are_hidden_by_their_name(out: io.StringIO, name: str) -> None:
    logs.logger("x").info("m", **{name: "hunter2"}, inner={name: "hunter2"})
    assert "hunter2" not in out.getvalue()


def test_the_id_of_a_key_stays_because_it_helps_and_is_no_secret() -> None:
    assert logs.redact_text(f"key {KEY} used") == "key wf_tok_abcdefgh23456723_[redacted] used"


def test_one_line_never_carries_a_whole_diff(out: io.StringIO) -> None:
    logs.logger("x").info("m", diff="x" * 1_000_000, many=list(range(10_000)), raw=b"abc")
    (line,) = lines(out)
    assert len(out.getvalue()) < 20_000
    assert line["context"]["raw"] == "3 bytes"


def test_a_line_break_in_a_value_does_not_make_a_line(out: io.StringIO) -> None:
    logs.logger("x").info('a\n{"level":"forged"}', value="b\nc")
    assert len(lines(out)) == 1


def test_the_level_changes_at_run_time(out: io.StringIO) -> None:
    log = logs.logger("x")
    logs.set_level("error")
    log.info("quiet")
    logs.set_level("info")
    log.info("heard")
    assert [line["message"] for line in lines(out)] == ["heard"]
    with pytest.raises(ValueError, match="no such level"):
        logs.set_level("shout")


def test_exceptions_come_with_their_stack(out: io.StringIO) -> None:
    try:
        os.environ["MISSING"]
    except KeyError:
        logs.logger("x").exception("failed")
    (line,) = lines(out)
    assert "KeyError" in line["error"]
    assert "Traceback" in line["error"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
        max_leaves=20,
    )
)
def test_any_value_can_be_logged(value: object) -> None:
    json.dumps(logs.redact(value))


def test_what_is_deeply_nested_or_exotic_becomes_text() -> None:
    deep: object = "x"
    for _ in range(50):
        deep = [deep]
    assert "…" in json.dumps(logs.redact(deep), ensure_ascii=False)
    assert logs.redact({1: object})["1"].startswith("<class")
