"""Addresses the platform may connect to when somebody else named them (SSRF; DESIGN §4)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.runners.reach import Reach, ReachInvalid, embedded, is_public, looks_numeric, read_address

NOWHERE = Reach()


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = read_address(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
        "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1",
        "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
        "2002:808:808::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
        "4000::1", "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_plainly_public_is_not_permitted(text: str) -> None:
    assert not NOWHERE.permits(address(text))
    assert not NOWHERE.permits(address(text), "public.example")


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.63.255.255", "2606:4700::1111", "2a00:1450::1"]
)
def test_a_public_address_is_permitted_without_a_list(text: str) -> None:
    assert NOWHERE.permits(address(text))


def test_a_listed_network_is_permitted_and_its_neighbour_is_not() -> None:
    reach = Reach.of(["127.0.0.1", "10.1.0.0/16", "fd00::/8"])
    assert reach.permits(address("127.0.0.1"))
    assert not reach.permits(address("127.0.0.2"))
    assert reach.permits(address("10.1.255.255"))
    assert not reach.permits(address("10.2.0.0"))
    assert reach.permits(address("fd12::1"))
    assert not reach.permits(address("::ffff:127.0.0.1"))


def test_a_listed_translator_leads_only_where_the_inner_address_may_go() -> None:
    reach = Reach.of(["64:ff9b::/96", "2002::/16", "::ffff:0:0/96"])
    assert reach.permits(address("64:ff9b::8.8.8.8"))
    assert reach.permits(address("2002:808:808::1"))
    for inner in ("64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1"):
        assert not reach.permits(address(inner))


def test_a_listed_host_may_be_private_and_never_link_local_or_a_clouds_metadata() -> None:
    reach = Reach.of(["CI.internal."])
    for text in ("10.0.0.1", "127.0.0.1", "192.168.1.1", "::1", "fd12::1", "100.64.0.1"):
        assert reach.permits(address(text), "ci.INTERNAL")
        assert not reach.permits(address(text), "other.internal")
        assert not reach.permits(address(text), "x.ci.internal")
    for text in ("169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "::ffff:10.0.0.1", "fd00:ec2::254",
                 "100.100.100.200", "168.63.129.16"):  # fmt: skip
        assert not reach.permits(address(text), "ci.internal")


@pytest.mark.parametrize(
    "entry",
    ["10.1.2.3/16", "1.2.3.4.5", "127.1", "2130706433", "0x7f.1", "a b", "", "http://x", "h:80", "::g", "-"],
)
def test_an_entry_that_is_neither_network_nor_name_is_refused_at_the_start(entry: str) -> None:
    with pytest.raises(ReachInvalid, match="outbound_allow"):
        Reach.of([entry])


def test_what_a_resolver_reads_as_a_number_is_told_from_a_name() -> None:
    assert all(looks_numeric(host) for host in ("127.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "a.0x"))
    assert not any(looks_numeric(host) for host in ("a.b", "1.com", "0x7f.example", "ab"))


def test_an_address_with_a_zone_is_of_a_link_and_none_of_ours() -> None:
    assert read_address("fe80::1%eth0") is None
    assert read_address("localhost") is None


@given(st.integers(0, 2**32 - 1))
def test_no_translated_form_of_any_address_is_public_and_each_is_seen_through(number: int) -> None:
    inner = ipaddress.IPv4Address(number)
    forms = [
        ipaddress.IPv6Address((prefix << 32) | number)
        for prefix in (
            0xFFFF,
            0x64FF9B << 64,
            0xFFFF << 16,
            (0x2606 << 80) | 0x5EFE,
            (0x2606 << 80) | 0x2005EFE,
        )
    ]
    forms.append(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))
    for form in forms:
        assert not is_public(form), form
        assert embedded(form) == inner, form
