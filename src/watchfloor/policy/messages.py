"""Policy versions: commands and facts (spec 3.6)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts
from watchfloor.kernel.terms import Policy


class ApplyPolicy(Command, frozen=True, kw_only=True):
    """Make `document` the active policy. `expected_version` is the If-Match of the change, -1 to skip the check."""

    KIND: ClassVar[str] = "policy"
    document: Policy
    expected_version: int = -1
    reason: str = ""


class PolicyApplied(Facts, frozen=True, kw_only=True):
    """`digest` is the SHA-256 of the canonical document.

    `loosens` says what the change made looser: `type:`, `tool:`, `class:`, `level:` and `*` for every action; until
    `barred_until_at` whoever asked for it (`by`, a person) may not decide on what it affects.
    """

    TYPE: ClassVar[str] = "policy.applied/1"
    KIND: ClassVar[str] = "policy"
    digest: str
    document: Policy
    nonce: int
    reason: str
    version: int
    # Fields below came later; earlier changes barred nobody.
    barred_until_at: int = 0
    by: str = ""
    loosens: tuple[str, ...] = ()
