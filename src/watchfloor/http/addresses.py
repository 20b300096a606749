"""Whose request is it? The peer's address, or what a configured proxy says of it (fault D10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Headers = Iterable[tuple[bytes, bytes]]


class Addresses:
    """Reads client addresses. Forwarding headers count only when the peer is a configured proxy.

    `proxies` are addresses or networks (`10.0.0.0/8`). Raises ValueError for what is neither.
    """

    def __init__(self, proxies: Sequence[str] = ()) -> None:
        self._proxies: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(proxy, strict=False) for proxy in proxies
        )

    def trusted(self, address: str) -> bool:
        """Is it one of the configured proxies?"""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in proxy for proxy in self._proxies if proxy.version == parsed.version)

    def client(self, peer: str, headers: Headers) -> str:
        """The rightmost address that is not a trusted proxy; the peer itself when nobody trusted spoke for it."""
        if not self._proxies or not self.trusted(peer):
            return peer
        hops: list[str] = []
        for name, value in headers:
            if name == b"x-forwarded-for":
                hops += value.decode("latin-1").split(",")
        for hop in reversed(hops):
            address = _bare(hop)
            try:
                ip_address(address)
            except ValueError:
                return peer
            if not self.trusted(address):
                return address
        return peer

    def over_tls(self, peer: str, scheme: str, headers: Headers) -> bool:
        """Did the client speak TLS, to us or to a trusted proxy?"""
        if scheme == "https":
            return True
        if not self.trusted(peer):
            return False
        for name, value in headers:
            if name == b"x-forwarded-proto":
                return value.decode("latin-1").split(",")[-1].strip().lower() == "https"
        return False


def _bare(hop: str) -> str:
    """The address of one hop, without brackets and port."""
    hop = hop.strip()
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def bucket(address: str) -> str:
    """What an address is counted under: IPv6 clients by their /64, which one subscriber owns as a whole."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 6:
        return str(ip_network(f"{address.partition('%')[0]}/64", strict=False))
    return address
