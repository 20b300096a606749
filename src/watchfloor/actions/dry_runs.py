"""The audit line of a dry run, written where it was asked for: who asked what, and what the gate said (spec 3.1).

A dry run leaves nothing behind: no limit is spent, no count moves, nobody is told. With `audit` it leaves this one event
and nothing else: no register, no trust and no budget reads it. The action's parameters are its private part, as those
of a request are, and can be erased like them.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from watchfloor.actions.messages import ActionDecided
from watchfloor.kernel.folds import first
from watchfloor.kernel.messages import Command, Draft, Event, Facts, Refused
from watchfloor.kernel.subject import Given, Subject


class NoteDryRun(Command, frozen=True, kw_only=True):
    """Write down the ruling of a dry run. `ruled` is the event that was not recorded, `judged_at` the seq it was judged at."""

    KIND: ClassVar[str] = "dry_run"
    ruled: ActionDecided
    judged_at: int
    salt: bytes = b""
    private: bytes = b""


def noted(ruled: Facts, judged_at: int, salt: bytes, private: bytes) -> NoteDryRun:
    """The command that writes this ruling down."""
    assert isinstance(ruled, ActionDecided)
    return NoteDryRun(ruled=ruled, judged_at=judged_at, salt=salt, private=private)


class DryRunJudged(Facts, frozen=True, kw_only=True):
    """Somebody asked what the gate would say, and wanted it on the record; nothing was granted and nothing follows.

    `agent` is who it was asked for, the event's actor who asked. `digest` is salted like that of an action.
    """

    TYPE: ClassVar[str] = "dry_run.judged/1"
    KIND: ClassVar[str] = "dry_run"
    action_type: str
    agent: int
    digest: str
    failed: tuple[tuple[str, str, int], ...]
    judged_at: int
    level: int
    policy_digest: str
    risk: int
    task: int
    tool: str
    verdict: str


class DryRunState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    seq: int


def note(state: DryRunState | None, command: NoteDryRun, given: Given) -> list[Draft]:
    """One line. It is never written twice: the subject begins and ends with it."""
    del given
    if state is not None:
        raise Refused("already_judged", "a dry run is written down once")
    ruled = command.ruled
    facts = DryRunJudged(
        action_type=ruled.action_type,
        agent=ruled.agent,
        digest=ruled.digest,
        failed=ruled.failed,
        judged_at=command.judged_at,
        level=ruled.level,
        policy_digest=ruled.policy_digest,
        risk=ruled.risk,
        task=ruled.task,
        tool=ruled.tool,
        verdict=ruled.verdict,
    )
    return [Draft(facts=facts, private=command.private, salt=command.salt)]


def _judged(facts: Facts, event: Event) -> DryRunState:
    del facts
    return DryRunState(seq=event.seq)


def _over(state: DryRunState) -> bool:
    """Nothing is left to happen to it."""
    del state
    return False


DRY_RUN = Subject(
    kind="dry_run",
    state=DryRunState,
    decide={NoteDryRun: note},
    evolve={DryRunJudged: first(_judged)},
    live=_over,
)
