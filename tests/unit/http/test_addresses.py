"""Forwarding headers count only from configured proxies (spec 9 D10)."""

from __future__ import annotations

import pytest

from watchfloor.http.addresses import Addresses, bucket

FORWARDED = [(b"x-forwarded-for", b"1.2.3.4, 10.0.0.9")]


def test_a_strangers_header_is_ignored() -> None:
    assert Addresses().client("9.9.9.9", FORWARDED) == "9.9.9.9"
    assert Addresses(["10.0.0.0/8"]).client("9.9.9.9", FORWARDED) == "9.9.9.9"


def test_behind_a_trusted_proxy_the_last_untrusted_hop_counts() -> None:
    addresses = Addresses(["10.0.0.0/8"])
    assert addresses.client("10.0.0.1", FORWARDED) == "1.2.3.4"
    assert addresses.client("10.0.0.1", [(b"x-forwarded-for", b"6.6.6.6, 1.2.3.4")]) == "1.2.3.4"
    assert (
        addresses.client("10.0.0.1", [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"1.2.3.4")])
        == "1.2.3.4"
    )


@pytest.mark.parametrize("garbage", [b"", b"nonsense", b"1.2.3.4, ;;;", b"1.2.3.4, <script>"])
def test_garbage_leaves_the_peer(garbage: bytes) -> None:
    assert Addresses(["10.0.0.0/8"]).client("10.0.0.1", [(b"x-forwarded-for", garbage)]) == "10.0.0.1"


def test_ports_and_brackets_are_read_away() -> None:
    addresses = Addresses(["10.0.0.0/8", "::1"])
    assert addresses.client("10.0.0.1", [(b"x-forwarded-for", b"[2001:db8::7]:4711")]) == "2001:db8::7"
    assert addresses.client("::1", [(b"x-forwarded-for", b"1.2.3.4:80")]) == "1.2.3.4"


def test_tls_is_what_we_see_or_what_a_trusted_proxy_says() -> None:
    said = [(b"x-forwarded-proto", b"https")]
    assert Addresses().over_tls("9.9.9.9", "https", [])
    assert not Addresses().over_tls("9.9.9.9", "http", said)
    assert Addresses(["9.9.9.9"]).over_tls("9.9.9.9", "http", said)
    assert not Addresses(["9.9.9.9"]).over_tls("9.9.9.9", "http", [])


def test_one_ipv6_subscriber_is_one_bucket() -> None:
    assert bucket("2001:db8:1:2:3::1") == bucket("2001:db8:1:2:ffff::9") != bucket("2001:db8:1:3::1")
    assert bucket("1.2.3.4") == "1.2.3.4"
    assert bucket("") == "unknown"


def test_what_is_no_network_stops_the_start() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Addresses(["proxy.example"])
