"""Break-glass: how long a forced grant lives, who is told, by when it is reviewed: a section of the policy (spec 3.2)."""

from __future__ import annotations

import msgspec


class BreakGlassTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tell` are targets as in routing; a forced grant never lives longer than another."""

    grant_ms: int = 300_000
    review_ms: int = 86_400_000
    tell: tuple[str, ...] = ("role:director", "role:admin")
