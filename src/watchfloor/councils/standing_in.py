"""Backups: who is told of a decision in place of somebody who is away, has too much, or knows less of it (spec 3.2 *Routing*).

Who was seen when is nothing that a rule can look up, so the instant's measure arrives with the command and is kept in the
event; whether it is enough is judged here, by the policy in force. One takes over from a target once on a rung. It moves
who is *told*: who may decide stays with roles and committees.
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.councils.decision import PENDING, Decision, known
from watchfloor.councils.messages import DecisionTakenOver, TakeOver
from watchfloor.kernel.council_terms import BackupTerms
from watchfloor.kernel.folds import Changes
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.subject import Given

OFFLINE, OVERLOADED, SPECIALIST = "offline", "overloaded", "specialist"
REASONS = (OFFLINE, OVERLOADED, SPECIALIST)


class BackupEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For TakeOver: the backups of the policy in force, and type and class of the action."""

    backups: tuple[BackupTerms, ...]
    action_type: str = ""
    cls: str = ""


def knows(backup: BackupTerms, action_type: str, cls: str) -> bool:
    """Is this the backup's own domain?"""
    return action_type in backup.types or cls in backup.classes


def take_over(state: Decision | None, command: TakeOver, given: Given) -> list[Draft]:
    """Others are told from now on; nothing when it is over, on another rung, or taken over from them already."""
    decision = known(state)
    if decision.status != PENDING or command.rung != decision.rung or command.of in decision.taken:
        return []
    evidence: BackupEvidence = given.evidence
    if not any(_allows(backup, command, evidence) for backup in evidence.backups):
        raise Refused("no_backup", "the policy has no such backup for this")
    tell = tuple(target for target in decision.tell if target != command.of)
    facts = DecisionTakenOver(
        action=decision.action,
        agent=decision.agent,
        by=command.by,
        measured=command.measured,
        of=command.of,
        reason=command.reason,
        rung=decision.rung,
        tell=(*tell, *(target for target in command.by if target not in tell)),
    )
    return [Draft(facts=facts)]


def _allows(backup: BackupTerms, command: TakeOver, evidence: BackupEvidence) -> bool:
    if backup.of != command.of or not command.by or not set(command.by) <= set(backup.by):
        return False
    if command.reason == OFFLINE:
        return 0 < backup.offline_ms <= command.measured
    if command.reason == OVERLOADED:
        return 0 < backup.waiting_max < command.measured
    return command.reason == SPECIALIST and knows(backup, evidence.action_type, evidence.cls)


def taken_over(decision: Decision, facts: DecisionTakenOver, event: Event) -> Changes:
    if facts.rung != decision.rung or decision.status != PENDING or facts.of in decision.taken:
        return {}
    return {"tell": facts.tell, "taken": (*decision.taken, facts.of)}
