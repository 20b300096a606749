"""Cells of any registers, and facts shown to them one by one: what a register says without engine or rules."""

from __future__ import annotations

from typing import Any

from tests.transcripts.world import START

from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionGranted,
    ActionSettled,
    ActionStarted,
    ActionUnknown,
    Derived,
    Evidence,
    Grant,
)
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.kernel.messages import Actor, Event, Facts
from watchfloor.kernel.subject import Register

NOTHING_SEEN = Evidence(0, True, True, (), 0, 0, 0, 0, 0, 0, 0, 0, 1, 300, 0, True, True, 0, 0, 0, 0, 0, 0)
AGENT = Actor(kind="agent", id="agt_1")


class Board:
    """Cells by (name, key). `now` is the instant of what is shown next, `seq` of what was shown last."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.cells: dict[tuple[str, Any], Any] = {}
        self.now = START
        self.seq = 0

    def read(self, name: str, key: Any) -> Any:
        """A cell's value, None when it is not set."""
        return self.cells.get((name, key))

    def show(
        self, facts: Facts, subject: int = 0, *, actor: Actor = AGENT, frame: int = 0, body: str = ""
    ) -> Event:
        """The next event; its subject is its own seq unless one is named."""
        self.seq += 1
        event = Event(
            org="o",
            seq=self.seq,
            at=self.now,
            type=facts.TYPE,
            kind=facts.KIND,
            subject=subject or self.seq,
            actor=actor,
            frame=frame,
            body=body,
            facts=facts,
        )
        self.again(event)
        return event

    def again(self, event: Event) -> None:
        """Show an event, for the first time or once more."""
        fold = self.register.folds.get(type(event.facts))
        changes = list(fold(event, self.read)) if fold is not None else []
        if event.frame and self.register.framed is not None:
            changes += self.register.framed(event, self.read)
        for name, key, value in changes:
            assert name in self.register.cells, f"{name} is not a cell of {self.register.name}"
            if value is None:
                self.cells.pop((name, key), None)
            else:
                self.cells[name, key] = value


def decided(
    verdict: str = "permitted", *, agent: int = 1, kind: str = "file.read", reserves: int = 0, level: int = 0
) -> ActionDecided:
    """A ruling of the gate."""
    return ActionDecided(
        action_type=kind,
        agent=agent,
        cost_micro=reserves,
        derived=Derived("read"),
        digest="d",
        evidence=NOTHING_SEEN,
        failed=(),
        generation=0,
        grant=Grant(basis="auto", execution_ms=1, expires_at=1) if verdict == "permitted" else None,
        level=level,
        nonce=7,
        policy_digest="p",
        reserves_micro=reserves,
        risk=10,
        task=0,
        tool="fs",
        urgency="normal",
        verdict=verdict,
    )


def started(agent: int = 1) -> ActionStarted:
    return ActionStarted(
        action_type="file.read", agent=agent, execution="e", grant=1, target="", tool="fs", until_at=9
    )


def completed(*, agent: int = 1, cost: int = 0, released: int = 0, tool: str = "fs") -> ActionCompleted:
    return ActionCompleted(
        action_type="file.read",
        agent=agent,
        cost_micro=cost,
        execution="e",
        outcome_digest="",
        released_micro=released,
        tool=tool,
    )


def failed(*, agent: int = 1, cost: int = 0, released: int = 0, tool: str = "fs") -> ActionFailed:
    return ActionFailed(
        action_type="file.read",
        agent=agent,
        code="x",
        cost_micro=cost,
        execution="e",
        released_micro=released,
        tool=tool,
    )


def unknown(*, agent: int = 1, tool: str = "fs") -> ActionUnknown:
    return ActionUnknown(action_type="file.read", agent=agent, execution="e", tool=tool)


def closed(*, agent: int = 1, decision: int = 0, released: int = 0, reason: str = "denied") -> ActionClosed:
    return ActionClosed(agent=agent, decision=decision, reason=reason, released_micro=released)


def settled(*, agent: int = 1, cost: int = 0, released: int = 0) -> ActionSettled:
    return ActionSettled(
        agent=agent, cost_micro=cost, execution="e", outcome="completed", released_micro=released
    )


def granted(agent: int = 1, decision: int = 5) -> ActionGranted:
    return ActionGranted(
        agent=agent, decision=decision, grant=Grant(basis="approved", execution_ms=1, expires_at=1)
    )


def retried(*, agent: int = 1, charged: int = 0, reserves: int = 0) -> ActionRetried:
    return ActionRetried(
        action_type="file.read",
        agent=agent,
        attempt=2,
        charged_micro=charged,
        charged_tokens=0,
        execution="e",
        grant=Grant(basis="auto", execution_ms=1, expires_at=1, number=2),
        reserves_micro=reserves,
        reserves_tokens=0,
        tool="fs",
    )
