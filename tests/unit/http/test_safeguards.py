"""Headers, origins, form tokens and cookies (spec 9 I3, I4, S5)."""

from __future__ import annotations

import pytest

from watchfloor.http import safeguards
from watchfloor.http.problems import Problem

OWN = "https://watch.example"


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, None),
        ({"origin": OWN}, True),
        ({"origin": "https://WATCH.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://watch.example"}, False),
        ({"origin": "https://watch.example.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_only_our_own_pages_are_our_own(headers: dict[str, str], verdict: bool | None) -> None:
    assert safeguards.same_origin(headers, OWN) is verdict


def test_silence_is_foreign_only_where_that_is_asked_for() -> None:
    safeguards.refuse_foreign({}, OWN, required=False)
    with pytest.raises(Problem, match="foreign_origin"):
        safeguards.refuse_foreign({}, OWN, required=True)


def test_our_origin_is_what_is_configured_or_what_host_says() -> None:
    assert safeguards.own_origin("https://watch.example/x", "other", tls=False) == OWN
    assert safeguards.own_origin("", "127.0.0.1:7300", tls=False) == "http://127.0.0.1:7300"
    assert safeguards.own_origin("", "watch.example", tls=True) == OWN


def test_a_form_token_belongs_to_one_session() -> None:
    safeguards.check_form_token("session a", safeguards.form_token("session a"))
    for secret, given in (
        ("session b", safeguards.form_token("session a")),
        ("", safeguards.form_token("")),
        ("session a", ""),
    ):
        with pytest.raises(Problem, match="form_token"):
            safeguards.check_form_token(secret, given)


def test_session_cookies_cannot_be_read_by_scripts_or_sent_by_others() -> None:
    plain = safeguards.session_cookie("abc", 60, tls=False)
    secure = safeguards.session_cookie("abc", 60, tls=True)
    for cookie in (plain, secure):
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path=/" in cookie
    assert "Secure" in secure
    assert secure.startswith("__Host-")


def test_over_tls_only_the_prefixed_cookie_counts() -> None:
    header = "a=1; watchfloor_session=planted; __Host-watchfloor_session=ours"
    assert safeguards.read_session(header, tls=True) == "ours"
    assert safeguards.read_session(header, tls=False) == "planted"
    assert safeguards.read_session("", tls=True) == ""


def test_every_answer_gets_the_safeguards_it_does_not_set_itself() -> None:
    names = dict(safeguards.complete([(b"content-type", b"x")], tls=True))
    assert names[b"x-content-type-options"] == b"nosniff"
    assert names[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in names[b"content-security-policy"]
    assert b"strict-transport-security" in names
    assert names[b"cache-control"] == b"no-store"
    own = dict(safeguards.complete([(b"cache-control", b"public")], tls=False))
    assert own[b"cache-control"] == b"public"
    assert b"strict-transport-security" not in own


def test_the_pages_policy_allows_no_inline_code() -> None:
    policy = safeguards.page_policy("n0nce")
    assert "unsafe" not in policy
    assert "script-src 'nonce-n0nce'" in policy
    assert "frame-ancestors 'none'" in policy
