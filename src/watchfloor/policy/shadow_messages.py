"""Shadow policies: candidates that are kept and compared with what is in force, and decide nothing (spec 03 §3.1)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts
from watchfloor.kernel.terms import Policy


class SetShadow(Command, frozen=True, kw_only=True):
    """Keep `document` under a name; of a name that is there, another document in its place, compared from now on."""

    KIND: ClassVar[str] = "policy"
    document: Policy
    name: str
    reason: str = ""


class RemoveShadow(Command, frozen=True, kw_only=True):
    """Keep it no longer."""

    KIND: ClassVar[str] = "policy"
    name: str
    reason: str = ""


class ShadowSet(Facts, frozen=True, kw_only=True):
    """`number` counts what was ever kept; what is judged after this event is compared. `digest` of the canonical document."""

    TYPE: ClassVar[str] = "policy.shadow_set/1"
    KIND: ClassVar[str] = "policy"
    digest: str
    document: Policy
    name: str
    number: int
    reason: str
    replaces: int = 0


class ShadowRemoved(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "policy.shadow_removed/1"
    KIND: ClassVar[str] = "policy"
    name: str
    number: int
    reason: str
