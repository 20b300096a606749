"""Client certificates as TLS hands them over, and as a proxy that authenticated itself does (spec 2.1 *mTLS*; D11).

A certificate is believed from two sources only: the TLS connection that ends in this process, where the handshake has
checked it against the configured authorities; and the header `Client-Cert` (RFC 9440) of a connection whose own
certificate is that of a configured proxy. From anybody else the header is as if it were not there.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256

from cryptography import x509

from watchfloor.fleet.certificates import Certificate

HEADER = b"client-cert"
_HEADER_BYTES_MAX = 12_000


def read(der: bytes) -> Certificate:
    """Fingerprint and subject alternative names of a DER certificate. Raises ValueError."""
    parsed = x509.load_der_x509_certificate(der)
    names: list[str] = []
    try:
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        extension = None
    if extension is not None:
        names += (f"dns:{name}" for name in extension.get_values_for_type(x509.DNSName))
        names += (f"uri:{name}" for name in extension.get_values_for_type(x509.UniformResourceIdentifier))
        names += (f"email:{name}" for name in extension.get_values_for_type(x509.RFC822Name))
    return Certificate(fingerprint=sha256(der).hexdigest(), names=tuple(names))


def shown(
    der: bytes | None, headers: list[tuple[bytes, bytes]], proxies: frozenset[str]
) -> Certificate | None:
    """The client's certificate: its own, or what a configured proxy says of it. `proxies` are hex fingerprints."""
    if not der:
        return None
    try:
        own = read(der)
    except ValueError:
        return None
    if own.fingerprint not in proxies:
        return own
    said = [value for name, value in headers if name == HEADER]
    return _forwarded(said[0]) if len(said) == 1 else None


def _forwarded(value: bytes) -> Certificate | None:
    """The certificate of a `Client-Cert` field: base64 of DER between colons (RFC 9440 §2.1)."""
    value = value.strip()
    if not (2 < len(value) <= _HEADER_BYTES_MAX and value[:1] == value[-1:] == b":"):
        return None
    try:
        return read(base64.b64decode(value[1:-1], validate=True))
    except (binascii.Error, ValueError):
        return None
