"""Evidence for alerts: whether the same is open already, and whose agent one is about (law *Evidence*)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from watchfloor.engine.requests import Request
from watchfloor.kernel.limits import ALERTS_OPEN_MAX
from watchfloor.kernel.subject import Read
from watchfloor.situation.messages import RaiseAlert, ResolveAlert, key_of
from watchfloor.situation.rules import Alert, OpenEvidence, OwnerEvidence


def raised(read: Read, command: RaiseAlert, at: int, request: Request) -> OpenEvidence:
    """Two causes of one batch are one alert."""
    count: int = read("alerts_open", "all") or 0
    return OpenEvidence(
        known=read("alerts", key_of(command.what, command.about)) is not None,
        full=count >= ALERTS_OPEN_MAX,
    )


def resolved(read: Read, command: ResolveAlert, at: int, request: Request) -> OwnerEvidence:
    """The owner of the agent concerned."""
    alert: Alert | None = read("alert", command.subject)
    agent = read("agent", alert.agent) if alert is not None and alert.agent else None
    return OwnerEvidence(owner=agent.owner if agent is not None else "")
