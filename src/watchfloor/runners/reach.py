"""Which addresses the platform may connect to when somebody else named them (SSRF; DESIGN §4, spec 2.4 *HTTP workers*).

Theory of operation
-------------------
A name is worth nothing: whoever owns it decides what it resolves to, and may decide anew for every question. So only
*addresses* are judged, after resolving and before connecting, and the connection goes to the very address that was
judged (outbound.py). An address is permitted when it is plainly on the public internet, or when the operator put its
network on the list `outbound_allow`. What only translates to another address (mapped, compatible, 6to4, Teredo, NAT64,
ISATAP) is never public: a list that names a translator's network permits it, as long as the address inside is permitted
too.

A *host* on the list may resolve to loopback and private addresses. Never to link-local ones, where clouds serve their
credentials, nor to multicast, unspecified, reserved or translated ones: whoever takes over the name gets no further than
its network. Those need their network on the list.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What `is_global` gets wrong in one of the Python versions we support, or does not know (IANA special-purpose registries).
_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # "this network"; Linux connects to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is a metadata server
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own services at a public address
        "169.254.0.0/16",  # link-local; 169.254.169.254 is a metadata server
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/8",  # unspecified, loopback, compatible, mapped, translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 of a site
        "100::/64",
        "2001::/23",  # Teredo, ORCHID and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",  # unique local; fd00:ec2::254 is a metadata server
        "fe80::/9",  # link-local, site-local
        "ff00::/8",
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # nothing else of IPv6 is routed
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")  # SIIT, RFC 2765
_HOST_MAY_BE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)  # fmt: skip
_METADATA: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text) for text in ("100.100.100.200/32", "fd00:ec2::254/128", "168.63.129.16/32")
)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")


class ReachInvalid(ValueError):
    """An entry of `outbound_allow` is neither a network, an address nor a host's name."""


class Reach(msgspec.Struct, frozen=True):
    """What is permitted beyond the public internet."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Reach:
        """From the setting: networks (`10.1.0.0/16`), addresses (`127.0.0.1`) and names (`ci.internal`).

        Raises ReachInvalid, also for a network with host bits: `10.1.2.3/16` was meant as one address or the other.
        """
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError as error:
                name = named(entry)
                if "/" in entry or ":" in entry or looks_numeric(name) or not _HOST.fullmatch(name):
                    raise ReachInvalid(f"outbound_allow: {entry!r}: {error}") from error
                hosts.add(name)
        return cls(tuple(networks), frozenset(hosts))

    def permits(self, address: Address, host: str = "") -> bool:
        """May we connect to this address, found for that host?"""
        if any(address in network for network in self.networks):
            inside = embedded(address)
            return inside is None or self.permits(inside)
        if is_public(address):
            return True
        if named(host) not in self.hosts or any(address in network for network in _METADATA):
            return False
        return any(address in network for network in _HOST_MAY_BE)


def named(host: str) -> str:
    """The name as it is compared: lower case, without the dot of the root."""
    return host.lower().removesuffix(".")


def looks_numeric(host: str) -> bool:
    """Would a resolver read this as a number (`127.1`, `0x7f000001`, `2130706433`)? No top-level domain is one."""
    last = host.rsplit(".", 1)[-1]
    return bool(re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last))


def read_address(text: str) -> Address | None:
    """The address a resolver or a URL gave, None for anything else; one with a zone is of a link, so none of ours."""
    try:
        return ipaddress.ip_address(text) if "%" not in text else None
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Is it plainly an address of the public internet, and not one that stands for another?"""
    if any(address in network for network in _NEVER_PUBLIC):
        return False
    if isinstance(address, ipaddress.IPv6Address) and (address not in _GLOBAL_UNICAST or _is_isatap(address)):
        return False
    return address.is_global and not address.is_multicast


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a translating one leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    whole = any(address in network for network in (_MAPPED, _NAT64, _COMPATIBLE, _TRANSLATED))
    if (whole and int(address) > 1) or _is_isatap(address):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _is_isatap(address: ipaddress.IPv6Address) -> bool:
    """RFC 5214 §6.1: the interface's half begins with 0000:5efe or 0200:5efe."""
    return (int(address) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE
