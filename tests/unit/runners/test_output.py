"""What a command printed is bounded, plain and without secrets before anybody keeps it (spec 2.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel.codec import check_text
from watchfloor.runners.output import REDACTED, Kept, plain, without_secrets


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[31mred\x1b[0m and \x1b[1;4mbold\x1b[m", "red and bold"),
        (b"\x1b]8;;http://evil\x1b\\click\x1b]8;;\x07", "click"),
        (b"\x1b]0;title without an end", ""),
        (b"\x1b(Bplain\x1b=\x1bM", "plain"),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        (b"bell\x07 back\x08space\x00 tab\there", "bell backspace tab\there"),
        (b"broken \xff\xfe utf-8", "broken \ufffd\ufffd utf-8"),
        ("e\u0301".encode(), "\u00e9"),
        ("\u009b31mC1".encode(), "C1"),
    ],
)
def test_terminal_sequences_and_control_characters_leave_no_trace(raw: bytes, text: str) -> None:
    assert plain(raw) == text


@given(st.binary(max_size=200))
def test_any_bytes_become_text_that_a_ledger_takes(raw: bytes) -> None:
    text = plain(raw)
    check_text(text)
    assert "\x1b" not in text


SECRETS = [
    ("wf_key_0123456789abcdef_" + "A" * 43, "wf_key_0123456789abcdef_" + REDACTED),
    ("Authorization: Bearer abcdef.ghijkl-123", "Authorization: Bearer " + REDACTED),
    ("AKIAIOSFODNN7EXAMPLE", REDACTED),
    ("ghp_" + "a1" * 18, REDACTED),
    ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", REDACTED),
    ("postgresql://watch:floor@db/x", f"postgresql://watch:{REDACTED}@db/x"),
    ("DATABASE_PASSWORD=hunter2 next", f"DATABASE_PASSWORD={REDACTED} next"),
    ('{"api_key": "abc def", "n": 1}', f'{{"api_key": {REDACTED}, "n": 1}}'),
    ("secret = 'xyz'", f"secret = {REDACTED}"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", f"{REDACTED}\nrest"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE and no end", REDACTED),
    ("xoxb-1234567890-abcdefghij", REDACTED),
]


@pytest.mark.parametrize(("text", "wanted"), SECRETS, ids=[text[:20] for text, _ in SECRETS])
def test_a_secret_is_replaced_and_what_stands_around_it_stays(text: str, wanted: str) -> None:
    assert without_secrets(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["main.py:3:1: F401 `os` imported but unused", "tokens used: many", "3 passed in 0.1s", "a.b/c?x=1"],
)
def test_ordinary_output_is_left_alone(text: str) -> None:
    assert without_secrets(text) == text


def test_a_short_stream_is_kept_whole() -> None:
    kept = Kept(100)
    kept.add(b"a" * 40)
    kept.add(b"b" * 60)
    assert kept.text(1_000) == "a" * 40 + "b" * 60


def test_of_a_long_stream_beginning_and_end_are_kept_and_the_rest_is_counted() -> None:
    kept = Kept(10)
    for piece in (b"abc", b"defgh", b"x" * 1_000, b"vwxyz"):
        kept.add(piece)
    assert kept.left_out == 1_003
    assert kept.text(1_000) == "abcde\n[… 1003 bytes left out …]\nvwxyz"


def test_a_secret_across_the_middle_of_a_stream_that_fits_is_found() -> None:
    kept = Kept(40)
    kept.add(b"password=")
    kept.add(b"hunter2-hunter2-hunter2")
    assert kept.text(1_000) == f"password={REDACTED}"


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(2, 60))
def test_what_is_kept_never_exceeds_its_bound(pieces: list[bytes], bound: int) -> None:
    kept = Kept(bound)
    for piece in pieces:
        kept.add(piece)
    assert len(kept._head) + len(kept._tail) <= bound
    assert len(kept._head) + len(kept._tail) + kept.left_out == sum(map(len, pieces))
