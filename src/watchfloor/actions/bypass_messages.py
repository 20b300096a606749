"""Time-boxed bypasses of level 2: commands and facts (spec 3.2 *Inbox*)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class OpenBypass(Command, frozen=True, kw_only=True):
    """`agent` 0: every agent; `type` empty: every type. `tell` are targets as in routing."""

    KIND: ClassVar[str] = "bypass"
    agent: int
    type: str
    expires_at: int
    reason: str
    tell: tuple[str, ...] = ()


class EndBypass(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "bypass"


class BypassOpened(Facts, frozen=True, kw_only=True):
    """Until `expires_at` what takes level 2 runs without a confirmation; the actor answers for it, `tell` are told."""

    TYPE: ClassVar[str] = "bypass.opened/1"
    KIND: ClassVar[str] = "bypass"
    action_type: str
    agent: int
    expires_at: int
    nonce: int
    reason: str
    tell: tuple[str, ...]


class BypassEnded(Facts, frozen=True, kw_only=True):
    """Taken back before its time."""

    TYPE: ClassVar[str] = "bypass.ended/1"
    KIND: ClassVar[str] = "bypass"
