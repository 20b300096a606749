"""Supervision of agents by agents: commands and facts (spec 2.3). The rules are in `supervision.py`."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class ArrangeSupervision(Command, frozen=True, kw_only=True):
    """A new domain, or other agents for one that exists. `tasks_max`: more open tasks are too many for its holder,
    0 no bound."""

    KIND: ClassVar[str] = "supervision"
    domain: str
    primary: int
    members: tuple[int, ...]
    backups: tuple[int, ...] = ()
    patience_ms: int = 5_000
    tasks_max: int = 0


class DoubtSupervisor(Command, frozen=True, kw_only=True):
    """`reason` offline or degraded."""

    KIND: ClassVar[str] = "supervision"
    agent: int
    reason: str


class ConfirmSupervisor(Command, frozen=True, kw_only=True):
    """The agent is there: it is no longer doubted, or takes the domain from people."""

    KIND: ClassVar[str] = "supervision"
    agent: int


class PassSupervision(Command, frozen=True, kw_only=True):
    """From `agent_before` (0: whoever has it) to `agent` (0: the first of the others that is there)."""

    KIND: ClassVar[str] = "supervision"
    reason: str
    agent: int = 0
    agent_before: int = 0


class EndSupervision(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "supervision"
    reason: str = ""


class SupervisionTimePassed(Command, frozen=True, kw_only=True):
    """The patience with a doubted holder is over."""

    KIND: ClassVar[str] = "supervision"


class SupervisionArranged(Facts, frozen=True, kw_only=True):
    """`agent` holds it from now on, 0: nobody was there, it is people's."""

    TYPE: ClassVar[str] = "supervision.arranged/1"
    KIND: ClassVar[str] = "supervision"
    agent: int
    backups: tuple[int, ...]
    domain: str
    generation: int
    members: tuple[int, ...]
    nonce: int
    patience_ms: int
    primary: int
    tasks_max: int


class SupervisorDoubted(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "supervision.doubted/1"
    KIND: ClassVar[str] = "supervision"
    agent: int
    reason: str
    until_at: int


class SupervisorConfirmed(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "supervision.confirmed/1"
    KIND: ClassVar[str] = "supervision"
    agent: int


class SupervisionPassed(Facts, frozen=True, kw_only=True):
    """`agent` holds it now, 0: nobody is there, an alert to people. `reason`: offline, degraded, quarantined, retired,
    overloaded, available (taken from people), or a person's word."""

    TYPE: ClassVar[str] = "supervision.passed/1"
    KIND: ClassVar[str] = "supervision"
    agent: int
    agent_before: int
    generation: int
    reason: str


class SupervisionEnded(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "supervision.ended/1"
    KIND: ClassVar[str] = "supervision"
    agent: int
    reason: str
