"""Alerts: commands and facts (spec 06). An alert is raised by the platform, acknowledged by people, and over one day."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts

SEVERITIES = ("info", "warning", "critical")
HOW = ("cleared", "resolved", "lapsed")


def key_of(what: str, about: str) -> str:
    """What an open alert is known by, so that the same is raised once."""
    return f"{what}:{about}"


class RaiseAlert(Command, frozen=True, kw_only=True):
    """From the alerting process. `what` is one of `kinds.ALERTS`; `about` tells alerts of one kind apart.

    `thing_kind` and `thing` name the subject to look at (empty, 0: none), `agent` the agent concerned (0: none), `source`
    the seq of the event that shows it. `until_at`: it lapses by itself then (0: it does not).
    """

    KIND: ClassVar[str] = "alert"
    what: str
    about: str
    severity: str
    source: int
    agent: int = 0
    thing_kind: str = ""
    thing: int = 0
    until_at: int = 0


class WorsenAlert(Command, frozen=True, kw_only=True):
    """What an open alert is about got worse."""

    KIND: ClassVar[str] = "alert"
    severity: str
    source: int


class ClearAlert(Command, frozen=True, kw_only=True):
    """What it was about is over, as the event `source` shows."""

    KIND: ClassVar[str] = "alert"
    source: int


class AcknowledgeAlert(Command, frozen=True, kw_only=True):
    """Somebody has seen it and looks at it."""

    KIND: ClassVar[str] = "alert"


class ResolveAlert(Command, frozen=True, kw_only=True):
    """A person closes what does not end by itself, and says why."""

    KIND: ClassVar[str] = "alert"
    reason: str


class LapseAlert(Command, frozen=True, kw_only=True):
    """Its time is over."""

    KIND: ClassVar[str] = "alert"


class AlertRaised(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "alert.raised/1"
    KIND: ClassVar[str] = "alert"
    about: str
    agent: int
    nonce: int
    severity: str
    source: int
    thing: int
    thing_kind: str
    until_at: int
    what: str


class AlertWorsened(Facts, frozen=True, kw_only=True):
    """Also open again for people: who acknowledged the milder one has not seen this."""

    TYPE: ClassVar[str] = "alert.worsened/1"
    KIND: ClassVar[str] = "alert"
    about: str
    severity: str
    source: int
    what: str


class AlertAcknowledged(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "alert.acknowledged/1"
    KIND: ClassVar[str] = "alert"


class AlertResolved(Facts, frozen=True, kw_only=True):
    """`how`: cleared (the event `source` ended it), resolved (by a person, with a reason) or lapsed."""

    TYPE: ClassVar[str] = "alert.resolved/1"
    KIND: ClassVar[str] = "alert"
    about: str
    how: str
    reason: str
    source: int
    what: str
