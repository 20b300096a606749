"""Canonical bytes of a policy document, and the digest rulings name it by (spec 3.6, DESIGN 2b.2)."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from watchfloor.kernel.codec import canonical
from watchfloor.kernel.terms import Policy


def canonical_bytes(document: Policy) -> bytes:
    """RFC 8785 bytes, every field written out, defaults included. Raises codec.NotCanonical."""
    return canonical(msgspec.to_builtins(document))


def digest_of(document: Policy) -> str:
    """Hex SHA-256 of the canonical bytes. Raises codec.NotCanonical."""
    return sha256(canonical_bytes(document)).hexdigest()
