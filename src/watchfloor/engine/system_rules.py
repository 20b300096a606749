"""What the engine itself may record about an organisation (kernel/system.py). Pure, like every rule."""

# ruff: noqa: ARG001 -- rules have one signature each, whatever they look at

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from watchfloor.fleet.messages import NodeStarted
from watchfloor.kernel.messages import Command, Draft, Facts, Refused
from watchfloor.kernel.subject import Decide, Given
from watchfloor.kernel.system import (
    Advance,
    ClockAnomaly,
    Continued,
    DeclareRollback,
    ProcessRefused,
    RecordAnomaly,
    Redact,
    Redacted,
    RollbackDeclared,
    StartNode,
)

FACTS: tuple[type[Facts], ...] = (ProcessRefused, ClockAnomaly, RollbackDeclared, Redacted, Continued)


class WorkLeft(msgspec.Struct, frozen=True):
    """How much of a continuation is left before this slice; -1 when there is none of this name."""

    left: int


def _anomaly(state: Any, command: RecordAnomaly, given: Given) -> list[Draft]:
    return [Draft(facts=ClockAnomaly(offset_ms=command.offset_ms))]


def _advance(state: Any, command: Advance, given: Given) -> list[Draft]:
    evidence: WorkLeft = given.evidence
    if evidence.left < 0:
        return []
    return [Draft(facts=Continued(left=evidence.left, name=command.name))]


def _rollback(state: Any, command: DeclareRollback, given: Given) -> list[Draft]:
    facts = RollbackDeclared(reason=command.reason, size_lost=command.size_lost, size_now=command.size_now)
    return [Draft(facts=facts)]


def _redact(state: Any, command: Redact, given: Given) -> list[Draft]:
    if not command.reason:
        raise Refused("reason_missing", "a redaction needs a reason", field="/reason", status=422)
    return [Draft(facts=Redacted(reason=command.reason, redacted=command.redacted))]


def _node(state: Any, command: StartNode, given: Given) -> list[Draft]:
    return [
        Draft(facts=NodeStarted(incarnation=command.incarnation, node=command.node, version=command.version))
    ]


DECIDES: Mapping[type[Command], Decide] = {
    RecordAnomaly: _anomaly,
    Advance: _advance,
    DeclareRollback: _rollback,
    Redact: _redact,
    StartNode: _node,
}
