"""Names, hosts and paths: what is equal, what is ambiguous, what lies inside what (spec 3.1, faults G9, I2)."""

# ruff: noqa: RUF001 -- hostile spellings are what is tested here

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.actions.names import fold, folders, host_of, invisible, path_of, skeleton, zones

TEXT = st.text(max_size=20)


@pytest.mark.parametrize(
    "variant",
    [
        "Payment.Send",
        " payment.send ",
        "ｐａｙｍｅｎｔ．ｓｅｎｄ",
        "PAYMENT.SEND\t",
        "𝐩𝐚𝐲𝐦𝐞𝐧𝐭.send",
        "paymeⓝt.send",
        "payment.ſend",
    ],
)
def test_spellings_of_one_name_are_one_name(variant: str) -> None:
    assert fold(variant) == "payment.send"


@pytest.mark.parametrize(
    "other", ["payment-send", "payment.sendx", "pay ment.send", "pаyment.send", "payment\u200b.send"]
)
def test_other_names_are_other_names(other: str) -> None:
    assert fold(other) != "payment.send"


def test_folding_every_character_is_final_and_normal() -> None:
    for code in range(sys.maxunicode + 1):
        folded = fold(chr(code))
        assert fold(folded) == folded, hex(code)
        assert 0xD800 <= code <= 0xDFFF or unicodedata.is_normalized("NFC", folded), hex(code)


@given(TEXT)
def test_folding_any_text_is_final_and_normal(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert unicodedata.is_normalized("NFC", fold(text))
    assert skeleton(skeleton(text)) == skeleton(text)


@pytest.mark.parametrize(
    "lookalike",
    [
        "pаymеnt.send",
        "pay\u200bment.send",
        "payment\u00ad.send",
        "páyment.send",
        "pаумеnt.ѕеnԁ",
        "payment\u2060.send",
        "PАYMENT.SEND",
        "раyment.send\u200e",
    ],
)
def test_a_person_would_read_the_lookalike_as_the_name(lookalike: str) -> None:
    assert skeleton(lookalike) == "payment.send"


def test_plain_names_are_their_own_skeleton_and_other_scripts_keep_theirs() -> None:
    assert skeleton("File.Read") == "file.read"
    assert skeleton("日本.読む") == "日本.読む"


@pytest.mark.parametrize(
    "text",
    ["a\u200bb", "a\u202eb", "a\x00b", "a\nb", "\u3164", "\ufeffa", "a\u2028b", "\u2800", "\U000e0041"],
)
def test_what_nobody_sees_is_invisible(text: str) -> None:
    assert invisible(text)


@pytest.mark.parametrize("text", ["a b", "é", "日本", "file.read", ""])
def test_what_somebody_sees_is_not(text: str) -> None:
    assert not invisible(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://Example.COM:443/path?x#y", "example.com"),
        ("example.com", "example.com"),
        ("example.com.", "example.com"),
        ("example.com:8080", "example.com"),
        ("example.com/x:y@z", "example.com"),
        ("http://localhost", "localhost"),
        ("git+ssh://host-1_x/repo", "host-1_x"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("http://[::1]:8080/", "::1"),
        ("[2001:DB8::0:1]", "2001:db8::1"),
        ("http://[::ffff:169.254.169.254]/", "169.254.169.254"),
        ("http://[::ffff:a9fe:a9fe]/", "169.254.169.254"),
        ("http://[64:ff9b::169.254.169.254]/", "169.254.169.254"),
        ("http://[::169.254.169.254]/", "169.254.169.254"),
        ("http://[::]/", "::"),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str) -> None:
    assert host_of(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "", " example.com", "example.com ", "http://", "/relative", "//example.com", "http:///x", "http://a@b/", "http://a:b@c",
        "http://a\\b", "http://ex%61mple.com", "http://exämple.com", "http://ｅxample.com", "a b", "a\tb", "data:text/plain",
        "javascript:alert(1)", "mailto:a@b", "1http://x", "://x", "a..b", ".a", "-" * 64 + ".x", ".".join(["a" * 60] * 5),
        "0x7f.0.0.1", "0177.0.0.1", "127.1", "2130706433", "127.0.0.01", "1.2.3.4.5", "256.1.1.1", "example.0x1",
        "[::1", "[::1]x", "[::1]:x", "[::g]", "[fe80::1%25eth0]", "a:b", "a:80:90", "a:", "a:1234567", "x" * 5000,
    ],
)  # fmt: skip
def test_a_host_that_can_be_read_in_two_ways_is_none(text: str) -> None:
    assert host_of(text) is None


def test_zones_are_whole_labels_and_an_address_is_in_itself_only() -> None:
    assert zones("a.b.example.com") == ("a.b.example.com", "b.example.com", "example.com", "com")
    assert "example.com" not in zones("evil-example.com")
    assert "example.com" not in zones("example.com.evil")
    assert zones("127.0.0.1") == ("127.0.0.1",)
    assert zones("::1") == ("::1",)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/etc/passwd", "/etc/passwd"),
        ("/etc//passwd/", "/etc/passwd"),
        ("/work/../etc/./passwd", "/etc/passwd"),
        ("src/a/../b.py", "src/b.py"),
        ("./src", "src"),
        (".", "."),
        ("a/..", "."),
        ("/", "/"),
        ("/a/..", "/"),
        ("..a/b..", "..a/b.."),
        ("app/[id]/page (1).tsx", "app/[id]/page (1).tsx"),
        ("größe/日本.txt", "größe/日本.txt"),
        (".git/config", ".git/config"),
        ("100%", "100%"),
    ],
)
def test_a_path_is_normal(text: str, path: str) -> None:
    assert path_of(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "", "../x", "a/../../b", "/..", "/a/../../b", "~/x", "~root", "//host/share", "C:/x", "c:x", "a\\b", "..\\x", "file:///etc",
        "a\x00b", "a\nb", "a\u202eb", "%2e%2e/x", "a/%2F/b", "$HOME/x", "a/`id`", "/*/passwd", "a?b", " a", "a/ b", "a /b",
        "／etc", "a/‥/b", "a/．．/b", "／", "a/＼b", "x" * 5000,
    ],
)  # fmt: skip
def test_a_path_that_can_be_read_in_two_ways_is_none(text: str) -> None:
    assert path_of(text) is None


def test_folders_are_whole_components() -> None:
    assert folders("/etc/ssl/certs") == ("/etc/ssl/certs", "/etc/ssl", "/etc", "/")
    assert folders("a/b") == ("a/b", "a", ".")
    assert folders("/") == ("/",)
    assert folders(".") == (".",)
    assert "/etc" not in folders("/etcetera/x")


PIECES = st.lists(st.sampled_from(["a", "etc", "..", ".", "", "b.c"]), max_size=8)


@given(PIECES, st.booleans())
def test_normalising_twice_changes_nothing_and_leaves_no_dots(pieces: list[str], absolute: bool) -> None:
    path = path_of(("/" if absolute else "") + "/".join(pieces))
    if path is not None:
        assert path_of(path) == path
        assert ".." not in path.split("/")
        assert folders(path)[0] == path


@given(st.text(alphabet="aA.:/@%[]0x1\\ é\t#?-", max_size=30))
def test_a_host_is_final_whatever_it_came_from(text: str) -> None:
    host = host_of(text)
    if host is not None:
        assert host == host.lower()
        assert host_of(f"http://[{host}]/" if ":" in host else host) == host
