"""Facts the engine itself records (DESIGN §1, §2): nothing a capability owns."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class RecordAnomaly(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "organisation"
    offset_ms: int


class Advance(Command, frozen=True, kw_only=True):
    """Work off the next slice of a continuation."""

    KIND: ClassVar[str] = "organisation"
    name: str


class DeclareRollback(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "organisation"
    reason: str
    size_lost: int
    size_now: int


class Redact(Command, frozen=True, kw_only=True):
    """Erase the private part of event `redacted`."""

    KIND: ClassVar[str] = "organisation"
    redacted: int
    reason: str


class StartNode(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "organisation"
    node: str
    incarnation: str
    version: str


class ProcessRefused(Facts, frozen=True, kw_only=True):
    """A derived command was refused; its cause stands (law *One batch*)."""

    TYPE: ClassVar[str] = "process.refused/1"
    KIND: ClassVar[str] = "organisation"
    code: str
    command: str
    subject_id: int
    subject_kind: str


class ClockAnomaly(Facts, frozen=True, kw_only=True):
    """Wall and monotonic clocks parted by more than 5 s; due dates shift by `offset_ms` (DESIGN §2 *Time*)."""

    TYPE: ClassVar[str] = "clock.anomaly/1"
    KIND: ClassVar[str] = "organisation"
    offset_ms: int


class RollbackDeclared(Facts, frozen=True, kw_only=True):
    """An operator declared that the ledger was rolled back to an older copy (spec 04)."""

    TYPE: ClassVar[str] = "ledger.rollback_declared/1"
    KIND: ClassVar[str] = "organisation"
    reason: str
    size_lost: int
    size_now: int


class Redacted(Facts, frozen=True, kw_only=True):
    """The private part of event `redacted` was erased; its commitment stays (spec 04)."""

    TYPE: ClassVar[str] = "ledger.redacted/1"
    KIND: ClassVar[str] = "organisation"
    reason: str
    redacted: int


class Continued(Facts, frozen=True, kw_only=True):
    """A slice of a continuation is done; `left` more to do (law *One batch*)."""

    TYPE: ClassVar[str] = "continuation.advanced/1"
    KIND: ClassVar[str] = "organisation"
    left: int
    name: str
