"""Evidence for anomalies: whether the same is open already, and whose agents it is about (law *Evidence*)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from watchfloor.engine.requests import Request
from watchfloor.kernel.ids import PREFIXES
from watchfloor.kernel.subject import Read
from watchfloor.registers.conduct import Known
from watchfloor.trust.anomalies import Anomaly, KnownEvidence, OwnersEvidence
from watchfloor.trust.anomaly_messages import ReportAnomaly, ResolveAnomaly, key_of

_PERSON = f"{PREFIXES['person']}_"


def report(read: Read, command: ReportAnomaly, at: int, request: Request) -> KnownEvidence:
    """Two detectors' wishes of one batch, or one wish too many, are one anomaly."""
    known: Known | None = read("anomalies", key_of(command.what, command.agent, command.about))
    return KnownEvidence(known=known is not None and not known.resolved_at)


def resolve(read: Read, command: ResolveAnomaly, at: int, request: Request) -> OwnersEvidence:
    """The owners of all agents concerned, and the people it is about."""
    anomaly: Anomaly | None = read("anomaly", command.subject)
    agents = [read("agent", agent) for agent in anomaly.agents] if anomaly is not None else []
    owners = {agent.owner for agent in agents if agent is not None}
    people = {name for name in anomaly.about.split(" ") if name.startswith(_PERSON)} if anomaly else set()
    return OwnersEvidence(owners=tuple(sorted(owners | people)))
