"""Anomalies: commands and facts (spec 3.4). An anomaly is found by the platform and closed by people."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts

OUTCOMES = ("confirmed", "false_alarm")


def key_of(what: str, agent: int, about: str) -> str:
    """What an open anomaly is known by, so that the same is found once."""
    return f"{what}:{agent}:{about}"


class ReportAnomaly(Command, frozen=True, kw_only=True):
    """From the detectors. `agent` 0: it is about several (`agents`); `evidence` seqs of the events that show it.

    `measured` and `threshold` are in the unit of the kind: points, events, permille, hours, days, agents.
    """

    KIND: ClassVar[str] = "anomaly"
    what: str
    agent: int
    agents: tuple[int, ...]
    evidence: tuple[int, ...]
    measured: int
    threshold: int
    about: str = ""


class AcknowledgeAnomaly(Command, frozen=True, kw_only=True):
    """A person has seen it."""

    KIND: ClassVar[str] = "anomaly"


class ResolveAnomaly(Command, frozen=True, kw_only=True):
    """A person closes it: `outcome` confirmed or false_alarm, and why."""

    KIND: ClassVar[str] = "anomaly"
    outcome: str
    reason: str


class AnomalyFound(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "anomaly.found/1"
    KIND: ClassVar[str] = "anomaly"
    about: str
    agent: int
    agents: tuple[int, ...]
    evidence: tuple[int, ...]
    measured: int
    nonce: int
    threshold: int
    what: str


class AnomalyAcknowledged(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "anomaly.acknowledged/1"
    KIND: ClassVar[str] = "anomaly"


class AnomalyResolved(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "anomaly.resolved/1"
    KIND: ClassVar[str] = "anomaly"
    about: str
    agent: int
    outcome: str
    reason: str
    what: str
    excess: int = 0  # of a cost report: by how much the claim is more than what counted
